"""Recordings that a stranger made, each named after its kind: whatever is asked of one that is read ends in its right answer, or in one
sentence; those that would take too much of a reader are refused, each in its own sentence.

What breaks the format's form stands in the folder above, with make.py.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import pytest

import tokenscope_trace as ts
from tokenscope_trace.errors import TokenScopeError
from tokenscope_trace.traces.trace import Trace

FOLDER = Path(__file__).parent / "strangers"
REFUSED = {
    "a-hundred-thousand-branches-in-each-other": "the table branches has 100,000 rows, over the limit.",
    "a-thousand-options-of-one-decision": "a token of it has 4,280 bytes, the limit is 4,096.",
    "a-token-of-bytes-that-are-no-text": "a token of it has 150,000 bytes, the limit is 4,096.",
    "letters-of-another-alphabet-without-end": "a token of it has 1,000,000 bytes, the limit is 4,096.",
    "one-file-of-that-name": "a token of it has 100,000 bytes, the limit is 4,096.",
    "passage-of-a-text-that-is-not-there": "a passage belongs to no text.",
    "two-thousand-branches-in-each-other": "2,000 of its branches stand behind each other, the limit is 256.",
}
READ = {"temperature-that-divides-nothing", "two-files-of-one-name", "very-many-files-of-one-name", "words-of-a-stranger"}
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


def read(name: str) -> Trace:
    return ts.Trace.load(FOLDER / f"{name}.tsc")


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


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_would_take_too_much_is_refused_in_its_own_sentence(name):
    with pytest.raises(TokenScopeError) as refused:
        read(name)
    assert str(refused.value) == f"cannot read {FOLDER / name}.tsc: {REFUSED[name]}"


@pytest.mark.parametrize("consumer", CONSUMERS)
@pytest.mark.parametrize("name", sorted(READ))
def test_whatever_is_asked_of_it_ends_in_an_answer_or_in_a_sentence(name, consumer):
    trace = read(name)
    said = answer(consumer, trace)
    assert not {character for character in said if character < " "} - {"\n", "\r", "\t"}
    if said and consumer in ("json", "sarif", "without strings"):
        json.loads(said, parse_constant=pytest.fail)


def test_files_of_one_name_are_told_apart_and_each_is_compared_with_itself():
    trace = read("two-files-of-one-name")
    notes = json.loads(ts.sarif(trace))["runs"][0]["results"]
    assert len({note["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for note in notes}) > 1 or len(notes) < 2
    assert "differ." not in ts.html(ts.compare(trace, trace)).split("<h1>")[1].split("</h1>")[0]


def test_a_stranger_s_words_are_offered_as_no_command_and_named_as_the_trace_s():
    trace = read("words-of-a-stranger")
    page = ts.html(trace).split('<script type="application', 1)[0]
    for word in ("LD_PRELOAD", "curl evil", "evil/m --trust-remote-code"):
        assert f"copy {word}" not in page
    shown = page.split("<dt>command</dt>")[1].split("</dd>")[0] if "<dt>command</dt>" in page else ""
    assert "LD_PRELOAD" not in shown
    assert "curl" not in shown
    assert "--trust-remote-code" not in shown


def test_a_verdict_stands_here_for_each_file():
    assert {path.stem for path in FOLDER.glob("*.tsc")} == {*REFUSED, *READ}
