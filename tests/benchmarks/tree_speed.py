"""How fast the tree grows: nodes per second against generating each branch by itself, as ratios in one run.

A model of the shape of Qwen2.5-Coder-0.5B with random weights. For every prefix and number of branches, three ways to the same
tokens, each branch a forced token and its greedy continuation:

- tree: all branches in one forward per step, over one cache (the recorder's engine);
- sequential: one branch after the other from a copy of the prefix's cache;
- recomputed: every token by a forward over its whole sequence, without a cache.

The last two are measured on a few branches and tokens and scaled to all of them. Memory is the peak above the model,
prefill included, from the system's own counter; each way runs in a process of its own. Linux only.

`--model FOLDER` measures a real model instead: a recording of the first tokens of this file, its tree against plain `generate` of the
same model, in all formats by turns. Seconds are those of the processor, so that others on the machine count less; the tree's include
the choice of its engine, which is named.
"""

from __future__ import annotations

import copy
import multiprocessing
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import click
import torch
from transformers import AutoConfig, AutoModelForCausalLM

sys.path.insert(0, str(Path(__file__).parent))
from peak_memory import memory_mb, reset_peak
from recording_cost import SHAPE

from tokenscope_trace.inference.tree_attention import TreeAttention
from tokenscope_trace.models.backend import Tip
from tokenscope_trace.models.forward import Reader
from tokenscope_trace.models.loading import LoadedModel, load
from tokenscope_trace.models.prompts import encode_text
from tokenscope_trace.progress import Watcher
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ModelSettings, TreeSettings

SEQUENTIAL_BRANCHES = 2
RECOMPUTED_TOKENS = 1
WAVE = 128


def make_model(dtype: str, layers: int) -> Any:
    """Random weights, the same in every process."""
    torch.manual_seed(0)
    config = AutoConfig.for_model("qwen2", **(SHAPE | {"num_hidden_layers": layers}))
    return AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).eval()


