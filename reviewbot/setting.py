"""What a setting is: its names, how its text is read, and who may set it."""

from collections.abc import Mapping
from typing import NamedTuple

from reviewbot import values

YES = "yes"
NEVER = "no"
STRICTER = "only stricter than yours"
BOUNDED = "only between 15 and 600"

STRICTNESS: Mapping[str, tuple[str, ...]] = {
    "block_at": ("never", "error", "warning", "info"),
    "confirm": ("off", "once", "votes"),
    "on_failure": ("allow", "block"),
}
"""The words of each setting that a repository may only tighten, the loosest first."""


class Setting(NamedTuple):
    """One key, its flag `--key-name` and its variable `REVIEWBOT_KEY_NAME`.

    `kind` says how text is read: switch, whole, number, text or list. `accepts` names the accepted values, `help`
    what the setting does. `check` returns a value in its final form or raises Refused. `none_word` is what people
    write and see for None. `hook_default` holds in a git hook. `repository` is YES, NEVER, STRICTER or BOUNDED.
    """

    key: str
    kind: str
    default: object
    accepts: str
    help: str
    check: values.Check
    repository: str = YES
    none_word: str | None = None
    hook_default: object = ...

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return "--" + self.key.replace("_", "-")

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return "REVIEWBOT_" + self.key.upper()

    def default_for(self, *, in_hook: bool) -> object:
        """The built-in value."""
        return self.hook_default if in_hook and self.hook_default is not ... else self.default

    def word(self, value: object) -> object:
        """The value as people see it, None by its word."""
        return self.none_word if value is None else value

    def parse(self, raw: object) -> object:
        """The value of what a TOML file holds; raises Refused, and PrivacyError for a model in the cloud."""
        if self.none_word is not None and raw == self.none_word:
            return None
        return self.check(raw)

    def parse_text(self, raw: str | list[str]) -> object:
        """The value of a variable or a flag; a flag of kind list may come as one text for each time it was given."""
        if self.kind == "list":
            texts = [raw] if isinstance(raw, str) else raw
            return self.parse([part.strip() for text in texts for part in text.split(",") if part.strip()])
        text = raw if isinstance(raw, str) else raw[-1]
        if text == self.none_word:
            return None
        return self.parse(values.READERS[self.kind](text))


def strictness(key: str, value: str | int | None) -> tuple[int, int]:
    """How strict a value of a setting is that a repository may only tighten; a larger pair is stricter.

    That is its place in STRICTNESS; of numbers the larger one, and none at all, lets fewer lines go unread, and fewer
    findings unconfirmed.
    """
    if not isinstance(value, str):
        return int(value is None), value or 0
    word, _, number = value.partition(":")
    return STRICTNESS[key].index(word), int(number or 0)
