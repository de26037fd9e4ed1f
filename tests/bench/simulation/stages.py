"""Review one change with the real program, and watch what each of its stages makes of the answer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from msgspec import Struct

from reviewbot import reading
from reviewbot.findings import Finding, Severity, passes_gate
from reviewbot.prompts import load_prompt
from reviewbot.reading import run_review
from reviewbot.review import Options
from reviewbot.verdict import Policy, decide
from reviewbot.window import Sizing
from simulation.corpus import Case, material_of
from simulation.dice import Dice
from simulation.model import Said, ScriptedModel
from simulation.parameters import Scenario

GATE = Severity.ERROR
STAGES = (
    "the answer as it is",
    "1. evidence",
    "2. remarks dropped",
    "3. duplicates merged",
    "4. second opinion",
    "5. few, and the gate",
)


class Kept(Struct, frozen=True):
    """A finding as a stage leaves it. `claim` is what was said, whatever the words; `shown` tells whether it is at or
    above warning, `stops` whether it would block if this were the last stage, `placed` whether it stands on the line
    that it is about."""

    claim: str
    true: bool
    shown: bool
    stops: bool
    placed: bool


class Outcome(Struct, frozen=True):
    """One review. `stages` are in the order of STAGES; `said` are the true claims of the answer, and `severe` those
    that it rated so; `remain` are the claims of the report, whatever their severity."""

    defective: bool
    stages: tuple[tuple[Kept, ...], ...]
    said: frozenset[str]
    severe: frozenset[str]
    remain: frozenset[str]
    requests: int


def simulate(scenario: Scenario, cases: tuple[Case, ...], reviews: int, seed: int) -> list[Outcome]:
    """So many reviews of changes drawn from `cases`, of which the prevalence says how many have a defect."""
    bad = [case for case in cases if case.defect is not None]
    clean = [case for case in cases if case.defect is None]
    outcomes = []
    with _watched() as seen:
        for number in range(reviews):
            dice = Dice(seed, number)
            case = dice.pick(bad if dice.chance(scenario.prevalence, "prevalence") else clean, "case")
            outcomes.append(_review(case, scenario, dice, seen))
    return outcomes


def _review(case: Case, scenario: Scenario, dice: Dice, seen: "Seen") -> Outcome:
    """The outcome of one review with the settings' defaults."""
    votes = scenario.votes
    model = ScriptedModel(dice, scenario.parameters, case.defect)
    options = Options(_SIZING, max_findings=5, votes=votes, block_at=GATE)
    made = run_review(material_of(case), model, options, lambda progress: None, lambda info: None)
    verdict = decide(made, Policy(GATE, confirm=votes > 0))
    if made.failed or made.unconfirmed:
        raise RuntimeError(f"{case.name}: {verdict.reasons}")
    truth = {said.message: said for said in model.said}
    return Outcome(
        defective=case.defect is not None,
        stages=(
            tuple(_raw(said) for said in model.said),
            *(tuple(_kept(f, truth, passes_gate(f, GATE, confirm=False)) for f in seen[name]) for name in _BEFORE),
            tuple(_kept(f, truth, passes_gate(f, GATE, confirm=votes > 0)) for f in seen["merge_duplicates"]),
            tuple(_kept(f, truth, f.blocking) for f in verdict.findings),
        ),
        said=frozenset(said.claim for said in model.said if said.true),
        severe=frozenset(said.claim for said in model.said if said.true and said.severity == GATE.word),
        remain=frozenset(truth[finding.message].claim for finding in verdict.findings),
        requests=made.usage.requests,
    )


_SIZING = Sizing(load_prompt("reviewer", boundary="0" * 12), 3500, 0.7)

_BEFORE = ("exclude_findings", "merge_claims", "ask_opinions")
"""What goes into these is what the stage before made: evidence, remarks dropped, duplicates merged."""


Seen = dict[str, tuple[Finding, ...]]
"""What went into each stage of the last review, by the name of the stage's function."""


@contextmanager
def _watched() -> Iterator[Seen]:
    """Note what goes into the stages of each review. They do what they always do."""
    seen: Seen = {}
    with ExitStack() as stack:
        for name in (*_BEFORE, "merge_duplicates"):
            stack.enter_context(patch.object(reading, name, _noting(name, getattr(reading, name), seen)))
        yield seen


def _noting(name: str, stage: Callable[..., Any], seen: Seen) -> Callable[..., Any]:
    def noting(*args: Any, **more: Any) -> Any:
        seen[name] = next(tuple(part) for part in args if isinstance(part, tuple))
        return stage(*args, **more)

    return noting


def _raw(said: Said) -> Kept:
    severe = said.severity == GATE.word
    return Kept(said.claim, said.true, severe or said.severity == "warning", severe, said.line == said.meant)


def _kept(finding: Finding, truth: dict[str, Said], stops: bool) -> Kept:
    said = truth[finding.message]
    return Kept(said.claim, said.true, finding.severity >= Severity.WARNING, stops, finding.line == said.meant)
