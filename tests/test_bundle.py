import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tokenscope_trace.bundle import BundleError, bundle, bundle_style, compact, shorten
from tokenscope_trace.report import viewer_script

NODE = shutil.which("node")
ROOT = Path(__file__).parent.parent


def run(script):
    """What the script leaves in `globalThis.result`."""
    finished = subprocess.run(
        [NODE, "-e", f"{script};process.stdout.write(JSON.stringify(globalThis.result))"], capture_output=True, check=True
    )
    return json.loads(finished.stdout)


def test_modules_run_in_the_order_of_their_imports_and_once():
    sources = {
        "main": "import { twice } from '#viewer/double';\nimport { log } from '#viewer/log';\nlog(twice(4));\nglobalThis.result = log();\n",
        "double": "import { log } from '#viewer/log';\nlog('double');\nexport const twice = (n) => 2 * n;\n",
        "log": "const lines = ['log'];\nexport function log(line) {\n  if (line) lines.push(line);\n  return lines;\n}\n",
    }
    assert run(bundle(sources, "main")) == ["log", "double", 8]


def test_names_of_one_module_are_hidden_from_the_others():
    sources = {
        "main": "import { a, b } from '#viewer/other';\nconst hidden = 1;\nglobalThis.result = [hidden, a, b()];\n",
        "other": "const hidden = 2;\nexport const a = hidden;\nexport class K {}\nexport async function* c() {}\nexport function b() {\n  return hidden + 1;\n}\n",
    }
    assert run(bundle(sources, "main")) == [1, 2, 3]


def test_the_script_is_ascii_and_means_the_same():
    sources = {"main": "globalThis.result = ['é', `あ`, /[\U0001f600-\U0001f602]/u.test('\U0001f601')]; // ü\n"}
    script = bundle(sources, "main")
    assert script.isascii()
    assert run(script) == ["é", "あ", True]


def test_comments_are_left_out_and_what_looks_like_one_stays():
    source = (
        "/** @typedef {{ a: number }} A */\n\n/** Adds. @param {number} a @returns {number} */\nexport function add(a) {\n"
        "  // one\n  return /** @type {any} */ (a) + 1;\n}\n/**\n * Says\n * more.\n * @param {A} b\n */\nfunction more(b) {}\n"
        "more(1);\nglobalThis.result = [add(1), '// text', `// a ${'//'} b`, 'a'.replace(/\\/\\//g, '')];\n"
    )
    script = bundle({"main": source}, "main")
    for comment in ("@", "Adds", "one", "Says"):
        assert comment not in script
    assert run(script) == [2, "// text", "// a // b", "a"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("const a = 1 + 2;", "const a=1+2;"),
        ("a = b + +c - -d;", "a=b+ +c- -d;"),
        ("a = ' x  y ' + \"' z\";", "a=' x  y '+\"' z\";"),
        ("a = `x  ${b + ' }` ' + `${ c }`}  y`;", "a=`x  ${b + ' }` ' + `${ c }`}  y`;"),
        ("a = b.replace(/[/ ' ]  +/g, c) / d / e;", "a=b.replace(/[/ ' ]  +/g,c)/d/e;"),
        ("return / x/.test(y)", "return/ x/.test(y)"),
        ("if (a) {\n\n  b = ' ';\n}\nelse c();", "if(a){\nb=' ';\n}\nelse c();"),
        ("a = 1 .toFixed(); typeof b", "a=1 .toFixed();typeof b"),
    ],
)
def test_spaces_that_separate_nothing_are_left_out(source, expected):
    assert compact(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "const first = { second: 1, third() { return this.second; } }; const { second, third } = first; result = [second, first.third()];",
        "const make = ({ inner = 2, ...others }, list) => ({ inner, others, list }); result = make({ other: 3 }, [...'ab']);",
        "class Thing { constructor(value) { this.value = value; } get twice() { return 2 * this.value; } } result = new Thing(4).twice;",
        "const name = 'x', outer = { name: { name } }; result = `${name} ${outer.name.name + `${[name].map((each) => `<${each}>`)}`} name`;",
        "function pick(value) { switch (value) { case 'a': { const found = value; return found; } default: return value ? { value } : value; } } result = [pick('a'), pick('b'), pick(0)];",
        "const get = 5, of = [get]; for (const each of of) result = { get, each, 'of': each ? get : of };",
        "let total = 0; for (let index = 0, last = 3; index < last; index++) { total += index; } result = { total, index: -total };",
        "const f = (x) => x; const o = { class: 1, a: f(2), b: { c: f(3) } }; if (o) { f(o); result = [o, o.a]; }",
        "const key = 'same'; result = `${{ same: 1, key: 2 }[key]} ${{ key }.key}`;",
        "const value = null; result = [value?.length, value ?? { length: 1 }.length, /value/.test('value')];",
    ],
)
def test_short_names_mean_the_same(source):
    script = "globalThis.result = (() => { let result; %s return result; })();"
    short = shorten(script % source)
    assert run(short) == run(script % source)
    assert len(short) <= len(script % source)


