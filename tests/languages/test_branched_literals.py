"""The literals of a branch are those that its whole program has there, whether it parses or not, or all of it."""

from __future__ import annotations

import random

import pytest

from tokenscope_trace.languages import branched_literals
from tokenscope_trace.languages.branched_literals import BranchedLiterals
from tokenscope_trace.languages.definitions import LANGUAGES, by_file, by_name
from tokenscope_trace.languages.literals import find_literals

TEXTS = {
    "p.py": 'import os\nKEY = "QQ"\n\n\ndef f(a):\n    """QQ\n    QQ"""\n    x = a + \'QQ\'  # KK\n    return f"QQ{x}QQ"\n\n\nprint("QQ")\n',
    "p.js": "const a = 'QQ';\n/* KK */ function f(x) {\n  return `QQ${x}QQ` + <b>QQ</b>; // KK\n}\nf(/QQ/);\n",
    "p.sh": "export A=QQ\n# KK\nfor i in QQ QQ; do\n  echo \"QQ\" 'QQ' --x=QQ\ndone\ncat <<E\nQQ QQ\nE\nls -l\n",
    "p.rs": "fn f<'a>(x: &'a str) -> &'a str {\n    // KK\n    \"QQ\"\n}\nconst C: char = 'Q';\n",
    "a.md": "QQ\n\n```python\nx = 'QQ'\n```\n\nQQ\n\n```js\nlet a = 'QQ'; // KK\n```\nQQ\n",
    ".env": "A=QQ\nexport B=QQ # KK\n# KK\n",
}
CONTINUED = [
    " + 'QQ'",
    "\nx = 'QQ'\n",
    '("QQ")',
    '"QQ',
    "QQ'",
    "\n'QQ'\n",
    "# KK\n",
    "// KK",
    ")\n",
    "QQ\n```\n",
    " = 1\n",
    '"""QQ\n',
    "</b>",
    "`QQ",
    "\\",
    "'",
    "/*",
    "*/ KK",
    "${QQ",
    "/'QQ",
    "\\'QQ\\\n",
    "; cat <<E; ls\n",
    "\nE\n",
    " -->",
    "#",
    "}",
    "\n~~~js\n",
    "\n- QQ\n",
]


def covered(ranges, own) -> set[int]:
    return {byte for start, end in ranges for byte in range(max(start, own[0]), min(end, own[1]))}


@pytest.mark.parametrize("source", TEXTS)
def test_branches_and_branches_of_branches_have_the_literals_of_their_programs(source):
    rng = random.Random(source)
    text = TEXTS[source].encode()
    language = by_file(source)
    for _ in range(60):
        reading = BranchedLiterals(text, source, language)
        texts, owns = [text], [(0, len(text))]
        for _number in range(6):
            above = rng.randrange(len(texts))
            fork = rng.randint(owns[above][0] + 1, owns[above][1])  # behind a token of its own
            added = "".join(rng.choices(CONTINUED, k=rng.randint(1, 4))).encode()
            rest = texts[above][rng.randint(fork, len(texts[above])) :] if rng.random() < 0.3 else b""
            texts.append(texts[above][:fork] + added + rest)
            owns.append(own := (fork, fork + len(added)))
            found, whole = reading.of_branch(texts[-1], own), find_literals(texts[-1], source, language)
            assert covered(whole.strings, own) <= covered(found.strings, own), (texts[-1], own)
            assert covered(whole.comments, own) <= covered(found.comments, own), (texts[-1], own)


@pytest.mark.parametrize("source", [*TEXTS, "notes.txt"])
def test_so_many_branches_are_read_as_there_is_work(source, monkeypatch):
    text = TEXTS.get(source, "QQ\n" * 50).encode()
    monkeypatch.setattr(branched_literals, "MAX_READ", 2 * len(text) + 1)
    reading = BranchedLiterals(text, source, by_file(source))
    read = 0
    while not reading.spent:
        reading.of_branch(text, (3, 4))
        read += 1
    assert 1 <= read <= 3


def test_what_a_parser_reads_again_is_work_as_well():
    text = b"def f():\n" + b"    # one of many\n" * 400 + b"    pass\n"
    spent = []
    for one in (text, text.replace(b"# ", b"x ")):
        reading = BranchedLiterals(one, "p.py", by_name("python"))
        reading.of_branch(one, (0, 9))
        spent.append(branched_literals.MAX_READ - reading._work.left - len(one))
    assert spent[0] > 4 * spent[1] > 0


def test_every_language_has_its_own_reading():
    for language in LANGUAGES:
        reading = BranchedLiterals(b"x", "-", by_name(language.name))
        assert reading.of_branch(b"x 'Q'", (1, 5)) is not None
