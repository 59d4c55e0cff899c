"""Placement of a model: where its weights lie, in which format they are stored, and where it takes its tokens."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import torch

from tokenscope_trace.errors import ModelError
from tokenscope_trace.settings import ModelSettings


def placing(settings: ModelSettings) -> dict[str, Any]:
    """What `from_pretrained` is told about devices; raises ModelError where a device map is asked for and accelerate is missing."""
    if settings.device_map is None:
        return {}
    if find_spec("accelerate") is None:
        raise ModelError("--device-map needs the package accelerate: pip install accelerate.")
    return {"device_map": settings.device_map}


def placed(model: Any, settings: ModelSettings, device: torch.device) -> Any:
    """The model on its device; one that a device map spread, or whose format keeps it where it was loaded, stays there."""
    stays = settings.device_map is not None or hasattr(model, "hf_device_map") or model.device == device
    return model if stays else model.to(device)


def input_device(model: Any) -> torch.device:
    """Where a model takes its tokens. Weights that a device map left on disk are nowhere until they are used; their hook knows."""
    embeddings = model.get_input_embeddings()
    weight = getattr(embeddings, "weight", None)
    device = weight.device if isinstance(weight, torch.Tensor) else model.device
    if device.type == "meta":
        device = torch.device(getattr(getattr(embeddings, "_hf_hook", None), "execution_device", None) or "cpu")
    return device


def device_name(model: Any) -> str:
    """The kind of device, such as `cuda`; all of them in the order of the layers where a device map spread the model: `cuda, cpu, disk`."""
    spread = getattr(model, "hf_device_map", None) or {}
    kinds = [place if place == "disk" else torch.device(place).type for place in spread.values()]
    return ", ".join(dict.fromkeys(kinds)) or input_device(model).type


def quantization(config: Any) -> str | None:
    """The format of quantised weights, such as `bitsandbytes 4-bit` or `torchao Int8WeightOnlyConfig`; None for plain weights."""
    found = getattr(config, "quantization_config", None)
    if found is None:
        return None

    def value(name: str) -> Any:
        return found.get(name) if isinstance(found, dict) else getattr(found, name, None)

    method, kind = value("quant_method"), value("quant_type")
    bits = 4 if value("load_in_4bit") else 8 if value("load_in_8bit") else value("bits") or value("w_bit")
    how = f"{bits}-bit" if bits else kind if isinstance(kind, str) else None if kind is None else type(kind).__name__
    return " ".join(str(part) for part in (getattr(method, "value", method), how) if part) or "unknown"
