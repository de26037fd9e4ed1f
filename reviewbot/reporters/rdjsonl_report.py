"""reviewdog's own JSON (Reviewdog Diagnostic Format), one diagnostic a line."""

import msgspec

from reviewbot.reporters import Style
from reviewbot.reporters.rdjson_report import diagnostics
from reviewbot.review import Review
from reviewbot.verdict import Verdict


def render(review: Review, verdict: Verdict, style: Style) -> str:
    """A line for each entry; "" where there is none."""
    return "".join(msgspec.json.encode(one).decode() + "\n" for one in diagnostics(review, verdict))
