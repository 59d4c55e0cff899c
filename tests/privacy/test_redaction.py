"""Recordings without some of their text: neither the text nor what would give it back is in what is written."""

from __future__ import annotations

import random
import string
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support import code_traces, synthetic_traces
from tests.support.code_traces import Twig, Word
from tests.support.remains import remains

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.errors import RedactionError
from tokenscope_trace.privacy import hidden_tokens, redaction
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.reports.json_report import json_document
from tokenscope_trace.reports.page import html_page
from tokenscope_trace.reports.pull_request import comment_text
from tokenscope_trace.reports.sarif import sarif_log
from tokenscope_trace.settings import GenerationSettings, ModelSettings, Redaction, ReplaySettings, TreeSettings
from tokenscope_trace.settings import parse_forced_text as forced
from tokenscope_trace.traces import pruning
from tokenscope_trace.traces.schema import REDACTED_ID, BranchEnd

PROMPT, STRINGS, COMMENTS = Redaction.PROMPT, Redaction.STRINGS, Redaction.COMMENTS
SECRET = "sk_live_function_" + "".join(random.Random(8).choices(string.ascii_letters + string.digits, k=24))
PLACES = {
    "prompt": (PROMPT, f"key = {SECRET}\n\n\ndef connect(url):\n"),
    "string": (STRINGS, f'KEY = "{SECRET}"\n\n\ndef connect(url):\n'),
    "f-string": (STRINGS, f'KEY = "x"\nHEAD = f"Bearer {{KEY}} {SECRET}"\n\n\ndef connect(url):\n'),
    "docstring": (STRINGS, f'def connect(url):\n    """Connect with {SECRET}, always."""\n'),
    "documentation": (COMMENTS, f'def connect(url):\n    """Connect with {SECRET}, always."""\n'),
    "comment": (COMMENTS, f"# the key is {SECRET}\ndef connect(url):\n"),
    "open string": (STRINGS, f'def connect(url):\n    return url + "?key={SECRET}&'),
}


@pytest.fixture(scope="module")
def loaded():
    from tokenscope_trace.models.loading import load

    return load(ModelSettings())


@pytest.fixture(scope="module")
def recordings(loaded):
    """By place of the secret: a recording with all that a recording can have. The branch and the check repeat the secret."""
    found: dict[str, Trace] = {}

    def recording(place: str) -> Trace:
        if place not in found:
            from tokenscope_trace.models.prompts import encode_text
            from tokenscope_trace.recording.recorder import record

            what, text = PLACES[place]
            repeated = {PROMPT: f' = "{SECRET}"', STRINGS: f' = "{SECRET}"', COMMENTS: f"  # {SECRET}"}[what]
            trace = record(
                loaded,
                encode_text(loaded.tokenizer, text, "app.py"),
                GenerationSettings(max_new_tokens=16, temperature=0),
                tree=TreeSettings(nodes=120, length=10, extra=10, forced=(forced(f"4:{repeated}\n"),)),
                replay=ReplaySettings(attention_top=4, lens=True),
                command=["tokenscope-record", "app.py", "--force-text", f"4:{repeated}", "--stop", SECRET],
            )
            found[place] = checked(analysed(trace))
        return found[place]

    return recording


def checked(trace: Trace) -> Trace:
    """The recording as if a check had run and had printed the secret, whether its programs are finished or not."""
    check = {
        "command": f"grep {SECRET} {{file}}",
        "timeout": 9.0,
        "memory": 99,
        "folder": "shop",
        "file": "src/app.py",
        "not_run": f"there is no file “{SECRET}”",
        "invented": SECRET,
        "outputs": [f"found {SECRET}"],
        "pivot": None,
    }
    table = {"branch": np.array([-1], np.int32), "result": np.array([2], np.uint8), "output": np.array([0], np.uint16)}
    return trace.replaced({**trace.run, "check": check}, {"checks": table})


def formats(trace: Trace) -> dict[str, bytes]:
    """Everything that can be written of a recording."""
    return {
        "tsc": trace.to_bytes(),
        "html": html_page(trace).encode(),
        "markdown": comment_text(trace, "trace.html").encode(),
        "json": json_document(trace).encode(),
        "sarif": sarif_log(trace).encode(),
    }


