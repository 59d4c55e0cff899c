"""Recordings of a few tokens of code whose probabilities are given, for the tests of outcomes, decisions and behaviour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tokenscope_trace import Trace
from tokenscope_trace.traces.schema import BranchEnd, Origin

NAN = float("nan")
END = "<end>"


@dataclass(frozen=True)
class Word:
    """A token with its probability, and what else was likely in its place."""

    text: str
    p: float = 1.0
    others: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Twig:
    """A branch: `words` from the token after `after` on, which is a node; `p` are their probabilities, 1 where there are fewer."""

    after: int
    words: Sequence[str]
    p: Sequence[float] = ()
    end: BranchEnd = BranchEnd.LENGTH
    rejoined: int = -1


def recorded(
    prompt: Sequence[str],
    output: Sequence[Word | str],
    twigs: Sequence[Twig] = (),
    *,
    source: str = "p.py",
    finish: str = "length",
    noise: float | None = None,
    stop: Sequence[str] = (),
    **facts: Any,
) -> Trace:
    """A trace of these; nodes are numbered from the prompt on, then the output, then the twigs."""
    words = [word if isinstance(word, Word) else Word(word) for word in output]
    texts = sorted(
        {*prompt, *(w.text for w in words), *(o for w in words for o in w.others), *(t for g in twigs for t in g.words)}
    )
    ids = {text: number for number, text in enumerate(texts)}
    rows: list[tuple[int, str, Origin, float, dict[str, float]]] = [
        (place - 1, text, Origin.PROMPT, NAN, {}) for place, text in enumerate(prompt)
    ]
    rows += [
        (len(prompt) + place - 1, word.text, Origin.MAIN, word.p, {word.text: word.p, **word.others})
        for place, word in enumerate(words)
    ]
    main = len(rows)
    first = []
    for twig in twigs:
        first.append(len(rows))
        for place, text in enumerate(twig.words):
            p = twig.p[place] if place < len(twig.p) else 1.0
            rows.append((twig.after if place == 0 else len(rows) - 1, text, Origin.BRANCH, p, {text: p}))
    listed = [sorted(likely.items(), key=lambda pair: -pair[1]) for *_, likely in rows]
    flat = [pair for pairs in listed for pair in pairs]
    count = len(rows)
    nan = np.full(count, NAN, np.float32)
    tables = {
        "nodes": {
            "parent": np.array([row[0] for row in rows], np.int32),
            "token_id": np.array([ids[row[1]] for row in rows], np.int32),
            "origin": np.array([row[2] for row in rows], np.uint8),
            "logprob": np.log(np.array([row[3] for row in rows], np.float64)).astype(np.float32),
            **dict.fromkeys(("entropy", "margin", "gap", "tail", "sampled_logprob", "sampled_tail", "noise"), nan),
            "rank": np.zeros(count, np.int32),
            "alternative_count": np.array([len(pairs) for pairs in listed], np.uint16),
        },
        "alternatives": {
            "token_id": np.array([ids[text] for text, _ in flat], np.int32),
            "logprob": np.log(np.array([p for _, p in flat], np.float64)).astype(np.float32),
            "sampled_logprob": np.full(len(flat), NAN, np.float32),
        },
        "tokens": {
            "id": np.arange(len(texts), dtype=np.int32),
            "special": np.array([text == END for text in texts], np.uint8),
            "byte_count": np.array([len(text.encode()) for text in texts], np.uint32),
        },
        "token_bytes": {"byte": np.frombuffer("".join(texts).encode(), np.uint8)},
        "spellings": {"node": np.empty(0, np.int32), "byte_count": np.empty(0, np.uint32)},
        "spelling_bytes": {"byte": np.empty(0, np.uint8)},
        "branches": {
            "first": np.array(first, np.int32),
            "count": np.array([len(twig.words) for twig in twigs], np.uint32),
            "forced": np.ones(len(twigs), np.uint16),
            "asked": np.zeros(len(twigs), np.uint8),
            "end": np.array([twig.end for twig in twigs], np.uint8),
            "rejoined": np.array([twig.rejoined for twig in twigs], np.int32),
        },
    }
    run = {
        "generator": {"name": "tokenscope-trace", "version": "0"},
        "model": {"id": "tiny"},
        "prompt": {
            "source": source,
            "kind": "text",
            "exact": True,
            "segments": [{"role": "text", "first": 0, "end": len(prompt)}],
        },
        "sampling": {"do_sample": False, "max_new_tokens": len(words), "stop": list(stop)},
        "top_alternatives": 4,
        "main_leaf": main - 1,
        "finish": finish,
        "libraries": {},
        "command": [],
        "tree": {"engine": "tree-attention", "finish": "complete", "nodes": 100},
        "replay": None if noise is None else {"way": "whole", "noise": noise},
        "notes": [],
        "clock": {},
    } | facts
    return Trace(run, tables)
