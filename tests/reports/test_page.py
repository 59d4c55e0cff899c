import base64
import gzip
import hashlib
import html as markup
import re

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.reports.assets import viewer_script
from tokenscope_trace.reports.icon import icon_of
from tokenscope_trace.reports.page import html_page


def policy(html):
    return markup.unescape(re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)[1])


def unpacked(html, name="viewer"):
    """The viewer's script or its style sheet, unpacked from the page."""
    return gzip.decompress(
        base64.b64decode(re.search(f'<script type="text/plain" id="{name}">([A-Za-z0-9+/=]+)</script>', html)[1])
    )


def without_icon(html):
    """The page but for the one picture that it has, of those that it may have."""
    icons = {icon_of(key) for key in ("passes", "fails", "times-out", "not-run", "unchecked", "")}
    found = re.findall(r'<link rel="icon" type="image/svg\+xml" href="([^"]*)">\n', html)
    assert len(found) == 1
    assert set(found) <= icons
    return html.replace(f'<link rel="icon" type="image/svg+xml" href="{found[0]}">\n', "")


def test_the_same_trace_gives_the_same_bytes():
    assert html_page(synthetic_traces.plausible()) == html_page(synthetic_traces.plausible())


def test_the_policy_admits_these_scripts_and_these_styles_and_nothing_else():
    html = html_page(synthetic_traces.hostile())
    script, style = (re.search(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)[1].encode() for tag in ("script", "style"))
    texts = (script, unpacked(html), style, unpacked(html, "sheet"))
    boot_hash, viewer_hash, style_hash, sheet_hash = (
        base64.b64encode(hashlib.sha256(text).digest()).decode() for text in texts
    )
    assert policy(html) == (
        f"default-src 'none'; img-src data:; script-src 'sha256-{boot_hash}' 'sha256-{viewer_hash}'; style-src 'sha256-{style_hash}' "
        f"'sha256-{sheet_hash}'; "
        "base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types tokenscope"
    )
    assert html.index("<meta charset") < html.index("Content-Security-Policy") < html.index("<title>")


def test_the_page_carries_the_viewer_with_its_names_under_a_name():
    script = unpacked(html_page(synthetic_traces.plausible())).decode("ascii")
    assert script == viewer_script()
    assert "function alone(root,name){let failed=false;" in script
    assert script.endswith("\n//# sourceURL=tokenscope-viewer.js\n")


def test_the_page_carries_the_recording_as_it_stands_in_the_file():
    trace = synthetic_traces.plausible()
    found = re.search(
        r'<script type="text/plain" id="trace" data-format="1" data-bytes="(\d+)" data-minor="6">([A-Za-z0-9+/=]+)</script>',
        html_page(trace),
    )
    payload = gzip.decompress(base64.b64decode(found[2]))
    assert payload == trace.payload
    assert int(found[1]) == len(payload)


@pytest.mark.parametrize("case", synthetic_traces.CASES)
def test_data_never_becomes_markup(case):
    html = html_page(synthetic_traces.CASES[case]())
    assert html.count("<script") == html.count("</script>") == 4
    assert html.count('<script type="text/plain" id="') == 3
    assert html.count("<style") == html.count("</style>") == 1
    assert not re.search(r"<(img|svg|base|iframe|link|form|object)\b", without_icon(html))
    assert not re.search(r"<[^>]*\s(on\w+|style)=", html)


def test_the_page_names_no_other_place():
    html = without_icon(html_page(synthetic_traces.plausible()))
    assert not re.search(r"""(src|href)=["'](?!#)""", html)
    assert "//" not in re.sub(
        r"(?m)(^|\s)//.*$", "", re.sub(r'<script type="text/plain".*?</script>|"#n=\d+"|sha256-[\w+/]+=', "", html)
    ).replace("://", "")
    written = re.sub(r'<script type="text/plain".*?</script>', "", html) + viewer_script()  # base64 may spell anything
    namespace = "http://www.w3.org/2000/svg"  # of the pictures that the page makes; nothing is asked of it
    assert "http" not in written.replace("http-equiv", "").replace(namespace, "")


def test_the_title_can_be_chosen_and_is_text():
    assert "<title>&lt;b&gt;review · TokenScope</title>" in html_page(synthetic_traces.plausible(), title="<b>review")


VERDICTS = {
    "passes": (1, "✓ {}, passes the check · TokenScope"),
    "fails": (2, "✗ {}, fails the check · TokenScope"),
    "times-out": (3, "✗ {}, times out in the check · TokenScope"),
}


@pytest.mark.parametrize("key", VERDICTS)
def test_the_verdict_comes_first_title_icon_headline(key):
    trace = synthetic_traces.decided()
    result, title = VERDICTS[key]
    checks = {name: values.copy() for name, values in trace._contents.tables["checks"].items()}
    checks["result"][checks["branch"] == -1] = result
    html = html_page(trace.replaced(trace.run, {"checks": checks}))
    assert f"<title>{title.format(trace.run['prompt']['source'])}</title>" in html
    assert f'href="{icon_of(key)}"' in html
    assert re.search(rf'<h1 class="judged {key}">The (output|check)', html)
    assert "The check printed <bdi" in html


def test_a_check_that_could_not_be_run_says_so_first():
    trace = synthetic_traces.decided()
    run = {
        **trace.run,
        "check": {**trace.run["check"], "outputs": [], "pivot": None, "not_run": "there is no <b>command</b>"},
    }
    empty = {name: values[:0] for name, values in trace._contents.tables["checks"].items()}
    html = html_page(trace.replaced(run, {"checks": empty}))
    assert f"<title>! {trace.run['prompt']['source']}, the check could not be run · TokenScope</title>" in html
    assert f'href="{icon_of("not-run")}"' in html
    assert '<h1 class="judged not-run">The check could not be run:</h1>\n' in html
    assert '<p class="note">there is no &lt;b&gt;command&lt;/b&gt;</p>' in html


def test_without_a_check_the_icon_says_nothing():
    html = html_page(synthetic_traces.plausible())
    assert f'href="{icon_of("")}"' in html
    assert len({icon_of(key) for key in ("passes", "fails", "times-out", "not-run", "unchecked", "")}) == 6


def test_every_string_of_the_run_reaches_the_summary_as_text():
    html = html_page(synthetic_traces.hostile())
    for number in range(6, 14):
        assert f"alert({number})" in markup.unescape(html)


def test_code_style_and_frame_stay_small():
    assert len(html_page(synthetic_traces.make([b"a"], [b"b"])).encode()) < 160_000


def test_a_report_of_a_few_hundred_tokens_stays_under_300_kilobytes():
    assert len(html_page(synthetic_traces.large(300)).encode()) < 300_000
