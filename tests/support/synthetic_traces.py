"""Traces made of numpy and imagination, for the tests of everything that only reads traces. No model, no torch.

Each function returns a Trace with plausible, reproducible numbers: the distributions add up, ranks and gaps agree with them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokenscope_trace import Trace
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces.layers import (
    LayerAttention,
    LayerLens,
    attention_tables,
    encode_unkept,
    encode_weights,
    lens_tables,
)
from tokenscope_trace.traces.schema import ALL, TABLES, BranchEnd, CheckResult, DecisionFlag, Origin, Outcome, Scope

PROMPT = '''import re

def parse_duration(text):
    """Seconds in strings such as 90s, 15m, 1h30m."""
'''
OUTPUT = """    pattern = re.compile(r"(?:(\\d+)h)?(?:(\\d+)m)?(?:(\\d+)s)?")
    match = pattern.fullmatch(text)
    hours, minutes, seconds = (int(g or 0) for g in match.groups())
    total = hours * 3600 + minutes * 60 + seconds
    if total < 0:
        raise ValueError(text)
    return total
"""
TESTS = """from durations import parse_duration


def test_hours():
    assert parse_duration("1h30m") == 5400
"""
END = b"<|endoftext|>"
HOSTILE = [
    b"</script>",
    b"<img src=x onerror=alert(1)>",
    b"<!--",
    b"]]>",
    b"</template>",
    b"</pre>",
    b"<svg onload=alert(2)>",
    "\u202e".encode(),
    b"evil",
    "\u202c".encode(),
    "\u200b".encode(),
    b"\x00",
    b"\x1b[31m",
    b"\xff\xfe",
    "\u2028".encode(),
    b"javascript:alert(3)",
    b"{{7*7}}",
    b"{% raw %}",
    b"${alert(4)}",
    b'" onclick="alert(5)',
    b"' style='position:fixed",
    "\u00a0".encode(),
    "\ufeff".encode(),
    b"&lt;b&gt;",
    b"__proto__",
    b"\r",
    b"<base href=//evil.example>",
    b"\n",
]


def split(text: str) -> list[bytes]:
    """Tokens much as a byte-level BPE makes them: words with their space, line breaks with the indentation after them."""
    return [part.encode() for part in re.findall(r"\n[ \t]*|\r\n| ?\w{1,9}|[ \t]+|[^\w\s]{1,2}", text)]


def make(
    prompt: Sequence[bytes],
    output: Sequence[bytes],
    *,
    segments: list[tuple[str, int]] | None = None,
    kind: str = "text",
    special: Sequence[bytes] = (END,),
    sampled: bool = False,
    finish: str = "length",
    notes: Sequence[str] = (),
    source: str = "parse_duration.py",
    model: str = "tiny-code-model",
    top: int = 10,
    seed: int = 7,
    extra_run: Callable[[dict[str, Any]], None] | None = None,
) -> Trace:
    """A trace of these tokens; `segments` is (role, length) over the prompt."""
    random = np.random.default_rng(seed)
    tokens = [*prompt, *output]
    pool = sorted({*tokens, *split(PROMPT + OUTPUT), *(f"w{i}".encode() for i in range(top + 4)), b" <= ", b"\n\n"})
    ids = {content: 11 * i + 3 for i, content in enumerate(pool)}
    vocabulary = 11 * len(pool) + 100
    count = len(tokens)
    nodes: dict[str, list[Any]] = {
        name: []
        for name in (
            "parent",
            "token_id",
            "origin",
            "logprob",
            "entropy",
            "margin",
            "rank",
            "gap",
            "tail",
            "sampled_logprob",
            "sampled_tail",
            "alternative_count",
        )
    }
    alternatives: dict[str, list[Any]] = {"token_id": [], "logprob": [], "sampled_logprob": []}
    choices = np.array([ids[content] for content in pool])
    for index, content in enumerate(tokens):
        is_prompt = index < len(prompt)
        row = (
            _measured(random, ids[content], choices, top, sampled and not is_prompt, greedy=not (sampled or is_prompt))
            if index
            else _root()
        )
        nodes["parent"].append(index - 1)
        nodes["token_id"].append(ids[content])
        nodes["origin"].append(Origin.PROMPT if is_prompt else Origin.MAIN)
        for name, value in row["node"].items():
            nodes[name].append(value)
        for name, values in row["alternatives"].items():
            alternatives[name].extend(values)
    spans, first = [], 0
    for role, length in segments if segments is not None else [("text", len(prompt))]:
        spans.append({"role": role, "first": first, "end": first + length})
        first += length
    run: dict[str, Any] = {
        "generator": {"name": "tokenscope-trace", "version": "0.1.0"},
        "model": {
            "id": model,
            "revision": "3f1c2ab",
            "architecture": "LlamaForCausalLM",
            "parameters": 12_345_678,
            "vocab_size": vocabulary,
            "context": 2048,
            "dtype": "float32",
            "device": "cpu",
            "attention": "sdpa",
            "config_sha256": None,
            "weights_sha256": None,
            "tokenizer_sha256": None,
        },
        "prompt": {"source": source, "kind": kind, "exact": True, "segments": spans},
        "sampling": {
            "do_sample": sampled,
            "temperature": 0.8 if sampled else None,
            "top_p": 0.95 if sampled else None,
            "top_k": None,
            "min_p": None,
            "repetition_penalty": None,
            "max_new_tokens": max(1, len(output)),
            "stop": [],
            "seed": 7 if sampled else None,
            "processors": ["TemperatureLogitsWarper", "TopPLogitsWarper"] if sampled else [],
        },
        "top_alternatives": top,
        "main_leaf": count - 1,
        "finish": finish,
        "libraries": {"torch": "2.13.0", "transformers": "5.23.0"},
        "command": ["tokenscope-record", source, "-o", "trace.tsc"],
        "notes": list(notes),
        "clock": {"created": "2026-01-31T12:00:00Z", "load_seconds": 0.4, "prefill_seconds": 0.05, "decode_seconds": 2.5},
    }
    if extra_run:
        extra_run(run)
    tables = {
        "nodes": {name: np.array(values) for name, values in nodes.items()},
        "alternatives": {name: np.array(values) for name, values in alternatives.items()},
        "tokens": {
            "id": np.array([ids[entry] for entry in pool]),
            "special": np.array([entry in special for entry in pool], dtype=np.uint8),
            "byte_count": np.array([len(entry) for entry in pool]),
        },
        "token_bytes": {"byte": np.frombuffer(b"".join(pool), np.uint8)},
        "spellings": {"node": np.array([], np.int32), "byte_count": np.array([], np.uint32)},
        "spelling_bytes": {"byte": np.array([], np.uint8)},
    }
    return Trace(run, tables)


def _root() -> dict[str, Any]:
    names = ("logprob", "entropy", "margin", "gap", "tail", "sampled_logprob", "sampled_tail")
    return {"node": {**dict.fromkeys(names, np.nan), "rank": 0, "alternative_count": 0}, "alternatives": {}}


def _measured(
    random: np.random.Generator, own: int, choices: np.ndarray, top: int, sampled: bool, *, greedy: bool
) -> dict[str, Any]:
    """One node's numbers from a made-up distribution over `top` tokens and a flat tail."""
    steepness = random.choice([9.0, 5.0, 2.5, 1.4], p=[0.74, 0.12, 0.09, 0.05])
    weights = (1.0 + np.arange(top)) ** -(steepness + random.uniform(-0.5, 0.5))
    tail = float(min(0.3, weights[-1] / weights.sum() * random.uniform(0.5, 4)))
    p = weights / weights.sum() * (1 - tail)
    rank = 1 if greedy or steepness > 6 else int(random.choice([1, 1, 2, 3, top + 27]))
    others = random.permutation(choices[choices != own])
    listed = list(others[:top])
    if rank <= top:
        listed[rank - 1] = own
        mine = p[rank - 1]
    else:
        mine = min(tail / 30, p[-1] / 2)
    rest = tail * 0.98
    entropy = float(-(p * np.log2(p)).sum() - rest * np.log2(max(rest, 1e-12) / 500))
    q = p ** (1 / 0.8)
    q = np.where(np.arange(top) < max(rank, 4), q, 0) if rank <= top else q
    q = q / q.sum() * (0.98 if rank > top else 1.0)
    with np.errstate(divide="ignore"):
        logq = np.log(q)
    node = {
        "logprob": float(min(0.0, np.log(mine))),
        "entropy": max(0.0, entropy),
        "margin": float(np.clip(p[0] - p[1], 0, 1)),
        "rank": rank,
        "gap": float(max(0.0, np.log(p[0]) - np.log(mine))),
        "tail": tail,
        "sampled_logprob": (float(logq[rank - 1]) if rank <= top else float(np.log(0.01))) if sampled else np.nan,
        "sampled_tail": (0.0 if rank <= top else 0.02) if sampled else np.nan,
        "alternative_count": top,
    }
    return {
        "node": node,
        "alternatives": {
            "token_id": listed,
            "logprob": np.minimum(0, np.log(p)).tolist(),
            "sampled_logprob": np.minimum(0, logq).tolist() if sampled else [np.nan] * top,
        },
    }


