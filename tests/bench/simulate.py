"""Measure what the filter between a model's answer and the gate is worth, without a model.

    python tests/bench/simulate.py [--reviews N] [--fewer N] [--seed N]

A scripted model (`simulation.model`) answers the requests that the real program makes, and is wrong as often as fixed
parameters say (`simulation.parameters`). The corpus is tests/data/simulation. What is printed stands in
docs/how-much-to-believe.md. A wrong model in a simulation is no real one: see there what is taken for independent.
"""

import argparse
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from msgspec.structs import replace
from simulation.corpus import load_cases
from simulation.figures import Measured, measure
from simulation.parameters import Opinions, Parameters, Scenario
from simulation.stages import simulate
from simulation.tables import comparison, parameter_table, stage_table, target_table

BASE = Parameters()
CHATTY = replace(BASE, remarks=0.3, repeats=0.3)
PREVALENCES = (0.1, 0.25, 0.75, 0.9)
VARIED: dict[str, tuple[float, ...]] = {
    "detection": (0.11, 0.44),
    "false_per_diff": (0.21, 0.84),
    "misplaced": (0.0, 0.4),
    "invented_true": (0.0, 0.2),
    "invented_false": (0.25, 0.75),
    "severe_true": (0.4, 0.8),
    "severe_false": (0.25, 0.75),
    "remarks": (0.3, 0.6),
    "repeats": (0.3, 0.6),
}
OPINIONS = {
    "second look on true ones: .90 confirmed, .05 unsure": replace(BASE, opinion_true=Opinions(0.9, 0.05)),
    "second look on true ones: .65 confirmed, .15 unsure": replace(BASE, opinion_true=Opinions(0.65, 0.15)),
    "second look on false ones: .15 confirmed, .20 unsure": replace(BASE, opinion_false=Opinions(0.15, 0.2)),
    "second look on false ones: .45 confirmed, .20 unsure": replace(BASE, opinion_false=Opinions(0.45, 0.2)),
    "second look by chance: a third each": replace(
        BASE, opinion_true=Opinions(1 / 3, 1 / 3), opinion_false=Opinions(1 / 3, 1 / 3)
    ),
}


SETTINGS = {
    "once": Scenario(),
    "off": Scenario(votes=0),
    "votes:3": Scenario(votes=3),
    "votes:5": Scenario(votes=5),
    "votes:3, and half of the votes repeat the first": Scenario(replace(BASE, memory=0.5), votes=3),
}


def variants() -> Iterator[tuple[str, Scenario]]:
    """All rows of the table in which one parameter is changed, the unchanged case first."""
    yield "nothing", Scenario()
    for value in PREVALENCES:
        yield f"prevalence {value:g}", Scenario(prevalence=value)
    for name, values in VARIED.items():
        for value in values:
            yield f"{name} {value:g}", Scenario(replace(BASE, **{name: value}))
    for name, parameters in OPINIONS.items():
        yield name, Scenario(parameters)


def run(scenario: Scenario, reviews: int, seed: int) -> Measured:
    """The figures of so many reviews."""
    return measure(simulate(scenario, load_cases(), reviews, seed))


def report(reviews: int, fewer: int, seed: int) -> Iterator[str]:
    """All that is printed, paragraph by paragraph. `fewer` are the reviews of each variant."""
    names, varied = zip(*variants(), strict=True)
    defects = sum(case.defect is not None for case in load_cases())
    with ProcessPoolExecutor() as pool:
        many, few = partial(run, reviews=reviews, seed=seed), partial(run, reviews=fewer, seed=seed)
        settings = list(pool.map(many, SETTINGS.values()))
        chatty, made = pool.submit(many, Scenario(CHATTY)), list(pool.map(few, varied))
    yield parameter_table(BASE)
    yield (
        f"{reviews} reviews of changes drawn from {defects} defects and as many clean changes, half of them with a "
        f"defect, seed {seed}. In brackets the interval of 95 %."
    )
    yield stage_table(settings[0].stages)
    yield target_table(settings[0].targets)
    yield cost_and_need(settings[0])
    yield f"The same with a chatty model (`remarks` {CHATTY.remarks:g}, `repeats` {CHATTY.repeats:g}):"
    yield stage_table(chatty.result().stages)
    yield "Other settings of `confirm`. * marks a target that is missed, ? one that another run might judge otherwise:"
    yield comparison("confirm", zip(SETTINGS, settings, strict=True))
    yield f"One parameter changed at a time, {fewer} reviews each:"
    yield comparison("changed", zip(names, made, strict=True))


def cost_and_need(made: Measured) -> str:
    """Two sentences about what a review costs, and on what the first target depends."""
    needed = made.prevalence_needed
    enough = "however many changes have one" if needed is None else f"where {100 * needed:.0f} of 100 changes have one"
    return (
        f"A review took {made.requests:.2f} requests. The fewer changes have a defect, the less of what blocks is "
        f"true: {made.targets[0].limit:.2f} is {'not ' if needed is None else ''}reached {enough}."
    )


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description="Measure the filter without a model.")
    parser.add_argument("--reviews", type=int, default=10_000, help="reviews of each setting")
    parser.add_argument("--fewer", type=int, default=2_500, help="reviews of each variant")
    parser.add_argument("--seed", type=int, default=1)
    print("\n\n".join(report(**vars(parser.parse_args()))))


if __name__ == "__main__":
    main()
