import re

import pytest
from tests.support import synthetic_traces

from tokenscope_trace.traces.schema import Origin

CASES = [name for name in synthetic_traces.CASES if name != "fill_in_the_middle"]


@pytest.mark.parametrize("case", CASES)
def test_the_code_holds_the_exact_text(open_report, case):
    report = open_report(case)
    trace = report.trace
    assert report.program_text() == trace.text(trace.main, special=False).decode("utf-8", "replace")


def test_a_hole_reads_in_the_order_of_the_file(open_report):
    report = open_report("fill_in_the_middle")
    assert report.program_text() == "def area(r):\n    return 3.14159 * r ** 2\n\nprint(area(2))\n"
    chips = report.page.locator(".t.chip").all_text_contents()
    assert chips == ["<|fim_prefix|>", "<|fim_middle|>", "<|endoftext|>", "<|fim_suffix|>"]


def test_a_conversation_tells_the_template_from_the_text(open_report):
    report = open_report("chat")
    template = "[...document.querySelectorAll('.t.control')].map(cell => cell.textContent).join('')"
    assert report.evaluate(template) == "user\n\nassistant\n"
    assert report.page.locator(".t.chip").all_text_contents()[0] == "<|im_start|>"


def test_every_token_can_be_selected(open_report):
    report = open_report("split_characters")
    shown = report.evaluate(
        "[...new Set([...document.querySelectorAll('.t')].map(t => Number(t.dataset.n)))].sort((a, b) => a - b)"
    )
    assert shown == report.trace.main.tolist()
    assert report.page.locator(".t.rest").count() == 3
    invalid = report.evaluate("[...document.querySelectorAll('.invalid')].map(e => e.dataset.show)")
    assert invalid == ["\\xE3\\x81", "\\xFF", "\\xE3\\x81"]


def test_what_cannot_be_seen_is_written_out(open_report):
    report = open_report("hostile")
    shown = set(report.evaluate("[...document.querySelectorAll('.escape')].map(e => e.dataset.show)"))
    assert {
        "<U+202E>",
        "<U+202C>",
        "<U+200B>",
        "<U+0000>",
        "<U+001B>",
        "<U+2028>",
        "<U+00A0>",
        "<U+FEFF>",
        "<U+000D>",
    } <= shown


def test_copied_text_is_the_program_and_nothing_else(open_report):
    report = open_report("sampled", permissions=["clipboard-read", "clipboard-write"])
    copied = report.evaluate("""() => {
        getSelection().selectAllChildren(document.querySelector('.code'));
        const event = new ClipboardEvent('copy', { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
        document.querySelector('.code').dispatchEvent(event);
        return event.clipboardData.getData('text/plain');
    }""")
    assert copied == report.trace.text(report.trace.main, special=False).decode()
    report.page.keyboard.press("Control+c")
    assert report.evaluate("navigator.clipboard.readText()") == copied


def test_prompt_and_output_are_told_apart(open_report):
    report = open_report("plausible")
    trace = report.trace
    for name, origin in [("prompt", Origin.PROMPT), ("output", Origin.MAIN)]:
        nodes = report.evaluate(f"[...new Set([...document.querySelectorAll('.t.{name}')].map(t => Number(t.dataset.n)))]")
        assert all(trace.nodes.origin[nodes] == origin)
    colour = "selector => getComputedStyle(document.querySelector(selector)).color"
    assert report.evaluate(colour, ".t.prompt") != report.evaluate(colour, ".t.output.b0")


def test_colours_follow_the_metric_on_absolute_edges(open_report):
    report = open_report("plausible")
    trace = report.trace

    def check(values, edges, falling=False):
        report.page.wait_for_timeout(100)
        buckets = dict(
            report.evaluate(
                "[...document.querySelectorAll('.t')].map(t => [Number(t.dataset.n), t.className.match(/ (b\\d|missing)/)[1]])"
            )
        )
        for node in trace.main.tolist():
            value = values[node]
            expected = "missing" if value != value else f"b{sum(value < e if falling else value >= e for e in edges)}"
            assert buckets[node] == expected, node

    bits, shares = [0.1, 0.5, 1, 2, 4], [0.95, 0.75, 0.5, 0.25, 0.05]
    check(trace.nodes.surprisal, bits)
    for key, values, edges, falling in [
        ("2", trace.nodes.entropy, bits, False),
        ("3", trace.nodes.probability, shares, True),
        ("4", trace.nodes.margin, shares, True),
        ("5", [float("nan") if rank == 0 else rank for rank in trace.nodes.rank.tolist()], [2, 3, 5, 10, 100], False),
        ("6", trace.nodes.gap, bits, False),
    ]:
        report.page.keyboard.press(key)
        check(values, edges, falling)


