"""Every expected failure and every exit code.

ReviewbotError
+-- UsageError              exit 2: the user has to change something
|   +-- ConfigError         a setting: file, key, value
|   +-- RepoError           git, a revision, a path, no repository
|   +-- DiffError           text that is no unified diff, or one that is cut off
|   +-- PrivacyError        a remote endpoint or a cloud model that nobody allowed
+-- EngineError             exit 3 (or 0 where `on_failure` is allow): lines stay unread
|   +-- EngineDown          nothing more can be asked in this run
|   |   +-- ModelMissing    the server is there, the model is not
|   |   +-- DeadlineReached the time is up
|   +-- PromptTooLong       this prompt does not fit the window; a part of it may
|   |   +-- PromptCut       the server cut it: the model did not read all of it
|   +-- AnswerMissing       nobody answered this request, which says nothing of others
|   +-- ReplyError          this reply cannot be used
|       +-- ReplyCut        the reply hit its length limit
|       +-- ReplyTorn       the reply broke off, or is empty
|       +-- ServerBusy      the server takes no more requests at this time
+-- OutputError             exit 3: a report that cannot be written
"""

from enum import IntEnum

OUT_OF_TIME = "the deadline was reached"


class ExitCode(IntEnum):
    """What the process returns to git, pre-commit and CI."""

    OK = 0
    BLOCKED = 1
    USAGE = 2
    NOT_REVIEWED = 3
    INTERRUPTED = 130


class ReviewbotError(Exception):
    """An expected failure: one sentence for people, and optionally what to type."""

    exit_code = ExitCode.NOT_REVIEWED

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ReviewbotError):
    """The command line, the configuration or the place is wrong."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """A setting cannot be used; the message names its place, the key and the accepted values."""


class RepoError(UsageError):
    """git refuses, is absent, or does not know what was named."""


class DiffError(UsageError):
    """The text is no unified diff, or it is cut off."""


class PrivacyError(UsageError):
    """Code would leave this machine without the user's consent."""


class EngineError(ReviewbotError):
    """The model did not read what it was given."""


class EngineDown(EngineError):
    """Nothing more can be asked in this run."""


class ModelMissing(EngineDown):
    """The server answers, but does not have the model."""


class DeadlineReached(EngineDown):
    """The time for this run is up."""


class PromptTooLong(EngineError):
    """The prompt does not fit the window; `window` is the real one in tokens where the server tells it."""

    def __init__(self, message: str, hint: str | None = None, *, window: int | None = None) -> None:
        super().__init__(message, hint)
        self.window = window


class PromptCut(PromptTooLong):
    """The server cut the prompt without a word: its window is smaller than it says."""


class AnswerMissing(EngineError):
    """Nobody answered this request, and asking again is in vain; others may have their answers."""


class ReplyError(EngineError):
    """The reply is torn, empty, not JSON or not what was asked for."""


class ReplyCut(ReplyError):
    """The reply hit its length limit before it was complete; the tokens are what the server counted all the same."""

    def __init__(
        self, message: str, hint: str | None = None, *, prompt_tokens: int = 0, completion_tokens: int = 0
    ) -> None:
        super().__init__(message, hint)
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens


class ReplyTorn(ReplyError):
    """The reply broke off or is empty, as when a model repeats itself and the server stops it."""


class ServerBusy(ReplyError):
    """The server refused the request because it has too many."""


class OutputError(ReviewbotError):
    """A report file could not be written."""
