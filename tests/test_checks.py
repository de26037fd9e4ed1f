"""Secrets and conflict markers: what is found, what is masked, and that the cheap look lets nothing through."""

import base64
import json
import re
import string
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from values import change

from reviewbot.checks import run_checks
from reviewbot.checks.secret import mask_texts
from reviewbot.detectors import ASSIGNED, TOKEN, Look, _detectors, _likely, may_hold_secret, secrets_in
from reviewbot.diff import FileChange
from reviewbot.findings import Severity
from reviewbot.masks import MASK

# Put together here, so that no scanner takes this file for a leak.
AWS = "AKIA" + "IOSFODNN7" + "EXAMPLE"
GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
STRIPE = "sk_" + "live_" + "a1b2c3d4e5f6g7h8i9j0k1l2"
SLACK = "xoxb-" + "1234567890-1234567890-abcdefghij"
KEY_TOP = "-----BEGIN RSA " + "PRIVATE KEY-----"
KEY_END = "-----END RSA " + "PRIVATE KEY-----"


def found(*hunks: str, path: str = "a.py") -> list[tuple[int | None, str, str]]:
    return [(f.line, f.severity.word, f.rule) for f in run_checks([change(path, *hunks)]).findings]


def shown(*hunks: str, path: str = "a.py") -> list[str]:
    (masked,) = run_checks([change(path, *hunks)]).changes
    return [line.text for hunk in masked.hunks for line in hunk.lines]


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        pytest.param(f'key = "{AWS}"', "error", id="AWS"),
        pytest.param(f"token: {GITHUB}", "error", id="GitHub"),
        pytest.param(f"STRIPE={STRIPE}", "error", id="Stripe"),
        pytest.param(f"slack('{SLACK}')", "error", id="Slack"),
        pytest.param(KEY_TOP, "error", id="private key"),
        pytest.param('password = "hunter2hunter2"', "warning", id="keyword"),
        pytest.param("url = 'postgres://me:s3cr3tpw@db/x'", "warning", id="basic auth"),
    ],
)
def test_secrets_are_found_and_masked(line: str, severity: str) -> None:
    assert found(f"+{line}") == [(1, severity, "check/secret")]
    (masked,) = shown(f"+{line}")
    for secret in (AWS, GITHUB, STRIPE, SLACK, "hunter2hunter2", "s3cr3tpw"):
        assert secret not in masked
    if line != KEY_TOP:
        assert MASK in masked


@pytest.mark.parametrize(
    "line",
    [
        'password = os.environ["PASSWORD"]',
        "password = get_password()",
        'password = "${DB_PASSWORD}"',
        'password = "<your password>"',
        'password = "changeme"',
        'password = "xxxxxxxx"',
        "if password == other_password:",
        "def set_password(self, password: str) -> None:",
        "secret_name = secrets.token_urlsafe(24)",
        "token_count = 12",
        "key = cache.get(key)",
        "host = '192.0.2.1'",
        "digest = '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08'",
    ],
)
def test_ordinary_code_is_no_secret(line: str) -> None:
    assert found(f"+{line}") == []


def test_only_added_lines_make_findings_but_all_are_masked() -> None:
    hunk = f' old = "{AWS}"\n-gone = "{GITHUB}"\n+new = 1'
    assert found(hunk) == []
    assert shown(hunk) == [f'old = "{MASK}"', f'gone = "{MASK}"', "new = 1"]


def test_a_secret_is_masked_wherever_it_stands() -> None:
    files = [change("a.py", f'+password = "{"correct" + "horse9"}"'), change("b.txt", "+say correcthorse9 twice")]
    masked = run_checks(files).changes
    assert [line.text for line in masked[1].added] == [f"say {MASK} twice"]


