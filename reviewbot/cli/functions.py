"""Read the functions around findings as the repository has them."""

from collections.abc import Sequence
from contextlib import suppress

from reviewbot.checks.secret import Scan, mask_of, mask_secrets, scan_secrets
from reviewbot.diff import FileChange, Hunk, LineKind, Segment, parse_diff
from reviewbot.errors import RepoError
from reviewbot.findings import Finding
from reviewbot.functions import function_around
from reviewbot.masks import mask_names
from reviewbot.repo import Change, Repository


def read_functions(
    repository: Repository, changes: Sequence[Change], findings: Sequence[Finding]
) -> list[Segment | None]:
    """For each finding the function that its line stands in, secrets masked; None where that cannot be read.

    One process of git for each of the changes, whatever the number of findings.
    """
    functions: list[Segment | None] = [None] * len(findings)
    for change in changes:
        for place, function in enumerate(_of_change(repository, change, findings)):
            functions[place] = functions[place] or function
    return functions


def _of_change(repository: Repository, change: Change, findings: Sequence[Finding]) -> list[Segment | None]:
    files = parse_diff(change.diff)
    scans = [scan_secrets(file) for file in files]
    names = mask_names([file.path for file in files], mask_of(scans))
    by_path = {names[file.path]: file for file in files}
    wanted = {by_path[finding.path].raw_path for finding in findings if finding.path in by_path}
    contents: dict[bytes, bytes] = {}
    with suppress(RepoError):  # the findings are then judged by their hunks
        contents = repository.after(change.source, sorted(wanted))
    functions = [_function(by_path.get(finding.path), contents, finding) for finding in findings]
    return [
        function if function is not None and _holds(function, finding) else None
        for function, finding in zip(_mask(scans, functions, findings), findings, strict=True)
    ]


def _function(file: FileChange | None, contents: dict[bytes, bytes], finding: Finding) -> Segment | None:
    if file is None or file.raw_path not in contents:
        return None
    return function_around(file, contents[file.raw_path], finding.line or 0)


def _mask(
    scans: Sequence[Scan], functions: Sequence[Segment | None], findings: Sequence[Finding]
) -> list[Segment | None]:
    """The functions with all secrets masked, their own and those that the change gives away elsewhere, each under the
    path that its finding has."""
    shown = [function for function in functions if function is not None]
    as_files = [FileChange(f.path, f.path.encode(), (Hunk(f.heading, f.lines),)) for f in shown]
    own = [scan_secrets(file) for file in as_files]
    masked = iter(mask_secrets(as_files, own, mask_of([*scans, *own])))
    return [
        None if f is None else _segment(found.path, next(masked)) for f, found in zip(functions, findings, strict=True)
    ]


def _segment(path: str, file: FileChange) -> Segment:
    (hunk,) = file.hunks
    return Segment(path, hunk.heading, hunk.lines)


def _holds(function: Segment, finding: Finding) -> bool:
    """Whether the finding's line is there as it was shown to the model: not another file of the same name."""
    return any(
        line.kind is LineKind.ADDED and line.new == finding.line and line.text.strip() == finding.evidence
        for line in function.lines
    )
