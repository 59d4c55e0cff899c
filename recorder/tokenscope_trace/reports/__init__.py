"""What is said of one recording, and the page, the Markdown, the JSON and the SARIF that say it.

In: a Trace. Out: plain data in words (review, summary, contents), and text in one of the formats of `REPORTERS`. The page also carries the
viewer. Writes no file.
"""

from typing import TYPE_CHECKING

from tokenscope_trace._exports import exports

if TYPE_CHECKING:
    from tokenscope_trace.reports.bundle import bundle_style
    from tokenscope_trace.reports.page import html_page, html_page_within
    from tokenscope_trace.reports.provenance import fact_rows, settings_text
    from tokenscope_trace.reports.reporters import REPORTERS
    from tokenscope_trace.reports.review import DecisionEntry, OptionEntry, make_review
    from tokenscope_trace.reports.static_style import names_in, static_style
    from tokenscope_trace.reports.summary import summarise
else:
    __getattr__ = exports(__name__, __file__)

__all__ = [
    "REPORTERS",
    "DecisionEntry",
    "OptionEntry",
    "bundle_style",
    "fact_rows",
    "html_page",
    "html_page_within",
    "make_review",
    "names_in",
    "settings_text",
    "static_style",
    "summarise",
]
