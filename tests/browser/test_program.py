"""The program in the page: what stands behind it is grey, and what is copied is the bytes that `--format code` writes."""

import pytest
from playwright.sync_api import expect
from tests.reports.test_code import chat, ending
from tests.reports.test_review import PROMPT, hole
from tests.support import synthetic_traces
from tests.support.code_traces import recorded

from tokenscope_trace.reports.code import kept_code

CASES = {
    "cut": lambda: ending(13, "stop-string", output=["    return 1", "\n\ndef", " sub"]),
    "whole": lambda: recorded(PROMPT, ["    return 'é日'\n"]),
    "hole": lambda: hole(["        item.push", "()"]),
    "chat": lambda: chat("Like this:\n```python\n", "a = 1\n```\nand\n", "```python\nb = 2\n", "```\n"),
    "crlf": synthetic_traces.crlf,
    "fill_in_the_middle": synthetic_traces.fill_in_the_middle,
}


@pytest.mark.parametrize("case", CASES)
def test_copy_code_copies_what_the_format_code_writes(open_report, case):
    trace = CASES[case]()
    report = open_report(trace, permissions=["clipboard-read", "clipboard-write"])
    report.page.get_by_role("button", name="copy code").click()
    expect(report.page.locator("#live")).to_have_text("Code copied.")
    copied = report.evaluate("navigator.clipboard.readText()")
    assert copied.encode() == kept_code(trace)
    assert copied


def test_what_holds_no_program_has_no_such_button(open_report):
    report = open_report(synthetic_traces.scored())
    assert report.page.get_by_role("button", name="copy code").count() == 0
    report.page.keyboard.press("Y")
    expect(report.page.locator("#live")).to_have_text("This recording holds no program.")


def test_what_stands_behind_the_program_is_grey_and_a_row_says_so(open_report):
    report = open_report(CASES["cut"]())
    grey = report.page.locator(".code .t.behind").all_inner_texts()
    assert "".join(grey).replace("\n", "") == "def sub"
    row = report.page.locator(".note-row")
    assert row.inner_text() == "the program ends here: what follows was written, and is no part of it"
    colours = "[...document.querySelectorAll('.code .t.behind')].map(one => getComputedStyle(one).backgroundColor)"
    assert set(report.evaluate(colours)) == {"rgba(0, 0, 0, 0)"}
    assert "1 token behind the end of the program is in no figure." in report.page.locator(".verdict").inner_text()
