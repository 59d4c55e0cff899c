"""Bits per byte and next-token accuracy over whole files; xz as the yardstick."""

from __future__ import annotations

import lzma
import math
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import LlamaForCausalLM

CONTEXT = 2048
STRIDE = 1024


@dataclass(frozen=True)
class Measure:
    """Sums over one file."""

    name: str
    size: int  # bytes
    tokens: int
    bits: float
    right: int  # tokens that were the model's first choice
    xz_bits: float

    @property
    def bits_per_byte(self) -> float:
        """The model's cost per byte of the file."""
        return self.bits / self.size


def xz_bits(data: bytes) -> float:
    """Size in bits after `xz -9`."""
    return 8.0 * len(lzma.compress(data, preset=9))


@torch.inference_mode()
def measure(model: LlamaForCausalLM, tokenizer: Tokenizer, name: str, text: str) -> Measure:
    """Read the file in windows of CONTEXT tokens that move by STRIDE.

    Each token is scored once. The first window starts with the end-of-text token, every
    later one gives a token at least CONTEXT - STRIDE tokens of context.
    """
    data = text.encode()
    ids = torch.tensor([0, *tokenizer.encode(text).ids])
    nats, right, scored = 0.0, 0, 1
    while scored < len(ids):
        end = min(len(ids), CONTEXT if scored == 1 else scored + STRIDE)
        start = max(0, end - CONTEXT)
        logits: Tensor = model(input_ids=ids[None, start : end - 1]).logits[0].float()
        targets = ids[start + 1 : end]
        fresh = slice(scored - start - 1, None)  # only what was not scored before
        logits, targets = logits[fresh], targets[fresh]
        nats += float(torch.nn.functional.cross_entropy(logits, targets, reduction="sum"))
        right += int((logits.argmax(-1) == targets).sum())
        scored = end
    return Measure(name, len(data), len(ids) - 1, nats / math.log(2), right, xz_bits(data))
