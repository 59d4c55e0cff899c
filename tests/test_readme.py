"""README's Python runs as it stands there."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.tables import small_run, small_tables

from tokenscope_trace import Trace

BLOCKS = re.findall(
    r"```python\n(.*?)```", (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8"), re.DOTALL
)


def test_reading_a_trace(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Trace(small_run(), small_tables()).save("trace.tsc")
    exec(compile(BLOCKS[1], "README.md", "exec"), {})
    assert len(capsys.readouterr().out.splitlines()) >= 3  # two alternatives and a layer of attention


def test_recording_from_python(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(BLOCKS[0], "README.md", "exec"), {})
    trace = Trace.load("mean.tsc")
    assert trace.text(trace.prompt) == b"def mean(values):"
    assert len(trace.branches) > 0
    assert {path.name for path in tmp_path.iterdir()} == {"mean.tsc", "mean.html", "both.html"}
