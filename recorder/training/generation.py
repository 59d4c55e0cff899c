"""Generate text for many prompts at once."""

from __future__ import annotations

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

BATCH = 50


@torch.inference_mode()
def complete(
    model: LlamaForCausalLM,
    tokenizer: Tokenizer,
    prompts: list[list[int]],
    new_tokens: int,
    temperature: float | None,
    seed: int = 0,
) -> list[tuple[str, bool]]:
    """(text, whether end-of-text was reached) per prompt; greedy when temperature is None."""
    torch.manual_seed(seed)
    results: list[tuple[str, bool]] = []
    for start in range(0, len(prompts), BATCH):
        batch = prompts[start : start + BATCH]
        width = max(map(len, batch))
        ids = torch.tensor([[0] * (width - len(p)) + p for p in batch])
        mask = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in batch])
        options = (
            {"do_sample": False}
            if temperature is None
            else {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
        )
        rows = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=new_tokens, **options)
        for row in rows[:, width:].tolist():
            ended = 0 in row
            results.append((tokenizer.decode(row[: row.index(0)] if ended else row), ended))
    return results
