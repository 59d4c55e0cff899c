"""What was redacted stays as it is when it is redacted again, and each branch lacks what its whole program would have it lack."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from tests.support import synthetic_traces
from tests.support.code_traces import Twig, recorded

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.languages import branched_literals
from tokenscope_trace.languages.definitions import by_file
from tokenscope_trace.languages.literals import find_literals
from tokenscope_trace.privacy import redaction
from tokenscope_trace.privacy.hidden_tokens import Hidden
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.settings import Redaction
from tokenscope_trace.traces.schema import REDACTED_ID

PROMPT, STRINGS, COMMENTS = Redaction.PROMPT, Redaction.STRINGS, Redaction.COMMENTS
EACH = ({PROMPT}, {STRINGS}, {COMMENTS}, {STRINGS, COMMENTS}, {PROMPT, STRINGS, COMMENTS})
SAMPLES = Path(__file__).parents[2] / "samples"
SYNTHETIC = ("plausible", "hostile", "split_characters", "tabs", "crlf", "scored", "changed", "fill_in_the_middle", "chat", "branching",
             "hostile_branches", "decided", "hostile_decisions")  # fmt: skip
# Of which programs are made that seldom parse: quotes, backslashes and comments in odd places, and words that stand for secrets.
PIECES = {
    "p.py": ["'", '"', '"""', "\\", "\\'", "# ", "\n", "x = ", "f(", ")", "f'{", "}", "zwq ", "zwq", "1", "if x:\n    "],
    "p.js": ["'", '"', "`", "${", "}", "\\", "\\'", "//", "/*", "*/", "/", "\n", "x = ", "f(", ")", ";", "<b>", "</b>", "zwq ", "zwq"],
    "p.c": ["'", '"', "\\", "\\'", "//", "/*", "*/", "\n", "#error ", "#define A ", "x = ", "f(", ")", "{", "}", ";", "zwq "],
    "p.sh": ["'", '"', "\\", "$(", ")", "#", " # ", "\n", "cat <<E; ls\n", "\nE\n", "x=", "zwq ", "zwq", "; ", "${", "}", "`"],
    "p.rs": ["'", '"', "\\", "'a ", "//", "/*", "*/", "\n", 'r#"', '"#', "let x = ", "f(", ")", ";", "zwq "],
    "a.md": ["```", "~~~", "\n", "\n```js\n", "\n```\n", "- ", "> ", "'", '"', "#", "//", "zwq ", "x = ", "<!--", "-->"],
}  # fmt: skip


def odd(source: str, rng: random.Random) -> Trace:
    """A recording of pieces in any order, with branches and branches of branches."""
    pieces = PIECES[source]
    prompt, output = (rng.choices(pieces, k=rng.randint(3, 12)) for _ in range(2))
    twigs: list[Twig] = []
    count = len(prompt) + len(output)
    places = list(range(len(prompt), count - 1))
    for _ in range(5):
        after, words = rng.choice(places), [f"y{len(twigs)}", *rng.choices(pieces, k=rng.randint(1, 6))]
        joins = after + 1 < len(prompt) + len(output) and rng.random() < 0.3
        twigs.append(
            Twig(after, words, [0.2], *((3, rng.randint(after + 1, len(prompt) + len(output) - 1)) if joins else ()))
        )
        places += range(count, count + len(words) - 1)
        count += len(words)
    return analysed(recorded(prompt, output, twigs, source=source))


def assert_stays(trace: Trace, what: set[Redaction]) -> Trace:
    once = redacted(trace, what)
    assert redacted(once, what).to_bytes() == once.to_bytes(), sorted(what)
    return once


@pytest.mark.parametrize("source", PIECES)
def test_odd_programs_lack_what_they_are_to_lack_and_stay_so(source):
    rng = random.Random(source)
    for _ in range(25):
        trace = odd(source, rng)
        for what in ({STRINGS}, {COMMENTS}):
            hidden = Hidden(trace, frozenset(what), None)
            for branch in range(len(trace.branches)):
                program = hidden.program(branch)
                found = find_literals(program.whole, source, by_file(source))
                places = trace.token_places(program.nodes)
                for start, end in found.strings if STRINGS in what else found.comments:
                    own = np.intersect1d(places.within(start, end)[0], trace.branch(branch))
                    assert hidden.branches[branch] or hidden.nodes[own].all(), (program.whole, start, end)
            assert_stays(trace, what)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_synthetic_recordings_stay_as_they_are(name):
    trace = getattr(synthetic_traces, name)()
    for what in EACH:
        if not (trace.files and PROMPT in what):
            assert_stays(trace, what)


@pytest.mark.parametrize("name", ["greeting", "merge", "median", "stack"])
def test_samples_stay_as_they_are(name):
    trace = Trace.load(SAMPLES / f"{name}.tsc")
    for what in ({STRINGS}, {COMMENTS}) if trace.files else ({PROMPT}, {STRINGS, COMMENTS}):
        assert_stays(trace, what)


def test_a_recording_that_never_stays_the_same_loses_all_its_text(monkeypatch):
    trace = recorded(["x = '", "a", "'\n"], ["y", " = ", "2"])
    monkeypatch.setattr(redaction, "ROUNDS", 0)
    found = redacted(trace, {STRINGS})
    assert (found.nodes.token_id == REDACTED_ID).all()
    assert redacted(found, {STRINGS}).to_bytes() == found.to_bytes()


@pytest.mark.parametrize("what", [PROMPT, STRINGS, COMMENTS])
def test_branches_that_are_not_read_go(what, monkeypatch):
    twigs = [Twig(place, [f"y{place}", "=", "2"], [0.2]) for place in (4, 5, 6)]
    trace = recorded(["# zwq1\n", "x = 'zwq1'", "\n"], ["y", " = ", "2", " - 3", " + 4", "\n"], twigs)
    assert len(redacted(trace, {what}).branches) == 3
    monkeypatch.setattr(branched_literals, "MAX_READ", 1)
    found = redacted(trace, {what})
    assert len(found.branches) == 1
    assert found.text(found.output) == trace.text(trace.output)
    assert redacted(found, {what}).to_bytes() == found.to_bytes()
