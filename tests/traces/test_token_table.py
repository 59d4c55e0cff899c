"""One row a token: what `trace.table()` gives to pandas, polars and numpy."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support import synthetic_traces

from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.settings import CheckSettings


@pytest.fixture(scope="module")
def checked():
    return analysed(synthetic_traces.decided(), check=CheckSettings("grep -q return {file}"))


def test_every_token_has_a_row_and_every_column_as_many(checked):
    table = checked.table()
    assert {len(values) for values in table.values()} == {len(checked.nodes)}
    assert b"".join(text.encode() for text in table["text"][checked.main]) == checked.text(checked.main)
    assert np.array_equal(table["surprisal"], checked.nodes.surprisal, equal_nan=True)
    for number in range(len(checked.branches)):
        assert set(table["branch"][checked.branch(number)].tolist()) == {number}
    assert (table["branch"] >= 0).sum() == checked.branches.count.sum()


def test_lines_and_kinds_are_those_of_the_program(checked):
    table = checked.table()
    text = checked.texts[0]
    lines = text.bytes.decode().splitlines()
    for node in checked.output.tolist():
        word = table["text"][node].strip("\n ")
        if word and "\n" not in table["text"][node]:
            assert word in lines[table["line"][node] - 1]
    assert "return" in table["kind"].tolist()


def test_the_line_of_a_branch_s_token_is_that_of_its_program(checked):
    table = checked.table()
    for number in range(len(checked.branches)):
        program = checked.programs.of_branch(number)
        places = checked.token_places(program.nodes)
        start = dict(zip(program.nodes.tolist(), places.start.tolist(), strict=True))
        for node in checked.branch(number).tolist():
            assert table["line"][node] == 1 + program.text[: start[node]].count(b"\n")


def test_a_verdict_is_that_of_the_token_s_program(checked):
    table = checked.table()
    verdicts = {1: "pass", 2: "fail", 3: "time out"}
    said = {
        branch: verdicts[code]
        for branch, code in zip(checked.checks.branch.tolist(), checked.checks.result.tolist(), strict=True)
    }
    assert said
    assert set(table["verdict"][checked.prompt].tolist()) == {""}
    assert set(table["verdict"][checked.output].tolist()) == {said.get(-1, "")}
    for number in range(len(checked.branches)):
        assert set(table["verdict"][checked.branch(number)].tolist()) == {said.get(number, "")}


def test_files_are_named_line_by_line():
    trace = synthetic_traces.changed()
    table = trace.table()
    for file in trace.files:
        assert set(table["file"][file.nodes].tolist()) == {file.source}
        assert table["line"][file.nodes[0]] == 1
    assert set(table["origin"].tolist()) == {"scored"}