def looking(
    trace: Trace, *, layers: int = 6, heads: int = 4, top: int = 8, lens: tuple[int, ...] = (0, 3, 5), seed: int = 11
) -> Trace:
    """The same trace with attention of its main path (layer 1 has none) and with a lens over its output or scored code.

    Heads differ: sinks that look at the first token, heads that look back by one, heads that look at the token's last occurrence.
    """
    random = np.random.default_rng(seed)
    ids = trace.nodes.token_id
    queries = len(trace.scored) or len(trace.main)
    parents = trace.nodes.parent[:queries]
    root = np.maximum.accumulate(np.where(parents < 0, np.arange(queries), 0))
    found = []
    for layer in range(layers):
        if layer == 1:
            continue
        sources = np.zeros((queries, heads, top), np.int32)
        weights = np.zeros((queries, heads, top), np.float32)
        unkept = np.zeros((queries, heads), np.float32)
        for query in range(queries):
            before = np.arange(root[query], query + 1)
            same = before[:-1][ids[before[:-1]] == ids[query]]
            for head in range(heads):
                score = random.gumbel(size=len(before))
                score[0] += 6 * (head == 0)
                score[-2:] += 4 * (head == 1)
                score[same - root[query]] += 5 * (head == 2)
                p = np.exp(score - score.max())
                p = (p / p.sum()).astype(np.float32)
                kept = np.argsort(-p)[:top]
                sources[query, head, : len(kept)], weights[query, head, : len(kept)] = before[kept], p[kept]
                unkept[query, head] = max(0.0, 1 - float(p[kept].sum()))
        codes = encode_weights(weights)
        found.append(LayerAttention(layer, np.where(codes > 0, sources, 0), codes, encode_unkept(unkept)))
    first = int(trace.output[0]) if len(trace.output) else 0
    nodes = np.arange(first, first + (len(trace.output) or len(trace.scored)))
    known = trace.tokens.id
    lenses = []
    for depth, layer in enumerate(lens):
        sure = random.random(len(nodes)) < (depth + 1) / len(lens)
        last = layer == lens[-1]
        rank = np.where(last, trace.nodes.rank[nodes], np.where(sure, 1, random.integers(2, 400, len(nodes))))
        rank = np.where(trace.nodes.parent[nodes] < 0, 0, rank)
        token = np.where(rank == 1, ids[nodes], random.choice(known, len(nodes)))
        p = random.uniform(0.1, 0.95, len(nodes)).astype(np.float32)
        logprob = np.where(rank == 1, np.log(p), np.log(p) - np.log1p(rank))
        missing = np.where(rank == 0, np.nan, 1)
        lenses.append(
            LayerLens(
                layer,
                first,
                token.astype(np.int32),
                (p * missing).astype(np.float32),
                rank.astype(np.int32),
                (logprob * missing).astype(np.float32),
            )
        )
    absent = [{"layer": 1, "reason": "it computes no attention (conv)"}]
    run = {
        **trace.run,
        "replay": {"way": "continued", "noise": 2.4e-6},
        "attention": {"top": top, "queries": queries, "absent": absent},
        "lens": {"layers": list(lens), "first": first, "count": len(nodes), "reason": None},
    }
    return Trace(run, {**trace._contents.tables, **attention_tables(found), **lens_tables(lenses)})


