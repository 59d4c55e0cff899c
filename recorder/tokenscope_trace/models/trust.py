"""Trust in a model's files: they run no code while they are loaded, unless the user allows it.

A pickle may hold code, and `use_safetensors=True` does not keep transformers from reading every pickle: a configuration may name
`adapter_model.bin` as its weights, and an adapter may be one. So `torch.load`, through which all of them go, refuses. A configuration
may also name a kernel of the hub as its attention, which is a compiled library. Knows no settings and loads nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_NO_CONVERSION = "DISABLE_SAFETENSORS_CONVERSION"


class PickleRefused(Exception):
    """A pickle was about to be read."""


@contextmanager
def without_pickles() -> Iterator[None]:
    """Whoever reads a pickle by torch in this block gets PickleRefused."""

    def refuse(*_values: Any, **_more: Any) -> Any:
        raise PickleRefused

    usual = torch.load
    torch.load = refuse
    try:
        yield
    finally:
        torch.load = usual


@contextmanager
def without_conversion() -> Iterator[None]:
    """Transformers asks no service of the hub to convert pickles: it would be told the model's name and the user's token."""
    before = os.environ.get(_NO_CONVERSION)
    os.environ[_NO_CONVERSION] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_NO_CONVERSION]
        else:
            os.environ[_NO_CONVERSION] = before


def foreign_kernel(config: Any) -> str | None:
    """The hub's name of a kernel that the configuration asks for as its attention, None for none."""
    for part in (config, config.get_text_config()):
        name = getattr(part, "_attn_implementation", None)
        if isinstance(name, str) and "/" in name:
            return name
    return None


def refuses_code(error: BaseException) -> bool:
    """Whether transformers refuses to load because the repository has code of its own."""
    return isinstance(error, ValueError) and "trust_remote_code=True" in str(error)


def is_refused_pickle(error: BaseException | None) -> bool:
    """Whether a pickle was refused, by `without_pickles` or because there is no other file; however it was wrapped."""
    while error is not None:
        if isinstance(error, PickleRefused) or (isinstance(error, OSError) and "model.safetensors" in str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def is_dangerous_pickle(error: BaseException) -> bool:
    """Whether torch refused a pickle because it holds more than numbers."""
    return "Weights only load failed" in str(error) or "weights_only" in str(error)
