"""Command: write the model card from the files that train.py and evaluate.py left.

Use: python recorder/training/model_card.py
"""

from __future__ import annotations

import json
import os
from typing import Any

from corpus import HELD_OUT
from generation import complete
from places import MODEL_FOLDER, WORK_FOLDER
from tokenizer_training import write_atomically
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

SAMPLE_PROMPT = 'def read_lines(path):\n    """'
SAMPLE_TOKENS = 96
SAMPLE_SEED = 3

# What the summary of the run that is in the package does not say by itself.
RUN_NOTE = """This run began with the weights of an earlier one (`--start-from`): 95 minutes, 3,073 steps and 12,587,008 tokens on the
same machine, with the same shape and tokenizer, other rates (0.02 and 0.006), windows that began anywhere, and holes of which
half were cut at random characters. The commands below begin with random weights and see only the tokens of the second run. The size was chosen by tokens per second and the usual ratio of tokens to weights, not by comparing trained models;
the rates were not searched. Neither run looked at the held-out modules, but for two trials of two minutes before the earlier
one; its progress was measured on them, that of this run on the validation files, which the earlier one had seen."""

CARD = """---
license: mit
language: code
library_name: transformers
pipeline_tag: text-generation
---

# The built-in model of TokenScope

A very small Llama for Python. It ships inside the package so that
`tokenscope-record prompt.py` works at once and without a network, so that the
samples can be recorded anywhere, and so that the tests run a real model.
**It is not a good code model.** It writes text that looks like Python and rarely
does anything useful. Give `tokenscope-record` a bigger model for real work.

## Shape

{parameters:,} parameters in bf16 ({weights_mb:.1f} MB): {layers} layers of width {hidden},
{heads} attention heads of width {head_width} that share {groups} key-value heads, SwiGLU of
width {inner}, RMSNorm, RoPE up to {context} positions, input and output embeddings shared.
Plain `transformers` loads the folder; no remote code.

## Tokenizer

Byte-level BPE with {vocabulary:,} tokens, trained on the training files. All 256 bytes are in
the alphabet and nothing is normalised, so every text comes back unchanged. A line end
with the indentation after it is one token for the common widths, and so is a blank line
with them. Digits are single tokens. `<|endoftext|>` ends a text;
`<|fim_prefix|>`, `<|fim_suffix|>` and `<|fim_middle|>` mark a text with a hole, in this order.
No token is added by itself.

## Training data

Python files found on the machine that trained it: the standard library and packages
installed beside it, each under the licence that its metadata states. Left out:
tests, vendored copies, generated files, tables, files with very long lines, and files
of which more than 60 % of the lines were seen in other files before. No data was downloaded.

{sources}

These modules of the standard library were kept out of training, the tokenizer's
included: {held_out}. Files elsewhere that share most of their lines with them
were dropped too.

## Training

{minutes} minutes on {device} beside other work: {steps:,} steps,
{tokens:,} tokens, {rate:,} tokens per second. One pass over the packed files is
{packed:,} tokens (the standard library counts twice); about one file in a hundred is left out for validation. In each pass
half of the files are cut into pieces with a hole each (prefix, suffix, middle): one to three lines without the white space
around them, one to six whole lines, a part of a line, or any span of up to 300 characters. The other files are cut at random
places, mostly after line ends, and tokenised piece by piece, because prompts end anywhere. Windows begin where a piece
begins; they have 512 tokens for the first 85 % of the time, 2048 after that.
Muon (rate {matrix_lr}) for the matrices inside the layers, AdamW (rate {other_lr}) for the
rest, 2 % warm-up, then linear decay to zero, {tokens_per_step:,} tokens per step, seed {seed}. The loss leaves out the
tokens around a hole: they are always given, never written.

{run_note}

## Measured

All figures are for the held-out modules. Bits per byte: each file alone, read in windows of
2048 tokens that move by 1024, each token scored once. `xz -9` gets each file alone, in the
last row all files together.

{evaluation}

Completions: the prompt is the file up to the function and its header (the last 512 tokens); the
completion is cut where the function ends, or else at the last whole line. Holes: one to
three lines of a function's body; "left empty" shows how many of the functions parse
with nothing in the hole.{verdict}

Sampled at temperature 0.8, seed {sample_seed}; the first two lines are the prompt:

```python
{sample}
```

## Making it again

```
python recorder/training/make_tokenizer.py
python recorder/training/train.py --minutes {budget:g}
python recorder/training/evaluate.py
python recorder/training/model_card.py
```

The clock rules the schedule, so two runs differ in their last digits and more on another machine.

## Licence

MIT, like the rest of TokenScope. The training files are under the licences in the table.
"""


def sample(tokenizer: Tokenizer) -> str:
    """One seeded completion, cut at the end of the text."""
    model = LlamaForCausalLM.from_pretrained(MODEL_FOLDER).float().eval()
    ids = tokenizer.encode(SAMPLE_PROMPT).ids
    (text, _), *_ = complete(model, tokenizer, [ids], SAMPLE_TOKENS, 0.8, SAMPLE_SEED)
    return SAMPLE_PROMPT + text.rstrip()


def verdict(holes: dict[str, dict[str, float]]) -> str:
    """A plain sentence when filling does worse than leaving the hole empty."""
    if holes["greedy"]["parses"] >= holes["left empty"]["parses"]:
        return ""
    return (
        " Fewer of these functions parse\nwith the greedy filling than with an empty hole: "
        "do not expect `--fim` to complete real code with this model."
    )


def card(run: dict[str, Any], config: dict[str, Any], tokenizer: Tokenizer) -> str:
    """The text of the card."""
    options = run["options"]
    return CARD.format(
        parameters=run["parameters"],
        weights_mb=os.path.getsize(MODEL_FOLDER / "model.safetensors") / 1e6,
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        heads=config["num_attention_heads"],
        head_width=config["hidden_size"] // config["num_attention_heads"],
        groups=config["num_key_value_heads"],
        inner=config["intermediate_size"],
        context=config["max_position_embeddings"],
        vocabulary=config["vocab_size"],
        sources=(WORK_FOLDER / "sources.md").read_text().strip(),
        held_out=", ".join(f"`{name}`" for name in sorted(HELD_OUT)),
        minutes=run["minutes"],
        device="one GPU" if run["device"] == "cuda" else f"{run['threads']} CPU threads",
        steps=run["steps"],
        tokens=run["tokens"],
        rate=run["tokens_per_second"],
        packed=run["packed_tokens"],
        matrix_lr=options["matrix_lr"],
        other_lr=options["other_lr"],
        tokens_per_step=options["tokens_per_step"],
        seed=options["seed"],
        run_note=RUN_NOTE,
        evaluation=(WORK_FOLDER / "evaluation.md").read_text().strip(),
        verdict=verdict(json.loads((WORK_FOLDER / "evaluation.json").read_text())["holes"]),
        sample_seed=SAMPLE_SEED,
        sample=sample(tokenizer),
        budget=options["minutes"],
    )


def main() -> None:
    """Read the figures, write the card."""
    run = json.loads((WORK_FOLDER / "run" / "summary.json").read_text())
    config = json.loads((MODEL_FOLDER / "config.json").read_text())
    tokenizer = Tokenizer.from_file(str(MODEL_FOLDER / "tokenizer.json"))
    write_atomically(MODEL_FOLDER / "README.md", card(run, config, tokenizer))


if __name__ == "__main__":
    main()
