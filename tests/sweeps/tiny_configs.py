"""A tiny config of every causal architecture that transformers knows: its own defaults, with small numbers put in by name.

What one architecture needs beyond that stands in EXCEPTIONS, as data. Nested configs (text, vision, audio) are made small too.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PretrainedConfig

VOCABULARY = 512
PROMPT_IDS = (5, 480)  # the ids that prompts are made of: what stands outside means something to somebody
LAYERS = 4
MOST_PARAMETERS = 30_000_000

SIZES: dict[str, Any] = {
    # widths
    "hidden_size": 64, "n_embd": 64, "d_model": 64, "dim_model": 64, "emb_dim": 64, "embedding_size": 64, "embedding_dim": 64,
    "word_embed_proj_dim": 64, "attention_hidden_size": 64, "lru_width": 64, "backbone_hidden_size": 64, "input_size": 64,
    "input_embedding_size": 64, "output_embedding_size": 64, "intermediate_size": 96, "n_inner": 96, "ffn_dim": 96,
    "decoder_ffn_dim": 96, "encoder_ffn_dim": 96, "ffn_hidden_size": 96, "dim_ff": 96, "dff": 96, "d_inner": 96,
    "feed_forward_size": 96, "intermediate_size_mlp": 96, "dense_intermediate_size": 96, "moe_intermediate_size": 32,
    "expert_ffn_hidden_size": 32, "shared_expert_intermediate_size": 32, "shared_experts_intermediate_size": 32,
    "shared_intermediate_size": 32, "moe_shared_expert_intermediate_size": 32, "hidden_size_per_layer_input": 8,
    # layers and heads
    "num_hidden_layers": LAYERS, "n_layer": LAYERS, "n_layers": LAYERS, "num_layers": LAYERS, "decoder_layers": LAYERS,
    "num_decoder_layers": LAYERS, "num_blocks": LAYERS, "encoder_layers": 3, "num_encoder_layers": 3, "depth": 2,
    "num_attention_heads": 4, "n_head": 4, "n_heads": 4, "num_heads": 4, "decoder_attention_heads": 4, "attention_heads": 4,
    "encoder_attention_heads": 4, "num_decoder_attention_heads": 4, "num_encoder_attention_heads": 4,
    "swa_num_attention_heads": 4, "num_key_value_heads": 2, "swa_num_key_value_heads": 2, "num_kv_heads": 4, "head_dim": 16,
    "swa_head_dim": 16, "dim_head": 16, "d_head": 16, "attention_head_size": 16, "rotary_dim": 8, "global_head_dim": 16,
    # latent attention and its indexer
    "q_lora_rank": 24, "kv_lora_rank": 16, "qk_rope_head_dim": 8, "qk_nope_head_dim": 8, "qk_head_dim": 16, "v_head_dim": 16,
    "index_topk": 8, "index_n_heads": 16, "index_head_dim": 16, "o_lora_rank": 16,
    # windows
    "max_position_embeddings": 128, "n_positions": 128, "n_ctx": 128, "max_seq_len": 128, "sliding_window": 8,
    "sliding_window_size": 8, "attention_window_size": 8, "attention_chunk_size": 8, "window_size": 8, "local_attention": 8,
    "local_attn_chunk_length": 8, "lsh_attn_chunk_length": 8, "context_length": 128, "max_target_positions": 128,
    "max_source_positions": 128,
    # experts
    "num_local_experts": 4, "num_experts": 4, "n_routed_experts": 4, "moe_num_experts": 4, "num_experts_per_tok": 2,
    "num_experts_per_token": 2, "moe_topk": 2, "n_group": 2, "topk_group": 1, "num_expert_group": 2, "zero_expert_num": 2,
    "first_k_dense_replace": 1,
    # states
    "state_size": 8, "ssm_state_size": 8, "mamba_d_state": 8, "mamba_n_heads": 8, "mamba_d_head": 16, "mamba_num_heads": 8,
    "mamba_head_dim": 16, "mamba_d_ssm": 128, "mamba_n_groups": 1, "n_groups": 1, "mamba_chunk_size": 8, "chunk_size": 8,
    "mamba_dt_rank": 4, "time_step_rank": 4, "linear_num_key_heads": 2, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 16, "linear_num_heads": 4, "linear_head_dim": 16,
    # ids
    "vocab_size": VOCABULARY, "vocab_size_per_layer_input": VOCABULARY, "decoder_vocab_size": VOCABULARY, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": None,
    # what reads left to right only where it is told so, and what would be drawn at random
    "is_decoder": True, "causal": True,
    "dropout": 0.0, "attention_dropout": 0.0, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip

_MIXED = ["linear_attention", "full_attention"] * 2
_CONVOLVED = ["conv", "full_attention"] * 2
_SLIDING = ["sliding_attention", "full_attention"] * 2
_DOTS3 = {
    "layer_types": ["indexed_attention", "sliding_attention"] * 2, "swa_num_attention_heads": 4, "swa_num_key_value_heads": 4,
    "swa_q_lora_rank": 24, "swa_kv_lora_rank": 16, "swa_head_dim": 16, "swa_qk_nope_head_dim": 8, "swa_v_head_dim": 16,
}  # fmt: skip
_QWEN4 = {
    "indexer_n_heads": 16, "indexer_kv_heads": 1, "indexer_head_dim": 16, "indexer_budget": 8, "indexer_compress_ratio": 2,
    "hc_lowrank": 8, "layer_types": ["linear_attention", "indexed_attention"] * 2,
}  # fmt: skip
_GEMMA3N = {"layer_types": _SLIDING, "num_kv_shared_layers": 2, "activation_sparsity_pattern": [0.95, 0.95, 0.0, 0.0]}
EXCEPTIONS: dict[str, dict[str, Any]] = {
    "bailing_hybrid": {"layer_group_size": 2},
    "bamba": {"attn_layer_indices": [1, 3]},
    "blt": {
        "encoder_hash_byte_group_vocab": 64, "num_hidden_layers": LAYERS,
        "encoder_config": {"hidden_size_global": 128},
        "decoder_config": {"hidden_size_global": 128},
        "global_config": {"hidden_size": 128, "head_dim": 32},
    },
    "cohere_compass_text": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [3, 3, 2]}}
    },
    "dbrx": {"attn_config": {"kv_n_heads": 2, "rope_theta": 1e4, "clip_qkv": 8.0}, "ffn_config": {"moe_top_k": 2}},
    "dots1": {"n_shared_experts": 1},
    "dots3_note": {
        "text_config": _DOTS3,
        "vision_config": {"mlp_layer_types": ["dense"] * LAYERS, "adapter_in_dim": 64, "adapter_out_dim": 64},
        "audio_config": {"adapter_out_dim": 64, "adapter_input_size": 64},
    },
    "dots3_note_text": _DOTS3,
    "gemma3n": {"text_config": _GEMMA3N},
    "gemma3n_text": _GEMMA3N,
    "gpt_neo": {"attention_types": [[["global", "local"], 2]]},
    "granitemoehybrid": {"layer_types": _MIXED},
    "jamba": {"attn_layer_period": 2, "attn_layer_offset": 1, "expert_layer_period": 2, "expert_layer_offset": 1},
    "kimi_linear": {"layer_types": _MIXED},
    "lfm2": {"layer_types": _CONVOLVED, "block_multiple_of": 8},
    "lfm2_moe": {"layer_types": _CONVOLVED, "num_dense_layers": 1},
    "mamba2": {"num_heads": 8, "head_dim": 16},
    "prophetnet": {"num_encoder_layers": LAYERS},  # its config gives the encoder's as the number of layers
    "qwen4_exp": {"text_config": _QWEN4},
    "qwen4_exp_text": _QWEN4,
    "reformer": {
        "attn_layers": ["local", "lsh"] * 2, "axial_pos_shape": [8, 16], "axial_pos_embds_dim": [32, 32], "num_buckets": 4,
        "hash_seed": 0,
    },
    "xlstm": {"chunk_size": 16, "hidden_size": 128, "embedding_dim": 128},
    "xmod": {"default_language": "en_XX"},
    "zamba": {
        "num_hidden_layers": 6, "attention_hidden_size": 128, "attention_head_dim": 32,
        "layers_block_type": ["linear_attention", "linear_attention", "hybrid"] * 2,
    },
    "zamba2": {
        "layers_block_type": ["linear_attention", "hybrid"] * 2, "n_mamba_heads": 8, "adapter_rank": 8,
        "attention_hidden_size": 128, "attention_head_dim": 32,
    },
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
# Why some cannot be built of text alone, or not here; said only where building fails.
NOT_TEXT = {
    "gemma3n": "its part that looks at pictures needs the packages pillow and timm; gemma3n_text is the same language model",
    "gemma4_assistant": "it drafts for another model, whose hidden states it reads",
    "gemma4_unified_assistant": "it drafts for another model, whose hidden states it reads",
    "musicgen": "it writes audio codes, not text",
    "musicgen_melody": "it writes audio codes, not text",
}


def tiny_config(kind: str) -> Any:
    """The config; raises whatever the config's own code raises."""
    return _small(AutoConfig.for_model(kind), EXCEPTIONS.get(kind, {}))


