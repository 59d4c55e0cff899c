"""Tiny random models of real architectures, made from configs: fast enough for every test, real in every other way."""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

VOCAB = 384

_LLAMA_LIKE = {
    "vocab_size": VOCAB,
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
}
_GPT_LIKE = {"vocab_size": VOCAB, "n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 256}

ARCHITECTURES: dict[str, dict[str, Any]] = {
    "llama": _LLAMA_LIKE,
    "qwen2": _LLAMA_LIKE,
    "qwen3": _LLAMA_LIKE | {"head_dim": 16},
    "mistral": _LLAMA_LIKE | {"sliding_window": 8},
    "mixtral": _LLAMA_LIKE | {"num_local_experts": 4, "num_experts_per_tok": 2},
    "gemma": _LLAMA_LIKE | {"head_dim": 16},
    "gemma2": _LLAMA_LIKE | {"head_dim": 16, "sliding_window": 8},
    "gemma3_text": _LLAMA_LIKE | {"head_dim": 16, "sliding_window": 8},
    "gpt2": _GPT_LIKE,
    "gpt_neox": _LLAMA_LIKE,
    "gpt_bigcode": _GPT_LIKE,
    "starcoder2": _LLAMA_LIKE | {"sliding_window": 8},
    "phi": _LLAMA_LIKE,
    "phi3": _LLAMA_LIKE | {"pad_token_id": 0, "sliding_window": 8},
    "gpt_neo": {
        "vocab_size": VOCAB,
        "hidden_size": 64,
        "num_layers": 2,
        "num_heads": 4,
        "attention_types": [[["global", "local"], 1]],
        "window_size": 8,
        "max_position_embeddings": 256,
    },
    "bloom": {"vocab_size": VOCAB, "hidden_size": 64, "n_layer": 2, "n_head": 4},
    "opt": {
        "vocab_size": VOCAB,
        "hidden_size": 64,
        "ffn_dim": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "word_embed_proj_dim": 64,
        "max_position_embeddings": 256,
    },
    "falcon": {"vocab_size": VOCAB, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4},
    "mamba": {"vocab_size": VOCAB, "hidden_size": 64, "num_hidden_layers": 2, "state_size": 8},
    "granite": _LLAMA_LIKE | {"logits_scaling": 8.0},
    "cohere": _LLAMA_LIKE | {"logit_scale": 0.0625},
    "olmo2": _LLAMA_LIKE,
    "stablelm": _LLAMA_LIKE,
    "lfm2": _LLAMA_LIKE | {"layer_types": ["conv", "full_attention"], "block_multiple_of": 8},
}


def tiny_model(kind: str = "llama", *, seed: int = 0, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """A random causal language model of `kind`, in evaluation mode; its logits are spread enough to have clear choices."""
    config = AutoConfig.for_model(
        kind,
        **(
            ARCHITECTURES.get(kind, _LLAMA_LIKE)
            | {"bos_token_id": 1, "eos_token_id": None, "tie_word_embeddings": False}
            | changes
        ),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype).eval()
        head = model.get_output_embeddings()
        with torch.no_grad():
            head.weight.normal_(std=0.3)
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model
