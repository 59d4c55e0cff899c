"""Every rule between columns, broken once."""

from __future__ import annotations

import msgpack
import numpy as np
import pytest
from tests.support.envelopes import packed
from tests.support.tables import NAN, UNREAD, small_run, small_tables, without_replay

from tokenscope_trace import Trace
from tokenscope_trace.errors import CorruptTrace
from tokenscope_trace.traces import container

BREAKAGES = {
    "parent below -1": ("nodes", "parent", 1, -2),
    "does not come after its parent": ("nodes", "parent", 1, 1),
    "unknown origin": ("nodes", "origin", 0, 4),
    "negative rank": ("nodes", "rank", 1, -1),
    "ascending order of their ids": ("tokens", "id", 1, 5),
    "a node has a token that is not in": ("nodes", "token_id", 0, 6),
    "an alternative is not in": ("alternatives", "token_id", 0, 100),
    "belongs to no node": ("spellings", "node", 0, 5),
    "nodes.alternative_count adds up": ("nodes", "alternative_count", 0, 1),
    "tokens.byte_count adds up": ("tokens", "byte_count", 0, 2**32 - 1),
    "spellings.byte_count adds up": ("spellings", "byte_count", 0, 0),
    "a logprob is positive": ("nodes", "logprob", 1, 0.1),
    "a sampled_logprob is positive": ("alternatives", "sampled_logprob", 0, np.inf),
    "a margin lies outside": ("nodes", "margin", 1, 1.5),
    "a tail lies outside": ("nodes", "tail", 1, -0.1),
    "value of entropy is negative or infinite": ("nodes", "entropy", 1, np.inf),
    "value of gap is negative": ("nodes", "gap", 1, -1.0),
    "noise is negative": ("nodes", "noise", 2, -1.0),
    "no head": ("attention_layers", "heads", 0, 0),
    "rows of attention do not add up": ("attention_layers", "heads", 0, 3),
    "does not stand before it": ("attention", "node", 5, 2),
    "attends to one": ("attention", "node", 3, 1),
    "not in order of its weights": ("attention", "weight", 5, 181),
    "has a source twice": ("attention", "node", 5, 0),
    "does not add up to one": ("attention_rows", "unkept", 3, 17000),
    "unknown kind": ("syntax", "kind", 1, 2),
    "unknown field": ("syntax", "field", 1, 2),
    "not one tree": ("syntax", "parent", 1, -1),
    "comes before its parent": ("syntax", "parent", 1, 1),
    "ends before it begins": ("syntax", "end", 1, 0),
    "reaches beyond its parent": ("syntax", "end", 2, 8),
    "unknown outcome": ("outcomes", "outcome", 0, 11),
    "unknown scope": ("outcomes", "scope", 0, 4),
    "what an outcome compares ends": ("outcomes", "branch_end", 0, 0),
    "a decision has nodes that do not exist": ("decisions", "count", 0, 3),
    "a decision has a node that is not on": ("decisions", "node", 0, 4),
    "an option stands at a node that is not on": ("decision_options", "node", 1, 4),
    "about unknown syntax": ("decisions", "syntax", 0, 4),
    "a difference of a decision": ("decisions", "difference", 0, 1.5),
    "a probability of a decision": ("decision_options", "probability", 0, NAN),
    "unknown flag": ("decisions", "flags", 0, 8),
    "options of the decisions do not add up": ("decisions", "option_count", 0, 1),
    "an option stands at no node": ("decision_options", "node", 1, 5),
    "an option is not in the table": ("decision_options", "token_id", 1, 6),
    "an option has an unknown branch": ("decision_options", "branch", 1, 1),
    "a check is of an unknown branch": ("checks", "branch", 1, 1),
    "the checks are not in ascending": ("checks", "branch", 1, -1),
    "unknown result": ("checks", "result", 0, 0),
    "unknown output": ("checks", "output", 0, 2),
    "lens has a token that is not": ("lens", "token_id", 0, 6),
    "lens has a negative rank": ("lens", "rank", 0, -1),
    "probability of the lens": ("lens", "probability", 0, 1.5),
}
FACTS = {
    "run.attention is not a map": {"attention": 3},
    "run.attention does not describe it": {"attention": None},
    "top is not a positive": {"attention": {"top": 0, "queries": 4, "absent": []}},
    "queries is not a number": {"attention": {"top": 2, "queries": 6, "absent": []}},
    "entries of attention do not add up": {"attention": {"top": 1, "queries": 4, "absent": []}},
    "no number or no reason": {"attention": {"top": 2, "queries": 4, "absent": [{"layer": 0}]}},
    "run.lens is not a map": {"lens": []},
    "run.lens does not describe it": {"lens": None},
    "layer of the lens is not a number": {"lens": {"layers": ["1"], "first": 2, "count": 2}},
    "layers of the lens are not in ascending": {"lens": {"layers": [2, 1], "first": 2, "count": 1}},
    "does not say which tokens": {"lens": {"layers": [1], "first": None, "count": 2}},
    "lens has tokens that do not exist": {"lens": {"layers": [1], "first": 4, "count": 2}},
    "rows of the lens do not add up": {"lens": {"layers": [1], "first": 2, "count": 1}},
    "run.syntax is not a map": {"syntax": []},
    "run.syntax does not describe it": {"syntax": None},
    "kinds is not a list of names": {"syntax": {"kinds": [1], "fields": [""], "passages": []}},
    "passages do not join": {
        "syntax": {
            "kinds": ["a", "b"],
            "fields": ["", "n"],
            "passages": [{"text": 0, "language": "c", "first": 1, "count": 2}],
        }
    },
    "belongs to no passage": {
        "syntax": {
            "kinds": ["a", "b"],
            "fields": ["", "n"],
            "passages": [{"text": 0, "language": "c", "first": 0, "count": 2}],
        }
    },
    "belongs to no branch": {
        "syntax": {
            "kinds": ["a", "b"],
            "fields": ["", "n"],
            "passages": [{"text": 0, "language": "c", "first": 0, "count": 4, "branch": 1}],
        }
    },
    "passage belongs to no text": {
        "syntax": {
            "kinds": ["a", "b"],
            "fields": ["", "n"],
            "passages": [{"text": -1, "language": "c", "first": 0, "count": 4}],
        }
    },
    "about the syntax of a branch": {
        "syntax": {
            "kinds": ["a", "b"],
            "fields": ["", "n"],
            "passages": [
                {"text": 0, "language": "c", "first": 0, "count": 3, "branch": 0},
                {"text": 0, "language": "c", "first": 3, "count": 1},
            ],
        }
    },
    "the main path runs through a branch": {"main_leaf": 4},
    "run.decisions does not describe": {"decisions": None},
    "does not say how many": {"decisions": {"found": 0}},
    "run.check does not describe": {"check": None},
    "run.check names no command": {"check": {"command": None}},
    "outputs is not a list": {"check": {"command": "x", "outputs": [1]}},
    "pivot names no node": {"check": {"command": "x", "outputs": [""], "pivot": {"before": 0.5, "after": 1}}},
    "pivot has no shares": {"check": {"command": "x", "outputs": [""], "pivot": {"node": 3}}},
    "pivot.before is not a number from 0 to 1": {"check": {"pivot": {"node": 3, "before": 2, "after": 1}}},
    "names no node of the main path": {
        "check": {"command": "x", "outputs": ["", ""], "pivot": {"node": 4, "before": 0, "after": 1}}
    },
    "a file has no name": {"files": [{"first": 0, "end": 5}]},
    "the files do not join": {"files": [{"source": "a", "first": 1, "end": 5}]},
    "nodes that were not scored": {"files": [{"source": "a", "first": 0, "end": 5}]},
}


