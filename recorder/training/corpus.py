"""Collect the training text: permissively licensed Python files found on this machine.

Nothing is downloaded. The files come from the standard library of the running
interpreter and from the packages installed beside it. Every source is checked
against its own licence metadata before a single file of it is read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import random
import re
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

# Whole modules that never reach the tokenizer or the model; evaluate.py measures on them.
HELD_OUT: tuple[str, ...] = (
    "bisect.py",
    "calendar.py",
    "csv.py",
    "fractions.py",
    "heapq.py",
    "queue.py",
    "shlex.py",
    "statistics.py",
    "string.py",
    "textwrap.py",
)

STDLIB = "python-stdlib"
STDLIB_LICENCE = "PSF-2.0"
MAX_FILE_BYTES = 200_000
MAX_LINE_CHARS = 400
SEEN_LINES_LIMIT = 0.6  # a file is dropped when more of its lines than this were seen before

# Folder names that hold no code worth learning from: tests, vendored copies, tables, templates.
SKIPPED_FOLDERS = frozenset(
    [
        "__pycache__",
        "_antlr",
        "_appdirs",
        "_generated",
        "_unicode_data",
        "_vendor",
        "_vendored",
        "benchmarks",
        "data",
        "driver",
        "encodings",
        "ensurepip",
        "externals",
        "generated",
        "idlelib",
        "lib-dynload",
        "lib2to3",
        "node_modules",
        "parsetab",
        "pydoc_data",
        "rubi",
        "sandbox",
        "site-packages",
        "test",
        "test_cases",
        "testing",
        "tests",
        "turtledemo",
        "typeshed",
        "vendor",
        "vendored",
    ]
)
SKIPPED_FILES = re.compile(
    r"^(_?test_.*|.*_test|conftest|_sysconfigdata.*|uts46data|idnadata|_parser_.*|parsetab|"
    r"yacctab|lextab|_unicodedata.*|unistring|.*_builtins|_mapping|.*_pb2|.*_docs|this|"
    r"dummy_.*_objects|_cell_widths|_emoji_codes|_async_api|_sync_api)$"
)
GENERATED = re.compile(r"(?i)(auto-?generated|generated (by|from|file|automatically)|do not edit|@generated)")


@dataclass(frozen=True)
class Source:
    """One distribution to read from; `cap` bounds its share in bytes."""

    distribution: str
    folders: tuple[str, ...]
    cap: int = 4_000_000


SOURCES: tuple[Source, ...] = (
    Source(STDLIB, (".",), 12_000_000),
    Source("anyio", ("anyio",)),
    Source("click", ("click",)),
    Source("execnet", ("execnet",)),
    Source("filelock", ("filelock",)),
    Source("fsspec", ("fsspec",)),
    Source("h11", ("h11",)),
    Source("httpcore2", ("httpcore2",)),
    Source("httpx2", ("httpx2",)),
    Source("huggingface_hub", ("huggingface_hub",)),
    Source("idna", ("idna",)),
    Source("jinja2", ("jinja2",)),
    Source("markdown-it-py", ("markdown_it",)),
    Source("mpmath", ("mpmath",)),
    Source("mypy", ("mypy", "mypyc")),
    Source("networkx", ("networkx",)),
    Source("numpy", ("numpy",)),
    Source("packaging", ("packaging",)),
    Source("pip", ("pip",)),
    Source("playwright", ("playwright",), 500_000),
    Source("pluggy", ("pluggy",)),
    Source("pydantic", ("pydantic",)),
    Source("pygments", ("pygments",), 1_000_000),
    Source("pytest", ("_pytest",)),
    Source("pytest-xdist", ("xdist",)),
    Source("pyyaml", ("yaml",)),
    Source("rich", ("rich",)),
    Source("setuptools", ("setuptools",)),
    Source("sortedcontainers", ("sortedcontainers",)),
    Source("sympy", ("sympy",), 8_000_000),
    Source("torch", ("torch", "functorch", "torchgen"), 12_000_000),
    Source("transformers", ("transformers",), 6_000_000),
    Source("truststore", ("truststore",)),
    Source("typer", ("typer",)),
    Source("typing_extensions", ("typing_extensions.py",)),
    Source("typing-inspection", ("typing_inspection",)),
)

_ALLOWED_LICENCE = re.compile(
    r"(?i)^(MIT( License)?|BSD(-[023]-Clause| License)?|0BSD|Apache([- ]2\.0)?( License)?|"
    r"Apache Software License|PSF-2\.0|ISC( License)?( \(ISCL\))?|Zlib|CC0-1\.0|BSL-1\.0|"
    r"Apache 2\.0 License|Apache-2\.0 WITH LLVM-exception|Python Software Foundation License)$"
)


@dataclass(frozen=True)
class Document:
    """One file: where it comes from, its name inside the source, its text."""

    source: str
    name: str
    text: str


def licence_of(distribution: str) -> str:
    """The licence that a distribution states about itself."""
    if distribution == STDLIB:
        return STDLIB_LICENCE
    metadata = importlib.metadata.metadata(distribution)
    for field in ("License-Expression", "License"):
        stated: str = (metadata.get_all(field) or [""])[0]
        if stated and len(stated) < 150:
            return stated.strip()
    classifiers = metadata.get_all("Classifier") or []
    named = [line.split("::")[-1].strip() for line in classifiers if line.startswith("License")]
    return " AND ".join(named) or "unknown"


def is_permissive(licence: str) -> bool:
    """True when every part of the licence expression is on the permissive list."""
    return all(_ALLOWED_LICENCE.match(part) for part in re.split(r" (?:AND|OR) ", licence))


def root_of(source: Source) -> Path:
    """The folder that a source's `folders` are relative to."""
    if source.distribution == STDLIB:
        return Path(sysconfig.get_paths()["stdlib"])
    return Path(str(importlib.metadata.distribution(source.distribution).locate_file("")))


