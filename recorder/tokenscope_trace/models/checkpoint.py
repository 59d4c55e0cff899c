"""Checkpoints: whether the weights of a file are those of its model, all of them, and numbers. What transformers' loader reports in, notes out.

A tensor that the file lacks, or has in another shape, would be random numbers: that is refused. transformers reports neither what it ties to
another tensor, nor what it computes at run time, nor what a quantised format stores in parts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import torch

from tokenscope_trace.errors import ModelError
from tokenscope_trace.text import shortened, visible_line

LOADING = {"output_loading_info": True, "ignore_mismatched_sizes": True}  # so that it reports, and raises nothing


def checked_weights(loaded: tuple[Any, Mapping[str, Any]], what: str) -> tuple[Any, tuple[str, ...]]:
    """(the model, notes for the reader) of what `from_pretrained` gave; `what` names its files.

    Raises ModelError where the files lack a parameter of the model, have one in another shape, or one with a number that is not finite:
    attention may swallow that, and its output is then made of the rest. Buffers have values of their own.
    """
    model, info = loaded
    buffers = {name for name, _ in model.named_buffers()}
    missing = sorted(set(info["missing_keys"]) - buffers)
    mismatched = sorted(info["mismatched_keys"])
    if missing:
        raise ModelError(
            f"{what} lacks {_counted(missing, 'tensor')} of the model that its configuration describes, which would be random numbers: "
            f"{_named(missing)}."
        )
    if mismatched:
        name, found, wanted = mismatched[0]
        more = "" if len(mismatched) == 1 else f", and {len(mismatched) - 1:,} more do not fit"
        raise ModelError(
            f"{what} does not fit its configuration: {_name(name)} has the shape {_shape(found)}, and {_shape(wanted)} is wanted{more}."
        )
    if broken := broken_tensor(model):
        raise ModelError(
            f"{what} holds numbers that are not finite, in {_name(broken)}: the file is damaged, or overflowed when it was written."
        )
    notes = []
    if unset := sorted(set(info["missing_keys"]) & buffers):
        notes.append(
            f"The model's files lack {_counted(unset, 'buffer')}, which keep what they begin with: {_named(unset)}."
        )
    if unused := sorted(info["unexpected_keys"]):
        are = "is" if len(unused) == 1 else "are"
        notes.append(f"{_counted(unused, 'tensor')} of the model's files {are} not used: {_named(unused)}.")
    return model, tuple(notes)


def broken_tensor(model: Any) -> str | None:
    """The name of the first parameter that holds a number that is not finite, None for none. Its sum says so, and takes no room."""
    for name, tensor in model.named_parameters():
        if tensor.device.type == "meta" or not tensor.is_floating_point():
            continue
        values = tensor.detach() if tensor.element_size() > 1 else tensor.detach().float()
        if not bool(values.sum(dtype=torch.float32).isfinite()) and not bool(values.isfinite().all()):
            return str(name)
    return None


def _counted(names: Collection[str], noun: str) -> str:
    return f"{len(names):,} {noun}{'' if len(names) == 1 else 's'}"


def _named(names: list[str]) -> str:
    shown = [_name(name) for name in names[:2]]
    return ", ".join(shown) + (" and others" if len(names) > 2 else "")


def _name(name: str) -> str:
    return shortened(visible_line(name), 80)


def _shape(sizes: Any) -> str:
    return "x".join(str(int(size)) for size in sizes)
