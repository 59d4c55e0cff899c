"""The facts of a run, in words."""

from __future__ import annotations

from tests.support import synthetic_traces

from tokenscope_trace.reports.provenance import fact_rows
from tokenscope_trace.traces.facts import Facts


def test_reading_again_says_how_and_how_much_differed():
    run = synthetic_traces.looking(synthetic_traces.plausible()).run
    assert dict(fact_rows(Facts.read(run)))["read again"] == "from the prompt's cache, with at most 2.4e-6 nats difference"
    for noise, words in [
        (0.0, "in one pass, with at most 0 nats difference"),
        (None, "in one pass"),
        (3e-12, "3.0e-12 nats"),
    ]:
        assert words in dict(fact_rows(Facts.read({**run, "replay": {"way": "whole", "noise": noise}})))["read again"]
    assert "read again" not in dict(fact_rows(synthetic_traces.plausible().facts))


def test_scored_code_says_what_it_was_compared_with_and_how_far_back_the_model_saw():
    found = dict(fact_rows(synthetic_traces.changed().facts))
    assert found["compared with"] == f"main, commit {'4f2a9c0d' * 5}"
    assert found["context"] == "at most 2,048 tokens before each token of a file"
    assert not {"sampling", "prompt", "read again", "inexact"} & found.keys()
    assert "compared with" not in dict(fact_rows(synthetic_traces.scored().facts))


def test_files_that_their_tokens_do_not_spell_are_named():
    run = synthetic_traces.scored().run
    inexact = {**run, "files": [{**file, "exact": i > 0} for i, file in enumerate(run["files"])]}
    assert dict(fact_rows(Facts.read(inexact)))["inexact"] == "tokens do not spell exactly durations.py"


def test_whose_parser_judged_is_said_where_one_did():
    run = synthetic_traces.plausible().run
    judged = {**run, "syntax": {"kinds": [], "fields": [], "passages": [], "judge": "Python 3.11"}}
    assert dict(fact_rows(Facts.read(judged)))["judged by"] == "the parser of Python 3.11"
    assert "judged by" not in dict(fact_rows(Facts.read({**run, "syntax": None})))
