"""Where a recording was least certain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tests.support import synthetic_traces
from tests.support.tables import NAN, UNREAD, small_run, typed

from tokenscope_trace import Trace
from tokenscope_trace.analysis.uncertainty import (
    best_other,
    changed_lines,
    changed_nodes,
    least_certain_lines,
    near_certain,
    perplexity,
    ranked_files,
    surprised,
)

LN2 = math.log(2)


def trace_of(words, prompt, bits, *, alternatives=(), kind="text", segments=None):
    """A path of distinct tokens: `prompt` of them are prompt, the rest output with these bits of surprisal."""
    count = len(words)
    missing = [NAN] * count
    logprob = [NAN] * prompt + [-value * LN2 for value in bits]
    counts = [0] * count
    if alternatives:
        counts[-1] = len(alternatives)
    data = b"".join(words)
    tables = typed(
        {
            "nodes": {
                "parent": list(range(-1, count - 1)),
                "token_id": list(range(count)),
                "origin": [0] * prompt + [1] * (count - prompt),
                "logprob": logprob,
                "rank": [0] * count,
                "alternative_count": counts,
                **dict.fromkeys(("entropy", "margin", "gap", "tail", "sampled_logprob", "sampled_tail"), missing),
            },
            "alternatives": {
                "token_id": [id_ for id_, _ in alternatives],
                "logprob": [math.log(p) for _, p in alternatives],
                "sampled_logprob": [NAN] * len(alternatives),
            },
            "tokens": {"id": list(range(count)), "special": [0] * count, "byte_count": [len(word) for word in words]},
            "token_bytes": {"byte": list(data)},
            "spellings": {"node": [], "byte_count": []},
            "spelling_bytes": {"byte": []},
        }
    )
    segments = segments or [{"role": "text", "first": 0, "end": prompt}]
    return Trace(small_run(main_leaf=count - 1, prompt={"kind": kind, "segments": segments}, **UNREAD), tables)


def test_perplexity_is_two_to_the_mean_surprisal():
    assert perplexity(np.array([NAN, -LN2, -3 * LN2], np.float32)) == pytest.approx(4)
    assert math.isnan(perplexity(np.array([NAN], np.float32)))


def test_near_certain_counts_what_was_measured():
    assert near_certain(np.array([NAN, 0.0, 0.09, 0.2], np.float32)) == (2, 3)


def test_lines_add_up_their_tokens_and_name_the_worst():
    words = [b"def f():", b"\n    ", b"return", b" 1", b"\n", b"x = ", b"2"]
    lines = least_certain_lines(trace_of(words, 1, [0.5, 3.0, 1.0, 0.25, 2.0, 1.5]), 2)
    assert [(line.number, line.text, line.bits, line.node) for line in lines] == [
        (2, "    return 1", pytest.approx(4.25), 2),
        (3, "x = 2", pytest.approx(3.5), 5),
    ]


def test_a_hole_s_lines_are_those_of_the_file():
    words = [b"<P>", b"a = ", b"<S>", b"\nb\n", b"<M>", b"1", b"\nc"]
    roles = ["control", "prefix", "control", "suffix", "control"]
    segments = [{"role": role, "first": place, "end": place + 1} for place, role in enumerate(roles)]
    lines = least_certain_lines(trace_of(words, 5, [2.0, 1.0], kind="fim", segments=segments), 5)
    assert [(line.number, line.text) for line in lines] == [(1, "a = 1")]
    assert lines[0].bits == pytest.approx(3)


def test_the_best_other_token_is_not_the_one_that_stands_there():
    trace = trace_of([b"a", b"b", b"c"], 1, [1.0, 1.0], alternatives=[(2, 0.5), (1, 0.25)])
    assert best_other(trace, 2) == (1, pytest.approx(0.25))
    assert best_other(trace, 1) is None


def test_lines_of_scored_files_come_changed_first_each_with_its_file():
    trace = synthetic_traces.scored({"a.py": "x = 1\ny = 2\n", "b.py": "z = 3\nw = 4\n"}, changed={"b.py": [[2, 2]]})
    lines = least_certain_lines(trace, 9)
    assert (lines[0].file, lines[0].number, lines[0].changed) == ("b.py", 2, True)
    assert sorted((line.file, line.number) for line in lines) == [("a.py", 1), ("a.py", 2), ("b.py", 1), ("b.py", 2)]
    assert [line.bits for line in lines[1:]] == sorted((line.bits for line in lines[1:]), reverse=True)
    assert {line.text for line in lines} == {"x = 1", "y = 2", "z = 3", "w = 4"}
    for line in lines:
        file = next(file for file in trace.files if file.source == line.file)
        assert line.node in file.nodes


def test_files_with_changes_come_first_the_most_surprising_ones_before_others():
    files = {f"{name}.py": synthetic_traces.OUTPUT * times for name, times in {"a": 1, "b": 4, "c": 1, "d": 2}.items()}
    trace = synthetic_traces.scored(files, changed={"a.py": [[1, 2]], "c.py": [[1, 9]], "d.py": []})
    ranked = ranked_files(trace)
    assert {file.source for file in ranked[:2]} == {"a.py", "c.py"}
    bits = [float(np.nansum(trace.nodes.surprisal[changed_nodes(file)])) for file in ranked[:2]]
    assert bits == sorted(bits, reverse=True)
    assert [file.source for file in ranked[2:]] == ["b.py", "d.py"]
    assert [changed_lines(file) for file in ranked[2:]] == [0, 0]


def test_surprised_counts_from_one_bit_on():
    assert surprised(np.array([NAN, 0.99, 1.0, 7.0], np.float32)) == (2, 3)
