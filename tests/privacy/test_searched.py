"""Nothing that is written of a redacted recording holds four signs of a secret in a row, but what it would hold without the secret."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

import numpy as np
import pytest
from tests.support import code_traces
from tests.support.code_traces import Twig
from tests.support.planted_secrets import CASES, COMMENTS, OTHERS, PROMPT, SECRETS, STRINGS, cut, planted
from tests.support.searcher import left_in, parts

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.comparison.page import comparison_page
from tokenscope_trace.comparison.side_by_side import compare
from tokenscope_trace.errors import PromptError
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.reports.reporters import REPORTERS
from tokenscope_trace.settings import Redaction


def files_of(trace: Trace) -> dict[str, bytes]:
    """Everything that can be written of a recording."""
    texts = {}
    for kind, one in REPORTERS.items():
        with contextlib.suppress(PromptError):  # there is no program to write
            texts[kind] = one.write(trace, "r.html", None)
    texts["comparison"] = comparison_page(compare(trace, trace, None, ("a.tsc", "a.tsc")))
    return {"tsc": trace.to_bytes()} | {kind: text.encode("utf-8", "surrogateescape") for kind, text in texts.items()}


def left(
    before: Trace, reference: Trace, what: set[Redaction], secrets: Mapping[str, str], **options
) -> dict[str, dict[str, str]]:
    """By format, what is left of secrets; `reference` is the same recording with others in their place."""
    looked_for = parts(secrets.values())
    allowed = {part for data in files_of(reference).values() for part in left_in(data, looked_for)}
    assert left_in(before.to_bytes(), looked_for - allowed), "the search finds them where they are"
    written = files_of(redacted(before, what, **options))
    return {kind: found for kind, data in written.items() if (found := left_in(data, looked_for - allowed))}


@pytest.mark.parametrize(("source", "what"), CASES, ids=lambda value: str(value))
def test_nothing_of_a_planted_secret_is_left(source, what):
    before, reference = planted(source, what, SECRETS), planted(source, what, OTHERS)
    assert left(before, reference, {what}, SECRETS) == {}


def around_a_hole(secrets: Mapping[str, str]) -> Trace:
    """A file whose hole stands in a string, and an output that ends the string there."""
    before, after = f'pin = "{secrets["pin"]}"\nkey = "', f'{secrets["key"]} {secrets["word"]}"\n'
    prompt, suffix = cut(before, 1), cut(after, 2)
    output = [*cut('"; other = 1 # ', 3)]
    size = len(prompt) + len(suffix)
    facts = {
        "source": "p.py",
        "kind": "fim",
        "exact": True,
        "segments": [
            {"role": "prefix", "first": 0, "end": len(prompt)},
            {"role": "suffix", "first": len(prompt), "end": size},
        ],
    }
    twigs = [Twig(size, ["x", '"; y = 2 # ', secrets["name"]], [0.2]), Twig(size + 1, ["+", '"'], [0.1])]
    trace = code_traces.recorded([*prompt, *suffix], output, twigs)
    return analysed(trace.replaced({**trace.run, "prompt": facts}, {}))


def test_what_is_written_in_a_hole_moves_no_text_out_of_a_string():
    before, reference = around_a_hole(SECRETS), around_a_hole(OTHERS)
    told = {name: SECRETS[name] for name in ("pin", "key", "word")}
    assert left(before, reference, {STRINGS}, told) == {}
    assert left(before, reference, {PROMPT}, told) == {}


def conversation(secrets: Mapping[str, str]) -> Trace:
    """A conversation whose answer repeats what it was told, in its prose and in its code."""
    told = cut(f"I am {secrets['name']}, {secrets['sign']}; {secrets['pin']}, {secrets['key']}, {secrets['word']}.\n", 1)
    said = f"Yes, {secrets['name']}!\n\n```python\n# {secrets['sign']} {secrets['word']}\nx = {secrets['pin']}, '{secrets['key']}'\n```\n"
    facts = {"source": "p.txt", "kind": "chat", "exact": True, "segments": [{"role": "text", "first": 0, "end": len(told)}]}
    output = cut(said, 2)
    twigs = [Twig(len(told) + place, ["~", *cut(said, 3 + place)], [0.2]) for place in (1, 9, len(output) - 3)]
    trace = code_traces.recorded(told, output, twigs)
    return analysed(trace.replaced({**trace.run, "prompt": facts}, {}))


@pytest.mark.parametrize("what", [{PROMPT}, {STRINGS, COMMENTS}], ids=lambda what: "-".join(sorted(what)))
def test_an_answer_does_not_say_what_a_message_said(what):
    assert left(conversation(SECRETS), conversation(OTHERS), what, SECRETS) == {}


def builtin():
    """The small model of the package."""
    from tokenscope_trace.models.loading import load
    from tokenscope_trace.settings import ModelSettings

    return load(ModelSettings())


def tiny():
    """A model of random numbers, whose every token is as likely as a secret's."""
    from tests.support import tiny_tokenizers
    from tests.support.tiny_models import tiny_model

    from tokenscope_trace.models.loading import describe

    return describe(tiny_model(max_position_embeddings=1024), tiny_tokenizers.byte_level(), name="tiny")


