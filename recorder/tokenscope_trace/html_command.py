"""The command `tokenscope-html`: a trace file in, one offline HTML file out, or its decisions as Markdown."""

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

_SUFFIXES = {"html": ".html", "markdown": ".md"}

_EPILOG = """\b
Examples:
  tokenscope-html trace.tsc                   writes trace.html beside it
  tokenscope-html trace.tsc -o review.html    writes review.html
  tokenscope-html trace.tsc -o - | wc -c      writes to standard output
  tokenscope-html trace.tsc --format markdown -o - | gh pr comment --body-file -

\b
Exit codes: 0 written, 2 wrong command line, 5 the output cannot be written,
6 the trace cannot be read.
"""


@click.command(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.argument("trace", type=click.Path(path_type=Path))
@click.option(
    "-o", "--output", metavar="FILE", help="Where to write; - is standard output.  [default: TRACE, ending in .html or .md]"
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(_SUFFIXES)),
    default="html",
    show_default=True,
    metavar="FORMAT",
    help="html is the page; markdown the decisions alone, for the text of a pull request, in less than 60 lines.",
)
@click.option("--title", metavar="TEXT", help="Title of the page.  [default: the name of the prompt's file]")
@click.option("--force", is_flag=True, help="Overwrite the output if it exists.")
@click.version_option(__version__, prog_name=PROGRAM)
def main(trace: Path, output: str | None, kind: str, title: str | None, force: bool) -> None:
    """Turn a recording into one HTML file that anybody can open.

    TRACE is a file that tokenscope-record wrote. The page holds everything inside: it needs no network, no server and no
    model, and it sends nothing anywhere. Attach it to a pull request, a bug report or a build.

    The page contains the prompt, the output and the alternatives: share it as you would share the code.
    """
    with reported(PROGRAM):
        _run(trace, output, kind, title, force)


def _run(trace: Path, output: str | None, kind: str, title: str | None, force: bool) -> None:
    if not trace.exists():
        raise TraceError(f"there is no file {trace}; tokenscope-record PROMPT -o {trace} would write it.")
    target = None if output == "-" else Path(output) if output else trace.with_suffix(_SUFFIXES[kind])
    if target is not None:
        if target.resolve() == trace.resolve():
            raise OutputError(f"{target} is the trace itself; name the report with -o.")
        check_writable(target, force=force)
    page = _rendered(trace, kind, title).encode("utf-8")
    if target is None:
        sys.stdout.buffer.write(page)
        sys.stdout.buffer.flush()
        return
    write_atomically(target, page, force=force)
    what = "open it in a browser, or attach it as it is." if kind == "html" else "paste it into the pull request."
    click.echo(f"{target}  {file_size(len(page))}  {what}", err=True)
    if kind != "html":
        return
    if len(page) > GITHUB_BYTES:
        click.echo(
            f"Note: GitHub takes attachments up to {file_size(GITHUB_BYTES)}; a smaller --top-alternatives when recording saves most.",
            err=True,
        )
    elif len(page) > MAIL_BYTES:
        click.echo(f"Note: many mail servers and trackers refuse more than {file_size(MAIL_BYTES)}.", err=True)


def _rendered(trace: Path, kind: str, title: str | None) -> str:
    """The page or the Markdown. Imported after the cheap checks: templates cost a tenth of a second."""
    if kind == "markdown":
        from tokenscope_trace.pull_request import markdown

        return markdown(Trace.load(trace), trace.with_suffix(".html").name, title=title)
    from tokenscope_trace.report import render

    return render(Trace.load(trace), title=title)
