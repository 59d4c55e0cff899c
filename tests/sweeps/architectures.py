"""Every causal architecture that transformers knows and that can be made tiny: is its tree exact, its attention, its lens?

Use: make sweep. Each is built from its own config with small numbers put in and recorded with a tree, attention and lens. Every
branch is compared with an independent `generate` of its prompt plus forced token, kept attention with the weights that its eager
code hands out (nan where it hands out none), the replay with the decoding. What cannot be built or run so is listed with the reason.
"""

from __future__ import annotations

import collections
import signal
import time
import warnings
from dataclasses import dataclass
from typing import Any

import click
import numpy as np
import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tokenscope_trace import Trace
from tokenscope_trace.models import builtin_folder, describe
from tokenscope_trace.prompt import Prompt, Segment
from tokenscope_trace.recording import record
from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings

VOCABULARY = 512
SMALL: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "n_embd": 64,
    "d_model": 64,
    "word_embed_proj_dim": 64,
    "intermediate_size": 96,
    "n_inner": 96,
    "ffn_dim": 96,
    "moe_intermediate_size": 32,
    "num_hidden_layers": 4,
    "n_layer": 4,
    "n_layers": 4,
    "num_layers": 4,
    "num_attention_heads": 4,
    "n_head": 4,
    "n_heads": 4,
    "num_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "max_position_embeddings": 128,
    "n_positions": 128,
    "sliding_window": 8,
    "attention_window_size": 8,
    "num_local_experts": 4,
    "num_experts": 4,
    "n_routed_experts": 4,
    "num_experts_per_tok": 2,
    "state_size": 8,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": None,
}
MOST_PARAMETERS = 30_000_000
MOST_SECONDS = 60  # for one architecture: some have only slow code without their own kernels
PROMPT_TOKENS = 24
SETTINGS = GenerationSettings(max_new_tokens=6, temperature=0, top_alternatives=5)
REPLAY = ReplaySettings(attention_top=6, lens=True, lens_layers="all")
TREE = TreeSettings(nodes=120, width=2, depth=2, length=5, min_prob=0.0)


def tiny(kind: str) -> Any:
    """A random model of this kind; raises whatever its code raises."""
    defaults = AutoConfig.for_model(kind)
    known = {name: value for name, value in SMALL.items() if hasattr(defaults, name)}
    config = AutoConfig.for_model(kind, **known)
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
    model.generation_config.eos_token_id, model.generation_config.pad_token_id = None, 0
    return model


@dataclass(frozen=True)
class Checked:
    """What one recording came to: the tree against `generate`, attention against handed-out weights, replay and lens."""

    engine: str
    tokens: int
    wrong: int
    error: float  # largest of a branch token's logprob, nats
    way: str
    noise: float
    attention: str
    attention_error: float  # largest of a kept weight beyond its rounding
    lens: str

    @property
    def exact(self) -> bool:
        """Whether all that was compared agrees."""
        return self.wrong == 0 and self.error < 1e-4 and self.noise < 1e-3 and self.attention_error < 1e-5


def attention_error(model: Any, trace: Trace) -> float:
    """The largest difference of a kept weight from the one the model hands out, beyond its rounding; NaN where it hands out none."""
    config = model.config.get_text_config()
    before, config._attn_implementation = config._attn_implementation, "eager"
    try:
        ids = torch.tensor([trace.nodes.token_id[trace.main].tolist()])
        with torch.no_grad():
            full = model(input_ids=ids, output_attentions=True, use_cache=False).attentions
        full = [layer[0].transpose(0, 1).double().numpy() for layer in full if layer is not None]
    except Exception:
        return float("nan")
    finally:
        config._attn_implementation = before
    if len(full) != len(trace.attention):
        full = [full[layer.layer] for layer in trace.attention if layer.layer < len(full)]
    errors = [0.0]
    for layer, weights in zip(trace.attention, full, strict=False):
        if weights.shape[:2] != layer.unkept.shape:
            return float("nan")
        width = min(layer.weights.shape[-1], weights.shape[-1])
        best = -np.sort(-weights, axis=-1)[..., :width]
        errors.append(float((np.abs(layer.weights[..., :width] - best) - np.sqrt(best) / 255 - 4e-6).max()))
    return max(errors)


