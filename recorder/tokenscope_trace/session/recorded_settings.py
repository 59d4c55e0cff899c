"""Recorded settings: what a recording asked for, read from its facts, so that it can be asked for again. A Trace in, settings out;
runs nothing.

A trace may come from a stranger: it names no command to run and no code to trust, its numbers are held within bounds, and a model that
it names is a hub id or the built-in one, never a path.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from tokenscope_trace.errors import ModelError, TraceError
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.language import Language
from tokenscope_trace.settings import (
    BUILTIN_MODEL,
    LISTED_DECISIONS,
    MODEL_DTYPES,
    Forced,
    ForcedPath,
    GenerationSettings,
    ModelSettings,
    ReplaySettings,
    TreeSettings,
)
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.schema import REDACTED_ID
from tokenscope_trace.traces.trace import Trace

DEVICES = ("cpu", "cuda", "mps", "xpu")
ATTENTIONS = ("eager", "sdpa")  # others may be code of the hub
_MOST = 1 << 24  # of anything that is counted
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}")


@dataclass(frozen=True)
class RecordedRequest:
    """The settings of a recording; `tree` and `replay` None where there was none."""

    generation: GenerationSettings
    tree: TreeSettings | None
    replay: ReplaySettings | None
    language: Language | None
    decisions: int


def recorded_request(trace: Trace) -> RecordedRequest:
    """The settings of a recording.

    An interrupted output is asked for as far as it goes. Recordings of format 1.4 and before do not say all: what was in force stands
    for what was asked for then. Raises TraceError where text was left out, or where a number is none that could be asked for.
    """
    run = trace.run
    if run.get("redacted") or bool((trace.nodes.token_id == REDACTED_ID).any()):
        raise TraceError(
            "text was left out of this recording (--redact), so it cannot be run again; the recording as it was can."
        )
    language = by_name(str((run.get("asked") or {}).get("language") or ""))
    decisions = (run.get("asked") or {}).get("decisions")
    return RecordedRequest(
        generation=_generation(trace),
        tree=_tree(trace),
        replay=_replay(trace),
        language=language,
        decisions=_count(
            "number of decisions", max(LISTED_DECISIONS, len(trace.decisions)) if decisions is None else decisions, 0
        ),
    )


def recorded_model(run: Mapping[str, Any], given: ModelSettings, *, chosen: bool) -> ModelSettings:
    """The model of a recording as it can be loaded here; what is `given` comes first, the model itself where it was `chosen`.

    Raises ModelError where the recording does not say where its model is, as it is with folders.
    """
    facts = run["model"]
    dtype, device = facts.get("dtype"), str(facts.get("device") or "").split(":")[0]
    settings = replace(
        given,
        dtype=dtype if given.dtype == "auto" and dtype in MODEL_DTYPES else given.dtype,
        device=device if given.device == "auto" and given.device_map is None and device in DEVICES else given.device,
        attention=facts.get("attention")
        if facts.get("attention") in ATTENTIONS and given.attention is None
        else given.attention,
    )
    if chosen:
        return settings
    name, revision = str(facts.get("id") or ""), facts.get("revision")
    shown = shortened(visible_line(name), 60) or "its model"
    if name == BUILTIN_MODEL:
        return replace(settings, name=BUILTIN_MODEL)
    if revision is None:
        place = "file" if name.lower().endswith(".gguf") else "folder"
        raise ModelError(
            f"the recording was made with {shown} from a {place}, and does not say which; name it with --model {place.upper()}."
        )
    if not _HUB_ID.fullmatch(name) or ".." in name or not _COMMIT.fullmatch(str(revision)):
        raise ModelError(f"the recording names {shown}, which is no model of the hub at a commit; name one with --model.")
    if Path(name).exists():
        raise ModelError(
            f"the recording was made with {name} from the hub, and here is a folder of that name; say with --model which one you mean."
        )
    return replace(settings, name=name, revision=str(revision))


def _generation(trace: Trace) -> GenerationSettings:
    run = trace.run
    sampling, top = run["sampling"], _count("number of alternatives", run.get("top_alternatives"), 1, 1000)
    if trace.files:
        return GenerationSettings(top_alternatives=top)
    interrupted = run["finish"] == "interrupted"
    most = len(trace.output) if interrupted else sampling.get("max_new_tokens")
    return GenerationSettings(
        max_new_tokens=_count("number of tokens", most, 1),
        **_sampling(run),
        seed=_count("seed", sampling.get("seed") or 0, 0, 2**63 - 1),
        stop=tuple(text for text in sampling.get("stop") or [] if text),
        top_alternatives=top,
    )


def _sampling(run: Mapping[str, Any]) -> dict[str, Any]:
    facts = run.get("asked")
    sampling = run["sampling"]
    if facts is None:
        if not sampling.get("do_sample"):
            facts = {"temperature": 0.0}
        else:
            facts = {"temperature": 1.0, "top_p": 1.0, "top_k": 0}
            facts |= {
                key: sampling[key] for key in ("temperature", "top_p", "top_k", "min_p") if sampling.get(key) is not None
            }
    return {
        "temperature": _number("temperature", facts.get("temperature"), 1e6),
        "top_p": _number("top-p", facts.get("top_p"), 1.0),
        "top_k": None if facts.get("top_k") is None else _count("top-k", facts["top_k"], 0),
        "min_p": _number("min-p", facts.get("min_p"), 1.0),
    }


def _tree(trace: Trace) -> TreeSettings | None:
    facts = trace.run.get("tree")
    lacking = {entry["stage"] for entry in trace.run.get("missing") or []}
    if facts is None or ({"tree", "generation"} & lacking and not len(trace.branches)):
        return None
    usual = TreeSettings()
    bounds = {name: facts.get(name) for name in ("nodes", "width", "depth", "length", "extra")}
    counts = {
        name: _count(
            f"tree's {name}", getattr(usual, name) if value is None else value, name in ("width", "depth", "length")
        )
        for name, value in bounds.items()
    }
    return TreeSettings(
        **counts,
        min_prob=_number("tree's least probability", facts.get("min_prob"), 1.0) or 0.0,
        temperature=_number("tree's temperature", facts.get("temperature"), 1e6) or 0.0,
        forced=_forced(trace),
    )


def _forced(trace: Trace) -> tuple[ForcedPath, ...]:
    facts = trace.run.get("asked")
    if facts is None:
        paths = _asked_branches(trace)
    else:
        paths = [[(place["position"], place["tokens"]) for place in path] for path in facts.get("forced") or []]
    found = []
    for path in paths:
        places = [Forced(_count("position", position, 1), _ids(tokens)) for position, tokens in path]
        if not places or any(two.position <= one.position for one, two in pairwise(places)):
            raise TraceError("the recording's forced tokens stand at no places of one path.")
        found.append(ForcedPath(tuple(places)))
    return tuple(found)


def _ids(tokens: Any) -> tuple[int, ...]:
    if not isinstance(tokens, list) or not tokens:
        raise TraceError("the recording's forced tokens are no list of ids.")
    return tuple(_count("forced token", token, 0, REDACTED_ID - 1) for token in tokens)


def _asked_branches(trace: Trace) -> list[list[tuple[int, list[int]]]]:
    """The forced tokens of the branches that the user asked for, each with those of the branches that it departs from."""
    table = trace.branches
    owners = {int(f) + i: b for b, (f, c) in enumerate(zip(table.first, table.count, strict=True)) for i in range(int(c))}
    depth: dict[int, int] = {}

    def position(node: int) -> int:
        if node not in depth:
            depth[node] = len(trace.path(node)) - len(trace.prompt)
        return depth[node]

    paths: dict[int, list[tuple[int, list[int]]]] = {}
    for branch in range(len(table)):
        first = int(table.first[branch])
        above = owners.get(int(trace.nodes.parent[first]))
        own = trace.nodes.token_id[first : first + int(table.forced[branch])].tolist()
        paths[branch] = [*(paths[above] if above is not None else []), (position(first), own)]
    inner = {
        owners.get(int(trace.nodes.parent[first]))
        for first, is_asked in zip(table.first, table.asked, strict=True)
        if is_asked
    }
    return [paths[branch] for branch, is_asked in enumerate(table.asked) if is_asked and branch not in inner]


def _replay(trace: Trace) -> ReplaySettings | None:
    attention, lens = trace.run.get("attention"), trace.run.get("lens")
    if attention is None and lens is None and trace.files:
        return None
    top, layers = 0, None
    if attention is not None:
        top = _count("number of sources of attention", attention["top"], 0, 1000)
        absent = [entry.get("layer") for entry in attention.get("absent") or []]
        known = {*(layer.layer for layer in trace.attention), *(number for number in absent if type(number) is int)}
        layers = tuple(sorted(_count("layer", number, 0) for number in known)) or None
    chosen = tuple(_count("layer", number, 0) for number in lens["layers"]) if lens is not None else ()
    return ReplaySettings(top, layers, lens is not None, chosen or None)


def _count(what: str, value: Any, least: int, most: int = _MOST) -> int:
    if type(value) is not int or not least <= value <= most:
        raise TraceError(f"the recording's {what} is {shortened(str(value), 40)}, and can be {int(least):,} to {most:,}.")
    return value


def _number(what: str, value: Any, most: float) -> float | None:
    if value is None:
        return None
    if type(value) not in (int, float) or not 0 <= value <= most:
        raise TraceError(f"the recording's {what} is {shortened(str(value), 40)}, and can be 0 to {most:g}.")
    return float(value)
