"""What a repository may set, and what it may only tighten."""

import pytest
from configuration import load, message, write_user_file

from reviewbot.errors import ConfigError, ExitCode
from reviewbot.layers import user_file
from reviewbot.machinesettings import MACHINE_SETTINGS
from reviewbot.setting import NEVER


def test_a_repository_sets_nothing_of_the_machine():
    assert {setting.key: setting.repository for setting in MACHINE_SETTINGS if setting.repository != NEVER} == {}


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param("endpoint = 'http://127.0.0.1:1'", "send your code elsewhere", id="endpoint"),
        pytest.param("allow_remote = true", "send your code elsewhere", id="allow_remote"),
        pytest.param("allow_remote = false", "send your code elsewhere", id="allow_remote off"),
        pytest.param("engine = 'ollama'", "which program reads your code", id="engine"),
        pytest.param("model_file = 'm.gguf'", "which file is loaded", id="model_file"),
        pytest.param("parallel = 2", "how busy your server is", id="parallel"),
        pytest.param("endpoint = 3", "send your code elsewhere", id="wrong type besides"),
    ],
)
def test_a_repository_may_not_choose_where_code_goes(line, why, tree):
    (tree / ".reviewbot.toml").write_text(line)
    with pytest.raises(ConfigError) as error:
        load(tree, flags={"endpoint": "127.0.0.1"})
    assert error.value.message.startswith("repository file .reviewbot.toml may not set ") and why in message(error)
    assert user_file() in message(error) and error.value.exit_code == ExitCode.USAGE


@pytest.mark.parametrize(
    ("key", "yours", "theirs", "applied"),
    [
        pytest.param("block_at", "error", "warning", True, id="block_at stricter"),
        pytest.param("block_at", "warning", "error", False, id="block_at looser"),
        pytest.param("block_at", "info", "info", True, id="block_at equal"),
        pytest.param("block_at", "error", "never", False, id="block_at off"),
        pytest.param("block_at", "never", "error", True, id="block_at on"),
        pytest.param("confirm", "off", "once", True, id="confirm on"),
        pytest.param("confirm", "once", "off", False, id="confirm off"),
        pytest.param("confirm", "once", "votes:3", True, id="confirm by votes"),
        pytest.param("confirm", "votes:5", "votes:3", False, id="fewer votes"),
        pytest.param("confirm", "votes:3", "votes:9", True, id="more votes"),
        pytest.param("confirm", "votes:3", "once", False, id="once instead of votes"),
        pytest.param("on_failure", "allow", "block", True, id="failures block"),
        pytest.param("on_failure", "block", "allow", False, id="failures pass"),
    ],
)
def test_a_repository_may_only_be_stricter(key, yours, theirs, applied, tree):
    path = write_user_file(f"{key} = '{yours}'")
    (tree / ".reviewbot.toml").write_text(f"{key} = '{theirs}'")
    settings = load(tree)
    assert getattr(settings.config, key) == (theirs if applied else yours)
    if applied:
        assert settings.origins[key] == "repository file .reviewbot.toml" and not settings.notes
    else:
        assert settings.origins[key] == f"user file {path}"
        assert settings.notes == (
            f"repository file .reviewbot.toml: {key} = {theirs} is not applied: "
            f"a repository may only be stricter than {yours} (user file {path})",
        )
    assert getattr(load(tree, flags={key: yours}).config, key) == yours


@pytest.mark.parametrize(("theirs", "value"), [(19, 20), (20, 20), (21, 21)])
def test_a_repository_may_only_have_more_findings_confirmed(theirs, value, tree):
    write_user_file("max_confirmations = 20")
    (tree / ".reviewbot.toml").write_text(f"max_confirmations = {theirs}")
    settings = load(tree)
    assert settings.config.max_confirmations == value
    assert len(settings.notes) == (theirs < value)


