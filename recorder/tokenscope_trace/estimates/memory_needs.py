"""The memory that each stage of a recording takes beside the model, in bytes. From the configuration alone; an estimate, not a bound."""

from __future__ import annotations

from typing import Any

from tokenscope_trace.estimates.extrapolation import Work
from tokenscope_trace.inference.footprint import BASE, recording_bytes
from tokenscope_trace.settings import ReplaySettings

_NODE_BYTES = 3000  # of one node of a tree beside its cache: its numbers, its forks, and its copies until it is in the file


def stage_bytes(model: Any, work: Work, replay: ReplaySettings | None, *, cached: bool = True) -> dict[str, int]:
    """Bytes beside the model while each stage runs, without what interpreter and libraries take."""
    first = recording_bytes(model, work.prompt, work.prompt, None, cached=cached) - BASE
    read = recording_bytes(model, 0, work.tokens, replay, cached=cached) - BASE
    found = {
        "prompt": recording_bytes(model, work.prompt, work.prompt, replay, cached=cached) - BASE if replay else first,
        "output": recording_bytes(model, 0, work.tokens, None) - BASE if cached else 0,
        "reading again": read if work.rereads else 0,
        "branches": read + tree_bytes(model, work),
        "analysis": work.tokens * _NODE_BYTES + (work.nodes + work.asked) * _NODE_BYTES,
    }
    return {name: count for name, count in found.items() if count}


def tree_bytes(model: Any, work: Work) -> int:
    """Bytes of a tree: a slot of the cache for every node, what is known of it, and the logits of a step."""
    nodes = work.nodes + work.asked
    if not nodes:
        return 0
    base = recording_bytes(model, 0, 0, None)
    logits = work.wave * int(model.config.get_text_config().vocab_size) * (int(model.dtype.itemsize) + 12)
    return recording_bytes(model, 0, nodes, None) - base + nodes * _NODE_BYTES + logits
