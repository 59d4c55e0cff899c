"""The environments of two recordings, and what changed between them: model, program, libraries, machine. Facts of two runs in,
names with two values out. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.fact_kinds import FactMap
from tokenscope_trace.traces.facts import Facts

_MODEL = {
    "id": "model",
    "revision": "its revision",
    "architecture": "its architecture",
    "parameters": "its parameters",
    "config_sha256": "its configuration, sha256",
    "weights_sha256": "its weights, sha256",
    "tokenizer_sha256": "its tokenizer, sha256",
    "dtype": "dtype",
    "device": "device",
    "attention": "attention implementation",
}
_MACHINE = {
    "system": "system",
    "processor": "processor",
    "vectors": "vector instructions",
    "accelerator": "accelerator",
    "threads": "threads",
    "matmul": "precision of matrix products",
}
_HASH = 12  # characters of one that are shown
_LONG = 80


@dataclass(frozen=True)
class Changed:
    """A fact that is another one: what it is called, as recorded, and now."""

    name: str
    recorded: str
    again: str


def changes(recorded: Facts, again: Facts) -> list[Changed]:
    """Of the facts that both runs state, those that differ, what is likeliest to matter first."""
    pairs = dict(_facts(again))
    return [Changed(name, value, pairs[name]) for name, value in _facts(recorded) if name in pairs and pairs[name] != value]


def machine_facts(facts: Facts) -> Iterator[tuple[str, str]]:
    """(name, value) of what is known of the machine that a recording was made on."""
    return _named(facts.machine, _MACHINE)


def _named(part: FactMap | None, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for key, name in names.items():
        if (value := getattr(part, key, None)) is not None:
            yield name, str(value)[:_HASH] if key.endswith("_sha256") else _shown(value)


def _facts(facts: Facts) -> Iterator[tuple[str, str]]:
    yield from _named(facts.model, _MODEL)
    yield from machine_facts(facts)
    yield "TokenScope", _shown(facts.generator.version)
    for library, version in facts.libraries.items():
        yield _shown(library), _shown(version)
    if (processors := facts.sampling.processors) is not None:
        yield "logits processors", _shown(", ".join(processors) or "none")
    for name, value in (
        ("how branches are computed", facts.tree and facts.tree.engine),
        ("how the output is read again", facts.replay and facts.replay.way),
        ("the check's command", facts.check and facts.check.command),
    ):
        if value is not None:
            yield name, _shown(value)


def _shown(value: object) -> str:
    return shortened(visible_line(str(value)), _LONG)
