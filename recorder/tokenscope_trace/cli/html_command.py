"""The command `tokenscope-html`: a trace file in, one offline HTML file out, or its decisions as Markdown or SARIF, all as JSON, its program; two
trace files in, one page that compares them out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from tokenscope_trace import Trace, __version__
from tokenscope_trace.cli.command_help import WORDS, Number, PlainCommand
from tokenscope_trace.cli.sentences import tell
from tokenscope_trace.errors import EXIT_INTERRUPTED, OutputError, TraceError
from tokenscope_trace.files import check_writable, write_atomically
from tokenscope_trace.reports.reporters import REPORTERS
from tokenscope_trace.session.interrupts import abortable
from tokenscope_trace.settings import REPORT_MEGABYTES, Redaction
from tokenscope_trace.streams import check_stdout, write_to_stdout
from tokenscope_trace.text import fact_text, file_size, visible_line

_PROGRAM = "tokenscope-html"
MAIL_BYTES = 7_000_000
GITHUB_BYTES = 25_000_000

_HINTS = {
    "--out": "--output",
    "--overwrite": "--force",
    "--md": "--format markdown",
    "--json": "--format json",
    "--sarif": "--format sarif",
    "--code": "--format code",
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
  tokenscope-html trace.tsc --format code -o solution.py

\b
Exit codes: 0 written, 2 wrong command line, 3 it cannot be redacted so,
5 the output cannot be written, 6 the trace cannot be read, 130 interrupted.
"""


