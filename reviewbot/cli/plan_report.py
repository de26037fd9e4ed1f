"""What `reviewbot plan` prints: a table of requests for people, or JSON."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from reviewbot.diff import LineKind
from reviewbot.plan import Chunk, Omission
from reviewbot.portions import expected_tokens
from reviewbot.reporters.omissions import count_words, omission_lines, skipped_lines
from reviewbot.speed import show_duration
from reviewbot.text import visible_line

if TYPE_CHECKING:
    from reviewbot.cli.plan import Foreseen

MAX_FILES = 3


def render_text(foreseen: "Foreseen", *, verbose: bool) -> str:
    """Lines without a last LF."""
    return "\n".join(_lines(foreseen, verbose))


def render_json(foreseen: "Foreseen", *, verbose: bool) -> str:
    """The same as one JSON object; `seconds` is null where no speed was measured."""
    chunks = foreseen.plan.chunks
    tokens = expected_tokens(chunks, foreseen.window)
    speed = foreseen.tokens_per_s
    answer = {
        "version": 1,
        "window": {
            "model": foreseen.info.model,
            "tokens": foreseen.window.tokens,
            "chunk_tokens": foreseen.chunk_tokens,
            "reply_tokens": foreseen.window.reply_tokens,
            "counted": "exactly" if foreseen.window.counter.exact else "at most",
        },
        "requests": [_request(foreseen, number) for number in range(1, len(chunks) + 1)],
        "skipped": [_omission(entry) for entry in foreseen.material.skipped],
        "failed": [_omission(entry) for entry in (*foreseen.material.failed, *foreseen.plan.failed)],
        "estimate": {
            "requests": len(chunks),
            "prompt_tokens": tokens,
            "seconds": None if speed is None else round(tokens / speed, 1),
        },
    }
    return json.dumps(answer, indent=2)


def _lines(foreseen: "Foreseen", verbose: bool) -> Iterator[str]:
    chunks = foreseen.plan.chunks
    if chunks:
        yield "request   lines  tokens  fill  files"
    for number, chunk in enumerate(chunks, 1):
        fill = f"{chunk.tokens / foreseen.chunk_tokens:.0%}"
        yield f"{number:>7}{chunk.added:>8}{chunk.tokens:>8}{fill:>6}  {_files(chunk, verbose)}"
    if chunks:
        yield ""
    files = {unit.path for chunk in chunks for unit in chunk.units}
    added = sum(chunk.added for chunk in chunks)
    if chunks:
        what = f"{count_words(added, 'added line')} in {count_words(len(files), 'file')}"
        yield f"{count_words(len(chunks), 'request')} for {what}"
    else:
        yield "nothing would be sent"
    yield from omission_lines("not read", (*foreseen.material.failed, *foreseen.plan.failed), verbose=verbose)
    yield from skipped_lines(foreseen.material.skipped, verbose=verbose)
    for note in foreseen.material.notes:
        yield f"note: {visible_line(note)}"
    if chunks:
        yield f"window: {_window(foreseen)}"
        yield f"tokens: {visible_line(foreseen.counted)}"
        yield f"time: {_time(foreseen)}"


def _files(chunk: Chunk, verbose: bool) -> str:
    """The places of a chunk, as many as fit a line."""
    places = _places(chunk)
    shown = places if verbose else places[:MAX_FILES]
    more = f" and {len(places) - len(shown)} more" if len(shown) < len(places) else ""
    names = (f"{visible_line(p['path'])}:{p['start']}-{p['end']}" for p in shown)
    return ", ".join(names) + more


def _places(chunk: Chunk) -> list[dict[str, Any]]:
    """Each file of a chunk once, with its first and last added line."""
    places: dict[str, dict[str, Any]] = {}
    for segment in chunk.segments:
        numbers = [line.new for line in segment.lines if line.kind is LineKind.ADDED]
        if not numbers:
            continue
        place = places.setdefault(segment.path, {"path": segment.path, "start": numbers[0], "end": 0, "added": 0})
        place["end"] = numbers[-1]
    for unit in chunk.units:
        if unit.added:
            places[unit.path]["added"] += unit.added
    return list(places.values())


def _window(foreseen: "Foreseen") -> str:
    host = urlsplit(foreseen.info.endpoint).hostname or foreseen.info.endpoint
    who = f"{'the demo model ' if foreseen.info.demo else ''}{visible_line(foreseen.info.model)} on {host}"
    if foreseen.info.kind == "none":
        who = f"{_whence(foreseen)}; no server {'answered' if foreseen.asked else 'was asked'}"
    return f"{foreseen.window.tokens} tokens, of which up to {foreseen.chunk_tokens} for code in each request ({who})"


def _whence(foreseen: "Foreseen") -> str:
    """Where a window comes from that no server told."""
    wish = foreseen.info.facts.asked_window
    if wish is None:
        return "assumed"
    if foreseen.window.tokens == wish:
        return "as set"
    return f"not the {wish} of num_ctx, for a server that cuts silently is not sent more"


def _time(foreseen: "Foreseen") -> str:
    speed = foreseen.tokens_per_s
    if speed is None:
        return "not known before this model has answered once on this machine; `reviewbot doctor` measures"
    seconds = expected_tokens(foreseen.plan.chunks, foreseen.window) / speed
    return f"about {show_duration(seconds)} at {speed:.0f} tokens/s, as measured last"


def _request(foreseen: "Foreseen", number: int) -> dict[str, Any]:
    chunk = foreseen.plan.chunks[number - 1]
    return {
        "number": number,
        "added": chunk.added,
        "tokens": chunk.tokens,
        "fill": round(chunk.tokens / foreseen.chunk_tokens, 3),
        "files": _places(chunk),
    }


def _omission(omission: Omission) -> dict[str, Any]:
    from msgspec.structs import asdict

    return asdict(omission)
