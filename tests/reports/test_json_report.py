"""The JSON report: what its schema says, what the trace holds, and nothing that JSON has no word for."""

from __future__ import annotations

import json
import math
from importlib.resources import files
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from tests.support import synthetic_traces
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.reports.json_report import REPORT_FORMAT, REPORT_VERSION, json_document
from tokenscope_trace.traces.schema import BranchEnd, Outcome

SCHEMA = json.loads(files("tokenscope_trace.reports").joinpath("report.schema.json").read_text(encoding="utf-8"))
SAMPLES = sorted((Path(__file__).parents[2] / "samples").glob("*.tsc"))
CASES = synthetic_traces.CASES | {"scored": synthetic_traces.scored, "changed": synthetic_traces.changed}


def valid(text):
    """The document, which must be JSON in the strict sense and as the schema says."""

    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    document = json.loads(text, parse_constant=refuse)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    return document


def objects(schema):
    """Every part of the schema that describes an object with fields."""
    if isinstance(schema, dict):
        if "properties" in schema and "type" in schema:
            yield schema
        for inner in schema.values():
            yield from objects(inner)
    elif isinstance(schema, list):
        for inner in schema:
            yield from objects(inner)


@pytest.fixture(scope="module")
def decided():
    trace = synthetic_traces.decided()
    return trace, valid(json_document(trace))


@pytest.mark.parametrize("case", CASES)
def test_every_recording_is_as_the_schema_says(case):
    trace = CASES[case]()
    text = json_document(trace)
    assert text == json_document(trace)
    assert text.endswith("}\n")
    valid(text)


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_samples_are_as_the_schema_says(path):
    trace = Trace.load(path)
    document = valid(json_document(trace))
    assert document["title"] == (trace.facts.prompt.source if not trace.files else f"{path.stem}.py")


def test_the_schema_is_one_and_describes_every_field_and_admits_no_other():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    found = list(objects(SCHEMA))
    assert len(found) > 10
    for part in found:
        assert part["additionalProperties"] is False
        assert part["required"] == list(part["properties"])
        for name, field in part["properties"].items():
            assert {"description", "$ref", "const", "items"} & field.keys(), name
    assert SCHEMA["properties"]["format"]["const"] == REPORT_FORMAT
    assert SCHEMA["properties"]["version"]["const"] == REPORT_VERSION


def test_keys_stand_in_the_order_of_the_schema(decided):
    _, document = decided
    assert list(document) == SCHEMA["required"]
    assert list(document["tokens"][0]) == SCHEMA["$defs"]["token"]["required"]
    assert list(document["decisions"]["listed"][0]) == SCHEMA["$defs"]["decision"]["required"]


def test_tokens_are_the_output_with_its_numbers(decided):
    trace, document = decided
    tokens = document["tokens"]
    assert [token["node"] for token in tokens] == trace.output.tolist()
    assert "".join(token["text"] for token in tokens).encode() == trace.text(trace.output)
    for name in ("surprisal", "entropy", "margin", "gap", "tail", "probability"):
        values = np.array([math.nan if token[name] is None else token[name] for token in tokens], dtype=np.float32)
        assert np.array_equal(values, getattr(trace.nodes, name)[trace.output], equal_nan=True), name
    assert [token["rank"] for token in tokens] == trace.nodes.rank[trace.output].tolist()
    assert tokens[0]["line"] == 5
    assert {token["file"] for token in tokens} == {None}


def test_the_summary_has_numbers_and_not_text(decided):
    trace, document = decided
    output = document["summary"]["output"]
    assert output["tokens"] == len(trace.output)
    assert output["perplexity"] == pytest.approx(2 ** output["surprisal_mean"])
    assert output["surprisal_sum"] == pytest.approx(output["surprisal_mean"] * output["measured"])
    assert document["summary"]["code"] is None
    assert document["summary"]["prompt"]["measured"] == document["summary"]["prompt"]["tokens"] - 1


def test_decisions_have_the_tables_numbers(decided):
    trace, document = decided
    listed = document["decisions"]["listed"]
    assert document["decisions"]["found"] == 34
    forks = [d["fork"] for d in listed]
    assert [d["probability"] for d in listed] == pytest.approx(np.exp(trace.nodes.logprob[forks]).tolist())
    whole = [np.exp(trace.nodes.logprob[d["node"] : d["node"] + d["tokens"]].sum()) for d in listed]
    assert [d["whole_probability"] for d in listed] == pytest.approx(whole)
    options = [option for decision in listed for option in decision["options"]]
    against = np.exp(trace.nodes.logprob[[option["fork"] for option in options]])
    assert [option["against"] for option in options] == pytest.approx(against.tolist())
    table = trace.decision_options
    rows = sorted(zip(table.branch.tolist(), table.probability.tolist(), strict=True))
    said = sorted((-1 if one["branch"] is None else one["branch"], one["probability"]) for one in options)
    assert np.array(said) == pytest.approx(np.array(rows), abs=1e-6)
    first = listed[0]["options"][0]
    assert first["note"] == ""
    assert (first["outcome"], first["check"]) == ("other-control-flow", "fail")
    assert [d["number"] for d in listed if d["coin_flip"]] == [6]
    assert [d["number"] for d in listed if d["taste"]] == [8, 9, 10]
    assert all((option["outcome"] is None) == (option["branch"] is None) for option in options)


