"""What git makes of two commits by itself, so that the review of a merge sees only what people added to it."""

import os
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from reviewbot.difftext import name_missing, without_filters
from reviewbot.gitrun import MissingObjects, Runner

_GITHEAD = re.compile(r"GITHEAD_([0-9a-f]{40,64})")

# git's own three-way merge. With the names of temporary files as labels, no two trees would be equal.
_PLAIN_MERGE = "git merge-file --quiet --marker-size=%L -L ours -L base -L theirs %A %O %B"


class Merge(NamedTuple):
    """The automatic merge of two commits: a tree, the environment in which git finds it, and what to say of it."""

    tree: str
    env: Mapping[str, str] = {}
    note: str | None = None


def heads_in_progress(git_dir: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """The commits that are being merged into HEAD; empty when no merge is in progress.

    A merge that stopped has MERGE_HEAD. `git merge` runs the pre-merge-commit hook before it writes that file
    (git, builtin/merge.c: prepare_to_commit), but leaves the commits as GITHEAD_<id> in the hook's environment.
    """
    try:
        with open(os.path.join(git_dir, "MERGE_HEAD"), encoding="ascii") as file:
            return tuple(file.read().split())
    except FileNotFoundError:
        return tuple(found.group(1) for name in environ if (found := _GITHEAD.fullmatch(name)))


@contextmanager
def automatic_merge(git: Runner, parents: Sequence[str], *, has_merge_tree: bool) -> Iterator[Merge]:
    """The merge of two parents, in a temporary object directory that lives as long as the block.

    Conflicts are in it with their markers. More than two parents, or a git without `merge-tree --write-tree`: the
    first parent, with a note.
    """
    first = Merge(parents[0], note="a merge is compared with its first parent: ")
    if len(parents) != 2:
        yield first._replace(note=f"{first.note}it has {len(parents)} parents")
        return
    if not has_merge_tree:
        yield first._replace(note=f"{first.note}git below 2.38 cannot tell the automatic merge")
        return
    with tempfile.TemporaryDirectory(prefix="reviewbot-") as folder:
        env = {"GIT_OBJECT_DIRECTORY": folder, "GIT_ALTERNATE_OBJECT_DIRECTORIES": _alternates(git)}
        answer = git.run(
            "merge-tree",
            "--write-tree",
            "--no-messages",
            "--allow-unrelated-histories",
            *parents,
            env=env,
            switches=_switches(git),
        )
        if answer.status not in (0, 1) or not answer.stdout:
            error = git.error(answer)
            raise _name_missing(git, parents, error) if isinstance(error, MissingObjects) else error
        yield Merge(answer.stdout.split(b"\n", 1)[0].decode(), env)


def _switches(git: Runner) -> list[str]:
    """No configured merge driver runs, and no filter (merge.renormalize); markers have one style."""
    drivers = git.override("merge", {"driver": _PLAIN_MERGE})
    return ["-c", "merge.conflictStyle=merge", *drivers, *without_filters(git)]


def _alternates(git: Runner) -> str:
    """The repository's own objects, quoted because a path may hold the separator, and the alternates it has."""
    folder = os.path.abspath(os.path.join(git.cwd, git.ask_path("rev-parse", "--git-path", "objects")))
    quoted = '"' + folder.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    return os.pathsep.join(filter(None, [quoted, os.environ.get("GIT_ALTERNATE_OBJECT_DIRECTORIES")]))


def _name_missing(git: Runner, parents: Sequence[str], error: MissingObjects) -> MissingObjects:
    """A merge reads what differs between the parents, and between each of them and where they parted."""
    bases = git.run("merge-base", "--all", *parents).stdout.decode().split()
    pairs = [tuple(parents), *((base, parent) for base in bases for parent in parents)]
    raw = [git.run("diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", *pair) for pair in pairs]
    return name_missing(git, [*parents, *bases], raw, error)
