"""What decides about a review in CI, as the base of the change has it: a change cannot weaken its own review."""

import argparse
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from reviewbot.baseline import FILE, Baseline, read_baseline
from reviewbot.cli.material import Trust
from reviewbot.config import Settings, load_config
from reviewbot.errors import ConfigError
from reviewbot.findings import Severity
from reviewbot.layers import REPOSITORY_FILES, read_table
from reviewbot.repo import Repository
from reviewbot.settings import BY_KEY
from reviewbot.text import visible_line

FILES = ("prompt", "guidelines")
"""Settings that may name a file of the repository."""


class Trusted(NamedTuple):
    """The settings that hold for a change, and whose word counts about its findings."""

    settings: Settings
    trust: Trust


@contextmanager
def trust_base(
    repository: Repository, base: str | None, options: argparse.Namespace, environ: Mapping[str, str]
) -> Iterator[Trusted]:
    """Settings, prompt, guidelines and baseline of the commit `base`, for as long as they are needed; none of them
    where there is no base. A prompt or guidelines that the user names count as the base has them, too, where they lie
    inside the work tree."""
    with tempfile.TemporaryDirectory(prefix="reviewbot-") as made:
        folder = _Folder(repository, base, os.path.realpath(made))
        flags = {**options.settings, **folder.bring_named_by_user(options.settings, environ)}
        if not options.isolated:
            folder.bring_repository_files()
        settings = load_config(
            root=folder.path,
            flags=flags,
            config_file=options.config,
            isolated=options.isolated,
            read_base=folder.read,
            environ=environ,
        )
        data = folder.read(FILE.encode())
        baseline = Baseline() if data is None else read_baseline(data)
        trust = Trust(baseline, options.allow_new_ignores, folder.path, Severity.WARNING)
        yield Trusted(without_deadline_of_repository(settings), trust)


def without_deadline_of_repository(settings: Settings) -> Settings:
    """A repository sets a deadline for the commits of people, who wait for it; a job of CI reads all there is."""
    if not settings.origins["deadline_s"].startswith("repository file"):
        return settings
    return settings._replace(
        config=settings.config._replace(deadline_s=None), origins={**settings.origins, "deadline_s": "default"}
    )


class _Folder:
    """A folder with those files of a commit that decide."""

    def __init__(self, repository: Repository, base: str | None, path: str) -> None:
        self._repository = repository
        self._base = base
        self.path = path

    def read(self, name: bytes) -> bytes | None:
        """A file of the base, None where it has none."""
        if self._base is None:
            return None
        return self._repository.read_followed(self._base, name)

    def bring_repository_files(self) -> None:
        """The files with settings, and those that these name."""
        for name in REPOSITORY_FILES:
            data = self._bring(name)
            table = None if data is None else read_table(name, data, f"repository file {name}")
            for value in [(table or {}).get(key) for key in FILES]:
                if isinstance(value, str) and not os.path.isabs(value):
                    self._bring(os.path.normpath(value))

    def bring_named_by_user(self, flags: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
        """New values for the settings that name a file of the work tree: the same file of the base."""
        found = {}
        for setting in (BY_KEY[key] for key in FILES):
            text = flags.get(setting.key) or environ.get(setting.variable)
            inside = self._inside(text) if isinstance(text, str) else None
            if inside is not None:
                if self._bring(inside) is None:
                    raise ConfigError(
                        f"{setting.flag}: what the change is based on has no {visible_line(inside)}, and a change "
                        "cannot bring in what decides about it",
                        f"commit {visible_line(inside)} first",
                    )
                found[setting.key] = os.path.join(self.path, inside)
        return found

    def _inside(self, text: str) -> str | None:
        """The path in the repository that a text names; None where that is a word or lies elsewhere."""
        root = self._repository.root
        if root is None or not os.path.exists(text):
            return None
        path = os.path.relpath(os.path.realpath(text), os.path.realpath(root))
        return None if path.split(os.sep)[0] == os.pardir else path

    def _bring(self, name: str) -> bytes | None:
        """Copy a file of the base, and return what it holds."""
        if name.split(os.sep)[0] == os.pardir:
            return None
        data = self.read(os.fsencode(name))
        if data is not None:
            path = Path(self.path, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return data