def held_out_documents() -> list[Document]:
    """The standard-library modules that are kept for measuring, sorted by name."""
    root = Path(sysconfig.get_paths()["stdlib"])
    return [Document(STDLIB, name, read_text(root / name) or "") for name in sorted(HELD_OUT)]


def read_text(path: Path) -> str | None:
    """The file as text with its bytes kept (no newline translation); None if not UTF-8."""
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError:
        return None


def is_wanted(text: str) -> bool:
    """Leave out stubs, generated files, tables and files with very long lines."""
    if not 200 <= len(text) <= MAX_FILE_BYTES or GENERATED.search(text[:1000]):
        return False
    if any(len(line) > MAX_LINE_CHARS for line in text.splitlines()):
        return False
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    return digits < 0.1 * len(text) and letters > 0.35 * len(text)


def candidate_paths(source: Source) -> Iterator[tuple[str, Path]]:
    """(name inside the source, path) of the source's Python files, sorted by name."""
    root = root_of(source)
    for folder in source.folders:
        base = root / folder
        for path in [base] if base.is_file() else sorted(base.rglob("*.py")):
            inside = path.relative_to(root)
            if SKIPPED_FOLDERS.isdisjoint(inside.parts[:-1]) and not SKIPPED_FILES.match(path.stem):
                yield inside.as_posix(), path


def line_keys(text: str) -> set[int]:
    """Hashes of the file's distinct lines that say something (12 characters or more)."""
    lines = {" ".join(line.split()) for line in text.splitlines()}
    return {
        int.from_bytes(hashlib.blake2b(line.encode(), digest_size=8).digest(), "big") for line in lines if len(line) >= 12
    }


def collect(seed: int = 1) -> list[Document]:
    """All training documents: licensed, filtered, without duplicates, capped per source.

    A file counts as a near-duplicate when over 60 percent of its lines occurred in files
    taken before it. The held-out modules enter the set of seen lines first, so copies of
    them elsewhere are dropped too.
    """
    seen: set[int] = set()
    for document in held_out_documents():
        seen |= line_keys(document.text)
    taken: list[Document] = []
    for source in SOURCES:
        licence = licence_of(source.distribution)
        if not is_permissive(licence):
            raise ValueError(f"{source.distribution}: licence not on the list: {licence}")
        paths = list(candidate_paths(source))
        random.Random(f"{seed} {source.distribution}").shuffle(paths)
        room = source.cap
        for name, path in paths:
            if source.distribution == STDLIB and name in HELD_OUT:
                continue
            text = read_text(path)
            if text is None or not is_wanted(text) or len(text) > room:
                continue
            keys = line_keys(text)
            if not keys or len(keys & seen) > SEEN_LINES_LIMIT * len(keys):
                continue
            seen |= keys
            room -= len(text.encode())
            taken.append(Document(source.distribution, name, text))
    return sorted(taken, key=lambda document: (document.source, document.name))


def is_validation(document: Document) -> bool:
    """About one file in a hundred, by its name: what sizes and rates are chosen on, never the held-out modules."""
    return hashlib.blake2b(f"{document.source}/{document.name}".encode(), digest_size=8).digest()[0] < 3


def training_documents(documents: list[Document]) -> list[Document]:
    """What the weights are trained on."""
    return [document for document in documents if not is_validation(document)]


def validation_documents(documents: list[Document]) -> list[Document]:
    """What progress is measured on."""
    return [document for document in documents if is_validation(document)]


def sources_table(documents: list[Document]) -> str:
    """Markdown table of the sources with version, licence, files and bytes."""
    rows = ["| Source | Version | Licence | Files | Bytes |", "| --- | --- | --- | ---: | ---: |"]
    for source in SOURCES:
        mine = [d for d in documents if d.source == source.distribution]
        size = sum(len(d.text.encode()) for d in mine)
        version = (
            sysconfig.get_config_var("VERSION")
            if source.distribution == STDLIB
            else importlib.metadata.version(source.distribution)
        )
        licence = licence_of(source.distribution)
        rows.append(f"| {source.distribution} | {version} | {licence} | {len(mine)} | {size:,} |")
    total = sum(len(d.text.encode()) for d in documents)
    rows.append(f"| all | | | {len(documents)} | {total:,} |")
    return "\n".join(rows)


if __name__ == "__main__":
    print(sources_table(collect()))
