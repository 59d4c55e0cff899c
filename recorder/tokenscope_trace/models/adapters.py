"""Adapters: a folder of the package peft that changes a base model, and holds no model of its own. A folder in, the base's name out."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenscope_trace.errors import ModelError
from tokenscope_trace.text import shortened, visible_line

_CONFIG = "adapter_config.json"


def adapter_base(folder: Path) -> str | None:
    """The name of the base model of an adapter, None where the folder holds none, or a model beside it.

    Raises ModelError where the adapter does not name its base, or peft is not installed.
    """
    if not (folder / _CONFIG).is_file() or (folder / "config.json").is_file():
        return None
    try:
        base = json.loads((folder / _CONFIG).read_bytes())["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError):
        base = None
    if not isinstance(base, str) or not base:
        raise ModelError(
            f"{folder} is an adapter that does not name its base model in {_CONFIG}; merge the two and name the result."
        )
    if find_spec("peft") is None:
        raise ModelError(
            f"{folder} is an adapter of {shortened(visible_line(base), 100)}, no model of its own; merge the two (merge_and_unload) and name "
            "the result, or pip install peft."
        )
    return base


def adapted(loaded: tuple[Any, Any], folder: Path) -> tuple[Any, dict[str, Any]]:
    """The base model that `from_pretrained` gave with the adapter of the folder on it, and what the loader reports of both."""
    model, info = loaded
    found = model.load_adapter(str(folder))
    names = ("missing_keys", "unexpected_keys", "mismatched_keys")
    return model, {name: {*info[name], *getattr(found, name, ())} for name in names}
