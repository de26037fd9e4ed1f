"""One set of reviews for all reporters."""

from msgspec.structs import replace
from scripted_engine import INFO

from reviewbot.coverage import FileCoverage
from reviewbot.findings import Confirmed, ExcerptLine, Finding, Severity
from reviewbot.plan import Kind, Omission
from reviewbot.repo import Source
from reviewbot.review import Review, Usage
from reviewbot.verdict import Policy, Verdict, decide

SQL = Finding(
    path="app/db.py",
    line=42,
    end_line=42,
    severity=Severity.ERROR,
    category="security",
    rule="model/security",
    message="SQL is built from user input",
    source="model",
    suggestion='cur.execute("SELECT ... WHERE name = ?", (name,))',
    evidence="cur.execute(f\"SELECT * FROM users WHERE name = '{name}'\")",
    confirmed=Confirmed.YES,
    fingerprint="0123456789abcdef",
    excerpt=(
        ExcerptLine(41, "        cur = self.conn.cursor()", False),
        ExcerptLine(42, "        cur.execute(f\"SELECT * FROM users WHERE name = '{name}'\")", True),
    ),
)
LEAK = Finding(
    path="settings.py",
    line=3,
    end_line=3,
    severity=Severity.ERROR,
    category="security",
    rule="check/secret",
    message="this looks like a secret (AWS Access Key): take it out, and revoke it if it was real",
    source="check",
    evidence='KEY = "[secret]"',
    fingerprint="fedcba9876543210",
    excerpt=(ExcerptLine(3, 'KEY = "[secret]"', True),),
)
UNSURE = Finding(
    path="app/views.py",
    line=7,
    end_line=7,
    severity=Severity.WARNING,
    category="bug",
    rule="model/bug",
    message="the list may be empty",
    source="model",
    evidence="return items[0]",
    confirmed=Confirmed.UNSURE,
    note="the answer said 9, the quote is on 7; a second look was unsure",
    fingerprint="00000000000000aa",
    excerpt=(ExcerptLine(7, "return items[0]", True),),
)
LOOSE = Finding(
    path="app/db.py",
    line=None,
    end_line=None,
    severity=Severity.INFO,
    category="bug",
    rule="model/bug",
    message="something is off",
    source="model",
    note="the quoted code is nowhere in the change, and line 999 is not an added line",
    fingerprint="00000000000000bb",
)
HOSTILE = Finding(
    path="a\x1b]52;c;eA==\x07.py,line=1::error",
    line=1,
    end_line=1,
    severity=Severity.WARNING,
    category="bug",
    rule="model/bug",
    message="%0A::error::forged\r\n::set-output name=x::y\x1b[2J\u202egnp.exe",
    source="model",
    suggestion="##[error]\n::stop-commands::x",
    evidence="x\x1b[31m",
    note="\x9b31m",
    fingerprint="00000000000000cc",
    excerpt=(ExcerptLine(1, "\x1b[2Jx = '\u202e'", True),),
)

FILE = FileCoverage("app/db.py", 57, 57, 0, 0)
USAGE = Usage(2, 1200, 90, 0, 3.1)
BASE = Review(Source("staged", "a" * 40), files=(FILE,), engine=INFO, usage=USAGE)
LOCK = Omission("package-lock.json", 1, 500, 500, "lock file", Kind.LOCK)
LOCKS = tuple(replace(LOCK, path=f"{i}/yarn.lock", end=4382, lines=4382) for i in range(11))
MINIFIED = Omission("app.min.js", 1, 8, 8, "minified", Kind.MINIFIED)

REVIEWS: dict[str, Review] = {
    "clean": BASE,
    "findings": replace(BASE, findings=(UNSURE, LOOSE)),
    "blocked": replace(BASE, findings=(LOOSE, SQL, UNSURE, LEAK), suppressed=((UNSURE, "cap"),)),
    "dropped": replace(
        BASE,
        findings=(UNSURE,),
        suppressed=(
            (replace(UNSURE, line=2, message="Consider adding a test.", note="asks for a test"), "excluded"),
            (
                replace(LOOSE, message="\x1b[31mlgtm\n::error::x", note="the answer quotes no code; is praise"),
                "excluded",
            ),
            (replace(UNSURE, line=3, note="asks for a test"), "excluded"),
            (replace(UNSURE, line=4, note=None), "cap"),
        ),
    ),
    "hostile": replace(BASE, findings=(HOSTILE,), notes=("\x1b[31mnote\n::error::x",)),
    "incomplete": replace(
        BASE,
        files=(FILE, FileCoverage("big.js", 30, 10, 0, 20)),
        failed=(Omission("big.js", 5, 9, 5, "the answer broke off"), Omission("big.js", 11, 25, 15, "the deadline")),
    ),
    "not_reviewed": replace(
        BASE,
        files=(FileCoverage("a.py", 3, 0, 0, 3),),
        failed=(Omission("a.py", 1, 3, 3, "no Ollama server answers: http://127.0.0.1:11434 cannot be reached"),),
        engine=None,
        usage=Usage(),
        hints=("ollama serve",),
    ),
    "nothing": replace(
        BASE,
        files=(FileCoverage("package-lock.json", 500, 0, 500, 0),),
        skipped=(LOCK,),
        engine=None,
        usage=Usage(),
    ),
    "skips": replace(
        BASE,
        files=(
            FILE,
            *(FileCoverage(omission.path, omission.lines, 0, omission.lines, 0) for omission in (*LOCKS, MINIFIED)),
            FileCoverage("logo.png", 0, 0, 0, 0),
        ),
        skipped=(*LOCKS, MINIFIED, Omission("logo.png", None, None, 0, "binary", Kind.BINARY)),
    ),
    "no_lines": replace(BASE, files=(FileCoverage("gone.py", 0, 0, 0, 0),), engine=None, usage=Usage()),
    "empty": replace(BASE, files=(), engine=None, usage=Usage()),
    "demo": replace(BASE, engine=replace(INFO, kind="embedded", model="SmolLM2", demo=True, digest=None)),
    "no_model": replace(
        BASE,
        files=(FileCoverage("a.py", 3, 0, 3, 0),),
        skipped=(Omission("a.py", 1, 3, 3, "no model asked (--no-model)"),),
        engine=None,
        usage=Usage(),
        no_model=True,
    ),
    "skipped": Review(Source("staged"), skip_reason="the build is on fire\x1b[2J"),
}


def verdict(name: str, **policy) -> Verdict:
    """What the default policy makes of a sample."""
    return decide(REVIEWS[name], Policy(**policy))
