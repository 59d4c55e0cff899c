"""The JSON report: one document for scripts, facts, numbers, decisions, where they lead, checks, and every token.

Numbers are numbers: null is what was not measured, and what JSON has no number for, an infinity. `report.schema.json` beside this
module describes every field. The same trace gives the same text. Knows no file system.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Mapping
from typing import Any

import numpy as np

from tokenscope_trace import __version__
from tokenscope_trace.analysis.behaviour import explored_probability, pass_share, probability_by_outcome
from tokenscope_trace.analysis.uncertainty import changed_nodes, near_certain, perplexity
from tokenscope_trace.reports.code import kept_output
from tokenscope_trace.reports.decision_entries import DecisionEntry, OptionEntry, rest_share
from tokenscope_trace.reports.review import Review
from tokenscope_trace.reports.summary import Summary, summarise
from tokenscope_trace.text import escaped_json
from tokenscope_trace.traces.columns import Array
from tokenscope_trace.traces.facts import SamplingFacts
from tokenscope_trace.traces.schema import CheckResult, Outcome, Scope
from tokenscope_trace.traces.trace import Trace

REPORT_FORMAT = "tokenscope-report"
REPORT_VERSION = "1.1"

_COLUMNS = (
    "logprob",
    "probability",
    "surprisal",
    "entropy",
    "margin",
    "gap",
    "tail",
    "sampled_logprob",
    "noise",
)
_NO_TOKENS = "[]\n}"  # how the document ends without them


def json_document(trace: Trace, *, title: str | None = None) -> str:
    """The document as text that ends in a line break; `title` stands in place of the prompt's file name."""
    head = escaped_json(_finite(_document(trace, title)))
    tokens = [
        escaped_json(_finite(token)).replace("\n", "\n  ") for token in _tokens(trace)
    ]  # each on its own: there may be very many
    if not tokens:
        return f"{head}\n"
    body = ",\n  ".join(tokens)
    del tokens
    return f"{head.removesuffix(_NO_TOKENS)}[\n  {body}\n ]\n}}\n"


def _document(trace: Trace, title: str | None) -> dict[str, Any]:
    summary = summarise(trace, title)
    return {
        "format": REPORT_FORMAT,
        "version": REPORT_VERSION,
        "generator": {"name": "tokenscope-trace", "version": __version__},
        "title": summary.title,
        "model": {key: value for key, value in trace.facts.model.plain().items() if key != "quantization"},
        "settings": _settings(trace.facts.sampling),
        "run": _run(trace),
        "summary": _summary(trace),
        "decisions": _decisions(trace, summary.review),
        "behaviour": _behaviour(trace, summary.review),
        "check": _check(trace, summary),
        "files": [_file(trace, number) for number in range(len(trace.files))],
        "tokens": [],
    }


def _settings(sampling: SamplingFacts) -> dict[str, Any]:
    return {**sampling.plain(), "stop": list(sampling.stop or ()), "processors": list(sampling.processors or ())}


def _run(trace: Trace) -> dict[str, Any]:
    facts = trace.facts
    source = facts.prompt.source or "-"
    return {
        "kind": facts.prompt.kind or ("score" if trace.files else "text"),
        "source": None if source == "-" or trace.files else source,
        "exact": facts.prompt.exact is not False,
        "finish": facts.finish,
        "recorded_by": facts.generator.plain(),
        "created": facts.clock.created,
        "command": list(facts.command),
        "libraries": dict(facts.libraries),
        "judge": None if facts.syntax is None else facts.syntax.judge,
        "noise": facts.replay.noise if facts.replay is not None else None,
        "tree": None if facts.tree is None else facts.tree.plain(),
        "program": _program(trace),
        "notes": list(facts.notes),
        "redacted": list(facts.redacted),
    }


def _program(trace: Trace) -> dict[str, Any] | None:
    """What is known of the output's program; lines from 1."""
    facts = trace.facts.program
    if facts is None:
        return None
    text = trace.programs.main.text
    return {
        "until": facts.until,
        "ended_by": facts.why,
        "repeats_from_line": None if facts.repeats is None else 1 + text.count(b"\n", 0, facts.repeats),
        "broken": facts.broken,
    }


def _summary(trace: Trace) -> dict[str, Any]:
    """Figures of each part of the recording; null for the parts that it does not have."""
    if not trace.files:
        return {
            "prompt": _figures(trace, trace.prompt),
            "output": _figures(trace, kept_output(trace)),
            "left_out": len(trace.output) - len(kept_output(trace)),
            "code": None,
            "changed": None,
        }
    compared = any(file.changed is not None for file in trace.files)
    changed = np.concatenate([changed_nodes(file) for file in trace.files])
    return {
        "prompt": None,
        "output": None,
        "left_out": 0,
        "code": _figures(trace, trace.scored),
        "changed": _figures(trace, changed) if compared else None,
    }


def _figures(trace: Trace, nodes: Array) -> dict[str, Any]:
    surprisal, entropy = (
        values[~np.isnan(values)].astype(np.float64) for values in (trace.nodes.surprisal[nodes], trace.nodes.entropy[nodes])
    )
    certain, measured = near_certain(trace.nodes.surprisal[nodes])
    return {
        "tokens": len(nodes),
        "measured": measured,
        "near_certain": certain,
        "perplexity": perplexity(trace.nodes.logprob[nodes]),
        "surprisal_mean": float(surprisal.mean()) if len(surprisal) else None,
        "surprisal_median": float(np.median(surprisal)) if len(surprisal) else None,
        "surprisal_largest": float(surprisal.max()) if len(surprisal) else None,
        "surprisal_sum": float(surprisal.sum()) if len(surprisal) else None,
        "entropy_mean": float(entropy.mean()) if len(entropy) else None,
    }


