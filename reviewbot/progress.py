"""How far a run is, on a terminal that a person watches; the only importer of rich."""

import os
import sys
from types import TracebackType
from typing import Any


class Progress:
    """Shows nothing: for pipes, hooks and dumb terminals."""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        pass

    def update(self, done: int, total: int, tokens_per_second: float) -> None:
        """`done` of `total` requests are answered, at that speed so far."""


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

    def __enter__(self) -> "TerminalProgress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()

    def update(self, done: int, total: int, tokens_per_second: float) -> None:
        speed = f"{tokens_per_second:.1f} tokens/s" if tokens_per_second else ""
        fields = {"completed": done, "total": total, "current": min(done + 1, total), "speed": speed}
        if self._task is None:
            self._task = self._bar.add_task("", **fields)
        else:
            self._bar.update(self._task, **fields)


def open_progress(*, in_hook: bool, quiet: bool) -> Progress:
    """A progress line where a person watches. A hook's stderr may look like a terminal and be shown only at the end."""
    watched = sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"
    return TerminalProgress() if watched and not in_hook and not quiet else Progress()
