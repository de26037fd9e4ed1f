"""Markdown for the summary of a GitHub step, or a comment on a pull or merge request.

A comment of GitHub holds 65,536 characters and a step's summary 1 MiB, so what does not fit is counted; what blocks
stands first. No text of a model or a diff is Markdown here: code stands in code, the rest is escaped, with
an invisible character where a host would link or notify somebody.
"""

import re
from collections.abc import Iterator

from reviewbot.findings import Finding
from reviewbot.reporters import Style
from reviewbot.reporters.omissions import count_words
from reviewbot.reporters.sentences import finding_lines, omission_line, overruled, run_lines
from reviewbot.review import Review
from reviewbot.text import show_place, visible, visible_line
from reviewbot.verdict import Outcome, Verdict

MAX_CHARS = 60_000
MAX_CODE_CHARS = 200
MAX_REASONS = 10
_ICONS = {Outcome.BLOCKED: "❌", Outcome.CLEAN: "✅"}
_SPECIAL = re.compile(r"[!#$&()*+\-./<=>@\[\\\]^_`{|}~]")
_LINKED = re.compile(
    r"[@#!~%&$^](?=\S)|\[(?=[a-z_]+:|\[)|\*(?=iteration:)|://(?=\S)|\b(?i:www)\.(?=\S)|\b(?i:g[hl])-(?=\d)"
    r"|:(?=[\w+-]+:)"
)
"""Before what these stand, hosts make a link, a mention or a picture of it.

GitHub: `#1`, `@name`, `GH-1`, addresses, commits, `:smile:` (docs.github.com, "Autolinked references and URLs"). GitLab
also `!1`, `~label`, `%milestone`, `&epic`, `$snippet`, `^alert#1`, `GL-1`, `*iteration:1`, `[vulnerability:1]` and
`[[wiki page]]` (docs.gitlab.com, "GitLab Flavored Markdown", "GitLab-specific references").
"""
_COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")
_ZERO_WIDTH = "\u200b"
"""What `visible` has left nowhere else."""


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """The outcome, the numbers, the findings, then what was not read or not shown; at most MAX_CHARS."""
    text = _head(review, verdict)
    blocks = list(_blocks(review, verdict))
    for done, block in enumerate(blocks):
        left = len(blocks) - done
        rest = f"\n*{count_words(left, 'part')} more of this report than fit here.*\n"
        if len(text) + len(block) + (len(rest) if left > 1 else 0) > MAX_CHARS:
            return text + rest
        text += block
    return text


def _head(review: Review, verdict: Verdict) -> str:
    line, *others = run_lines(review, verdict)
    outcome, numbers = line.split(": ", 1)
    rows = [f"## {_ICONS.get(verdict.outcome, '⚠️')} reviewbot: {outcome.replace('_', ' ')}", "", f"{numbers}  "]
    rows += [f"{_escape(other[:MAX_CODE_CHARS])}  " for other in others[:MAX_REASONS]]
    return "\n".join(rows) + "\n"


def _blocks(review: Review, verdict: Verdict) -> Iterator[str]:
    """Everything below the head, the worst findings first; each is Markdown of its own."""
    for finding in sorted(verdict.findings, key=lambda f: (not f.blocking, -f.severity)):
        yield _finding(finding)
    for title, omissions in (("Not read", review.failed), ("Skipped", review.skipped)):
        for place, omission in enumerate(omissions):
            head = f"\n### {title}\n\n" if place == 0 else ""
            yield f"{head}- {_place(omission.path, omission.start, omission.end)}: {_escape(omission_line(omission))}\n"
    for place, (finding, by) in enumerate(review.suppressed):
        head = "\n### Overruled or not shown\n\n" if place == 0 else ""
        text = _escape(f"{visible_line(finding.message)} [{visible_line(finding.rule)}]")
        yield f"{head}- {_place(finding.path, finding.line)}: {text} ({_escape(overruled(finding, by))})\n"
    for place, note in enumerate(review.notes):
        head = "\n### Notes\n\n" if place == 0 else ""
        yield f"{head}- {_escape(visible_line(note))}\n"


def _finding(finding: Finding) -> str:
    word = f"{finding.severity.word}, blocks" if finding.blocking else finding.severity.word
    rule = _code(visible_line(finding.rule))
    head = f"\n### {_place(finding.path, finding.line, finding.end_line)}: {word} ({rule})\n\n"
    text = "".join(f"{_escape(line)}  \n" for line in finding_lines(finding))
    return f"{head}{text}{_excerpt(finding)}"


def _excerpt(finding: Finding) -> str:
    if not finding.excerpt:
        return ""
    width = max(len(str(line.number)) for line in finding.excerpt)
    rows = []
    for line in finding.excerpt:
        code = visible_line(line.text.expandtabs(4))
        code = code if len(code) <= MAX_CODE_CHARS else f"{code[:MAX_CODE_CHARS]} ..."
        rows.append(f"{'>' if line.marked else ' '} {line.number:>{width}} | {code}".rstrip())
    # No row can end the block, for none begins with backticks.
    return "\n```\n{}\n```\n".format("\n".join(rows))


def _place(path: str, start: int | None, end: int | None = None) -> str:
    return _code(show_place(path, start, end))


def _code(text: str) -> str:
    """Text in a span of code, whatever backticks it holds."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    bare = text and text == text.strip() and not longest
    return f"{fence}{text}{fence}" if bare else f"{fence} {text or ' '} {fence}"


def _escape(text: str) -> str:
    """One line of text that stays text: no markup, link, mention, reference or HTML."""
    apart = _LINKED.sub(rf"\g<0>{_ZERO_WIDTH}", visible(text).replace("\n", " "))
    apart = _COMMIT.sub(lambda found: _ZERO_WIDTH.join(re.findall(".{1,6}", found[0])), apart)
    return _SPECIAL.sub(r"\\\g<0>", apart).strip().replace(_ZERO_WIDTH, "&#8203;")
