"""Which change a job of a CI host is about, by the variables that the host sets.

The names and their meaning are those of each host's own page on variables; tests/data/hosts.toml has the addresses.
What a host does not tell is an error with the words to type, never a guess.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from reviewbot.errors import UsageError

Variables = Mapping[str, str]

BASE_HINT = "reviewbot ci --base REV"
_NONE = re.compile(r"0*")
"""How hosts write that there was no commit before."""


class Job(NamedTuple):
    """What a job is about: everything in `head` that is not in `base`, a commit, or in `branch`, one of the remote.

    With neither of the two all of `head` is new; with both, `branch` is for a `base` that a forced push left behind.
    `about` is for people; `head` is a commit, or HEAD.
    """

    about: str
    head: str
    base: str | None = None
    branch: str | None = None


class Host(NamedTuple):
    """A CI host: what it is called, how its annotations are written, and how its clones become deep enough."""

    name: str
    find: Callable[[Variables], Job]
    format: str = "text"
    deepen: str = "git fetch --unshallow origin"


def host_of(variables: Variables) -> Host:
    """The host that set these variables; SHELL where none is known."""
    return next((host for sign, value, host in _SIGNS if _is_set(variables, sign, value)), SHELL)


def _is_set(variables: Variables, sign: str, value: str | None) -> bool:
    return bool(variables.get(sign)) if value is None else variables.get(sign, "").lower() == value


def _push(head: str, before: str | None, branch: str, default: str | None) -> Job:
    """What a push brings to a branch. Where nothing was there before, what the default branch lacks; the default branch
    itself is then new as a whole."""
    if before and not _NONE.fullmatch(before):
        return Job(f"push to {branch}", head, base=before, branch=None if branch == default else default)
    if not default:
        raise UsageError(f"the first push of {branch} does not tell which branch it comes from", BASE_HINT)
    return Job(f"first push of {branch}", head, branch=None if branch == default else default)


def _since_default(head: str, branch: str, default: str | None) -> Job:
    """Where a host does not tell what a push brought: what a branch has that the default branch lacks."""
    if branch == default:
        raise UsageError(f"this host does not tell what a push brought to {branch}", BASE_HINT)
    return Job(f"branch {branch}", head, branch=default or "HEAD")


def _no_change(event: str) -> UsageError:
    return UsageError(f"a job of the kind {event!r} is about no change, so it has to be named", BASE_HINT)


def _event(variables: Variables) -> dict[str, Any]:
    """The event file of GitHub and its kin."""
    path = variables.get("GITHUB_EVENT_PATH", "")
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"GITHUB_EVENT_PATH names no event that can be read: {error}", BASE_HINT) from None
    return found if isinstance(found, dict) else {}


def _at(value: object, *keys: str) -> str:
    """A text inside nested tables, "" where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _between(about: str, base: str, head: str) -> Job:
    if not base or not head:
        raise UsageError(f"the event file of this {about} names no commits", BASE_HINT)
    return Job(about, head, base=base)


def _github(variables: Variables) -> Job:
    name = variables.get("GITHUB_EVENT_NAME", "")
    ref = variables.get("GITHUB_REF", "")
    if name in ("pull_request", "pull_request_target"):
        event = _event(variables)
        return _between(
            "pull request", _at(event, "pull_request", "base", "sha"), _at(event, "pull_request", "head", "sha")
        )
    if name == "merge_group":
        event = _event(variables)
        return _between("merge group", _at(event, "merge_group", "base_sha"), _at(event, "merge_group", "head_sha"))
    if name == "push" and ref.startswith("refs/heads/"):
        event = _event(variables)
        default = _at(event, "repository", "default_branch")
        branch = ref.removeprefix("refs/heads/")
        return _push(_at(event, "after") or variables.get("GITHUB_SHA", "HEAD"), _at(event, "before"), branch, default)
    raise _no_change("tag" if ref.startswith("refs/tags/") else name)


def _gitlab(variables: Variables) -> Job:
    base = variables.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    head = variables.get("CI_COMMIT_SHA", "HEAD")
    if base:
        return Job("merge request", variables.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or head, base=base)
    if variables.get("CI_COMMIT_TAG"):
        raise _no_change("tag")
    source = variables.get("CI_PIPELINE_SOURCE", "")
    if source not in ("push", ""):
        raise _no_change(source)
    branch = variables.get("CI_COMMIT_BRANCH", "")
    return _push(head, variables.get("CI_COMMIT_BEFORE_SHA"), branch, variables.get("CI_DEFAULT_BRANCH"))


def _jenkins(variables: Variables) -> Job:
    head = variables.get("GIT_COMMIT") or "HEAD"
    if variables.get("CHANGE_TARGET"):
        return Job("pull request", head, branch=variables["CHANGE_TARGET"])
    if variables.get("TAG_NAME"):
        raise _no_change("tag")
    branch = variables.get("BRANCH_NAME") or variables.get("GIT_BRANCH", "").removeprefix("origin/")
    primary = variables.get("BRANCH_IS_PRIMARY") == "true"
    before, last = variables.get("GIT_PREVIOUS_SUCCESSFUL_COMMIT"), variables.get("GIT_PREVIOUS_COMMIT")
    if not before and last != head and (primary or not variables.get("BRANCH_NAME")):
        before = last  # nothing else tells what came to a default branch; others are reviewed whole until one succeeds
    if before:
        return Job(f"what came to {branch} since the last build", head, base=before)
    return _since_default(head, branch, branch if primary else None)


