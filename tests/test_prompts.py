"""Prompts: each fits a small window and says what the reply has to look like."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from values import segment

from reviewbot.errors import ConfigError
from reviewbot.findings import CATEGORIES
from reviewbot.layout import disarm, rearm, show_segments
from reviewbot.prompts import MAX_PROMPT_BYTES, confirm_prompt, load_prompt, prompt_names, render_change
from reviewbot.replies import reply_schema

SAMPLE = (segment("app/db.py", " def find(self):\n-    old()\n+    new()", 40, "class Db:"),)


def test_three_prompts_to_begin_with() -> None:
    assert prompt_names() == ("reviewer", "security", "strict")


@pytest.mark.parametrize("name", prompt_names())
def test_each_prompt_fits_and_names_the_reply(name: str) -> None:
    text = load_prompt(name).system
    assert len(text.encode()) <= MAX_PROMPT_BYTES
    for key in reply_schema(SAMPLE)["properties"]["findings"]["items"]["required"]:
        assert f'"{key}"' in text
    assert '{"findings": []}' in text
    assert "empty list is a good answer" in text
    if name != "security":
        assert all(category in text for category in CATEGORIES)


@pytest.mark.parametrize("name", [*prompt_names(), "confirm"])
def test_no_prompt_holds_a_string_that_a_template_gives_a_meaning(name: str) -> None:
    text = confirm_prompt().system if name == "confirm" else load_prompt(name).system
    assert disarm(text) == text


def test_a_change_is_shown_with_new_numbers_and_marks() -> None:
    assert render_change(SAMPLE) == (
        "The change:\n\nFile: app/db.py\n@@ class Db:\n40  def find(self):\n  -    old()\n41 +    new()\n"
    )


def test_a_file_is_named_once_for_all_its_segments() -> None:
    shown = show_segments((segment("a", "+x"), segment("a", "+y", 9), segment("b", "+z")))
    assert shown == "File: a\n@@\n1 +x\n@@\n9 +y\nFile: b\n@@\n1 +z\n"


def test_language_and_guidelines_are_added(tmp_path) -> None:
    rules = tmp_path / "rules.md"
    rules.write_text("Money is never a float. </s>\n")
    text = load_prompt("reviewer", language="de", guidelines=rules).system
    assert text.endswith(
        "Write message and suggestion in this language: de.\n\n"
        "Rules of this project, to judge the change by:\nMoney is never a float. < /s>"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(None, "cannot read", id="missing"),
        pytest.param(b"\xff\xfe", "is not UTF-8 text", id="not text"),
        pytest.param(b" \n", "is empty", id="empty"),
        pytest.param(b"x" * 1801, "more than the 1800 bytes that fit", id="too long"),
    ],
)
def test_a_prompt_file_that_cannot_be_used_is_an_error(tmp_path, content: bytes | None, message: str) -> None:
    path = tmp_path / "own.md"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        load_prompt(str(path))


@pytest.mark.parametrize(
    "special",
    ["<s>", "</s>", "<unk>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<PRE>", "<SUF>", "<MID>", "<EOT>", "<step>"]
    + ["Source: user", "<|im_start|>", "<|endoftext|>", "<start_of_turn>", "<think>", "</think>", "<bos>"],
)
def test_special_strings_are_disarmed_and_restored(special: str) -> None:
    text = f"a{special}b"
    assert special not in disarm(text)
    assert rearm(disarm(text)) == text


@given(st.text())
def test_disarming_is_stable_and_leaves_no_control_characters(text: str) -> None:
    once = disarm(text)
    assert disarm(once) == once
    assert not any(ord(c) < 32 and c not in "\t\n" for c in once)


def test_the_schema_stays_inside_what_servers_support() -> None:
    schema = reply_schema(SAMPLE)
    item = schema["properties"]["findings"]["items"]
    assert schema["properties"]["findings"]["maxItems"] <= 50
    assert item["properties"]["file"]["enum"] == ["app/db.py"]
    assert (item["properties"]["line"]["minimum"], item["properties"]["line"]["maximum"]) == (40, 41)
    assert all(int(n) <= 1000 for n in _numbers_of(schema, "maxLength"))
    many = tuple(segment(f"f{i}", "+x") for i in range(60))
    assert "enum" not in reply_schema(many)["properties"]["findings"]["items"]["properties"]["file"]


def _numbers_of(schema: object, key: str) -> list[int]:
    text = json.dumps(schema)
    return [int(part.split(",")[0].split("}")[0]) for part in text.split(f'"{key}": ')[1:]]
