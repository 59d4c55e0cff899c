"""Two recordings beside each other: where they part, which lines and decisions differ, what moved."""

from __future__ import annotations

import html

import numpy as np
import pytest
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.alignment import WORK
from tokenscope_trace.analysis.pipeline import analysed, with_checks
from tokenscope_trace.comparison import text_pairs
from tokenscope_trace.comparison.line_rows import ROWS
from tokenscope_trace.comparison.page import compared_page
from tokenscope_trace.comparison.side_by_side import DOUBTFUL, compare
from tokenscope_trace.errors import TraceError
from tokenscope_trace.settings import CheckSettings
from tokenscope_trace.traces.schema import BranchEnd

PROMPT = ["def most(values):\n"]
TAIL = ["    return best\n", END]
SAME = {"model": {"id": "tiny", "tokenizer_sha256": "aa"}}
OTHER = {"model": {"id": "other", "tokenizer_sha256": "bb"}}


def one(**facts):
    output = ["    best", " = ", Word("values", 0.5, {"max": 0.3}), "[0]\n", Word("    sort", 0.5), "(best)\n", *TAIL]
    twigs = [Twig(2, ["max", "(values)\n", *TAIL], [0.3], BranchEnd.END_OF_TEXT)]
    return analysed(recorded(PROMPT, output, twigs, finish="end-of-text", **(facts or SAME)))


def two(**facts):
    output = [
        "    best",
        " = ",
        Word("max", 0.6, {"values": 0.2}),
        "(values)\n",
        Word("    sort", 1 / 64),
        "(best)\n",
        *TAIL,
    ]
    twigs = [Twig(2, ["values", "[0]\n", *TAIL], [0.2], BranchEnd.END_OF_TEXT)]
    return analysed(recorded(PROMPT, output, twigs, finish="end-of-text", **(facts or SAME)))


def test_it_says_where_they_part_and_how_likely_that_was():
    found = compare(one(), two())
    assert found.headline == "The recordings part on line 2."
    assert found.sentences[:2] == (
        "There A wrote “values” (50.0 %), B wrote “max” (60.0 %).",
        "A gave B's choice 30.0 %.",
    )
    assert [side.model for side in found.sides] == ["tiny", "tiny"]
    assert found.sides[0].bits == "2.00"


def test_lines_stand_beside_each_other_with_their_bits():
    rows = compare(one(), two()).files[0].rows
    assert [(row.kind, row.number_a, row.number_b, row.bits_a, row.bits_b, row.change, row.step) for row in rows] == [
        ("same", "1", "1", "–", "–", "", 0),
        ("changed", "2", "2", "1.00", "0.74", "", 0),
        ("same", "3", "3", "1.00", "6.00", "+5.00", 2),
        ("same", "4", "4", "0.00", "0.00", "0", 0),
    ]
    assert (rows[1].text_a, rows[1].text_b) == ("    best = values[0]", "    best = max(values)")


def test_decisions_that_fell_otherwise_say_what_the_other_wrote_and_who_foresaw_it():
    flips = compare(one(), two()).flips
    assert [(flip.letter, flip.line, flip.written, flip.instead, flip.foreseen) for flip in flips] == [
        ("A", 2, "values[0]", "max(values)", "30.0 %"),
        ("B", 2, "max(values)", "values[0]", "20.0 %"),
    ]


def test_tokens_are_compared_with_tokens_where_the_tokenizer_is_the_same():
    found = compare(one(), two())
    assert found.moved_what == "tokens"
    assert [(row.line, row.text, row.bits_a, row.bits_b, row.change) for row in found.moved] == [
        (3, "····sort", "1.00", "6.00", "+5.00")
    ]


def test_statements_are_compared_where_it_is_not():
    found = compare(one(), two(**OTHER))
    assert found.moved_what == "statements"
    # Half of the token's bytes are the indentation, so half of its surprisal is the statement's.
    assert [(row.line, row.text, row.change) for row in found.moved] == [(3, "sort(best)", "+2.50")]
    assert any("tokenizers differ" in sentence for sentence in found.sentences)
    assert not any("B's choice" in sentence for sentence in found.sentences)


def test_tokens_of_other_borders_share_a_line_by_their_bytes():
    split = analysed(recorded(PROMPT, [Word("    so", 0.5), Word("rt(be", 0.25), "st)\n"], **OTHER))
    whole = analysed(recorded(PROMPT, [Word("    sort(best)\n", 0.5)], **SAME))
    row = compare(whole, split).files[0].rows[1]
    assert (row.kind, row.bits_a, row.bits_b, row.change) == ("same", "1.00", "3.00", "+2.00")


def test_equal_recordings_are_equal():
    found = compare(one(), one())
    assert found.headline == "Both recordings are of the same text."
    assert found.flips == found.moved == ()
    assert {row.kind for row in found.files[0].rows} == {"same"}


