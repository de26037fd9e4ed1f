"""One review in the background of one work tree: what is staged, then what was committed unread."""

import os
import time
from collections.abc import Callable

from msgspec.structs import replace

from reviewbot.cli.arguments import parse_arguments
from reviewbot.cli.consult import Manner, review_material, warm_up
from reviewbot.cli.engine import ollama_engine
from reviewbot.cli.join import review_digest
from reviewbot.cli.late import look_back, say_found
from reviewbot.cli.material import select_material
from reviewbot.cli.review import load_settings
from reviewbot.cli.selection import select_changes
from reviewbot.cli.told import keep_told, read_told
from reviewbot.errors import EngineDown, ReviewbotError
from reviewbot.gitrun import staged_is_empty
from reviewbot.pace import Progress as Step
from reviewbot.power import why_not_now
from reviewbot.progress import Progress
from reviewbot.repo import Change, open_repository
from reviewbot.review import Review
from reviewbot.warmhook import IN_PROGRESS
from reviewbot.worker import Worker, digest_of, queue_bytes

LONGEST_S = 600.0
"""A server that never comes to an end does not keep a worker for ever."""

ASK_S = 5.0


class Staging:
    """The work tree around the current folder; RepoError where there is none."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._options = parse_arguments(["hook", "pre-commit"])
        self._repository = open_repository()
        self._settings = load_settings(self._options, self._repository, ())
        self._told = read_told(self._repository, self._settings.config)

    def review(self) -> None:
        """Ask about what is not known; what comes of it is told by `reviewbot status`."""
        if any(os.path.exists(os.path.join(self._repository.git_dir, name)) for name in IN_PROGRESS):
            return
        if not staged_is_empty():
            staged = self._staged()
            if not self._review(staged, "reviewing", "what is staged", self._watch(staged)):
                return
        for pending in look_back(self._repository, self._settings.config).pending:
            if not self._review(pending.change, "catching-up", f"commit {pending.commit[:7]}", Progress()):
                return

    def _staged(self) -> Change:
        return select_changes(self._options)[1][0]

    def _watch(self, reviewed: Change) -> "_Watch":
        """Looks whether something else is staged by now; git is asked only when the index was written."""
        seen = queue_bytes(self._repository.common_dir)

        def is_superseded() -> bool:
            nonlocal seen
            size = queue_bytes(self._repository.common_dir)
            if size == seen:
                return False
            seen = size
            return self._staged().diff != reviewed.diff

        return _Watch(self._worker, is_superseded)

    def _review(self, change: Change, phase: str, what: str, watch: Progress) -> bool:
        """Ask, unless that was done before of just this. Whether there was no reason to stop."""
        config = self._settings.config
        digest = digest_of(change.diff + repr(config).encode("utf-8", "surrogateescape"))
        if self._told.was_tried(digest):
            return True
        deadline = time.monotonic() + LONGEST_S
        manner = Manner(
            interactive=False, no_model=False, no_cache=False, progress=lambda: watch, before_asking=self._refuse_now
        )
        try:
            self._worker.tell(phase, review_digest(change.diff, config), self._repository.root or "")
            material = select_material((change,), self._settings, self._repository, None)
            review = review_material(material, config, manner, deadline)
            if review.interrupted:
                return False
            asked = bool(review.usage.requests)
            if not asked and self._is_new_day():
                self._refuse_now()
                warm_up(material, config, deadline)
                asked = True
        except ReviewbotError as error:
            self._tell(f"{what}: {error.message}")
            return True
        now = int(time.time())
        if asked:
            self._told = replace(self._told, tried={**self._told.tried, digest: now}, loaded=now)
        self._tell(f"{what}: {_summary(review)}")
        return True

    def _refuse_now(self) -> bool:
        """EngineDown where work that nobody waits for would be in somebody's way. Nothing more is known then."""
        config = self._settings.config
        if config.background == "idle":
            why = why_not_now()
            if why is None and config.engine in ("auto", "ollama"):
                engine = ollama_engine(config)
                try:
                    others = engine.server.others_loaded(config.model, time.monotonic() + ASK_S)
                finally:
                    engine.close()
                if others:
                    why = f"{others[0]} is loaded, which somebody else uses"
            if why is not None:
                raise EngineDown(f"not now: {why}")
        return False

    def _is_new_day(self) -> bool:
        return time.localtime(self._told.loaded)[:3] != time.localtime()[:3]

    def _tell(self, text: str) -> None:
        self._told = replace(self._told, text=text, when=int(time.time()))
        keep_told(self._repository, self._settings.config, self._told)


class _Watch(Progress):
    """Ends a review between two requests as Ctrl-C does, once it is not wanted any more."""

    def __init__(self, worker: Worker, is_unwanted: Callable[[], bool]) -> None:
        self._worker = worker
        self._is_unwanted = is_unwanted

    def update(self, step: Step) -> None:
        self._worker.move_on()
        if self._is_unwanted():
            raise KeyboardInterrupt


def _summary(review: Review) -> str:
    reason = f" ({review.failed[0].reason})" if review.failed else ""
    return f"{review.reviewed} of {review.added} added lines reviewed{reason}, {say_found(review)}"
