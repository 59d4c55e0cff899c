"""Rows of the architectures as lines for a terminal, and as recorder/ARCHITECTURES.md. Runs nothing."""

from __future__ import annotations

import importlib.metadata
import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.sweeps.architecture_checks import Row

VERSIONS = ("transformers", "torch")
_COLUMNS = ("greedy", "metrics", "prompt", "attention", "lens", "engine", "branches")
_ENGINES = {"tree-attention": "tree attention", "snapshots": "copies", "recomputation": "recomputation"}
_HEAD = """# What of which architecture

Every causal language model that transformers {transformers} knows ({count}), with torch {torch} on a processor: a tiny random model of
each is recorded, and what was recorded is compared with computations of its own. `make test-architectures` runs it and writes this
file; nothing in the table is claimed, all of it was measured, and a wrong number fails the run.

{sums}

| column | ✓ means |
|---|---|
| greedy | the tokens are those that `generate` writes |
| metrics | surprisal, entropy, margin, gap and alternatives are those of the logits that `generate` returns, recomputed in float64: within 1e-5; ranks exactly |
| prompt | the prompt's numbers are those of the logits that `generate` goes by after the prompt's beginnings: within 1e-4 |
| attention | recorded for all layers; the weights give the layer's output, and are those that the model hands out, where it does |
| lens | recorded; the last layer through it gives the model's own distribution: within 1e-4 nats |
| tree | how branches are computed: `tree attention` all in one forward, `copies` of the cache, or `recomputation` of everything |
| branches | the tokens of every branch are those that `generate` writes after prompt plus forced token; logprobs within 1e-4 nats |

A dash has its reason below the table. Sizes are tiny (4 layers, 64 wide, windows of 8 tokens), so that windows, experts, hybrids of
attention and recurrence are all in play; a model of full size differs in rounding. Models that look at pictures or hear are run on text
alone; encoders such as BERT as the decoders that their configuration can make of them (`is_decoder`).
"""


def summary(row: Row) -> str:
    """One line for the terminal."""
    if row.builds != "yes":
        return f"{row.kind:26} {row.builds}"
    cells = [f"{name} {value}" for name in _COLUMNS if (value := getattr(row, name))]
    noise = "" if row.noise is None else f"; noise {row.noise:.0e}"
    return f"{row.kind:26} {'; '.join(cells)}{noise}; {row.seconds:.1f} s"


def document(rows: Sequence[Row]) -> str:
    """The file, for rows of all architectures."""
    reasons: dict[str, int] = {}

    def mark(reason: str) -> str:
        return f" [{reasons.setdefault(reason, len(reasons) + 1)}]" if reason else ""

    lines = [_line(row, mark) for row in sorted(rows, key=lambda row: row.kind)]
    versions = {name: importlib.metadata.version(name).partition("+")[0] for name in VERSIONS}
    table = [
        "| model type | class | greedy | metrics | prompt | attention | lens | tree | branches |",
        "|---" * 9 + "|",
        *lines,
    ]
    notes = [f"{number}. {reason[0].upper()}{reason[1:].rstrip('.')}." for reason, number in reasons.items()]
    head = _HEAD.format(**versions, count=len(rows), sums=_sums(rows))
    return "\n".join([head, *table, "", *notes, ""])


def listed(text: str) -> list[str]:
    """The model types in the document's table, in order."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def versions_in(text: str) -> dict[str, str]:
    """The versions that the document says it was made with."""
    found = re.search(r"that transformers (\S+) knows \(\d+\), with torch (\S+) ", text)
    return dict(zip(VERSIONS, found.groups(), strict=True)) if found else {}


def _line(row: Row, mark: object) -> str:
    assert callable(mark)
    if row.builds != "yes" or not row.engine:
        reason = row.builds if row.builds != "yes" else row.greedy
        return f"| `{row.kind}` | {row.model} | –{mark(reason)} | – | – | – | – | – | – |"
    cells = [_cell(name, getattr(row, name), mark) for name in _COLUMNS]
    return f"| `{row.kind}` | {row.model} | {' | '.join(cells)} |"


def _cell(name: str, value: str, mark: object) -> str:
    assert callable(mark)
    if value == "yes":
        return "✓"
    if name == "engine" and value in _ENGINES:
        return _ENGINES[value]
    if name == "branches" and value == "none":
        return "–"
    part = re.fullmatch(r"(\d+ of \d+) layers: (.+)", value, re.DOTALL)
    if part is not None:
        return f"{part[1]}{mark(part[2])}"
    as_said = value.startswith("as ")
    return f"{'✓' if as_said else '–'}{mark(value)}"


def _sums(rows: Sequence[Row]) -> str:
    ran = [row for row in rows if row.builds == "yes" and row.engine]
    engines = Counter(_ENGINES.get(row.engine, "no tree") for row in ran)
    partly = sum(" of " in row.attention and "layers" in row.attention for row in ran)
    counts = (
        f"{len(ran)} of {len(rows)} can be recorded; the notes say why the others cannot",
        f"attention of {sum(row.attention == 'yes' for row in ran)} in all layers, of {partly} in those layers that have it",
        f"the lens for {sum(row.lens == 'yes' for row in ran)}",
        "branches: " + ", ".join(f"{name} for {count}" for name, count in engines.most_common()),
    )
    wrong = sum(row.wrong for row in rows)
    return "\n".join([*(f"- {count}" for count in counts), f"- Wrong: {wrong or 'none'}."])
