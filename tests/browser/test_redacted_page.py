"""What the page of a redacted recording gives away holds nothing of a secret: the recording, each picture, the page as it stands."""

import base64
import html
import re
from pathlib import Path

import pytest
from tests.support.planted_secrets import OTHERS, PROMPT, SECRETS, STRINGS, planted
from tests.support.searcher import left_in, parts

from tokenscope_trace import Trace
from tokenscope_trace.privacy.redaction import redacted

VIEWS = ("", "tree=1", "b=0&diff=1", "d1")
_TAG = re.compile(r"<[^>]*>")
_PICTURE = re.compile(r"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)")


def given(open_report, trace) -> dict[str, bytes]:
    """Everything that a page gives away, by where."""
    found = {}
    for view in VIEWS:
        report = open_report(trace, fragment=f"#{view}" if view else "")
        page = report.page
        texts = {f"#{view}: the page": report.evaluate("() => document.documentElement.outerHTML")}
        page.keyboard.press("i")
        dialog = page.get_by_role("dialog", name="Images")
        dialog.wait_for()
        for button in dialog.get_by_label(re.compile("^save SVG")).all():
            with page.expect_download() as download:
                button.click()
            name = download.value.suggested_filename
            found[f"#{view}: the name of a picture"] = name.encode()
            texts[f"#{view}: {name}"] = Path(download.value.path()).read_text(encoding="utf-8")
        for where, text in texts.items():
            found[where] = text.encode("utf-8", "replace")
            found[f"{where}, words"] = html.unescape(_TAG.sub("", text)).encode("utf-8", "replace")
            for picture in _PICTURE.findall(text):
                found[f"{where}, picture {len(found)}"] = base64.b64decode(picture)
        page.keyboard.press("Escape")
        if not view:
            page.get_by_text("About this recording").click()
            with page.expect_download() as download:
                page.get_by_role("button", name="save the recording").click()
            found["the recording"] = Path(download.value.path()).read_bytes()
            assert Trace.from_bytes(found["the recording"]).payload == trace.payload
        report.incidents[:] = [one for one in report.incidents if not one.startswith("request blob:")]
    return found


@pytest.mark.parametrize(("source", "what"), [("p.py", PROMPT), ("p.js", STRINGS)])
def test_nothing_of_a_secret_leaves_a_redacted_page(open_report, source, what):
    looked_for = parts(SECRETS.values())
    reference = given(open_report, redacted(planted(source, what, OTHERS), {what}))
    looked_for -= {part for data in reference.values() for part in left_in(data, looked_for)}
    pages = given(open_report, redacted(planted(source, what, SECRETS), {what}))
    assert {where: left for where, data in pages.items() if (left := left_in(data, looked_for))} == {}
    assert sum(".svg" in where for where in pages) > 4
    before = given(open_report, planted(source, what, SECRETS))
    hits = {where for where, data in before.items() if left_in(data, looked_for)}
    assert {"the recording", "#: the page"} <= hits
    assert any(where.endswith(".svg") for where in hits)