def scored(
    files: dict[str, str] | None = None, *, changed: dict[str, list[list[int]]] | None = None, **options: Any
) -> Trace:
    """Code that the model did not write, one chain of nodes per file; `changed` are lines by file."""
    files = files or {"durations.py": PROMPT + OUTPUT, "tests/test_durations.py": TESTS}
    parts = {source: split(text) for source, text in files.items()}
    tokens = [token for part in parts.values() for token in part]
    trace = make(tokens, [], segments=[], finish="scored", kind="score", source=next(iter(files)), **options)
    nodes = {name: values.copy() for name, values in trace._contents.tables["nodes"].items()}
    nodes["origin"][:] = Origin.SCORED
    listed, first = [], 0
    missing = np.zeros(len(trace.nodes), dtype=bool)
    for source, part in parts.items():
        nodes["parent"][first] = -1
        missing[first] = True
        listed.append(
            {
                "source": source,
                "first": first,
                "end": first + len(part),
                "exact": True,
                "changed": (changed or {}).get(source),
            }
        )
        first += len(part)
    kept = np.repeat(~missing, nodes["alternative_count"])
    for name in ("logprob", "entropy", "margin", "gap", "tail"):
        nodes[name][missing] = np.nan
    nodes["rank"][missing] = nodes["alternative_count"][missing] = 0
    tables = {**trace._contents.tables, "nodes": nodes}
    tables["alternatives"] = {name: values[kept] for name, values in tables["alternatives"].items()}
    score = {"window": 2048, "revision": "main" if changed else None, "commit": "4f2a9c0d" * 5 if changed else None}
    run = {**trace.run, "files": listed, "score": score, "main_leaf": listed[0]["end"] - 1, "sampling": {"do_sample": False}}
    return Trace(run, tables)


def changed() -> Trace:
    """Two scored files of which some lines changed, with attention and lens."""
    return looking(scored(changed={"durations.py": [[6, 6], [8, 9]], "tests/test_durations.py": [[3, 5]]}))


