"""Facts of a run, and FORMAT.md's rules for them: what kind of value each is, so that whoever reads them need not ask. Pure.

Every fact may be nil, which is: not known. What FORMAT.md does not name may be anything, and nothing reads it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tokenscope_trace.errors import CorruptTrace

_EXACT = 1 << 53  # integers up to here are the same number in every program that reads them


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _EXACT


def _is_whole(value: Any) -> bool:
    return type(value) is int


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _EXACT and math.isfinite(value)


def _is_share(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value <= 1


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


_WORDS: dict[Callable[[Any], bool], str] = {
    _is_text: "text",
    _is_flag: "true or false",
    _is_count: "a number of things",
    _is_whole: "a whole number",
    _is_number: "a finite number",
    _is_share: "a number from 0 to 1",
    _are_texts: "a list of strings",
}


def _of(kind: Callable[[Any], bool], *keys: str) -> dict[str, Callable[[Any], bool]]:
    return dict.fromkeys(keys, kind)


_FACTS: dict[str, dict[str, Callable[[Any], bool]]] = {
    "generator": _of(_is_text, "name", "version"),
    "model": {
        **_of(_is_text, "id", "revision", "architecture", "dtype", "quantization", "device", "attention"),
        **_of(_is_text, "config_sha256", "weights_sha256", "tokenizer_sha256"),
        **_of(_is_count, "parameters", "vocab_size", "context"),
    },
    "prompt": {**_of(_is_text, "source", "kind"), **_of(_is_flag, "exact")},
    "sampling": {
        **_of(_is_flag, "do_sample"),
        **_of(_is_number, "temperature", "top_p", "min_p", "repetition_penalty"),
        **_of(_is_count, "top_k", "max_new_tokens"),
        **_of(_is_whole, "seed"),
        **_of(_are_texts, "stop", "processors"),
    },
    "tree": {
        **_of(_is_text, "engine", "finish"),
        **_of(_is_count, "width", "depth", "length", "extra", "nodes"),
        **_of(_is_number, "min_prob", "temperature"),
        **_of(_is_whole, "seed"),
    },
    "replay": {**_of(_is_text, "way"), **_of(_is_number, "noise")},
    "lens": _of(_is_text, "reason"),
    "asked": {
        **_of(_is_number, "temperature", "top_p", "min_p"),
        **_of(_is_count, "top_k", "decisions"),
        **_of(_is_text, "language"),
    },
    "machine": {**_of(_is_text, "system", "processor", "vectors", "accelerator", "matmul"), **_of(_is_count, "threads")},
    "score": {**_of(_is_text, "revision", "commit"), **_of(_is_count, "window")},
    "check": {**_of(_is_text, "command"), **_of(_is_number, "timeout", "memory")},
    "clock": {
        **_of(_is_text, "created"),
        **_of(_is_number, "load_seconds", "prefill_seconds", "decode_seconds", "replay_seconds", "tree_seconds"),
    },
}
_FINISHES = ("end-of-text", "stop-string", "length", "context", "interrupted", "scored")
_ROLES = ("text", "prefix", "suffix", "control")


def require(holds: bool, otherwise: str) -> None:
    """Raise CorruptTrace with a sentence where a rule does not hold."""
    if not holds:
        raise CorruptTrace(f"{otherwise}.")


def check_facts(run: dict[str, Any], metrics: dict[str, Any], nodes: int) -> None:
    """Raise CorruptTrace where the facts of a run over so many nodes, or the definitions of its metrics, break the format."""
    leaf = run.get("main_leaf")
    require(type(leaf) is int and 0 <= leaf < nodes, "run.main_leaf is not the index of a node")
    require(run.get("finish") in _FINISHES, "run.finish is not one of the known reasons")
    for key in ("generator", "model", "prompt", "sampling", "libraries", "clock"):
        require(isinstance(run.get(key), dict), f"run.{key} is not a map")
    for key in ("command", "notes"):
        require(_are_texts(run.get(key)), f"run.{key} is not a list of strings")
    require(run.get("redacted") is None or _are_texts(run["redacted"]), "run.redacted is not a list of strings")
    top = run.get("top_alternatives")
    require(top is None or _is_count(top), "run.top_alternatives is not a number of things")
    for key, kinds in _FACTS.items():
        _check_kinds(f"run.{key}", run.get(key), kinds)
    require(all(map(_is_text, run["libraries"].values())), "the version of a library is not text")
    files = run.get("files")
    for file in files if isinstance(files, list) else []:
        _check_kinds("a file", file, _of(_is_flag, "exact"))
    _check_pivot(run.get("check"))
    _check_forced((run.get("asked") or {}).get("forced"))
    missing = run.get("missing")
    require(missing is None or isinstance(missing, list), "run.missing is not a list")
    for entry in missing or []:
        _check_kinds("run.missing", entry, _of(_is_text, "stage", "reason"))
        require({"stage", "reason"} <= (entry or {}).keys(), "run.missing names no stage or no reason")
    _check_segments(run["prompt"].get("segments"), nodes)
    for metric in metrics.values():
        _check_kinds("a metric", metric, _of(_is_text, "unit", "range", "definition"))
        require(metric is not None, "a metric is not a map")


def _check_kinds(name: str, facts: Any, kinds: dict[str, Callable[[Any], bool]]) -> None:
    require(facts is None or isinstance(facts, dict), f"{name} is not a map")
    for key, kind in kinds.items():
        value = (facts or {}).get(key)
        require(value is None or kind(value), f"{name}.{key} is not {_WORDS[kind]}")


def _check_pivot(check: Any) -> None:
    pivot = check.get("pivot") if isinstance(check, dict) else None
    _check_kinds("run.check.pivot", pivot, _of(_is_share, "before", "after"))
    require(pivot is None or None not in (pivot.get("before"), pivot.get("after")), "run.check.pivot has no shares")


def _check_forced(paths: Any) -> None:
    """Each path is a list of places in ascending order, each with the ids that stand there."""
    require(paths is None or isinstance(paths, list), "run.asked.forced is not a list")
    for path in paths or []:
        require(isinstance(path, list) and path != [], "a path of run.asked.forced is not a list of places")
        last = 0
        for place in path:
            require(isinstance(place, dict), "a place of run.asked.forced is not a map")
            position, tokens = place.get("position"), place.get("tokens")
            require(_is_count(position) and position > last, "the places of run.asked.forced are not in ascending order")
            require(
                isinstance(tokens, list) and tokens != [] and all(map(_is_count, tokens)),
                "a place of run.asked.forced has no ids",
            )
            last = position


def _check_segments(segments: Any, nodes: int) -> None:
    """Segments join, from the first node on."""
    require(isinstance(segments, list), "run.prompt.segments is not a list")
    end = 0
    for segment in segments:
        require(isinstance(segment, dict) and segment.get("role") in _ROLES, "a segment of the prompt has no known role")
        first, last = segment.get("first"), segment.get("end")
        require(
            type(first) is int and type(last) is int and end == first <= last <= nodes, "the prompt's segments do not join"
        )
        end = last
