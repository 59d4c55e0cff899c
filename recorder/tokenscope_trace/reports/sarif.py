"""The SARIF 2.1.0 log for code scanning: each decision is one note on what was written, with what else was likely; of code that the
model did not write each of the most surprising lines is one, changed lines first.

Places are those of the finished program, prompt and output together; of a chat, whose answer is in no file, the message's file and the line
of the conversation in words. Names of files count from the repository's root. Section numbers are those of the OASIS standard. The same trace
gives the same text. Knows no file system.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from tokenscope_trace import __version__
from tokenscope_trace.analysis.uncertainty import UNCERTAIN, Line, best_other, least_certain_lines
from tokenscope_trace.reports.check_verdict import PASSED, Verdict
from tokenscope_trace.reports.decision_entries import DecisionEntry, OptionEntry, cautions
from tokenscope_trace.reports.summary import Summary, summarise
from tokenscope_trace.text import decimal, escaped_json, percent, shortened, visible_line, visible_token
from tokenscope_trace.traces.syntax import lines_of
from tokenscope_trace.traces.trace import Trace

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_STANDARD_INPUT = "standard-input"
_ROOT = "%SRCROOT%"  # as others call it (3.4.4)
_FIRST = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}  # a place that every file has
_MENTIONED = 3
_LONGEST_PATH = 4096  # signs: no system has a longer one
SURPRISES = 20  # lines of scored code
_HELP = (
    "The model could have written something else here, and it was likely enough to be worth a look. The probability says how sure the "
    "model was, not whether the code is right. The TokenScope report of the same recording shows every token, its alternatives and "
    "what followed them."
)
_SURPRISE_HELP = (
    "Surprise is not a bug: surprising code may be right, and expected code wrong. The number of bits says how unexpected the line was to "
    "the model, not whether the code is right. The TokenScope report of the same recording shows every token and what was expected."
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
    (
        "surprise",
        "Surprise",
        "The model did not expect this line.",
        "A line of existing code that holds a token with a surprisal of 1 bit or more: one that the model gave a probability of a half "
        "or less. The lines with most bits are listed, changed lines first.",
    ),
)


def sarif_log(trace: Trace, *, title: str | None = None) -> str:
    """The log as text that ends in a line break. Of code that the model did not write at most SURPRISES lines are in it."""
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [_run(trace, summarise(trace, title))]}
    return escaped_json(log) + "\n"


def _run(trace: Trace, summary: Summary) -> dict[str, Any]:
    decisions = summary.review.decisions if summary.review is not None else ()
    return {
        "tool": {"driver": {"name": "TokenScope", "version": __version__, "rules": [_rule(*rule) for rule in _RULES]}},
        "columnKind": "utf16CodeUnits",
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository that holds the files."}}},
        "results": list(_surprises(trace)) if trace.files else _results(trace, decisions),
        **_checked(summary.verdict),
        "properties": {"title": summary.title, "model": summary.model, "settings": summary.settings},
    }


def _checked(verdict: Verdict | None) -> dict[str, Any]:
    """What the check said, as a notification of the run (3.20.21, 3.58): it is about no place in the code."""
    if verdict is None:
        return {}
    text = " ".join(sentence for sentence in (verdict.sentence, verdict.doubt) if sentence)
    level = "none" if verdict.key == PASSED else "warning"
    notification = {"descriptor": {"id": f"check-{verdict.key}"}, "level": level, "message": {"text": _escaped(text)}}
    return {"invocations": [{"executionSuccessful": True, "toolExecutionNotifications": [notification]}]}


def _rule(identity: str, name: str, short: str, full: str) -> dict[str, Any]:
    return {
        "id": identity,
        "name": name,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": _SURPRISE_HELP if identity == "surprise" else _HELP},
        "defaultConfiguration": {"level": "note"},
        "properties": {
            "problem.severity": "recommendation",
            "tags": ["existing-code" if identity == "surprise" else "generated-code"],
        },
    }


def _results(trace: Trace, decisions: Sequence[DecisionEntry]) -> list[dict[str, Any]]:
    if not decisions:
        return []
    prints, text = _fingerprints(trace, decisions), trace.programs.main.text
    return [_result(trace, text, decision, mark) for decision, mark in zip(decisions, prints, strict=True)]


def _surprises(trace: Trace) -> Iterator[dict[str, Any]]:
    """The lines of scored code with most bits that hold a surprising token, changed lines first, each as a note on all of it."""
    seen: Counter[tuple[str, str]] = Counter()
    texts = {file.source: file for file in trace.files}
    for line in [one for one in least_certain_lines(trace) if trace.nodes.surprisal[one.node] >= UNCERTAIN][:SURPRISES]:
        name = line.file or ""
        text = texts[name].bytes
        span = lines_of(text)[line.number - 1]
        content = text[span.start : span.end]
        start, end = span.start + len(content) - len(content.lstrip()), span.start + len(content.rstrip())
        like = _uri(name), line.text.strip()
        seen[like] += 1
        yield {
            "ruleId": _RULES[2][0],
            "ruleIndex": 2,
            "level": "note",
            "message": {"text": _escaped(_surprise(trace, line))},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": _file(name),
                        "region": _region(text, *((start, end) if start < end else (span.start, span.start))),
                    }
                }
            ],
            "partialFingerprints": {"tokenscopeSurprise/v1": _digest([*like, str(seen[like])])},
            "properties": {"bits": round(line.bits, 2), "changed": line.changed},
        }


def _surprise(trace: Trace, line: Line) -> str:
    """How many bits a line has, and its most surprising token with what was expected instead."""
    own, p = visible_line(trace.token_bytes(line.node).strip()), percent(float(trace.nodes.probability[line.node]))
    sentence = f"This {'changed ' if line.changed else ''}line has {decimal(line.bits)} bits of surprise. "
    sentence += f"Its most surprising token is “{own or visible_token(trace.token_bytes(line.node))}” ({p})"
    other = best_other(trace, line.node)
    if other is None:
        return f"{sentence}."
    token = trace.bytes_of(other[0])
    word = "expected was" if int(trace.nodes.rank[line.node]) > 1 else "next was"
    return f"{sentence}; {word} “{visible_line(token.strip()) or visible_token(token)}” ({percent(other[1])})."


def _result(trace: Trace, text: bytes, decision: DecisionEntry, fingerprint: str) -> dict[str, Any]:
    region, message = _region(text, decision.start, decision.end), _message(decision)
    if trace.facts.prompt.kind == "chat":
        region, message = _FIRST, f"Line {decision.line:,} of the conversation: {message}"
    return {
        "ruleId": _RULES[decision.taste][0],
        "ruleIndex": int(decision.taste),
        "level": "note",
        "message": {"text": _escaped(message)},
        "locations": [{"physicalLocation": {"artifactLocation": _file(trace.facts.prompt.source or "-"), "region": region}}],
        "partialFingerprints": {"tokenscopeDecision/v1": fingerprint},
        "properties": {
            "number": decision.number,
            **_known(probability=decision.probability, wholeProbability=decision.whole),
            "coinFlip": decision.coin_flip,
            "taste": decision.taste,
        },
    }


def _known(**shares: float) -> dict[str, float]:
    """Shares by name, without those that were not measured: JSON has no word for them."""
    return {name: round(share, 6) for name, share in shares.items() if not math.isnan(share)}


def _message(decision: DecisionEntry) -> str:
    """What was written, what else was likely, and what that led to."""
    where = f" ({decision.where})" if decision.where else ""
    wrote = "ended the text here" if decision.is_end else f"wrote “{decision.written}”"
    remark = f" ({decision.remark})" if decision.remark else ""
    sentence = f"The model {wrote}{where} with a probability of {decision.percent}{remark}."
    options = [option for option in decision.options if option.branch >= 0] or list(decision.options)
    if options:
        sentence += f" It could have written {', or '.join(_option(decision, one) for one in options[:_MENTIONED])}."
    return " ".join([sentence, *cautions(replace(decision, taste=False))])


def _option(decision: DecisionEntry, option: OptionEntry) -> str:
    check = f"; the check {option.check}" if option.check else ""
    text = option.text if option.is_end else f"“{option.text}”"
    against = f" against {option.against_percent}" if decision.is_elsewhere(option) else ""
    return f"{option.note}{': ' if option.note else ''}{text} ({option.percent}{against}: {option.outcome}{check})"


def _escaped(text: str) -> str:
    """Words as a plain text message: braces are doubled (3.11.5), what reads as a link is escaped (3.11.6)."""
    text = text.replace("{", "{{").replace("}", "}}")
    if "](" not in text:
        return text
    return text.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _file(source: str) -> dict[str, str]:
    """Where a file is (3.4)."""
    uri = _uri(source)
    return {"uri": uri} if uri == _STANDARD_INPUT else {"uri": uri, "uriBaseId": _ROOT}


def _uri(source: str) -> str:
    """A file's own name as a relative reference (3.4.3) that leads nowhere above its base."""
    parts = [part for part in source.split("/") if part not in ("", ".", "..")]
    return quote(shortened("/".join(parts), _LONGEST_PATH), safe="/") if parts and source != "-" else _STANDARD_INPUT


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


def _fingerprints(trace: Trace, decisions: Sequence[DecisionEntry]) -> list[str]:
    """Of each decision what stays where lines move and ranks change: what was written and where in the syntax, and the how many-th
    of its like in the text it is.
    """
    seen: Counter[tuple[str, str]] = Counter()
    uri = _uri(trace.facts.prompt.source or "-")
    found = {}
    for decision in sorted(decisions, key=lambda decision: decision.node):
        like = decision.where, decision.written
        seen[like] += 1
        found[decision.number] = _digest([uri, *like, str(seen[like])])
    return [found[decision.number] for decision in decisions]


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