def tiny_model(kind: str) -> Any:
    """A random model of this kind in evaluation mode, its logits spread enough for clear choices; raises whatever its code raises."""
    config = tiny_config(kind)
    with torch.device("meta"):  # some parts keep their size: see before the memory is taken
        size = AutoModelForCausalLM.from_config(config).num_parameters()
    if size > MOST_PARAMETERS:
        raise ValueError(f"still {size:,} parameters")
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
    head = model.get_output_embeddings()
    if head is not None:
        with torch.no_grad():
            head.weight.normal_(std=0.3)
    generation = model.generation_config
    generation.eos_token_id, generation.pad_token_id, generation.forced_eos_token_id = None, 0, None  # no token is forced
    return model


def _small(config: Any, exceptions: dict[str, Any]) -> Any:
    """A config of the same class with small numbers; exceptions of nested configs are dictionaries under their names."""
    changes = {name: value for name, value in SIZES.items() if _takes(config, name)}
    if _takes(config, "kv_lora_rank"):  # latent attention has keys for every head
        changes["num_key_value_heads"] = SIZES["num_attention_heads"]
        if _number(config, "head_dim") == _number(config, "qk_rope_head_dim"):
            changes["head_dim"] = SIZES["qk_rope_head_dim"]
    special = iter(range(VOCABULARY - 1, 0, -1))
    for name, value in vars(config).items():
        if isinstance(value, PretrainedConfig):
            changes[name] = _small(value, exceptions.get(name, {}))
        elif name.endswith(("_token_id", "_token_index")) and isinstance(value, int) and value >= VOCABULARY:
            changes.setdefault(name, next(special))
    changes |= {name: value for name, value in exceptions.items() if not isinstance(changes.get(name), PretrainedConfig)}
    return type(config)(**changes)


def _takes(config: Any, name: str) -> bool:
    """Whether a config has this value as one of its own, and no property computes it."""
    if isinstance(getattr(type(config), name, None), property):
        return False
    try:
        return hasattr(config, name)
    except Exception:  # heterogeneous configs raise for what layers have each
        return True


def _number(config: Any, name: str) -> int | None:
    try:
        value = getattr(config, name, None)
    except Exception:
        return None
    return value if isinstance(value, int) else None
