"""Names of models: how a folder is called in a trace, and which names are none. Paths in, words out; imports no torch."""

from __future__ import annotations

import os
import re
from pathlib import Path

from tokenscope_trace.errors import ModelError
from tokenscope_trace.text import shortened, visible_line

_HUB_ADDRESS = re.compile(
    r"(?:https?://)?(?:www\.)?(?:huggingface\.co|hf\.co)/(?:models/)?([\w.-]+/[\w.-]+)|hf://([\w.-]+/[\w.-]+)"
)
_ADDRESS = re.compile(r"\w+://")
_COMMIT = re.compile(r"[0-9a-f]{40}")


def folder_name(path: str | Path) -> str:
    """What a model in a folder is called: the folder's own name, also of `.`, and of a folder in the hub's cache the hub's."""
    parts = Path(os.path.abspath(path)).parts
    return hub_name(parts[-3]) if _is_cached(parts) else parts[-1].strip(os.sep) or "model"


def cached_commit(path: str | Path) -> str | None:
    """The commit of the hub that a folder of its cache holds, None for any other folder."""
    parts = Path(os.path.abspath(path)).parts
    return parts[-1] if _is_cached(parts) and _COMMIT.fullmatch(parts[-1]) else None


def hub_name(folder: str) -> str:
    """The hub's name of a model by that of its folder in the cache."""
    return "/".join(folder.split("--")[1:])


def check_name(name: str) -> None:
    """Raises ModelError where a name is an address, empty, or none that the system looks up."""
    if not name.strip():
        raise ModelError("the model's name is empty; give a hub id, a folder or a .gguf file.")
    hub = _HUB_ADDRESS.match(name)
    if hub is not None:
        raise ModelError(f"{name} is an address; name the model as the hub does: {hub[1] or hub[2]}.")
    if _ADDRESS.match(name):
        raise ModelError(f"{name} is an address; give a hub id, a folder or a .gguf file.")
    try:
        os.stat(name)
    except (FileNotFoundError, NotADirectoryError):
        pass  # a name of the hub, or a mistake
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise ModelError(f"the model {shortened(visible_line(name), 60)} cannot be looked for ({why}).") from error


def _is_cached(parts: tuple[str, ...]) -> bool:
    return len(parts) > 3 and parts[-2] == "snapshots" and parts[-3].startswith("models--")
