"""Rules of generation: what of a model's generation config a recording follows, and what it says of the rest. Configs in, options for
`generate` out; runs nothing.

A recording measures one token after the other, of one text. So whatever searches among several texts, drafts ahead or mixes in another
distribution by forwards of its own is not followed, and neither is a cache that cannot be read again; both are said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from tokenscope_trace.errors import ModelError
from tokenscope_trace.settings import GenerationSettings, stop_fault

# By the option: the values at which it does nothing, and what it asks for otherwise.
_SEARCHES: dict[str, tuple[tuple[Any, ...], str]] = {
    "num_beams": ((1,), "beam search"),
    "num_beam_groups": ((1,), "group beam search"),
    "diversity_penalty": ((0,), "group beam search"),
    "constraints": ((), "constrained beam search"),
    "force_words_ids": ((), "constrained beam search"),
    "penalty_alpha": ((0,), "contrastive search"),
    "dola_layers": ((), "DoLa"),
    "prompt_lookup_num_tokens": ((), "assisted decoding"),
    "assistant_early_exit": ((), "assisted decoding"),
    "use_mtp": ((False,), "assisted decoding"),
    "is_assistant": ((False,), "assisted decoding"),
    "speculation_type": ((), "assisted decoding"),
    "guidance_scale": ((1,), "classifier-free guidance"),
    "token_healing": ((False,), "token healing"),
    "num_return_sequences": ((1,), "several texts"),
    "max_time": ((), "a limit of time"),
}
_CACHE = "cache_implementation"
_USUAL_CACHES = (None, "dynamic", "hybrid")
_UNSET = {  # of caches, of how a prompt is cut, and of what is returned: none of it changes a token
    "cache_config": None,
    "compile_config": None,
    "prefill_chunk_size": None,
    "return_dict_in_generate": False,
    "output_attentions": False,
    "output_hidden_states": False,
    "output_scores": False,
    "output_logits": False,
    "stop_strings": None,  # given as a criterion: custom_generate takes no tokenizer
}
_FRACTIONS = ("temperature", "top_p", "min_p", "typical_p", "epsilon_cutoff", "eta_cutoff")
_NOTHING_WRITTEN = "the model writes no first token, by its generation config and these settings"
_LARGEST = 1e15  # a trace holds numbers that float64 tells apart
_SAMPLING = ("temperature", "top_p", "top_k", "min_p")


@dataclass(frozen=True)
class GenerationRules:
    """Arguments for `generate`, over what the model's own config says; `notes` are for the reader."""

    options: dict[str, Any]
    notes: tuple[str, ...] = ()


def rules_of(config: Any, settings: GenerationSettings, extra_eos: tuple[int, ...] = ()) -> GenerationRules:
    """What the user asked for; everything else stays the model's own, as far as a recording can follow it.

    Raises ModelError where the config holds a number that is none, or an end that is no id.
    """
    for name in (*_FRACTIONS, "top_k", "repetition_penalty"):
        value = getattr(config, name, None)
        if isinstance(value, int | float) and not abs(value) <= _LARGEST:
            raise ModelError(f"{_NOTHING_WRITTEN}: its {name} is {value:g}, which is no number to decode by.")
    options: dict[str, Any] = {"max_new_tokens": settings.max_new_tokens, **_UNSET}
    sampled = bool(getattr(config, "do_sample", False)) if settings.do_sample is None else settings.do_sample
    asked = {name: value for name in _SAMPLING if (value := getattr(settings, name)) is not None}
    notes = []
    if sampled and (cold := asked.get("temperature", getattr(config, "temperature", None))) == 0 and cold is not False:
        sampled = False
        notes.append("The model's generation config samples at a temperature of 0, which is greedy.")
    if sampled:
        options |= asked
        options |= {name: value for name, value in _read(config).items() if name not in asked}
    else:
        options |= dict.fromkeys(_SAMPLING)
    if settings.do_sample is not None or not sampled:
        options["do_sample"] = sampled
    if type(penalty := getattr(config, "repetition_penalty", None)) is int:
        options["repetition_penalty"] = float(penalty)
    left, unset = _left_alone(config, sampled=sampled)
    eos = own_eos(config)
    if extra_eos:
        options["eos_token_id"] = eos = sorted({*eos, *extra_eos})
    if getattr(config, "pad_token_id", None) is None and eos:  # generate would warn, and take the first end of text
        options["pad_token_id"] = eos[0]
    return GenerationRules(options | unset, (*notes, *left))


def own_eos(config: Any) -> list[int]:
    """The ids that end a text by the model's own config. Raises ModelError where one is none."""
    eos = config.eos_token_id
    ids = [] if eos is None else eos if isinstance(eos, list | tuple) else [eos]
    if any(type(one) is not int for one in ids):
        raise ModelError(f"{_NOTHING_WRITTEN}: its eos_token_id holds what is no token id.")
    return list(ids)


def own_stop_strings(config: Any) -> list[str]:
    """The strings that end a text by the model's own config. Raises ModelError where they are more than a trace holds."""
    stop = config.stop_strings
    texts = [] if stop is None else [stop] if isinstance(stop, str) else list(stop)
    if all(isinstance(text, str) for text in texts) and (fault := stop_fault(texts)):
        raise ModelError(f"the model's generation config: {fault}")
    return texts


def _read(config: Any) -> dict[str, Any]:
    """Sampling options of a config that is written as other programs do: 2 for 2.0, 50.0 for 50, and a top-k of -1 for none."""
    found: dict[str, Any] = {}
    for name in _FRACTIONS:
        if type(value := getattr(config, name, None)) is int:
            found[name] = float(value)
    top_k = getattr(config, "top_k", None)
    if isinstance(top_k, int | float) and math.isfinite(top_k) and top_k == int(top_k):
        found["top_k"] = max(int(top_k), 0) if top_k == -1 else int(top_k)
    return found


def _left_alone(config: Any, *, sampled: bool) -> tuple[list[str], dict[str, Any]]:
    """(sentences on what is not followed, the options that unset it)."""
    found = [
        what
        for name, (idle, what) in _SEARCHES.items()
        if (value := getattr(config, name, None)) is not None and value not in idle
    ]
    notes = []
    if found:
        named = list(dict.fromkeys(found))
        words = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
        how = "sampled" if sampled else "decoded greedily"
        notes.append(
            f"The model's generation config asks for {words}, which a recording does not follow: the output was {how}, one token after the other."
        )
    if (cache := getattr(config, _CACHE, None)) not in _USUAL_CACHES:
        notes.append(
            f"The model's generation config asks for a cache of the kind {cache}; the usual one was taken, which can be read again."
        )
    return notes, {**dict.fromkeys(_SEARCHES), "num_beams": 1, "num_return_sequences": 1, _CACHE: None}
