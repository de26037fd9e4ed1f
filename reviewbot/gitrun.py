"""Run git safely.

The caller's environment is kept, for it names the index that a hook is about. No configured command runs, nothing is
written to the repository (not even the index is refreshed), and nothing is fetched: what a partial clone lacks is an
error.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from typing import BinaryIO, NamedTuple

from reviewbot.errors import RepoError
from reviewbot.text import visible, visible_line

# What would change the dialect, run a command or write to the index. A file over core.bigFileThreshold is "binary".
SWITCHES = (
    *("-c", "core.quotePath=false"),
    *("-c", "core.fsmonitor=false"),
    *("-c", "core.pager=cat"),
    *("-c", "core.bigFileThreshold=512m"),
    *("-c", "diff.autoRefreshIndex=false"),
    *("-c", "diff.suppressBlankEmpty=false"),
)
DIALECT = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--inter-hunk-context=0",
    "--diff-algorithm=myers",
    "--indent-heuristic",
    "--find-renames",
    "-l1000",
    "-O/dev/null",
    "--no-relative",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    "--ignore-submodules=dirty",
    "--full-index",
)
# Neutral values for what would change the dialect or run a command (GIT_DIFF_OPTS overrides --unified: git, diff.c).
# GIT_NO_LAZY_FETCH is known from git 2.44 on; a list of protocols that allows none stops older ones as well.
ENVIRONMENT = {
    "GIT_EXTERNAL_DIFF": "",
    "GIT_DIFF_OPTS": "",
    "GIT_PAGER": "cat",
    "GIT_LITERAL_PATHSPECS": "0",
    "GIT_GLOB_PATHSPECS": "0",
    "GIT_NOGLOB_PATHSPECS": "0",
    "GIT_ICASE_PATHSPECS": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}

OF_ONE_COMMAND = ("GIT_INDEX_FILE", "GIT_PREFIX", "GIT_REFLOG_ACTION")
"""What git sets for the hooks of one command, and what comes after that has no use for."""

_MISSING = re.compile(
    r"(?:could not fetch|unable to read(?: tree)?|missing (?:blob|tree) object) \W?([0-9a-f]{40,64})"
    r"|promisor remote|transport '\w+' not allowed"
)


def staged_is_empty(cwd: str | None = None) -> bool:
    """Whether nothing at all is staged and no merge is in progress; False whenever that is not certain.

    One bare process (two where nothing is staged), because this is asked at every commit before anything heavy is
    imported.
    """

    def status(*args: str) -> int:
        # Popen rather than run: nothing that git prints is wanted.
        return subprocess.call(
            ["git", *SWITCHES, *args],
            cwd=cwd,
            env={**os.environ, **ENVIRONMENT},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    try:
        return (
            status("diff", "--cached", "--quiet", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty") == 0
            and status("rev-parse", "--verify", "--quiet", "MERGE_HEAD") == 1
        )
    except OSError:
        return False


class MissingObjects(RepoError):
    """A partial clone lacks what this change is made of."""


class Answer(NamedTuple):
    """What git said: its exit status, its bytes on stdout, its words on stderr."""

    status: int
    stdout: bytes
    stderr: str


class Runner:
    """git in one folder; RepoError when there is no git."""

    def __init__(self, cwd: str) -> None:
        self.cwd = cwd

    def run(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
        stdin: bytes = b"",
        output: BinaryIO | None = None,
    ) -> Answer:
        """Run `git ARGS`, whatever comes of it; `switches` go before the command, `env` is added to ours.

        What git prints goes to `output` if it is given, and is then not in the answer.
        """
        try:
            done = subprocess.run(
                ["git", *SWITCHES, *switches, *args],
                cwd=self.cwd,
                env={**os.environ, **ENVIRONMENT, **(env or {})},
                input=stdin,
                stdout=output or subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except FileNotFoundError as error:
            raise RepoError("git cannot be run: it is not installed, or not in PATH", "git --version") from error
        except OSError as error:
            raise RepoError(f"git cannot be started: {error.strerror}") from error
        return Answer(done.returncode, done.stdout or b"", done.stderr.decode("utf-8", "replace").strip())

    def ask(
        self,
        *args: str,
        env: Mapping[str, str] | None = None,
        switches: Sequence[str] = (),
        stdin: bytes = b"",
    ) -> bytes:
        """What `git ARGS` prints; RepoError when it fails."""
        answer = self.run(*args, env=env, switches=switches, stdin=stdin)
        if answer.status:
            raise self.error(answer)
        return answer.stdout

    def ask_path(self, *args: str) -> str:
        """The one path that `git ARGS` prints."""
        return os.fsdecode(self.ask(*args).removesuffix(b"\n"))

    def error(self, answer: Answer) -> RepoError:
        """git's refusal as an error of ours; MissingObjects, with what to fetch, in a partial clone."""
        missing = _MISSING.search(answer.stderr)
        if not missing:
            return _refusal(answer.stderr)
        return MissingObjects(
            "this is a partial clone that lacks a part of this change, and reviewbot fetches nothing by itself",
            f"git fetch {' '.join(filter(None, [self.promisor, missing.group(1)]))}",
        )

    @property
    def promisor(self) -> str:
        """The remote that has what a partial clone lacks."""
        return (self.drivers("remote", ["promisor", "partialclonefilter"]) or ["origin"])[0]

    def drivers(self, section: str, keys: Sequence[str]) -> list[str]:
        """The names of the configured `section.NAME` that have one of these keys."""
        answer = self.run("config", "-z", "--name-only", "--get-regexp", rf"^{section}\..*\.({'|'.join(keys)})$")
        found = os.fsdecode(answer.stdout).split("\0")
        return list(dict.fromkeys(key[len(section) + 1 : key.rindex(".")] for key in found if key))

    def override(self, section: str, values: Mapping[str, str]) -> list[str]:
        """Switches that give every configured driver `section.NAME` these values instead of its own."""
        names = self.drivers(section, list(values))
        for name in names:
            if "=" in name:  # `-c` ends the key at the first `=`
                raise RepoError(
                    f"the {section} driver '{visible_line(name)}' cannot be switched off: its name has a `=`",
                    f"git config --show-origin --get-regexp '^{section}'",
                )
        return [part for n in names for key, value in values.items() for part in ("-c", f"{section}.{n}.{key}={value}")]


def _refusal(stderr: str) -> RepoError:
    """git's refusal as an error of ours, with git's own hint where it has one."""
    absent = re.search(r"not a git repository: '?(.*?)'?$", stderr, re.MULTILINE)
    if absent:
        return RepoError(f"{visible_line(absent.group(1))} is no git repository", "unset GIT_DIR")
    if "not a git repository" in stderr.lower():
        return RepoError("this folder is in no git repository", "cd to a repository, or: git diff | reviewbot diff -")
    if "dubious ownership" in stderr:
        hint = next((line.strip() for line in stderr.split("\n") if "safe.directory" in line), None)
        return RepoError(visible(stderr.split("\n")[0].removeprefix("fatal: ")), hint and visible(hint))
    lines = [line for line in stderr.split("\n") if line.startswith(("fatal: ", "error: "))] or [stderr]
    return RepoError(f"git refuses: {visible(lines[0]).removeprefix('fatal: ').removeprefix('error: ')}")
