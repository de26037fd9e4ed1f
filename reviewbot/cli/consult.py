"""Have the engine of the settings review what there is; what is known is not asked again."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.cli.outcomes import Kept
from reviewbot.cli.state import StateFile
from reviewbot.config import Config
from reviewbot.errors import ConfigError
from reviewbot.findings import severity_named
from reviewbot.reading import Recalled, no_outcomes, recall_review, run_review
from reviewbot.review import Material, Options, Review, checks_only, interrupted, unread
from reviewbot.window import Sizing

if TYPE_CHECKING:
    from reviewbot.progress import Progress


def nothing_before() -> bool:
    """Nothing has to be done before a model is asked, and nothing more is known then."""
    return False


class Manner(Struct, frozen=True):
    """How to go about it. `interactive`: a person watches, so that the embedded engine may step in. `before_asking` is
    called when not all is known, and tells whether more may be known since. `state` is a file of this run alone, which
    takes the place of what is kept of all runs."""

    interactive: bool
    no_model: bool
    no_cache: bool
    progress: Callable[[], "Progress"]
    before_asking: Callable[[], bool] = nothing_before
    state: StateFile | None = None


def review_material(material: Material, config: Config, manner: Manner, deadline: float | None) -> Review:
    """What the engine of the settings says of the material; nobody is asked when there is nothing to read. Ctrl-C while
    it waits for anybody but the engine leaves all of it unread."""
    try:
        return _review(material, config, manner, deadline)
    except KeyboardInterrupt:
        return interrupted(material)


def _review(material: Material, config: Config, manner: Manner, deadline: float | None) -> Review:
    asking = review_options(config, deadline=deadline)
    if not any(change.adds for change in material.changes):
        return unread(material, "nothing to read")
    if manner.no_model:
        return checks_only(material, "no model asked (--no-model)")
    if manner.no_cache and manner.state is None:
        manner.before_asking()
        return _ask(material, config, asking, manner, None, None)
    try:
        kept = Kept(config, asking) if manner.state is None else manner.state.open(config, asking)
    except ConfigError as error:
        if manner.state is None or not manner.state.gives_way:
            raise
        asked = _ask(material, config, asking, manner, None, None)
        why = error.message.removeprefix("--state: ")
        return replace(
            asked, notes=(*asked.notes, f"if this run had been cut off, the next one would begin anew: {why}")
        )
    try:
        review, recalled = _recall(material, asking, kept)
        if review is None and manner.before_asking():
            review, recalled = _recall(material, asking, kept)
        review = review or _ask(material, config, asking, manner, kept, recalled)
        return replace(review, notes=review.notes + kept.notes)
    finally:
        kept.close()


def _recall(material: Material, asking: Options, kept: Kept) -> tuple[Review | None, Recalled | None]:
    recalled = kept.recall()
    return (recall_review(material, asking, recalled) if recalled else None), recalled


def _ask(
    material: Material, config: Config, asking: Options, manner: Manner, kept: Kept | None, recalled: Recalled | None
) -> Review:
    """What the engine says of all that is not kept."""
    from reviewbot.cli.cachefolder import cache_part
    from reviewbot.cli.engine import open_engine
    from reviewbot.speed import keep_speed, recall_speed

    folder = cache_part(config, "speeds")
    engine = open_engine(config, interactive=manner.interactive, deadline=asking.deadline)
    try:
        with manner.progress() as progress:
            review = run_review(
                material,
                engine,
                asking,
                progress.update,
                partial(recall_speed, folder),
                kept.of if kept else no_outcomes,
                recalled,
            )
        if kept:
            kept.see(review.engine)
        if review.engine is not None:
            keep_speed(folder, review.engine, review.usage.tokens, review.answer_seconds)
        return review
    finally:
        engine.close()


def warm_up(material: Material, config: Config, deadline: float) -> None:
    """Have the engine load the model, with the window that the material would be reviewed with and the instructions
    that each request begins with. Raises EngineError."""
    from reviewbot.cli.engine import open_engine
    from reviewbot.gpu import probe
    from reviewbot.window import load_window

    asking = review_options(config, deadline=deadline)
    engine = open_engine(config, interactive=False, deadline=deadline)
    try:
        load_window(engine, engine.describe(deadline), material.changes, asking.sizing, deadline, probe)
    finally:
        engine.close()


def review_options(config: Config, *, deadline: float | None) -> Options:
    """How to review by the settings; ConfigError for a prompt that cannot be used."""
    from pathlib import Path

    from reviewbot.prompts import load_prompt

    guidelines = Path(config.guidelines) if config.guidelines else None
    return Options(
        sizing=Sizing(
            prompt=load_prompt(config.prompt, language=config.language, guidelines=guidelines),
            chunk_tokens=config.chunk_tokens,
            context_share=config.context_share,
        ),
        max_findings=config.max_findings,
        votes=config.votes,
        block_at=severity_named(config.block_at),
        deadline=deadline,
        max_confirmations=config.max_confirmations,
        parallel=config.parallel,
        max_requests=config.max_requests,
    )
