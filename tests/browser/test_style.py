"""The style in two parts, one in the page and one that the viewer brings: together they are the sheet as it was written."""

import base64
import hashlib
import re

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.reports import base85
from tokenscope_trace.reports.page import packed_style, page_style, viewer_style, whole_style

CASES = {
    "decided": synthetic_traces.decided,
    "changed": synthetic_traces.changed,
    "inside": lambda: add_structure(synthetic_traces.looking(synthetic_traces.branching())),
}
VIEWS = {
    "decided": ("", "d2", "d1&b=0&diff=1", "n=60&tree=1"),
    "changed": ("", "f=1&changed=1&n=130"),
    "inside": ("syntax=1&n=60", "n=60&a=1&x=1&lens=1", "b=0&syntax=1&tree=1", "b=8&diff=1"),
}


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def in_order(html):
    """The page whose viewer brings the whole sheet, all rules in their order."""
    return html.replace(packed_style(), base85.packed(whole_style())).replace(digest(viewer_style()), digest(whole_style()))


SIZES = [
    {},
    {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    {"viewport": {"width": 760, "height": 900}},
]
PROPERTIES = sorted(set(re.findall(r"[{;]([a-z][a-z-]+):", whole_style())))
# What every element and its pseudo-elements look like, as one string for each that is drawn.
LOOKS = """names => [...document.querySelectorAll('body, body *')].map((element) => {
  const boxes = [null, '::before', '::after'].map((part) => getComputedStyle(element, part)).filter((box) => box.content !== 'none');
  return `${element.tagName} ${element.className} ` + boxes.map((box) => names.map((name) => box.getPropertyValue(name)).join('|')).join('#');
})"""


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("options", SIZES, ids=["desktop", "phone", "tablet"])
def test_no_rule_of_the_viewer_counts_on_standing_before_one_of_the_page(open_report, case, options):
    trace = CASES[case]()
    pages = [open_report(trace, edit=edit, **options) for edit in (None, in_order)]
    for media in ("screen", "print"):
        for view in VIEWS[case]:
            for report in pages:
                report.page.emulate_media(media=media)
                report.evaluate("view => { location.hash = view; }", view)
            for _attempt in range(50):  # until both have settled
                one, other = (report.evaluate(LOOKS, PROPERTIES) for report in pages)
                if one == other:
                    break
                pages[0].page.wait_for_timeout(100)
            assert one == other, (media, view)
            assert len(one) > 100


@pytest.mark.parametrize("case", ["plausible", "changed", "decided"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_without_scripts_the_part_of_the_style_that_is_there_is_all_that_matters(open_report, case, scheme, width):
    def with_all_of_it(html):
        return html.replace(page_style(), whole_style()).replace(digest(page_style()), digest(whole_style()))

    trace = getattr(synthetic_traces, case)()
    options = {"java_script_enabled": False, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    some = open_report(trace, **options).page.screenshot(full_page=True)
    assert some == open_report(trace, edit=with_all_of_it, **options).page.screenshot(full_page=True)
