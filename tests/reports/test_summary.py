import re

import numpy as np
import pytest
from tests.support import synthetic_traces

from tokenscope_trace.analysis.uncertainty import changed_nodes
from tokenscope_trace.reports.excerpts import OUTPUT_BYTES, ExcerptPart, excerpt_rows
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.review import make_review
from tokenscope_trace.reports.summary import summarise
from tokenscope_trace.text import visible_text
from tokenscope_trace.traces.schema import DecisionFlag, Outcome


def test_the_headline_counts_what_was_nearly_certain():
    trace = synthetic_traces.plausible()
    certain = int(np.count_nonzero(trace.nodes.surprisal[trace.output] < 0.1))
    assert (
        summarise(trace).headline == f"The model was nearly certain of {certain} of the {len(trace.output)} tokens it wrote."
    )


def test_the_verdict_is_the_headline_else_the_decisions_are_and_certainty_follows():
    trace = synthetic_traces.decided()
    summary = summarise(trace)
    assert summary.headline == "The output passes the check; 4 of 7 finished alternatives do."
    assert summary.sentences[0] == "10 of 34 decisions shaped this code most."
    assert summary.sentences[1].startswith("The model was nearly certain of ")
    trace = trace.replaced(
        {**trace.run, "check": None}, {"checks": {k: v[:0] for k, v in trace._contents.tables["checks"].items()}}
    )
    assert summarise(trace).headline == "10 of 34 decisions shaped this code most."
    assert summarise(trace).sentences[0] == summary.sentences[1]
    assert summarise(trace).review == make_review(trace)
    all_of_them = summarise(trace.replaced({**trace.run, "decisions": {"found": 10}}, {}))
    assert all_of_them.headline == "10 decisions shaped this code."
    tables = trace._contents.tables["decisions"]
    taste = {"decisions": {**tables, "flags": np.full(10, DecisionFlag.TASTE, np.uint8)}}
    assert summarise(trace.replaced(trace.run, taste)).headline == "10 of 34 decisions shaped this code most.", "not so"
    outcomes = trace._contents.tables["outcomes"]
    for outcome, begin in {
        Outcome.RENAMED: "What else was likely would have changed names and notation, nothing more.",
        Outcome.NOT_COMPARED: "10 decisions about names and wording, none about more.",
        Outcome.DOES_NOT_PARSE: "10 of 34 decisions shaped this code most.",
    }.items():
        same = {"outcomes": {**outcomes, "outcome": np.full_like(outcomes["outcome"], outcome)}}
        assert summarise(trace.replaced(trace.run, {**taste, **same})).headline == begin
    options = trace._contents.tables["decision_options"]
    unexplored = {"decision_options": {**options, "branch": np.full_like(options["branch"], -1)}}
    assert (
        summarise(trace.replaced(trace.run, {**taste, **unexplored})).headline == "10 of 34 decisions shaped this code most."
    )


def test_a_recording_without_decisions_has_no_review():
    assert summarise(synthetic_traces.plausible()).review is None
    assert summarise(synthetic_traces.changed()).review is None


def test_the_perplexity_is_that_of_the_output():
    trace = synthetic_traces.plausible()
    expected = np.exp(-trace.nodes.logprob[trace.output].astype(float).mean())
    assert f"The perplexity of the output is {expected:.2f}." in " ".join(summarise(trace).sentences)


def test_an_empty_output_has_its_own_words():
    summary = summarise(synthetic_traces.empty())
    assert summary.headline == "The model wrote nothing."
    assert summary.output == ()
    assert summary.places == ()
    assert (summary.numbers[2][0], summary.numbers[2][2]) == ("perplexity", "–")


@pytest.mark.parametrize(
    ("finish", "words"),
    [
        ("end-of-text", "ended the text"),
        ("stop-string", "stop string"),
        ("length", "limit of 3 tokens"),
        ("context", "context was full"),
        ("interrupted", "ended early"),
    ],
)
def test_each_finish_has_its_sentence(finish, words):
    trace = synthetic_traces.make([b"a"], [b"b", b"c", b"d"], finish=finish)
    assert words in summarise(trace).sentences[-1]


def test_the_least_certain_tokens_come_first_with_what_else_was_likely():
    trace = synthetic_traces.sampled()
    places = summarise(trace).places
    surprisal = trace.nodes.surprisal
    nodes = [place.node for place in places]
    assert nodes == sorted(nodes, key=lambda node: -surprisal[node])
    assert all(trace.nodes.origin[node] == 1 and surprisal[node] >= 1 for node in nodes)
    assert max(surprisal[trace.output]) == surprisal[nodes[0]]
    for place in places:
        assert len(place.instead) == 2
        assert trace.text(trace.main[: place.node]).count(b"\n") + 1 == place.line


