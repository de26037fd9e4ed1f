"""The shape of the package: data flows one way, and each heavy library has one importer."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "reviewbot"

ORDER = """
errors text masks files address values setting machinesettings settings layers config sections diff gitrun revisions
difftext merges
blobs base repo gpu capacity gguf sentencepiece bytepair vocabulary layout tokens findings fingerprints languages
prose sieves remarks exclusions duplicates ignores baseline decoding replies privatekeys detectors checks units
functions headings plan shares risk coverage skips standing patience prompts engines advice syntax confirm outcomes
window portions dialogue pace slots ask opinions review reading verdict reporters output store speed progress power
worker warmhook hookscripts hooknames managerfiles hookmanagers install globalhooks hookstate hosts cli
""".split()
"""A module may import those before it, never those behind it. `__main__` imports cli alone."""

SINGLE_IMPORTERS = {
    "httpx": {"engines.http"},
    "pynvml": {"gpu"},
    "rich": {"progress"},
    "detect_secrets": {"detectors"},
    "xllamacpp": {"engines.embedded_child"},
    "platformdirs": {"layers"},
    "tokenizers": {"bytepair"},
    "sqlite3": {"store"},
    "pygments": {"syntax"},
}

HEAVY = {
    "httpx",
    "pynvml",
    "rich",
    "detect_secrets",
    "xllamacpp",
    "tokenizers",
    "msgspec",
    "pygments",
    "dataclasses",
    "logging",
}


def modules() -> dict[str, ast.Module]:
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        found[name] = ast.parse(path.read_text())
    return found


def imports(tree: ast.Module) -> set[str]:
    """Every imported module's dotted name, those inside functions and under TYPE_CHECKING too."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def typing_only(tree: ast.Module) -> set[str]:
    """What is imported for annotations alone."""
    names = set()
    for node in tree.body:
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            names |= imports(ast.Module(body=node.body, type_ignores=[]))
    return names


@pytest.mark.parametrize("name", [n for n in modules() if n not in ("__init__", "__main__")])
def test_a_module_imports_only_what_stands_before_it(name: str) -> None:
    own = name.split(".")[0]
    assert own in ORDER, f"add {own} to ORDER"
    for imported in imports(modules()[name]):
        parts = imported.split(".")
        if parts[0] == "reviewbot" and len(parts) > 1 and parts[1] != own and parts[1] in ORDER:
            assert ORDER.index(parts[1]) < ORDER.index(own), f"{name} imports {imported}"


@pytest.mark.parametrize("library", SINGLE_IMPORTERS)
def test_each_library_has_one_importer(library: str) -> None:
    importers = {
        name
        for name, tree in modules().items()
        if any(imported.split(".")[0] == library for imported in imports(tree) - typing_only(tree))
    }
    assert importers == SINGLE_IMPORTERS[library]


def loaded_after(statement: str) -> set[str]:
    """The packages that a statement loads."""
    return {name.split(".")[0] for name in modules_after(statement)}


def modules_after(statement: str) -> set[str]:
    code = f"import sys; before = set(sys.modules); {statement}; print(*(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("import reviewbot.cli", id="import"),
        pytest.param("from reviewbot.cli import main; main(['--version'])", id="version"),
        pytest.param("from reviewbot.cli.arguments import parse_arguments; parse_arguments(['diff'])", id="arguments"),
        pytest.param("from reviewbot.gitrun import staged_is_empty; staged_is_empty()", id="is anything staged"),
    ],
)
def test_start_up_loads_nothing_heavy(statement: str) -> None:
    assert loaded_after(statement) & HEAVY == set()


def test_what_was_read_before_takes_no_engine() -> None:
    parts = ("review", "selection", "material", "consult", "outcomes", "join", "remembered", "late", "publication")
    loaded = modules_after(f"import {', '.join(f'reviewbot.cli.{part}' for part in parts)}")
    assert "reviewbot.reading" in loaded
    assert [name for name in loaded if name.startswith("reviewbot.engines.")] == []


def test_help_loads_no_compressors() -> None:
    loaded = loaded_after("from reviewbot.cli.arguments import _build_parser; _build_parser().format_help()")
    assert "argparse" in loaded and loaded & {*HEAVY, "shutil", "lzma"} == set()


def test_modules_stay_small() -> None:
    long = {name: n for name, path in _files().items() if (n := path.read_text().count("\n")) > 300}
    assert long == {}


def _files() -> dict[str, Path]:
    return {str(path.relative_to(PACKAGE)): path for path in PACKAGE.rglob("*.py")}
