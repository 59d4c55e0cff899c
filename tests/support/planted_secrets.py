"""Recordings with secrets in every place that one can stand in, for what looks for them in everything that is written."""

from __future__ import annotations

import random
from collections.abc import Mapping

import numpy as np
from tests.support import code_traces
from tests.support.code_traces import Twig, Word

from tokenscope_trace import Trace
from tokenscope_trace.analysis.pipeline import analysed
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
