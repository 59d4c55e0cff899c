"""Recordings that a stranger made and no rule refuses: whatever is asked of one ends in its right answer, or in one sentence.

Named after the kind. `accepted/` holds them; what is refused when it is read stands in the folder above, with make.py.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import tokenscope_trace as ts
from tokenscope_trace.errors import TokenScopeError
from tokenscope_trace.traces.trace import Trace

FOLDER = Path(__file__).parent / "accepted"
# What a bound of work keeps from being read, or from being done in a test's time: only that they are refused or read in one sentence.
HEAVY = {"a-hundred-thousand-branches-in-each-other", "letters-of-another-alphabet-without-end"}
FILES = sorted(path.stem for path in FOLDER.glob("*.tsc"))
LIGHT = [name for name in FILES if name not in HEAVY]
CONSUMERS = {
    "page": ts.html,
    "markdown": ts.markdown,
    "json": ts.json_report,
    "sarif": ts.sarif,
    "comparison": lambda trace: ts.html(ts.compare(trace, trace)),
    "small page": lambda trace: ts.html(trace, max_size=0.1),
    "without the prompt": lambda trace: ts.html(ts.redact(trace, {"prompt"})),
    "without strings": lambda trace: ts.json_report(ts.redact(trace, {"strings"})),
    "without comments": lambda trace: ts.markdown(ts.redact(trace, {"comments"})),
}


def read(name: str) -> Trace | None:
    """The recording, None where it is refused in one sentence."""
    try:
        return ts.Trace.load(FOLDER / f"{name}.tsc")
    except TokenScopeError as error:
        refused = str(error)
    assert refused.isprintable()
    return None


def answer(consumer: str, trace: Trace) -> str:
    """What a consumer says, an empty text where it refuses in one sentence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of what a small page leaves out
        try:
            said = CONSUMERS[consumer](trace)
        except TokenScopeError as error:
            refused = str(error)
        else:
            assert isinstance(said, str)
            return said
    assert refused.isprintable()
    return ""


@pytest.mark.parametrize("name", sorted(HEAVY))
def test_what_takes_much_to_read_is_read_or_refused_in_a_sentence(name):
    assert name in FILES
    read(name)


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("name", LIGHT)
def test_whatever_is_asked_of_it_ends_in_an_answer_or_in_a_sentence(name, consumer):
    trace = read(name)
    if trace is None:
        return
    said = answer(consumer, trace)
    assert not {character for character in said if character < " "} - {"\n", "\r", "\t"}
    if said and consumer in ("json", "sarif", "without strings"):
        json.loads(said, parse_constant=pytest.fail)


def test_files_of_one_name_are_told_apart_and_each_is_compared_with_itself():
    trace = read("two-files-of-one-name")
    assert trace is not None
    notes = json.loads(ts.sarif(trace))["runs"][0]["results"]
    assert len({note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for note in notes}) > 1 or len(notes) < 2
    assert "differ." not in ts.html(ts.compare(trace, trace)).split("<h1>")[1].split("</h1>")[0]


def test_one_file_against_very_many_of_its_name_is_one_pair():
    many, one = read("very-many-files-of-one-name"), read("one-file-of-that-name")
    if many is None or one is None:
        return
    page = ts.html(ts.compare(many, one))
    assert len(page) < 2_000_000


def test_a_stranger_s_words_are_offered_as_no_command_and_named_as_the_trace_s():
    trace = read("words-of-a-stranger")
    assert trace is not None
    page = ts.html(trace).split('<script type="application', 1)[0]
    for word in ("LD_PRELOAD", "curl evil", "evil/m --trust-remote-code"):
        assert f"copy {word}" not in page
    shown = page.split("<dt>command</dt>")[1].split("</dd>")[0] if "<dt>command</dt>" in page else ""
    assert "LD_PRELOAD" not in shown
    assert "curl" not in shown
    assert "--trust-remote-code" not in shown


def test_a_file_of_this_name_stands_for_each_kind():
    assert len(FILES) == 11