def test_numbers_are_those_of_the_columns():
    trace = synthetic_traces.plausible()
    rows = {name: (prompt, output) for name, prompt, output in summarise(trace).numbers}
    surprisal = trace.nodes.surprisal[trace.output].astype(float)
    assert rows["tokens"] == (f"{len(trace.prompt)}", f"{len(trace.output)}")
    assert rows["measured"] == (f"{len(trace.prompt) - 1}", f"{len(trace.output)}")
    assert rows["surprisal, sum"][1] == f"{surprisal.sum():.2f} bits"
    assert rows["surprisal, largest"][1] == f"{surprisal.max():.2f} bits"
    assert rows["entropy, mean"][1] == f"{trace.nodes.entropy[trace.output].astype(float).mean():.2f} bits"


def test_the_output_is_whole_and_marks_the_least_certain():
    trace = synthetic_traces.plausible()
    summary = summarise(trace)
    assert "".join(passage.text for passage in summary.output) == trace.text(trace.output).decode()
    assert {passage.node for passage in summary.output} - {None} == {place.node for place in summary.places}


def test_marks_never_cut_a_character():
    for seed in range(20):
        trace = synthetic_traces.make([b"x"], ["é".encode()[:1], "é".encode()[1:], b"y", b"\xff"] * 5, seed=seed)
        text = "".join(passage.text for passage in summarise(trace).output)
        assert text == "éy\\xFF" * 5


def test_a_long_output_is_capped_and_says_by_how_much():
    trace = synthetic_traces.large(20_000)
    summary = summarise(trace)
    shown = sum(len(passage.text) for passage in summary.output)
    assert OUTPUT_BYTES - 100 < shown <= OUTPUT_BYTES
    assert summary.output_left_out > 0


def test_a_long_prompt_shows_the_lines_next_to_the_output():
    prompt = "".join(f"line {i}\n" for i in range(100))
    summary = summarise(synthetic_traces.make(synthetic_traces.split(prompt), [b"x"]))
    assert summary.before_left_out == 60
    assert summary.before.startswith("line 60\n")
    assert summary.before.endswith("line 99\n")


def test_a_hole_has_text_on_both_sides():
    summary = summarise(synthetic_traces.fill_in_the_middle())
    assert summary.before == "def area(r):\n    "
    assert "".join(passage.text for passage in summary.output) == "return 3.14159 * r ** 2"
    assert summary.after == "\n\nprint(area(2))\n"
    assert all(place.line == 2 for place in summary.places)


def test_settings_say_what_was_in_force():
    assert summarise(synthetic_traces.plausible()).settings == "greedy"
    assert summarise(synthetic_traces.sampled()).settings == "sampled, temperature 0.8, top-p 0.95, seed 7"


def test_what_is_not_known_is_left_out():
    facts = dict(summarise(synthetic_traces.plausible()).facts)
    assert "weights" not in facts
    assert "stop" not in facts
    assert facts["size"] == "LlamaForCausalLM, 12,345,678 parameters, vocabulary of 1,068, context of 2,048"
    assert "None" not in " ".join(facts.values())


def test_no_string_keeps_what_cannot_be_seen():
    summary = summarise(synthetic_traces.hostile(), title="\u202etitle")
    assert summary.title == "<U+202E>title"
    for value in [summary.source, summary.model, *summary.notes, *(text for fact in summary.facts for text in fact)]:
        assert value.isprintable(), value


def test_scored_code_leads_with_its_files_those_with_changes_first():
    trace = synthetic_traces.scored(
        {"a.py": synthetic_traces.OUTPUT * 3, "b.py": synthetic_traces.TESTS}, changed={"b.py": [[3, 5]], "a.py": []}
    )
    summary = summarise(trace)
    surprised = int(np.count_nonzero(trace.nodes.surprisal[trace.scored] >= 1))
    changed = changed_nodes(trace.files[1])
    bits = trace.nodes.surprisal[changed].astype(float)
    assert summary.headline == (
        f"The model was surprised by {np.count_nonzero(bits >= 1)} of {len(changed)} tokens in the 3 changed lines."
    )
    assert summary.sentences[0] == f"The 3 changed lines have {bits.sum():.2f} bits."
    lines = {}
    for node, value in zip(changed.tolist(), bits.tolist(), strict=True):
        line = trace.text(trace.files[1].nodes[trace.files[1].nodes < node]).count(b"\n") + 1
        lines[line] = lines.get(line, 0) + value
    most = max(lines, key=lines.get)
    assert summary.sentences[1].startswith(f"The most surprising of them is b.py, line {most} with {lines[most]:.2f}: “")
    assert f"In all 2 files that is so for {surprised} of {len(trace.scored) - 2} tokens" in " ".join(summary.sentences)
    assert [(file.source, file.changed) for file in summary.files] == [("b.py", "3"), ("a.py", "0")]
    nodes = trace.files[1].nodes
    assert summary.files[0].tokens == f"{len(nodes)}"
    assert summary.files[0].bits == f"{np.nansum(trace.nodes.surprisal[nodes].astype(float)):.2f}"
    assert (summary.title, summary.settings) == ("b.py and 1 more", "scored, changes since main")
    assert summary.columns == ("changed", "unchanged")
    assert {row[0]: row[1:] for row in summary.numbers}["tokens"] == (
        f"{len(changed_nodes(trace.files[1]))}",
        f"{len(trace.scored) - len(changed_nodes(trace.files[1]))}",
    )


