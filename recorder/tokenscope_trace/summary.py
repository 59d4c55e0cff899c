"""A trace -> the plain data of the report's summary: what was run, how sure the model was, where it was least sure.

Knows numbers and sentences, no markup. The page shows this summary with and without scripts, so it is computed here only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from tokenscope_trace.columns import Array
from tokenscope_trace.figures import decimal, percent
from tokenscope_trace.program_text import Passage, capped, excerpt, file_order, lines, passages, program
from tokenscope_trace.provenance import facts, settings
from tokenscope_trace.schema import Origin
from tokenscope_trace.traces import Trace
from tokenscope_trace.uncertain import near_certain, others, perplexity
from tokenscope_trace.visible import visible_line, visible_token

UNCERTAIN = 1.0  # bits: a probability of a half or less
SURPRISAL_EDGES = (0.1, 0.5, 1.0, 2.0, 4.0)  # bits, as in viewer/metrics.js
LISTED = 8

_FINISHES = {
    "end-of-text": "The model ended the text itself.",
    "stop-string": "It stopped at a stop string.",
    "context": "It stopped where the model's context was full.",
    "interrupted": "The recording was interrupted: this is what was there by then.",
}


@dataclass(frozen=True)
class Alternative:
    """Another token that was likely, in visible form."""

    token: str
    percent: str


@dataclass(frozen=True)
class Place:
    """One of the least certain tokens. `bucket` is its step on the surprisal scale, 0 to 5."""

    node: int
    line: int
    token: str
    surprisal: str
    probability: str
    bucket: int
    instead: tuple[Alternative, ...]


@dataclass(frozen=True)
class Summary:
    """All that the summary says, as strings in the order of the page."""

    title: str
    source: str
    model: str
    settings: str
    extent: str
    headline: str
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    places: tuple[Place, ...]
    before: str
    before_left_out: int
    output: tuple[Passage, ...]
    output_left_out: int
    after: str
    after_left_out: int
    numbers: tuple[tuple[str, str, str], ...]
    definitions: tuple[tuple[str, str, str], ...]
    facts: tuple[tuple[str, str], ...]


def summarise(trace: Trace, title: str | None = None) -> Summary:
    """The summary of a trace; `title` replaces the prompt's file name as the title."""
    path = file_order(trace)
    is_prompt = trace.nodes.origin[path] == Origin.PROMPT
    output, prompt = path[~is_prompt], path[is_prompt]
    places = tuple(_least_certain(trace, path, output))
    source = visible_line(str(trace.run["prompt"].get("source") or "-"))
    source = "standard input" if source == "-" else source
    first_output = int(np.argmin(is_prompt)) if len(output) else len(path)
    last_output = first_output + len(output)
    before, before_left_out = excerpt(program(trace, path[:first_output]), last=True)
    after, after_left_out = excerpt(program(trace, path[last_output:]), last=False)
    shown, output_left_out = capped(trace, output)
    return Summary(
        title=visible_line(title) if title else source,
        source=source,
        model=visible_line(str(trace.run["model"].get("id") or "unnamed model")),
        settings=settings(trace.run["sampling"]),
        extent=_tokens(len(output)),
        headline=_headline(trace, output),
        sentences=tuple(_sentences(trace, output)),
        notes=tuple(visible_line(note) for note in trace.run["notes"]),
        places=places,
        before=before,
        before_left_out=before_left_out,
        output=tuple(passages(trace, shown, {place.node for place in places})),
        output_left_out=output_left_out,
        after=after,
        after_left_out=after_left_out,
        numbers=tuple(_numbers(trace, prompt, output)),
        definitions=tuple(_definitions(trace)),
        facts=tuple(facts(trace.run)),
    )


