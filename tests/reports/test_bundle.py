import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import tree_sitter_javascript
from tree_sitter import Language, Parser

import tokenscope_trace.reports.bundle as bundle_module
from tokenscope_trace.reports.assets import boot_script, viewer_script
from tokenscope_trace.reports.bundle import BundleError, bundle_classic, bundle_modules, bundle_style

NODE = shutil.which("node")
ROOT = Path(__file__).parents[2]


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
    assert run(bundle_modules(sources, "main")) == ["log", "double", 8]


def test_names_of_one_module_are_hidden_from_the_others():
    sources = {
        "main": "import { a, b } from '#viewer/other';\nconst hidden = 1;\nglobalThis.result = [hidden, a, b()];\n",
        "other": "const hidden = 2;\nexport const a = hidden;\nexport class K {}\nexport async function* c() {}\nexport function b() {\n  return hidden + 1;\n}\n",
    }
    assert run(bundle_modules(sources, "main")) == [1, 2, 3]


def test_a_module_in_a_folder_is_imported_by_its_place():
    sources = {
        "main": "import { a } from '#viewer/folder/other';\nglobalThis.result = a();\n",
        "folder/other": "import { b } from '#viewer/folder/inner/deep';\nexport function a() {\n  return b + 1;\n}\n",
        "folder/inner/deep": "export const b = 2;\n",
    }
    assert run(bundle_modules(sources, "main")) == 3


def test_the_script_is_ascii_and_means_the_same():
    sources = {"main": "globalThis.result = ['é', `あ`, /[\U0001f600-\U0001f602]/u.test('\U0001f601')]; // ü\n"}
    script = bundle_modules(sources, "main")
    assert script.isascii()
    assert run(script) == ["é", "あ", True]


def test_comments_are_left_out_and_what_looks_like_one_stays():
    source = (
        "/** @typedef {{ a: number }} A */\n\n/** Adds. @param {number} a @returns {number} */\nexport function add(a) {\n"
        "  // one\n  return /** @type {any} */ (a) + 1;\n}\n/**\n * Says\n * more.\n * @param {A} b\n */\nfunction more(b) {}\n"
        "more(1);\nglobalThis.result = [add(1), '// text', `// a ${'//'} b`, 'a'.replace(/\\/\\//g, '')];\n"
    )
    script = bundle_modules({"main": source}, "main")
    for comment in ("@", "Adds", "one", "Says"):
        assert comment not in script
    assert run(script) == [2, "// text", "// a // b", "a"]


def test_names_stay_and_white_space_goes():
    source = "export function twice(number) {\n  // Doubles.\n  return number + number;\n}\n"
    assert bundle_modules({"main": source}, "main") == (
        "(()=>{'use strict';\nconst $main=(()=>{function twice(number){return number+number;}\n"
        "return Object.freeze({twice});})();\n})();\n"
    )


def test_a_script_that_stands_by_itself_is_ascii_without_comments():
    assert bundle_classic("boot", "/** Says\n * more. */\n\nf('é'); // why\n  // one\n") == "f('\\u00e9');\n"


def test_statements_without_semicolons_stay_apart():
    source = "let a = 1\nlet b = a\n++b\nglobalThis.result = [a, b]\n;[a] = [3]\nglobalThis.result.push(a)"
    assert run(bundle_modules({"main": source + "\n"}, "main")) == [1, 2, 3]


def test_white_space_inside_of_texts_stays():
    source = (
        "globalThis.result = [\n  '  a  ',\n\t`  ${1}  b`, /  c/.source, `${`d  e`}  f`, String.raw  `\\  g`,\n"
        "  ['h  [  //'].map(x => /h  [[]  \\/[/]/.test(x))[0]];\n"
    )
    expected = ["  a  ", "  1  b", "  c", "d  e  f", "\\  g", True]
    assert run(source) == expected
    assert run(bundle_modules({"main": source}, "main")) == expected