@pytest.mark.parametrize(
    ("giving", "other", "expected"),
    [
        ('password = "subprocess.call"', "subprocess.call(user_input)", "subprocess.call(user_input)"),
        ('password = "subprocess.call"', "x = 'subprocess.call'", f"x = '{MASK}'"),
        ('password = "run(it) and 1"', "run(it) and 1", "run(it) and 1"),
        ('f(user, password_name="password")', "password = user.password", "password = user.password"),
        ('password = "hunter22horse"', "my_hunter22horse_x", "my_hunter22horse_x"),
    ],
)
def test_ordinary_words_are_not_blanked_all_over_a_change(giving: str, other: str, expected: str) -> None:
    _, second = shown(f"+{giving}\n+{other}")
    assert second == expected


def test_a_name_that_holds_the_secret_stays() -> None:
    assert shown('+passwords_file = f(password_9876x="password_9876x")')[0].startswith("passwords_file = f(")


def test_the_body_of_a_private_key_is_masked() -> None:
    body = "MIIEpAIBAAKCAQEA" + "b" * 40
    assert shown(f" {KEY_TOP}\n+{body}\n+{body}\n+{KEY_END}\n+x = 1") == [KEY_TOP, MASK, MASK, KEY_END, "x = 1"]
    assert shown(f"+{KEY_TOP}\n+{body}") == [KEY_TOP, MASK]


@pytest.mark.parametrize("last", ["aB3=", "Zm9vYmFy", "q"])
@pytest.mark.parametrize(
    ("before", "behind"),
    [("", ""), ("    ", ""), ('    "', '\\n"'), ("# ", ""), ("'", "' +")],
    ids=["0", "1", "2", "3", "4"],
)
def test_the_short_last_line_of_a_private_key_is_masked(last: str, before: str, behind: str) -> None:
    body = "MIIEpAIBAAKCAQEA" + "b" * 40
    lines = [f"{before}{text}{behind}" for text in (KEY_TOP, body, last, KEY_END)]
    hidden = [f"{before}{text}{behind}" for text in (KEY_TOP, MASK, MASK, KEY_END)]
    assert shown("+" + "\n+".join([*lines, "x = 1"])) == [*hidden, "x = 1"]
    assert (
        shown("+" + "\n+".join([*lines[:2], f"{before}{last}{KEY_END}{behind}"]))[-1]
        == f"{before}{MASK}{KEY_END}{behind}"
    )


def test_a_private_key_on_one_line_is_masked() -> None:
    body = "\\n".join(["MIIEpAIBAAKCAQEA" + "b" * 40, "aB3="])
    assert shown(f'+key = "{KEY_TOP}\\n{body}\\n{KEY_END}"  # {AWS}') == [f'key = "{KEY_TOP}{MASK}{KEY_END}"  # {MASK}']


def test_each_private_key_of_a_line_is_masked() -> None:
    key = f"{KEY_TOP}{'MIIEpAIBAAKCAQEA' * 4}{KEY_END}"
    masked = f"{KEY_TOP}{MASK}{KEY_END}"
    assert mask_texts("a.txt", [" ".join([key] * 3000)]) == [" ".join([masked] * 3000)]


def test_a_key_that_begins_behind_another_one_goes_on() -> None:
    body = "MIIEpAIBAAKCAQEA" * 4
    masked = mask_texts("a.txt", [f"{KEY_TOP}{body}{KEY_END}{KEY_TOP}", body, KEY_END, "code(body)"])
    assert masked == [f"{KEY_TOP}{MASK}{KEY_END}{KEY_TOP}", MASK, KEY_END, "code(body)"]


