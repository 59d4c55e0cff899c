"""Facts that every recording states: program, model, libraries, command, clock. Measures nothing."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import tokenscope_trace
from tokenscope_trace.errors import SettingsError
from tokenscope_trace.models.backend import Backend
from tokenscope_trace.text import shortened
from tokenscope_trace.traces.fact_kinds import MAX_NAME

_LAST_SECOND = 253_402_300_799  # of the year 9999


def common(backend: Backend, command: Sequence[str]) -> dict[str, Any]:
    """`run.generator`, `run.model`, `run.libraries`, `run.machine` and `run.command`."""
    return {
        "generator": {"name": "tokenscope-trace", "version": tokenscope_trace.__version__},
        "model": backend.facts,
        **backend.environment(),
        "command": [shortened(word, MAX_NAME) for word in command],
    }


def clock(**seconds: float | None) -> dict[str, Any]:
    """The one field that differs between two runs; SOURCE_DATE_EPOCH fixes it, as reproducible builds agree to.

    Raises SettingsError where that is no moment.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is None:
        return {"created": _stamp(datetime.now(UTC)), **seconds}
    if not re.fullmatch("[0-9]{1,12}", epoch) or int(epoch) > _LAST_SECOND:
        raise SettingsError(
            f"SOURCE_DATE_EPOCH is {shortened(epoch, 60)!r}; it takes seconds since 1970 as a whole number, or is left unset."
        )
    return {"created": _stamp(datetime.fromtimestamp(int(epoch), UTC)), **dict.fromkeys(seconds)}


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
