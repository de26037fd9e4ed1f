"""What a model found in hunks that it has read before, so that nothing is asked twice.

An outcome belongs to a hunk, not to a request: its key is made of the path, the enclosing line, the lines and how much
of their context was shown, and of all that decides about an answer (instructions, model, temperature, seed, language).
Line numbers, the window and the other hunks of the request are not part of it. A part of a hunk that was cut is an
outcome of its own, and the whole hunk is one as soon as all of its parts are. Values are data and are validated when
they are read.
"""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from reviewbot.confirm import Opinion
from reviewbot.diff import FileChange, Line, LineKind, Segment, first_number
from reviewbot.findings import Confirmed, Finding, Severity, excerpt
from reviewbot.plan import Chunk, Plan
from reviewbot.prompts import CONFIRM, load_builtin
from reviewbot.replies import REPLY_KEYS
from reviewbot.standing import Read
from reviewbot.units import RADII, Unit, heading

VERSION = 2
"""Raised when an outcome of an older program would be read wrongly."""


class Memory(Protocol):
    """Where values are kept by key."""

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """Those that are there."""
        ...

    def put(self, values: Mapping[bytes, bytes]) -> None:
        """Keep them."""
        ...


class Manners(Struct, frozen=True):
    """All that decides about an answer beside the code: digests of the model and the instructions, and how it draws."""

    digest: str
    prompt: str
    temperature: float
    seed: int
    reply_findings: int

    @property
    def key(self) -> bytes:
        """32 bytes."""
        parts = [VERSION, REPLY_KEYS, self.digest, self.prompt, self.temperature, self.seed, self.reply_findings]
        return hashlib.sha256(json.dumps(parts).encode("utf-8", "replace")).digest()


class _Kept(Struct, frozen=True):
    """A finding; `at` is the place of its line in the part of the hunk, None when it is about none."""

    at: int | None
    severity: int
    category: str
    rule: str
    message: str
    suggestion: str | None
    proven: bool
    note: str | None


class _Outcome(Struct, frozen=True):
    """`first` is the number that the first line had: notes with numbers hold only while it has."""

    findings: list[_Kept]
    first: int
    when: int


class Known(NamedTuple):
    """What need not be asked: findings, added lines by path, how many hunks; and the changes that are left."""

    findings: tuple[Finding, ...]
    reviewed: Counter[str]
    hunks: int
    rest: tuple[FileChange, ...]


class Outcomes:
    """The outcomes of one way to ask, kept in `memory`."""

    def __init__(self, memory: Memory, manners: Manners) -> None:
        self._memory = memory
        self._base = manners.key
        self._parts: dict[int, list[tuple[Unit, tuple[Finding, ...]]]] = {}
        self._missing: dict[int, int] = {}

    def take_known(self, changes: Sequence[FileChange]) -> Known:
        """Part the hunks that are known from those that are not."""
        units = [
            Unit(change.path, hunk, 0, len(hunk.lines))
            for change in changes
            for hunk in change.hunks
            if any(line.kind is LineKind.ADDED for line in hunk.lines)
        ]
        found = self._recall(units)
        known = {id(unit.hunk) for unit, findings in zip(units, found, strict=True) if findings is not None}
        rest = (replace(c, hunks=tuple(hunk for hunk in c.hunks if id(hunk) not in known)) for c in changes)
        reviewed: Counter[str] = Counter()
        for unit in units:
            if id(unit.hunk) in known:
                reviewed[unit.path] += unit.added
        findings = tuple(finding for part in found if part is not None for finding in part)
        return Known(findings, reviewed, len(known), tuple(change for change in rest if change.hunks))

    def take_known_parts(self, plan: Plan) -> tuple[Plan, tuple[Read, ...]]:
        """The plan without the parts of cut hunks that are known, and those."""
        units = [unit for chunk in plan.chunks for unit in chunk.units if unit.added]
        found = self._recall(units)
        known = {id(unit): findings for unit, findings in zip(units, found, strict=True) if findings is not None}
        read: list[Read] = []
        values: dict[bytes, bytes] = {}
        for unit in units:
            if id(unit) in known:
                read.append(Read(Chunk((unit,), 0), known[id(unit)]))
                values.update(self._note(unit, known[id(unit)]))
        self._memory.put(values)
        chunks = (replace(c, units=tuple(u for u in c.units if id(u) not in known)) for c in plan.chunks)
        left = replace(plan, chunks=tuple(chunk for chunk in chunks if chunk.added))
        return left, tuple(read)

    def keep(self, chunk: Chunk, findings: Sequence[Finding]) -> None:
        """Keep what a whole answer about a chunk said."""
        values: dict[bytes, bytes] = {}
        homes = [(_home(finding, chunk), finding) for finding in findings]
        for unit in chunk.units:
            if not unit.added:
                continue
            own = tuple(finding for home, finding in homes if home is unit)
            values[self._keys(unit, (unit.radius,))[0]] = _encode(unit, own)
            values.update(self._note(unit, own))
        self._memory.put(values)

    def recall_opinion(self, finding: Finding, shown: Segment, vote: int) -> Opinion | None:
        """What the model said when it was asked again."""
        key = self._opinion_key(finding, shown, vote)
        try:
            word, at = msgspec.json.decode(self._memory.get([key])[key], type=tuple[str, int | None])
            return Opinion(Confirmed(word), None if at is None else shown.lines[at].new)
        except (KeyError, ValueError, IndexError, msgspec.MsgspecError):
            return None

    def keep_opinion(self, finding: Finding, shown: Segment, vote: int, opinion: Opinion) -> None:
        """Keep it, with the place of the line that refutes rather than its number."""
        places = [i for i, line in enumerate(shown.lines) if line.new is not None and line.new == opinion.line]
        value = msgspec.json.encode((opinion.confirmed.value, places[0] if places else None))
        self._memory.put({self._opinion_key(finding, shown, vote): value})

    def _recall(self, units: Sequence[Unit]) -> list[tuple[Finding, ...] | None]:
        """For each unit what is known of it, shown with the most context first."""
        keys = [self._keys(unit, RADII) for unit in units]
        values = self._memory.get(list(dict.fromkeys(key for row in keys for key in row)))
        found: list[tuple[Finding, ...] | None] = []
        for unit, row in zip(units, keys, strict=True):
            decoded = (_decode(values[key], unit) for key in row if key in values)
            found.append(next((findings for findings in decoded if findings is not None), None))
        return found

    def _note(self, unit: Unit, findings: tuple[Finding, ...]) -> dict[bytes, bytes]:
        """The outcome of the whole hunk, once all parts of it with added lines are known."""
        hunk = unit.hunk
        whole = Unit(unit.path, hunk, 0, len(hunk.lines))
        parts = self._parts.setdefault(id(hunk), [])
        parts.append((unit, findings))
        missing = self._missing[id(hunk)] = self._missing.get(id(hunk), whole.added) - unit.added
        if missing or any(part.radius is not None for part, _ in parts):
            return {}
        (key,) = self._keys(whole, (None,))
        return {key: _encode(whole, [finding for _, said in parts for finding in said])}

    def _keys(self, unit: Unit, radii: Sequence[int | None]) -> list[bytes]:
        """The key of a unit shown with each of these radii."""
        lines = [[line.kind.value, line.text] for line in _all_lines(unit)]
        text = self._digest(["hunk", unit.path, heading(unit), lines])
        return [hashlib.sha256(text + repr(radius).encode()).digest() for radius in radii]

    def _opinion_key(self, finding: Finding, shown: Segment, vote: int) -> bytes:
        at = next((i for i, line in enumerate(shown.lines) if line.new == finding.line), None)
        lines = [[line.kind.value, line.text] for line in shown.lines]
        version = load_builtin(CONFIRM).version
        return self._digest(["opinion", version, shown.path, shown.heading, at, finding.message, lines, vote])

    def _digest(self, parts: object) -> bytes:
        return hashlib.sha256(self._base + json.dumps(parts).encode("utf-8", "surrogatepass")).digest()