def test_scored_code_that_was_compared_with_nothing_has_one_column_and_one_file_has_one_name():
    summary = summarise(synthetic_traces.scored({"a.py": synthetic_traces.OUTPUT}))
    assert (summary.title, summary.columns, summary.settings) == ("a.py", ("code",), "scored")
    assert summary.headline.endswith("tokens in one file.")
    assert summary.files[0].changed == "–"
    assert {place.file for place in summary.places} == {""}
    assert not any(place.changed for place in summary.places)


def test_the_most_surprising_places_are_on_changed_lines_first_and_say_what_was_expected():
    trace = synthetic_traces.changed()
    places = summarise(trace).places
    assert [place.changed for place in places] == sorted((place.changed for place in places), reverse=True)
    assert places[0].changed
    assert any(place.expected for place in places)
    for place in places:
        file = next(file for file in trace.files if file.source == place.file)
        assert place.line == trace.text(file.nodes[file.nodes < place.node]).count(b"\n") + 1
        assert place.changed == any(first <= place.line <= last for first, last in file.changed)
        assert place.expected == (trace.nodes.rank[place.node] > 1)


def test_an_excerpt_of_a_file_shows_changed_lines_with_three_lines_beside_them():
    text = "".join(f"line_{i} = {i}\n" for i in range(1, 101))
    (file,) = summarise(synthetic_traces.scored({"a.py": text}, changed={"a.py": [[10, 11], [60, 60]]})).files
    assert [row.number for row in file.rows] == [*range(7, 15), *range(57, 64)]
    assert [row.number for row in file.rows if row.changed] == [10, 11, 60]
    assert [row.before for row in file.rows if row.before] == [6, 42]
    assert file.left_out == 85
    assert "".join(passage.text for passage in file.rows[0].passages) == "line_7 = 7"
    (whole,) = summarise(synthetic_traces.scored({"a.py": text})).files
    assert ([row.number for row in whole.rows], whole.left_out) == ([*range(1, 41)], 60)


def test_lines_that_end_in_cr_lf_and_a_marked_line_break_keep_their_places():
    passages = [ExcerptPart("a\r\n"), ExcerptPart("\n  ", 7), ExcerptPart("b")]
    found, left_out = excerpt_rows(passages, lambda _line: False)
    assert [[(passage.text, passage.node) for passage in row.passages] for row in found] == [
        [("a", None)],
        [("\u21b5", 7)],
        [("  ", None), ("b", None)],
    ]
    assert left_out == 0


def test_no_words_of_a_scored_trace_say_that_the_model_wrote_it():
    html = html_page(synthetic_traces.changed())
    page = re.sub(r"<(script|style|template)\b.*?</\1>", "", html, flags=re.DOTALL)
    assert not re.search(r"it wrote|model wrote|of the output|generated", page)
    assert "Surprise is not a bug" in page


@pytest.mark.parametrize("case", ["plausible", "fill_in_the_middle", "crlf", "chat"])
def test_the_static_code_has_the_line_numbers_of_the_file(case):
    trace = synthetic_traces.CASES[case]()
    summary = summarise(trace)
    text = b"".join(trace.token_bytes(node) for node in trace.texts[0].nodes if trace.in_program(int(node))).decode()
    lines = {}
    for row in (*summary.before_rows, *summary.output_rows, *summary.after_rows):
        lines[row.number] = lines.get(row.number, "") + "".join(passage.text for passage in row.passages).replace("↵", "")
    for number, line in enumerate(text.split("\n"), 1):
        if number in lines:
            assert lines[number] == visible_text(line.removesuffix("\r")), number
    assert len(lines) >= text.count("\n") - summary.before_left_out - summary.after_left_out
    page = html_page(trace).split('id="code"')[1]
    assert f"{summary.output_line:4d}   " in page