@click.command(
    cls=PlainCommand,
    program=_PROGRAM,
    hints=_HINTS,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.argument("traces", metavar="TRACE [TRACE]", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Where to write; - is standard output.  [default: TRACE, ending in .html, .md, .json, .sarif or .code]",
)
@click.option(
    "--format",
    "kind",
    type=click.Choice(list(REPORTERS)),
    default="html",
    show_default=True,
    metavar="FORMAT",
    help="html is the page; markdown the decisions alone, for the text of a pull request, in less than 60 lines; json every "
    "number, for scripts; sarif the decisions as notes for code scanning; code the program that was written, byte for byte.",
)
@click.option("--title", type=WORDS, metavar="TEXT", help="Title of the page.  [default: the name of the prompt's file]")
@click.option(
    "--redact",
    type=click.Choice([what.value for what in Redaction]),
    multiple=True,
    metavar="WHAT",
    help="Leave text out, and what would give it back: prompt, strings (in the code) or comments; may be given several times.",
)
@click.option(
    "--max-size",
    type=Number(REPORT_MEGABYTES),
    default=10,
    show_default=True,
    metavar="MB",
    help="Leave out of the page what does not fit: attention, lens, unlikely branches, alternatives, in this order; 0 is no limit.",
)
@click.option("--force", is_flag=True, help="Overwrite the output if it exists.")
@click.version_option(__version__, prog_name=_PROGRAM)
@click.pass_context
def main(context: click.Context, /, traces: tuple[Path, ...], kind: str, max_size: float, **options: Any) -> None:
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
    if len(traces) == 2 and traces[0].resolve() == traces[1].resolve():
        raise click.UsageError(
            f"both are the same file, {traces[0]}; name two recordings to compare them, or one for its report."
        )
    if Path(options["output"] or "").suffix == ".tsc":
        raise click.UsageError(
            f"-o {options['output']}: what is written is no trace; name it with {REPORTERS[kind].suffix} at its end."
        )
    given = context.get_parameter_source("max_size") is click.core.ParameterSource.COMMANDLINE
    if given and (kind != "html" or len(traces) == 2):
        raise click.UsageError("--max-size is of the page of one trace.")
    try:
        with abortable():
            _run(traces, kind, round(max_size * 1e6), **options)
    except KeyboardInterrupt:
        tell(f"{_PROGRAM}: interrupted; nothing was written.")
        sys.exit(EXIT_INTERRUPTED)


def _run(
    traces: tuple[Path, ...],
    kind: str,
    limit: int,
    *,
    output: str | None,
    title: str | None,
    redact: tuple[str, ...],
    force: bool,
) -> None:
    target = _checked_target(traces, kind, output, force=force)
    loaded = [_loaded(trace, redact) for trace in traces]
    lacks, verdict = "", ""
    if len(loaded) == 2:
        text, lacks, verdict = _compared(loaded, traces, title)
    elif kind == "html":
        text, lacks = _page(loaded[0], limit, title)
    else:
        text = REPORTERS[kind].write(loaded[0], fact_text(traces[0].with_suffix(".html").name), title)
    content = text.encode("utf-8", "surrogateescape")
    if target is None:
        write_to_stdout(content, is_needed=False)  # the trace is there
    else:
        write_atomically(target, content, force=force)
        tell(f"{target}  {file_size(len(content))}  {REPORTERS[kind].next_step}")
        if verdict:
            tell(verdict)
        _say_verdict(loaded)
    if kind == "code" and (gone := loaded[0].facts.redacted):
        lacks = f"left out of this recording, as it says: {' and '.join(gone)}; █ stands in the code for each token of that."
    for note in _notes(kind, len(content), limit if len(traces) == 1 else 0, lacks):
        tell(f"Note: {note}")


def _checked_target(traces: tuple[Path, ...], kind: str, output: str | None, *, force: bool) -> Path | None:
    """Where to write, None for standard output. Raises TraceError where there is no trace, OutputError where there can be no output."""
    for trace in traces:
        if not os.path.exists(trace):
            raise TraceError(f"there is no file {trace}; tokenscope-record PROMPT -o {trace} would write it.")
        if os.path.isfile(trace):  # what is named may be none at all, which says more than that its report is there
            Trace.check(trace)
    if output == "-":
        check_stdout()
        return None
    target = Path(output) if output else _default(traces, kind)
    if target.resolve() in [trace.resolve() for trace in traces]:
        raise OutputError(f"{target} is the trace itself; name the report with -o.")
    check_writable(target, force=force)
    return target


def _say_verdict(loaded: list[Trace]) -> None:
    """What the check said of one recording, in colour on a terminal whose user wants any."""
    from tokenscope_trace.reports.check_verdict import make_verdict

    verdict = make_verdict(loaded[0])
    if verdict is not None and len(loaded) == 1:
        colour = {"passes": "green", "fails": "red", "times-out": "red", "not-run": "yellow"}.get(verdict.key)
        said, doubt = visible_line(verdict.sentence), visible_line(verdict.doubt)
        sentences = " ".join(sentence for sentence in (click.style(said, colour, bold=True), doubt) if sentence)
        click.echo(sentences, err=True, color=False if os.environ.get("NO_COLOR") else None)


def _notes(kind: str, size: int, limit: int, lacks: str) -> Iterator[str]:
    """What else the user should know of a file; `lacks` says what was left out of it."""
    if lacks:
        yield lacks
    if kind != "html":
        return
    if limit and size > limit:
        yield f"the page has more than {file_size(limit)}; nothing more can be left out of it."
    if size > GITHUB_BYTES:
        yield f"GitHub takes attachments up to {file_size(GITHUB_BYTES)}; --max-size {GITHUB_BYTES // 1_000_000} keeps to that."
    elif size > MAIL_BYTES:
        yield f"many mail servers and trackers refuse more than {file_size(MAIL_BYTES)}; --max-size keeps to any size."


def _default(traces: tuple[Path, ...], kind: str) -> Path:
    """Beside the first trace, under the names of all."""
    name = "-".join(dict.fromkeys(trace.stem for trace in traces))
    return traces[0].with_name(name + REPORTERS[kind].suffix)


def _loaded(trace: Path, redact: tuple[str, ...]) -> Trace:
    """A recording without what is to be left out."""
    loaded = Trace.load(trace)
    if not redact:
        return loaded
    from tokenscope_trace.privacy.redaction import redacted
    from tokenscope_trace.settings import Redaction

    return redacted(loaded, [Redaction(what) for what in redact])


def _compared(loaded: list[Trace], traces: tuple[Path, ...], title: str | None) -> tuple[str, str, str]:
    """(the page of two recordings, a sentence on what makes it doubtful, one on what their checks said; empty for nothing)."""
    from tokenscope_trace.comparison.page import comparison_page
    from tokenscope_trace.comparison.side_by_side import compare

    found = compare(loaded[0], loaded[1], title, (traces[0].name, traces[1].name))
    return comparison_page(found), found.warning, found.verdict


def _page(trace: Trace, limit: int, title: str | None) -> tuple[str, str]:
    from tokenscope_trace.reports.page import html_page_within

    return html_page_within(trace, limit, title=title)
