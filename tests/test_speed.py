"""What is kept of a model's speed, and how a duration is put into words."""

from pathlib import Path

import pytest
from msgspec.structs import replace
from scripted_engine import CLEAN, INFO, ScriptedEngine
from values import change

from reviewbot.findings import Severity
from reviewbot.pace import Progress
from reviewbot.prompts import load_prompt
from reviewbot.reading import run_review
from reviewbot.repo import Source
from reviewbot.review import Material, Options
from reviewbot.speed import keep_speed, recall_speed, show_duration
from reviewbot.window import Sizing

OPTIONS = Options(Sizing(load_prompt("reviewer"), 3500, 0.7), 5, 1, Severity.ERROR)


def test_a_speed_is_kept_for_each_model(tmp_path: Path) -> None:
    folder = str(tmp_path / "speeds")
    assert recall_speed(folder, INFO) is None
    keep_speed(folder, INFO, tokens=450, seconds=50)
    assert recall_speed(folder, INFO) == 9
    assert recall_speed(folder, replace(INFO, digest="d2")) is None
    keep_speed(folder, INFO, tokens=0, seconds=0)
    assert recall_speed(folder, INFO) == 9


@pytest.mark.parametrize("text", ["", "fast", "nan", "-3", "0", "inf"])
def test_a_spoilt_file_is_no_speed(tmp_path: Path, text: str) -> None:
    keep_speed(str(tmp_path), INFO, tokens=450, seconds=50)
    (path,) = tmp_path.iterdir()
    path.write_text(text)
    assert recall_speed(str(tmp_path), INFO) is None


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    keep_speed(str(tmp_path / "file" / "speeds"), INFO, tokens=450, seconds=50)
    assert recall_speed(str(tmp_path / "file" / "speeds"), INFO) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 second"),
        (40.4, "40 seconds"),
        (99, "99 seconds"),
        (100, "2 minutes"),
        (840, "14 minutes"),
        (9000, "2.5 hours"),
    ],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert show_duration(seconds) == words


def test_the_time_left_is_told_before_the_first_answer_where_a_speed_is_known() -> None:
    steps: list[Progress] = []
    material = Material(Source("staged"), (change("a.py", "+x = 1"),))
    run_review(material, ScriptedEngine(CLEAN), OPTIONS, steps.append, lambda info: 2.0)
    assert steps[0].done == 0 and steps[0].tokens_per_second == 2
    assert steps[0].seconds_left is not None and 100 < steps[0].seconds_left < 2000
    assert steps[-1].done == 1 and steps[-1].seconds_left == 0
    steps.clear()
    run_review(material, ScriptedEngine(CLEAN), OPTIONS, steps.append, lambda info: None)
    assert steps[0].seconds_left is None
