"""The window of a run: how large it has to be, what fits into it, and whether a server cut what it was sent."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from msgspec import Struct
from msgspec.structs import replace

from reviewbot.advice import largest_window_here
from reviewbot.diff import FileChange
from reviewbot.engines import DEFAULT_WINDOW, Engine, EngineInfo, Loaded, Reply, Request
from reviewbot.errors import EngineDown
from reviewbot.gpu import Probe, probe
from reviewbot.plan import Budget
from reviewbot.prompts import ASK_AGAIN, Prompt, render_change
from reviewbot.tokens import BoundCounter, EstimateCounter, TokenCounter, counter_for
from reviewbot.vocabulary import Vocabulary

TEMPLATE_TOKENS = 96
"""More than a chat template adds around one system and one user message (Code Llama: about 30)."""

MIN_CHUNK_TOKENS = 128
FEW_REQUESTS = 4
"""A window that takes the whole change in so many requests is large enough."""

SPARSEST = 1.5
"""No change, without its runs of one character, takes so many times as many bytes a token as the instructions do."""

TRUSTED = 4096
"""More than that is not sent to a server that cuts silently, where no vocabulary tells what it has read: it may have
less of a window than it says."""

SMALL_CORRECTION = 0.1
"""An estimate that is off by less is left as it is."""

ROUGH_BYTES_PER_TOKEN = 2.5
"""Of shown code, for choosing a window; measured medians are 2.5 to 3.5."""


_RUN = re.compile(r"(.)\1{3,}")


class Window(Struct, frozen=True):
    """`tokens` for prompt and reply together, and how requests are counted.

    `opening` is a request without a change, `opening_tokens` what the server counted for it (0: was not asked).
    """

    tokens: int
    counter: TokenCounter
    opening: Request
    opening_tokens: int = 0

    @property
    def reply_tokens(self) -> int:
        """A sixth of the window for the answer, which holds eight findings of ordinary length at 4,096 tokens."""
        return reply_tokens(self.tokens)

    @property
    def fixed_tokens(self) -> int:
        """Tokens of a prompt without a change: the instructions and the template."""
        return self._around(self.opening) + self.counter.count(self.opening.user)

    @property
    def room(self) -> int:
        """Tokens for a change beside the fixed ones and the answer."""
        return self.tokens - 1 - self.fixed_tokens - self.reply_tokens

    def fits(self, request: Request) -> bool:
        """Whether prompt and reply fit; one token is kept, for some servers refuse a prompt that fills the window."""
        return self.cost(request) < self.tokens

    def cost(self, request: Request) -> int:
        """Tokens of prompt and reply, at most."""
        return self._around(request) + self.counter.count(request.user) + request.reply_tokens

    def was_cut(self, request: Request, reply: Reply) -> bool:
        """Whether the server read less than it was sent. A count below our own is a cut, whatever the number."""
        if not reply.prompt_tokens:
            return False
        return reply.prompt_tokens >= self.tokens or reply.prompt_tokens < self._least(request)

    def _around(self, request: Request) -> int:
        """Tokens of everything but the user's message, at most: the same whether the server counted the opening or
        not, unless its template takes more than is reserved for one."""
        return self.counter.count(request.system) + max(TEMPLATE_TOKENS, self._counted_template)

    @property
    def _counted_template(self) -> int:
        """Tokens that the server counted beside the text of the opening; with an exact counter, the template's. 0 where
        it was not asked."""
        if not self.opening_tokens:
            return 0
        return self.opening_tokens - self.counter.count(self.opening.system) - self.counter.count(self.opening.user)

    def _least(self, request: Request) -> int:
        least = self.counter.at_least(request.system) + self.counter.at_least(request.user)
        if self.opening_tokens and self.counter.exact:
            return least + self._counted_template
        if not self.opening_tokens:
            return least
        bytes_per_token = _size(self.opening) / self.opening_tokens
        return max(least, int(_size(request) / (SPARSEST * bytes_per_token)))

    def corrected(self, request: Request, reply: Reply) -> "Window":
        """The window with an estimate that agrees with what the server counted; itself where it does so by now."""
        if not isinstance(self.counter, EstimateCounter) or not reply.prompt_tokens:
            return self
        size = len((request.system + request.user).encode("utf-8", "replace"))
        counter = self.counter.corrected(size, reply.prompt_tokens)
        small = abs(counter.bytes_per_token / self.counter.bytes_per_token - 1) < SMALL_CORRECTION
        return self if small else replace(self, counter=counter)

    def smaller(self, tokens: int) -> "Window":
        """The window that a server turned out to have; EngineDown when there is no room for code in it."""
        return _with_room(replace(self, tokens=tokens))


class Sizing(Struct, frozen=True):
    """What decides how large requests are. `chunk_tokens` of code at most (None: all that the window has room for), of
    which lines that are not added take `context_share`."""

    prompt: Prompt
    chunk_tokens: int | None
    context_share: float

    @property
    def opening(self) -> Request:
        """A request without a change; what it takes, every request of the run takes."""
        return Request(self.prompt.system, render_change((), self.prompt.boundary) + ASK_AGAIN, {"type": "object"}, 1)

    def code_tokens(self, window: Window) -> int:
        """Tokens of code in one request."""
        return window.room if self.chunk_tokens is None else min(window.room, self.chunk_tokens)

    def budget(self, window: Window) -> Budget:
        """How much goes into one request."""
        return Budget(self.code_tokens(window), window.counter, window.room, self.context_share)


def load_window(
    engine: Engine,
    info: EngineInfo,
    changes: Sequence[FileChange],
    sizing: Sizing,
    deadline: float | None,
    look: Callable[[], Probe] = probe,
) -> tuple[Window, Loaded]:
    """Load the model with a window for this change; an EngineError when it cannot be asked. `look` probes for GPUs.

    A server that refuses what is too long is not asked for its vocabulary when one request takes the whole change.
    """
    vocabulary = None if info.refuses_long else engine.vocabulary(deadline)
    counter = counter_for(vocabulary, refuses_long=info.refuses_long)
    loaded = engine.load(_wanted_window(info, counter, changes, sizing, look), sizing.opening, deadline)
    estimated = Window(loaded.window_tokens, counter, sizing.opening, loaded.prompt_tokens)
    fits_by_bytes = sizing.code_tokens(estimated) >= max(shown_bytes(changes), MIN_CHUNK_TOKENS)
    if info.refuses_long and not fits_by_bytes:
        counter = counter_for(engine.vocabulary(deadline), refuses_long=True)
    return open_window(counter, loaded, sizing.opening), loaded


def foresee_window(
    info: EngineInfo, vocabulary: Vocabulary | None, changes: Sequence[FileChange], sizing: Sizing
) -> tuple[Window, Loaded]:
    """What `load_window` returns, as far as it can be known without loading the model."""
    counter = counter_for(vocabulary, refuses_long=info.refuses_long)
    loaded = Loaded(_wanted_window(info, counter, changes, sizing, probe))
    return open_window(counter, loaded, sizing.opening), loaded


def _wanted_window(
    info: EngineInfo,
    counter: TokenCounter,
    changes: Sequence[FileChange],
    sizing: Sizing,
    look: Callable[[], Probe],
) -> int:
    """The window to load the model with. What a run would not use is not asked for; a larger one that is loaded by
    now stays, for another one would load the model anew.

    Where the vocabulary may be known too late, or not at all, nothing depends on it.
    """
    rough = EstimateCounter() if info.refuses_long else counter
    overhead = Window(0, rough, sizing.opening).fixed_tokens
    largest = partial(largest_window_here, info, look)
    wanted = choose_window(info, shown_bytes(changes), overhead, sizing.chunk_tokens, largest)
    return wanted if wanted == info.facts.loaded_window else min(wanted, most_used(counter, wanted))


def shown_bytes(changes: Sequence[FileChange]) -> int:
    """About as many bytes as a change has when it is shown."""
    return sum(len(line.text) + 6 for change in changes for hunk in change.hunks for line in hunk.lines)


def _size(request: Request) -> int:
    """Bytes of a prompt, runs of one character counted as three: a vocabulary may hold them as one token."""
    return len(_RUN.sub(r"\1\1\1", request.system + request.user).encode("utf-8", "replace"))


def reply_tokens(window_tokens: int) -> int:
    """How long an answer may be."""
    return max(256, min(1024, window_tokens // 6))


def choose_window(
    info: EngineInfo, change_bytes: int, overhead_tokens: int, chunk_tokens: int | None, largest: Callable[[], int]
) -> int:
    """The window in tokens to load a model with; `overhead_tokens` are those of a prompt without a change.

    What the user asked for; else what it is loaded with, for another one would load it anew; else the smallest that
    takes the change in few requests, or a whole chunk, and not more than `largest` (what fits the memory, asked only
    when the smallest of all is too small). Never more than the model was trained with.
    """
    facts = info.facts
    if facts.asked_window is not None:
        return min(facts.asked_window, facts.trained_window)
    if facts.loaded_window is not None:
        return min(facts.loaded_window, facts.trained_window)
    window = min(DEFAULT_WINDOW, facts.trained_window)
    limit = None
    while window < facts.trained_window and not _large_enough(window, change_bytes, overhead_tokens, chunk_tokens):
        limit = largest() if limit is None else limit
        if 2 * window > limit:
            break
        window = min(2 * window, facts.trained_window)
    return window


def _large_enough(window: int, change_bytes: int, overhead_tokens: int, chunk_tokens: int | None) -> bool:
    room = window - overhead_tokens - reply_tokens(window)
    if room < MIN_CHUNK_TOKENS:
        return False
    whole_chunk = chunk_tokens is not None and room >= chunk_tokens
    return whole_chunk or change_bytes / ROUGH_BYTES_PER_TOKEN <= FEW_REQUESTS * room


def open_window(counter: TokenCounter, loaded: Loaded, opening: Request) -> Window:
    """The window of a loaded model; EngineDown when it holds hardly more than the instructions, or not even those."""
    window = Window(most_used(counter, loaded.window_tokens), counter, opening, loaded.prompt_tokens)
    least = counter.at_least(opening.system) + counter.at_least(opening.user)
    if 0 < loaded.prompt_tokens < least:
        raise EngineDown(
            f"the server read {loaded.prompt_tokens} of at least {least} tokens: it cut even the instructions",
            f"OLLAMA_CONTEXT_LENGTH={window.tokens} ollama serve",
        )
    return _with_room(window)


def most_used(counter: TokenCounter, tokens: int) -> int:
    """How much of a window is used: all of it, but for a server that cuts silently and a vocabulary that is unknown."""
    return min(tokens, TRUSTED) if isinstance(counter, BoundCounter) else tokens


def _with_room(window: Window) -> Window:
    if window.room < MIN_CHUNK_TOKENS:
        fixed = window.tokens - 1 - window.room
        raise EngineDown(
            f"a window of {window.tokens} tokens leaves no room for code: prompt and reply take {fixed}",
            "reviewbot --num-ctx 4096"
            if window.tokens < DEFAULT_WINDOW
            else "reviewbot --prompt reviewer --guidelines none",
        )
    return window
