"""The parts of the README that are made from the program."""

from reviewbot.capacity import CODE_LLAMA, KvType, Memory, ModelShape, largest_window, need_bytes
from reviewbot.settings import SETTINGS

GIB = 2**30
CARDS = {"8": (8,), "12": (12,), "16": (16,), "24": (24,), "2 x 24": (24, 24), "80": (80,)}
"""GiB of the graphics cards in the README."""


def settings_table() -> str:
    """The README's table of settings."""
    rows = [
        "| key | default | accepted | what it does | repository file may set it |",
        "| --- | --- | --- | --- | --- |",
    ]
    for setting in SETTINGS:
        default = _value(setting.default, setting.none_word)
        if setting.hook_default is not ...:
            default += f"; in a hook {_value(setting.hook_default, setting.none_word)}"
        cells = (f"`{setting.key}`", default, setting.accepts, setting.help, setting.repository)
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(rows)


def _value(value: object, none_word: str | None) -> str:
    if value is None:
        return none_word or "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return f"`{value}`" if isinstance(value, str) else f"{value:g}"


def card_table() -> str:
    """The README's table of the largest windows by card."""
    rows = [
        f"| free graphics memory, GiB | {' | '.join(tier.name.removeprefix('codellama:') for tier in CODE_LLAMA)} |",
        f"| --- |{' --- |' * len(CODE_LLAMA)}",
    ]
    for card, sizes in CARDS.items():
        memory = Memory(tuple(size * GIB for size in sizes), 0)
        rows.append(f"| {card} | {' | '.join(_windows(tier, memory) for tier in CODE_LLAMA)} |")
    return "\n".join(rows)


def _windows(tier: ModelShape, memory: Memory) -> str:
    windows = [largest_window(tier, memory, kv) for kv in KvType]
    return " / ".join(f"{window:,}" if window else "-" for window in windows) if any(windows) else "does not fit"


def need_table() -> str:
    """The README's table of what a model takes, in GiB."""
    rows = ["| window, tokens | " + " | ".join(tier.name.removeprefix("codellama:") for tier in CODE_LLAMA) + " |"]
    rows.append(f"| --- |{' --- |' * len(CODE_LLAMA)}")
    for window in (4096, 8192, 16384):
        rows.append(f"| {window:,} | {' | '.join(_need(tier, window) for tier in CODE_LLAMA)} |")
    return "\n".join(rows)


def _need(tier: ModelShape, window: int) -> str:
    if window > tier.trained_window:
        return "-"
    needs = [need_bytes(tier, window, kv) / GIB for kv in (KvType.F16, KvType.Q8_0)]
    return " / ".join(f"{need:.1f}" for need in needs)
