"""A text that is more than a trace holds is refused before a model reads it."""

from __future__ import annotations

import pytest

from tokenscope_trace.errors import PromptError
from tokenscope_trace.recording.extent import check_extent
from tokenscope_trace.traces.work_budget import MAX_LINES, MAX_NODES, MAX_TEXT, MAX_TOKEN


@pytest.mark.parametrize(
    ("words", "said"),
    {
        "tokens": ([b""] * MAX_NODES, "524,289 tokens; a recording holds at most 524,288"),
        "bytes": ([b"x" * MAX_TOKEN] * (MAX_TEXT // MAX_TOKEN + 1), "bytes; a recording holds at most 4,194,304"),
        "lines": ([b"\n"] * (MAX_LINES + 1), "262,145 lines; a recording holds at most 262,144"),
        "a token": ([b"x" * (MAX_TOKEN + 1)], "4,097 bytes in one token; a recording holds at most 4,096"),
    }.values(),
)
def test_what_is_too_much_is_said(words, said):
    with pytest.raises(PromptError, match=said):
        check_extent(words, "the prompt has", more=1)


def test_what_a_trace_holds_is_taken():
    check_extent([b"\n" * MAX_TOKEN] * (MAX_LINES // MAX_TOKEN), "the prompt has", more=1)
