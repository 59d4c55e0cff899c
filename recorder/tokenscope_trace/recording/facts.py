"""Facts that every recording states: program, model, libraries, command, clock. Measures nothing."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
import tokenizers
import torch
import transformers

import tokenscope_trace
from tokenscope_trace.models.loading import LoadedModel


def common(loaded: LoadedModel, command: Sequence[str]) -> dict[str, Any]:
    """`run.generator`, `run.model`, `run.libraries`, `run.machine` and `run.command`."""
    return {
        "generator": {"name": "tokenscope-trace", "version": tokenscope_trace.__version__},
        "model": loaded.facts,
        "libraries": {
            "python": platform.python_version(),
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokenizers": tokenizers.__version__,
            "numpy": np.__version__,
        },
        "machine": machine(loaded),
        "command": list(command),
    }


def machine(loaded: LoadedModel) -> dict[str, Any]:
    """What of a machine moves numbers, and tells nobody which one it is."""
    on_cuda = loaded.model.device.type == "cuda"
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "accelerator": torch.cuda.get_device_name(loaded.model.device) if on_cuda else None,
        "threads": torch.get_num_threads(),
        "matmul": torch.get_float32_matmul_precision(),
    }


def clock(**seconds: float | None) -> dict[str, Any]:
    """The one field that differs between two runs; SOURCE_DATE_EPOCH fixes it, as reproducible builds agree to."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if epoch is not None and epoch.isdigit():
        return {"created": _stamp(datetime.fromtimestamp(int(epoch), UTC)), **dict.fromkeys(seconds)}
    return {"created": _stamp(datetime.now(UTC)), **seconds}


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