def plausible(**options: Any) -> Trace:
    """A greedy recording of ordinary Python."""
    return make(split(PROMPT), split(OUTPUT), **options)


def sampled(**options: Any) -> Trace:
    """The same, sampled: q differs from p."""
    return make(split(PROMPT), [*split(OUTPUT), END], sampled=True, finish="end-of-text", **options)


def hostile() -> Trace:
    """Strings that would like to be more than text, in every place where strings go."""

    def poison(run: dict[str, Any]) -> None:
        run["model"]["revision"] = "</title><script>alert(10)</script>"
        run["model"]["architecture"] = "<svg/onload=alert(11)>\u202e"
        run["libraries"] = {"</script><script>alert(12)</script>": "\u202e1.0"}
        run["command"] = ["tokenscope-record", "--stop", "</template><img src=x onerror=alert(13)>"]
        run["sampling"]["stop"] = ["<!-- <script>"]

    return make(
        [b"x", *HOSTILE],
        [*HOSTILE, *HOSTILE[::-1]],
        source="<img src=x onerror=alert(6)>\u202e.py",
        model='"><script>alert(7)</script>',
        notes=["<script>alert(8)</script>", "javascript:alert(9)"],
        special=(b"</script>",),
        extra_run=poison,
    )


def split_characters() -> Trace:
    """Characters that span tokens, an emoji sequence, invalid and unfinished bytes."""
    face, hiragana = "\U0001f600".encode(), "あ".encode()
    output = [
        b'x = "',
        face[:1],
        face[1:3],
        face[3:],
        "日本".encode(),
        hiragana[:2],
        hiragana[2:],
        b"\xe3\x81",
        b'"',
        b"\xff",
        b"\n",
        "e\u0301".encode(),
        "\U0001f468\u200d\U0001f469".encode(),
        b"\n",
        hiragana[:2],
    ]
    return make(split("# text\n"), output)


def crlf() -> Trace:
    """Lines that end in CR LF, one of them split between two tokens."""
    return make([b"a = 1", b"\r\n"], [b"b = 2", b"\r", b"\n", b"c", b" = 3  ", b"\r\n", b"d\re\r\n"])


def tabs() -> Trace:
    """Tabs as indentation and alone, spaces at the ends of lines."""
    return make(
        split("func f() {\n"), [b"\t", b"if x {", b"\n\t\t", b"return\t1", b"  \n", b"\t}", b"   ", b"\n", b"}", b"\n"]
    )


def empty() -> Trace:
    """The model wrote nothing but the end."""
    return make(split(PROMPT), [], finish="end-of-text")


def long_lines() -> Trace:
    """One line of 3,000 tokens, and one token of 400 characters."""
    return make(
        split("data = [\n"),
        [*(f" {i}," for i in ()), *(f" {i},".encode() for i in range(3000)), b"\n", b"x" * 400, b"\n", b" " * 120, b"\n"],
    )


