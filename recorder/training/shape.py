"""The model's shape: a small Llama."""

from __future__ import annotations

from tokenizer_training import VOCABULARY
from transformers import LlamaConfig

CONTEXT = 2048


def model_config(hidden: int = 192, layers: int = 6, heads: int = 4, groups: int = 2, inner: int = 512) -> LlamaConfig:
    """Llama with RoPE, grouped-query attention and tied embeddings; token 0 ends a text."""
    return LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=hidden,
        intermediate_size=inner,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=groups,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.02,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
