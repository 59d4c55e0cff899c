"""The literals of a branch are those that its whole program has there, or more, though only its last statements are parsed.

Of a program that does not parse there is more than one reading, so of those an open string alone is looked for.
"""

from __future__ import annotations

import random

import pytest
import tree_sitter

from tokenscope_trace.languages.branched_literals import BranchedLiterals
from tokenscope_trace.languages.definitions import LANGUAGES, by_file, by_name
from tokenscope_trace.languages.language import grammar
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
]


def covered(ranges, own) -> set[int]:
    return {byte for start, end in ranges for byte in range(max(start, own[0]), min(end, own[1]))}


@pytest.mark.parametrize("source", TEXTS)
def test_branches_and_branches_of_branches_have_their_literals(source):
    rng = random.Random(source)
    text = TEXTS[source].encode()
    language = by_file(source)
    for _ in range(60):
        reading = BranchedLiterals(text, source, language)
        texts, owns = {-1: text}, {-1: (0, len(text))}
        for number in range(6):
            above = rng.choice(list(texts))
            fork = rng.randint(owns[above][0] + 1, owns[above][1])  # behind a token of its own
            added = "".join(rng.choices(CONTINUED, k=rng.randint(1, 4))).encode()
            rest = texts[above][rng.randint(fork, len(texts[above])) :] if rng.random() < 0.3 else b""
            texts[number] = texts[above][:fork] + added + rest
            owns[number] = own = (fork, fork + len(added))
            if language is not None and tree_sitter.Parser(grammar(language)).parse(texts[number]).root_node.has_error:
                texts[number] = texts[above][:fork] + (added := b'\n"QQ QQ')
                owns[number] = own = (fork, fork + len(added))
            found = reading.of_branch(number, above, texts[number], own, kept=True)
            whole = find_literals(texts[number], source, language)
            shown = covered(whole.strings, own) - covered(found.strings, own)
            assert not {byte for byte in shown if texts[number][byte : byte + 1] == b"Q"}, (texts[number], own)
            shown = covered(whole.comments, own) - covered(found.comments, own)
            assert not {byte for byte in shown if texts[number][byte : byte + 1] == b"K"}, (texts[number], own)


def test_every_language_has_its_own_reading():
    for language in LANGUAGES:
        reading = BranchedLiterals(b"x", "-", by_name(language.name))
        assert reading.of_branch(0, -1, b"x 'Q'", (1, 5), kept=False) is not None