def test_braces_that_could_be_either_are_refused():
    with pytest.raises(BundleError, match="statements or properties"):
        shorten("const a = 1; if (a) { b: a; }")


def test_no_name_of_the_viewer_is_left_without_what_it_names(tmp_path):
    path = tmp_path / "viewer.js"
    path.write_text(viewer_script(), encoding="ascii")
    tsc = ROOT / "node_modules" / "typescript" / "bin" / "tsc"
    words = [
        "--noEmit",
        "--allowJs",
        "--checkJs",
        "--target",
        "es2022",
        "--lib",
        "es2023,dom,dom.iterable",
        path.name,
    ]
    found = subprocess.run([NODE, tsc, *words], cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "viewer.js" in found, "the bundle has no types, so there is always something to complain of"
    assert [line for line in found.splitlines() if "Cannot find name" in line] == []


def test_a_template_literal_of_several_lines_is_refused():
    with pytest.raises(BundleError, match="main has a template literal that spans lines"):
        bundle({"main": "const a = `\n// not a comment\n`;\n"}, "main")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import * as all from '#viewer/other';\n", "import * as all"),
        ("import other from '#viewer/other';\n", "import other"),
        ("import { a } from './other.js';\n", "import { a } from './other.js'"),
        ("import '#viewer/other';\n", "import '#viewer/other'"),
        ("import { a as b } from '#viewer/other';\nb();\n", "a as b"),
        ("export default 1;\n", "export default"),
        ("export { a };\n", "export { a }"),
        ("export let a = 1;\n", "export let"),
        ("export * from '#viewer/other';\n", "export *"),
        ("const a = import('x');\n", "import('x')"),
        ("f(import.meta.url);\n", "import.meta"),
        ("await f();\n", "await f()"),
    ],
)
def test_other_forms_are_refused_by_name(source, named):
    with pytest.raises(BundleError) as error:
        bundle({"main": source, "other": "export const a = 1;\n"}, "main")
    assert "main uses a form that is not supported" in str(error.value)
    assert named in str(error.value)


def test_cycles_are_refused_by_name():
    sources = {
        "main": "import { b } from '#viewer/b';\n",
        "b": "import { c } from '#viewer/c';\n",
        "c": "import { b } from '#viewer/b';\n",
    }
    with pytest.raises(BundleError, match="main -> b -> c -> b"):
        bundle(sources, "main")


def test_a_missing_module_and_a_missing_export_are_refused_by_name():
    with pytest.raises(BundleError, match="main imports nothing, which does not exist"):
        bundle({"main": "import { a } from '#viewer/nothing';\n"}, "main")
    with pytest.raises(BundleError, match="main imports b from other, which does not export it"):
        bundle({"main": "import { a, b } from '#viewer/other';\n", "other": "export const a = 1;\n"}, "main")


@pytest.mark.parametrize("text", ["</script", "</SCRIPT", "<!--"])
def test_what_would_end_the_script_is_refused(text):
    with pytest.raises(BundleError, match="would end it"):
        bundle({"main": f"const a = '{text}';\n"}, "main")


def test_the_viewer_itself_is_one_script_of_every_module():
    script = viewer_script()
    assert script.isascii()
    assert subprocess.run([NODE, "--check", "-"], input=script.encode(), capture_output=True, check=False).returncode == 0


def test_the_style_keeps_its_rules_and_strings():
    style = '/* a: b; c */\na :is(b, c) > d { color: red; content: "x"; }\n@media (min-width: 9px) {\n  e { top: 0; }\n}\n'
    assert bundle_style(style) == 'a :is(b,c)>d{color:red;content:"x";}\n@media (min-width:9px){\ne{top:0;}\n}\n'


@pytest.mark.parametrize("style", ["a { content: '\u00b7'; }", "/* </STYLE> */"])
def test_a_style_that_is_not_safe_in_a_page_is_refused(style):
    with pytest.raises(BundleError, match="style sheet"):
        bundle_style(style)