def _least_certain(trace: Trace, path: Array, output: Array) -> Iterator[Place]:
    surprisal = trace.nodes.surprisal[output]
    candidates = np.flatnonzero(surprisal >= UNCERTAIN)
    line_of = lines(trace, path)
    for i in candidates[np.argsort(-surprisal[candidates], kind="stable")][:LISTED]:
        node = int(output[i])
        yield Place(
            node=node,
            line=line_of[node],
            token=visible_token(trace.token_bytes(node)),
            surprisal=decimal(float(surprisal[i]), "bits"),
            probability=percent(float(trace.nodes.probability[node])),
            bucket=int(np.searchsorted(SURPRISAL_EDGES, surprisal[i], side="right")),
            instead=tuple(_instead(trace, node)),
        )


def _instead(trace: Trace, node: int) -> Iterator[Alternative]:
    """The two most probable tokens beside the one that stands there."""
    for token_id, p in islice(others(trace, node), 2):
        yield Alternative(visible_token(trace.bytes_of(token_id)), percent(p))


def _headline(trace: Trace, output: Array) -> str:
    if len(output) == 0:
        return "The model wrote nothing."
    certain, measured = near_certain(trace.nodes.surprisal[output])
    if measured == 0:
        return f"The model wrote {_tokens(len(output))}; how sure it was is not measured."
    if measured == 1:
        return f"The model was {'nearly certain' if certain else 'not certain'} of the one token it wrote."
    amount = "all" if certain == measured else "none" if certain == 0 else f"{certain:,}"
    return f"The model was nearly certain of {amount} of the {measured:,} tokens it wrote."


def _sentences(trace: Trace, output: Array) -> Iterator[str]:
    logprob = trace.nodes.logprob[output]
    if np.any(~np.isnan(logprob)):
        yield f"Nearly certain means a probability above 93 %. The perplexity of the output is {decimal(perplexity(logprob))}."
    finish = trace.run["finish"]
    limit = trace.run["sampling"].get("max_new_tokens")
    if finish == "length":
        yield (
            f"It stopped at the limit of {_tokens(limit)}."
            if isinstance(limit, int)
            else "It stopped at its limit of tokens."
        )
    else:
        yield _FINISHES[finish]


def _numbers(trace: Trace, prompt: Array, output: Array) -> Iterator[tuple[str, str, str]]:
    """Rows of (name, prompt, output)."""

    def row(name: str, tell: Callable[[Array], str]) -> tuple[str, str, str]:
        return name, tell(prompt), tell(output)

    def reduced(values: Array, reduce: Callable[[Array], Any]) -> Callable[[Array], str]:
        def tell(nodes: Array) -> str:
            measured = values[nodes][~np.isnan(values[nodes])].astype(np.float64)
            return decimal(float(reduce(measured)) if len(measured) else float("nan"), "bits")

        return tell

    surprisal, entropy, logprob = trace.nodes.surprisal, trace.nodes.entropy, trace.nodes.logprob
    yield row("tokens", lambda nodes: f"{len(nodes):,}")
    yield row("measured", lambda nodes: f"{np.count_nonzero(~np.isnan(surprisal[nodes])):,}")
    yield row("perplexity", lambda nodes: decimal(perplexity(logprob[nodes])))
    yield row("surprisal, mean", reduced(surprisal, np.mean))
    yield row("surprisal, median", reduced(surprisal, np.median))
    yield row("surprisal, largest", reduced(surprisal, np.max))
    yield row("surprisal, sum", reduced(surprisal, np.sum))
    yield row("entropy, mean", reduced(entropy, np.mean))


def _definitions(trace: Trace) -> Iterator[tuple[str, str, str]]:
    """Rows of (name, unit, definition), as the trace has them."""
    for name, metric in trace.metrics.items():
        if isinstance(metric, dict):
            unit, definition = (visible_line(str(metric.get(key) or "")) for key in ("unit", "definition"))
            yield visible_line(name), unit, definition


def _tokens(count: int) -> str:
    return f"{count:,} token{'' if count == 1 else 's'}"