def large(tokens: int = 20_000) -> Trace:
    """Many tokens on the main path."""
    body = split(OUTPUT)
    return make(split(PROMPT), (body * (tokens // len(body) + 1))[:tokens])


def fill_in_the_middle() -> Trace:
    """A hole in a file: nodes come as prefix, suffix, output."""
    marks = [b"<|fim_prefix|>", b"<|fim_suffix|>", b"<|fim_middle|>"]
    prefix, suffix, output = split("def area(r):\n    "), split("\n\nprint(area(2))\n"), split("return 3.14159 * r ** 2")
    return make(
        [marks[0], *prefix, marks[1], *suffix, marks[2]],
        [*output, END],
        kind="fim",
        special=[*marks, END],
        finish="end-of-text",
        source="area.py",
        segments=[("control", 1), ("prefix", len(prefix)), ("control", 1), ("suffix", len(suffix)), ("control", 1)],
    )


def chat() -> Trace:
    """A conversation in a template's control tokens."""
    start, end = b"<|im_start|>", b"<|im_end|>"
    opening, question, answer = [start, b"user", b"\n"], split("Write a square function."), [b"assistant", b"\n"]
    return make(
        [*opening, *question, end, b"\n", start, *answer],
        [*split("def square(x):\n    return x * x"), end],
        kind="chat",
        special=[start, end],
        finish="end-of-text",
        source="question.md",
        segments=[("control", 3), ("text", len(question)), ("control", 3 + len(answer))],
    )


@dataclass(frozen=True)
class Twig:
    """A branch to be: it departs after the node `after` with the first `forced` of its tokens."""

    after: int
    text: Sequence[bytes]
    end: BranchEnd = BranchEnd.LENGTH
    forced: int = 1
    asked: bool = False
    rejoined: int = -1


class _Growth:
    """The columns of a trace while branches are added to it."""

    def __init__(self, trace: Trace, twigs: Sequence[Twig], seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.contents = {int(i): trace.bytes_of(i) for i in trace.tokens.id}
        self.ids = {content: i for i, content in self.contents.items()}
        for content in sorted({token for twig in twigs for token in twig.text} - self.ids.keys()):
            self.ids[content] = max(self.contents) + 7
            self.contents[self.ids[content]] = content
        self.nodes = {name: getattr(trace.nodes, name).tolist() for name in trace.nodes}
        total = len(trace.alternatives)
        self.rows = [list(range(total)[trace.alternatives_of(node)]) for node in range(len(trace.nodes))]
        self.alternatives = {name: getattr(trace.alternatives, name).tolist() for name in trace.alternatives}
        self.top = int(trace.run["top_alternatives"])
        choices = np.array(list(self.contents))
        self.pool = [_measured(self.random, -1, choices, self.top, False, greedy=True) for _ in range(200)]
        self.children: dict[int, list[int]] = {}
        for node, parent in enumerate(self.nodes["parent"]):
            self.children.setdefault(parent, []).append(node)

    def add(self, parent: int, content: bytes) -> int:
        """One more node after `parent`; returns its index."""
        node, own = len(self.nodes["parent"]), self.ids[content]
        siblings = self.children.setdefault(parent, [])
        column, table = self._beside(siblings, own) if siblings else self._new(own)
        begin = len(self.alternatives["token_id"])
        for name, values in table.items():
            self.alternatives[name].extend(values)
        self.rows.append(list(range(begin, len(self.alternatives["token_id"]))))
        column |= {"parent": parent, "token_id": own, "origin": Origin.BRANCH, "alternative_count": len(self.rows[-1])}
        column["noise"] = np.nan
        for name, value in column.items():
            self.nodes[name].append(value)
        siblings.append(node)
        return node

    def _beside(self, siblings: list[int], own: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """The distribution of the siblings, of which another token stands here: an alternative, as far as there are any."""
        ids, listed = self.alternatives["token_id"], self.rows[siblings[0]]
        stands = {self.nodes["token_id"][sibling] for sibling in siblings}
        options = [place for place, row in enumerate(listed) if ids[row] not in stands]
        place = next((place for place in options if ids[listed[place]] == own), options[0] if options else -1)
        names = ("entropy", "margin", "tail", "sampled_logprob", "sampled_tail")
        column = {name: self.nodes[name][siblings[0]] for name in names}
        if place >= 0:
            for sibling in siblings:  # one distribution, stored with each
                ids[self.rows[sibling][place]] = own
            column |= {"logprob": self.alternatives["logprob"][listed[place]], "rank": place + 1}
        else:
            column |= {"logprob": -9.0, "rank": self.top + 5}
        column["gap"] = self.alternatives["logprob"][listed[0]] - column["logprob"] if listed else 0.0
        return column, {name: [values[row] for row in listed] for name, values in self.alternatives.items()}

    def _new(self, own: int) -> tuple[dict[str, Any], dict[str, list[Any]]]:
        """A made-up distribution whose most probable token stands here."""
        measured = self.pool[int(self.random.integers(len(self.pool)))]
        column = {name: value for name, value in measured["node"].items() if name != "alternative_count"}
        table = {name: list(values) for name, values in measured["alternatives"].items()}
        others = [int(i) for i in table["token_id"] if i not in (own, -1)]
        table["token_id"] = [own, *others, next(i for i in self.contents if i not in (own, *others))][: self.top]
        return column, table


def grow(trace: Trace, twigs: Sequence[Twig], seed: int = 11) -> Trace:
    """The trace with these branches."""
    growth = _Growth(trace, twigs, seed)
    facts = []
    for twig in twigs:
        first, node = len(growth.nodes["parent"]), twig.after
        for content in twig.text:
            node = growth.add(node, content)
        facts.append((first, len(twig.text), twig.forced, int(twig.asked), int(twig.end), twig.rejoined))
    known = sorted(growth.contents)
    special = {int(i) for i in trace.tokens.id[trace.tokens.special != 0]} | {growth.ids.get(END, -1)}
    settings = {"engine": "tree-attention", "width": 3, "depth": 2, "length": 32, "min_prob": 0.01, "nodes": 4096}
    run = {**trace.run, "tree": {**settings, "temperature": 0, "seed": 0, "finish": "complete"}}
    names = ("first", "count", "forced", "asked", "end", "rejoined")
    tables = {
        "nodes": {name: np.array(values) for name, values in growth.nodes.items()},
        "alternatives": {name: np.array(values) for name, values in growth.alternatives.items()},
        "tokens": {
            "id": np.array(known),
            "special": np.array([i in special for i in known], dtype=np.uint8),
            "byte_count": np.array([len(growth.contents[i]) for i in known]),
        },
        "token_bytes": {"byte": np.frombuffer(b"".join(growth.contents[i] for i in known), np.uint8)},
        "spellings": {"node": np.array([], np.int32), "byte_count": np.array([], np.uint32)},
        "spelling_bytes": {"byte": np.array([], np.uint8)},
        "branches": {name: np.array(values) for name, values in zip(names, zip(*facts, strict=True), strict=True)},
    }
    return Trace(run, tables)


def branching() -> Trace:
    """Branches with every end, some on others, one rejoined, one of two forced tokens that the user asked for."""
    trace = plausible()
    first = len(trace.nodes)
    other = split(
        "found = pattern.match(text)\n    if not found:\n        return None\n    hours = int(found.group(1) or 0)\n"
    )
    nested = split(" is None:\n        raise ValueError(f'not a duration: {text!r}')\n    groups")
    twigs = [
        Twig(57, other),  # instead of `match`
        Twig(116, [b" Value", b"Error"], BranchEnd.REJOINED, rejoined=118),
        Twig(119, [*split('f"bad duration: {text!r}")\n    return total\n'), END], BranchEnd.END_OF_TEXT),
        Twig(97, split(" 60 * 60 + minutes * 60 + seconds\n    return total\n\n\n"), BranchEnd.STOP_STRING),
        Twig(57, [b"parts", *split(" = pattern.findall(text)\n")], BranchEnd.CONTEXT),
        Twig(114, [b"  # negative\n", *split("        raise ValueError")], BranchEnd.NODES),
        Twig(
            82,
            [b" if", b" g", *split(" else 0 for g in match.groups())\n    return hours")],
            BranchEnd.UNIT,
            forced=2,
            asked=True,
        ),
        Twig(first + other.index(b" found"), nested, BranchEnd.REPEATS),  # instead of `:` after `if not found`
    ]
    inner = first + sum(len(twig.text) for twig in twigs[:-1]) + nested.index(b" ValueErro")
    return grow(trace, [*twigs, Twig(inner - 1, split(" TypeError(text)\n"), BranchEnd.CUT)])


def hostile_branches() -> Trace:
    """Branches whose tokens would like to be more than text."""
    trace = hostile()
    fork = int(trace.output[2])
    return grow(
        trace, [Twig(fork + i - 1, [content, *HOSTILE]) for i, content in enumerate(HOSTILE) if content != b"\n"][:12]
    )


def forest(nodes: int, length: int = 30, main: int = 1000) -> Trace:
    """Very many branches of plausible text, a third of them on other branches."""
    random = np.random.default_rng(5)
    words = split(OUTPUT)
    trace = make(split(PROMPT), (words * (main // len(words) + 1))[:main], top=3)
    ends = list(BranchEnd)[:3]
    count = max(1, (nodes - len(trace.nodes)) // length)
    shape = [(int(random.choice(trace.output[:-1])) if i < 3 or random.random() < 0.66 else -1) for i in range(count)]
    twigs = []
    for i, after in enumerate(shape):
        begin = int(random.integers(len(words)))
        text = [f" alt{i}".encode(), *(words * 3)[begin : begin + length - 1]]
        if after < 0:  # somewhere on an earlier branch
            after = len(trace.nodes) + int(random.integers(i)) * length + int(random.integers(length - 1))
        twigs.append(Twig(after, text, ends[i % 3]))
    return grow(trace, twigs)


@dataclass(frozen=True)
class Choice:
    """A decision to be: the probabilities of what was written and of its options; each option is a branch, or a text that none explored."""

    node: int
    probability: float
    options: Sequence[tuple[int | bytes, float]]
    count: int = 1
    flags: int = 0


def decide(
    trace: Trace, outcomes: Sequence[Outcome], choices: Sequence[Choice], *, found: int, checks: Check | None = None
) -> Trace:
    """The trace with syntax and with these decisions, whose probabilities become those of the tokens."""
    trace = add_structure(trace)
    text = trace.text(trace.main, special=False)
    begin = text.find(b"def ")
    tables: dict[str, dict[str, list[Any]]] = {
        name: {column: [] for column in TABLES[name]} for name in ("outcomes", "decisions", "decision_options", "checks")
    }
    for branch, outcome in enumerate(outcomes):
        whole = outcome not in (Outcome.UNFINISHED, Outcome.NOT_COMPARED)
        leaf, rejoined = (
            int(trace.branches.first[branch] + trace.branches.count[branch]) - 1,
            int(trace.branches.rejoined[branch]),
        )
        other = trace.text(trace.path(leaf), special=False) + trace.text(
            np.arange(rejoined + 1, len(trace.main)), special=False
        ) * (rejoined >= 0)
        scope = Scope.WHOLE if outcome == Outcome.DOES_NOT_PARSE else Scope.FUNCTION if whole else Scope.NONE
        row = (outcome, scope, begin * whole, len(text.rstrip()) * whole, len(other.rstrip()) * whole, ALL)
        for column, value in zip(tables["outcomes"], row, strict=True):
            tables["outcomes"][column].append(int(value))
    nodes = {name: values.copy() for name, values in trace._contents.tables["nodes"].items()}
    alternatives = {name: values.copy() for name, values in trace._contents.tables["alternatives"].items()}
    ids = {trace.bytes_of(i): int(i) for i in trace.tokens.id}
    difference = {
        Outcome.RENAMED: 0.05,
        Outcome.OTHER_EXPRESSION: 0.5,
        Outcome.OTHER_CONTROL_FLOW: 0.8,
        Outcome.UNFINISHED: 0.5,
    }
    for choice in choices:
        options = [
            (int(trace.branches.first[what]), what, p) if isinstance(what, int) else (-1, what, p)
            for what, p in choice.options
        ]
        weighed = [(choice.node, choice.probability), *((node, p) for node, _, p in options if node >= 0)]
        listed = [(int(nodes["token_id"][choice.node]), choice.probability)]
        listed += [(int(nodes["token_id"][node]) if node >= 0 else ids[what], p) for node, what, p in options]
        for node, p in weighed:
            _weigh(trace, nodes, alternatives, node, p, sorted(listed, key=lambda pair: -pair[1]))
        explored = [(outcomes[what], p) for _, what, p in options if isinstance(what, int)]
        mean = sum(difference.get(o, float(o > Outcome.RENAMED)) * p for o, p in explored) / sum(p for _, p in explored)
        row = (
            choice.node,
            choice.count,
            _smallest(trace, choice.node),
            choice.probability,
            mean,
            choice.flags,
            len(options),
        )
        for column, value in zip(tables["decisions"], row, strict=True):
            tables["decisions"][column].append(value)
        for node, what, p in options:
            token = int(nodes["token_id"][node]) if node >= 0 else ids[what]
            for column, value in zip(
                tables["decision_options"], (choice.node, token, p, what if node >= 0 else -1), strict=True
            ):
                tables["decision_options"][column].append(value)
    for branch, result, output in checks.rows if checks else ():
        for column, value in zip(tables["checks"], (branch, result, output), strict=True):
            tables["checks"][column].append(int(value))
    run = {**trace.run, "decisions": {"found": found}, "check": checks.facts if checks else None}
    typed = {
        name: {column: np.array(values, dtype=TABLES[name][column].dtype) for column, values in columns.items()}
        for name, columns in tables.items()
    }
    return trace.replaced(run, {**typed, "nodes": nodes, "alternatives": alternatives})


@dataclass(frozen=True)
class Check:
    """What a command said: `run.check`, and (branch, result, output) of each program."""

    facts: dict[str, Any]
    rows: Sequence[tuple[int, CheckResult, int]]


def _weigh(
    trace: Trace, nodes: dict[str, Any], alternatives: dict[str, Any], node: int, p: float, listed: list[tuple[int, float]]
) -> None:
    """One token's distribution becomes this one, with what was there before as its tail."""
    rows = np.arange(len(trace.alternatives))[trace.alternatives_of(node)]
    chosen = [token for token, _ in listed]
    rest = [int(i) for i in alternatives["token_id"][rows] if i not in chosen][: len(rows) - len(listed)]
    left = 1 - sum(q for _, q in listed)
    tail = [left * 0.5 ** (place + 1) for place in range(len(rest))]
    probabilities = np.array([q for _, q in listed] + tail)
    alternatives["token_id"][rows] = [*chosen, *rest]
    alternatives["logprob"][rows] = np.log(probabilities)
    rank = chosen.index(int(nodes["token_id"][node])) + 1
    entropy = float(-(probabilities * np.log2(probabilities)).sum())
    values = {"logprob": np.log(p), "rank": rank, "gap": np.log(listed[0][1] / p), "entropy": entropy}
    for name, value in {**values, "margin": listed[0][1] - listed[1][1], "tail": 1 - probabilities.sum()}.items():
        nodes[name][node] = value


def _smallest(trace: Trace, node: int) -> int:
    """The smallest syntax node that holds a token of the main path without the white space at its ends."""
    syntax, content = trace.syntax, trace.token_bytes(node)
    assert syntax is not None
    start = len(trace.text(trace.main[trace.main < node], special=False)) + len(content) - len(content.lstrip())
    of_main = np.zeros(len(syntax), dtype=bool)
    for passage in syntax.passages:
        of_main[passage.first : passage.end] = True
    holds = np.flatnonzero(of_main & (syntax.start <= start) & (syntax.end >= start + len(content.strip())))
    return int(holds[np.argmin((syntax.end - syntax.start)[holds])])


def decided(**options: Any) -> Trace:
    """Ten decisions with every outcome: options that nobody explored, a coin flip, two about taste, and what a command said."""
    rest = (
        " = hours * 3600 + minutes * 60 + seconds\n    if result < 0:\n        raise ValueError(text)\n    return result\n"
    )
    twigs = [
        (Twig(108, [*split("return total\n"), END], BranchEnd.END_OF_TEXT), Outcome.OTHER_CONTROL_FLOW),
        (Twig(62, [b"match", b"("], BranchEnd.REJOINED, rejoined=64), Outcome.OTHER_CALLS),
        (Twig(62, [b"search", b"("], BranchEnd.REJOINED, rejoined=64), Outcome.OTHER_CALLS),
        (Twig(111, [b"<=", b" 0"], BranchEnd.REJOINED, rejoined=113), Outcome.OTHER_EXPRESSION),
        (Twig(97, [b" 60", b" * 60"], BranchEnd.REJOINED, rejoined=98), Outcome.SAME_PROGRAM),
        (
            Twig(119, [*split('f"bad duration: {text!r}")\n    return total\n'), END], BranchEnd.END_OF_TEXT),
            Outcome.OTHER_EXPRESSION,
        ),
        (Twig(80, [b" 1", b")"], BranchEnd.REJOINED, rejoined=82), Outcome.OTHER_EXPRESSION),
        (Twig(91, [*split("result" + rest), END], BranchEnd.END_OF_TEXT), Outcome.RENAMED),
        (Twig(116, [b" Value", b"Error"], BranchEnd.REJOINED, rejoined=118), Outcome.SAME_TEXT),
        (
            Twig(57, split("found = pattern.match(text)\n    if not found:\n        return None\n    hours")),
            Outcome.UNFINISHED,
        ),
        (Twig(87, split("group(0\n    return hours"), BranchEnd.STOP_STRING), Outcome.DOES_NOT_PARSE),
        (Twig(57, [b"parts", *split(" = pattern.findall(text)\n")], BranchEnd.CUT), Outcome.NOT_COMPARED),
    ]
    choices = [
        Choice(109, 0.412, [(0, 0.335), (b"total", 0.12)]),
        Choice(63, 0.521, [(1, 0.352), (2, 0.071), (b"compile", 0.022)]),
        Choice(88, 0.634, [(10, 0.21)]),
        Choice(58, 0.473, [(9, 0.281), (11, 0.122), (b"hours", 0.04)]),
        Choice(112, 0.713, [(3, 0.244)]),
        Choice(81, 0.4801, [(6, 0.4801)], flags=DecisionFlag.COIN_FLIP),
        Choice(120, 0.812, [(5, 0.153)]),
        Choice(98, 0.702, [(4, 0.268)], flags=DecisionFlag.TASTE),
        Choice(92, 0.551, [(7, 0.332), (b" seconds", 0.081)], flags=DecisionFlag.TASTE),
        Choice(117, 0.874, [(8, 0.114)], count=2, flags=DecisionFlag.TASTE),
    ]
    ran, failed = CheckResult.PASS, CheckResult.FAIL
    facts = {
        "command": "python -m pytest -q {file}",
        "timeout": 10.0,
        "memory": 2048,
        "outputs": ["4 passed", "2 failed, 2 passed", ""],
    }
    rows = [
        (-1, ran, 0),
        (0, failed, 1),
        (1, ran, 0),
        (2, failed, 1),
        (3, ran, 0),
        (5, ran, 0),
        (7, ran, 0),
        (10, CheckResult.TIME_OUT, 2),
    ]
    checks = Check({**facts, "pivot": {"node": 109, "before": 0.58, "after": 0.91}}, rows)
    grown = grow(plausible(**options), [twig for twig, _ in twigs])
    return decide(grown, [outcome for _, outcome in twigs], choices, found=34, checks=checks)


def hostile_decisions() -> Trace:
    """Decisions whose texts would like to be more than text."""
    trace = hostile()
    twigs = [
        Twig(trace.output[place] - 1, [HOSTILE[other], *HOSTILE]) for place, other in ((1, 2), (5, 6), (15, 16), (19, 20))
    ]
    choices = [Choice(int(trace.output[place]), 0.5, [(i, 0.4)]) for i, place in enumerate((1, 5, 15, 19))]
    return decide(grow(trace, twigs), [Outcome.NOT_COMPARED] * len(twigs), choices, found=len(twigs))


CASES: dict[str, Callable[[], Trace]] = {
    "plausible": plausible,
    "sampled": sampled,
    "hostile": hostile,
    "split_characters": split_characters,
    "crlf": crlf,
    "tabs": tabs,
    "empty": empty,
    "long_lines": long_lines,
    "fill_in_the_middle": fill_in_the_middle,
    "chat": chat,
    "branching": branching,
    "hostile_branches": hostile_branches,
    "decided": decided,
    "hostile_decisions": hostile_decisions,
}