def test_scored_files_are_matched_by_name():
    files = {"a.py": "x = 1\ny = 2\n", "b.py": "z = 3\n"}
    found = compare(
        synthetic_traces.scored(files, seed=1),
        synthetic_traces.scored({**files, "a.py": "x = 1\ny = 3\n", "c.py": "w = 4\n"}, seed=2),
    )
    assert found.headline == "1 of 2 files differ."
    assert [file.source for file in found.files] == ["a.py", "b.py"]
    assert "1 file of only one of them is left out." in found.sentences


def test_each_file_is_compared_with_at_most_one_and_all_share_the_work():
    def many(count, letter):
        trace = synthetic_traces.scored({f"{i}.py": f"{letter}\n" for i in range(count)})
        return trace.replaced({**trace.run, "files": [{**file, "source": "a.py"} for file in trace.run["files"]]}, {})

    with_work = []
    align = text_pairs.align

    def noted(a, b, work):
        with_work.append(work)
        return align(a, b, work)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_pairs, "align", noted)
        found = compare(many(40, "x"), many(30, "y"))
    assert len(found.files) == len(with_work) == 30
    assert sum(with_work) <= WORK
    assert found.headline == "30 of 30 files differ."
    assert "10 files of only one of them are left out." in found.sentences


def test_files_of_one_name_are_compared_in_their_order_each_with_one(tmp_path):
    def alike(*texts):
        trace = synthetic_traces.scored({f"{i}.py": text for i, text in enumerate(texts)})
        return trace.replaced({**trace.run, "files": [{**file, "source": "util.py"} for file in trace.run["files"]]}, {})

    first = alike("a = 1\n", "b = 2\n")
    same = compare(first, first)
    assert same.headline == "Both recordings are of the same files."
    assert [file.source for file in same.files] == ["util.py", "(2)/util.py"]
    assert compare(first, alike("a = 1\n", "b = 3\n")).headline == "1 of 2 files differ."
    assert len(compare(alike(*"abcdefgh"), alike("a")).files) == 1


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (synthetic_traces.scored, synthetic_traces.plausible),
        (lambda: synthetic_traces.scored({"a.py": "x\n"}), lambda: synthetic_traces.scored({"b.py": "x\n"})),
    ],
)
def test_what_cannot_be_compared_is_refused_in_a_sentence(first, second):
    with pytest.raises(TraceError, match="compare two of"):
        compare(first(), second())


def test_long_equal_texts_are_left_out_but_for_what_is_around_differences():
    same = [f"    x{i} = {i}\n" for i in range(200)]
    first = recorded(PROMPT, [*same, "    return 1\n"], **SAME)
    second = recorded(PROMPT, [*same, "    return 2\n"], **SAME)
    (file,) = compare(first, second).files
    assert [row.kind for row in file.rows] == ["same", "same", "same", "changed"]
    assert file.rows[0].before == 198
    assert file.left_out == 198


def test_the_page_holds_both_and_runs_nothing():
    page = compared_page(one(), two(), title="Before and after")
    assert "<title>Before and after" in page
    assert "<script" not in page
    assert "default-src 'none'; style-src 'sha256-" in html.unescape(page)
    assert page.count('<tr class="changed">') == 1
    assert page == compared_page(one(), two(), title="Before and after")
    assert len(compared_page(one(), one())) < 40_000


HOLDS_MAX = CheckSettings("sh -c 'grep -q max {file} || { echo no max here; exit 1; }'")


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ((HOLDS_MAX, HOLDS_MAX), "A fails the check, B passes the check."),
        ((HOLDS_MAX, None), "A fails the check, B has no check."),
        ((None, HOLDS_MAX), "A has no check, B passes the check."),
        ((CheckSettings("true {file}"), HOLDS_MAX), "Both pass the check."),
        ((CheckSettings("no-such-command-here {file}"), HOLDS_MAX), "A could not be checked, B passes the check."),
        ((None, None), ""),
    ],
)
def test_what_the_checks_said_of_both_stands_on_the_page(checks, verdict):
    pair = [with_checks(trace, None, check) if check else trace for trace, check in zip((one(), two()), checks, strict=True)]
    found = compare(*pair)
    page = compared_page(*pair).split("</style>")[1]
    assert found.verdict == verdict
    assert [bool(side.check) for side in found.sides] == [check is not None for check in checks]
    assert (f'<p class="verdicts">{verdict}</p>' in page) == bool(verdict)
    assert page.count('<tr><th scope="row">verdict</th>') == bool(verdict)
    if checks[0] is HOLDS_MAX:
        assert "The output fails the check" in page
        assert "It printed “no max here”." in page