def _azure(variables: Variables) -> Job:
    head = variables.get("SYSTEM_PULLREQUEST_SOURCECOMMITID") or variables.get("BUILD_SOURCEVERSION", "HEAD")
    target = variables.get("SYSTEM_PULLREQUEST_TARGETBRANCH", "").removeprefix("refs/heads/")
    if target:
        return Job("pull request", head, branch=target)
    reason, ref = variables.get("BUILD_REASON", ""), variables.get("BUILD_SOURCEBRANCH", "")
    if reason not in ("IndividualCI", "BatchedCI") or not ref.startswith("refs/heads/"):
        raise _no_change("tag" if ref.startswith("refs/tags/") else reason)
    return _since_default(head, ref.removeprefix("refs/heads/"), None)


def _bitbucket(variables: Variables) -> Job:
    head = variables.get("BITBUCKET_COMMIT", "HEAD")
    if variables.get("BITBUCKET_PR_DESTINATION_BRANCH"):
        return Job("pull request", head, branch=variables["BITBUCKET_PR_DESTINATION_BRANCH"])
    if not variables.get("BITBUCKET_BRANCH"):
        raise _no_change("tag" if variables.get("BITBUCKET_TAG") else "manual")
    return _since_default(head, variables["BITBUCKET_BRANCH"], None)


def _woodpecker(variables: Variables) -> Job:
    event, head = variables.get("CI_PIPELINE_EVENT", ""), variables.get("CI_COMMIT_SHA", "HEAD")
    if event.startswith("pull_request") and variables.get("CI_COMMIT_TARGET_BRANCH"):
        return Job("pull request", head, branch=variables["CI_COMMIT_TARGET_BRANCH"])
    if event != "push":
        raise _no_change(event)
    branch, default = variables.get("CI_COMMIT_BRANCH", ""), variables.get("CI_REPO_DEFAULT_BRANCH")
    restarted = variables.get("CI_PREV_COMMIT_SHA") == head  # the pipeline before is of the same push
    if variables.get("CI_PREV_COMMIT_BRANCH") == branch and not restarted:
        return _push(head, variables.get("CI_PREV_COMMIT_SHA"), branch, default)
    return _since_default(head, branch, default)


def _buildkite(variables: Variables) -> Job:
    head = variables.get("BUILDKITE_COMMIT", "HEAD")
    if variables.get("BUILDKITE_PULL_REQUEST", "false") != "false":
        return Job("pull request", head, branch=variables.get("BUILDKITE_PULL_REQUEST_BASE_BRANCH") or "HEAD")
    if variables.get("BUILDKITE_TAG"):
        raise _no_change("tag")
    if variables.get("BUILDKITE_SOURCE", "webhook") == "schedule":
        raise _no_change("schedule")
    return _since_default(
        head, variables.get("BUILDKITE_BRANCH", ""), variables.get("BUILDKITE_PIPELINE_DEFAULT_BRANCH")
    )


def _drone(variables: Variables) -> Job:
    event = variables.get("DRONE_BUILD_EVENT", "")
    head = variables.get("DRONE_COMMIT_SHA") or variables.get("DRONE_COMMIT", "HEAD")
    if event == "pull_request":
        return Job("pull request", head, branch=variables.get("DRONE_TARGET_BRANCH") or "HEAD")
    if event != "push":
        raise _no_change(event)
    before, default = variables.get("DRONE_COMMIT_BEFORE"), variables.get("DRONE_REPO_BRANCH")
    return _push(head, before, variables.get("DRONE_BRANCH", ""), default)


def _shell(variables: Variables) -> Job:
    return Job("this branch", "HEAD", branch="HEAD")


SHELL = Host("a shell", _shell)
_GITHUB = Host("GitHub Actions", _github, "github", "fetch-depth: 0 (actions/checkout)")
_SIGNS = (
    ("FORGEJO_ACTIONS", "true", _GITHUB._replace(name="Forgejo Actions")),
    ("GITEA_ACTIONS", "true", _GITHUB._replace(name="Gitea Actions")),
    ("GITHUB_ACTIONS", "true", _GITHUB),
    ("GITLAB_CI", "true", Host("GitLab CI", _gitlab, deepen='GIT_DEPTH: "0" (variables of the job)')),
    ("TF_BUILD", "true", Host("Azure Pipelines", _azure, deepen="fetchDepth: 0 (step checkout)")),
    ("BITBUCKET_BUILD_NUMBER", None, Host("Bitbucket Pipelines", _bitbucket, deepen="clone: depth: full")),
    ("BUILDKITE", "true", Host("Buildkite", _buildkite)),
    ("CI", "woodpecker", Host("Woodpecker", _woodpecker, deepen="settings: partial: false, depth: 0 (step clone)")),
    ("DRONE", "true", Host("Drone", _drone, deepen="clone: depth: 0")),
    ("JENKINS_URL", None, Host("Jenkins", _jenkins)),
)
"""The variable that tells a host, its value (None: any) in small letters; kin of GitHub before it, for they set its
variables too."""
