"""The program as bytes: of a completion, a hole, a chat; what was written behind it is neither in it nor in any figure."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.reports.test_review import PROMPT, hole
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.analysis.runnable import finished_programs
from tokenscope_trace.analysis.structure import Code
from tokenscope_trace.errors import PromptError
from tokenscope_trace.reports.code import kept_code, kept_output, written_code
from tokenscope_trace.reports.json_report import json_document
from tokenscope_trace.reports.summary import summarise
from tokenscope_trace.traces.schema import BranchEnd

BEGIN = "".join(PROMPT)


def ending(kept, why, *, output, prompt=PROMPT, finish="stop-string", twigs=(), **program):
    """A recording whose program is known to end after `kept` bytes of the output."""
    facts = {"until": "function", "kept": len("".join(prompt).encode()) + kept, "why": why, "repeats": None, "broken": False}
    return recorded(prompt, output, twigs, finish=finish, program={**facts, **program})


def test_a_completion_is_prompt_and_output_up_to_its_end():
    assert kept_code(recorded(PROMPT, ["    return 1\n", END])) == (BEGIN + "    return 1\n").encode()
    trace = ending(13, "stop-string", output=["    return 1\n", "\ndef", " sub"])
    assert kept_code(trace) == (BEGIN + "    return 1\n").encode()
    assert kept_output(trace).tolist() == [2]


def test_a_token_that_the_end_lies_in_is_of_the_program_and_only_its_own_bytes_are_written():
    trace = ending(13, "stop-string", output=["    return 1", "\n\ndef", " sub"])
    assert kept_code(trace) == (BEGIN + "    return 1\n").encode()
    assert kept_output(trace).tolist() == [2, 3]


def test_a_hole_is_the_file_with_its_hole_filled():
    trace = hole(["        item.push", "()"])
    assert (
        kept_code(trace)
        == b"class Stack:\n    def push(self, item):\n        item.push()\n    def pop(self):\n        return 1\n"
    )
    start = len(b"class Stack:\n    def push(self, item):\n        item.push")
    cut = trace.replaced({**trace.run, "program": {"until": "text", "kept": start, "why": "stop-string"}}, {})
    assert (
        kept_code(cut)
        == b"class Stack:\n    def push(self, item):\n        item.push\n    def pop(self):\n        return 1\n"
    )


def chat(*answer):
    trace = recorded(["How?\n```python\nx = 0\n```\n"], [*answer, END], source="q.md", finish="end-of-text")
    return analysed(trace.replaced({**trace.run, "prompt": {**trace.run["prompt"], "kind": "chat"}}, {}))


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (["Like this:\n```python\n", "def f():\n", "    return 1\n", "```\nDone.\n"], b"def f():\n    return 1\n"),
        (["```python\na = 1\n```\nand\n", "```python\nb = 2\n", "```\n"], b"a = 1\nb = 2\n"),
        (["```python\na = 1\n```\n", "```javascript\nlet b = 2\n```\n"], b"a = 1\n"),
        (["```python\n", "a = 1\nb ="], b"a = 1\nb ="),
        (["```python\n", "a = 1\n```\n", "```python\n>>> f(\n", "```\n", "```python\n", "b = 2\n```\n"], b"a = 1\nb = 2\n"),
    ],
)
def test_a_chat_is_its_fenced_code_as_the_check_takes_it(answer, code):
    trace = chat(*answer)
    assert kept_code(trace) == code
    assert [program.text for program in finished_programs(trace, Code(trace, None))] == [code]


def test_what_holds_no_program_is_refused_with_the_reason():
    with pytest.raises(PromptError, match="holds no fenced code"):
        written_code(chat("You cannot.\n"))
    with pytest.raises(PromptError, match="code that exists"):
        written_code(analysed(synthetic_traces.scored()))


def test_figures_are_those_of_the_program_and_say_how_many_tokens_are_left_out():
    output = [Word("    return", 0.5), " 1\n", Word("\ndef", 0.001), Word(" sub", 0.001)]
    trace = analysed(ending(13, "stop-string", output=output))
    whole = analysed(recorded(PROMPT, output, finish="stop-string"))
    summary = summarise(trace)
    assert {name: figures[-1] for name, *figures in summary.numbers}["tokens"] == "2"
    assert "2 tokens behind the end of the program are in no figure." in summary.sentences
    assert [place.token for place in summary.places] == ["····return"]
    assert "def" not in "".join(part.text for part in summary.output)
    assert len(summarise(whole).places) == 3
    document = json.loads(json_document(trace))
    assert (document["summary"]["output"]["tokens"], document["summary"]["left_out"]) == (2, 2)
    assert document["summary"]["output"]["perplexity"] == pytest.approx(2**0.5)
    assert [token["in_program"] for token in document["tokens"]] == [True, True, False, False]
    assert json.loads(json_document(whole))["summary"]["left_out"] == 0


def test_the_lines_behind_a_hole_are_those_of_the_program():
    trace = hole(["        item.push()", "\n\n\nx"])
    start = len(b"class Stack:\n    def push(self, item):\n        item.push()")
    cut = trace.replaced({**trace.run, "program": {"until": "text", "kept": start, "why": "stop-string"}}, {})
    summary = summarise(cut)
    rows = {row.number: "".join(part.text for part in row.passages) for row in summary.after_rows}
    assert rows[summary.after_line + 1].startswith("    def pop")
    assert summary.after_line == 3


def test_a_branch_has_an_end_of_its_own():
    twig = Twig(2, [" 2\n", "\ndef", " mul"], [0.4], BranchEnd.STOP_STRING)
    trace = ending(13, "stop-string", output=["    return", Word(" 1\n", 0.5, {" 2\n": 0.4}), "\ndef"], twigs=[twig])
    outcomes = {name: np.zeros(1, dtype) for name, dtype in (("outcome", np.uint8), ("scope", np.uint8))}
    kept = np.array([len(BEGIN) + 13], np.uint32)
    bytes_ = {name: np.zeros(1, np.uint32) for name in ("start", "main_end", "branch_end")}
    trace = trace.replaced(trace.run, {"outcomes": {**outcomes, **bytes_, "kept": kept}})
    assert trace.programs.of_branch(0).text == (BEGIN + "    return 2\n").encode()
