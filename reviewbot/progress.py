"""How far a run is: on a terminal that a person watches, and in the log of a CI job. The only importer of rich."""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reviewbot.speed import LONG_S, show_duration

if TYPE_CHECKING:
    from reviewbot.pace import Progress as Step


HEARTBEAT_S = 30.0


class Progress:
    """Shows nothing: for pipes, hooks and dumb terminals."""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass

    def update(self, step: "Step") -> None:
        """So many requests are answered, at that speed so far."""


class TerminalProgress(Progress):
    """A line on stderr that vanishes at the end."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._bar: Any = Bar(
            TextColumn("reviewing chunk {task.fields[current]} of {task.total:.0f}"),
            BarColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: Any = None
        self._warned = False

    def __enter__(self) -> "TerminalProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()

    def update(self, step: "Step") -> None:
        speed = f"{step.tokens_per_second:.0f} tokens/s" if step.tokens_per_second else ""
        current = min(step.done + 1, step.total)
        fields = {"completed": step.done, "total": step.total, "current": current, "speed": speed}
        if step.seconds_left is not None and not self._warned:
            self._warned = True
            if step.seconds_left > LONG_S:
                self._warn(show_duration(step.seconds_left), speed)
        if self._task is None:
            self._task = self._bar.add_task("", **fields)
        else:
            self._bar.update(self._task, **fields)

    def _warn(self, duration: str, speed: str) -> None:
        text = f"reviewbot: about {duration} at {speed}; --deadline-s bounds that, a smaller model is faster"
        self._bar.console.print(text, markup=False, highlight=False)


class StreamedProgress(Progress):
    """A line on stdout for each step, for whoever reads along, besides what else is shown."""

    def __init__(self, render: Callable[["Step"], str], beside: Progress) -> None:
        self._render = render
        self._beside = beside

    def __enter__(self) -> "StreamedProgress":
        self._beside.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._beside.__exit__(kind, error, tb)

    def update(self, step: "Step") -> None:
        self._beside.update(step)
        sys.stdout.write(self._render(step))
        sys.stdout.flush()


class Heartbeat(Progress):
    """A line on stderr every so many seconds, the first one after `first_s`: hosts of CI end a job that is silent."""

    def __init__(self, what: str, first_s: float = HEARTBEAT_S, every_s: float = HEARTBEAT_S) -> None:
        self._what = what
        self._delays = (first_s, every_s)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> "Heartbeat":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def update(self, step: "Step") -> None:
        left = f", about {show_duration(step.seconds_left)} left" if step.seconds_left else ""
        self._what = f"{step.done} of {step.total} requests are answered{left}"

    def _beat(self) -> None:
        started = time.monotonic()
        delay, every = self._delays
        while not self._over.wait(delay):
            print(f"reviewbot: {self._what} ({time.monotonic() - started:.0f} s)", file=sys.stderr, flush=True)
            delay = every


def open_heartbeat(*, quiet: bool) -> Progress:
    """Signs of life for the log of a job, unless it shall be quiet."""
    return Progress() if quiet else Heartbeat("no request is answered yet")


def open_progress(*, in_hook: bool, quiet: bool) -> Progress:
    """A progress line where a person watches. A hook's stderr may look like a terminal and be shown only at the end."""
    watched = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return TerminalProgress() if watched and not in_hook and not quiet else Progress()
