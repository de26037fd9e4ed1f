"""The JSON object in what a model wrote: fenced, chatted around, behind its thoughts, or in several pieces."""

import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from reviewbot.errors import ReplyError

MAX_OBJECTS = 100

_THOUGHT, _THOUGHT_END = "<think>", "</think>"
_TRAILING_COMMA = re.compile(r",(\s*[\]}])")

Shape = TypeVar("Shape", bound=Struct)


def decode_reply(text: str, shape: type[Shape]) -> Shape:
    """The JSON object of a reply, validated against `shape`; ReplyError says what is wrong with it."""
    body = _without_thoughts(text)
    if not body:
        raise ReplyError("the model answered nothing")
    problem = "the reply holds no JSON object"
    for candidate in dict.fromkeys((body, _TRAILING_COMMA.sub(r"\1", body))):
        try:
            return msgspec.convert(_objects(candidate), type=shape, strict=False)
        except msgspec.ValidationError as error:
            problem = f"the reply has another shape than asked for: {error}"
        except (ValueError, RecursionError):
            continue
    raise ReplyError(problem)


def _without_thoughts(text: str) -> str:
    """What comes behind the blocks in which a model thinks aloud; nothing when it never came to an end of that. What
    looks like such a block inside the answer is a text."""
    while 0 <= (start := text.find(_THOUGHT)) and not 0 <= text.find("{") < start:
        end = text.find(_THOUGHT_END, start)
        text = text[:start] + text[end + len(_THOUGHT_END) :] if end >= 0 else ""
    return text.strip()


def _objects(body: str) -> dict[str, Any]:
    """What all objects of a text say together, whatever is written between them; ValueError where there is none, one is
    broken, or one of several says something else than the first."""
    objects: list[dict[str, Any]] = []
    at = body.index("{")
    while at >= 0 and len(objects) < MAX_OBJECTS:
        said, end = _DECODER.raw_decode(body, at)
        objects.append(said)
        at = body.find("{", end)
    if at >= 0 or any(said.keys() != objects[0].keys() for said in objects):
        raise ValueError("several objects that are not alike")
    return _join([pair for said in objects for pair in said.items()])


def _join(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """An object of these keys and values; of a key that comes twice both lists count, else the last value. Half of a
    surrogate pair becomes U+FFFD."""
    joined: dict[str, Any] = {}
    for key, value in pairs:
        if isinstance(value, str):
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        before = joined.get(key)
        if key in joined and isinstance(before, list) != isinstance(value, list):
            raise ValueError(f"{key} twice, once as a list")
        joined[key] = [*before, *value] if isinstance(before, list) and isinstance(value, list) else value
    return joined


def _no_number(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_join, parse_constant=_no_number, strict=False)