def test_shares_are_by_outcome_and_add_up():
    output = ["    ", Word("a", 0.5, {"b": 0.3}), " = 1\n", END]
    twig = Twig(1, ["b", " = 1\n", END], [0.3], BranchEnd.END_OF_TEXT)
    document = valid(json_document(analysed(recorded(["def f():\n"], output, [twig], finish="end-of-text"))))
    shares = document["behaviour"]["shares"]
    assert list(shares) == [outcome.name.lower().replace("_", "-") for outcome in Outcome]
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["same-text"] == pytest.approx(0.5 / 0.8)
    assert document["behaviour"]["explored"] == pytest.approx(0.8)


def test_what_a_command_said_of_each_program(decided):
    _, document = decided
    check = document["check"]
    assert (check["command"], check["output"]) == ("python -m pytest -q {file}", "pass")
    assert (check["verdict"], check["not_run"], check["doubt"]) == ("passes", None, None)
    assert check["sentence"] == "The output passes the check; 4 of 7 finished alternatives do."
    assert check["programs"][0] == {"branch": None, "result": "pass", "said": "4 passed"}
    assert check["programs"][-1] == {"branch": 10, "result": "time-out", "said": ""}
    assert check["pivot"] == {"node": 109, "line": 9, "before": 0.58, "after": 0.91}
    assert 0 <= check["pass_share"] <= 1


def test_a_check_that_could_not_be_run_has_a_reason_and_no_result(decided):
    trace, _ = decided
    facts = {**trace.run["check"], "outputs": [], "pivot": None, "not_run": "there is no command “judge”"}
    empty = {name: values[:0] for name, values in trace._contents.tables["checks"].items()}
    check = valid(json_document(trace.replaced({**trace.run, "check": facts}, {"checks": empty})))["check"]
    assert (check["verdict"], check["not_run"], check["output"]) == ("not-run", "there is no command “judge”", None)
    assert (check["programs"], check["pass_share"]) == ([], None)
    assert check["sentence"] == "The check could not be run: there is no command “judge”."


def test_bytes_that_are_no_text_are_hexadecimal():
    trace = synthetic_traces.split_characters()
    tokens = valid(json_document(trace))["tokens"]
    assert {"text": None, "hex": "f0"}.items() <= tokens[1].items()
    joined = b"".join(bytes.fromhex(t["hex"]) if t["text"] is None else t["text"].encode() for t in tokens)
    assert joined == trace.text(trace.output)
    assert "日本" in json_document(trace)


def test_what_json_has_no_number_for_is_null():
    trace = recorded(["a\n"], [Word("b", 0.5), "c"])
    tables = {name: dict(columns) for name, columns in trace._contents.tables.items()}
    logprob = tables["nodes"]["logprob"].copy()
    logprob[2] = -np.inf
    tables["nodes"]["logprob"] = logprob
    run = {**trace.run, "replay": {"way": "whole", "noise": None}}
    document = valid(json_document(Trace(run, tables)))
    token = document["tokens"][1]
    assert (token["logprob"], token["surprisal"], token["probability"], token["entropy"]) == (None, None, 0, None)
    assert document["summary"]["output"]["perplexity"] is None
    assert document["run"]["noise"] is None


def test_scored_code_has_its_files_and_no_decisions():
    document = valid(json_document(synthetic_traces.changed()))
    assert document["decisions"] is document["behaviour"] is document["check"] is document["summary"]["output"] is None
    assert [file["source"] for file in document["files"]] == ["durations.py", "tests/test_durations.py"]
    assert document["files"][0]["changed"] == [[6, 6], [8, 9]]
    assert {token["file"] for token in document["tokens"]} == {0, 1}
    assert document["summary"]["code"]["tokens"] == sum(file["tokens"] for file in document["files"])
    assert 0 < document["summary"]["changed"]["tokens"] < document["summary"]["code"]["tokens"]
    assert valid(json_document(synthetic_traces.scored()))["summary"]["changed"] is None


def test_the_title_can_be_chosen(decided):
    trace, document = decided
    assert document["title"] == "parse_duration.py" == document["run"]["source"]
    assert valid(json_document(trace, title="Review"))["title"] == "Review"


def test_facts_that_are_not_known_are_null():
    trace = recorded(["a\n"], ["b"], model={"id": None})
    assert set(valid(json_document(trace))["model"].values()) == {None}
