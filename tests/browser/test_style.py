"""The style in two parts, one in the page and one that the viewer brings."""

import base64
import hashlib

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.reports.assets import page_style, viewer_style


def digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("case", ["plausible", "changed", "decided"])
@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
def test_without_scripts_the_part_of_the_style_that_is_there_is_all_that_matters(open_report, case, scheme, width):
    whole = page_style() + viewer_style()

    def with_all_of_it(html):
        return html.replace(page_style(), whole).replace(digest(page_style()), digest(whole))

    trace = getattr(synthetic_traces, case)()
    options = {"java_script_enabled": False, "color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    some = open_report(trace, **options).page.screenshot(full_page=True)
    assert some == open_report(trace, edit=with_all_of_it, **options).page.screenshot(full_page=True)
