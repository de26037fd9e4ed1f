"""The simulation of the filter: what it reviews, what it counts, and that it stays what the documents say of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from simulate import BASE, SETTINGS, run, variants
from simulation.corpus import Case, added_lines, load_cases, material_of
from simulation.dice import Dice
from simulation.figures import Z, rate, share, stage_figures
from simulation.parameters import Opinions, Parameters, Scenario
from simulation.stages import STAGES, simulate
from simulation.tables import parameter_table, stage_table
from simulation.wordings import INVENTED_QUOTES

from reviewbot.findings import CATEGORIES, squeeze

ROOT = Path(__file__).parent.parent
DOCUMENT = (ROOT / "docs" / "how-much-to-believe.md").read_text()
CASES = load_cases()
LIVELY = Scenario(replace(BASE, detection=0.6, false_per_diff=1.5, remarks=0.3, repeats=0.5))
"""Says so much that a few reviews have something of everything."""


def first_cells(text: str, head: str) -> list[str]:
    """The first cell of each row of the table under that heading."""
    table = text[text.index(f"| {head} |") :].split("\n\n")[0]
    return [line.split(" | ")[0].removeprefix("| ") for line in table.split("\n")[2:] if line.startswith("|")]


@pytest.mark.parametrize("case", [case for case in CASES if case.defect], ids=lambda case: case.name)
def test_a_defect_is_an_added_line_that_the_clean_change_has_not(case: Case) -> None:
    assert case.defect is not None
    clean = next(other for other in CASES if other.defect is None and other.path == case.path)
    (change,) = material_of(case).changes
    (mended,) = material_of(clean).changes
    before, after = added_lines(mended), added_lines(change)
    assert after[case.defect.line] == case.defect.code
    assert {number for number in after if after[number] != before[number]} == {case.defect.line}
    assert list(after) == list(before)
    assert case.defect.category in CATEGORIES


def test_the_corpus_is_large_and_holds_nothing_that_the_checks_find() -> None:
    defects = [case for case in CASES if case.defect]
    assert len(defects) >= 60
    assert len({case.name for case in CASES}) == len({case.path for case in CASES}) == len(defects)
    assert len({Path(case.path).suffix for case in CASES}) >= 10
    assert not [case.name for case in CASES if material_of(case).findings]


@pytest.mark.parametrize("quote", INVENTED_QUOTES)
def test_an_invented_quote_stands_nowhere(quote: str) -> None:
    assert not [case.name for case in CASES if squeeze(quote) in squeeze(case.content.decode())]


def test_the_same_seed_gives_the_same_table_and_another_one_another() -> None:
    tables = [stage_table(run(Scenario(), reviews=150, seed=seed).stages) for seed in (1, 1, 2)]
    assert tables[0] == tables[1] != tables[2]


def test_no_stage_adds_a_finding_or_lets_more_block() -> None:
    outcomes = simulate(LIVELY, CASES, 300, seed=1)
    for outcome in outcomes:
        assert len(outcome.stages) == len(STAGES)
        kept = [[kept.claim for kept in stage] for stage in outcome.stages]
        stops = [sum(kept.stops for kept in stage) for stage in outcome.stages]
        assert stops == sorted(stops, reverse=True)
        for before, after in zip(kept, kept[1:], strict=False):
            assert len(after) <= len(before) and set(after) <= set(before)
        assert outcome.remain == set(kept[-1])
    sizes = [sum(len(outcome.stages[at]) for outcome in outcomes) for at in range(len(STAGES))]
    assert sizes[1] > sizes[2] > sizes[3] > sizes[5]  # remarks, duplicates and the cap each take something


def test_what_is_false_does_not_block_with_a_perfect_second_opinion() -> None:
    perfect = replace(BASE, opinion_true=Opinions(1, 0), opinion_false=Opinions(0, 0))
    made = run(Scenario(perfect), reviews=600, seed=1)
    assert made.stages[3].precision_blocking.value < 0.7
    assert made.stages[-1].precision_blocking.value == 1
    assert made.stages[-1].recall_severe == made.stages[3].recall_severe


def test_a_perfect_model_reaches_all_targets() -> None:
    perfect = Parameters(1, 0, 0, 0, 0, 1, 0, Opinions(1, 0), Opinions(0, 0))
    made = run(Scenario(perfect), reviews=200, seed=1)
    assert {target.judgement.split(",")[0] for target in made.targets[:4]} == {"met"}
    assert made.stages[-1].recall.value == made.stages[-1].placed.value == made.targets[1].figure.value == 1
    assert made.targets[4].figure.hits == 0


def test_what_comes_out_is_what_arithmetic_says_where_it_says_something() -> None:
    last = stage_figures(simulate(Scenario(), CASES, 4000, seed=1), -1)
    severe = (1 - BASE.invented_true) * BASE.opinion_true.confirmed
    assert last.recall_severe.low <= severe <= last.recall_severe.high
    stay = BASE.severe_false * (BASE.opinion_false.confirmed + BASE.opinion_false.unsure)
    shown = BASE.false_per_diff * (1 - BASE.invented_false) * (stay + (1 - BASE.severe_false) / 2)
    assert last.per_clean.low <= shown <= last.per_clean.high


def test_a_model_that_repeats_its_vote_gains_nothing_by_votes() -> None:
    parrot = replace(LIVELY.parameters, memory=1.0)
    once = simulate(LIVELY, CASES, 150, seed=1)
    thrice = simulate(Scenario(parrot, votes=3), CASES, 150, seed=1)
    assert [outcome.stages for outcome in once] == [outcome.stages for outcome in thrice]
    assert sum(o.requests for o in once) < sum(o.requests for o in thrice)


def test_without_a_second_opinion_all_that_is_proven_and_severe_blocks() -> None:
    made = run(Scenario(votes=0), reviews=400, seed=1)
    assert made.stages[-1].precision_blocking == made.stages[3].precision_blocking
    assert made.requests == 1


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_figure_and_narrows(hits: int, misses: int) -> None:
    of = hits + misses
    for made, more in ((share(hits, of), share(4 * hits, 4 * of)), (rate(hits, of), rate(4 * hits, 4 * of))):
        if made.value is not None:
            assert made.low - 1e-9 <= made.value <= made.high + 1e-9
            assert more.high - more.low <= made.high - made.low
        else:
            assert str(made) == "-"


def test_intervals_are_those_of_the_books() -> None:
    half = share(50, 100)
    assert (round(half.low, 3), round(half.high, 3)) == (0.404, 0.596)
    ten = rate(10, 1)
    assert (round(ten.low, 1), round(ten.high, 1)) == (4.8, 18.4)
    assert rate(0, 100).low == 0 and 0.03 < rate(0, 100).high < 0.04


@pytest.mark.parametrize("mean", [0.0, 0.42, 3.0])
def test_dice_are_fair_and_the_same_for_a_name(mean: float) -> None:
    drawn = [Dice(7).poisson(mean, number) for number in range(4000)]
    assert drawn == [Dice(7).poisson(mean, number) for number in range(4000)]
    made = rate(sum(drawn), len(drawn))
    assert made.low <= mean <= made.high
    numbers = [Dice(7, number).number("x") for number in range(4000)]
    assert abs(sum(numbers) / 4000 - 0.5) < Z / (12 * 4000) ** 0.5


def test_the_command_prints_what_the_document_shows() -> None:
    command = [sys.executable, ROOT / "tests" / "bench" / "simulate.py", "--reviews", "60", "--fewer", "4"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for head in ("parameter", "after", "target", "confirm", "changed"):
        assert first_cells(done.stdout, head) == first_cells(DOCUMENT, head)
    assert first_cells(DOCUMENT, "after") == list(STAGES)
    assert first_cells(DOCUMENT, "confirm") == list(SETTINGS)
    assert first_cells(DOCUMENT, "changed") == [name for name, _ in variants()]
    assert parameter_table(Parameters()) in DOCUMENT


def test_the_readme_has_the_targets_as_the_document_has_them() -> None:
    readme = (ROOT / "README.md").read_text()
    table = readme[readme.index("| target |") :].split("\n\n")[0]
    assert table.count("\n") == 6 and table in DOCUMENT
