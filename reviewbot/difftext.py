"""The text of one diff: git's fixed dialect, with what attributes hide, and without what needs a configured command."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from reviewbot.gitrun import DIALECT, Answer, MissingObjects, Runner
from reviewbot.revisions import empty_tree

_EVERYTHING = ":/"
_PATCH = ("--patch", "--unified=3")
ONLY_TRACKED_ATTRIBUTES = ("-c", "core.attributesFile=/dev/null")
"""Keeps the user's own attributes from changing how recorded content is shown.

For a work tree they count: they say how line ends are converted, and which files a filter would have to convert.
"""
_BATCH = 16
"""How many files are asked for as text at once: they may turn out to be large and binary after all."""
_NAMED_OBJECTS = 20
"""More missing objects than these are not listed one by one."""

_UNMERGED_SIGN = b"* Unmerged path "
_UNMERGED = re.compile(rb"^\* Unmerged path [^\n]*\n", re.MULTILINE)
_NUL_AFTER = re.compile(rb"^[+ ][^\n]*\0", re.MULTILINE)
"""A line of the new file that has a NUL byte."""
_SECTION = re.compile(rb"^(?=diff --git )", re.MULTILINE)


class Query(NamedTuple):
    """What to ask `git diff` for; `up` leads from the current folder to the root (such as `../`)."""

    args: tuple[str, ...]
    paths: tuple[str, ...] = ()
    env: Mapping[str, str] = {}
    switches: tuple[str, ...] = ()
    up: str = ""


class Text(NamedTuple):
    """A diff, and the files (git's bytes) that it leaves out because they cannot be read, with the reason."""

    diff: bytes
    unreadable: tuple[tuple[bytes, str], ...] = ()


def read_diff(git: Runner, query: Query) -> Text:
    """The diff, with the text of files that only an attribute makes binary; conflicted files are left out."""
    data = _ask(git, query, *_PATCH)
    unreadable: tuple[tuple[bytes, str], ...] = ()
    if _UNMERGED_SIGN in data and _UNMERGED.search(data):
        names = _ask(git, query, "--name-only", "-z", "--diff-filter=U").split(b"\0")
        unreadable = tuple((name, "it has conflicts that are not resolved") for name in dict.fromkeys(names) if name)
    text = _with_hidden_text(git, query, data)
    return Text(_UNMERGED.sub(b"", text) if _UNMERGED_SIGN in text else text, unreadable)


def read_work_tree(git: Runner, query: Query) -> Text:
    """The diff of a work tree without its files that a configured filter would have to convert.

    No filter is run. Their unconverted text is nobody's change, so these files are listed as unreadable instead.
    """
    drivers = set(git.drivers("filter", ["clean", "process"]))
    query = query._replace(switches=(*query.switches, *without_filters(git)))
    filtered: tuple[tuple[bytes, str], ...] = ()
    if drivers:
        names = _ask(git, query, "--name-only", "-z", "--diff-filter=d").split(b"\0")
        filtered = tuple(
            (name, f"its filter {value!r} is a configured command, which is not run")
            for name, value in _attributes(git, query, "filter", [name for name in names if name])
            if value in drivers
        )
        query = _excluding(query, [name for name, _ in filtered])
    text = read_diff(git, query)
    return text._replace(unreadable=text.unreadable + filtered)


def without_filters(git: Runner) -> list[str]:
    """Switches that disarm every configured filter."""
    return git.override("filter", {"clean": "", "smudge": "", "process": "", "required": "false"})


# --- text that git takes for binary


def _with_hidden_text(git: Runner, query: Query, data: bytes) -> bytes:
    """The diff with the text of files that git calls binary although what they become has no NUL byte.

    Either an attribute says so, or only the old file is binary. Whether an attribute holds is not decided here.
    Both names of a renamed file go together, or git could not see the rename.
    """
    if b"\nBinary files " not in data:
        return data
    pairs = [names for names, binary in _counted(_ask(git, query, "--numstat", "-z")) if binary]
    values = _attributes(git, query, "diff", [pair[-1] for pair in pairs])
    marked = [value not in ("unspecified", "set") for _, value in values]
    hidden = [pair for pair, is_marked in zip(pairs, marked, strict=True) if is_marked]
    if data.count(b"\nBinary files ") > data.count(b"\nBinary files /dev/null and ") + len(hidden):
        hidden += _become_text(
            git, query, [pair for pair, is_marked in zip(pairs, marked, strict=True) if not is_marked]
        )
    if not hidden:
        return data
    parts = [_ask(git, _excluding(query, [name for pair in hidden for name in pair]), *_PATCH)]
    for start in range(0, len(hidden), _BATCH):
        names = [name for pair in hidden[start : start + _BATCH] for name in pair]
        some = query._replace(paths=tuple(_pathspec(name) for name in names))
        plain, as_text = (_SECTION.split(_ask(git, some, *_PATCH, *option)) for option in ((), ("--text",)))
        parts += [p if _NUL_AFTER.search(t) else t for p, t in zip(plain, as_text, strict=True)]
    return b"".join(parts)


def _become_text(git: Runner, query: Query, pairs: Sequence[tuple[bytes, ...]]) -> list[tuple[bytes, ...]]:
    """Those of the binary files that are binary no longer: git is asked for them against nothing, as if new."""
    option = tuple(arg for arg in query.args if arg == "--cached")
    as_new = query._replace(
        args=(*option, empty_tree(git), *(() if option else query.args[1:])),
        paths=tuple(_pathspec(pair[-1]) for pair in pairs),
    )
    text = {names[-1] for names, binary in _counted(_ask(git, as_new, "--numstat", "-z")) if not binary}
    return [pair for pair in pairs if pair[-1] in text]


def _counted(numstat: bytes) -> Iterator[tuple[tuple[bytes, ...], bool]]:
    """The name of each file (the old and the new one where it was renamed), and whether git calls it binary."""
    fields = iter(numstat.split(b"\0"))
    for field in filter(None, fields):
        name = field.split(b"\t", 2)[-1]
        names = (name,) if name else (next(fields), next(fields))
        yield names, field.startswith(b"-\t-\t")


def _attributes(git: Runner, query: Query, attribute: str, names: Sequence[bytes]) -> list[tuple[bytes, str]]:
    """The value of an attribute for each file; `check-attr` takes names from the current folder on."""
    if not names:
        return []
    stdin = b"".join(query.up.encode() + name + b"\0" for name in names)
    fields = git.ask("check-attr", "-z", "--stdin", attribute, stdin=stdin, switches=query.switches).split(b"\0")
    return [(name, value.decode("utf-8", "surrogateescape")) for name, value in zip(names, fields[2::3], strict=True)]


# --- how git diff is asked


def _ask(git: Runner, query: Query, *options: str) -> bytes:
    answer = _run(git, query, *options)
    if answer.status:
        error = git.error(answer)
        raise _name_missing(git, query, error) if isinstance(error, MissingObjects) else error
    return answer.stdout


def _run(git: Runner, query: Query, *options: str) -> Answer:
    command = ["diff", *DIALECT, *options, *query.args, "--", *query.paths]
    return git.run(*command, env=query.env, switches=query.switches)


def _excluding(query: Query, names: Sequence[bytes]) -> Query:
    if not names:
        return query
    left_out = (_pathspec(name, exclude=True) for name in names)
    return query._replace(paths=(*(query.paths or (_EVERYTHING,)), *left_out))


def _pathspec(name: bytes, *, exclude: bool = False) -> str:
    magic = "exclude,top,literal" if exclude else "top,literal"
    return f":({magic}){name.decode('utf-8', 'surrogateescape')}"


# --- partial clones


def _name_missing(git: Runner, query: Query, error: MissingObjects) -> MissingObjects:
    """The error with the `git fetch` that brings everything that this diff lacks, not its first object alone."""
    raw = _run(git, query, "--raw", "-z", "--no-renames", "--no-abbrev")
    trees = [arg for arg in query.args if not arg.startswith("-")]
    return name_missing(git, trees, [raw], error) if trees else error


def name_missing(git: Runner, trees: Sequence[str], raw: Sequence[Answer], error: MissingObjects) -> MissingObjects:
    """The error with the `git fetch` for the objects of these trees that are not here and that `raw` diffs name.

    Without renames git compares trees alone. Where those are missing too, everything has to be fetched: which objects
    they name is not known.
    """
    listed = git.run("rev-list", "--objects", "--no-walk", "--missing=print", *trees).stdout
    absent = set(re.findall(rb"^\?([0-9a-f]+)$", listed, re.MULTILINE))
    pairs = re.findall(rb":\d{6} \d{6} ([0-9a-f]+) ([0-9a-f]+) ", b"".join(answer.stdout for answer in raw))
    named = dict.fromkeys(oid.decode() for pair in pairs for oid in pair if oid in absent)
    if any(answer.status for answer in raw) or len(named) > _NAMED_OBJECTS:
        fetch = f"git fetch --refetch --no-filter {git.promisor}"
    elif named:
        fetch = f"git fetch {git.promisor} {' '.join(named)}"
    else:
        return error
    return MissingObjects(error.message, fetch)
