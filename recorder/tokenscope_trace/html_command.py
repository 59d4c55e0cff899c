"""The command `tokenscope-html`: a trace file in, one offline HTML file out, or its decisions as Markdown or SARIF, or all as JSON; two
trace files in, one page that compares them out.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tokenscope_trace import Trace, __version__
from tokenscope_trace.errors import OutputError, TraceError, reported
from tokenscope_trace.figures import file_size
from tokenscope_trace.files import check_writable, write_atomically

PROGRAM = "tokenscope-html"
MAIL_BYTES = 7_000_000
GITHUB_BYTES = 25_000_000

_SUFFIXES = {"html": ".html", "markdown": ".md", "json": ".json", "sarif": ".sarif"}
_NEXT = {
    "html": "open it in a browser, or attach it as it is.",
    "markdown": "paste it into the pull request.",
    "json": "report.schema.json, beside this program's code, describes it.",
    "sarif": "upload it to code scanning.",
}

_EPILOG = """\b
Examples:
  tokenscope-html trace.tsc                   writes trace.html beside it
  tokenscope-html trace.tsc -o review.html    writes review.html
  tokenscope-html before.tsc after.tsc        writes before-after.html, which compares the two
  tokenscope-html trace.tsc -o - | wc -c      writes to standard output
  tokenscope-html trace.tsc --format markdown -o - | gh pr comment --body-file -
  tokenscope-html trace.tsc --format json -o - | jq .summary.output.perplexity
  tokenscope-html trace.tsc --format sarif    writes trace.sarif for code scanning

\b
Exit codes: 0 written, 2 wrong command line, 5 the output cannot be written,
6 the trace cannot be read.
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("traces", metavar="TRACE [TRACE]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write; - is standard output.  [default: TRACE, ending in .html, .md, .json or .sarif]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(_SUFFIXES)),
    default="html",
    show_default=True,
    metavar="FORMAT",
    help="html is the page; markdown the decisions alone, for the text of a pull request, in less than 60 lines; json every "
    "number, for scripts; sarif the decisions as notes for code scanning.",
)
@click.option("--title", metavar="TEXT", help="Title of the page.  [default: the name of the prompt's file]")
@click.option("--force", is_flag=True, help="Overwrite the output if it exists.")
@click.version_option(__version__, prog_name=PROGRAM)
def main(traces: tuple[Path, ...], output: str | None, kind: str, title: str | None, force: bool) -> None:
    """Turn a recording into one HTML file that anybody can open.

    TRACE is a file that tokenscope-record wrote. The page holds everything inside: it needs no network, no server and no
    model, and it sends nothing anywhere. Attach it to a pull request, a bug report or a build.

    Two traces of the same prompt, or of the same code, make one page that sets them beside each other: two models, two
    settings, before and after.

    The page contains the prompt, the output and the alternatives: share it as you would share the code.
    """
    if len(traces) > 2:
        raise click.UsageError(f"there are {len(traces)} traces; give one, or two to compare.")
    if len(traces) == 2 and kind != "html":
        raise click.UsageError(f"two traces are compared in a page; --format {kind} is of one.")
    with reported(PROGRAM):
        _run(traces, output, kind, title, force)


def _run(traces: tuple[Path, ...], output: str | None, kind: str, title: str | None, force: bool) -> None:
    for trace in traces:
        if not trace.exists():
            raise TraceError(f"there is no file {trace}; tokenscope-record PROMPT -o {trace} would write it.")
    target = None if output == "-" else Path(output) if output else _default(traces, kind)
    if target is not None:
        if target.resolve() in [trace.resolve() for trace in traces]:
            raise OutputError(f"{target} is the trace itself; name the report with -o.")
        check_writable(target, force=force)
    page = (_compared(traces, title) if len(traces) == 2 else _rendered(traces[0], kind, title)).encode("utf-8")
    if target is None:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
        return
    write_atomically(target, page, force=force)
    click.echo(f"{target}  {file_size(len(page))}  {_NEXT[kind]}", err=True)
    if kind != "html":
        return
    if len(page) > GITHUB_BYTES:
        click.echo(
            f"Note: GitHub takes attachments up to {file_size(GITHUB_BYTES)}; a smaller --top-alternatives when recording saves most.",
            err=True,
        )
    elif len(page) > MAIL_BYTES:
        click.echo(f"Note: many mail servers and trackers refuse more than {file_size(MAIL_BYTES)}.", err=True)


def _default(traces: tuple[Path, ...], kind: str) -> Path:
    """Beside the first trace, under the names of all."""
    name = "-".join(dict.fromkeys(trace.stem for trace in traces))
    return traces[0].with_name(name + _SUFFIXES[kind])


def _compared(traces: tuple[Path, ...], title: str | None) -> str:
    from tokenscope_trace.comparison_report import render_comparison

    first, second = (Trace.load(trace) for trace in traces)
    return render_comparison(first, second, title=title)


def _rendered(trace: Path, kind: str, title: str | None) -> str:
    """The text of one format. Imported after the cheap checks: templates cost a tenth of a second."""
    if kind == "markdown":
        from tokenscope_trace.pull_request import markdown

        return markdown(Trace.load(trace), trace.with_suffix(".html").name, title=title)
    if kind == "json":
        from tokenscope_trace.json_report import json_report

        return json_report(Trace.load(trace), title=title)
    if kind == "sarif":
        from tokenscope_trace.sarif import sarif

        return sarif(Trace.load(trace), title=title)
    from tokenscope_trace.report import render

    return render(Trace.load(trace), title=title)
