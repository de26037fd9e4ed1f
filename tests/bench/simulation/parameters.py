"""How the scripted model behaves. Nothing here is fitted to what comes out."""

from msgspec import Struct


class Opinions(Struct, frozen=True):
    """How often a second look says which; the rest to 1 is refuted."""

    confirmed: float
    unsure: float


class Parameters(Struct, frozen=True):
    """Probabilities, but for `false_per_diff`, the mean of a Poisson distribution.

    `detection` and `false_per_diff` are published figures of an open-weight model on real changes (SWE-PRBench, Llama
    3.3 70B: detection rate .223; false-positive rate .417, taken here as findings per change). The others are
    assumptions to start from. The true findings that are not severe are warnings; of the false ones half are warnings,
    half information.

    For the last three no figure is published, so that they are 0 until one varies them: `remarks` is the part of the
    false findings that are worded as remarks (documentation, style, imports, praise, "ensure that"), `repeats` how
    often a finding is said a second time in the same answer, `memory` how often a further vote repeats the first.
    """

    detection: float = 0.22
    false_per_diff: float = 0.42
    misplaced: float = 0.2
    invented_true: float = 0.1
    invented_false: float = 0.5
    severe_true: float = 0.6
    severe_false: float = 0.5
    opinion_true: Opinions = Opinions(confirmed=0.8, unsure=0.1)
    opinion_false: Opinions = Opinions(confirmed=0.3, unsure=0.2)
    remarks: float = 0.0
    repeats: float = 0.0
    memory: float = 0.0


class Scenario(Struct, frozen=True):
    """A run of the simulation: the model, the part of the changes that have a defect, and the setting `confirm`
    (0 is off, N is votes:N)."""

    parameters: Parameters = Parameters()
    prevalence: float = 0.5
    votes: int = 1