def public_text(trace: Trace) -> bytes:
    """All that may be read in a redacted recording."""
    ends = trace.branches.first.astype(int) + trace.branches.count.astype(int) - 1
    return b"\0".join([trace.text(trace.texts[0].nodes), *(trace.text(trace.path(end)) for end in ends.tolist())])


@pytest.mark.parametrize("place", PLACES)
def test_nothing_that_is_written_of_a_real_recording_holds_the_secret(recordings, place):
    before = recordings(place)
    assert before.run["check"]["outputs"]
    assert len(before.branches) > 3
    assert before.attention
    assert before.lens
    what, _ = PLACES[place]
    after = redacted(before, {what})
    public = public_text(after)
    assert SECRET.encode() not in public
    for kind, data in formats(after).items():
        assert remains(data, SECRET.encode(), before, public) == [], kind
    assert remains(before.to_bytes(), SECRET.encode(), before, public), "the search finds it where it is"
    assert after.run["redacted"] == [what.value]
    assert (after.run["check"]["folder"], after.run["check"]["file"]) == ("shop", "src/app.py")
    if place != "open string":
        assert b"connect" in public or what is PROMPT
    assert redacted(after, {what}) is after


@pytest.mark.parametrize(
    ("place", "owner", "name", "instead"),
    [
        ("string", hidden_tokens.Hidden, "_tells", lambda _self, _secret, _nodes, ids: np.zeros(len(ids), bool)),
        (
            "prompt",
            hidden_tokens.Hidden,
            "_copies",
            lambda _self: hidden_tokens.Copies([], [], []),
        ),
        ("string", hidden_tokens.Hidden, "_asked_of", lambda _self, _found: []),
        ("prompt", pruning, "SIGN", SECRET.encode()),
    ],
)
def test_the_search_sees_when_one_of_the_steps_is_left_away(recordings, monkeypatch, place, owner, name, instead):
    before = recordings(place)
    what = {PLACES[place][0]}
    if name == "_copies":  # as if the model had written it by itself
        table = before.tables["branches"]
        before = before.replaced(before.run, {"branches": {**table, "asked": np.zeros_like(table["asked"])}})
    public = public_text(redacted(before, what))
    if name == "_tells":  # somebody who knows the secret would expect its tokens
        before = _expecting(before)
    assert remains(redacted(before, what).to_bytes(), SECRET.encode(), before, public) == []
    monkeypatch.setattr(owner, name, instead)
    assert remains(redacted(before, what).to_bytes(), SECRET.encode(), before, public)


def _expecting(trace: Trace) -> Trace:
    """The recording as if a token of the secret was likely at every position, and was what every layer said."""
    secret = next(
        i for i in trace.tokens.id.tolist() if len(trace.bytes_of(i)) >= 3 and trace.bytes_of(i) in SECRET.encode()
    )
    alternatives, lens = dict(trace.tables["alternatives"]), dict(trace.tables["lens"])
    firsts = np.cumsum(trace.nodes.alternative_count) - trace.nodes.alternative_count
    firsts = firsts[trace.nodes.alternative_count > 0].astype(int)
    alternatives["token_id"] = np.array(alternatives["token_id"])
    alternatives["token_id"][firsts + 1] = secret
    lens["token_id"] = np.full(len(lens["token_id"]), secret, np.int32)
    return trace.replaced(trace.run, {"alternatives": alternatives, "lens": lens})


def test_what_the_next_tokens_were_expected_to_be_does_not_tell(recordings):
    before = _expecting(recordings("string"))
    after = redacted(before, {STRINGS})
    assert remains(after.to_bytes(), SECRET.encode(), before, public_text(after)) == []


