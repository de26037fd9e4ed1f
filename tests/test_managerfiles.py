"""What the files of husky, lefthook and pre-commit say of a stage."""

import pytest

from reviewbot.managerfiles import in_lefthook, in_pre_commit, in_script

RUN = "  commands:\n    reviewbot:\n      run: reviewbot hook\n"


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ('npm test\nreviewbot hook pre-commit "$@"\n', True),
        ("npm test && npx reviewbot hook pre-commit # last\n", True),
        ('npm test\n  # reviewbot hook pre-commit "$@"\n', False),
        ("", False),
    ],
)
def test_a_script_of_husky(text: str, runs: bool) -> None:
    assert in_script(text) is runs


@pytest.mark.parametrize(
    ("kind", "text", "runs"),
    [
        ("yml", f"pre-commit:\n{RUN}", True),
        ("yaml", f'min_version: 2\n\n"pre-commit":\n  parallel: true\n\n{RUN}pre-push:\n  a: b\n', True),
        ("yml", "pre-commit: {commands: {a: {run: reviewbot hook}}}\n", True),
        ("yml", f"pre-push:\n{RUN}pre-commit:\n  commands:\n    a:\n      run: make\n", False),
        ("yml", "pre-commit:\n  commands:\n    a:\n      run: make\n    # reviewbot: later\n", False),
        ("yml", f"pre-push: &all\n{RUN}pre-commit: *all\n", True),
        ("yml", f"pre-push: &all\n{RUN}pre-commit:\n  <<: *all\n", True),
        ("yml", f"#pre-commit:\n{RUN}", False),
        ("yml", f"pre-merge-commit:\n{RUN}", False),
        ("toml", '[pre-commit.commands.a]\nrun = "reviewbot hook"\n', True),
        ("toml", '[pre-push.commands.a]\nrun = "reviewbot hook"\n[pre-commit.commands.b]\nrun = "make"\n', False),
        ("toml", "[", False),
        ("json", '{"pre-commit": {"commands": {"reviewbot": {"run": "x"}}}}', True),
        ("json", '{"pre-push": {"commands": {"reviewbot": {"run": "x"}}}}', False),
        ("json", "[]", False),
        ("yml", "", False),
    ],
)
def test_a_file_of_lefthook(kind: str, text: str, runs: bool) -> None:
    assert in_lefthook(text, kind, "pre-commit") is runs


@pytest.mark.parametrize(
    ("hook", "stages"),
    [
        ("  - id: reviewbot\n", "commit merge push"),
        ("  -   id: reviewbot\n      stages: [pre-commit]\n", "commit"),
        ("  - id: reviewbot\n    stages: [commit, push]\n", "commit push"),
        ("  - id: reviewbot\n    stages:\n    - pre-merge-commit\n    - 'pre-push'\n", "merge push"),
        ("  - id: local\n    entry: reviewbot hook\n    stages: [manual]\n", ""),
        ("  - id: reviewbot-manual\n", ""),
        ("  - id: reviewbot-manual\n    stages: [pre-push]\n", "push"),
        ("  - id: reviewbot-manual\n  - id: reviewbot-system\n    stages: [pre-commit]\n", "commit"),
        ("  - id: reviewbot\n    stages: [manual]\n  - id: ruff\n    stages: [pre-commit]\n", ""),
        ("  - {id: reviewbot, stages: [pre-push]}\n", "push"),
        ("#  - id: reviewbot\n", ""),
        ("  - id: ruff\n", ""),
    ],
)
def test_a_file_of_pre_commit(hook: str, stages: str) -> None:
    text = f"repos:\n- repo: https://example.org/reviewbot\n  rev: v1\n  hooks:\n{hook}- repo: meta\n"
    names = {"commit": "pre-commit", "merge": "pre-merge-commit", "push": "pre-push"}
    assert [word for word, stage in names.items() if in_pre_commit(text, stage)] == stages.split()


@pytest.mark.parametrize(("stages", "runs"), [("[pre-push]", False), ("[pre-commit]", True)])
def test_default_stages_hold_for_hooks_of_the_file_itself(stages: str, runs: bool) -> None:
    hooks = "  hooks:\n  - id: reviewbot\n    entry: reviewbot hook\n"
    assert in_pre_commit(f"default_stages: {stages}\nrepos:\n- repo: local\n{hooks}", "pre-commit") is runs
    assert in_pre_commit(f"default_stages: {stages}\nrepos:\n- repo: https://example.org/x\n{hooks}", "pre-commit")


@pytest.mark.parametrize(
    "text",
    ["repos: [", "repos: reviewbot", "repos: [reviewbot]", "- reviewbot", "repos: [{hooks: 1}]"],
)
def test_a_file_that_is_none_of_pre_commit(text: str) -> None:
    assert not in_pre_commit(text, "pre-commit")
