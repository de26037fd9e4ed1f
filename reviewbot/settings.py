"""The table of all settings: one row a key, from which flags, validation and the README's table are made."""

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


SETTINGS: tuple[Setting, ...] = (
    Setting(
        "engine",
        "text",
        "auto",
        "auto, ollama or embedded",
        "what runs the model; auto takes Ollama when it answers",
        values.choice("auto", "ollama", "embedded"),
        NEVER,
    ),
    Setting(
        "endpoint",
        "text",
        "http://127.0.0.1:11434",
        "a host, host:port, http(s) address, or unix:///PATH",
        "where Ollama listens; OLLAMA_HOST counts when this is not set",
        values.endpoint,
        NEVER,
    ),
    Setting(
        "allow_remote",
        "switch",
        False,
        "true or false",
        "let code leave this machine, to an endpoint elsewhere",
        values.switch,
        NEVER,
    ),
    Setting(
        "model_file",
        "text",
        None,
        "the path of a GGUF file, or none",
        "the model of the embedded engine",
        values.text,
        NEVER,
        "none",
    ),
    Setting(
        "cache_dir",
        "text",
        None,
        "the path of a folder, or none (the platform's folder for caches)",
        "where vocabularies, measured speeds and outcomes of models are kept",
        values.text,
        NEVER,
        "none",
    ),
    Setting(
        "cache_mib",
        "whole",
        256,
        "a whole number from 1 to 1048576",
        "MiB of outcomes that are kept; what was not used for longest goes first",
        values.whole(1, 1048576),
        NEVER,
    ),
    Setting(
        "model",
        "text",
        "codellama:7b-instruct",
        "the name of a model that Ollama has, without blanks, up to 300 characters",
        "the model to ask",
        values.model,
    ),
    Setting(
        "prompt",
        "text",
        "reviewer",
        "a built-in name, or the path of a file (one of the repository, when its own file sets it)",
        "the instructions for the model",
        values.text,
    ),
    Setting(
        "guidelines",
        "text",
        None,
        "the path of a file of the repository, or none",
        "rules of the project, added to the instructions",
        values.text,
        none_word="none",
    ),
    Setting(
        "language",
        "text",
        "en",
        "a language, such as en, pt-BR or German",
        "the language of the messages",
        values.language,
    ),
    Setting(
        "temperature", "number", 0.0, "a number from 0 to 2", "how freely the model words things", values.number(0, 2)
    ),
    Setting(
        "seed",
        "whole",
        0,
        "a whole number from 0 to 2147483647",
        "where the model's random numbers begin",
        values.whole(0, 2**31 - 1),
    ),
    Setting(
        "num_ctx",
        "whole",
        None,
        "auto, or a whole number from 1024 to 1048576",
        "tokens that the model's window holds, prompt and reply together",
        values.whole(1024, 1048576),
        none_word="auto",
    ),
    Setting(
        "chunk_tokens",
        "whole",
        3500,
        "max (all that the window has room for), or a whole number from 200 to 1000000",
        "tokens of code in one request, at most; small models judge worse as prompts grow",
        values.whole(200, 1000000),
        none_word="max",
    ),
    Setting(
        "context_share",
        "number",
        0.7,
        "a number from 0 to 1",
        "the part of a request that unchanged and removed lines may take",
        values.number(0, 1),
    ),
    Setting(
        "block_at",
        "text",
        "error",
        "never, info, warning or error",
        "the severity from which a finding blocks",
        values.choice("never", "info", "warning", "error"),
        STRICTER,
    ),
    Setting(
        "confirm",
        "text",
        "once",
        "off, once, or votes:N with N 1, 3, 5, 7 or 9",
        "how often the model is asked again before a finding of its own blocks",
        values.confirm,
        STRICTER,
    ),
    Setting(
        "max_confirmations",
        "whole",
        20,
        "a whole number from 1 to 10000; the larger, the stricter",
        "findings that the model is asked about again in one run; one over it makes the run incomplete",
        values.whole(1, 10000),
        STRICTER,
    ),
    Setting(
        "on_failure",
        "text",
        "block",
        "allow or block",
        "what becomes of lines that could not be reviewed",
        values.choice("allow", "block"),
        STRICTER,
        hook_default="allow",
    ),
    Setting(
        "deadline_s",
        "number",
        None,
        "none, or a number of seconds from 1 to 86400 (15 to 600 in a repository's file)",
        "seconds from the start after which no more is asked",
        values.number(1, 86400),
        BOUNDED,
        "none",
        30.0,
    ),
    Setting("exclude", "list", (), "a list of globs", "files that are left out, and listed as skipped", values.globs),
    Setting(
        "include", "list", (), "a list of globs", "files that are reviewed although a rule skips them", values.globs
    ),
    Setting(
        "max_file_kib",
        "whole",
        512,
        "none, or a whole number from 1 to 1048576; the larger, the stricter",
        "KiB that a change may add to one file; a file with more is skipped",
        values.whole(1, 1048576),
        STRICTER,
        "none",
    ),
    Setting(
        "max_findings",
        "whole",
        5,
        "a whole number from 1 to 10000",
        "findings of the model that are shown beside those that block, the worst first",
        values.whole(1, 10000),
    ),
)

BY_KEY: Mapping[str, Setting] = {setting.key: setting for setting in SETTINGS}


def strictness(key: str, value: str | int | None) -> tuple[int, int]:
    """How strict a value of a setting is that a repository may only tighten; a larger pair is stricter.

    That is its place in STRICTNESS; of numbers the larger one, and none at all, lets fewer lines go unread, and fewer
    findings unconfirmed.
    """
    if not isinstance(value, str):
        return int(value is None), value or 0
    word, _, number = value.partition(":")
    return STRICTNESS[key].index(word), int(number or 0)