def forks(prefix: int, branches: int) -> list[tuple[int, int]]:
    """(place in the prefix, forced token), spread over its last half."""
    return [(prefix - 1 - (index * (prefix // 2)) // branches, 100 + index) for index in range(branches)]


def tree(model: Any, ids: list[int], branches: int, length: int) -> tuple[float, list[list[int]]]:
    """(seconds without the prefill, tokens of each branch)."""
    engine = TreeAttention(model, ids)
    begin = time.perf_counter()
    tokens = [[token] for _, token in forks(len(ids), branches)]
    parents = [place for place, _ in forks(len(ids), branches)]
    positions = [place + 1 for place in parents]
    node = len(ids)
    for _ in range(length - 1):
        tips = [Tip(node + i, parents[i], tokens[i][-1], positions[i]) for i in range(branches)]
        chosen: list[int] = []
        for first in range(0, branches, WAVE):
            chosen += engine.advance(tips[first : first + WAVE]).argmax(-1).tolist()
        for i, token in enumerate(chosen):
            tokens[i].append(token)
        parents, node, positions = [tip.node for tip in tips], node + branches, [p + 1 for p in positions]
    return time.perf_counter() - begin, tokens


def sequential(model: Any, ids: list[int], branches: int, length: int) -> tuple[float, list[list[int]]]:
    """The same for the first branches, scaled."""
    read = Reader(model)
    _, cache = read(ids, range(len(ids)), last=True)
    seconds, texts = [], []
    for place, token in forks(len(ids), branches)[:SEQUENTIAL_BRANCHES]:
        begin = time.perf_counter()
        own = copy.deepcopy(cache)
        own.crop(place + 1 - len(ids)) if place + 1 < len(ids) else None
        text = [token]
        for step in range(length - 1):
            logits, own = read([text[-1]], [place + 1 + step], cache=own)
            text.append(int(logits[-1].argmax()))
        seconds.append(time.perf_counter() - begin)
        texts.append(text)
    return statistics.mean(seconds) * branches, texts


def recomputed(model: Any, ids: list[int], branches: int, length: int) -> tuple[float, list[list[int]]]:
    """The same for the first tokens of one branch, scaled."""
    read = Reader(model)
    place, token = forks(len(ids), branches)[0]
    sequence = [*ids[: place + 1], token]
    begin = time.perf_counter()
    for _ in range(RECOMPUTED_TOKENS):
        logits, _ = read(sequence, range(len(sequence)), use_cache=False, last=True)
        sequence.append(int(logits[-1].argmax()))
    return (time.perf_counter() - begin) / RECOMPUTED_TOKENS * branches * (length - 1), [sequence[place + 1 :]]


WAYS = {"tree": tree, "sequential": sequential, "recomputed": recomputed}


@torch.no_grad()
def measure(way: str, dtype: str, layers: int, prefix: int, branches: int, length: int, pipe: Any) -> None:
    """In a process of its own: seconds, peak memory above the model in MB, tokens."""
    model = make_model(dtype, layers)
    ids = torch.randint(0, 150_000, (prefix,), generator=torch.Generator().manual_seed(1)).tolist()
    Reader(model)(ids[:16], range(16), last=True)
    before = reset_peak()
    seconds, tokens = WAYS[way](model, ids, branches, length)
    pipe.send((seconds, memory_mb("VmHWM") - before, tokens))


def apart(*arguments: Any) -> tuple[float, float, list[list[int]]]:
    """`measure` in a fresh process."""
    ours, theirs = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("spawn").Process(target=measure, args=(*arguments, theirs))
    process.start()
    theirs.close()
    result: tuple[float, float, list[list[int]]] = ours.recv()
    process.join()
    return result


def recorded_tree(loaded: LoadedModel, new: int, nodes: int) -> tuple[float, float, str]:
    """(tokens a second of plain `generate`, tokens a second of the tree, its engine)."""
    prompt = encode_text(loaded.tokenizer, Path(__file__).read_text(encoding="utf-8")[:1200])
    ids = torch.tensor([prompt.ids])
    begin = time.process_time()
    output = loaded.model.generate(
        ids, attention_mask=torch.ones_like(ids), min_new_tokens=new, max_new_tokens=new, do_sample=False
    )
    first = time.process_time()
    loaded.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=1, do_sample=False)
    prefill = time.process_time() - first
    plain = (output.shape[1] - ids.shape[1] - 1) / (first - begin - prefill)
    written: list[float] = []
    watcher = Watcher(on_token=lambda _count: written.append(time.process_time()))
    settings = GenerationSettings(max_new_tokens=new, temperature=0)
    record(loaded, prompt, settings, watcher=watcher)
    without = time.process_time() - written[-1]
    written.clear()
    trace = record(loaded, prompt, settings, tree=TreeSettings(nodes=nodes), watcher=watcher)
    taken = time.process_time() - written[-1] - without
    return plain, (len(trace.nodes) - len(trace.main)) / taken, trace.run["tree"]["engine"]


def real_model(folder: str, formats: tuple[str, ...], new: int, nodes: int, rounds: int) -> None:
    """Print speeds and ratios of one model in several formats."""
    loaded = {name: load(ModelSettings(folder, dtype=name)) for name in formats}
    for model in loaded.values():  # what runs first is slower
        recorded_tree(model, 4, 16)
    found: dict[str, list[tuple[float, float, str]]] = {name: [] for name in formats}
    for _ in range(rounds):
        for name, model in loaded.items():
            found[name].append(recorded_tree(model, new, nodes))
    print(f"{folder}, {new} new tokens, {nodes} of the tree, medians of {rounds}; tokens per second of processor time")
    print("format    | plain decoding | tree | tree / plain | plain, tree against the first format | engine")
    median = {name: [statistics.median(row[place] for row in rows) for place in (0, 1)] for name, rows in found.items()}
    base = median[formats[0]]
    for name, (plain, tree_) in median.items():
        print(
            f"{name:9} | {plain:14.1f} | {tree_:4.1f} | {tree_ / plain:12.2f} | {plain / base[0]:.2f}, {tree_ / base[1]:.2f} | "
            f"{', '.join(sorted({row[2] for row in found[name]}))}"
        )


@click.command()
@click.option("--branches", multiple=True, type=int, default=(8, 32, 128), show_default=True)
@click.option("--prefix", multiple=True, type=int, default=(256, 1024, 4096), show_default=True)
@click.option("--length", default=16, show_default=True, help="Tokens of one branch.")
@click.option("--dtype", multiple=True, default=("float32", "bfloat16"), show_default=True)
@click.option("--layers", default=SHAPE["num_hidden_layers"], show_default=True)
@click.option("--model", help="A real model's folder: its tree against plain decoding, in every --dtype.")
@click.option("--new", default=64, show_default=True, help="With --model: tokens of the output.")
@click.option("--nodes", default=512, show_default=True, help="With --model: tokens of the tree.")
@click.option("--rounds", default=3, show_default=True, help="With --model: rounds of all formats.")
def main(
    branches: tuple[int, ...],
    prefix: tuple[int, ...],
    length: int,
    dtype: tuple[str, ...],
    layers: int,
    model: str | None,
    new: int,
    nodes: int,
    rounds: int,
) -> None:
    """Print nodes per second, ratios and peak memory."""
    if model is not None:
        real_model(model, dtype, new, nodes, rounds)
        return
    print(
        "dtype     prefix branches | tree nodes/s | x sequential | x recomputed | peak MB above the model: tree, sequential"
    )
    for kind in dtype:
        for width in prefix:
            for count in branches:
                results = {way: apart(way, kind, layers, width, count, length) for way in WAYS}
                seconds = {way: result[0] for way, result in results.items()}
                same = [a[: len(b)] == b for a, b in zip(results["tree"][2], results["sequential"][2], strict=False)]
                note = "" if all(same) or kind != "float32" else "  TOKENS DIFFER"
                print(
                    f"{kind:9} {width:6} {count:8} | {count * (length - 1) / seconds['tree']:12.1f} | "
                    f"{seconds['sequential'] / seconds['tree']:12.1f} | {seconds['recomputed'] / seconds['tree']:12.0f} | "
                    f"{results['tree'][1]:.0f}, {results['sequential'][1]:.0f}{note}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
