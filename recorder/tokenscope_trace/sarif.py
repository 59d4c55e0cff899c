"""A trace -> SARIF 2.1.0 for code scanning: each decision is one note on what was written, with what else was likely.

Places are those of the finished program, prompt and output together. Section numbers are those of the OASIS standard. The same trace
gives the same text. Knows no file system.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from tokenscope_trace import __version__
from tokenscope_trace.programs import PathProgram, Programs
from tokenscope_trace.review import Decision, Option, review
from tokenscope_trace.summary import summarise
from tokenscope_trace.traces import Trace

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_STANDARD_INPUT = "standard-input"
_MENTIONED = 3
_HELP = (
    "The model could have written something else here, and it was likely enough to be worth a look. The probability says how sure the "
    "model was, not whether the code is right. The TokenScope report of the same recording shows every token, its alternatives and "
    "what followed them."
)
_RULES = (
    (
        "decision",
        "Decision",
        "The model decided here between likely alternatives.",
        "A place in generated code where an alternative had a probability of 5 % or more, or was explored, ranked by how unsure the "
        "model was and by how far the alternatives lead from the program that was written.",
    ),
    (
        "decision-of-taste",
        "DecisionOfTaste",
        "The model decided here between names or wordings.",
        "A decision whose alternatives change names, comments, documentation or prose only.",
    ),
)


def sarif(trace: Trace, *, title: str | None = None) -> str:
    """The log as text that ends in a line break. Code that the model did not write has no decisions, and so no results."""
    found = review(trace)
    decisions = found.decisions if found is not None else ()
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(trace, decisions, title)]}
    return json.dumps(log, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _run(trace: Trace, decisions: Sequence[Decision], title: str | None) -> dict[str, Any]:
    summary = summarise(trace, title)
    return {
        "tool": {"driver": {"name": "TokenScope", "version": __version__, "rules": [_rule(*rule) for rule in _RULES]}},
        "columnKind": "utf16CodeUnits",
        "results": _results(trace, decisions),
        "properties": {"title": summary.title, "model": summary.model, "settings": summary.settings},
    }


def _rule(identity: str, name: str, short: str, full: str) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": _HELP},
        "defaultConfiguration": {"level": "note"},
        "properties": {"problem.severity": "recommendation", "tags": ["generated-code"]},
    }


def _results(trace: Trace, decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    if not decisions:
        return []
    prints, main = _fingerprints(trace, decisions), Programs(trace).main
    return [_result(trace, main, row, decision, prints[row]) for row, decision in enumerate(decisions)]


def _result(trace: Trace, main: PathProgram, row: int, decision: Decision, fingerprint: str) -> dict[str, Any]:
    region = _region(main.text, *_written(trace, main, row))
    return {
        "ruleId": _RULES[decision.taste][0],
        "ruleIndex": int(decision.taste),
        "level": "note",
        "message": {"text": _escaped(_message(decision))},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(trace)}, "region": region}}],
        "partialFingerprints": {"tokenscopeDecision/v1": fingerprint},
        "properties": {
            "number": decision.number,
            "probability": float(str(trace.decisions.probability[row])),
            "coinFlip": decision.coin_flip,
            "taste": decision.taste,
        },
    }


def _message(decision: Decision) -> str:
    """What was written, what else was likely, and what that led to."""
    where = f" ({decision.where})" if decision.where else ""
    sentence = f"The model wrote “{decision.written}”{where} with a probability of {decision.percent}."
    options = [option for option in decision.options if option.branch >= 0] or list(decision.options)
    if options:
        sentence += f" It could have written {', or '.join(map(_option, options[:_MENTIONED]))}."
    return sentence + (" It was a coin flip: the difference lies within numerical noise." if decision.coin_flip else "")


def _option(option: Option) -> str:
    check = f"; the check {option.check}" if option.check else ""
    return f"“{option.text}” ({option.percent}: {option.outcome}{check})"


def _escaped(text: str) -> str:
    """Words as a plain text message: braces are doubled (3.11.5), what reads as a link is escaped (3.11.6)."""
    text = text.replace("{", "{{").replace("}", "}}")
    if "](" not in text:
        return text
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _uri(trace: Trace) -> str:
    """The prompt's own name as a relative reference (3.4.3)."""
    source = str(trace.run["prompt"].get("source") or "-").lstrip("/")
    return quote(source, safe="/") if source not in ("", "-") else _STANDARD_INPUT


def _written(trace: Trace, main: PathProgram, row: int) -> tuple[int, int]:
    """(first byte of what was decided, the byte after it): the syntax node, or the tokens without white space around them."""
    syntax, node = int(trace.decisions.syntax[row]), int(trace.decisions.node[row])
    if syntax >= 0 and trace.syntax is not None:
        start, end = int(trace.syntax.start[syntax]), int(trace.syntax.end[syntax])
    else:
        places = trace.token_places(main.nodes)
        first = main.nodes.tolist().index(node)
        start, end = int(places.start[first]), int(places.end[first + int(trace.decisions.count[row]) - 1])
    text = main.text[start:end]
    if text.strip():
        start, end = start + len(text) - len(text.lstrip()), end - (len(text) - len(text.rstrip()))
    return start, end


def _region(text: bytes, start: int, end: int) -> dict[str, int]:
    """Bytes [start, end) as lines and columns from 1, the end column behind the last sign (3.30)."""
    start_line, start_column = _place(text, _character(text, start, -1))
    end_line, end_column = _place(text, _character(text, end, 1))
    return {"startLine": start_line, "startColumn": start_column, "endLine": end_line, "endColumn": end_column}


def _character(text: bytes, byte: int, step: int) -> int:
    """The byte, or where it lies inside of a character that one's begin (step -1) or end (step 1)."""
    for place in range(byte, byte + 4 * step, step):
        if place >= len(text) or text[place] & 0xC0 != 0x80:
            return place
    return byte


def _place(text: bytes, byte: int) -> tuple[int, int]:
    """(line, column in UTF-16 code units) of a byte, from 1."""
    line = text.count(b"\n", 0, byte)
    before = text[text.rfind(b"\n", 0, byte) + 1 : byte].decode("utf-8", "replace")
    return line + 1, len(before.encode("utf-16-le")) // 2 + 1


def _fingerprints(trace: Trace, decisions: Sequence[Decision]) -> list[str]:
    """Of each decision what stays where lines move and ranks change: what was written and where in the syntax, and the how many-th
    of its like in the text it is.
    """
    seen: Counter[tuple[str, str]] = Counter()
    found = {}
    for decision in sorted(decisions, key=lambda decision: decision.node):
        like = decision.where, decision.written
        seen[like] += 1
        found[decision.number] = hashlib.sha256("\0".join([_uri(trace), *like, str(seen[like])]).encode()).hexdigest()
    return [found[decision.number] for decision in decisions]
