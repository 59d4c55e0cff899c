"""What is said of one recording, and the page, the Markdown, the JSON and the SARIF that say it.

In: a Trace. Out: plain data in words (review, summary, contents), and text in one of the formats of `REPORTERS`. The page also carries the
viewer. Writes no file.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.reports.assets import digest, style_sheet
    from tokenscope_trace.reports.check_verdict import Verdict, make_verdict
    from tokenscope_trace.reports.code import kept_output
    from tokenscope_trace.reports.decision_entries import DecisionEntry, OptionEntry
    from tokenscope_trace.reports.page import html_page, html_page_within
    from tokenscope_trace.reports.program_words import warning_sentences
    from tokenscope_trace.reports.provenance import fact_rows, settings_text
    from tokenscope_trace.reports.reporters import REPORTERS
    from tokenscope_trace.reports.review import make_review
    from tokenscope_trace.reports.size_limit import fitted, with_fewer_branches
    from tokenscope_trace.reports.summary import summarise
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "REPORTERS",
    "DecisionEntry",
    "OptionEntry",
    "Verdict",
    "digest",
    "fact_rows",
    "fitted",
    "html_page",
    "html_page_within",
    "kept_output",
    "make_review",
    "make_verdict",
    "settings_text",
    "style_sheet",
    "summarise",
    "warning_sentences",
    "with_fewer_branches",
]
