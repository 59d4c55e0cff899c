"""Recorded settings: what a recording asked for, read from its facts, so that it can be asked for again. A Trace in, settings out;
runs nothing.

A trace may come from a stranger: it names no command to run and no code to trust, its numbers are held within bounds, and a model that
it names is a hub id or the built-in one, never a path.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from tokenscope_trace.errors import ModelError, TraceError
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.languages.language import Language
from tokenscope_trace.settings import (
    BUILTIN_MODEL,
    FORCED_PLACES,
    GENERATION_RANGES,
    LISTED_DECISIONS,
    MODEL_DTYPES,
    MOST,
    REPLAY_RANGES,
    TREE_RANGES,
    Bounds,
    CheckSettings,
    Forced,
    ForcedPath,
    GenerationSettings,
    ModelSettings,
    ReplaySettings,
    TreeSettings,
    forced_fault,
    stop_fault,
)
from tokenscope_trace.text import shortened, visible_line
from tokenscope_trace.traces.facts import AskedFacts, CheckFacts, Facts, ModelFacts
from tokenscope_trace.traces.schema import REDACTED_ID
from tokenscope_trace.traces.trace import Trace
from tokenscope_trace.traces.work_budget import path_sizes
from tokenscope_trace.tree.forced_paths import MOST_TOKENS

DEVICES = ("cpu", "cuda", "mps", "xpu")
ATTENTIONS = ("eager", "sdpa")  # others may be code of the hub
_LAYER = Bounds(0, MOST)
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


def placed_check(check: CheckSettings, recorded: CheckFacts | None) -> CheckSettings:
    """The check that the user gives, with the place that programs had in its folder when they were recorded."""
    place = PurePosixPath(recorded.file if recorded is not None and recorded.file is not None else "").parent
    is_below = not place.is_absolute() and ".." not in place.parts
    return replace(check, place=str(place)) if check.folder is not None and is_below and place.parts else check


def recorded_request(trace: Trace) -> RecordedRequest:
    """The settings of a recording.

    An interrupted output is asked for as far as it goes. Recordings of format 1.4 and before do not say all: what was in force stands
    for what was asked for then. Raises TraceError where text was left out, or where a number is none that could be asked for.
    """
    asked = trace.facts.asked or AskedFacts()
    if trace.facts.redacted or bool((trace.nodes.token_id == REDACTED_ID).any()):
        raise TraceError(
            "text was left out of this recording (--redact), so it cannot be run again; the recording as it was can."
        )
    listed = max(LISTED_DECISIONS, len(trace.decisions)) if asked.decisions is None else asked.decisions
    return RecordedRequest(
        generation=_generation(trace),
        tree=_tree(trace),
        replay=_replay(trace),
        language=by_name(asked.language or ""),
        decisions=_count("number of decisions", listed, Bounds(0, MOST)),
    )


def recorded_model(facts: ModelFacts, given: ModelSettings, *, chosen: bool) -> ModelSettings:
    """The model of a recording as it can be loaded here; what is `given` comes first, the model itself where it was `chosen`.

    Raises ModelError where the recording does not say where its model is, as it is with folders.
    """
    dtype, device = facts.dtype, (facts.device or "").split(":")[0]
    settings = replace(
        given,
        dtype=dtype if given.dtype == "auto" and dtype in MODEL_DTYPES else given.dtype,
        device=device if given.device == "auto" and given.device_map is None and device in DEVICES else given.device,
        attention=facts.attention if facts.attention in ATTENTIONS and given.attention is None else given.attention,
    )
    if chosen:
        return settings
    name, revision = facts.id or "", facts.revision
    shown = shortened(visible_line(name), 60) or "its model"
    if name == BUILTIN_MODEL:
        return replace(settings, name=BUILTIN_MODEL)
    if revision is None:
        place = "file" if name.lower().endswith(".gguf") else "folder"
        raise ModelError(
            f"the recording was made with {shown} from a {place}, and does not say which; name it with --model {place.upper()}."
        )
    if not _HUB_ID.fullmatch(name) or ".." in name or not _COMMIT.fullmatch(revision):
        raise ModelError(f"the recording names {shown}, which is no model of the hub at a commit; name one with --model.")
    if os.path.exists(name):
        raise ModelError(
            f"the recording was made with {name} from the hub, and here is a folder of that name; say with --model which one you mean."
        )
    return replace(settings, name=name, revision=revision)


def _generation(trace: Trace) -> GenerationSettings:
    facts = trace.facts
    sampling, top = (
        facts.sampling,
        _count("number of alternatives", facts.top_alternatives, GENERATION_RANGES["top_alternatives"]),
    )
    if trace.files:
        return GenerationSettings(top_alternatives=top)
    stop = tuple(text for text in sampling.stop or () if text)
    if fault := stop_fault(stop):
        raise TraceError(f"it cannot be recorded again: {fault}")
    most = len(trace.output) if facts.finish == "interrupted" else sampling.max_new_tokens
    return GenerationSettings(
        max_new_tokens=_count("number of tokens", most, GENERATION_RANGES["max_new_tokens"]),
        **_sampling(facts),
        seed=_count("seed", sampling.seed or 0, GENERATION_RANGES["seed"]),
        stop=stop,
        until="text" if facts.program is None else facts.program.until or "text",
        top_alternatives=top,
    )


def _sampling(facts: Facts) -> dict[str, Any]:
    asked, sampling = facts.asked, facts.sampling
    if asked is None and not sampling.do_sample:
        asked = AskedFacts(temperature=0.0)
    elif asked is None:
        usual = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "min_p": None}
        in_force = {key: getattr(sampling, key) for key in usual if getattr(sampling, key) is not None}
        asked = AskedFacts(**{**usual, **in_force})
    return {
        name: None
        if (value := getattr(asked, name)) is None
        else _number(name.replace("_", "-"), value, GENERATION_RANGES[name])
        for name in ("temperature", "top_p", "top_k", "min_p")
    }


def _tree(trace: Trace) -> TreeSettings | None:
    facts = trace.facts.tree
    if facts is None or ({"tree", "generation"} & trace.facts.lacking and not len(trace.branches)):
        return None
    usual = TreeSettings()
    bounds = {name: getattr(facts, name) for name in ("nodes", "width", "depth", "length", "extra")}
    counts = {
        name: _count(f"tree's {name}", getattr(usual, name) if value is None else value, TREE_RANGES[name])
        for name, value in bounds.items()
    }
    return TreeSettings(
        **counts,
        min_prob=_number("tree's least probability", facts.min_prob or 0, TREE_RANGES["min_prob"]),
        temperature=_number("tree's temperature", facts.temperature or 0, TREE_RANGES["temperature"]),
        forced=_forced(trace),
    )


def _forced(trace: Trace) -> tuple[ForcedPath, ...]:
    asked = trace.facts.asked
    if asked is None:
        paths = _asked_branches(trace)
    else:
        _require_few(len(asked.forced))
        paths = [[(place.position, place.tokens) for place in path] for path in asked.forced]
    found = []
    for path in paths:
        places = [Forced(_count("position", position, Bounds(1, MOST)), _ids(tokens)) for position, tokens in path]
        if len(places) > FORCED_PLACES.most:
            raise TraceError(
                f"it cannot be recorded again: a forced path of it has more than {FORCED_PLACES.most:,} places."
            )
        if not places or any(two.position <= one.position for one, two in pairwise(places)):
            raise TraceError("the recording's forced tokens stand at no places of one path.")
        found.append(ForcedPath(tuple(places)))
    return tuple(found)


def _require_few(paths: int) -> None:
    if fault := forced_fault(paths):
        raise TraceError(f"it cannot be recorded again: {fault}")


def _ids(tokens: Sequence[int]) -> tuple[int, ...]:
    return tuple(_count("forced token", token, Bounds(0, REDACTED_ID - 1)) for token in tokens)


def _asked_branches(trace: Trace) -> list[list[tuple[int, Sequence[int]]]]:
    """The forced tokens of the branches that the user asked for, each with those of the branches that it departs from."""
    table, programs = trace.branches, trace.programs
    above = [programs.owner(node) for node in trace.nodes.parent[table.first].tolist()]
    inner = {above[branch] for branch in np.flatnonzero(table.asked).tolist()}
    asked = [branch for branch in np.flatnonzero(table.asked).tolist() if branch not in inner]
    _require_few(len(asked))
    position = path_sizes(trace.nodes.parent, np.ones(len(trace.nodes), dtype=np.int64)) - len(trace.prompt)
    paths, tokens = [], 0
    for branch in asked:
        path: list[tuple[int, Sequence[int]]] = []
        while branch >= 0:
            first, forced = int(table.first[branch]), int(table.forced[branch])
            tokens += forced
            if tokens > MOST_TOKENS:
                raise TraceError(f"it cannot be recorded again: more than {MOST_TOKENS:,} tokens of it were forced.")
            path.append((int(position[first]), trace.nodes.token_id[first : first + forced].tolist()))
            branch = above[branch]
        paths.append(path[::-1])
    return paths


def _replay(trace: Trace) -> ReplaySettings | None:
    attention, lens = trace.facts.attention, trace.facts.lens
    if attention is None and lens is None and trace.files:
        return None
    top, layers = 0, None
    if attention is not None:
        top = _count("number of sources of attention", attention.top, REPLAY_RANGES["attention_top"])
        known = {*(one.layer for one in trace.attention), *(one.layer for one in attention.absent)}
        layers = tuple(sorted(_count("layer", number, _LAYER) for number in known)) or None
    chosen = tuple(_count("layer", number, _LAYER) for number in lens.layers) if lens is not None else ()
    return ReplaySettings(top, layers, lens is not None, chosen or None)


def _count(what: str, value: Any, allowed: Bounds) -> int:
    return int(_number(what, value, allowed))


def _number(what: str, value: Any, allowed: Bounds) -> int | float:
    try:
        return allowed.number(None if isinstance(value, str) else value)
    except ValueError as error:
        raise TraceError(f"the recording's {what} is {shortened(str(value), 40)}, and can be a {error}.") from None
