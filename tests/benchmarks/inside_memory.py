"""What looking inside of a model takes: peak memory above the model, against `generate` that keeps its attention weights.

A model of the shape of Qwen2.5-Coder-0.5B with random weights, a prompt of 4,096 tokens and a few new ones, each way in a process
of its own: the recorder with everything (metrics, attention of all layers, lens of all layers), beside the estimate that it prints
before it starts; and `output_attentions`, which is run on shorter prompts, because it grows with their square. Linux only.
"""

from __future__ import annotations

import multiprocessing
import sys
from pathlib import Path
from typing import Any

import click
import torch
from transformers import AutoTokenizer

sys.path.insert(0, str(Path(__file__).parent))
from peak_memory import memory_mb, reset_peak
from recording_cost import attentions_by_hand, random_model, random_prompt

from tokenscope_trace.models.loading import builtin_folder, describe
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ReplaySettings

NEW = 8
EVERYTHING = ReplaySettings(lens=True, lens_layers="all")


def measure(way: str, dtype: str, length: int, pipe: Any) -> None:
    """In a process of its own: peak memory above the model, and the estimate, MB; 0 where there is none."""
    model = random_model(dtype)
    prompt = random_prompt(length)
    with torch.no_grad():
        model(torch.tensor([prompt.ids[:16]]), logits_to_keep=1)
    said = [0]
    before = reset_peak()
    if way == "recorded":
        loaded = describe(model, AutoTokenizer.from_pretrained(builtin_folder()), name="random")
        watcher = Watcher(on_need=said.append)
        settings = GenerationSettings(max_new_tokens=NEW, temperature=0)
        record(loaded, prompt, settings, replay=EVERYTHING, watcher=watcher).to_bytes()
    else:
        attentions_by_hand(model, torch.tensor([prompt.ids]), NEW)
    pipe.send((memory_mb("VmHWM") - before, said[-1] / 2**20))


def apart(*arguments: Any) -> tuple[float, float]:
    """`measure` in a fresh process."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(*arguments, theirs))
    process.start()
    theirs.close()
    result: tuple[float, float] = ours.recv()
    process.join()
    return result


@click.command()
@click.option("--prompt", "lengths", multiple=True, type=int, default=(1024, 4096), show_default=True)
@click.option("--by-hand", "by_hand", multiple=True, type=int, default=(512, 1024), show_default=True)
@click.option("--dtype", default="float32", show_default=True)
def main(lengths: tuple[int, ...], by_hand: tuple[int, ...], dtype: str) -> None:
    """Print peak memory above the model."""
    for length in lengths:
        peak, estimate = apart("recorded", dtype, length)
        print(
            f"{dtype}, prompt {length}: recorded with everything, peak {peak:.0f} MB above the model, "
            f"estimated {estimate:.0f} MB ({estimate / peak:.2f})",
            flush=True,
        )
    for length in by_hand:
        peak, _ = apart("by hand", dtype, length)
        print(f"{dtype}, prompt {length}: output_attentions, peak {peak:.0f} MB above the model", flush=True)


if __name__ == "__main__":
    main()