@pytest.mark.parametrize(
    "line",
    [
        'password = "hunter2xyz1"  # see: docs[0]',
        'f(a=g(b), password="hunter2xyz1")',
        'f(password="hunter2xyz1", a=g(b))',
        'f(user_id="joe", password="hunter2xyz1")',
    ],
)
def test_a_call_elsewhere_on_the_line_hides_no_password(line: str) -> None:
    assert mask_texts("a.py", [line]) == [line.replace("hunter2xyz1", "[secret]")]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.cfg", "secret = get_secret_key()"),
        ("a.py", 'secret_id = "hunter2xyz1"'),
        ("a.py", 'x["secret_id"] = "hunter2xyz1"'),
        ("a.yml", "secret: request.headers['apikey']"),
        ("a.go", 'password := os.Getenv("DB_PASSWORD")'),
        ("a.js", "password: getPassword('abc123xyz'),"),
    ],
)
def test_a_reference_is_no_password(path: str, line: str) -> None:
    assert mask_texts(path, [line]) == [line]


def test_each_password_of_a_line_is_masked() -> None:
    line = 'password = "hunter2xyz1"; db_password = "zpqt8812aa"; secret="q8w7e6r5tt"'
    assert mask_texts("a.py", [line]) == ['password = "[secret]"; db_password = "[secret]"; secret="[secret]"']


def test_what_only_begins_like_a_web_token_is_passed_over_in_one_go() -> None:
    assert [d.secret_type for d in _likely("eyJa" * 2000)].count("JSON Web Token") == 0
    assert [d.secret_type for d in _likely("sk-T3BlbkFJ" * 1000)].count("OpenAI Token") == 0
    token = f"a-sk-sk-{'aB3' * 9}T3BlbkFJ{'bC4d' * 5}"
    assert [d.secret_type for d in _likely(token)].count("OpenAI Token") == 1
    assert [d.secret_type for d in _likely("a.b eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln")].count(
        "JSON Web Token"
    ) == 1


def test_code_that_speaks_of_a_private_key_stays() -> None:
    code = ["if text.startswith('" + KEY_TOP + "'):", "    pass", "else:", "    raise"]
    assert shown("+" + "\n+".join(code)) == code


BODY = "MIIEpAIBAAKCAQEA" + "b" * 48


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("---- BEGIN SSH2 ENCRYPTED " + "PRIVATE KEY ----", "---- END SSH2 ENCRYPTED " + "PRIVATE KEY ----"),
        ("PuTTY-User-" + "Key-File-2: ssh-rsa\n+Private-Lines: 2", "Private-MAC: 12"),
        ("PuTTY-User-" + "Key-File-3: ssh-ed25519\n+Private-Lines: 2", "Private-MAC: 12"),
        ("-----BEGIN ENCRYPTED " + "PRIVATE KEY-----", "-----END ENCRYPTED " + "PRIVATE KEY-----"),
        ("-----BEGIN PGP " + "PRIVATE KEY BLOCK-----", "-----END PGP " + "PRIVATE KEY BLOCK-----"),
    ],
)
def test_a_private_key_in_any_wrapping_is_found_and_masked(begin: str, end: str) -> None:
    lines = f"+{begin}\n+{BODY}\n+aB3=\n+{end}\n+x = 1"
    (finding,) = found(lines)
    assert finding[1:] == ("error", "check/secret")
    assert shown(lines)[-4:] == [MASK, MASK, end, "x = 1"]


def test_a_new_body_behind_an_old_first_line_is_a_finding() -> None:
    old = "\n-".join([BODY.replace("b", "c")] * 3)
    new = f"+{BODY}\n+{BODY}\n+aB3="
    assert found(f" {KEY_TOP}\n-{old}\n{new}\n {KEY_END}") == [(2, "error", "check/secret")]
    assert found(f"+{KEY_TOP}\n{new}\n+{KEY_END}") == [(1, "error", "check/secret")]
    assert found(f" {KEY_TOP}\n {BODY}\n {KEY_END}\n{new}") == []
    assert found(f" # pragma: allowlist nextline secret: a sample\n {KEY_TOP}\n-{old}\n{new}\n {KEY_END}") == []


def test_code_behind_words_about_a_private_key_is_no_finding() -> None:
    code = "+    return decryptTheWholePrivateKeyOfTheUserWithPassphrase(text)\n+else:\n+    " + "raiseSomething" * 2
    assert found(f" if text.startswith('{KEY_TOP}'):\n{code}") == []


