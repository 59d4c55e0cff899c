"""Every attack file ends in its own sentence: in Python, in the command, and what is inside of it in the page's decoder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from tests.attacks.make import ATTACKS, FOLDER

from tokenscope_trace import Trace
from tokenscope_trace.cli.html_command import main
from tokenscope_trace.errors import TraceError
from tokenscope_trace.traces.container import ENVELOPE

FORMATS = ("html", "markdown", "json", "sarif")
DECODE = """
import { readFileSync } from 'node:fs';
import { readTrace } from '#viewer/trace/trace';
const said = {};
for (const [name, path] of Object.entries(JSON.parse(process.argv[1]))) {
  try { readTrace(new Uint8Array(readFileSync(path))); said[name] = null; }
  catch (error) { said[name] = error.constructor === Error ? error.message : `not by its own word: ${error}`; }
}
console.log(JSON.stringify(said));
"""


def test_each_attack_has_its_file():
    assert {path.stem for path in FOLDER.glob("*.tsc")} == set(ATTACKS)


@pytest.mark.parametrize("name", ATTACKS)
def test_the_reader_refuses_it_in_one_sentence(name):
    path = FOLDER / f"{name}.tsc"
    with pytest.raises(TraceError) as refused:
        Trace.load(path)
    sentence = str(refused.value)
    assert sentence.startswith(f"cannot read {path}: ")
    assert ATTACKS[name].reader in sentence
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert len(sentence) < len(str(path)) + 250


@pytest.mark.parametrize("name", ATTACKS)
def test_the_command_refuses_it_with_its_exit_code_and_writes_nothing(name, tmp_path, capsys):
    trace = shutil.copy(FOLDER / f"{name}.tsc", tmp_path / "t.tsc")
    for kind in FORMATS if name == "parents-in-a-circle" else FORMATS[:1]:
        with pytest.raises(SystemExit) as ended:
            main([str(trace), "--format", kind], standalone_mode=True)
        assert ended.value.code == 6
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith("tokenscope-html: error: cannot read ")
        assert err.count("\n") == 1
        assert ATTACKS[name].reader in err
    assert [path.name for path in tmp_path.iterdir()] == ["t.tsc"]


def test_the_page_refuses_what_is_inside(tmp_path):
    paths = {}
    for name, attack in ATTACKS.items():
        if attack.viewer is not None:
            payload = zstandard.ZstdDecompressor().decompress((FOLDER / f"{name}.tsc").read_bytes()[ENVELOPE.size :])
            (tmp_path / name).write_bytes(payload)
            paths[name] = str(tmp_path / name)
    node = shutil.which("node")
    assert node is not None
    finished = subprocess.run(
        [node, "--input-type=module", "-e", DECODE, json.dumps(paths)],
        cwd=Path(__file__).parents[2], capture_output=True, check=True, text=True,
    )  # fmt: skip
    said = json.loads(finished.stdout)
    assert len(said) > 40
    assert {name: words for name, words in said.items() if ATTACKS[name].viewer not in (words or "")} == {}


MEASURE = """
import resource, sys
from tokenscope_trace import Trace
from tokenscope_trace.errors import TraceError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try: Trace.load(path)
    except TraceError: pass
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_none_of_them_takes_more_memory_than_a_recording_may():
    """The largest payload that a small file may have is 16 MiB."""
    paths = [str(FOLDER / f"{name}.tsc") for name in ATTACKS]
    finished = subprocess.run([sys.executable, "-c", MEASURE, *paths], capture_output=True, check=True, text=True)
    assert int(finished.stdout) < 400_000  # kilobytes
