"""Structure of recordings whose code stands in fences: of lists, of quotations, of messages."""

from __future__ import annotations

import pytest
from tests.support import synthetic_traces
from tests.support.code_traces import Twig, recorded

from tokenscope_trace.analysis.runnable import program_text
from tokenscope_trace.analysis.structure import Code, add_structure
from tokenscope_trace.traces.schema import Outcome, Scope


def chat(question, answer, segments=None):
    start, end = b"<|im_start|>", b"<|im_end|>"
    prompt = [start, b"user\n", *question, end, b"\n", start, b"assistant\n"]
    return synthetic_traces.make(
        prompt, [*answer, end], kind="chat", special=[start, end], finish="end-of-text", source="q.md", segments=segments
    )


QUESTION = [b"What is wrong?\n", b"```python\n", b"def f(:\n", b"    return"]
ANSWER = [b"Sure:\n", b"\n", b"```js\n", b"f", b"();\n", b"```\n"]


@pytest.mark.parametrize("segments", [None, [("control", 2), ("text", 4), ("control", 4)]])
def test_an_open_fence_of_the_question_does_not_swallow_the_answer(segments):
    trace = add_structure(chat(QUESTION, ANSWER, segments))
    assert [one.language for one in trace.syntax.passages] == ["python", "javascript"]
    (call,) = [span for span in trace.syntax.spans(0, "statement") if span.kind == "expression_statement"]
    text = trace.text(trace.main, special=False)
    assert text[call.start : call.end] == b"f();"
    first = trace.syntax.passages[0]
    assert trace.syntax.end[first.first : first.end].max() <= text.index(b"assistant")
    assert trace.facts.program.broken is False


def test_a_text_that_is_no_chat_goes_on_in_its_own_fence():
    trace = add_structure(recorded(["# A\n", "```python\n", "x = ("], ["1", ")\n", "```\n"], source="a.md"))
    assert trace.breaks == ()
    (passage,) = trace.syntax.passages
    assert "parenthesized_expression" in [trace.syntax.kind[row] for row in range(passage.first, passage.end)]


@pytest.mark.parametrize("margin", ["  ", "> ", "   "])
def test_code_in_a_list_or_a_quotation_is_compared_and_runs_without_what_stands_before_its_lines(margin):
    opening = {"  ": "- a\n\n  ", "> ": "> ", "   ": "   "}[margin]
    prompt = [f"{opening}```python\n", f"{margin}def f(x):\n"]
    output = [f"{margin}    return", " x", "\n", f"{margin}```\n", "\nDone.\n"]
    twigs = [
        Twig(2, [" (x)", "\n", f"{margin}```\n"]),
        Twig(2, [" x + 1", "\n", f"{margin}```\n"]),
        Twig(2, [" x )", "\n", f"{margin}```\n"]),
    ]
    trace = add_structure(recorded(prompt, output, twigs, source="a.md", finish="end-of-text"))
    assert trace.outcomes.outcome.tolist() == [Outcome.SAME_PROGRAM, Outcome.OTHER_EXPRESSION, Outcome.DOES_NOT_PARSE]
    assert set(trace.outcomes.scope.tolist()) == {Scope.WHOLE}
    code = Code(trace, None)
    assert program_text(code, code.programs.main) == b"def f(x):\n    return x\n"
    assert program_text(code, code.programs.of_branch(1)) == b"def f(x):\n    return x + 1\n"
    text = trace.text(trace.main)
    (function,) = [span for span in trace.syntax.spans(0, "block") if span.kind == "function_definition"]
    assert text[function.start : function.end] == f"def f(x):\n{margin}    return x".encode()