@pytest.mark.parametrize("why", BREAKAGES)
def test_a_broken_column_is_refused_by_its_reason(why):
    table, column, place, value = BREAKAGES[why]
    tables = small_tables()
    tables[table][column][place] = value
    with pytest.raises(CorruptTrace, match=why):
        Trace(small_run(), tables)


@pytest.mark.parametrize("why", FACTS)
def test_facts_that_do_not_fit_their_tables_are_refused(why):
    with pytest.raises(CorruptTrace, match=why):
        Trace(small_run(**FACTS[why]), small_tables())


def test_outcomes_are_those_of_all_branches_or_of_none():
    tables = small_tables()
    tables["outcomes"] = {name: np.repeat(values, 2) for name, values in tables["outcomes"].items()}
    with pytest.raises(CorruptTrace, match="the outcomes are not those of the branches"):
        Trace(small_run(), tables)
    tables["outcomes"] = {name: values[:0] for name, values in tables["outcomes"].items()}
    assert len(Trace(small_run(), tables).outcomes) == 0


def test_files_are_chains_of_all_scored_nodes_with_lines_in_order():
    tables = small_tables()
    tables["nodes"] = {name: values[:4] for name, values in tables["nodes"].items()}
    kept = int(tables["nodes"]["alternative_count"].sum())
    tables["alternatives"] = {name: values[:kept] for name, values in tables["alternatives"].items()}
    tables["branches"] = {name: values[:0] for name, values in tables["branches"].items()}
    tables["nodes"]["origin"][:4] = 3
    tables["nodes"]["parent"][2] = -1
    files = [
        {"source": "a.py", "first": 0, "end": 2, "changed": [[1, 2], [4, 4]]},
        {"source": "b.py", "first": 2, "end": 4, "changed": None},
    ]

    def trace(*broken, **facts):
        changed = [{**file, **change} for file, change in zip(files, broken or ({}, {}), strict=True)]
        return Trace(small_run(**UNREAD, **{"files": changed, "prompt": {"segments": []}, **facts}), without_replay(tables))

    assert [file.source for file in trace().files] == ["a.py", "b.py"]
    assert trace().files[0].changed == ((1, 2), (4, 4))
    assert trace().scored.tolist() == [0, 1, 2, 3]
    for why, broken in {
        "not a chain": ({"end": 1}, {"first": 1}),
        "belongs to no file": ({}, {"end": 3}),
        "not ascending ranges": ({"changed": [[3, 2]]}, {}),
        "not a list": ({"changed": 3}, {}),
    }.items():
        with pytest.raises(CorruptTrace, match=why):
            trace(*broken)