def test_redacted_tokens_have_one_look_and_no_numbers(recordings):
    before = recordings("string")
    after = redacted(before, {STRINGS})
    gone = after.nodes.token_id == REDACTED_ID
    assert {after.token_bytes(node) for node in np.flatnonzero(gone)} <= {"█".encode() + b"\n" * n for n in range(4)}
    for name in ("logprob", "entropy", "margin", "gap", "tail", "sampled_logprob", "noise"):
        assert np.isnan(getattr(after.nodes, name)[gone]).all()
    assert not after.nodes.rank[gone].any()
    assert not after.nodes.alternative_count[gone].any()
    main = after.main
    np.testing.assert_array_equal(main, before.main)
    for layer, was in zip(after.attention, before.attention, strict=True):
        assert not layer.codes[gone[main]].any()
        assert (layer.unkept[gone[main]] == 1).all()
        np.testing.assert_array_equal(layer.sources[~gone[main]], was.sources[~gone[main]])
    for layer in after.lens:
        own = gone[layer.first : layer.first + len(layer.rank)]
        assert np.isnan(layer.logprob[own]).all()
        assert (layer.token_id[own] == REDACTED_ID).all()
    assert after.text(after.texts[0].nodes).count(b"\n") == before.text(before.texts[0].nodes).count(b"\n")


def test_a_forked_path_beside_a_redacted_token_goes_with_all_that_leans_on_it():
    trace = code_traces.recorded(
        ["x", " ="],
        [Word(' "a"', 0.6, {' "b"': 0.3}), "\n", Word("y", 0.7, {"z": 0.3}), " =", " 1", "\n"],
        [
            Twig(1, [' "b"', "\n", "q", "\n"], [0.3]),  # 8: beside a string
            Twig(9, ["r", "\n"]),  # 12: on that
            Twig(3, ["z", " =", ' "c"', "\n"], [0.3]),  # 14: has a string of its own
            Twig(14, [" +=", " 2", "\n"]),  # 18: on that, before its string
        ],
    )
    after = redacted(analysed(trace), {STRINGS})
    ends = after.branches.first + after.branches.count - 1
    assert [after.text(after.path(end)).decode() for end in ends] == ["x =█\nz =█\n", "x =█\nz += 2\n"]
    assert after.text(after.main).decode() == "x =█\ny = 1\n"
    assert len(after.outcomes) == 2


def test_syntax_and_outcomes_keep_to_their_bytes():
    before = synthetic_traces.decided()
    after = redacted(before, {STRINGS, COMMENTS})
    old, new = before.text(before.texts[0].nodes), after.text(after.texts[0].nodes)
    names = {
        old[s:e]
        for s, e, k in zip(before.syntax.start, before.syntax.end, before.syntax.kind, strict=True)
        if k == "identifier"
    }
    main = after.syntax.passages[0]
    rows = range(main.first, main.end)
    assert {new[after.syntax.start[i] : after.syntax.end[i]] for i in rows if after.syntax.kind[i] == "identifier"} <= names
    assert {
        new[after.syntax.start[i] : after.syntax.end[i]].strip("█\n ".encode())
        for i in rows
        if after.syntax.kind[i] == "string"
    } == {b""}
    assert "string_content" not in after.run["syntax"]["kinds"]
    for branch in range(len(after.branches)):
        start, end = int(after.outcomes.start[branch]), int(after.outcomes.main_end[branch])
        assert new[start:end].decode().count("\n") >= 0
    assert after.run["decisions"]["found"] == before.run["decisions"]["found"]


def test_the_prompt_of_a_conversation_and_of_a_hole_goes_but_for_its_control_tokens():
    for before, output in (
        (
            synthetic_traces.chat(),
            "def█(x):\n    return x * x<|im_end|>",
        ),  # without a fence it is a message, which repeats a word
        (synthetic_traces.fill_in_the_middle(), "return 3.14159 * r ** 2<|endoftext|>"),
    ):
        after = redacted(before, {PROMPT})
        special = np.isin(before.nodes.token_id, before.tokens.id[before.tokens.special == 1])
        prompt = after.prompt
        assert (after.nodes.token_id[prompt][~special[prompt]] == REDACTED_ID).all()
        assert after.text(after.output).decode() == output


def test_what_a_conversation_says_around_its_code_counts_as_text():
    chat = redacted(synthetic_traces.chat(), {STRINGS})
    assert set(chat.text(chat.prompt, special=False).decode()) <= {"█", "\n"}


