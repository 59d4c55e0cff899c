"""Command: measure the model in the package on the held-out modules.

Use: python recorder/training/evaluate.py
"""

from __future__ import annotations

import argparse
import json
import random
import time
from typing import Any

import torch
from compression import Measure, measure, xz_bits
from corpus import Document, held_out_documents
from functions import chosen, cut_at_end, hole, parses
from generation import complete
from places import MODEL_FOLDER, WORK_FOLDER
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

COUNT = 50
TEMPERATURE = 0.8
PROMPT_TOKENS = 512
COMPLETION_TOKENS = 256
HOLE_TOKENS = 96
SEED = 7


def share(flags: list[bool]) -> float:
    """Share of true flags."""
    return sum(flags) / len(flags)


def compression_table(measures: list[Measure], together: float) -> str:
    """Markdown: one row per file, one for all; `together` is xz over the concatenation."""
    rows = [
        "| Held-out module | Bytes | Bytes per token | Model, bits per byte | `xz -9`, bits per byte | Next token right |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    size = sum(m.size for m in measures)
    total = Measure(
        "all",
        size,
        sum(m.tokens for m in measures),
        sum(m.bits for m in measures),
        sum(m.right for m in measures),
        sum(m.xz_bits for m in measures),
    )
    rows.extend(
        f"| {m.name} | {m.size:,} | {m.size / m.tokens:.2f} | {m.bits_per_byte:.3f} |"
        f" {m.xz_bits / m.size:.3f} | {m.right / m.tokens:.1%} |"
        for m in [*measures, total]
    )
    rows.append(f"| all files in one `xz` archive | {size:,} | | | {together / size:.3f} | |")
    return "\n".join(rows)


def completion_figures(
    model: LlamaForCausalLM, tokenizer: Tokenizer, documents: list[Document]
) -> dict[str, dict[str, float]]:
    """Share of completed function headers that parse, greedy and sampled."""
    tasks = chosen(documents, COUNT, SEED)
    prompts = [tokenizer.encode(t.before + t.header).ids[-PROMPT_TOKENS:] for t in tasks]
    figures: dict[str, dict[str, float]] = {}
    for name, temperature in (("greedy", None), ("sampled", TEMPERATURE)):
        texts = complete(model, tokenizer, prompts, COMPLETION_TOKENS, temperature, SEED)
        headers = [" " * task.indentation + task.header.lstrip() for task in tasks]
        cut = [
            cut_at_end(header, text, task.indentation, ended)
            for header, task, (text, ended) in zip(headers, tasks, texts, strict=True)
        ]
        good = [parses(header + body) for header, (body, _) in zip(headers, cut, strict=True)]
        finished = [found for _, found in cut]
        figures[name] = {
            "parses": share(good),
            "finished": share(finished),
            "finished and parses": share([a and b for a, b in zip(good, finished, strict=True)]),
        }
    return figures


def hole_figures(model: LlamaForCausalLM, tokenizer: Tokenizer, documents: list[Document]) -> dict[str, dict[str, float]]:
    """Share of filled holes that parse and that equal the original, greedy and sampled."""
    rng = random.Random(SEED)
    short = chosen(documents, COUNT, SEED + 1, longest_body=3000)
    holes = [hole(task, rng) for task in short]
    ids = {name: tokenizer.encode(f"<|fim_{name}|>").ids[0] for name in ("prefix", "suffix", "middle")}
    prompts = [
        [ids["prefix"], *tokenizer.encode(before).ids, ids["suffix"], *tokenizer.encode(after).ids, ids["middle"]]
        for before, _, after in holes
    ]
    leads = [" " * task.indentation for task in short]

    def figures_of(fillings: list[str]) -> dict[str, float]:
        parts = list(zip(leads, holes, fillings, strict=True))
        return {
            "parses": share([parses(lead + b.lstrip() + f + a) for lead, (b, _, a), f in parts]),
            "exact": share([f.strip() == m.strip() for _, (_, m, _), f in parts]),
        }

    figures = {"left empty": figures_of([""] * len(holes))}
    for name, temperature in (("greedy", None), ("sampled", TEMPERATURE)):
        texts = complete(model, tokenizer, prompts, HOLE_TOKENS, temperature, SEED)
        figures[name] = figures_of([text for text, _ in texts])
        figures[name]["finished"] = share([ended for _, ended in texts])
    return figures


def generation_table(functions: dict[str, Any], holes: dict[str, Any]) -> str:
    """Markdown: completions and holes."""
    rows = [
        f"| {COUNT} of each | Greedy | Sampled at {TEMPERATURE} | Hole left empty |",
        "| --- | ---: | ---: | ---: |",
    ]
    for key, label in (
        ("parses", "Completed function parses"),
        ("finished", f"Completion reaches the function's end in {COMPLETION_TOKENS} tokens"),
        ("finished and parses", "Both"),
    ):
        a, b = functions["greedy"][key], functions["sampled"][key]
        rows.append(f"| {label} | {a:.0%} | {b:.0%} | |")
    for key, label in (
        ("parses", "Function with filled hole parses"),
        ("finished", f"Filling ends within {HOLE_TOKENS} tokens"),
        ("exact", "Filling equals the original lines"),
    ):
        a, b = holes["greedy"][key], holes["sampled"][key]
        empty = holes["left empty"].get(key)
        shown = "" if empty is None or key == "exact" else f"{empty:.0%}"
        rows.append(f"| {label} | {a:.0%} | {b:.0%} | {shown} |")
    return "\n".join(rows)


def main() -> None:
    """Measure, print, and leave the figures in build/training for model_card.py."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", default=str(MODEL_FOLDER), help="folder of the model")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tokenizer = Tokenizer.from_file(str(MODEL_FOLDER / "tokenizer.json"))
    model = LlamaForCausalLM.from_pretrained(options.model, dtype=torch.float32).eval()
    documents = held_out_documents()

    began = time.monotonic()
    measures = [measure(model, tokenizer, d.name, d.text) for d in documents]
    together = xz_bits(b"".join(d.text.encode() for d in documents))
    first = compression_table(measures, together)
    print(first, flush=True)
    print(f"[{time.monotonic() - began:.0f} s]", flush=True)

    functions = completion_figures(model, tokenizer, documents)
    holes = hole_figures(model, tokenizer, documents)
    second = generation_table(functions, holes)
    print(second)
    print(f"[{time.monotonic() - began:.0f} s]")

    WORK_FOLDER.mkdir(parents=True, exist_ok=True)
    (WORK_FOLDER / "evaluation.md").write_text(f"{first}\n\n{second}\n")
    figures = {"functions": functions, "holes": holes, "files": [vars(m) for m in measures]}
    (WORK_FOLDER / "evaluation.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
