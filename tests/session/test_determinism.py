"""The same command gives the same bytes but for the clock: in another process, folder, locale, time zone, with another hash seed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.support import synthetic_traces, tiny_tokenizers
from tests.support.tiny_models import tiny_model

from tokenscope_trace import Trace

PROMPT = 'def mean(values):\n    """The arithmetic mean – grüße, 世界."""\n'
# What a process finds around it, and what nothing may depend on.
PLACES = (
    {"PYTHONHASHSEED": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC", "COLUMNS": "200"},
    {"PYTHONHASHSEED": "271828", "LC_ALL": "C", "LANG": "tr_TR.UTF-8", "TZ": "Asia/Kathmandu", "COLUMNS": "40", "USER": "somebody"},
)  # fmt: skip


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "tiny-llama"
    tiny_model(max_position_embeddings=2048).save_pretrained(folder)
    tiny_tokenizers.byte_level().save_pretrained(folder)
    return folder


def run(command, words, folder, place):
    """The command in a process of its own, begun."""
    scratch = folder / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    (folder / "prompt.py").write_text(PROMPT, encoding="utf-8")
    environment = {
        key: value for key, value in os.environ.items() if key not in ("SOURCE_DATE_EPOCH", "LANG", "LC_ALL", "TZ")
    }
    return subprocess.Popen(
        [Path(sys.executable).parent / command, *map(str, words)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**environment, **place, "TMPDIR": str(scratch), "PYTHONUTF8": "0", "HF_HUB_OFFLINE": "1"},
    )


def finish(processes):
    """All at once: they share the machine, which must not show either."""
    for process in processes:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode(errors="replace")


RUNS = {
    "the built-in model, with everything": (
        "--max-new-tokens", 10, "--tree-nodes", 60, "--lens", "--attention-top", 4, "--check", "grep -c def {file}",
        "--decisions", 5, "--stop", r"\n",
    ),
    "sampled, with sampled branches": (
        "--model", "MODEL", "--max-new-tokens", 10, "--temperature", 0.9, "--top-p", 0.9, "--seed", 11, "--tree-nodes", 60,
        "--tree-min-prob", 0.001, "--tree-temperature", 0.7, "--lens", "--force-token", "2:40", "--stop", "e", "--check", "cat {file}; pwd",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RUNS)
def test_two_processes_write_the_same_bytes_but_for_the_clock(tmp_path, model_folder, name):
    files, processes = [], []
    for number, place in enumerate(PLACES):
        folder = tmp_path / f"place-{number}"
        folder.mkdir()
        words = [model_folder if word == "MODEL" else word for word in RUNS[name]]
        if number:  # the model lies somewhere else, too
            shutil.copytree(model_folder, folder / "models" / model_folder.name)
            words = [folder / "models" / model_folder.name if word == model_folder else word for word in words]
        processes.append(run("tokenscope-record", ["prompt.py", *words, "-o", "t.tsc"], folder, place))
        files.append(folder / "t.tsc")
    finish(processes)
    one, two = map(Trace.load, files)
    clock = one.run["clock"]
    assert clock.keys() == two.run["clock"].keys()
    assert {key: value for key, value in one.run.items() if key != "clock"} == {
        key: value for key, value in two.run.items() if key != "clock"
    }
    for table, columns in one.tables.items():
        for column, values in columns.items():
            assert values.tobytes() == two.tables[table][column].tobytes(), (table, column)
    assert two.replaced({**two.run, "clock": clock}, {}).payload == one.payload
    assert len(one.branches) > 2
    assert len(one.checks) > 0
    assert len(one.decisions) > 0
    assert np.isfinite(one.nodes.noise).any()


def test_the_same_trace_gives_the_same_page_and_the_same_json(tmp_path):
    trace = synthetic_traces.looking(synthetic_traces.decided())
    pages, processes = [], []
    for number, place in enumerate(PLACES):
        folder = tmp_path / f"place-{number}"
        folder.mkdir()
        trace.save(folder / "t.tsc")
        for kind in ("html", "json"):
            processes.append(run("tokenscope-html", ["t.tsc", "--format", kind, "-o", f"page.{kind}"], folder, place))
            pages.append(folder / f"page.{kind}")
    finish(processes)
    html, text, again, text_again = (page.read_bytes() for page in pages)
    assert html == again
    assert text == text_again