def test_the_pragma_silences_but_the_value_stays_masked() -> None:
    assert found(f'+key = "{AWS}"  # pragma: allowlist secret: from the documentation') == []
    assert AWS not in shown(f'+key = "{AWS}"  # pragma: allowlist secret')[0]
    assert found(f'+# pragma: allowlist nextline secret (from the documentation)\n+key = "{AWS}"') == []
    assert found(f'+key = "{AWS}"\n+# pragma: allowlist nextline secret') != []


def test_a_pragma_that_was_removed_allows_nothing() -> None:
    pragma = "# pragma: allowlist nextline secret: from the documentation"
    assert found(f'-{pragma}\n+key = "{AWS}"') == [(1, "error", "check/secret")]
    assert found(f' {pragma}\n-key = 1\n+key = "{AWS}"') == []


@pytest.mark.parametrize(
    "end", ["# pragma: allowlist secret", "/* pragma: allowlist secret */", "<!-- pragma: whitelist secret -->"]
)
def test_a_pragma_without_a_reason_leaves_an_information(end: str) -> None:
    (finding,) = run_checks([change("a.py", f'+key = "{AWS}"  {end}')]).findings
    assert (finding.severity, finding.rule, finding.line) == (Severity.INFO, "check/secret", 1)
    assert AWS not in repr(finding)


def test_what_a_finding_shows_is_masked() -> None:
    (finding,) = run_checks([change("a.py", f'+key = "{AWS}"\n+other = 1')]).findings
    assert finding.evidence == f'key = "{MASK}"'
    assert all(AWS not in line.text for line in finding.excerpt)
    assert finding.severity is Severity.ERROR


CONFLICT = "<<<<<<< HEAD\n+ours\n+=======\n+theirs\n+>>>>>>> topic"


@pytest.mark.parametrize(
    ("hunk", "expected"),
    [
        pytest.param(f"+{CONFLICT}", [1], id="whole set"),
        pytest.param(f"+{CONFLICT}\n+{CONFLICT}", [1, 6], id="two"),
        pytest.param("+<<<<<<< a\n+x\n+||||||| base\n+y\n+=======\n+z\n+>>>>>>> b", [1], id="diff3"),
        pytest.param("+<<<<<<< a\n+=======\n+z\n+||||||| base\n+>>>>>>> b", [1], id="base behind the middle"),
        pytest.param("+<<<<<<< a\n+=======\n+<<<<<<< c\n+>>>>>>> b", [1], id="another begin behind the middle"),
        pytest.param("+<<<<<<< a\n+||||||| base\n+>>>>>>> b", [], id="base and no middle"),
        pytest.param(" <<<<<<< HEAD\n ours\n+=======\n theirs\n >>>>>>> topic", [3], id="one marker is new"),
        pytest.param(" <<<<<<< HEAD\n ours\n =======\n theirs\n >>>>>>> topic\n+x", [], id="nothing new"),
        pytest.param("+Heading\n+=======\n+text", [], id="underlined heading"),
        pytest.param("+<<<<<<< HEAD\n+=======", [], id="no end"),
        pytest.param("+=======\n+>>>>>>> b", [], id="no begin"),
        pytest.param("+<<<<<<< a\n+>>>>>>> b", [], id="no middle"),
        pytest.param("+ <<<<<<< a\n+ =======\n+ >>>>>>> b", [], id="indented"),
        pytest.param("+<<<<<<<< a\n+========\n+>>>>>>>> b", [], id="eight characters"),
        pytest.param("+>>>>>>> b\n+=======\n+<<<<<<< a", [], id="wrong order"),
        pytest.param("-<<<<<<< HEAD\n-=======\n->>>>>>> topic\n+x", [], id="removed"),
    ],
)
def test_conflict_markers(hunk: str, expected: list[int]) -> None:
    assert found(hunk) == [(line, "error", "check/conflict-marker") for line in expected]


