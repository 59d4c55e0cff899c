"""Every trace that is written goes the same way, unfinished ones too."""

from __future__ import annotations

import pytest
from tests.support import code_traces, synthetic_traces

from tokenscope_trace.errors import RedactionError
from tokenscope_trace.languages.definitions import by_name
from tokenscope_trace.privacy.sanitize import Preparation, check_redactions
from tokenscope_trace.settings import Redaction

SECRET = "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"


def test_a_trace_that_was_not_analysed_yet_is_redacted_all_the_same():
    trace = code_traces.recorded(["key = "], [f'"{SECRET}"', "\n"])
    assert trace.syntax is None
    said = []
    kept = Preparation({Redaction.STRINGS}, None, said.append)(trace)
    assert kept.text(kept.main).decode() == "key = █\n"
    assert said == []


def test_what_the_model_wrote_is_looked_at_with_the_line_it_went_on_with_and_warned_of_once():
    trace = code_traces.recorded(['x = 1\npassword = "'], ["hunter2", 'hunter2"', "\n", f"k = '{SECRET}'\n"])
    said = []
    prepare = Preparation((), None, said.append)
    prepare.read([("p.py", 'x = 1\npassword = "')], scored=False)
    assert said == []
    assert prepare(prepare(trace)) is trace
    assert said == [
        "the output, line 1, looks like a password or key (and 1 more line); --redact strings leaves it out of the trace."
    ]


def test_what_redaction_leaves_is_looked_at():
    trace = code_traces.recorded([f"# {SECRET}\n"], ["x = 1\n"])
    said = []
    prepare = Preparation({Redaction.STRINGS}, None, said.append)
    prepare.read([("p.py", f"# {SECRET}\n")], scored=False)
    prepare(trace)
    assert said == ["p.py, line 1, looks like a Stripe Access Key; --redact prompt leaves it out of the trace."]


def test_sentences_and_reasons_name_no_place():
    plain = synthetic_traces.looking(synthetic_traces.plausible())
    attention = {**plain.run["attention"], "absent": [{"layer": 1, "reason": "no file /usr/lib/x.so"}]}
    facts = {**plain.run, "notes": ["cannot read /usr/share/x.py"], "attention": attention}
    trace = Preparation((), None, lambda _: None)(plain.replaced(facts, {}))
    assert trace.run["notes"] == ["cannot read x.py"]
    assert trace.run["attention"]["absent"] == [{"layer": 1, "reason": "no file x.so"}]


def test_what_could_not_be_redacted_in_the_end_is_refused_in_the_beginning():
    asked = {Redaction.STRINGS}
    for sources, language, chat in (
        (["x.py"], None, False),
        (["x.md"], None, False),
        (["b.toml", ".env", "Makefile"], None, False),
        (["-"], None, True),
        (["-"], "c", False),
    ):
        check_redactions(asked, sources, by_name(language or ""), chat=chat)
    check_redactions({Redaction.PROMPT}, ["notes"], None, chat=False)
    with pytest.raises(RedactionError, match="for standard input"):
        check_redactions(asked, ["-"], None, chat=False)
    with pytest.raises(RedactionError, match=r"for b\.lua"):
        check_redactions(asked, ["a.py", "b.lua"], None, chat=False)
