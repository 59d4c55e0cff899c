"""Refusals: why a model could not be loaded, as one sentence, from what the libraries raised and what lies in its folder. Loads nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tokenscope_trace.models.naming import hub_name
from tokenscope_trace.models.trust import is_dangerous_pickle, is_refused_pickle, refuses_code
from tokenscope_trace.settings import ModelSettings
from tokenscope_trace.text import shortened, visible_line

Part = Literal["configuration", "tokenizer", "model"]
_POINTER = b"version https://git-lfs"
_BARE = (AssertionError, AttributeError, IndexError, KeyError, TypeError)  # their words alone say little
_UNKNOWN = re.compile(r"model type `?([^`\s]+)`? but Transformers does not recognize")
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model", "tekken.json")


def why_not(settings: ModelSettings, error: Exception, *, offline: bool, part: Part) -> str:
    """One sentence; `part` is what could not be loaded."""
    name = settings.name
    if Path(name).is_file():
        return f"{name} is a file; name the folder that it lies in, or a .gguf file."
    return (
        _of_trust(settings, error)
        or _of_packages(name, error)
        or (_of_folder(name, Path(name), error, part) if Path(name).is_dir() else _of_name(settings, error, offline=offline))
    )


def is_pointer(path: Path) -> bool:
    """Whether a file is what git-lfs leaves in the place of one that was not fetched."""
    try:
        with path.open("rb") as stream:
            return stream.read(len(_POINTER)) == _POINTER
    except OSError:
        return False


def words_of(error: BaseException) -> str:
    """What a library said, without a full stop: its first line, and the next where that one only leads to it."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    said = ""
    for line in lines:
        said = f"{said} {line}".strip()
        if not said.endswith(":"):
            break
    if "above report" in said:
        said = "its tensors are not those of the model that config.json describes"
    if said and isinstance(error, _BARE):
        said = f"{type(error).__name__}: {said}"
    return shortened(visible_line(said).rstrip(".,: "), 200) or type(error).__name__


def _of_trust(settings: ModelSettings, error: Exception) -> str | None:
    name = settings.name
    if refuses_code(error) and not settings.trust_remote_code:
        return (
            f"the model {name} brings code of its own, which would run on this machine; read it first, then allow it with "
            "--trust-remote-code."
        )
    if is_refused_pickle(error) and not settings.allow_pickle and (not Path(name).is_dir() or any(_pickles(Path(name)))):
        return (
            f"the weights of {name} are no safetensors but a pickle, which may hold code; convert them, or accept them with "
            "--allow-pickle."
        )
    if is_dangerous_pickle(error):
        return (
            f"the weights of {name} are a pickle that holds more than numbers; it was not loaded, and nothing of it was run."
        )
    return None


def _of_packages(name: str, error: Exception) -> str | None:
    if (unknown := _UNKNOWN.search(str(error))) is not None:
        return f"transformers does not know models of the type {shortened(visible_line(unknown[1]), 60)}, which {name} is; a newer version of it may."
    if is_refused_pickle(error) and Path(name).is_dir() and (Path(name) / "model.safetensors.index.json").is_file():
        return f"the index of {name} (model.safetensors.index.json) names weights that are no safetensors; fetch it and its files again."
    return (
        f"the model {name} needs a package that is not installed: {words_of(error)}."
        if isinstance(error, ImportError)
        else None
    )


def _of_folder(name: str, folder: Path, error: Exception, part: Part) -> str:
    pointers = sorted(path.name for path in folder.iterdir() if path.is_file() and is_pointer(path))
    if pointers:
        return f"{pointers[0]} in {name} is only a pointer of git-lfs, not the file itself; fetch it, with git lfs pull in that folder."
    if not (folder / "config.json").is_file() and (folder / "adapter_config.json").is_file():
        return f"{name} is an adapter, and it cannot be loaded with its base model: {words_of(error)}."
    if not (folder / "config.json").is_file():
        if (folder / "snapshots").is_dir() and folder.name.startswith("models--"):
            return f"{name} is a folder of the hub's cache; name the model as the hub does: {hub_name(folder.name)}."
        return f"the folder {name} holds no model (no config.json); name one that save_pretrained wrote."
    if part == "tokenizer" and not any((folder / file).is_file() for file in _TOKENIZERS):
        return f"the folder {name} holds a model and no tokenizer (no tokenizer.json); copy that of the model it was made from into it."
    if type(error).__name__ == "SafetensorError":
        return f"the weights in {name} are damaged, cut short or no safetensors ({words_of(error)}); fetch them again."
    how = " as a causal language model" if part == "model" else ""
    return f"the {part} in {name} cannot be loaded{how}: {words_of(error)}."


def _of_name(settings: ModelSettings, error: Exception, *, offline: bool) -> str:
    name = settings.name
    path = Path(name)
    if path.exists() or name.startswith((".", "/", "~")):
        return f"{name} is not a folder with a model."
    if offline:
        return f"there is no folder {name}, the Hugging Face hub cannot be reached, and its local cache does not hold it."
    revision = f" at revision {settings.revision}" if settings.revision else ""
    return (
        f"there is no folder {name}, and the Hugging Face hub gave no causal language model of that name{revision} "
        f"({words_of(error)})."
    )


def _pickles(folder: Path) -> Iterable[Path]:
    return (path for pattern in ("*.bin", "*.pt", "*.pth") for path in folder.glob(pattern))