def test_machines_stand_beside_each_other_where_they_differ():
    def on(trace, threads):
        return trace.replaced({**trace.run, "machine": {"processor": "x", "threads": threads}}, {})

    assert compare(on(one(), 1), on(one(), 2)).differing == (("machine", "threads 1", "threads 2"),)
    assert compare(on(one(), 1), on(one(), 1)).differing == ()


def test_hidden_prompts_are_not_known_to_differ():
    gone = recorded(["def most(\N{FULL BLOCK}):\n"], ["    best\n"], **SAME, redacted=["prompt"])
    found = compare(one(), gone)
    assert found.headline == "Whether the prompts differ is not known."
    assert found.warning == f"{found.headline} What was left out of one may make it another question."
    assert DOUBTFUL not in found.sentences
    assert compare(gone, gone).headline == "Both recordings are of the same text."


def test_no_page_holds_more_rows_than_a_reader_can_look_at():
    def long(letter):
        return recorded(PROMPT, [f"    {letter}{i}\n" for i in range(2500)], **SAME)

    (file,) = compare(long("a"), long("b")).files
    assert len(file.rows) == ROWS
    assert (file.left_out, file.different_left_out) == (0, 501)
    page = compared_page(long("a"), long("b"))
    assert "501 lines that differ are left out" in page


def test_very_long_lines_and_tokens_are_cut():
    def wide(letter):
        return recorded(
            PROMPT,
            ["    x = '" + letter * 300_000 + "'\n", Word("    " + "z" * 300_000 + "\n", 0.5 if letter == "a" else 0.01)],
            **SAME,
        )

    found = compare(wide("a"), wide("b"))
    assert found.moved
    assert len(compared_page(wide("a"), wide("b"))) < 60_000


def test_hostile_tokens_are_text_in_the_page():
    first = analysed(synthetic_traces.hostile_branches())
    page = compared_page(first, analysed(synthetic_traces.hostile()))
    for sink in ("<img", "<script", "<svg", "<!--"):
        assert sink not in page.split("</style>")[1]
    assert "\u202e" not in page


def test_aggregates_are_those_of_the_tokens():
    trace = one()
    found = compare(trace, two())
    assert float(found.sides[0].bits) == pytest.approx(float(np.nansum(trace.nodes.surprisal[trace.output])), abs=0.01)


def test_the_head_says_which_file_is_which_and_how_they_were_recorded_otherwise():
    def dated(trace, day, limit, sampled):
        run = {**trace.run, "clock": {**trace.run["clock"], "created": day}}
        run["sampling"] = {**run["sampling"], "max_new_tokens": limit, "do_sample": sampled, "temperature": 0.7}
        return trace.replaced(
            {**run, "model": {**run["model"], "weights_sha256": f"{limit:02d}" * 32, "dtype": "float32"}}, {}
        )

    pair = dated(one(), "2026-01-02T03:04:05Z", 10, False), dated(two(), "2026-02-03T04:05:06Z", 20, True)
    found = compare(*pair, names=("before.tsc", "after.tsc"))
    assert [(side.name, side.recorded, side.settings) for side in found.sides] == [
        ("before.tsc", "2026-01-02 03:04 UTC", "greedy"),
        ("after.tsc", "2026-02-03 04:05 UTC", "sampled, temperature 0.7"),
    ]
    assert {name: rest for name, *rest in found.differing} == {
        "weights": ["sha256 101010101010…", "sha256 202020202020…"],
        "limit": ["10 tokens", "20 tokens"],
    }
    head = compared_page(*pair, names=("before.tsc", "after.tsc")).split("<main")[0]
    assert head.index("before.tsc") < head.index("after.tsc") < head.index("2026-01-02") < head.index("20 tokens")
    assert compare(one(), one()).differing == ()


def test_different_prompts_are_the_headline_and_a_warning():
    other = analysed(recorded(["def least(values):\n"], ["    return 1\n"], **SAME))
    found = compare(one(), other)
    assert found.headline == "The prompts differ."
    assert found.sentences[:2] == (DOUBTFUL, "The recordings part on line 1.")
    assert not any(" wrote " in sentence for sentence in found.sentences), "the models wrote nothing of where they part"
    assert found.warning == f"The prompts differ. {DOUBTFUL}"
    assert "<h1>The prompts differ.</h1>" in compared_page(one(), other)
    assert compare(one(), two()).warning == ""


def test_a_chat_template_is_no_difference_of_prompts():
    def chat(before, after):
        trace = recorded([before, "sort this\n", after], ["    pass\n"], **SAME)
        parts = [("control", 0, 1), ("text", 1, 2), ("control", 2, 3)]
        segments = [{"role": role, "first": first, "end": end} for role, first, end in parts]
        return trace.replaced({**trace.run, "prompt": {**trace.run["prompt"], "kind": "chat", "segments": segments}}, {})

    assert compare(chat("user: ", "bot:\n"), chat("<u>", "<b>\n")).warning == ""