def _decisions(trace: Trace, found: Review | None) -> dict[str, Any] | None:
    if found is None:
        return None
    results = _results(trace)
    listed = [_decision(trace, row, decision, results) for row, decision in enumerate(found.decisions)]
    return {"found": found.found, "listed": listed}


def _decision(trace: Trace, row: int, decision: DecisionEntry, results: Mapping[int, str]) -> dict[str, Any]:
    """A decision: row `row` of its table."""
    return {
        "number": decision.number,
        "node": decision.node,
        "tokens": decision.count,
        "line": decision.line,
        "where": decision.where,
        "written": decision.written,
        "fork": decision.fork,
        "probability": _short(np.float32(decision.probability)),
        "whole_probability": _short(np.float32(decision.whole)),
        "difference": _short(trace.decisions.difference[row]),
        "ends_text": decision.is_end,
        "rest": rest_share(decision, decision.options),
        "drawn": bool(decision.drawn),
        "coin_flip": decision.coin_flip,
        "taste": decision.taste,
        "behind": decision.behind,
        "options": [_option(trace, option, results) for option in decision.options],
    }


def _option(trace: Trace, option: OptionEntry, results: Mapping[int, str]) -> dict[str, Any]:
    branch = option.branch
    compared = branch >= 0 and len(trace.outcomes) > 0
    scope = Scope(int(trace.outcomes.scope[branch])) if compared else Scope.NONE
    return {
        "text": option.text,
        "note": option.note,
        "ends_text": option.is_end,
        "node": option.node,
        "fork": option.fork,
        "probability": _short(np.float32(option.probability)),
        "against": _short(np.float32(option.against)),
        "branch": None if branch < 0 else branch,
        "outcome": None if branch < 0 else _name(Outcome(int(trace.outcomes.outcome[branch]) if compared else 0)),
        "scope": None if scope == Scope.NONE else _name(scope),
        "check": results.get(branch) if branch >= 0 else None,
    }


def _behaviour(trace: Trace, found: Review | None) -> dict[str, Any] | None:
    if found is None or not len(trace.branches):
        return None
    shares = probability_by_outcome(trace)
    return {
        "explored": min(1.0, explored_probability(trace)),
        "shares": {_name(outcome): min(1.0, shares.get(outcome, 0.0)) for outcome in Outcome},
    }


def _check(trace: Trace, summary: Summary) -> dict[str, Any] | None:
    facts, found, verdict = trace.facts.check, summary.review, summary.verdict
    if facts is None or verdict is None:
        return None
    results, pivot = _results(trace), facts.pivot
    line = found.pivot_line if found is not None else None
    said = dict(zip(trace.checks.branch.tolist(), trace.checks.output.tolist(), strict=True))
    return {
        "command": facts.command,
        "timeout": facts.timeout,
        "memory": facts.memory,
        "folder": facts.folder,
        "file": facts.file,
        "verdict": verdict.key,
        "sentence": verdict.sentence,
        "not_run": facts.not_run,
        "doubt": verdict.doubt or None,
        "output": results.get(-1),
        "programs": [
            {"branch": None if branch < 0 else branch, "result": result, "said": facts.outputs[said[branch]]}
            for branch, result in results.items()
        ],
        "pass_share": pass_share(trace),
        "pivot": pivot and {"node": pivot.node, "line": line, "before": pivot.before, "after": pivot.after},
    }


def _results(trace: Trace) -> dict[int, str]:
    """What the user's command said, by branch; -1 is the output."""
    rows = zip(trace.checks.branch.tolist(), trace.checks.result.tolist(), strict=True)
    return {branch: _name(CheckResult(result)) for branch, result in rows}


def _file(trace: Trace, number: int) -> dict[str, Any]:
    file = trace.files[number]
    return {
        "source": file.source,
        "changed": None if file.changed is None else [list(pair) for pair in file.changed],
        **_figures(trace, file.nodes),
    }


def _tokens(trace: Trace) -> Iterator[dict[str, Any]]:
    """The output's tokens, or all tokens of the files that were scored."""
    if not trace.files:
        yield from _tokens_of(trace, trace.output, trace.texts[0].line_of, None, frozenset(kept_output(trace).tolist()))
    for number, file in enumerate(trace.files):
        yield from _tokens_of(trace, file.nodes, file.line_of, number, range(int(file.nodes[0]), int(file.nodes[-1]) + 1))


def _tokens_of(
    trace: Trace, nodes: Array, line_of: Mapping[int, int], file: int | None, kept: Container[int]
) -> Iterator[dict[str, Any]]:
    columns = {name: getattr(trace.nodes, name)[nodes] for name in _COLUMNS}
    for place, node in enumerate(nodes.tolist()):
        content = trace.token_bytes(node)
        text = _text(content)
        rank = int(trace.nodes.rank[node])
        token_id = int(trace.nodes.token_id[node])
        yield {
            "node": node,
            "token_id": token_id,
            "text": text,
            "hex": content.hex() if text is None else None,
            "special": trace.is_special(token_id),
            "file": file,
            "line": line_of[node],
            "in_program": node in kept,
            "rank": rank or None,
            **{name: _short(values[place]) for name, values in columns.items()},
        }


def _text(content: bytes) -> str | None:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _short(value: np.floating[Any]) -> float:
    """The shortest decimal number that is this float32."""
    return float(str(value))


def _name(member: Outcome | Scope | CheckResult) -> str:
    return member.name.lower().replace("_", "-")


def _finite(value: Any) -> Any:
    """The same with None for every number that JSON does not have."""
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