def test_a_conflict_across_hunks_is_found() -> None:
    assert found("+<<<<<<< HEAD", "+=======\n+>>>>>>> topic") == [(1, "error", "check/conflict-marker")]


REGEXES = [
    pytest.param(detector, regex, id=f"{detector.secret_type}-{i}")
    for detector in _detectors()
    for i, regex in enumerate(getattr(detector, "denylist", ()))
]
EDGES = st.text(string.ascii_letters + string.digits + " \t='\":.()[]{}<>#/-_", max_size=12)


@pytest.mark.parametrize(("detector", "regex"), REGEXES)
def test_the_cheap_look_lets_nothing_through(detector: object, regex: re.Pattern[str]) -> None:
    """Whatever a detector matches, the pre-filter matches; else detect-secrets would not even be loaded, or this
    detector not be asked."""

    @settings(max_examples=60)
    @given(st.from_regex(regex), EDGES, EDGES)
    def check(match: str, before: str, after: str) -> None:
        text = f"{before}{match}{after}"
        if regex.search(text):
            assert may_hold_secret(text), text
            assert detector in _likely(text), text

    check()


def keyword_regexes() -> list[re.Pattern[str]]:
    from detect_secrets.plugins import keyword

    found = {regex for regexes in keyword.REGEX_BY_FILETYPE.values() for regex in regexes}
    return sorted(found, key=lambda regex: regex.pattern)


@pytest.mark.parametrize("regex", keyword_regexes(), ids=range(len(keyword_regexes())))
def test_the_cheap_look_knows_every_keyword(regex: re.Pattern[str]) -> None:
    @settings(max_examples=60)
    @given(st.from_regex(regex))
    def check(match: str) -> None:
        assert may_hold_secret(match), match
        assert any(detector.secret_type == "Secret Keyword" for detector in _likely(match)), match

    check()


LOOKS = [look for look in (*ASSIGNED, *TOKEN) if "(?<=" not in look.pattern.pattern]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.words[0])
@given(st.data())
def test_a_look_finds_nothing_without_one_of_its_words(look: Look, data: st.DataObject) -> None:
    said = look.pattern.search(data.draw(st.from_regex(look.pattern)))
    assert said is not None and any(word in said.group() for word in look.words)


@pytest.mark.parametrize(
    ("word", "regex"),
    [
        pytest.param("pass", r"(?:db|database|key)_?pass|passw", id="keyword"),
        pytest.param(".", r"[mno][\w-]{23,25}\.[\w-]{6}\.", id="token in three parts"),
        pytest.param(":", r"\d{8}:", id="number before a colon"),
    ],
)
def test_a_look_back_finds_what_is_looked_for_forwards(word: str, regex: str) -> None:
    (other,) = [look for look in (*ASSIGNED, *TOKEN) if look.words == (word,)]

    @given(st.lists(st.one_of(st.from_regex(regex), EDGES)))
    def check(parts: list[str]) -> None:
        text = "".join(parts)
        assert bool(re.search(regex, text)) == bool(other.pattern.search(text))

    check()


@settings(max_examples=50)
@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=200), min_size=1))
def test_no_text_crashes_a_check(rows: list[str]) -> None:
    made = change("a.py", "\n".join(f"+{row}" for row in rows))
    checked = run_checks([made])
    assert [len(hunk.lines) for hunk in checked.changes[0].hunks] == [len(hunk.lines) for hunk in made.hunks]


def test_a_secret_far_into_a_long_line_is_found() -> None:
    text = "x = 1; " * 5000 + f'key = "{AWS}"' + "; y = 2" * 5000
    made: FileChange = change("min.js", f"+{text}")
    assert [f.rule for f in run_checks([made]).findings] == ["check/secret"]
    assert AWS not in run_checks([made]).changes[0].added[0].text