RUNS = {
    "main_leaf": {"main_leaf": 5},
    "run.main_leaf": {"main_leaf": True},
    "run.finish": {"finish": "bored"},
    "run.model": {"model": "tiny"},
    "run.notes": {"notes": [1]},
    "run.command is not": {"command": "tokenscope-record"},
    "run.top_alternatives is not": {"top_alternatives": -1},
    "run.generator.name is not text": {"generator": {"name": 1}},
    "run.model.id is not text": {"model": {"id": ["tiny"]}},
    "run.model.vocab_size is not a number of things": {"model": {"vocab_size": 2**63}},
    "run.model.parameters is not": {"model": {"parameters": True}},
    "run.prompt.exact is not true or false": {"prompt": {"exact": {}, "segments": []}},
    "run.prompt.kind is not text": {"prompt": {"kind": [], "segments": []}},
    "run.sampling.stop is not a list of strings": {"sampling": {"stop": 5}},
    "run.sampling.processors is not": {"sampling": {"processors": [5]}},
    "run.sampling.temperature is not a finite number": {"sampling": {"temperature": float("nan")}},
    "run.sampling.top_p is not a finite number": {"sampling": {"top_p": float("inf")}},
    "run.sampling.seed is not a whole number": {"sampling": {"seed": 0.5}},
    "run.tree is not a map": {"tree": "wide"},
    "run.tree.nodes is not": {"tree": {"nodes": "many"}},
    "run.replay is not a map": {"replay": "once"},
    "run.replay.noise is not": {"replay": {"noise": "some"}},
    "run.score is not a map": {"score": [1]},
    "run.score.window is not": {"score": {"window": -1}},
    "run.clock.load_seconds is not": {"clock": {"load_seconds": "1"}},
    "run.check.timeout is not": {"check": {"timeout": []}},
    "version of a library is not text": {"libraries": {"torch": 2}},
    "a file.exact is not": {"files": [{"exact": 1}]},
    "segments is not a list": {"prompt": {"segments": None}},
    "no known role": {"prompt": {"segments": [{"role": "x", "first": 0, "end": 1}]}},
    "do not join": {"prompt": {"segments": [{"role": "text", "first": 1, "end": 2}]}},
    "segments do not join": {"prompt": {"segments": [{"role": "text", "first": 0, "end": 6}]}},
}


@pytest.mark.parametrize("why", RUNS)
def test_broken_facts_are_refused_by_their_reason(why):
    with pytest.raises(CorruptTrace, match=why):
        Trace(small_run(**RUNS[why]), small_tables())


def test_a_trace_without_nodes_is_refused():
    tables = small_tables()
    empty = {name: {key: values[:0] for key, values in table.items()} for name, table in tables.items()}
    with pytest.raises(CorruptTrace, match="no node"):
        Trace(small_run(), empty)


def test_definitions_of_metrics_are_maps_of_text():
    data = container.encode_payload(small_run(), small_tables())
    for broken in ("long", {"unit": 5}, None):
        document = msgpack.unpackb(data)
        document["metrics"]["surprisal"] = broken
        contents = container.decode_trace(packed(document))
        with pytest.raises(CorruptTrace, match="a metric"):
            Trace._of(contents)


def test_a_branch_rejoins_what_stands_before_it():
    """Two branches that rejoined each other would be followed for ever."""
    tables = small_tables()
    tables["branches"]["end"][0], tables["branches"]["rejoined"][0] = 3, 4
    with pytest.raises(CorruptTrace, match="does not stand before it"):
        Trace(small_run(), tables)
