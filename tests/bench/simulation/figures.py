"""What is counted, with the interval in which the true figure lies in 95 of 100 such runs."""

from collections.abc import Sequence
from math import sqrt

from msgspec import Struct

from simulation.stages import STAGES, Outcome

Z = 1.959964
"""Of the normal distribution, for 95 %."""

TRUE_BLOCKS = 0.70
"""Of what blocks so much is to be true."""


class Figure(Struct, frozen=True):
    """A share or a rate: `hits` of `of`, and the ends of its interval. None of nothing is no figure."""

    hits: int
    of: int
    low: float
    high: float

    @property
    def value(self) -> float | None:
        """`hits` over `of`."""
        return self.hits / self.of if self.of else None

    def __str__(self) -> str:
        if self.value is None:
            return "-"
        return f"{self.value:.2f} ({self.low:.2f}-{self.high:.2f})"


def share(hits: int, of: int) -> Figure:
    """A proportion with Wilson's interval."""
    if not of:
        return Figure(0, 0, 0, 1)
    p, z2 = hits / of, Z * Z
    middle = (p + z2 / (2 * of)) / (1 + z2 / of)
    half = Z * sqrt(p * (1 - p) / of + z2 / (4 * of * of)) / (1 + z2 / of)
    return Figure(hits, of, max(middle - half, 0), min(middle + half, 1))


def rate(hits: int, of: int) -> Figure:
    """Events per change with Byar's approximation of the Poisson interval."""
    if not of:
        return Figure(0, 0, 0, 0)
    low = hits * (1 - 1 / (9 * hits) - Z / (3 * sqrt(hits))) ** 3 if hits else 0.0
    more = hits + 1
    high = more * (1 - 1 / (9 * more) + Z / (3 * sqrt(more))) ** 3
    return Figure(hits, of, low / of, high / of)


class StageFigures(Struct, frozen=True):
    """What a reader would have after one stage. `precision`, `recall` and `per_clean` are of findings at or above
    warning, the rest of those that would block; `placed` is the share of true findings on their line."""

    precision: Figure
    recall: Figure
    per_clean: Figure
    placed: Figure
    precision_blocking: Figure
    recall_severe: Figure
    blocking_per_clean: Figure


def stage_figures(outcomes: Sequence[Outcome], stage: int) -> StageFigures:
    """Of one stage. A defect is found when a true finding of it is shown; a severe finding is one that the answer
    rated so."""
    findings = [finding for outcome in outcomes for finding in outcome.stages[stage]]
    shown = [finding for finding in findings if finding.shown]
    stops = [finding for finding in findings if finding.stops]
    true = [finding for finding in findings if finding.true]
    clean = [outcome for outcome in outcomes if not outcome.defective]
    bad = [outcome for outcome in outcomes if outcome.defective]
    on_clean = [finding for outcome in clean for finding in outcome.stages[stage]]
    severe = [claim for outcome in outcomes for claim in outcome.severe]
    stopped = [o.severe & {f.claim for f in o.stages[stage] if f.stops} for o in outcomes]
    return StageFigures(
        precision=share(sum(f.true for f in shown), len(shown)),
        recall=share(sum(any(f.true and f.shown for f in o.stages[stage]) for o in bad), len(bad)),
        per_clean=rate(sum(f.shown for f in on_clean), len(clean)),
        placed=share(sum(f.placed for f in true), len(true)),
        precision_blocking=share(sum(f.true for f in stops), len(stops)),
        recall_severe=share(sum(map(len, stopped)), len(severe)),
        blocking_per_clean=rate(sum(f.stops for f in on_clean), len(clean)),
    )


class Target(Struct, frozen=True):
    """What was set as a goal before anything was measured, and what came of it."""

    what: str
    limit: float
    at_least: bool
    figure: Figure

    @property
    def judgement(self) -> str:
        """Met or missed, and whether another run might say the opposite."""
        value = self.figure.value
        if value is None:
            return "-"
        met = value >= self.limit if self.at_least else value <= self.limit
        sure = not self.figure.low <= self.limit <= self.figure.high
        return ("met" if met else "missed") + ("" if sure else ", within the error")


def targets(outcomes: Sequence[Outcome]) -> tuple[Target, ...]:
    """Of the whole filter."""
    last = stage_figures(outcomes, -1)
    said = sum(len(outcome.said) for outcome in outcomes)
    gone = sum(len(outcome.said - outcome.remain) for outcome in outcomes)
    sunk = sum(len(o.said - {f.claim for f in o.stages[-1] if f.shown}) for o in outcomes)
    return (
        Target("of what blocks is true", TRUE_BLOCKS, True, last.precision_blocking),
        Target("of the severe true findings block", 0.65, True, last.recall_severe),
        Target("of the true findings are gone from the report", 0.10, False, share(gone, said)),
        Target("of the true findings are gone, or information only", 0.10, False, share(sunk, said)),
        Target("findings per clean change at or above warning", 0.20, False, last.per_clean),
    )


class Measured(Struct, frozen=True):
    """All that is shown of a scenario: the figures after each stage, the targets, the requests per change, and the
    part of the changes that must have a defect for TRUE_BLOCKS to be reached (None: no part is enough)."""

    stages: tuple[StageFigures, ...]
    targets: tuple[Target, ...]
    requests: float
    prevalence_needed: float | None


def measure(outcomes: Sequence[Outcome]) -> Measured:
    """The figures of these reviews."""
    return Measured(
        stages=tuple(stage_figures(outcomes, stage) for stage in range(len(STAGES))),
        targets=targets(outcomes),
        requests=sum(outcome.requests for outcome in outcomes) / len(outcomes),
        prevalence_needed=_prevalence_needed(outcomes),
    )


def _prevalence_needed(outcomes: Sequence[Outcome]) -> float | None:
    """Where p * t / (p * (t + f) + (1 - p) * c) is TRUE_BLOCKS, with t true and f false findings that block per change
    with a defect, and c per clean change."""
    bad = [o.stages[-1] for o in outcomes if o.defective]
    clean = [o.stages[-1] for o in outcomes if not o.defective]
    if not bad or not clean:
        return None
    t, f = (sum(k.stops and k.true is true for kept in bad for k in kept) / len(bad) for true in (True, False))
    c = sum(k.stops for kept in clean for k in kept) / len(clean)
    slope = t - TRUE_BLOCKS * (t + f - c)
    needed = TRUE_BLOCKS * c / slope if slope > 0 else 2.0
    return needed if needed <= 1 else None