@pytest.fixture(scope="module")
def model():
    return builtin()


_PYTHON = 'NAME = "{name}"\nPIN = "{pin}"\n\n\ndef greet(pin):\n    """Greet {name} by {word}."""\n    if pin == PIN:\n        return "'
_SCRIPT = "// {word} {name}\nconst PIN = '{pin}';\nfunction greet(pin) {{\n  // {name}\n  return '"
RECORDED = {"p.py": ([{PROMPT}, {STRINGS}], _PYTHON), "p.js": ([{STRINGS, COMMENTS}, {PROMPT, COMMENTS}], _SCRIPT)}


@pytest.mark.parametrize(("made", "source"), [(builtin, "p.py"), (builtin, "p.js"), (tiny, "p.py")])
def test_nothing_is_left_of_secrets_in_what_a_model_was_recorded_with(made, source):
    from tokenscope_trace import api
    from tokenscope_trace.settings import GenerationSettings, ReplaySettings, TreeSettings, parse_forced_text

    each, text = RECORDED[source]
    model = made()

    def recorded(secrets: Mapping[str, str]) -> Trace:
        tree = TreeSettings(
            nodes=60, length=8, extra=4, forced=(parse_forced_text(f"2:{secrets['name']} {secrets['pin']}"),)
        )
        settings = GenerationSettings(max_new_tokens=24, temperature=0)
        replay = ReplaySettings(lens=True)
        return api.record(model, text.format(**secrets), source=source, generation=settings, tree=tree, replay=replay)

    before, reference = recorded(SECRETS), recorded(OTHERS)
    told = {name: SECRETS[name] for name in ("name", "pin", "word")}
    for what in each:
        assert left(before, reference, what, told) == {}
    after = redacted(before, each[-1])
    stays = np.flatnonzero(np.isin(before.nodes.token_id, after.nodes.token_id) & (before.nodes.origin == 1))
    main = {node: place for place, node in enumerate(before.main.tolist())}
    for node in [
        node for node in stays.tolist() if after.nodes.token_id[after.main[main[node]]] == before.nodes.token_id[node]
    ]:
        now = after.main[main[node]]
        for column in ("logprob", "entropy", "margin", "gap", "noise"):
            np.testing.assert_array_equal(getattr(after.nodes, column)[now], getattr(before.nodes, column)[node])


def test_nothing_is_left_of_secrets_in_files_that_were_scored(model):
    from tokenscope_trace import api

    texts = {
        "a.py": '# {word}\nNAME = "{name}"\nPIN = {pin}\n',
        "b.sh": "export NAME='{name}' PIN={pin}\necho '{key}' # {word}\n",
        "c.md": "Of {name}\n\n```js\nx = '{key}' // {word}\n```\n",
    }

    def scored(secrets: Mapping[str, str]) -> Trace:
        return api.score(model, {name: text.format(**secrets) for name, text in texts.items()})

    told = {name: SECRETS[name] for name in ("name", "key", "word", "pin")}
    assert left(scored(SECRETS), scored(OTHERS), {STRINGS, COMMENTS}, told) == {}


def test_nothing_is_left_of_secrets_in_the_changed_files_of_a_work_tree(model, tmp_path, monkeypatch):
    from tests.recording.test_git_changes import git

    from tokenscope_trace import api

    before = {"a.py": 'NAME = "{name}"\nold = "{key}"\n', "b.sh": "# {word}\nls\n"}
    after = {
        "a.py": "# {word}\nNAME = \"{name}\"\nPIN = '{pin}'\nprint({pin})\n",
        "b.sh": "# {word} {sign}\nls '{key}'\n",
    }

    def changed(secrets: Mapping[str, str]) -> Trace:
        folder = tmp_path / secrets["pin"]
        folder.mkdir()
        monkeypatch.chdir(folder)
        git("init", "--quiet", "--initial-branch=main")
        for message, texts in (("first", before), (None, after)):
            for name, text in texts.items():
                (folder / name).write_text(text.format(**secrets))
            if message:
                git("add", ".")
                git("commit", "--quiet", "-m", f"of {secrets['word']}")
        return api.score(model, diff="HEAD")

    trace = changed(SECRETS)
    assert left(trace, changed(OTHERS), {STRINGS, COMMENTS}, SECRETS) == {}
    assert len(trace.files) == 2
