"""`reviewbot config`, in real repositories."""

import json
import re
import tomllib
from pathlib import Path

from reviewbot.cli import main
from reviewbot.layers import user_file
from reviewbot.settings import SETTINGS


def test_config_prints_a_file_that_can_be_used(repo, capsys, monkeypatch, tmp_path):
    repo.stage(".reviewbot.toml", "seed = 3\nexclude = ['docs/']\n")
    repo.commit()
    monkeypatch.setenv("REVIEWBOT_LANGUAGE", "de")
    assert main(["config", "--num-ctx", "8192"]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    lines = {line.split(" ")[0]: line for line in out.splitlines()}
    assert re.fullmatch(r"seed +=  ?3 +# repository file \.reviewbot\.toml", lines["seed"].replace("= 3", "=  3"))
    assert re.fullmatch(r'language +=  ?"de" +# REVIEWBOT_LANGUAGE', lines["language"])
    assert re.fullmatch(r"num_ctx +=  ?8192 +# --num-ctx", lines["num_ctx"])
    assert re.fullmatch(r'deadline_s +=  ?"none" +# default', lines["deadline_s"])
    assert '# in a git hook: on_failure = "allow" (default in a hook)' in out.splitlines()
    assert "# in a git hook: deadline_s = 30 (default in a hook)" in out.splitlines()
    values = tomllib.loads(out)
    assert list(values) == [setting.key for setting in SETTINGS]
    (tmp_path / "printed.toml").write_text(out)
    (repo.path / ".reviewbot.toml").unlink()
    monkeypatch.delenv("REVIEWBOT_LANGUAGE")
    assert main(["config", "--config", str(tmp_path / "printed.toml")]) == 0
    assert tomllib.loads(capsys.readouterr().out) == values


def test_config_as_json(repo, capsys):
    Path(user_file()).parent.mkdir(parents=True)
    Path(user_file()).write_text("max_findings = 9\n")
    repo.write(".reviewbot.toml", "exclude = ['new']\n")
    assert main(["config", "--format", "json"]) == 0
    out, err = capsys.readouterr()
    answer = json.loads(out)
    assert answer["settings"]["max_findings"] == {"value": 9, "origin": f"user file {user_file()}"}
    assert answer["settings"]["num_ctx"] == {"value": "auto", "origin": "default"}
    assert answer["settings"]["exclude"] == {"value": [], "origin": "default"}
    assert answer["in_hook"]["deadline_s"] == {"value": 30, "origin": "default in a hook"}
    (note,) = answer["notes"]
    assert "cannot hide itself" in note and note in err


def test_config_before_the_first_commit(repo, tmp_path, monkeypatch, capsys):
    repo.git("init", "-q", str(tmp_path / "new"))
    monkeypatch.chdir(tmp_path / "new")
    Path(".reviewbot.toml").write_text("exclude = ['a']\nseed = 3")
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    assert "exclude a is not applied" in err and "# repository file .reviewbot.toml" in out


def test_config_outside_a_repository(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".reviewbot.toml").write_text("seed = 3")
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    assert err.startswith("reviewbot: no repository file was read: ") and err.count("\n") == 1
    assert re.search(r"^seed += 0 +# default$", out, re.M)


def test_config_reads_the_file_at_the_root_from_a_subfolder(repo, monkeypatch, capsys):
    repo.write(".reviewbot.toml", "seed = 3\n")
    (repo.path / "sub").mkdir()
    monkeypatch.chdir(repo.path / "sub")
    assert main(["config"]) == 0
    assert "# repository file .reviewbot.toml" in capsys.readouterr().out


def test_config_with_a_wrong_value(repo, capsys):
    assert main(["config", "--num-ctx", "0"]) == 2
    assert capsys.readouterr().err.startswith("reviewbot: --num-ctx: num_ctx cannot be 0; accepted: auto, or a whole")
