"""`reviewbot install --check`: of each hook whether it is there, ours, current, executable, and has its program."""

from pathlib import Path

import pytest
from conftest import GitRepo
from stand_in import StandIn, program

from reviewbot import hookscripts
from reviewbot.cli import main

__all__ = ["program"]


@pytest.fixture
def hook(repo: GitRepo, program: StandIn, capfd: pytest.CaptureFixture[str]) -> Path:
    """The pre-commit hook that `reviewbot install` wrote."""
    assert main(["install"]) == 0
    capfd.readouterr()
    return repo.path / ".git/hooks/pre-commit"


def check(capfd: pytest.CaptureFixture[str], *words: str) -> tuple[int, list[str]]:
    code = main(["install", "--check", *words])
    return code, capfd.readouterr().out.splitlines()


def test_hooks_that_are_in_order(hook: Path, program: StandIn, capfd: pytest.CaptureFixture[str]) -> None:
    detail = f"(ours, current, executable, run by {program.path})"
    assert check(capfd) == (
        0,
        [
            f"pre-commit: in order: {hook} {detail}",
            f"pre-merge-commit: in order: {hook.with_name('pre-merge-commit')} {detail}",
        ],
    )


def test_only_the_chosen_stages_count(hook: Path, capfd: pytest.CaptureFixture[str]) -> None:
    push = hook.with_name("pre-push")
    missing = f"pre-push: absent: there is no {push}; try: reviewbot install --stage pre-push"
    assert check(capfd, "--stage", "pre-push") == (1, [missing])
    code, lines = check(capfd, "--stage", "pre-commit", "--stage", "pre-push")
    assert code == 1 and lines[0].startswith("pre-commit: in order") and lines[1] == missing
    assert not push.exists()


def test_the_hook_that_reviews_while_people_stage(hook: Path, capfd: pytest.CaptureFixture[str]) -> None:
    warm = hook.with_name("post-index-change")
    missing = f"post-index-change: absent: there is no {warm}; try: reviewbot install --warm-only"
    assert check(capfd, "--warm") == (1, [*check(capfd)[1], missing])
    assert main(["install", "--warm-only"]) == 0
    capfd.readouterr()
    assert check(capfd, "--warm-only")[0] == 0


def edit(hook: Path) -> None:
    hook.write_text(hook.read_text() + "echo mine\n")


def lose_the_bit(hook: Path) -> None:
    hook.chmod(0o644)


def write_as_another_version(hook: Path) -> None:
    body = hook.read_text().split("\n", 3)[3].replace("nothing was reviewed", "nothing was read")
    head = ("#!/bin/sh", hookscripts.second_line("pre-commit"), hookscripts.seal(body))
    hook.write_text("\n".join((*head, body)))


def have_windows_line_ends(hook: Path) -> None:
    hook.write_bytes(hook.read_bytes().replace(b"\n", b"\r\n"))


def be_somebody_else(hook: Path) -> None:
    hook.write_text("#!/bin/sh\nmake lint\n")


def be_gone(hook: Path) -> None:
    hook.unlink()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (edit, "broken: {hook} was edited by hand; try: rm {hook} && reviewbot install"),
        (lose_the_bit, "broken: {hook} is not executable, so git passes over it; try: chmod +x {hook}"),
        (
            write_as_another_version,
            "broken: {hook} was written by another version of reviewbot, or for another on_failure; "
            "try: reviewbot install",
        ),
        (
            have_windows_line_ends,
            "broken: {hook} has Windows line ends, so git cannot run it; try: perl -pi -e 's/\\r//' {hook}",
        ),
        (be_somebody_else, "absent: {hook} is a hook of somebody else and runs no reviewbot; try: reviewbot install"),
        (be_gone, "absent: there is no {hook}; try: reviewbot install"),
    ],
)
def test_what_is_wrong_and_what_mends_it(hook: Path, change, expected, capfd: pytest.CaptureFixture[str]) -> None:
    change(hook)
    code, lines = check(capfd)
    assert code == 1 and lines[0] == f"pre-commit: {expected.format(hook=hook)}"
    assert lines[1].startswith("pre-merge-commit: in order")


@pytest.mark.parametrize("what", ["the interpreter", "its folder"])
def test_a_virtual_environment_that_is_gone(
    hook: Path, program: StandIn, what: str, capfd: pytest.CaptureFixture[str]
) -> None:
    program.path.unlink() if what == "the interpreter" else program.path.parent.rename(program.path.parent.parent / "x")
    code, lines = check(capfd)
    assert code == 1
    assert lines[0] == f"pre-commit: broken: {hook} runs what is gone: {program.path}; try: reviewbot install"


def test_another_interpreter_that_works_is_in_order(
    hook: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.executable", "/another/python")
    assert check(capfd)[0] == 0


def test_another_on_failure_is_not_current(
    hook: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REVIEWBOT_ON_FAILURE", "block")
    code, lines = check(capfd)
    assert code == 1 and "or for another on_failure; try: reviewbot install" in lines[0]
    assert main(["install"]) == 0
    capfd.readouterr()
    assert check(capfd)[0] == 0


@pytest.mark.parametrize("mode", [0o755, 0o644])
def test_a_hook_written_by_hand(hook: Path, mode: int, capfd: pytest.CaptureFixture[str]) -> None:
    hook.write_text("#!/bin/sh\nmake lint && exec reviewbot hook pre-commit\n")
    hook.chmod(mode)
    code, lines = check(capfd)
    assert (code == 0) is (mode == 0o755)
    assert ("in order: " in lines[0]) is (mode == 0o755)


def test_the_hooks_that_the_repository_has_as_files(hook: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hook.write_text(hookscripts.hook_script("pre-commit"))
    code, lines = check(capfd)
    assert code == 0 and lines[0].endswith("(ours, current, executable, run by reviewbot in PATH)")


def test_the_opt_out_says_that_it_has_no_effect_here(
    hook: Path, repo: GitRepo, capfd: pytest.CaptureFixture[str]
) -> None:
    repo.git("config", "reviewbot.enabled", "no")
    code, lines = check(capfd)
    assert code == 0
    assert lines[-1] == "note: reviewbot.enabled is false, which only the hooks of `reviewbot install --global` heed"
