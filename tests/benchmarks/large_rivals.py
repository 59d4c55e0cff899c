"""The report of a recording, and two pages of the same data to hold it against: an empty one that only decodes, and a naive one."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from tokenscope_trace import Trace
from tokenscope_trace.reports.bundle import bundle_modules

SCRIPTS = Path(__file__).parent / "large_page"
_DECODERS = ("trace/payload", "trace/msgpack", "trace/columns", "trace/schema")
_STYLE = """
  body { margin: 2rem; font: 14px/1.6 system-ui }
  #code { font: 13px/1.6 ui-monospace, monospace; white-space: pre-wrap }
  .selected { outline: 2px solid }
  #tooltip { position: fixed; padding: .5rem; background: white; border: 1px solid; white-space: pre }
  #tooltip p { margin: 0 }
"""


def empty(report: str) -> str:
    """As many bytes as the report, with the same templates in it, of which the recording is decoded."""
    sources = {
        name: files("tokenscope_trace.viewer").joinpath(f"{name}.js").read_text(encoding="utf-8") for name in _DECODERS
    }
    script = bundle_modules({**sources, "empty": (SCRIPTS / "empty.js").read_text(encoding="utf-8")}, "empty")
    templates = "\n".join(re.findall(r"<template.*?</template>", report))
    page = _page("", f"{templates}\n<!---->\n<script>{script}</script>")
    return page.replace("<!---->", f"<!--{' ' * max(0, len(report.encode()) - len(page.encode()))}-->")


def naive(trace: Trace) -> str:
    """Every row as JSON, one span per token."""
    rows = json.dumps(_rows(trace), separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    body = (
        f'<div id="code"></div>\n<div id="tooltip" hidden></div>\n<script type="application/json" id="rows">{rows}</script>'
    )
    return _page(_STYLE, f"{body}\n<script>{(SCRIPTS / 'naive.js').read_text(encoding='utf-8')}</script>")


def _page(style: str, body: str) -> str:
    return (
        f'<!doctype html>\n<meta charset="utf-8">\n<title>Large</title>\n<style>{style}</style>\n<body>\n{body}\n</body>\n'
    )


def _rows(trace: Trace) -> dict[str, Any]:
    """What the columns hold, as objects."""
    nodes = trace.nodes
    texts = {int(i): trace.bytes_of(i).decode("utf-8", "replace") for i in trace.tokens.id}
    columns = {
        "parent": nodes.parent.tolist(),
        "origin": nodes.origin.tolist(),
        "surprisal": _rounded(nodes.surprisal),
        "probability": _rounded(nodes.probability),
        **{name: _rounded(getattr(nodes, name)) for name in ("entropy", "margin", "gap", "tail")},
        "rank": nodes.rank.tolist(),
    }
    ids, odds = trace.alternatives.token_id.tolist(), _rounded(np.exp(trace.alternatives.logprob))
    ends = np.cumsum(nodes.alternative_count).tolist()
    rows: list[dict[str, Any]] = []
    for node, token in enumerate(nodes.token_id.tolist()):
        own = range(ends[node] - int(nodes.alternative_count[node]), ends[node])
        rows.append(
            {
                "token": texts[token],
                **{name: values[node] for name, values in columns.items()},
                "alternatives": [{"token": texts[ids[row]], "probability": odds[row]} for row in own],
            }
        )
    for layer in trace.attention:
        for node, (sources, weights) in enumerate(zip(layer.sources.tolist(), layer.weights.round(4).tolist(), strict=True)):
            rows[node][f"attention_{layer.layer}"] = [
                list(zip(*pair, strict=True)) for pair in zip(sources, weights, strict=True)
            ]
    first, last = trace.branches.first, trace.branches.first + trace.branches.count - 1
    syntax = trace._contents.tables["syntax"]
    return {
        "nodes": rows,
        "main": int(trace.run["main_leaf"]),
        "branches": [
            {"first": a, "last": b, "outcome": c}
            for a, b, c in zip(first.tolist(), last.tolist(), trace.outcomes.outcome.tolist(), strict=True)
        ],
        "syntax": [
            dict(zip(syntax, row, strict=True)) for row in zip(*(column.tolist() for column in syntax.values()), strict=True)
        ],
        "decisions": trace.decisions.node.tolist(),
    }


def _rounded(values: Any) -> list[float | None]:
    return [None if value != value else round(value, 5) for value in values.astype(float).tolist()]
