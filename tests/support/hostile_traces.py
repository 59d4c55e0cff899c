"""Recordings whose every text would like to be more than text: markup, addresses, templates, escapes for terminals, letters in disguise.

Whatever runs in a page calls `canary`, which no page has; whatever is asked for is asked from evil.example.
"""

from __future__ import annotations

from typing import Any

import msgpack
import numpy as np
from tests.support import synthetic_traces
from tests.support.synthetic_traces import Choice, Twig, decide, grow, looking

from tokenscope_trace import Trace
from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces import container
from tokenscope_trace.traces.schema import CheckResult, DecisionFlag, Outcome

TEXTS = (
    "<script>canary(1)</script>",
    "<img src=//evil.example/a.png onerror=canary(2)>",
    "<svg/onload=canary(3)><animate onbegin=canary(4)>",
    "</script><script>canary(5)</script>",
    "</template><script>canary(6)</script>",
    "</style><style>@import url(//evil.example/a.css);*{background:url(//evil.example/b)}</style>",
    "</title></pre></textarea></noscript><base href=//evil.example/>",
    "<!-- <script>",
    "--!><meta http-equiv=refresh content=0;url=//evil.example>",
    "]]><iframe srcdoc='<script>parent.canary(7)</script>'></iframe>",
    "javascript:canary(8)",
    "data:text/html,<script>canary(9)</script>",
    '" onmouseover="canary(10)" autofocus onfocus="canary(11)" x="',
    "' onclick='canary(12)' style='position:fixed;inset:0",
    "` onfocus=canary(13) `",
    "{{ 7*7 }}{% raw %}{# #}${canary(14)}#{7*7}<%= 7*7 %>",
    "expression(canary(15));}*{display:none}\\3c script\\3e",
    "&lt;script&gt;canary(16)&#60;/script&#62;",
    "__proto__",
    "constructor",
    "toString",
    "\x1b[2J\x1b]0;owned\x07\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\\x9b31m",
    "\x00\x01\x08\x7f\x85",
    "\u202e\u2066 live \u2069\u202c\u200e\u200f\u061c",
    "\u200b\u200c\u200d\u2060\ufeff\u00ad\u034f\U000e0041\ufe0f\U000e0100",
    "p\u0430ssword \uff45val if (a\u01c3=b)\u037e",
    "\u00a0\u2003\u3000\u2028\u2029",
    "[click](javascript:canary(17)) ![x](//evil.example/c.png) <https://evil.example>",
    "@everyone #1 GH-1 https://evil.example www.evil.example",
    "```\n````diff\n<script>canary(18)</script>\n~~~\n| a | b |\n# heading\n- [ ] task",
    "http://evil.example/\r\n\r\nSet-Cookie: a=b",
    "../../../../etc/passwd",
    "CON.\u202egnp.tsc",
    "$(touch owned) `touch owned` ; touch owned & | \"'\\",
)
ALL = " ".join(TEXTS)
# What has a meaning of its own; everything else that is text may be any text.
_WORDS = {("finish",), ("program", "until"), ("prompt", "kind"), ("prompt", "segments", "role")}
_TOKENS = [text.encode() for text in TEXTS] + [b"\xff\xfe", b"\xe3\x81", b"\xed\xa0\x80", b"\r", b"\n"]


def poisoned(value: Any, place: tuple[str, ...] = ()) -> Any:
    """The same facts with these texts in the place of every text, and under names that nobody knows."""
    if isinstance(value, dict):
        found = {key: poisoned(inner, (*place, key)) for key, inner in value.items()}
        if place and "libraries" not in place:
            found |= dict.fromkeys(TEXTS, ALL)
        return found | (dict.fromkeys(TEXTS, ALL) if place == ("libraries",) else {})
    if isinstance(value, list):
        texts = [poisoned(inner, place) for inner in value]
        return (
            [*texts, *TEXTS]
            if place in (("command",), ("notes",), ("sampling", "stop"), ("sampling", "processors"))
            else texts
        )
    return f"{place[-1] if place else ''} {ALL}" if isinstance(value, str) and place not in _WORDS else value


def _with_facts(trace: Trace, **facts: Any) -> Trace:
    run = poisoned({**trace.run, **facts})
    metrics = {name: {"unit": ALL, "range": ALL, "definition": f"{name}: {ALL}"} for name in [*trace.metrics, *TEXTS]}
    contents = trace._contents
    return Trace._of(type(contents)(run, metrics, contents.tables, _payload(run, metrics, trace)))


def _payload(run: dict[str, Any], metrics: dict[str, Any], trace: Trace) -> bytes:
    """The msgpack map with these facts and definitions."""
    document = msgpack.unpackb(container.encode_payload(run, trace._contents.tables))
    return bytes(msgpack.packb(document | {"metrics": metrics}))


def generated() -> Trace:
    """A generation with branches, decisions, a check, attention and a lens."""
    trace = synthetic_traces.make(
        [b"def f():\n    x = ", *_TOKENS],
        [b"y = ", *_TOKENS, *_TOKENS[::-1]],
        source="hostile.py",
        special=(_TOKENS[0],),
        sampled=True,
    )
    places = (1, 3, 12, 15, 24, 27, 28)
    twigs = [
        Twig(int(trace.output[place]) - 1, [_TOKENS[(place + 5) % len(_TOKENS)], *_TOKENS], asked=i == 0)
        for i, place in enumerate(places)
    ]
    outcomes = [
        Outcome.OTHER_CALLS,
        Outcome.OTHER_EXPRESSION,
        Outcome.RENAMED,
        Outcome.DOES_NOT_PARSE,
        Outcome.UNFINISHED,
        Outcome.NOT_COMPARED,
        Outcome.OTHER_CONTROL_FLOW,
    ]
    flags = [0, DecisionFlag.COIN_FLIP, DecisionFlag.TASTE, 0, 0, 0, 0]
    choices = [Choice(int(trace.output[place]), 0.5, [(i, 0.4)], flags=flags[i]) for i, place in enumerate(places)]
    facts = {
        "command": ALL,
        "timeout": 1.0,
        "memory": 64,
        "outputs": [ALL, "\n".join(TEXTS), ""],
        "pivot": {"node": int(trace.output[3]), "before": 0.2, "after": 0.9},
    }
    rows = [(-1, CheckResult.PASS, 0), (0, CheckResult.FAIL, 1), (1, CheckResult.TIME_OUT, 2)]
    checks = synthetic_traces.Check(facts, rows)
    found = decide(grow(trace, twigs), outcomes, choices, found=99, checks=checks)
    return _with_facts(looking(found, layers=3, heads=2, top=4, lens=(0, 2)))


def scored() -> Trace:
    """Files that were scored, some lines changed."""
    text = "\n".join(f"name_{i} = {text!r} + {text}" for i, text in enumerate(TEXTS))
    files = {f"{i} {text}.py": "a = 1\n" + text + "\nb = 2\n" for i, text in enumerate(TEXTS[:6])} | {"whole.py": text}
    trace = synthetic_traces.scored(files, changed={"whole.py": [[2, 3], [5, 9]]})
    trace = add_structure(looking(trace, layers=3, heads=2, top=2, lens=(0, 2)))
    return _with_facts(trace)


def spelled(trace: Trace) -> set[bytes]:
    """The bytes of each token of the output, or of the files."""
    nodes = trace.output if len(trace.output) else trace.scored
    return {trace.token_bytes(node) for node in np.asarray(nodes)}


CASES = {"generated": generated, "scored": scored}