def test_a_template_literal_of_several_lines_is_refused():
    with pytest.raises(BundleError, match="main has a template literal that spans lines"):
        bundle_modules({"main": "const a = `\n// not a comment\n`;\n"}, "main")


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
        bundle_modules({"main": source, "other": "export const a = 1;\n"}, "main")
    assert "main uses a form that is not supported" in str(error.value)
    assert named in str(error.value)


def test_cycles_are_refused_by_name():
    sources = {
        "main": "import { b } from '#viewer/b';\n",
        "b": "import { c } from '#viewer/c';\n",
        "c": "import { b } from '#viewer/b';\n",
    }
    with pytest.raises(BundleError, match="main -> b -> c -> b"):
        bundle_modules(sources, "main")


def test_a_missing_module_and_a_missing_export_are_refused_by_name():
    with pytest.raises(BundleError, match="main imports nothing, which does not exist"):
        bundle_modules({"main": "import { a } from '#viewer/nothing';\n"}, "main")
    with pytest.raises(BundleError, match="main imports b from other, which does not export it"):
        bundle_modules({"main": "import { a, b } from '#viewer/other';\n", "other": "export const a = 1;\n"}, "main")


@pytest.mark.parametrize("text", ["</script", "</SCRIPT", "<!--"])
def test_what_would_end_the_script_is_refused(text):
    with pytest.raises(BundleError, match="would end it"):
        bundle_modules({"main": f"const a = '{text}';\n"}, "main")
    with pytest.raises(BundleError, match="would end it"):
        bundle_classic("boot", f"const a = '{text}';\n")


def test_the_viewer_itself_is_one_script_of_every_module():
    script = viewer_script()
    assert script.isascii()
    paths = {path.relative_to(ROOT / "viewer") for path in (ROOT / "viewer").rglob("*.js")} - {Path("boot.js")}
    modules = {path.with_suffix("").as_posix().replace("/", "_") for path in paths}
    assert len(modules) == len(paths) > 50
    assert set(re.findall(r"^const \$(\w+)=\(\(\)=>\{", script, re.MULTILINE)) == modules


def tree_of(script):
    """The script's syntax in order: kinds of nodes and texts of leaves, without comments and what stands between the tokens."""
    tree = Parser(Language(tree_sitter_javascript.language())).parse(script.encode())
    assert not tree.root_node.has_error
    found, waiting = [], [tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.type != "comment":
            found.append((node.type, "" if node.child_count else node.text))
            waiting += node.children[::-1]
    return found


def test_without_white_space_the_viewer_is_the_same_program(monkeypatch):
    pairs = []

    def recorded(name, source):
        pairs.append((source, minified(name, source)))
        return pairs[-1][1]

    minified = bundle_module._minified
    monkeypatch.setattr(bundle_module, "_minified", recorded)
    viewer_script.__wrapped__()
    boot_script.__wrapped__()
    assert len(pairs) == len(list((ROOT / "viewer").rglob("*.js")))
    for source, short in pairs:
        assert tree_of(short) == tree_of(source)


@pytest.mark.parametrize("script", [viewer_script, boot_script])
def test_the_scripts_of_the_page_are_scripts(script):
    assert subprocess.run([NODE, "--check", "-"], input=script().encode(), capture_output=True, check=False).returncode == 0


def test_the_style_keeps_its_rules_and_strings():
    style = '/* a: b; c */\na :is(b, c) > d { color: red; content: "x"; }\n@media (min-width: 9px) {\n  e { top: 0; }\n}\n'
    assert bundle_style(style) == 'a :is(b,c)>d{color:red;content:"x";}\n@media (min-width:9px){\ne{top:0;}\n}\n'


@pytest.mark.parametrize("style", ["a { content: '\u00b7'; }", "/* </STYLE> */"])
def test_a_style_that_is_not_safe_in_a_page_is_refused(style):
    with pytest.raises(BundleError, match="style sheet"):
        bundle_style(style)
