"""The shape of the code: SOURCE.md's list, imports in one direction, FORMAT.md and the schema in step."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tokenscope_trace.traces.schema import TABLES

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "recorder" / "tokenscope_trace"


def listed(folder: str) -> list[tuple[str, str]]:
    """(file name, description) of SOURCE.md's list under the heading of a folder, in order."""
    text = (ROOT / "recorder" / "SOURCE.md").read_text(encoding="utf-8")
    section = text.split(f"## `{folder}`", 1)[1].split("\n#", 1)[0]
    return re.findall(r"^\| `([^`]+)` \| ([^|]+) \|$", section, re.MULTILINE)


def test_the_list_has_every_training_script_in_at_most_eight_words():
    files = {path.name for path in (ROOT / "recorder" / "training").glob("*.py")}
    rows = listed("recorder/training/")
    assert {name for name, _ in rows} == files
    assert len(rows) == len(files)
    for name, words in rows:
        assert len(words.split()) <= 8, (name, words)


def test_a_training_module_imports_only_what_stands_above_it():
    order = [name.removesuffix(".py") for name, _ in listed("recorder/training/")]
    for place, module in enumerate(order):
        text = (ROOT / "recorder" / "training" / f"{module}.py").read_text(encoding="utf-8")
        later = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE)) & set(order[place:])
        assert not later, f"{module} imports {later}"


def test_the_list_has_every_folder_of_the_viewer():
    folders = {path.relative_to(ROOT / "viewer").parent.as_posix() for path in (ROOT / "viewer").rglob("*.js")}
    rows = listed("viewer/")
    assert {name for name, _ in rows} == {f"viewer/{folder}/".replace("/./", "/") for folder in folders}
    assert len(rows) == len(folders)


def test_what_reads_traces_imports_no_torch():
    modules = [
        "traces.trace",
        "analysis.uncertainty",
        "reports.summary",
        "reports.bundle",
        "reports.page",
        "comparison.page",
    ]
    modules += ["cli.html_command", "cli.console", "text", "settings"]
    code = f"import sys\nfor m in {modules}: __import__('tokenscope_trace.' + m)\n"
    code += "assert not {'torch', 'transformers', 'tokenizers', 'safetensors'} & sys.modules.keys()"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_module_has_the_name_of_a_standard_one():
    names = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__"}
    assert not names & sys.stdlib_module_names


def test_the_format_document_and_the_schema_list_the_same_columns():
    text = (ROOT / "recorder" / "FORMAT.md").read_text(encoding="utf-8")
    short = {"<i4": "i4", "<u4": "u4", "<u2": "u2", "|u1": "u1", "<f4": "f4"}
    for table, columns in TABLES.items():
        if table in ("nodes", "alternatives"):
            section = text.split(f"### `{table}`", 1)[1].split("\n###", 1)[0]
            rows = re.findall(r"^\| `(\w+)` \| (\w+) \| (\w*) ?\|", section, re.MULTILINE)
            assert rows == [(name, short[column.dtype], column.unit) for name, column in columns.items()]
        else:
            for name, column in columns.items():
                assert f"| `{table}.{name}` | {short[column.dtype]} |" in text, f"{table}.{name}"


def test_everything_that_pip_installs_for_a_user_has_a_reason():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [", 1)[1].split("\n]", 1)[0]
    for line in block.strip().splitlines():
        assert re.search(r'",\s+# \w+', line), line