def test_code_without_a_grammar_is_refused_and_existing_code_has_no_prompt():
    plain = synthetic_traces.plausible(source="notes.xyz")
    with pytest.raises(RedactionError, match=r"no grammar is known for notes\.xyz.*--language"):
        redacted(plain, {STRINGS})
    assert redacted(plain, {PROMPT}).run["redacted"] == ["prompt"]
    with pytest.raises(RedactionError, match="has no prompt"):
        redacted(synthetic_traces.scored(), {PROMPT})


def test_literals_are_not_looked_for_in_what_is_redacted_already():
    once = redacted(synthetic_traces.plausible(), {STRINGS})
    with pytest.raises(RedactionError, match="at once"):
        redacted(once, {COMMENTS})
    assert redacted(once, {PROMPT}).run["redacted"] == ["prompt", "strings"]


def test_tables_columns_and_facts_of_a_later_version_do_not_stay():
    plain = synthetic_traces.plausible()
    table = {"text": np.frombuffer(b"secret", np.uint8)}
    nodes = {**plain.tables["nodes"], "hint": np.arange(len(plain.nodes), dtype=np.int32)}
    later = plain.replaced({**plain.run, "hint": "secret"}, {"hints": table, "nodes": nodes})
    after = redacted(later, {STRINGS})
    assert "hints" not in after.tables
    assert "hint" not in after.run
    assert "hint" not in after.nodes


def _with_unknown(value):
    """The same facts with one that nobody knows in each map."""
    if isinstance(value, dict):
        return {key: _with_unknown(one) for key, one in value.items()} | {"of_a_later_version": SECRET}
    return [_with_unknown(one) for one in value] if isinstance(value, list) else value


def test_no_map_of_the_facts_keeps_what_is_of_a_later_version(recordings):
    import json

    for trace in (
        recordings("string"),
        synthetic_traces.scored(),
        synthetic_traces.fill_in_the_middle(),
        synthetic_traces.chat(),
    ):
        later = trace.replaced(_with_unknown(trace.run), {})
        assert json.dumps(later.run).count(SECRET) >= 10
        assert SECRET not in json.dumps(redacted(later, {STRINGS}).run)


@pytest.mark.parametrize("what", [{PROMPT}, {STRINGS}, {PROMPT, STRINGS, COMMENTS}], ids=lambda what: "-".join(sorted(what)))
def test_what_a_recording_says_of_itself_is_not_believed(recordings, what):
    true = recordings("string")
    claim = true.replaced({**true.run, "redacted": ["comments", "prompt", "secrets", "strings"]}, {})
    after = redacted(claim, what)
    assert SECRET not in after.text(after.prompt).decode()
    assert remains(after.to_bytes(), SECRET.encode(), true, public_text(after)) == []
    assert after.run["redacted"] == ["comments", "prompt", "strings"]
    assert redacted(after, what) is after


@pytest.mark.parametrize("what", [{PROMPT}, {STRINGS}, {PROMPT, STRINGS, COMMENTS}], ids=lambda what: "-".join(sorted(what)))
def test_what_is_redacted_is_redacted_once(what):
    for before in (synthetic_traces.decided(), synthetic_traces.branching(), synthetic_traces.fill_in_the_middle()):
        after = redacted(before, what)
        assert redacted(after, what) is after
        assert set(after.outcomes.kept.tolist()) <= {
            *before.outcomes.kept.tolist(),
            *range(len(after.text(after.texts[0].nodes))),
        }


def test_a_forced_text_goes_from_its_branch_with_what_the_user_typed(recordings):
    before = recordings("string")
    assert before.branches.asked.any()
    after = redacted(before, {PROMPT})
    assert not after.branches.asked.any()
    assert remains(after.to_bytes(), SECRET.encode(), before, public_text(after)) == []


def test_texts_of_a_command_line_go_however_they_are_given():
    words = [
        "tokenscope-record",
        "a.py",
        "--system",
        "S",
        "--stop=S",
        "--force-text=3:S",
        "--check",
        "S",
        "--seed",
        "3",
        "--fim",
    ]
    left = [
        "tokenscope-record",
        "a.py",
        "--system",
        "…",
        "--stop=…",
        "--force-text=…",
        "--check",
        "…",
        "--seed",
        "3",
        "--fim",
    ]
    assert redaction.without_free_text(words) == left


