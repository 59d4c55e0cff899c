"""Facts that every recording states: program, model, libraries, command, clock. Measures nothing."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import tokenscope_trace
from tokenscope_trace.models.backend import Backend


def common(backend: Backend, command: Sequence[str]) -> dict[str, Any]:
    """`run.generator`, `run.model`, `run.libraries`, `run.machine` and `run.command`."""
    return {
        "generator": {"name": "tokenscope-trace", "version": tokenscope_trace.__version__},
        "model": backend.facts,
        **backend.environment(),
        "command": list(command),
    }


def clock(**seconds: float | None) -> dict[str, Any]:
    """The one field that differs between two runs; SOURCE_DATE_EPOCH fixes it, as reproducible builds agree to."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and epoch.isdigit():
        return {"created": _stamp(datetime.fromtimestamp(int(epoch), UTC)), **dict.fromkeys(seconds)}
    return {"created": _stamp(datetime.now(UTC)), **seconds}


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