def test_a_secret_on_the_border_of_two_windows_is_found() -> None:
    for shift in range(3560, 4040, 7):
        assert secrets_in("." * shift + f' "{AWS}" ' + "." * 4000, "a.txt")


def web_token(chars: int) -> str:
    """A token of about so many characters, with a signature."""
    parts = [json.dumps({"alg": "RS256"}), json.dumps({"sub": "x" * (chars * 3 // 4 - 300)})]
    coded = [base64.urlsafe_b64encode(part.encode()).decode().rstrip("=") for part in parts]
    return ".".join([*coded, "aB3" * 114])


@pytest.mark.parametrize("chars", [800, 1500, 4000])
def test_a_long_secret_is_found_wherever_it_stands(chars: int) -> None:
    token = web_token(chars)
    for shift in range(0, 8000, 311):
        line = "z " * (shift // 2) + f'"{token}"' + " z" * 2000
        (masked,) = shown(f"+{line}", path="a.json")
        assert masked == line.replace(token, MASK), shift


def test_a_web_token_is_masked_with_every_signature() -> None:
    token = web_token(800)
    assert shown(f"+a = {token}, {token}x9 {token[:200]}")[0] == f"a = {MASK}, {MASK} {token[:200]}"


def test_after_the_deadline_files_come_back_unchecked() -> None:
    made = [change("a.py", f'+key = "{AWS}"'), change("b.py", "+x = 1")]
    checked = run_checks(made, deadline=time.monotonic())
    assert checked.changes == () and [file.path for file in checked.unchecked] == ["a.py", "b.py"]
    assert AWS not in repr(checked.unchecked)
    checked = run_checks(made, deadline=time.monotonic() + 60)
    assert len(checked.findings) == 1 and len(checked.changes) == 2 and checked.unchecked == ()


class Still:
    """A clock that stands."""

    @staticmethod
    def monotonic() -> float:
        return 10.0


def test_a_file_that_would_take_most_of_the_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reviewbot.checks.time", Still)
    made = [change("long.csv", "\n".join(["+1,2,3,4,5,6,7"] * 20_000)), change("a.py", "+n\u0430me = 1")]
    checked = run_checks(made, deadline=10.5)  # its characters are taken to last 0.28 s
    assert [finding.rule for finding in checked.findings] == ["check/homoglyph"]
    assert [file.path for file in checked.changes] == ["a.py"]
    assert [file.path for file in checked.unchecked] == ["long.csv"]
    assert [file.path for file in run_checks(made).changes] == ["long.csv", "a.py"]


def test_what_may_block_is_found_whatever_time_there_is() -> None:
    text = f'+key = "{AWS}"\n+x\u202e = 1\n+{CONFLICT}\n+n\u0430me = 1'
    rules = {"check/secret", "check/bidi", "check/conflict-marker"}
    assert {f.rule for f in run_checks([change("a.py", text)], deadline=time.monotonic()).findings} == rules
    assert {f.rule for f in run_checks([change("a.py", text)]).findings} == {*rules, "check/homoglyph"}


def test_a_finding_shows_the_lines_of_the_new_file_around_it() -> None:
    rows = " a\n-gone\n b\n-gone\n-gone\n+c\n-gone\n d\n e"
    (finding,) = run_checks([change("a.py", rows.replace("+c", f'+k = "{AWS}"'))]).findings
    assert [(line.number, line.text, line.marked) for line in finding.excerpt] == [
        (1, "a", False),
        (2, "b", False),
        (3, f'k = "{MASK}"', True),
        (4, "d", False),
        (5, "e", False),
    ]


@pytest.mark.parametrize("name", ["pr\u0130vate_key", "pr\u0131vate_key", "\u017fecret", "api_\u212aey", "PASSWORD"])
def test_a_name_counts_whatever_its_case(name: str) -> None:
    assert (1, "warning", "check/secret") in found(f'+{name} = "hunter2hunter2"')
