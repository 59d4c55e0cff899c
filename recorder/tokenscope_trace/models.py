"""Models and tokenizers: found, loaded, and described by facts that say nothing of this machine's folders.

In: ModelSettings. Out: a loaded model with its tokenizer and the `run.model` facts. The only module that loads weights.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import huggingface_hub
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from tokenscope_trace.errors import ModelError
from tokenscope_trace.settings import BUILTIN_MODEL, ModelSettings

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_CONTEXT_NAMES = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_sequence_length")
_HUB_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class LoadedModel:
    """A model ready to run. `context` is the most tokens it takes, None where it has no bound."""

    model: Any
    tokenizer: Any
    context: int | None
    facts: dict[str, Any]


def load(settings: ModelSettings) -> LoadedModel:
    """Load a causal language model and its tokenizer, in evaluation mode on its device.

    Raises ModelError where either cannot be had, the device is missing, or the memory does not suffice.
    """
    builtin = settings.name == BUILTIN_MODEL
    source = str(builtin_folder()) if builtin else settings.name
    device = _device(settings.device)
    dtype = _dtype(settings.dtype, device)
    local = Path(source).is_dir()
    offline = not local and not _hub_answers()
    # Without an explicit no, transformers asks on the terminal whether to run a repository's own code.
    options = {"revision": settings.revision, "local_files_only": local or offline, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(source, **options)
        model = AutoModelForCausalLM.from_pretrained(source, dtype=dtype, **options)
        model = model.to(device).eval()
    except (torch.OutOfMemoryError, MemoryError) as error:
        raise ModelError(
            f"the model {settings.name} does not fit into the memory of {device}; try --dtype bfloat16."
        ) from error
    except Exception as error:
        raise ModelError(_why_not(settings, error, offline=offline)) from error
    return describe(model, tokenizer, name=settings.name, folder=Path(source) if local else None)


def describe(model: Any, tokenizer: Any, *, name: str, folder: Path | None = None) -> LoadedModel:
    """A model that is in memory already, with its facts; `folder` is where its files lie, if it came from one."""
    config = model.config
    text = config.get_text_config()
    context = next(
        (value for key in _CONTEXT_NAMES if isinstance(value := getattr(text, key, None), int) and value > 0), None
    )
    hashes = _file_hashes(folder) if folder is not None else {}
    facts = {
        "id": folder.name if folder is not None and name != BUILTIN_MODEL else name,
        "revision": getattr(config, "_commit_hash", None),
        "architecture": type(model).__name__,
        "parameters": model.num_parameters(),
        "vocab_size": int(text.vocab_size),
        "context": context,
        "dtype": str(model.dtype).removeprefix("torch."),
        "device": model.device.type,
        "attention": getattr(config, "_attn_implementation", None),
        "config_sha256": _config_hash(config),
        "weights_sha256": hashes.get("weights"),
        "tokenizer_sha256": hashes.get("tokenizer"),
    }
    return LoadedModel(model=model, tokenizer=tokenizer, context=context, facts=facts)


def builtin_folder() -> Path:
    """The folder of the model that ships with the package."""
    return Path(str(resources.files("tokenscope_trace.builtin_model")))


def _device(name: str) -> torch.device:
    if name == "auto":
        accelerator = torch.accelerator.current_accelerator(check_available=True)
        return accelerator if accelerator is not None else torch.device("cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ModelError(f"there is no device {name!r} here; try --device cpu.") from error
    return device


def _dtype(name: str, device: torch.device) -> torch.dtype | str:
    if name != "auto":
        return DTYPES[name]
    return torch.float32 if device.type == "cpu" else "auto"


def _config_hash(config: Any) -> str:
    """SHA-256 of the configuration without the name of the folder it came from."""
    plain = {key: value for key, value in json.loads(config.to_json_string()).items() if not key.startswith("_")}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def _file_hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of the weights' index (or the one weights file) and the tokenizer: they tell models of one shape apart."""
    found = {}
    for key, names in {
        "weights": ("model.safetensors.index.json", "model.safetensors"),
        "tokenizer": ("tokenizer.json", "tokenizer.model"),
    }.items():
        path = next((folder / name for name in names if (folder / name).is_file()), None)
        if path is not None:
            with path.open("rb") as stream:
                found[key] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _hub_answers() -> bool:
    """Whether the hub can be reached: asked once, because its client retries for a minute where it cannot."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        return False
    try:
        huggingface_hub.get_session().head(huggingface_hub.constants.ENDPOINT, timeout=_HUB_TIMEOUT_SECONDS)
    except Exception:
        return False
    return True


def _why_not(settings: ModelSettings, error: Exception, *, offline: bool) -> str:
    """One sentence from what transformers has to say."""
    name = settings.name
    if isinstance(error, ImportError):
        return f"the model {name} needs a package that is not installed: {_first_line(error)}"
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            return f"the folder {name} holds no model (no config.json); name one that save_pretrained wrote."
        return f"the model in {name} cannot be loaded as a causal language model: {_first_line(error)}"
    if folder.exists() or name.startswith((".", "/", "~")):
        return f"{name} is not a folder with a model."
    if offline:
        return f"there is no folder {name}, the Hugging Face hub cannot be reached, and its local cache does not hold it."
    revision = f" at revision {settings.revision}" if settings.revision else ""
    return (
        f"there is no folder {name}, and the Hugging Face hub gave no causal language model of that name{revision} "
        f"({_first_line(error)})"
    )


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    line = lines[0] if lines else type(error).__name__
    return line if len(line) <= 200 else line[:199] + "…"
