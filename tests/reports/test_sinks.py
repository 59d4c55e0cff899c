"""Nothing in the page makes markup, code or addresses from text: the linter sees each way there is, and finds none."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SNIPPETS = [
    "element.innerHTML = text;",
    "element['innerHTML'] = text;",
    "element.outerHTML = text;",
    "element.innerHTML += text;",
    "element.insertAdjacentHTML('beforeend', text);",
    "element.setHTMLUnsafe(text);",
    "Document.parseHTMLUnsafe(text);",
    "new DOMParser();",
    "parser.parseFromString(text, 'text/html');",
    "document.createRange().createContextualFragment(text);",
    "document.write(text);",
    "document.writeln(text);",
    "document.execCommand('insertHTML', false, text);",
    "frame.srcdoc = text;",
    "eval(text);",
    "globalThis.eval(text);",
    "new Function(text);",
    "Function(text);",
    "setTimeout('alert(1)');",
    "setTimeout(`alert(${text})`);",
    "window.setInterval('alert(1)', 5);",
    "const address = 'javascript:alert(1)';",
    "import(text);",
    "element.setAttribute('onclick', text);",
    "element.setAttribute('ONCLICK', text);",
    "element.setAttribute('href', text);",
    "element.setAttribute('src', text);",
    "element.setAttribute('style', text);",
    "element.setAttribute(`on${text}`, text);",
    "element.setAttribute(text, 'x');",
    "element.setAttributeNS(null, 'href', text);",
    "element.onclick = text;",
    "link.href = text;",
    "image.src = text;",
    "form.action = text;",
    "script.text = text;",
    "element.style.cssText = text;",
    "sheet.insertRule(text);",
    "h('a', { href: text });",
    "h('a', { href: `${text}#` });",
    "h('iframe');",
    "h('script', {}, text);",
    "document.createElement('script');",
    "document.createElement('iframe');",
    "document.createElement(text);",
    "document.createElementNS('http://www.w3.org/2000/svg', 'image');",
    "location = text;",
    "location.href = text;",
    "window.location = text;",
    "location.assign(text);",
    "location.replace(text);",
    "window.open(text);",
    "open(text);",
    "fetch(text);",
    "new XMLHttpRequest();",
    "new WebSocket(text);",
    "new EventSource(text);",
    "new Image();",
    "new Worker(text);",
    "navigator.sendBeacon(text);",
    "trustedTypes.createPolicy('mine', {});",
    "list.push(...others);",
    "Math.max(...values);",
    "new Set(...lists);",
    "element.append(first, ...rest);",
    "Math.max.apply(null, values);",
]
HARMLESS = """
import { h } from '#viewer/elements/dom';
const link = h('a', { href: '#n=1', class: 'x' }, 'text');
link.textContent = 'text';
link.setAttribute('aria-label', 'text');
link.setAttribute(`aria-${'label'}`, 'text');
link.append(document.createElement('p'), 'text');
setTimeout(() => link.focus(), 5);
history.replaceState(null, '', '#n=1');
"""


def lint(source: str, name: str = "elements/snippet.js") -> list[dict]:
    """What the linter says of a module of the viewer."""
    finished = subprocess.run(
        [shutil.which("node"), "node_modules/eslint/bin/eslint.js", "--stdin", "--stdin-filename", f"viewer/{name}", "--format", "json"],
        cwd=ROOT, input=source, capture_output=True, text=True,
    )  # fmt: skip
    return json.loads(finished.stdout)[0]["messages"]


def test_the_linter_refuses_every_sink():
    source = "".join(f"{{ {snippet} }}\n" if not snippet.startswith("import ") else f"{snippet}\n" for snippet in SNIPPETS)
    seen = {message["line"] for message in lint(source)}
    assert [snippet for line, snippet in enumerate(SNIPPETS, 1) if line not in seen] == []


@pytest.mark.parametrize("name", ["snippet.js", "elements/snippet.js", "trace/snippet.js", "reading/inner/snippet.js"])
def test_the_linter_refuses_sinks_in_every_folder(name):
    assert [message["line"] for message in lint("element.innerHTML = text;\nfetch(text);\n", name)] == [1, 2]


@pytest.mark.parametrize(
    ("folder", "refused"), [("trace", [1, 2, 3]), ("reading", [1, 2, 3]), ("elements", []), ("views", [])]
)
def test_what_computes_knows_no_page(folder, refused):
    source = "document.title = 'text';\nwindow.scrollTo(0, 0);\nmatchMedia('print');\n((document) => document.a)({});\n"
    assert [message["line"] for message in lint(source, f"{folder}/snippet.js")] == refused


def test_the_linter_has_nothing_against_elements_made_of_data():
    assert lint(HARMLESS) == []


def test_the_viewer_has_no_sink_but_the_stated_ones():
    finished = subprocess.run(
        [shutil.which("node"), "node_modules/eslint/bin/eslint.js", "viewer"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.stdout == ""
    stated = [
        (path.relative_to(ROOT / "viewer").as_posix(), line.split(" -- ")[1])
        for path in sorted((ROOT / "viewer").rglob("*.js"))
        for line in path.read_text(encoding="utf-8").splitlines()
        if "eslint-disable" in line
    ]
    assert [name for name, _ in stated] == ["boot.js"] * 4 + ["elements/dom.js"] * 2 + ["elements/download.js"]


@pytest.mark.parametrize("path", sorted((ROOT / "templates").glob("*.jinja")), ids=lambda path: path.name)
def test_no_template_takes_text_for_markup(path):
    source = path.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*(safe|forceescape|xmlattr|tojson|urlize)\b|autoescape|Markup", source)
    assert not re.search(
        r"""\s(?:on\w+|style|srcdoc)\s*=""", source.split("<body>")[0].split("<!doctype")[0] + source.split("<body>")[1]
    )
    own = source.replace('<link rel="icon" type="image/svg+xml" href="{{ icon }}">', "")  # one of six pictures of our own
    assert not re.search(r"""(?:href|src|action)="(?!#)""", own)
    assert not re.search(r"\s[\w-]+=\{[{%]", source)  # an attribute without quotation marks


def test_python_makes_markup_of_its_own_sources_alone():
    """ruff's S704 refuses every other use."""
    package = ROOT / "recorder" / "tokenscope_trace"
    uses = {
        path.relative_to(package).as_posix(): len(re.findall(r"\bMarkup\(", path.read_text(encoding="utf-8")))
        for path in package.rglob("*.py")
    }
    assert {name: count for name, count in uses.items() if count} == {"reports/page.py": 2, "comparison/page.py": 1}
    assert "autoescape=True" in (package / "reports" / "page.py").read_text(encoding="utf-8")
