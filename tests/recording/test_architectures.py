"""The table of architectures is of the installed transformers, made by the versions that are tested together, and nothing in it is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.sweeps import architecture_table
from tests.sweeps.architecture_checks import YES, Row, check
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

ROOT = Path(__file__).parents[2]
DOCUMENT = (ROOT / "recorder" / "ARCHITECTURES.md").read_text(encoding="utf-8")
AGAIN = "make test-architectures writes recorder/ARCHITECTURES.md anew"


def test_the_table_lists_what_transformers_knows():
    assert architecture_table.listed(DOCUMENT) == sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES), AGAIN


def test_the_table_was_made_by_the_versions_that_are_tested_together():
    constraints = dict(
        re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    )
    expected = {name: constraints[name] for name in architecture_table.VERSIONS}
    assert architecture_table.versions_in(DOCUMENT) == expected, AGAIN


def test_nothing_in_the_table_is_wrong_or_a_traceback():
    assert "WRONG" not in DOCUMENT
    assert "Wrong: none." in DOCUMENT
    assert not re.findall(r"\b[A-Z]\w+(?:Error|Exception): ", DOCUMENT)


def test_every_note_of_the_table_is_there():
    table, notes = DOCUMENT.split("|---|---|---|---|---|---|---|---|---|")[1].rsplit("|\n", 1)
    marks = {int(mark) for mark in re.findall(r"\[(\d+)\]", table)}
    assert marks == {int(number) for number in re.findall(r"^(\d+)\. ", notes, re.MULTILINE)}


# One of each engine, one refused, one hybrid, one with sinks, one whose layers share a module, one with an older attention.
@pytest.mark.parametrize(
    ("kind", "engine", "attention"),
    [
        ("gpt_oss", "tree-attention", YES),
        ("granite_swa", "tree-attention", YES),
        ("gemma4_text", "tree-attention", YES),
        ("openai-gpt", "recomputation", YES),
        ("zamba2", "snapshots", "2 of 4 layers: it computes no softmax attention (linear attention)"),
        ("deepseek_v4", "snapshots", "3 of 4 layers: its queries and sources do not stand for one token each"),
    ],
)
def test_an_architecture_is_recorded_as_its_own_computations_say(kind, engine, attention):
    row = check(kind)
    assert not row.wrong, row
    assert (row.greedy, row.metrics, row.prompt, row.branches) == (YES, YES, YES, YES)
    assert (row.engine, row.attention) == (engine, attention)


def test_what_reads_in_both_directions_is_refused_with_a_sentence():
    row = check("xlnet")
    assert "reads texts in both directions" in row.greedy
    assert not row.engine


def test_a_model_whose_passes_disagree_gets_no_tree_and_no_wrong_number():
    row = check("moshi")
    assert not row.wrong, row
    assert row.engine == "read again without a cache, the output does not get the numbers that decided it"


def test_a_wrong_number_is_seen():
    assert Row("some", metrics="WRONG: rank").wrong
    assert not Row("some", metrics=YES, lens="no lens").wrong
