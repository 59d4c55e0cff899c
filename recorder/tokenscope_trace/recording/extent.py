"""The extent of a recording: whether a text is more than a trace holds, said before a model reads it. Tokens in, a refusal or nothing out."""

from __future__ import annotations

from collections.abc import Sequence

from tokenscope_trace.errors import PromptError
from tokenscope_trace.traces.work_budget import MAX_LINES, MAX_NODES, MAX_TEXT, MAX_TOKEN


def check_extent(words: Sequence[bytes], what: str, more: int = 0) -> None:
    """Raises PromptError where these tokens and so many more are too many for a trace, or spell too much; `what` has them."""
    counts = (
        (len(words) + more, MAX_NODES, "tokens"),
        (sum(map(len, words)), MAX_TEXT, "bytes"),
        (sum(word.count(b"\n") for word in words), MAX_LINES, "lines"),
        (max(map(len, words), default=0), MAX_TOKEN, "bytes in one token"),
    )
    for count, most, noun in counts:
        if count > most:
            raise PromptError(f"{what} {count:,} {noun}; a recording holds at most {most:,}.")
