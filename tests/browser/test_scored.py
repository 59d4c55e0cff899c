"""Scored code: its files, its lines by surprise, its changes."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces

LINES = "".join(f"line_{i} = {i} + {i}\n" for i in range(1, 201))


def code(report):
    return report.page.locator(".code")


def files(report):
    return report.page.get_by_role("navigation", name="Files")


def shown_lines(report):
    return report.evaluate(
        "[...document.querySelectorAll('.code .line:not([hidden])')].map(line => Number(line.dataset.line))"
    )


def line_bits(trace, file):
    """Bits by line: a token counts on the line where it begins."""
    bits, line = {}, 1
    for node in file.nodes:
        if not np.isnan(trace.nodes.surprisal[node]):
            bits[line] = bits.get(line, 0.0) + float(trace.nodes.surprisal[node])
        line += trace.token_bytes(node).count(b"\n")
    return bits


def test_every_file_is_a_page_of_its_own_with_an_address(open_report):
    report = open_report(synthetic_traces.changed())
    trace = report.trace
    assert report.program_text() == trace.text(trace.files[0].nodes).decode()
    files(report).get_by_role("button", name="tests/test_durations.py").click()
    assert report.program_text() == trace.text(trace.files[1].nodes).decode()
    assert report.evaluate("location.hash") == "#f=1"
    expect(files(report).locator("[aria-current=true]")).to_have_text("tests/test_durations.py")
    report.page.go_back()
    assert report.program_text() == trace.text(trace.files[0].nodes).decode()
    report.page.go_forward()
    assert report.program_text() == trace.text(trace.files[1].nodes).decode()
    report.page.keyboard.press("f")
    assert report.evaluate("location.hash") == "#f=0"
    report.page.keyboard.press("F")
    assert report.evaluate("location.hash") == "#f=1"


def test_a_token_brings_its_file_along(open_report):
    trace = synthetic_traces.changed()
    node = int(trace.files[1].nodes[9])
    report = open_report(trace, fragment=f"#n={node}")
    assert report.selected() == node
    assert report.program_text() == trace.text(trace.files[1].nodes).decode()
    report.page.evaluate("location.hash = 'n=20'")
    expect(report.page.locator("#token")).to_contain_text(re.compile(r"node 20\b"))
    assert report.selected() == 20
    report.page.keyboard.press("Escape")
    assert report.evaluate("location.hash") == "#f=0"
    assert not report.page.locator("#token").is_visible()


def test_lines_are_ranked_changed_ones_first_and_lead_to_their_most_surprising_token(open_report):
    trace = synthetic_traces.changed()
    report = open_report(trace)
    file = trace.files[0]
    bits = line_bits(trace, file)
    changed = {line for first, last in file.changed for line in range(first, last + 1)}
    expected = sorted(bits, key=lambda line: (line not in changed, -bits[line]))
    buttons = files(report).locator(".chosen .line-button")
    numbers = [int(text) for text in buttons.locator(".line-number").all_text_contents()]
    assert numbers == expected
    assert buttons.locator(".plus").count() == len(changed)
    for number, text in zip(numbers, buttons.locator(".place-number").all_text_contents(), strict=True):
        assert text == ("<0.01\u00a0bits" if bits[number] < 0.005 else f"{bits[number]:.2f}\u00a0bits")
    buttons.first.click()
    nodes = report.evaluate(
        "line => [...new Set([...document.querySelectorAll(`.line[data-line='${line}'] .t`)].map(t => Number(t.dataset.n)))]",
        numbers[0],
    )
    assert report.selected() in nodes
    assert trace.nodes.surprisal[report.selected()] == np.nanmax(trace.nodes.surprisal[[n for n in nodes if n >= nodes[0]]])
    assert buttons.first.get_attribute("aria-current") == "true"


def test_changed_lines_are_marked_beside_the_code_in_words_too(open_report):
    report = open_report(synthetic_traces.changed())
    marked = report.evaluate("[...document.querySelectorAll('.line.changed')].map(line => Number(line.dataset.line))")
    assert marked == [6, 8, 9]
    assert code(report).get_by_role("img", name="changed line").count() == 3
    bits = line_bits(report.trace, report.trace.files[0])
    shown = report.evaluate(
        "[...document.querySelectorAll('.line-bits')].map(e => [Number(e.parentElement.dataset.line), e.dataset.bits])"
    )
    assert dict(shown) == {n: f"{b:.1f}" if b < 10 else f"{b:.0f}" for n, b in bits.items() if b >= 0.05}


@pytest.fixture
def long_trace():
    return synthetic_traces.scored({"long.py": LINES}, changed={"long.py": [[50, 51], [120, 120]]})


def test_changed_lines_alone_fold_the_others_away(open_report, long_trace):
    report = open_report(long_trace)
    page = report.page
    page.get_by_role("button", name="changed lines alone").click()
    assert report.evaluate("location.hash") == "#changed=1"
    assert shown_lines(report) == [*range(47, 55), *range(117, 124)]
    folds = code(report).get_by_role("button")
    assert folds.all_text_contents() == ["… 46 lines", "… 62 lines", "… 77 lines"]
    folds.nth(1).click()
    assert shown_lines(report) == [*range(47, 124)]
    assert code(report).get_by_role("button").count() == 2
    page.keyboard.press("+")
    assert shown_lines(report) == [*range(1, 201)]
    page.go_back()
    assert shown_lines(report) == [*range(47, 55), *range(117, 124)]
    assert report.program_text() == LINES


def test_a_token_that_is_selected_is_never_folded_away(open_report, long_trace):
    report = open_report(long_trace, fragment="#n=5&changed=1")
    assert 1 in shown_lines(report)
    assert 60 not in shown_lines(report)
    assert report.page.locator(".t.selected").first.is_visible()


def test_n_walks_the_whole_file_or_its_changed_lines_alone(open_report):
    trace = synthetic_traces.changed()
    report = open_report(trace)
    surprisal, file = trace.nodes.surprisal, trace.files[0]
    uncertain = [int(node) for node in file.nodes if surprisal[node] >= 1]

    def walked():
        report.page.keyboard.press("Escape")
        found = []
        while True:
            report.page.keyboard.press("n")
            if report.selected() in found:
                return found
            found.append(report.selected())

    assert walked() == uncertain
    report.page.keyboard.press("+")
    on_changed = [node for node in uncertain if trace.text(file.nodes[file.nodes < node]).count(b"\n") + 1 in (6, 8, 9)]
    assert 0 < len(on_changed) < len(uncertain)
    assert walked() == on_changed
    assert f"{len(on_changed)} uncertain" in report.page.locator(
        "#legend"
    ).inner_text() or f"of {len(on_changed)} uncertain" in (report.page.locator("#legend").inner_text())


def test_the_panel_says_what_the_model_expected_and_offers_no_continuation(open_report):
    trace = synthetic_traces.changed()
    node = int(np.flatnonzero(trace.nodes.rank > 1)[0])
    report = open_report(trace, fragment=f"#n={node}")
    panel = report.page.locator("#token")
    expect(panel.locator(".expected")).to_contain_text("The model expected")
    first = trace.alternatives_of(node).start
    assert f"{100 * np.exp(trace.alternatives.logprob[first]):.1f}\u00a0%" in panel.locator(".expected").text_content()
    assert not report.page.locator(".instead-of").is_visible()
    assert panel.locator("table.alternatives button").count() == 0
    report.page.evaluate("node => { location.hash = `n=${node}`; }", int(np.flatnonzero(trace.nodes.rank == 1)[0]))
    expect(panel.locator(".expected")).to_have_count(0)


def test_no_word_says_that_the_model_wrote_it(open_report):
    report = open_report(synthetic_traces.changed(), fragment="#n=40&lens=1")
    report.page.keyboard.press("d")
    for key in ("b", "u", "c", "v", "[", "]"):
        report.page.keyboard.press(key)
        expect(report.page.locator("#live")).to_have_text("Scored code has no branches.")
    text = report.evaluate("document.body.innerText")
    assert "model wrote" not in text
    assert "output" not in text.lower()
    assert "Surprise is not a bug" in text
    report.page.keyboard.press("ArrowRight")
    assert ", scored" in report.page.locator("#live").text_content()


def test_without_scripts_files_and_changed_lines_stand(open_report):
    report = open_report(synthetic_traces.changed(), java_script_enabled=False)
    text = report.page.locator("body").inner_text()
    for words in (
        "was surprised by",
        "Surprise is not a bug",
        "changed lines",
        "perplexity",
        "MOST SURPRISING",
        "expected",
    ):
        assert words in text
    assert "   6 +     match = pattern.fullmatch(text)" in report.page.locator(".rows").first.inner_text()
    assert report.page.locator(".file-table tbody tr").count() == 2
    assert report.page.locator("mark").first.get_attribute("id").startswith("n=")


def test_hostile_names_and_tokens_are_text(open_report):
    hostile = "".join(part.decode("utf-8", "replace") for part in synthetic_traces.HOSTILE)
    names = {"<img src=x onerror=alert(1)>\u202e.py": hostile + "\nx\n", '"><script>alert(2)</script>': "a = 1\n"}
    report = open_report(synthetic_traces.scored(names, changed={next(iter(names)): [[1, 2]]}))
    assert report.page.locator("img, svg, base, iframe").count() == 0
    for key in ("f", "+", "n", "f", "l"):
        report.page.keyboard.press(key)
    assert "<img src=x onerror=alert(1)><U+202E>.py" in files(report).inner_text()


def test_no_width_makes_the_page_scroll_sideways(open_report):
    report = open_report(synthetic_traces.changed(), fragment="#n=60&lens=1")
    for width in (320, 360, 400, 768, 900, 1000, 1180, 1280, 1600, 2560):
        report.page.set_viewport_size({"width": width, "height": 800})
        assert report.evaluate("document.documentElement.scrollWidth") <= width


def test_many_files_lay_out_only_the_one_that_is_shown(open_report):
    sources = {f"package/module_{i}.py": (synthetic_traces.PROMPT + synthetic_traces.OUTPUT) * 4 for i in range(40)}
    trace = synthetic_traces.scored(sources, changed={name: [[20, 22]] for name in list(sources)[::4]})
    assert len(trace.scored) >= 20_000
    report = open_report(trace)
    report.program_text()  # until all blocks are drawn
    assert report.evaluate("new Set([...document.querySelectorAll('.t')].map(t => t.dataset.n)).size") == 500
    assert files(report).locator(".file").count() == 40
    report.page.keyboard.press("f")
    report.program_text()  # until all blocks are drawn
    assert report.evaluate("new Set([...document.querySelectorAll('.t')].map(t => t.dataset.n)).size") == 500
    button = files(report).get_by_role("button", name="more lines")
    before = files(report).locator(".chosen .line-button").count()
    button.first.focus()
    report.page.keyboard.press("Enter")
    assert files(report).locator(".chosen .line-button").count() > before
    assert report.evaluate("document.activeElement.className") == "line-button"
