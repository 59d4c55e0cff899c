"""Nothing that is written of a redacted recording holds four signs of a secret in a row, but what it would hold without the secret."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Mapping

import numpy as np
import pytest
from tests.support import code_traces
from tests.support.code_traces import Twig, Word
from tests.support.searcher import left_in, parts

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
from tokenscope_trace.comparison.page import comparison_page
from tokenscope_trace.comparison.side_by_side import compare
from tokenscope_trace.errors import PromptError
from tokenscope_trace.privacy.redaction import redacted
from tokenscope_trace.reports.reporters import REPORTERS
from tokenscope_trace.settings import Redaction

PROMPT, STRINGS, COMMENTS = Redaction.PROMPT, Redaction.STRINGS, Redaction.COMMENTS
# Each stands for a {place} of a text; those of the second are in the recording that has no secret.
SECRETS = {
    "name": "Heidelinde Brakensiek",
    "pin": "47119",
    "key": "xk7-Qp9zW.vT2",
    "word": "Zwetschgenmus",
    "sign": "张伟丽华",
}
OTHERS = {
    "name": "Umbrujolante Vogtoyrgh",
    "pin": "80236",
    "key": "jf4-Ud8hY.nM6",
    "word": "Quaxopfilorby",
    "sign": "陈晓东明",
}


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


def cut(text: str, seed: int) -> list[str]:
    """A text in tokens of one to six signs."""
    rng, found = random.Random(seed), []
    while text:
        size = rng.randint(1, 6)
        found.append(text[:size])
        text = text[size:]
    return found


def spellings(secret: str) -> list[str]:
    """Tokens in which somebody who knows a secret would expect a part of it."""
    low, middle = secret.lower(), len(secret) // 2
    shapes = [
        secret[:4],
        low[:4].upper(),
        "_" + low[:5],
        ' "' + secret[:4],
        low[middle:],
        " " + secret[middle : middle + 4].title(),
        low[:3],
    ]
    return [
        *shapes,
        secret.title().replace(" ", "")[:9],
        low.replace(" ", "_")[6:14],
        f"get{low[:5].title()}",
        low[-3:] + '"',
    ]


PROGRAMS = {
    "p.py": (
        {
            PROMPT: "NAME = \"{name}\"\nPIN = {pin}\n# {word}, {sign}\nkey = f('{key}')\n\ndef check(pin):\n",
            STRINGS: 'NAME = "{name}"\nPIN = "{pin}"\nkey = f(\'{key} {sign}\', r"""{word}""")\n\ndef check(pin):\n',
            COMMENTS: '# {name}, {pin}\nx = 1  # {key}\n\ndef check(pin):\n    """{word} {sign}"""\n',
        },
        {
            PROMPT: '    # of {name}\n    mail = "{name}@x.org"\n    return pin == {pin} or pin == "{pin}" or "{key}" in "{word}s"  # {sign}\n',
            STRINGS: "    # of {name}, {word}s\n    return pin == {pin}, '{key}', '{sign}'\n",
            COMMENTS: '    mail = "{name}@x.org", "{word}", {pin}, "{key}", "{sign}"\n    return mail\n',
        },
    ),
    "p.js": (
        {
            PROMPT: 'const name = "{name}", pin = {pin};\n/* {word} */ let key = `{key} {sign}`;\n',
            STRINGS: "const name = '{name}', pin = '{pin}';\nlet key = `{key} {sign}`, r = /{word}/;\n",
            COMMENTS: "#!/usr/bin/env {word}\n// {name}\nlet a = 1; /* {pin} {key} {sign} */\n",
        },
        {
            PROMPT: 'if (pin === {pin} || key == "{key}") x(<b>{name} {sign}</b>, "{word}"); // {name}\n',
            STRINGS: "// {name} {sign}\nif (pin === {pin} || key) x(<b>{word}</b>, '{key}');\n",
            COMMENTS: 'let b = "{name}" + {pin} + "{key}{word}{sign}";\n',
        },
    ),
    "p.sh": (
        {
            PROMPT: 'export NAME="{name}" PIN={pin}\n# {word}\nlogin --key={key} {sign}\n',
            STRINGS: "export NAME={word} PIN={pin}\ncurl -u x:{key} '{name}'\ncat <<E\n{sign}\nE\n",
            COMMENTS: "# {name} {word}\nls # {pin} {key} {sign}\n",
        },
        {
            PROMPT: "echo {pin} \"{name}\" '{key}' {word} # {sign}\n",
            STRINGS: "echo {pin} {word} '{key}' \"{name}\"\necho <<E\n{sign}\n",
            COMMENTS: "echo '{name}' {pin} \"{word}\" '{key}' '{sign}'\n",
        },
    ),
    "p.c": (
        {
            PROMPT: '#define NAME "{name}"\n#error {word}\nint pin = {pin}; /* {key} {sign} */\n',
            STRINGS: '#define NAME "{name}"\n#error {word}\n#warning {pin}\nchar *k = "{key} {sign}";\n',
            COMMENTS: "// {name}\n#error {word}\nint x; /* {pin} {key} {sign} */\n",
        },
        {
            PROMPT: 'int f() {{ return pin == {pin} ? g("{name}", "{key}") : 0; }} // {word} {sign}\n',
            STRINGS: 'int f() {{ return g("{name}", {pin}, "{key}"); }} // {word} {sign}\n',
            COMMENTS: 'int f() {{ return g("{name}", {pin}, "{key} {word} {sign}"); }}\n',
        },
    ),
    "Makefile": (
        {STRINGS: "NAME = {name}\nPIN := {pin}\nall:\n\techo {key} {word} {sign}\n"},
        {STRINGS: "K = {key}\nx: ; echo {name} {pin} {word} {sign}\n"},
    ),
    ".env": (
        {STRINGS: "export NAME={name}\nPIN={pin}\n# {word}\nKEY='{key}{sign}'\n"},
        {STRINGS: "K={key}\nL={name} {pin} {word} {sign}\n"},
    ),
    "c.yaml": (
        {STRINGS: "name: {name}\nlist:\n  - {pin}\n  - k: {key}\ntext: |\n  {word} {sign}\n"},
        {STRINGS: "more: {key}\nl: [{name}, {pin}, {word}, {sign}]\n"},
    ),
    "notes.txt": (
        {PROMPT: "The PIN of {name} is {pin}, not '{word}' or \"{sign}\": {key}\n"},
        {PROMPT: 'So {pin} and "{name}" or "{word} {sign}" and {key}.\n'},
    ),
    "a.md": (
        {
            PROMPT: "Is {name} {word}? {sign}\n\n```python\nPIN = {pin}\nk = '{key}'\n```\n",
            STRINGS: "Of {name}: {word}, {sign}\n\n```python\nPIN = '{pin}'\nk = '{key}'\n```\n",
        },
        {
            PROMPT: "\n```python\nx = '{name} {pin} {key}' # {word} {sign}\n",
            STRINGS: "\n```python\nx = '{name} {key}', {pin} # {word} {sign}\n",
        },
    ),
}
CASES = [(source, what) for source, (prompts, _outputs) in PROGRAMS.items() for what in prompts]


def planted(source: str, what: Redaction, secrets: Mapping[str, str]) -> Trace:
    """A recording in which secrets stand wherever they can: told, repeated, expected, forced, and known to a check."""
    prompts, outputs = PROGRAMS[source]
    prompt, output = cut(prompts[what].format(**secrets), 1), cut(outputs[what].format(**secrets), 2)
    expected = [shape for secret in secrets.values() for shape in spellings(secret)]
    words = [
        Word(text, 0.5, {one: 0.01 for one in expected[place % 7 :: 7] if one != text}) for place, text in enumerate(output)
    ]
    first, twigs = len(prompt), []
    for number, place in enumerate((0, len(output) // 3, len(output) // 2, len(output) - 2)):
        text = [f"~{number}", *cut(outputs[what].format(**secrets), 3 + number)]
        twigs.append(Twig(first + place, text, [0.2]))
    trace = code_traces.recorded(
        prompt, words, twigs, source=source, stop=[secrets["word"]], command=["tokenscope-record", source, f"--stop={secrets['word']}", "--system", secrets["name"]],
    )  # fmt: skip
    trace = analysed(trace)
    check = {"command": f"grep {secrets['key']} {{file}}", "outputs": [secrets["name"]], "not_run": secrets["word"]}
    table = {"branch": np.array([-1], np.int32), "result": np.array([2], np.uint8), "output": np.array([0], np.uint16)}
    forced = {
        **trace.tables["branches"],
        "asked": np.array([0, 0, 0, 1], np.uint8),
        "forced": np.array([1, 1, 1, 5], np.uint16),
    }
    return trace.replaced({**trace.run, "check": check, "hint": dict(secrets)}, {"checks": table, "branches": forced})


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


@pytest.mark.parametrize("what", [{PROMPT}, {STRINGS, COMMENTS}], ids=str)
def test_an_answer_does_not_say_what_a_message_said(what):
    assert left(conversation(SECRETS), conversation(OTHERS), what, SECRETS) == {}


@pytest.fixture(scope="module")
def model():
    """The small model of the package."""
    from tokenscope_trace.models.loading import load
    from tokenscope_trace.settings import ModelSettings

    return load(ModelSettings())


_PYTHON = 'NAME = "{name}"\nPIN = "{pin}"\n\n\ndef greet(pin):\n    """Greet {name} by {word}."""\n    if pin == PIN:\n        return "'
_SCRIPT = "// {word} {name}\nconst PIN = '{pin}';\nfunction greet(pin) {{\n  // {name}\n  return '"
RECORDED = {"p.py": ([{PROMPT}, {STRINGS}], _PYTHON), "p.js": ([{STRINGS, COMMENTS}, {PROMPT, COMMENTS}], _SCRIPT)}


@pytest.mark.parametrize("source", RECORDED)
def test_nothing_is_left_of_secrets_in_what_a_model_was_recorded_with(model, source):
    from tokenscope_trace import api
    from tokenscope_trace.settings import GenerationSettings, TreeSettings, parse_forced_text

    each, text = RECORDED[source]

    def recorded(secrets: Mapping[str, str]) -> Trace:
        tree = TreeSettings(
            nodes=60, length=8, extra=4, forced=(parse_forced_text(f"2:{secrets['name']} {secrets['pin']}"),)
        )
        settings = GenerationSettings(max_new_tokens=24, temperature=0)
        return api.record(model, text.format(**secrets), source=source, generation=settings, tree=tree)

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
