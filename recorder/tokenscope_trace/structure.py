"""A trace gets its syntax: the code in it, parsed. A Trace in, a Trace out; runs no model.

The text that is parsed is the program as the file reads: without control tokens, and in a fill-in-the-middle recording with the
output in its hole. Of scored code each file is a text of its own.
"""

from __future__ import annotations

import numpy as np

from tokenscope_trace.columns import Array
from tokenscope_trace.languages import Language
from tokenscope_trace.parsing import Parsed, joined_kinds, parse, passages
from tokenscope_trace.program_text import program
from tokenscope_trace.traces import Trace


def add_syntax(trace: Trace, language: Language | None = None) -> Trace:
    """The trace with the syntax of its main path, or of its files; `language` is what files of unknown suffix hold."""
    sources = [file.source for file in trace.files] or [str(trace.run["prompt"]["source"])]
    conversation = trace.run["prompt"]["kind"] == "chat"
    found: list[tuple[int, str, Parsed]] = []
    for number, (source, nodes) in enumerate(zip(sources, trace.texts, strict=True)):
        text = program(trace, nodes)
        pieces = passages(text, source, language, conversation=conversation)
        found += [(number, piece.language.name, parse(text, piece)) for piece in pieces]
    if not found:
        return trace
    kinds, fields = joined_kinds([parsed for *_, parsed in found])
    places = {name: place for place, name in enumerate(kinds)}
    field_places = {name: place for place, name in enumerate(fields)}
    facts, parents, first = [], [], 0
    for number, name, parsed in found:
        count = len(parsed.kind)
        facts.append({"text": number, "language": name, "first": first, "count": count})
        parents.append(np.where(parsed.parent < 0, -1, parsed.parent + first))
        first += count
    table: dict[str, Array] = {
        "kind": np.array([places[kind] for *_, parsed in found for kind in parsed.kind], dtype=np.uint16),
        "field": np.array([field_places[field] for *_, parsed in found for field in parsed.field], dtype=np.uint16),
        "parent": np.concatenate(parents).astype(np.int32),
        "start": np.concatenate([parsed.start for *_, parsed in found]),
        "end": np.concatenate([parsed.end for *_, parsed in found]),
        "flags": np.concatenate([parsed.flags for *_, parsed in found]),
    }
    run = {**trace.run, "syntax": {"kinds": kinds, "fields": fields, "passages": facts}}
    return trace.replaced(run, {"syntax": table})