@pytest.mark.parametrize(
    ("yours", "theirs", "applied"),
    [
        pytest.param("100", "200", True, id="larger"),
        pytest.param("100", "100", True, id="equal"),
        pytest.param("100", "99", False, id="smaller"),
        pytest.param("100", "'none'", True, id="no limit"),
        pytest.param("'none'", "1048576", False, id="a limit where you have none"),
        pytest.param("'none'", "'none'", True, id="none and none"),
    ],
)
def test_a_repository_may_only_raise_the_size_of_what_is_read(yours, theirs, applied, tree):
    path = write_user_file(f"max_file_kib = {yours}")
    (tree / ".reviewbot.toml").write_text(f"max_file_kib = {theirs}")
    settings = load(tree)
    value = theirs if applied else yours
    assert settings.config.max_file_kib == (None if value == "'none'" else int(value))
    assert settings.notes == (
        ()
        if applied
        else (
            f"repository file .reviewbot.toml: max_file_kib = {theirs} is not applied: a repository may only be "
            f"stricter than {yours.strip(chr(39))} (user file {path})",
        )
    )


def test_what_is_strict_is_measured_against_the_default_of_the_place(tree):
    (tree / ".reviewbot.toml").write_text("on_failure = 'allow'")
    assert load(tree).config.on_failure == "block" and load(tree).notes
    assert load(tree, in_hook=True).config.on_failure == "allow" and not load(tree, in_hook=True).notes


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        pytest.param("15", True, id="the lowest"),
        pytest.param("600", True, id="the highest"),
        pytest.param("14.9", False, id="too short"),
        pytest.param("601", False, id="too long"),
        pytest.param("'none'", False, id="none"),
    ],
)
def test_a_repository_sets_the_deadline_within_bounds(text, accepted, tree):
    (tree / ".reviewbot.toml").write_text(f"deadline_s = {text}")
    if accepted:
        assert load(tree).config.deadline_s == float(text)
    else:
        with pytest.raises(ConfigError, match="a repository may set it only between 15 and 600"):
            load(tree)
    write_user_file("deadline_s = 5000")
    (tree / ".reviewbot.toml").unlink()
    assert load(tree).config.deadline_s == 5000.0


def base(**files: str):
    """A reader of the repository's files before the change, given as NAME=text (`_` for the rest of the name)."""
    names = {"reviewbot": b".reviewbot.toml", "pyproject": b"pyproject.toml"}
    held = {names[name]: text.encode() for name, text in files.items()}
    return held.get


@pytest.mark.parametrize(
    ("read_base", "exclude", "noted"),
    [
        pytest.param(None, ("a", "b"), [], id="no base is known"),
        pytest.param(base(), (), ["a", "b"], id="no file at the base"),
        pytest.param(base(reviewbot="exclude = ['b', 'c']"), ("b",), ["a"], id="one pattern at the base"),
        pytest.param(base(reviewbot="exclude = ['b', 'a']"), ("a", "b"), [], id="both at the base"),
        pytest.param(base(pyproject="[tool.reviewbot]\nexclude = ['a', 'b']"), ("a", "b"), [], id="file moved"),
        pytest.param(base(reviewbot="exclude = ["), (), ["a", "b"], id="broken at the base"),
        pytest.param(base(reviewbot="exclude = 'a'"), (), ["a", "b"], id="wrong type at the base"),
        pytest.param(base(reviewbot="exclude = [1, 'a']"), ("a",), ["b"], id="partly wrong at the base"),
    ],
)
def test_a_change_cannot_hide_itself(read_base, exclude, noted, tree):
    (tree / ".reviewbot.toml").write_text("exclude = ['a', 'b']")
    settings = load(tree, read_base=read_base)
    assert settings.config.exclude == exclude
    assert settings.origins["exclude"] == ("repository file .reviewbot.toml" if exclude else "default")
    if noted:
        (note,) = settings.notes
        assert f"exclude {', '.join(noted)} is not applied" in note and "cannot hide itself" in note
    else:
        assert not settings.notes


def test_new_patterns_do_not_take_away_yours(tree):
    write_user_file("exclude = ['mine']")
    (tree / ".reviewbot.toml").write_text("exclude = ['new']")
    assert load(tree, read_base=base()).config.exclude == ("mine",)
    (tree / ".reviewbot.toml").write_text("exclude = []")
    assert load(tree, read_base=base()).config.exclude == ()
    assert load(tree, read_base=base(), flags={"exclude": ["typed"]}).config.exclude == ("typed",)


def test_what_the_repository_includes_counts_at_once(tree):
    (tree / ".reviewbot.toml").write_text("include = ['a']")
    assert load(tree, read_base=base()).config.include == ("a",)
