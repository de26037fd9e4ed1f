"""Hooks that go by their own name, and hooks that only seem to."""

from pathlib import Path

import pytest

from reviewbot.hooknames import goes_by_name


@pytest.mark.parametrize(
    "text",
    [
        'case $(basename "$0") in pre-commit) make lint;; esac',
        'for hook in "$0".d/*; do "$hook"; done',
        "name=${0##*/}",
        'name="$(basename -- "${BASH_SOURCE[0]}")"',
        "import os, sys\nname = os.path.basename(sys.argv[0])",
        "hook_type = File.basename($PROGRAM_NAME)",
        "hook_type = File.basename(__FILE__)",
        "const name = path.basename(process.argv[1]);",
        'cd "$(dirname "$0")"; exec ./run "$0"',
        "awk '{print $0}' < a; basename \"$0\"",
        '. "$(dirname "$0")/beside.sh"',
        'source "$(dirname -- "$0")"/beside.sh',
        '. "${0%/*}/beside.sh"',
        'here=$(dirname "$0")\n. "$here/beside.sh"',
        'here=$(dirname "$0")\nif :; then source ${here}/beside.sh; fi',
        'cd "$(dirname "$0")" && . ./beside.sh',
        "import os, sys\nname, *rest = sys.argv",
        "const [node, name] = process.argv;",
        "echo ${BASH_ARGV0##*/}",
    ],
)
def test_goes_by_its_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "beside.sh").write_text('name=$(basename "$0")\n')
    (tmp_path / "hook").write_text(f"#!/bin/sh\n{text}\n")
    assert goes_by_name(tmp_path / "hook")


@pytest.mark.parametrize(
    "text",
    [
        "make lint",
        '. "$(dirname "$0")/other.sh"',
        '. "$HOME/missing.sh"',
        "import sys\nsys.exit(main(sys.argv[1:]) if len(sys.argv) > 1 else 0)",
        'here=$(cd "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)',
        '"${0%/*}/helper" "$@"',
        "git diff --cached --name-only | awk '{\n  print $0\n}' | grep py",
        "# like $0\n   # and __file__",
        "import os\nhere = os.path.dirname(os.path.abspath(__file__))",
        "from pathlib import Path\nhere = Path(__file__).resolve().parent",
        "printf '%s' \"$10\"",
    ],
)
def test_goes_by_nothing_but_its_folder(tmp_path: Path, text: str) -> None:
    (tmp_path / "other.sh").write_text('cd "$(dirname "$0")"\n')
    (tmp_path / "hook").write_text(f"#!/bin/sh\n{text}\n")
    assert not goes_by_name(tmp_path / "hook")


def test_what_is_not_there_and_what_nobody_can_read(tmp_path: Path) -> None:
    assert not goes_by_name(tmp_path / "hook")
    (tmp_path / "hook").write_bytes(b"\x7fELF\0")
    assert goes_by_name(tmp_path / "hook")
