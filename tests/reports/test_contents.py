"""What a page says that it contains is what it contains."""

from __future__ import annotations

import re

import numpy as np
from tests.support import synthetic_traces

from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.reports.contents import list_contents
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.settings import Redaction
from tokenscope_trace.traces.schema import REDACTED_ID


def test_every_part_is_counted():
    trace = synthetic_traces.looking(synthetic_traces.decided())
    rows = {name: (words, share) for name, words, share in list_contents(trace).rows}
    assert rows["prompt"][0] == f"{len(trace.prompt)} tokens of parse_duration.py"
    assert rows["output"][0] == f"{len(trace.output)} tokens"
    assert rows["alternatives"][0].startswith(f"{len(trace.alternatives):,}, ")
    assert rows["branches"][0].startswith("12, ")
    assert rows["attention"][0].startswith("5 layers: for every token and head the 8 tokens")
    assert rows["lens"][0] == f"what 3 layers would have said in place of {len(trace.output)} tokens"
    assert rows["syntax"][0] == f"{len(trace.syntax):,} nodes, python"
    assert rows["decisions"][0] == "10"
    assert rows["checks"][0] == "a command, 8 results, and the ends of 2 things it printed"
    shares = [int(share.removesuffix(" %")) for _, share in rows.values() if share and not share.startswith("<")]
    assert 95 <= sum(shares) <= 104
    assert max(shares) == int(rows["attention"][1].removesuffix(" %"))


def test_what_is_not_there_is_not_listed():
    names = {name for name, *_ in list_contents(synthetic_traces.plausible()).rows}
    assert names == {"prompt", "output", "text", "numbers", "alternatives", "facts"}
    assert {name for name, *_ in list_contents(synthetic_traces.scored()).rows} == {
        "code",
        "numbers",
        "alternatives",
        "facts",
    }


def test_what_was_left_out_is_said_at_the_top_and_counted():
    trace = redacted(synthetic_traces.decided(), {Redaction.PROMPT, Redaction.STRINGS})
    count = int(np.count_nonzero(trace.nodes.token_id == REDACTED_ID))
    said = f"Left out, as the recording says: the prompt and strings. Shown as █: {count} tokens."
    assert list_contents(trace).left_out == said
    whole = synthetic_traces.decided()
    assert list_contents(whole).left_out == ""
    claim = whole.replaced({**whole.run, "redacted": ["prompt"]}, {})
    assert (
        list_contents(claim).left_out
        == "The recording says that this was left out: the prompt; all of its tokens have their text."
    )
    page = html_page(trace)
    lead, _, rest = page.partition('<main class="desk')
    assert said in lead
    assert re.search(r"<summary>What this file contains</summary>\s*<dl", rest)
    assert "<div><dt>redacted</dt><dd>prompt, strings</dd></div>" in rest
