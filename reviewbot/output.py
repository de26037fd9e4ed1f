"""Write a report file whole or not at all."""

import errno
import os
import shlex
from pathlib import Path

from reviewbot.errors import OutputError
from reviewbot.files import replacing
from reviewbot.text import visible_line


def write_report(path: str, text: str) -> None:
    """Write `text` as UTF-8 through a temporary file beside `path`; OutputError leaves what was there before."""
    target = Path(os.path.realpath(path))  # a link stays a link
    try:
        if target.exists() and not target.is_file():
            # A pipe or /dev/stdout cannot be replaced, only written to.
            target.write_text(text, encoding="utf-8")
            return
        with replacing(target) as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())
            os.fchmod(file.fileno(), target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
    except OSError as error:
        raise _refusal(path, target, error.strerror or type(error).__name__) from error


def refuse_target(path: str) -> None:
    """Raise OutputError for a file that no report can be written to, as far as that shows before a review."""
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise _refusal(path, target, os.strerror(errno.EISDIR))
    if not target.parent.is_dir():
        raise _refusal(path, target, os.strerror(errno.ENOENT))


def _refusal(path: str, target: Path, reason: str) -> OutputError:
    where = shlex.quote(str(target.parent))
    return OutputError(f"cannot write the report to {visible_line(path)}: {reason}", f"ls -ld {where}")


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
