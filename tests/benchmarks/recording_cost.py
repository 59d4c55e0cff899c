"""What recording costs: wall time against plain `model.generate` for the same tokens, as ratios in one run.

A model of the shape of Qwen2.5-Coder-0.5B with random weights. Recording is everything but loading: generation with
metrics and alternatives, the prompt's metrics, what is asked for beside them, and the trace's bytes. The last variant is what
one does without TokenScope: `generate` with the attention weights of every step, of which the heaviest are kept afterwards.
Variants alternate, so that a machine that slows down slows all of them; the ratio is that of the medians. Needs about 4 GB of
memory and half an hour.

What is inherent, in float32 for `--prompt 256 --new 64` (358 M weights below the head, 136 M in it, two FLOP for each of a token's
multiplications): `generate` reads 256 tokens at once, 183 GFLOP, and writes 64 one by one, 63 GFLOP that wait for 2 GB of weights each.
Wide products of this head run at 95 to 112 GFLOP/s on the core of the measurement, where plain `generate` takes 13.4 s of its time.

- metrics: `generate` leaves 255 of the prompt's rows out of the head, 69 GFLOP, 0.62 s; 319 rows of 151,936 logits are reduced at 0.55 ms
  each, 0.18 s. Together 1.06.
- attention: the 65 tokens are read again, 64 GFLOP, 0.65 s (1.05 more); the weights of 24 layers and 14 heads, 2 GFLOP, are reduced at
  about 4 us for each of 108,000 rows, 0.4 s.
- the lens: a layer is 64 rows through the head, 17.4 GFLOP; five beside the last are 87 GFLOP, 0.9 s, all 23 are 401 GFLOP, more than
  `generate` itself, 4.1 s; 0.4 ms a row to reduce them, 0.13 and 0.6 s; a trial pass of one token before, 0.2 s.

So exact arithmetic in this format allows about 1.06, 1.14, 1.23 and 1.50; a goal of 1.35 for all layers would need 401 GFLOP at twice the
speed at which this processor multiplies. What was ours and went: the lens one layer at a time (5.8 s for 23 layers, 4.1 s together: the
head's weights are read once for 256 rows instead of 64), a trial pass of eight tokens (0.7 s), attention's scores beyond a block's last
query (half of 0.55 s), selection of the largest without blocks (0.94 ms a row of logits, 0.55 ms with them).
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import click
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tokenscope_trace.models.loading import builtin_folder, describe
from tokenscope_trace.models.prompts import Prompt, Segment
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ReplaySettings

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
RECORDED = {
    "metrics": None,
    "metrics and attention": ReplaySettings(),
    "with the lens": ReplaySettings(lens=True),
    "with the lens, all layers": ReplaySettings(lens=True, lens_layers=tuple(range(24))),
}
BY_HAND = "output_attentions by hand"


CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}


def seconds(work: Callable[[], object], clock: Callable[[], float]) -> float:
    """Time of one call."""
    begin = clock()
    work()
    return clock() - begin


def random_model(dtype: str) -> torch.nn.Module:
    """The 0.5B shape with random weights."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("qwen2", **SHAPE), dtype=getattr(torch, dtype)).eval()
    model.generation_config.eos_token_id = None
    model.generation_config.pad_token_id = 0
    return model


def random_prompt(length: int) -> Prompt:
    """So many tokens."""
    ids = torch.randint(0, 8000, (length,), generator=torch.Generator().manual_seed(1)).tolist()
    return Prompt(ids, "text", "-", (Segment("text", 0, length),), exact=True)


@torch.no_grad()
def attentions_by_hand(model: torch.nn.Module, ids: torch.Tensor, new_tokens: int) -> int:
    """Generate with all attention weights of all steps, keep the eight heaviest of each row; returns the bytes held."""
    model.set_attn_implementation("eager")
    try:
        output = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=new_tokens,
            do_sample=False,
            return_dict_in_generate=True,
            output_attentions=True,
            output_logits=True,
        )
    finally:
        model.set_attn_implementation("sdpa")
    held = sum(layer.numel() * layer.element_size() for step in output.attentions for layer in step)
    for step in output.attentions:
        for layer in step:
            layer.topk(min(8, layer.shape[-1]), dim=-1)
    return held


@click.command()
@click.option("--prompt", "prompt_length", default=512, show_default=True, help="Prompt tokens.")
@click.option("--new", "new_tokens", default=256, show_default=True, help="New tokens.")
@click.option("--rounds", default=3, show_default=True, help="Rounds of all variants, after a short one to warm up.")
@click.option("--dtype", default="float32", show_default=True)
@click.option(
    "--clock",
    type=click.Choice(list(CLOCKS)),
    default="wall",
    help="processor: where others use the machine, with one thread.",
)
@click.option("--by-hand/--no-by-hand", default=True, show_default=True, help="Also measure output_attentions.")
def main(prompt_length: int, new_tokens: int, rounds: int, dtype: str, clock: str, by_hand: bool) -> None:
    """Print seconds and ratios."""
    model = random_model(dtype)
    loaded = describe(model, AutoTokenizer.from_pretrained(builtin_folder()), name="random")
    prompt = random_prompt(prompt_length)
    ids = torch.tensor([prompt.ids])

    def plain(count: int) -> None:
        model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False)

    def recorded(replay: ReplaySettings | None) -> Callable[[int], None]:
        def run(count: int) -> None:
            record(loaded, prompt, GenerationSettings(max_new_tokens=count, temperature=0), replay=replay).to_bytes()

        return run

    held = []
    variants: dict[str, Callable[[int], object]] = {"plain generate": plain}
    variants |= {name: recorded(replay) for name, replay in RECORDED.items()}
    if by_hand:
        variants[BY_HAND] = lambda count: held.append(attentions_by_hand(model, ids, count))
    for run in variants.values():
        run(4)
    taken: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(1, rounds + 1):
        for name, run in variants.items():
            taken[name].append(seconds(lambda run=run: run(new_tokens), CLOCKS[clock]))
        base = taken["plain generate"][-1]
        print(f"round {number}: " + ", ".join(f"{name} {times[-1] / base:.3f}" for name, times in taken.items()), flush=True)
    base = statistics.median(taken["plain generate"])
    print(f"\n{dtype}, prompt {prompt_length}, new {new_tokens}, medians of {rounds}, times plain generate ({base:.1f} s):")
    for name, times in taken.items():
        print(f"  {name}: {statistics.median(times) / base:.3f}")
    if by_hand:
        print(f"  attention weights held by {BY_HAND}: {held[-1] / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
