"""What recording costs: wall time against plain `model.generate` for the same tokens, as a ratio in one run.

A model of the shape of Qwen2.5-Coder-0.5B with random weights. Recording is everything but loading: generation with
metrics and alternatives, the prompt's metrics, and the trace's bytes. Runs alternate, so that a machine that slows down
slows both; the ratio is that of the medians, and of each pair. Needs about 3 GB of memory and some minutes.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import click
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from tokenscope_trace.models import builtin_folder, describe
from tokenscope_trace.prompt import Prompt, Segment
from tokenscope_trace.recording import record
from tokenscope_trace.settings import GenerationSettings

SHAPE = {
    "vocab_size": 151_936,
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_hidden_layers": 24,
    "num_attention_heads": 14,
    "num_key_value_heads": 2,
    "max_position_embeddings": 32_768,
    "tie_word_embeddings": True,
    "bos_token_id": None,
    "eos_token_id": None,
}


def seconds(work: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


@click.command()
@click.option("--prompt", "prompt_length", default=512, show_default=True, help="Prompt tokens.")
@click.option("--new", "new_tokens", default=256, show_default=True, help="New tokens.")
@click.option("--pairs", default=3, show_default=True, help="Pairs of runs, after one pair to warm up.")
@click.option("--dtype", default="float32", show_default=True)
@click.option("--layers", default=SHAPE["num_hidden_layers"], show_default=True)
def main(prompt_length: int, new_tokens: int, pairs: int, dtype: str, layers: int) -> None:
    """Print seconds and ratios."""
    from transformers import AutoTokenizer

    torch.manual_seed(0)
    config = AutoConfig.for_model("qwen2", **(SHAPE | {"num_hidden_layers": layers}))
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    loaded = describe(model, AutoTokenizer.from_pretrained(builtin_folder()), name="random")
    ids = torch.randint(0, 8000, (1, prompt_length))
    prompt = Prompt(ids[0].tolist(), "text", "-", (Segment("text", 0, prompt_length),), exact=True)
    settings = GenerationSettings(max_new_tokens=new_tokens, temperature=0)

    def plain() -> None:
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=new_tokens, do_sample=False)

    def recorded() -> None:
        record(loaded, prompt, settings).to_bytes()

    plain_seconds, recorded_seconds = [], []
    for number in range(pairs + 1):
        pair = seconds(plain), seconds(recorded)
        if number:
            plain_seconds.append(pair[0])
            recorded_seconds.append(pair[1])
            print(
                f"pair {number}: generate {pair[0]:.1f} s, record {pair[1]:.1f} s, ratio {pair[1] / pair[0]:.3f}", flush=True
            )
    ratio = statistics.median(recorded_seconds) / statistics.median(plain_seconds)
    print(f"{layers} layers, {dtype}, prompt {prompt_length}, new {new_tokens}: record / generate = {ratio:.3f}")


if __name__ == "__main__":
    main()