def _home(finding: Finding, chunk: Chunk) -> Unit:
    """The part of a chunk that a finding belongs to; one that is about no line, to the first of its file."""
    with_added = [unit for unit in chunk.units if unit.added]
    for unit in with_added:
        if unit.path == finding.path and any(
            line.new == finding.line and line.kind is LineKind.ADDED for line in unit.hunk.lines[unit.start : unit.stop]
        ):
            return unit
    return next((unit for unit in with_added if unit.path == finding.path), with_added[0])


def _all_lines(unit: Unit) -> tuple[Line, ...]:
    """Its lines, those too that its radius leaves out."""
    return unit.hunk.lines[unit.start : unit.stop]


def _encode(unit: Unit, findings: Sequence[Finding]) -> bytes:
    lines = _all_lines(unit)
    kept = [
        _Kept(
            at=next((i for i, line in enumerate(lines) if line.kind is LineKind.ADDED and line.new == f.line), None),
            severity=int(f.severity),
            category=f.category,
            rule=f.rule,
            message=f.message,
            suggestion=f.suggestion,
            proven=f.evidence is not None,
            note=f.note,
        )
        for f in findings
    ]
    first = first_number(lines) or 0
    return msgspec.json.encode(_Outcome(kept, first, int(time.time())))


def _decode(value: bytes, unit: Unit) -> tuple[Finding, ...] | None:
    """The findings on the lines as they are now; None for what was not written by this module."""
    try:
        outcome = msgspec.json.decode(value, type=_Outcome)
        return tuple(_found(kept, unit, outcome.first) for kept in outcome.findings)
    except (msgspec.MsgspecError, ValueError, IndexError):
        return None


def _found(kept: _Kept, unit: Unit, first: int) -> Finding:
    lines = _all_lines(unit)
    line = None if kept.at is None else lines[kept.at]
    if line is not None and line.kind is not LineKind.ADDED:
        raise ValueError
    moved = first != (first_number(lines) or 0)
    proven = line is not None and kept.proven
    return Finding(
        path=unit.path,
        line=line.new if line else None,
        end_line=line.new if line else None,
        severity=Severity(kept.severity),
        category=kept.category,
        rule=kept.rule,
        message=kept.message,
        source="model",
        suggestion=kept.suggestion,
        evidence=line.text.strip() if line is not None and proven else None,
        note=None if moved and proven else kept.note,
        excerpt=excerpt(unit.hunk.lines, unit.start + kept.at) if kept.at is not None and proven else (),
    )
