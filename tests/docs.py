"""The parts of the README that are made from the program."""

from reviewbot.settings import SETTINGS


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
