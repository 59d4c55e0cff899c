"""What follows the last forward of a recording, and what a page takes: beside the same with a trace that is made through its file.

After the last forward a trace is put together, its code is analysed (checks aside), what may be written is prepared, and it is encoded.
A page is read and rendered. Both are measured for the samples and for a recording of --nodes tokens with --shown on its main path; the
rival compresses, decompresses, decodes and checks the whole of a trace whenever one is made or changed, as TokenScope once did.
Variants alternate; ratios are those of the medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT))
from tests.benchmarks.large_recording import make  # noqa: E402

from tokenscope_trace.analysis.pipeline import with_decisions  # noqa: E402
from tokenscope_trace.languages.definitions import by_name  # noqa: E402
from tokenscope_trace.privacy.sanitize import Preparation  # noqa: E402
from tokenscope_trace.reports.page import html_page  # noqa: E402
from tokenscope_trace.traces import container, validation  # noqa: E402
from tokenscope_trace.traces.schema import CODE_TABLES  # noqa: E402
from tokenscope_trace.traces.trace import Trace  # noqa: E402


@contextmanager
def through_files() -> Iterator[None]:
    """Every trace that is made or changed meanwhile goes through the bytes of a file, and is checked as a whole."""
    stored, check = container.stored_trace, validation.check
    container.stored_trace = lambda run, tables: container.decode_trace(
        container.encode_file(container.encode_payload(run, stored(run, tables).tables))
    )
    validation.check = lambda contents, _before=None: check(contents)
    try:
        yield
    finally:
        container.stored_trace, validation.check = stored, check


def bare(trace: Trace) -> Trace:
    """The recording as it is after its last forward."""
    facts = {key: value for key, value in trace.run.items() if key not in ("syntax", "decisions", "check", "missing")}
    tables = {name: {key: values[:0] for key, values in trace.tables[name].items()} for name in CODE_TABLES}
    return trace.replaced({**facts, "notes": []}, tables)


def finished(trace: Trace) -> bytes:
    """The bytes of the trace of what there is after the last forward."""
    language = by_name(str((trace.run.get("asked") or {}).get("language") or ""))
    found = with_decisions(Trace(trace.run, trace.tables), language)
    return Preparation((), None, lambda _sentence: None)(found).to_bytes()


def page(data: bytes) -> str:
    """The page of a trace file."""
    return html_page(Trace.from_bytes(data))


def compared(name: str, work: Callable[[], object], rounds: int) -> None:
    """Print seconds of the work, and how often longer it takes where traces go through files."""
    own, rival = [], []
    for _round in range(rounds):
        begin = time.perf_counter()
        work()
        own.append(time.perf_counter() - begin)
        with through_files():
            begin = time.perf_counter()
            work()
            rival.append(time.perf_counter() - begin)
    ours, theirs = statistics.median(own), statistics.median(rival)
    click.echo(f"  {name:32} {ours:7.2f} s   through files {theirs:7.2f} s   {theirs / ours:5.2f} times")


@click.command()
@click.option("--nodes", default=200_000, show_default=True)
@click.option("--shown", default=4_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(nodes: int, shown: int, rounds: int) -> None:
    """Measure both for the samples and for a large recording."""
    traces = {path.stem: Trace.load(path) for path in sorted((ROOT / "samples").glob("*.tsc"))}
    traces[f"{nodes:,} tokens"] = make(nodes, shown)
    for title, work in (
        ("After the last forward, checks aside", lambda trace: lambda: finished(bare(trace))),
        ("tokenscope-html", lambda trace: (lambda data: lambda: page(data))(trace.to_bytes())),
    ):
        click.echo(f"{title}, median of {rounds}:")
        for name, trace in traces.items():
            compared(name, work(trace), rounds)


if __name__ == "__main__":
    main()
