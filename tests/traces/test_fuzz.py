"""Bounded fuzzing runs, always the same ones: the reader guided by coverage, the viewer's decoder by plain change. `make fuzz` is longer."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from random import Random

import msgpack
import pytest
import zstandard
from tests.attacks.make import ATTACKS
from tests.fuzz import promise, seeds
from tests.fuzz.amplification import amplified
from tests.fuzz.consumers import CONSUMERS
from tests.fuzz.mutation import mutated
from tests.support.envelopes import packed

from tokenscope_trace import Trace
from tokenscope_trace.traces.container import ENVELOPE
from tokenscope_trace.traces.schema import TABLES

ROOT = Path(__file__).parents[2]
GUIDED, PLAIN, LARGE, DECODED, COMPARED = 1000, 150, 40, 500, 300
SOME = 5  # consumers of each payload
ACCEPTS = """
import { readFileSync } from 'node:fs';
import { readTrace } from '#viewer/trace/trace';
const [folder, count] = process.argv.slice(1);
const refused = [];
for (let i = 0; i < Number(count); i++) {
  try { readTrace(new Uint8Array(readFileSync(`${folder}/${i}`))); } catch (error) { refused.push([i, String(error)]); }
}
console.log(JSON.stringify(refused));
"""


@pytest.fixture(scope="module")
def begin(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz") / "seeds"
    seeds.main(folder)
    return folder


def test_the_seeds_are_recordings_with_rows_in_every_table():
    full = set()
    for name, payload in seeds.payloads().items():
        assert promise.hold(payload) is None, name
        full |= {table for table, stored in msgpack.unpackb(payload)["tables"].items() if stored["rows"]}
    assert full == set(TABLES)


@pytest.mark.parametrize("seed", range(3))
def test_a_changed_payload_is_refused_in_a_sentence_or_renders(seed):
    payloads = list(seeds.payloads().values())
    others = [Trace.from_bytes(packed(payload)) for payload in payloads]
    said = []
    for number in range(PLAIN):
        random = Random(1_000_000 * seed + number)
        payload, some = mutated(random.choice(payloads), random), random.sample(list(CONSUMERS), SOME)
        said.append(promise.hold(payload, random.choice(others), some))
    assert len(set(said)) > 20
    assert said.count(None) > PLAIN / 20


def test_a_payload_made_large_is_refused_in_a_sentence_or_no_more_work_than_promised():
    payloads = list(seeds.payloads().values())
    others = [Trace.from_bytes(packed(payload)) for payload in payloads]
    said = []
    for number in range(LARGE):
        random = Random(7_000_000 + number)
        payload, some = amplified(random.choice(payloads), random, most=200), random.sample(list(CONSUMERS), SOME)
        said.append(promise.hold(payload, random.choice(others), some))
    assert said.count(None) > LARGE / 2


def test_what_is_inside_of_the_attacks_holds_the_promise():
    for attack in ATTACKS.values():
        try:
            payload = zstandard.ZstdDecompressor().decompress(attack.data[ENVELOPE.size :], max_output_size=1 << 24)
        except zstandard.ZstdError:
            continue
        promise.hold(payload)


def test_the_guided_run_finds_nothing(begin, tmp_path):
    (tmp_path / "found").mkdir()  # the first folder gets what is found, the others are read
    # The peak of a process counts on in what it starts, so that its bound would be this one's; a large allocation has one of its own.
    bounds = ["-rss_limit_mb=0", "-malloc_limit_mb=2048"]
    options = [f"-atheris_runs={GUIDED}", "-seed=1", f"-artifact_prefix={tmp_path}/", *bounds]
    command = [sys.executable, "tests/fuzz/reader.py", tmp_path / "found", begin, *options]
    finished = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert f"Done {GUIDED} in" in finished.stderr


def test_the_viewers_decoder_refuses_by_its_own_word_or_everything_computes(begin):
    finished = subprocess.run(
        [shutil.which("node"), "tests/fuzz/decoder.js", begin, str(DECODED)], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr[-3000:]
    assert "0 broken promises" in finished.stdout


def test_what_the_reader_takes_the_page_takes(tmp_path):
    payloads, taken = list(seeds.payloads().values()), 0
    for number in range(COMPARED):
        random = Random(5_000_000 + number)
        payload = mutated(random.choice(payloads), random)
        if promise.reads(payload):
            (tmp_path / str(taken)).write_bytes(payload)
            taken += 1
    assert taken > COMPARED / 20
    finished = subprocess.run(
        [shutil.which("node"), "--input-type=module", "-e", ACCEPTS, tmp_path, str(taken)], cwd=ROOT, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert json.loads(finished.stdout) == []