def test_every_fact_of_the_format_was_thought_of():
    from pathlib import Path

    text = Path(__file__).parents[2].joinpath("recorder/FORMAT.md").read_text()
    listed = text.split("## `run`")[1].split("## Limits")[0]
    facts = {line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")}
    assert facts - redaction._KEPT_FACTS == {"redacted", "asked"}


LETTERS = "QXZJ"  # stand in literals only


@st.composite
def programs(draw: st.DrawFn) -> Trace:
    """Recordings of programs cut into tokens anywhere, some of which share signs with a literal; branches have literals of their own."""

    def word() -> str:
        return draw(st.text(LETTERS, min_size=1, max_size=9))

    def line(*more: str) -> str:
        return draw(
            st.sampled_from(
                [
                    *more,
                    f'a = "{word()}"\n',
                    f"b = f'{word()}{{c}}{word()}'\n",
                    f"# {word()}\n",
                    "c = d + 1\n",
                    f'def f():\n    """{word()}\n    {word()}"""\n    return g\n',
                    f"e = h('{word()}', 2)  # {word()}\n",
                ]
            )
        )

    def cut(text: str) -> list[str]:
        places = sorted({0, len(text), *draw(st.lists(st.integers(0, len(text)), max_size=12))})
        return [text[a:b] for a, b in pairwise(places)]

    never_closed = f'i = "{word()}'
    prompt, output = cut(line() + line()), cut(line() + line(never_closed))
    twigs = []
    begin = len(prompt)
    taken = {(begin + place - 1, text) for place, text in enumerate(output)}
    for place in draw(st.lists(st.integers(0, len(output) - 1), max_size=3, unique=True)):
        words = cut(line() + line(never_closed))
        if (begin + place - 1, words[0]) not in taken:
            twigs.append(Twig(begin + place - 1, words))
    secrets = [text for text in [*prompt, *output] if set(text) & set(LETTERS)]
    others = dict.fromkeys(draw(st.lists(st.sampled_from(secrets), max_size=2, unique=True)), 0.1) if secrets else {}
    words = [Word(text, 0.8, {k: v for k, v in others.items() if k != text}) for text in output]
    return code_traces.recorded(prompt, words, twigs)


@settings(max_examples=40, deadline=None)
@given(programs())
def test_no_token_that_holds_a_byte_of_a_literal_keeps_its_id_or_its_spelling(trace):
    after = redacted(analysed(trace), {STRINGS, COMMENTS})
    for node in range(len(after.nodes)):
        assert not set(after.token_bytes(node).decode()) & set(LETTERS)
    for token_id in after.tokens.id.tolist():
        own = after.bytes_of(token_id).decode().strip()
        assert len(own) < 3 or not set(own) & set(LETTERS)
    shown = (after.nodes.token_id[after.main] != REDACTED_ID).tolist()
    for node, is_shown in zip(after.main.tolist(), shown, strict=True):
        if is_shown:
            assert after.token_bytes(node) == trace.token_bytes(node)


def test_programs_end_where_they_did_when_their_text_is_left_out():
    output = ["    return", ' """a\nsecret"""', "\n", "def", " g"]
    twigs = [Twig(2, [" + 1", "\n", "def", " h"], [0.2], BranchEnd.STOP_STRING)]
    trace = analysed(code_traces.recorded(["def f():\n"], output, twigs, finish="stop-string", stop=("\ndef ",)))
    found = redacted(trace, {Redaction.STRINGS})
    assert found.programs.main.text.decode() == "def f():\n    return█\n"
    assert found.programs.of_branch(0).text.decode() == "def f():\n    return█\n + 1"
    assert {**found.run["program"], "kept": 0} == {**trace.run["program"], "kept": 0}
    assert redacted(recorded_before_programs(trace), {Redaction.STRINGS}).run.get("program") is None


def recorded_before_programs(trace):
    return trace.replaced({key: value for key, value in trace.run.items() if key != "program"}, {})
