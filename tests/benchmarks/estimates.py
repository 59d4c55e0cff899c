"""How near estimates come: a rehearsal beside the recording that it is of, as ratios estimate / actual by stage and in all.

Pairs alternate in one process, so that both are taken under the same conditions; seconds are those of this process's own time on one
thread, which other work on the machine disturbs less than the wall's. Models: a tiny one with random weights, and the built-in one.
Stages below a twentieth of the whole are not shown: nobody waits for them.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import median

import click
import torch

sys.path.insert(0, str(Path(__file__).parents[2]))
from tests.support import tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace.analysis.pipeline import with_decisions
from tokenscope_trace.estimates.extrapolation import file_of, seconds_of
from tokenscope_trace.estimates.file_size import part_sizes
from tokenscope_trace.estimates.rehearsal import Times, arithmetic_of, rehearsed, work_of
from tokenscope_trace.models.loading import LoadedModel, describe, load
from tokenscope_trace.models.prompts import Prompt, encode_text
from tokenscope_trace.recording.recorder import record
from tokenscope_trace.settings import GenerationSettings, ModelSettings, ReplaySettings, TreeSettings

SOURCE = Path(__file__).read_text(encoding="utf-8") * 4
TREE = TreeSettings(min_prob=0.0)
WAYS: dict[str, tuple[ReplaySettings | None, TreeSettings | None]] = {
    "metrics": (None, None),
    "attention": (ReplaySettings(), None),
    "attention, lens": (ReplaySettings(lens=True), None),
    "attention, small tree": (ReplaySettings(), replace(TREE, nodes=300, length=12, extra=0)),
    "attention, lens, tree": (ReplaySettings(lens=True), TREE),
}


def models() -> Iterator[tuple[str, LoadedModel]]:
    """The models, each with its name."""
    yield "tiny", describe(tiny_model(max_position_embeddings=2048), tiny_tokenizers.byte_level(), name="tiny")
    loaded = load(ModelSettings(device="cpu"))
    loaded.model.generation_config.eos_token_id = None
    yield "built-in", loaded


def actual(
    loaded: LoadedModel,
    prompt: Prompt,
    settings: GenerationSettings,
    replay: ReplaySettings | None,
    tree: TreeSettings | None,
) -> tuple[dict[str, float], int, str]:
    """Seconds by stage of the recording itself, the size of its file, and how its tree ended."""
    times = Times(time.process_time)
    times.begun = times.clock()
    trace = record(loaded, prompt, settings, replay=replay, tree=tree, watcher=times.watcher())
    times.ended = begin = times.clock()
    trace = with_decisions(trace)
    analysis = times.clock() - begin
    begin = times.clock()
    trace.to_bytes()
    size = len(trace.to_bytes())
    written = times.keeping + times.clock() - begin + sum(end - begin for begin, end in times.states)
    found = {
        "prompt": times.prompt + times.head,
        "output": times.output,
        "reading again": times.again,
        "branches": times.branches,
        "analysis": analysis,
        "writing": written,
    }
    return {name: value for name, value in found.items() if value}, size, (trace.run["tree"] or {}).get("finish", "")


@click.command()
@click.option("--prompt", "lengths", multiple=True, type=int, default=(50, 500), show_default=True)
@click.option("--new", "outputs", multiple=True, type=int, default=(32, 128), show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--model", "only", type=click.Choice(["tiny", "built-in"]))
def main(lengths: tuple[int, ...], outputs: tuple[int, ...], rounds: int, only: str | None) -> None:
    """Print ratios: medians over the rounds."""
    torch.set_num_threads(1)
    for name, loaded in models():
        if only not in (None, name):
            continue
        arithmetic = arithmetic_of(loaded.model)
        for length in lengths:
            ids = encode_text(loaded.tokenizer, SOURCE, "prompt.py").ids[:length]
            prompt = encode_text(loaded.tokenizer, loaded.tokenizer.decode(ids), "prompt.py")
            for new in outputs:
                settings = GenerationSettings(max_new_tokens=new, temperature=0)
                for way, (replay, tree) in WAYS.items():
                    ratios: list[dict[str, float]] = []
                    taken = []
                    for _ in range(rounds):
                        short = rehearsed(loaded, prompt, settings, replay=replay, tree=tree, clock=time.process_time)
                        work = work_of(loaded, len(prompt.ids), settings, replay, tree)
                        estimated = seconds_of(work, short.steps, arithmetic)
                        size = sum(file_of(work, part_sizes(short.trace, short.steps.done)).values())
                        found, bytes_, finish = actual(loaded, prompt, settings, replay, tree)
                        total = sum(found.values())
                        ratio = {stage: estimated[stage] / value for stage, value in found.items() if value > total / 20}
                        ratios.append(
                            ratio
                            | {
                                "total": sum(estimated.values()) / total,
                                "file": size / bytes_,
                                "cost": short.seconds / total,
                            }
                        )
                        taken.append(total)
                    print(
                        f"{name}, {len(prompt.ids)} + {new}, {way} ({median(taken):.2f} s{', ' + finish if finish else ''}): "
                        + ", ".join(
                            f"{stage} {median([one[stage] for one in ratios if stage in one]):.2f}"
                            for stage in dict.fromkeys(stage for one in ratios for stage in one)
                        ),
                        flush=True,
                    )


if __name__ == "__main__":
    main()
