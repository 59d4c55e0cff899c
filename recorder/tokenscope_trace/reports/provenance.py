"""Provenance: what is needed to run a recording again, as lines of text. In: the facts of a run. Out: pairs of name and value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tokenscope_trace.reports.commands import offered_command
from tokenscope_trace.text import visible_line
from tokenscope_trace.traces.fact_kinds import FactMap
from tokenscope_trace.traces.facts import Facts, ReplayFacts, SamplingFacts, ScoreFacts

_SETTINGS = {
    "temperature": "temperature",
    "top_p": "top-p",
    "top_k": "top-k",
    "min_p": "min-p",
    "repetition_penalty": "repetition penalty",
    "seed": "seed",
}
_BOUNDS = {
    "nodes": "at most {:,} tokens",
    "width": "{} alternatives at a position",
    "depth": "{} forks above each other",
    "length": "{} tokens a branch",
    "extra": "{} more for likely decisions",
    "min_prob": "forced tokens of at least p {}",
    "temperature": "temperature {}",
}
_WAYS = {"continued": "from the prompt's cache", "whole": "in one pass"}
_SIZES = {"parameters": "{:,} parameters", "vocab_size": "vocabulary of {:,}", "context": "context of {:,}"}
_CHECKED = {"folder": "in a copy of {}", "file": "as {}", "timeout": "at most {:g} s", "memory": "at most {:,} MB"}


def settings_text(sampling: SamplingFacts) -> str:
    """How the tokens were chosen, such as `sampled, temperature 0.8, seed 7`."""
    if not sampling.do_sample:
        return "greedy"
    chosen = [f"{label} {value}" for key, label in _SETTINGS.items() if (value := getattr(sampling, key)) is not None]
    return visible_line(", ".join(["sampled", *chosen]))


def fact_rows(facts: Facts) -> Iterator[tuple[str, str]]:
    """What is needed to run it again, one line each; what is not known is left out."""
    model, prompt, sampling, clock, files = facts.model, facts.prompt, facts.sampling, facts.clock, facts.files
    score, replay = facts.score or ScoreFacts(), facts.replay
    seconds = clock.replay_seconds if files else clock.decode_seconds
    written = [] if files else [prompt.source, prompt.kind, "not spelled exactly by its tokens" * (prompt.exact is False)]
    inexact = _joined(file.source for file in files or () if file.exact is False)
    chosen = "" if files else _joined([settings_text(sampling), _labelled("by ", _joined(sampling.processors or ()))])
    command, without = offered_command(facts.command)
    rows: list[tuple[str, Any]] = [
        ("model", " at ".join(name for name in (model.id, model.revision) if name)),
        ("size", _joined([model.architecture, *_labels(model, _SIZES)])),
        ("computed", _joined([model.dtype, model.quantization, model.device, model.attention])),
        ("weights", _labelled("sha256 ", model.weights_sha256)),
        ("tokenizer", _labelled("sha256 ", model.tokenizer_sha256)),
        ("prompt", _joined(written)),
        ("inexact", _labelled("tokens do not spell exactly ", inexact)),
        ("compared with", _joined([score.revision, _labelled("commit ", score.commit)])),
        ("context", _joined(_labels(score, {"window": "at most {:,} tokens before each token of a file"}))),
        ("sampling", chosen),
        ("stop", _joined(map(repr, sampling.stop or ()))),
        ("redacted", _joined(facts.redacted)),
        ("tree", _joined([((facts.tree and facts.tree.engine) or "").replace("-", " "), *_labels(facts.tree, _BOUNDS)])),
        ("check", _joined([facts.check and facts.check.command, *_labels(facts.check, _CHECKED)])),
        ("missing", _joined(f"{one.stage} ({one.reason})" for one in facts.missing)),
        ("read again", _joined(_replay(replay)) if replay is not None and not files else ""),
        ("command", command),
        (
            "not in it",
            _labelled(", ".join(without), ": what runs code or replaces a file is yours to add") if without else "",
        ),
        ("libraries", _joined(f"{name} {version}" for name, version in facts.libraries.items())),
        ("judged by", _labelled("the parser of ", facts.syntax and facts.syntax.judge)),
        ("recorded", _joined([clock.created, f"{seconds:.1f} s" if isinstance(seconds, float) else None])),
        ("written by", f"{facts.generator.name} {facts.generator.version}"),
    ]
    return ((name, visible_line(str(value))) for name, value in rows if value)


def _labels(facts: FactMap | None, labels: Mapping[str, str]) -> Iterator[str]:
    """Of these facts those that are known, each in its words."""
    known = facts.plain() if facts is not None else {}
    return (label.format(known[key]) for key, label in labels.items() if known.get(key) is not None)


def _replay(replay: ReplayFacts) -> Iterator[str]:
    yield _WAYS.get(str(replay.way), "")
    if replay.noise is not None:
        figure = f"{replay.noise:.1e}".replace("e-0", "e-") if replay.noise else "0"
        yield f"with at most {figure} nats difference"


def _joined(parts: Iterable[Any]) -> str:
    return ", ".join(str(part) for part in parts if part)


def _labelled(label: str, value: Any) -> str:
    return f"{label}{value}" if value else ""
