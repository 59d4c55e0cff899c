"""Exports of a package that are imported when somebody asks for them (PEP 562), so that a face costs nothing: no torch for readers.

A package's `__init__` names what it exports once, in imports under `TYPE_CHECKING`, which type checkers read, and this module, too.
"""

from __future__ import annotations

import ast
import importlib
from collections.abc import Callable
from pathlib import Path


def exports(package: str, source: str) -> Callable[[str], object]:
    """The `__getattr__` of a package whose `__init__` has this source file. It raises AttributeError for any other name."""
    homes: dict[str, str] = {}

    def __getattr__(name: str) -> object:  # noqa: N807 - what it becomes
        if not homes:
            homes.update(_homes(Path(source).read_text(encoding="utf-8")))
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(importlib.import_module(homes[name]), name)

    return __getattr__


def _homes(source: str) -> dict[str, str]:
    """Where each name of the imports under `TYPE_CHECKING` comes from."""
    guarded = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    imports = [node for block in guarded for node in block.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}
