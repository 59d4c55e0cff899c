"""A figure on the validation files while training goes on; evaluate.py measures the held-out modules."""

from __future__ import annotations

import math

import torch
from corpus import Document, validation_documents
from schedule import SHORT_WINDOW
from tokenizers import Tokenizer
from torch import Tensor
from training_run import loss_of
from transformers import LlamaForCausalLM

ROWS = 64


class QuickMeasure:
    """Bits per byte over evenly spaced windows of the validation files."""

    def __init__(self, documents: list[Document], tokenizer: Tokenizer, device: str) -> None:
        texts = [d.text for d in validation_documents(documents)]
        ids = [token for e in tokenizer.encode_batch(texts) for token in [0, *e.ids]]
        width = SHORT_WINDOW + 1
        rows: Tensor = torch.tensor(ids[: len(ids) // width * width]).view(-1, width)
        self.rows = rows[:: max(1, len(rows) // ROWS)].to(device)  # (about ROWS, width)
        self.bytes_per_token = sum(len(t.encode()) for t in texts) / len(ids)

    @torch.no_grad()
    def bits_per_byte(self, model: LlamaForCausalLM) -> float:
        """The figure for the weights as they are now."""
        parts = [self.rows[start : start + 8] for start in range(0, len(self.rows), 8)]
        losses = [float(loss_of(model, rows[:, :-1], rows[:, 1:])) for rows in parts]
        return sum(losses) / len(losses) / math.log(2) / self.bytes_per_token