def checked(model: Any, tokenizer: Any) -> Checked:
    """One recording, compared."""
    loaded = describe(model, tokenizer, name="tiny")
    ids = torch.randint(5, VOCABULARY, (PROMPT_TOKENS,), generator=torch.Generator().manual_seed(1)).tolist()
    prompt = Prompt(ids, "text", "-", (Segment("text", 0, len(ids)),), exact=True)
    trace = record(loaded, prompt, SETTINGS, tree=TREE, replay=REPLAY)
    tokens, wrong, error = 0, 0, 0.0
    for first, count in zip(trace.branches.first.tolist(), trace.branches.count.tolist(), strict=True):
        before, after = trace.nodes.token_id[trace.path(first)].tolist(), trace.nodes.token_id[first + 1 : first + count]
        if not len(after):
            continue
        asked = torch.tensor([before])
        out = model.generate(
            asked, attention_mask=torch.ones_like(asked), max_new_tokens=len(after), do_sample=False, output_logits=True,
            return_dict_in_generate=True, use_cache=False,
        )  # fmt: skip
        wrong += int((out.sequences[0, len(before) :].numpy() != after).sum())
        log_p = torch.log_softmax(torch.cat(out.logits).double(), -1)[range(len(after)), torch.from_numpy(after).long()]
        error = max(error, float(np.abs(trace.nodes.logprob[first + 1 : first + count] - log_p.numpy()).max()))
        tokens += len(after)
    replay, lens = trace.run["replay"] or {"way": "none", "noise": None}, trace.run["lens"]
    absent = len(trace.run["attention"]["absent"])
    return Checked(
        engine=str(trace.run["tree"]["engine"]),
        tokens=tokens,
        wrong=wrong,
        error=error,
        way=replay["way"],
        noise=0.0 if replay["noise"] is None else replay["noise"],
        attention=f"{len(trace.attention)} of {len(trace.attention) + absent}",
        attention_error=attention_error(model, trace) if trace.attention else 0.0,
        lens="lens" if lens["layers"] else f"no lens: {lens['reason']}",
    )


def out_of_time(_signal: int, _frame: object) -> None:
    """One architecture takes too long."""
    raise TimeoutError(f"over {MOST_SECONDS} s")


@click.command()
@click.argument("kinds", nargs=-1)
def main(kinds: tuple[str, ...]) -> None:
    """Print one line per architecture, then the sums."""
    warnings.simplefilter("ignore")
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    signal.signal(signal.SIGALRM, out_of_time)
    tokenizer = AutoTokenizer.from_pretrained(builtin_folder())
    found: collections.Counter[str] = collections.Counter()
    for kind in kinds or sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        begin = time.perf_counter()
        signal.alarm(MOST_SECONDS)
        try:
            model = tiny(kind)
        except Exception as error:
            found["not built"] += 1
            print(
                f"{kind:28} not built: {type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}",
                flush=True,
            )
            continue
        try:
            result = checked(model, tokenizer)
        except Exception as error:
            found["not recorded"] += 1
            print(
                f"{kind:28} not recorded: {type(error).__name__}: {str(error).splitlines()[0][:80] if str(error) else ''}",
                flush=True,
            )
            continue
        found[f"{result.engine}, {'exact' if result.exact else 'WRONG'}"] += 1
        found["with attention" if result.attention[0] != "0" else "without attention"] += 1
        found["with lens" if result.lens == "lens" else "without lens"] += 1
        print(
            f"{kind:28} {result.engine:15} {result.tokens:4} tokens, {result.wrong} wrong, error {result.error:.1e}; "
            f"{result.way:9} noise {result.noise:.1e}; attention {result.attention}, error {result.attention_error:.1e}; "
            f"{result.lens}; {time.perf_counter() - begin:.1f} s{'' if result.exact else '  WRONG'}",
            flush=True,
        )
    signal.alarm(0)
    print("\n".join(f"{count:4} {name}" for name, count in found.most_common()))


if __name__ == "__main__":
    main()
