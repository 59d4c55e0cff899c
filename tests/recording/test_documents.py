"""What the documents say is so: their arithmetic, their tables, their links, their sizes."""

from __future__ import annotations

import ast
import math
import re
import statistics
import struct
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.support.code_traces import END, Twig, Word, recorded

from tokenscope_trace.analysis import behaviour, decisions
from tokenscope_trace.analysis.uncertainty import NEAR_CERTAIN, UNCERTAIN
from tokenscope_trace.cli.html_command import GITHUB_BYTES, MAIL_BYTES
from tokenscope_trace.inference.metrics import Meter
from tokenscope_trace.traces.schema import TABLES, BranchEnd, Outcome

ROOT = Path(__file__).parents[2]
NUMBERS = (ROOT / "recorder" / "NUMBERS.md").read_text(encoding="utf-8")
ATTACHING = (ROOT / "samples" / "ATTACHING.md").read_text(encoding="utf-8")
FUNCTIONS = {
    "log2": math.log2,
    "ln": math.log,
    "exp": math.exp,
    "abs": abs,
    "mean": lambda *values: statistics.fmean(map(float, values)),
}
EXAMPLES = [
    line for block in re.findall(r"```arithmetic\n(.*?)```", NUMBERS, re.DOTALL) for line in block.strip().splitlines()
]
PLAIN = (ast.Expression, ast.BinOp, ast.UnaryOp, ast.Compare, ast.Call, ast.Name, ast.Constant, ast.operator, ast.unaryop)


def value_of(expression):
    tree = ast.parse(expression, mode="eval")
    assert all(isinstance(node, (*PLAIN, ast.Lt, ast.Load)) for node in ast.walk(tree)), expression
    return eval(compile(tree, "NUMBERS.md", "eval"), {"__builtins__": {}}, FUNCTIONS)


@pytest.mark.parametrize("line", EXAMPLES)
def test_the_arithmetic_is_right(line):
    expression, _, result = line.partition(" = ")
    digits = len(result.partition(".")[2])
    assert round(value_of(expression), digits) == float(result)


def test_there_are_examples_of_everything():
    assert len(EXAMPLES) > 20
    for number in ("Surprisal", "Rank", "Margin", "Gap", "Entropy", "Tail", "Settled", "Perplexity", "Percentile", "Noise"):
        assert f"\n**{number}**" in NUMBERS
    for word in ("decision", "outcome", "coin flip", "taste", "mass", "shares", "pivot"):
        assert f"**{word}**" in NUMBERS


def test_the_example_has_these_numbers_in_a_recording_too():
    p = [float(number) for number in re.findall(r"^\| `\w+` \| ([\d.]+) \|$", NUMBERS, re.MULTILINE)]
    assert sum(p) == 1
    measured = Meter(2).measure(torch.tensor([p] * 4).log(), torch.arange(4))
    assert measured.entropy.tolist() == pytest.approx([1.75] * 4)
    assert measured.margin.tolist() == pytest.approx([0.25] * 4)
    assert measured.rank.tolist() == [1, 2, 3, 3]
    assert measured.gap[2].item() == pytest.approx(1.386, abs=1e-3)
    assert (-measured.logprob / math.log(2)).tolist() == pytest.approx([1, 2, 3, 3])
    assert 1 - measured.top_logprobs[0].exp().sum().item() == pytest.approx(0.25)


def test_thresholds_are_those_of_the_code():
    assert (
        f"nearly certain below {NEAR_CERTAIN} bits (a probability of {2**-NEAR_CERTAIN:.0%})".replace("%)", " %)") in NUMBERS
    )
    assert f"from {UNCERTAIN:.0f} bit on" in NUMBERS
    assert f"a probability of {decisions.LIKELY:.0%} or more".replace("%", " %") in NUMBERS


def test_the_table_of_outcomes_is_that_of_the_code():
    table = {name: float(far) for name, far in re.findall(r"^\| ([a-z ]+) \| [^|]+ \| ([\d.]+) \|$", NUMBERS, re.MULTILINE)}
    assert table == {outcome.name.lower().replace("_", " "): far for outcome, far in decisions.DIFFERENCE.items()}


def test_the_example_of_a_decision_is_ranked_so():
    options = (
        decisions.Option(0, 0, 0.3, 0.3, 0, Outcome.OTHER_CALLS),
        decisions.Option(0, 1, 0.1, 0.1, 1, Outcome.RENAMED),
        decisions.Option(0, 2, 0.2, 0.2, -1, None),
    )
    decision = decisions.Decision(0, 1, -1, 0.8 * 0.5, options, coin_flip=False, taste=False)
    assert decision.difference == pytest.approx(0.7625)
    assert decision.score == pytest.approx(0.405)


def test_the_example_of_explored_probability_is_divided_so():
    twigs = [Twig(0, ["b", END], [0.1], BranchEnd.END_OF_TEXT), Twig(0, ["c", END], [0.1], BranchEnd.END_OF_TEXT)]
    trace = recorded(["x = "], [Word("a", 0.2, {"b": 0.1, "c": 0.1}), END], twigs, finish="end-of-text")
    rows = {**{name: [0, 0] for name in TABLES["outcomes"]}, "outcome": [Outcome.SAME_PROGRAM, Outcome.OTHER_CALLS]}
    columns = {name: np.array(values, TABLES["outcomes"][name].dtype) for name, values in rows.items()}
    trace = trace.replaced(trace.run, {"outcomes": columns})
    shares = behaviour.probability_by_outcome(trace)
    assert behaviour.explored_probability(trace) == pytest.approx(0.4)
    assert shares[Outcome.SAME_TEXT] + shares[Outcome.SAME_PROGRAM] == pytest.approx(0.75)
    assert shares[Outcome.OTHER_CALLS] == pytest.approx(0.25)


@pytest.mark.parametrize("path", ["README.md", "recorder/NUMBERS.md", "samples/ATTACHING.md", "recorder/FORMAT.md"])
def test_links_lead_to_files_that_exist(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)\)", re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        assert target.startswith("https://") or ((ROOT / path).parent / target).is_file(), target


def test_sizes_are_those_of_the_command():
    assert f"{GITHUB_BYTES / 1e6:.0f} MB" in ATTACHING
    assert f"{MAIL_BYTES / 1e6:.0f} MB" in ATTACHING


def test_the_picture_is_small_and_of_its_size():
    picture = (ROOT / "samples" / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert struct.unpack(">II", picture[16:24]) == (1400, 900)
    assert len(picture) < 200_000
