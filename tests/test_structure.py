"""The shape of the code: faces that say what others may use, one name for one thing, documents and schema in step."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import tokenscope_trace
from tokenscope_trace.traces.schema import TABLES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "recorder" / "tokenscope_trace"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent.name != "builtin_model")
PACKAGES = sorted({path.parent.name for path in MODULES if path.parent != PACKAGE})
# Tests that are of no module, but of what several do together.
THEMES = {
    "searched",
    "attacks",
    "fuzz",
    "leaks",
    "number_formats",
    "tree_exactness",
    "architectures",
    "determinism",
    "faults",
    "hostile",
    "sinks",
}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def table(document: Path, after: str) -> list[tuple[str, str]]:
    """(name, words) of the first table behind a line of a document."""
    section = document.read_text(encoding="utf-8").split(after, 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", section, re.MULTILINE)


def test_the_map_of_the_house_has_every_package_and_readme_shows_the_same():
    rows = table(ROOT / "recorder" / "SOURCE.md", "## `recorder/tokenscope_trace/`")
    assert sorted(name.rstrip("/") for name, _ in rows) == PACKAGES
    assert table(ROOT / "README.md", "## Development") == rows


def test_whatever_the_map_says_is_somewhere_is_there():
    text = (ROOT / "recorder" / "SOURCE.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w./]+\.(?:py|js|css|md|jinja|json)|[\w/]+/)`", text.split("## Where is", 1)[1])
    assert len(named) > 20
    for name in named:
        assert any((root / name).exists() for root in (ROOT, PACKAGE, ROOT / "viewer")), name


def test_what_one_package_takes_of_another_stands_in_its_face():
    taken = defaultdict(set)
    for path in MODULES:
        own = path.relative_to(PACKAGE).parts[0]
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tokenscope_trace."):
                _, package, *module = node.module.split(".")
                if package in PACKAGES and package != own:
                    assert module, f"{path} imports a module of {package}; import its names"
                    taken[package] |= {alias.name for alias in node.names}
    for package, names in taken.items():
        face = importlib.import_module(f"tokenscope_trace.{package}")
        assert names <= set(face.__all__), f"{package} exports no {names - set(face.__all__)}"


@pytest.mark.parametrize("package", [name for name in PACKAGES if name != "cli"])
def test_a_face_gives_what_it_promises_and_nothing_else(package):
    face = importlib.import_module(f"tokenscope_trace.{package}")
    for name in face.__all__:
        assert getattr(face, name) is not None
    guarded = [node for node in parsed(PACKAGE / package / "__init__.py").body if isinstance(node, ast.If)]
    assert {alias.name for node in guarded[0].body for alias in node.names} == set(face.__all__)
    with pytest.raises(AttributeError, match="nothing_of_this_name"):
        _ = face.nothing_of_this_name


def test_the_interface_is_there_and_needs_no_torch_before_a_model_is_loaded():
    guarded = [node for node in parsed(PACKAGE / "__init__.py").body if isinstance(node, ast.If)]
    names = {alias.name for node in guarded[0].body for alias in node.names}
    assert set(tokenscope_trace.__all__) == names | {"errors", "__version__"} == set(dir(tokenscope_trace))
    code = f"import sys, tokenscope_trace as ts\nfor name in {sorted(names - {'LoadedModel'})}: assert getattr(ts, name), name\n"
    code += "assert not {'torch', 'transformers'} & sys.modules.keys()\nassert ts.LoadedModel and 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_module_begins_with_a_sentence():
    for path in MODULES:
        first = (ast.get_docstring(parsed(path)) or "").split("\n\n")[0]
        assert re.match(r"[A-Z`].+?[.:,]", first, re.DOTALL), path


def test_no_two_modules_have_a_public_thing_of_one_name():
    homes = defaultdict(list)
    for path in MODULES:
        for node in parsed(path).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in names:
                if not name.startswith("_"):
                    homes[name].append(path.relative_to(PACKAGE).as_posix())
    del homes["main"]  # what both commands call their own
    # What users call a thing is promised to them; the part of the package that does it may call its own part so, too.
    for places in homes.values():
        if len(places) > 1 and "api.py" in places:
            places.remove("api.py")
    assert {name: places for name, places in homes.items() if len(places) > 1} == {}


def test_no_function_or_class_has_the_name_of_its_module():
    for path in MODULES:
        names = {node.name for node in parsed(path).body if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        assert path.stem not in names, path


def test_a_test_stands_where_what_it_tests_stands():
    for package in PACKAGES:
        modules = {path.stem for path in (PACKAGE / package).glob("*.py")}
        tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests" / package).glob("test_*.py")}
        assert tests, package
        assert tests <= modules | THEMES, package


def test_the_list_has_every_training_script_in_at_most_eight_words():
    files = {path.name for path in (ROOT / "recorder" / "training").glob("*.py")}
    rows = table(ROOT / "recorder" / "training" / "README.md", "## The scripts")
    assert {name for name, _ in rows} == files
    assert len(rows) == len(files)
    for name, words in rows:
        assert len(words.split()) <= 8, (name, words)


def test_a_training_module_imports_only_what_stands_above_it():
    order = [name.removesuffix(".py") for name, _ in table(ROOT / "recorder" / "training" / "README.md", "## The scripts")]
    for place, module in enumerate(order):
        text = (ROOT / "recorder" / "training" / f"{module}.py").read_text(encoding="utf-8")
        later = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) & set(order[place:])
        assert not later, f"{module} imports {later}"


def test_the_list_has_every_folder_of_the_viewer():
    folders = {path.relative_to(ROOT / "viewer").parent.as_posix() for path in (ROOT / "viewer").rglob("*.js")}
    rows = table(ROOT / "recorder" / "SOURCE.md", "## `viewer/`")
    assert {name for name, _ in rows} == {f"viewer/{folder}/".replace("/./", "/") for folder in folders}
    assert len(rows) == len(folders)


def test_what_reads_traces_imports_no_torch():
    modules = ["traces.trace", "analysis.pipeline", "privacy.sanitize", "reports.summary", "reports.bundle", "reports.page"]
    modules += [
        "comparison.page",
        "comparison.verdict",
        "cli.html_command",
        "cli.record_command",
        "cli.console",
        "session.jobs",
        "tree.search",
        "recording.recorder",
        "recording.scorer",
        "estimates.dry_run",
        "session.runner",
    ]
    code = f"import sys\nfor m in {modules}: __import__('tokenscope_trace.' + m)\n"
    code += "assert not {'torch', 'transformers', 'tokenizers', 'safetensors'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_module_at_the_root_has_the_name_of_a_standard_one():
    names = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert not names & sys.stdlib_module_names


def test_the_format_document_and_the_schema_list_the_same_columns():
    text = (ROOT / "recorder" / "FORMAT.md").read_text(encoding="utf-8")
    short = {"<i4": "i4", "<u4": "u4", "<u2": "u2", "|u1": "u1", "<f4": "f4"}
    for name_of_table, columns in TABLES.items():
        if name_of_table in ("nodes", "alternatives"):
            section = text.split(f"### `{name_of_table}`", 1)[1].split("\n###", 1)[0]
            rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w*) ?\|", section, re.MULTILINE)
            assert rows == [(name, short[column.dtype], column.unit) for name, column in columns.items()]
        else:
            for name, column in columns.items():
                assert f"| `{name_of_table}.{name}` | {short[column.dtype]} |" in text, f"{name_of_table}.{name}"


def test_everything_that_pip_installs_for_a_user_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    for line in block.strip().splitlines():
        assert re.search(r'",\s+# \w+', line), line
