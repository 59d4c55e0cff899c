"""Facts of a run: every key that FORMAT.md names has a field, and every field holds what its kind says."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace
from tokenscope_trace.errors import CorruptTrace
from tokenscope_trace.traces.facts import Facts

ROOT = Path(__file__).parent.parent.parent
SAMPLES = sorted((ROOT / "samples").glob("*.tsc"))


def documented() -> dict[str, list[set[str]]]:
    """The keys of `run` in FORMAT.md, each with the keys of every map that its row describes."""
    section = (ROOT / "recorder" / "FORMAT.md").read_text(encoding="utf-8").split("\n## `run`", 1)[1].split("\n## ", 1)[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", section, re.MULTILINE)
    return {key: [set(re.split(r",\s*", one)) for one in re.findall(r"\{([\w, ]+)\}", words)] for key, words in rows}


def classes_in(hint: Any) -> list[type]:
    """The classes of facts that an annotation names."""
    own = [hint] if is_dataclass(hint) else []
    return own + [one for inner in get_args(hint) for one in classes_in(inner)]


def classes_below(of: type) -> list[type]:
    """The classes of the maps in one of these."""
    hints = get_type_hints(of)
    return [one for key in of.names() for one in classes_in(hints[key])]


def test_every_key_of_run_has_a_field_and_the_other_way_round():
    assert set(documented()) == set(Facts.names())


@pytest.mark.parametrize("key", [key for key, maps in documented().items() if maps])
def test_every_key_of_a_map_of_run_has_a_field_and_the_other_way_round(key):
    classes = classes_in(get_type_hints(Facts)[key])
    for one in classes:
        classes += classes_below(one)
    optional = {"branch"} if key == "syntax" else set()  # "passages of branches also have `branch`"
    assert [set(one.names()) - optional for one in classes] == documented()[key]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_the_facts_of_a_sample_are_those_of_its_run(path):
    trace = Trace.load(path)
    assert same(trace.facts, trace.run)
    assert trace.facts is trace.facts


def same(facts: Any, stored: Any) -> bool:
    """Whether facts say what a file does: no more, no less."""
    if is_dataclass(facts):
        known = {key: value for key, value in facts.plain().items() if value is not None and (value != () or key in stored)}
        held = {key: value for key, value in stored.items() if value is not None}
        return {*known, *facts.other} >= held.keys() and all(same(value, stored[key]) for key, value in known.items())
    if isinstance(facts, tuple):
        return len(facts) == len(stored or []) and all(map(same, facts, stored or []))
    return facts == stored


def test_there_are_samples_to_read():
    assert len(SAMPLES) == 6


def test_what_is_not_named_is_kept_wherever_it_stands():
    run = small_run(invented={"a": [1]})
    run["model"]["colour"] = "red"
    run["prompt"]["segments"][0]["mood"] = 3
    run["check"]["pivot"]["angle"] = 0.5
    facts = Trace(run, small_tables()).facts
    assert facts.other == {"invented": {"a": [1]}}
    assert facts.model.other == {"colour": "red"}
    assert facts.prompt.segments[0].other == {"mood": 3}
    assert facts.check.pivot.other == {"angle": 0.5}


def test_what_is_not_known_is_none_and_what_is_not_listed_is_empty():
    facts = Facts.read(small_run(asked=None, missing=None, redacted=None, machine={}))
    assert (facts.asked, facts.missing, facts.redacted) == (None, (), ())
    assert facts.machine.plain() == dict.fromkeys(facts.machine.names())
    assert facts.model.revision is None
    assert facts.model.dtype is None


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"model": {"context": -1}}, "run.model.context is not a number of things"),
        ({"machine": {"threads": 2.0}}, "run.machine.threads is not a number of things"),
        ({"asked": {"min_p": float("inf")}}, "run.asked.min_p is not a finite number"),
        ({"asked": {"forced": [[]]}}, "a path of run.asked.forced is not a list of places"),
        ({"asked": {"forced": [[{"position": 1, "tokens": []}]]}}, "a place of run.asked.forced has no ids"),
        ({"missing": [{"stage": "tree"}]}, "run.missing names no stage or no reason"),
        ({"missing": [{"stage": None, "reason": "none"}]}, "run.missing names no stage or no reason"),
        ({"missing": [{"stage": "tree", "reason": 1}]}, "run.missing.reason is not text"),
        ({"files": [{"source": "a", "first": 0, "end": 1, "changed": [[1]]}]}, "the changed lines of a file are not asc"),
        ({"files": [{"source": "a", "first": 0, "end": 1, "changed": 1}]}, "the changed lines of a file are not a list"),
        ({"libraries": None}, "run.libraries is not a map"),
        ({"clock": 3}, "run.clock is not a map"),
        ({"finish": []}, "run.finish is not one of the known reasons"),
    ],
)
def test_a_fact_of_another_kind_is_refused(changes, why):
    with pytest.raises(CorruptTrace, match=why):
        Facts.read(small_run(**changes))


@pytest.mark.parametrize("of", [Facts, *dict.fromkeys(classes_below(Facts))], ids=lambda of: of.__name__)
def test_every_fact_has_a_kind(of):
    assert [one.name for one in fields(of) if "given" not in one.metadata] == ["other"]


def test_facts_do_not_change():
    facts = Facts.read(small_run())
    with pytest.raises(FrozenInstanceError):
        facts.main_leaf = 0
    with pytest.raises(FrozenInstanceError):
        facts.model.id = "another"
