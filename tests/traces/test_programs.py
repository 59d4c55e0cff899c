"""The program of each path: its bytes, where it forks, where it was generated, and whether it came to an end."""

from __future__ import annotations

from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, recorded

from tokenscope_trace.traces.programs import Programs
from tokenscope_trace.traces.schema import BranchEnd

OUTPUT = ["    a\n", "    b\n", "    c\n"]


def programs(*twigs, finish="length", **options):
    return Programs(recorded(["def f():\n"], OUTPUT, twigs, finish=finish, **options))


def test_the_main_path():
    main = programs().main
    assert main.text == b"def f():\n    a\n    b\n    c\n"
    assert (main.fork, main.own_end, main.written, main.ended) == (9, 27, 27, False)
    assert programs(finish="stop-string").main.ended


def test_a_branch_shares_the_text_up_to_its_fork():
    found = programs(Twig(1, ["    x\n", "y"]))
    written = found.of_branch(0)
    assert written.text == b"def f():\n    a\n    x\ny"
    assert (written.fork, written.own_end, written.written, written.ended) == (15, 22, 22, False)
    assert written.nodes.tolist() == [0, 1, 4, 5]
    assert found.departure(0) == 1


def test_a_branch_ends_with_its_text_and_control_tokens_are_no_part_of_it():
    written = programs(Twig(1, ["    x\n", END], end=BranchEnd.END_OF_TEXT)).of_branch(0)
    assert written.ended
    assert written.text == b"def f():\n    a\n    x\n"


def test_a_branch_that_rejoined_goes_on_as_the_path_it_left():
    found = programs(Twig(0, ["    ", "a\n"], end=BranchEnd.REJOINED, rejoined=1), finish="end-of-text")
    assert found.of_branch(0).text == found.main.text
    assert found.of_branch(0).ended
    assert not programs(Twig(0, ["    ", "a\n"], end=BranchEnd.REJOINED, rejoined=1)).of_branch(0).ended


def test_rejoining_a_branch_goes_on_as_that_one_does():
    found = programs(
        Twig(0, ["    x\n", "    y\n", "    z\n"], end=BranchEnd.END_OF_TEXT),
        Twig(0, ["    ", "x\n"], end=BranchEnd.REJOINED, rejoined=4),
        Twig(5, ["    w\n"]),
    )
    assert found.of_branch(1).text == found.of_branch(0).text
    assert found.of_branch(1).ended
    nested = found.of_branch(2)
    assert nested.text == b"def f():\n    x\n    y\n    w\n"
    assert (nested.fork, nested.own_start, nested.own_end) == (9, 21, 27)
    assert [found.departure(branch) for branch in range(3)] == [0, 0, 0]
    assert [found.owner(node) for node in (0, 3, 4, 6, 8, 9)] == [-1, -1, 0, 0, 1, 2]


def test_what_fills_a_hole_stands_before_the_rest_of_the_file():
    trace = synthetic_traces.fill_in_the_middle()
    main = trace.programs.main
    suffix = trace.text(trace.suffix, special=False)
    assert main.text.endswith(suffix)
    assert suffix
    assert main.text[main.fork : main.written] == trace.text(trace.output, special=False)
    assert main.written == len(main.text) - len(suffix)


def test_every_branch_of_a_recording_has_the_main_path_s_text_before_it_leaves_it():
    for trace in (synthetic_traces.branching(), synthetic_traces.decided(), synthetic_traces.forest(2000)):
        found = trace.programs
        for branch, (first, count) in enumerate(zip(trace.branches.first, trace.branches.count, strict=True)):
            written = found.of_branch(branch)
            assert written.text[: written.fork] == found.main.text[: written.fork]
            own = b"".join(trace.token_bytes(n) for n in range(first, first + count) if trace.in_program(n))
            assert written.text[written.own_start : written.own_end] == own
            assert written.fork <= written.own_start <= written.own_end <= written.written <= len(written.text)
