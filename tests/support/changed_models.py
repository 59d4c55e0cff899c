"""Copies of the built-in model with one thing wrong, as people meet it: in its weights, its configurations, its tokenizer, its files."""

from __future__ import annotations

import json
import shutil

from safetensors.torch import load_file, save_file

from tokenscope_trace.models.loading import builtin_folder

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 7340032\n"


def changed_model(folder, *, config=None, generation=None, tokenizer=None, weights=None, without=(), files=None):
    """The folder, with these entries in the JSON files, `weights` applied to its tensors, `without` some files and with others."""
    shutil.copytree(builtin_folder(), folder, ignore=shutil.ignore_patterns("*.py", "__pycache__", "README.md"))
    entries = {"config.json": config, "generation_config.json": generation, "tokenizer_config.json": tokenizer}
    for name, changes in entries.items():
        if changes is not None:
            path = folder / name
            path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    if weights is not None:
        tensors = {name: tensor.contiguous() for name, tensor in weights(load_file(folder / "model.safetensors")).items()}
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    for name in without:
        (folder / name).unlink()
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
    return folder