def test_the_legend_shows_the_scale_that_colours(open_report):
    report = open_report("plausible")
    assert report.page.locator(".scale .mark").all_text_contents() == ["0", "0.1", "0.5", "1", "2", "4", "not measured"]
    assert report.page.locator(".scale .unit").text_content() == "bits"
    same = report.evaluate("""() => ['b1', 'b2', 'b3'].every(step => getComputedStyle(document.querySelector(`.scale .${step}`)).backgroundColor
        === getComputedStyle(document.querySelector(`.t.output.${step}`)).backgroundColor)""")
    assert same
    report.page.get_by_text("probability", exact=True).first.click()
    assert report.page.locator(".scale .mark").all_text_contents()[:6] == ["100", "95", "75", "50", "25", "5"]


def test_what_is_not_measured_is_not_drawn_as_zero(open_report):
    report = open_report("plausible", fragment="#n=0")
    assert "missing" in report.evaluate("document.querySelector('.t[data-n=\"0\"]').className")
    panel = report.page.locator("#token").inner_text()
    assert "not measured" in panel
    assert "nothing predicted it" in panel
    assert not re.search(r"\b0\.00 bits", panel)


def test_white_space_alone_shows_its_colour(open_report):
    report = open_report(synthetic_traces.make([b"a"], [b"\n", b"    ", b"b", b"\n\n"] * 30, seed=3))
    widths = report.evaluate(
        "[...document.querySelectorAll('.t.output:is(.b2, .b3, .b4, .b5)')].map(t => t.getBoundingClientRect().width)"
    )
    assert widths
    assert min(widths) > 4


LONG = {
    "invalid bytes": b"\xff" * 4000,
    "combining marks": b"a" + "\u0301".encode() * 2000,
    "one letter": b"a" * 4000,
    "hidden": "\u202e".encode() * 1300,
    "pictures": "\U0001f600".encode() * 1000,
}


@pytest.mark.parametrize("what", LONG)
def test_a_long_token_shows_its_beginning_and_the_rest_when_asked(open_report, what):
    trace = synthetic_traces.make([b"x = "], [LONG[what], b" end\n", b"y"])
    report = open_report(trace)
    assert report.program_text() == trace.text(trace.main).decode("utf-8", "replace"), "all of it is there"
    button = report.page.locator(".rest button")
    assert button.count() == 1
    assert "more signs" in button.get_attribute("aria-label")
    before = report.page.locator(".code").bounding_box()["height"]
    button.click()
    assert report.selected() == -1, "it is no click on the token"
    assert report.page.locator(".rest").count() == 0
    assert report.page.locator(".code").bounding_box()["height"] >= before
    assert report.program_text() == trace.text(trace.main).decode("utf-8", "replace")
    report.page.keyboard.press("ArrowRight")
    assert "more signs" in report.page.locator("#token .specimen").inner_text()


def test_a_long_line_is_drawn_in_parts_and_any_token_of_it_can_be_found(open_report):
    trace = synthetic_traces.make([b"x = "], [b"ab "] * 6000 + [b"\n", b"y"])
    report = open_report(trace)
    assert report.program_text() == trace.text(trace.main).decode()
    assert report.page.locator(".code .t").count() < 4000
    assert report.page.locator(".rest.of-line > button:visible").count() == 1
    report.evaluate("location.hash = '#n=5500'")
    report.page.wait_for_function("document.querySelector('.t.selected')?.dataset.n === '5500'")
    assert report.page.locator(".t.selected").first.bounding_box()
    copied = report.evaluate("""() => {
        document.getSelection().selectAllChildren(document.querySelector('.code'));
        const clipboardData = new DataTransfer();
        document.dispatchEvent(new ClipboardEvent('copy', { clipboardData, bubbles: true }));
        return clipboardData.getData('text/plain');
    }""")
    assert copied == trace.text(trace.main).decode()
    report.evaluate("document.getSelection().removeAllRanges()")
    while report.page.locator(".rest.of-line > button:visible").count():
        report.page.locator(".rest.of-line > button:visible").first.click()
    assert report.page.locator(".code .t").count() == 6003
    assert report.program_text() == copied
