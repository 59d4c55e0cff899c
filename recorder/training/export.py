"""Write the model's files into the package, each one complete before it takes its place."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaForCausalLM

FILES = ("model.safetensors", "config.json", "generation_config.json")


def export_model(model: LlamaForCausalLM, scratch: Path, target: Path) -> None:
    """Save in bf16 to `scratch` (same disk), then move file by file into `target`."""
    scratch.mkdir(parents=True, exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    model.config.dtype = torch.bfloat16
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    model.to(dtype=torch.bfloat16).save_pretrained(scratch)
    for name in FILES:
        (scratch / name).chmod(0o644)
        os.replace(scratch / name, target / name)
