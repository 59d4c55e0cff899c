"""The memory that each stage of a recording takes beside the model, in bytes. From its shape alone; an estimate, not a bound."""

from __future__ import annotations

from tokenscope_trace.estimates.extrapolation import Work
from tokenscope_trace.models.footprint import BASE, Shape, recording_bytes
from tokenscope_trace.settings import ReplaySettings

_NODE_BYTES = 3000  # of one node of a tree beside its cache: its numbers, its forks, and its copies until it is in the file


def stage_bytes(shape: Shape, work: Work, replay: ReplaySettings | None, *, cached: bool = True) -> dict[str, int]:
    """Bytes beside the model while each stage runs, without what interpreter and libraries take."""
    first = recording_bytes(shape, work.prompt, work.prompt, None, cached=cached) - BASE
    read = recording_bytes(shape, 0, work.tokens, replay, cached=cached) - BASE
    found = {
        "prompt": recording_bytes(shape, work.prompt, work.prompt, replay, cached=cached) - BASE if replay else first,
        "output": recording_bytes(shape, 0, work.tokens, None) - BASE if cached else 0,
        "reading again": read if work.rereads else 0,
        "branches": read + tree_bytes(shape, work),
        "analysis": work.tokens * _NODE_BYTES + (work.nodes + work.asked) * _NODE_BYTES,
    }
    return {name: count for name, count in found.items() if count}


def tree_bytes(shape: Shape, work: Work) -> int:
    """Bytes of a tree: a slot of the cache for every node, what is known of it, and the logits of a step."""
    nodes = work.nodes + work.asked
    if not nodes:
        return 0
    base = recording_bytes(shape, 0, 0, None)
    logits = work.wave * shape.vocabulary * (shape.itemsize + 12)
    return recording_bytes(shape, 0, nodes, None) - base + nodes * _NODE_BYTES + logits
