"""The figures as Markdown."""

from collections.abc import Iterable, Sequence

from simulation.figures import Measured, StageFigures, Target
from simulation.parameters import Opinions, Parameters
from simulation.stages import STAGES


def parameter_table(parameters: Parameters) -> str:
    """How the model behaves."""
    rows = []
    for name in parameters.__struct_fields__:
        value = getattr(parameters, name)
        if isinstance(value, Opinions):
            refuted = round(1 - value.confirmed - value.unsure, 9)
            rows.append((f"`{name}`", f"{value.confirmed:g} confirmed, {value.unsure:g} unsure, {refuted:g} refuted"))
        else:
            rows.append((f"`{name}`", f"{value:g}"))
    return _table(("parameter", "value"), rows)


def stage_table(stages: Sequence[StageFigures]) -> str:
    """What each stage is worth."""
    head = ("after", "true, of what is shown", "defects found", "shown per clean change", "on their line")
    head += ("true, of what would block", "severe true ones that block", "would block per clean change")
    return _table(
        head,
        (
            (
                name,
                row.precision,
                row.recall,
                row.per_clean,
                row.placed,
                row.precision_blocking,
                row.recall_severe,
                row.blocking_per_clean,
            )
            for name, row in zip(STAGES, stages, strict=True)
        ),
    )


def target_table(targets: Sequence[Target]) -> str:
    """What was to be reached, and what was."""
    rows = (
        (row.what, f"{'at least' if row.at_least else 'at most'} {row.limit:.2f}", row.figure, row.judgement)
        for row in targets
    )
    return _table(("target", "limit", "measured", ""), rows)


_MARKS = {"met": "", "missed": " *", "met, within the error": " ?", "missed, within the error": " ?", "-": ""}


def comparison(head: str, measured: Iterable[tuple[str, Measured]]) -> str:
    """The targets in several scenarios, whose names stand under `head`: * marks a missed one, ? one that may be."""
    heads = (head, "true, of what blocks", "severe true ones that block", "true ones gone")
    heads += ("gone, or information", "shown per clean change", "defects found", "requests per change")
    return _table(
        heads,
        (
            (
                name,
                *(f"{row.figure}{_MARKS[row.judgement]}" for row in made.targets),
                made.stages[-1].recall,
                f"{made.requests:.2f}",
            )
            for name, made in measured
        ),
    )


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
