"""A change in portions of files, so that a large one is planned while a model is asked about the portion before."""

from collections.abc import Callable, Sequence

from msgspec.structs import replace

from reviewbot.diff import FileChange
from reviewbot.plan import Budget, Chunk, Plan, plan_review, repack
from reviewbot.risk import path_rank, riskiest_first
from reviewbot.standing import Portion, Read
from reviewbot.window import Window, shown_bytes

PORTION_CHARS = 500_000
"""Some 10,000 lines, which are planned in a fraction of a second. What is no larger is planned as a whole."""

RecallParts = Callable[[Plan], tuple[Plan, tuple[Read, ...]]]


def recall_nothing(plan: Plan) -> tuple[Plan, tuple[Read, ...]]:
    """No part of a plan is known."""
    return plan, ()


def portions_of(changes: Sequence[FileChange]) -> tuple[Portion, ...]:
    """All of the changes, the portions to ask about first in front: by the names of their files alone, for a look at
    every line would take too long. Within a portion the order is that of the diff; a file is never torn."""
    sizes = [shown_bytes([change]) for change in changes]
    if sum(sizes) <= PORTION_CHARS:
        return (Portion(tuple(changes), sum(sizes)),) if changes else ()
    portions: list[list[int]] = []
    filled = PORTION_CHARS
    for at in sorted(range(len(changes)), key=lambda at: path_rank(changes[at].path)):
        if filled + sizes[at] > PORTION_CHARS:
            portions.append([])
            filled = 0
        portions[-1].append(at)
        filled += sizes[at]
    return tuple(
        Portion(tuple(changes[at] for at in sorted(places)), sum(sizes[at] for at in places)) for places in portions
    )


def plan_portion(
    portion: Portion, budget: Budget, deadline: float | None = None, recall: RecallParts = recall_nothing
) -> tuple[Plan, tuple[Read, ...]]:
    """Its chunks, the riskiest first, as far as there is time, without the parts of cut hunks that are known; and
    those."""
    plan, known = recall(plan_review(portion.changes, budget, deadline))
    if known:
        packed = repack(plan.chunks, budget, deadline)
        plan = Plan(packed.chunks, plan.failed + packed.failed)
    return replace(plan, chunks=riskiest_first(plan.chunks)), known


def plan_all(changes: Sequence[FileChange], budget: Budget) -> Plan:
    """All chunks, in the order in which they are asked about."""
    plans = [plan_portion(portion, budget)[0] for portion in portions_of(changes)]
    chunks = tuple(chunk for plan in plans for chunk in plan.chunks)
    return Plan(chunks, tuple(omission for plan in plans for omission in plan.failed))


def expected_tokens(chunks: Sequence[Chunk], window: Window) -> int:
    """Tokens that a model reads for these chunks, the instructions of each request included."""
    return len(chunks) * window.fixed_tokens + sum(chunk.tokens for chunk in chunks)
