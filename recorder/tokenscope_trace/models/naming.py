"""Names of models: how a folder is called in a trace, and which names are none. Paths in, words out; imports no torch."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tokenscope_trace.errors import ModelError

_HUB_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:models/)?([\w.-]+/[\w.-]+)|hf://([\w.-]+/[\w.-]+)"
)
_ADDRESS = re.compile(r"\w+://")


def folder_name(path: str | Path) -> str:
    """What a model in a folder is called: the folder's own name, also of `.`, and of a folder in the hub's cache the hub's."""
    parts = Path(os.path.abspath(path)).parts
    cached = next((part for part in parts[-3:-2] if part.startswith("models--") and parts[-2] == "snapshots"), None)
    return "/".join(cached.split("--")[1:]) if cached is not None else parts[-1].strip(os.sep) or "model"


def check_name(name: str) -> None:
    """Raises ModelError where a name is an address, or empty."""
    if not name.strip():
        raise ModelError("the model's name is empty; give a hub id, a folder or a .gguf file.")
    hub = _HUB_ADDRESS.match(name)
    if hub is not None:
        raise ModelError(f"{name} is an address; name the model as the hub does: {hub[1] or hub[2]}.")
    if _ADDRESS.match(name):
        raise ModelError(f"{name} is an address; give a hub id, a folder or a .gguf file.")
