"""The syntax of the code: its outline, the numbers of its spans, what a token is to it, and what is selected with the mouse."""

import re

import numpy as np
import pytest
from playwright.sync_api import expect
from tests.support import synthetic_traces

from tokenscope_trace.analysis.structure import add_structure
from tokenscope_trace.traces.syntax import aggregate

ROWS = ".outline [role=rowgroup]:last-child [role=row]"


@pytest.fixture(scope="module")
def parsed():
    return add_structure(synthetic_traces.plausible())


def cells(report):
    return [[cell.inner_text() for cell in row.locator("[role=gridcell]").all()] for row in report.page.locator(ROWS).all()]


def marked(report):
    return report.evaluate("[...new Set([...document.querySelectorAll('.t.marked')].map(t => Number(t.dataset.n)))]")


def number(text):
    return float(re.sub(r"[<\s]|bits", "", text))


@pytest.mark.parametrize("resolution", ["expression", "statement", "block"])
@pytest.mark.parametrize("by", ["mean", "sum", "max", "min", "median"])
def test_the_numbers_are_those_of_the_reader_in_python(open_report, parsed, resolution, by):
    report = open_report(parsed, fragment=f"#syntax=1&span={resolution}{'' if by == 'mean' else f'&by={by}'}")
    places = parsed.token_places(parsed.main)
    spans = parsed.syntax.spans(0, resolution)
    shown = cells(report)
    assert len(shown) == len(spans) or len(shown) > 20
    for (name, line, value, count), span in zip(shown, spans, strict=False):
        nodes, shares = places.within(span.start, span.end)
        expected = aggregate(parsed.nodes.surprisal[nodes], shares)
        assert name.split()[0] == span.kind
        assert int(line) == parsed.text(parsed.main)[: span.start].count(b"\n") + 1
        assert number(value) == pytest.approx(getattr(expected, by), abs=0.0101)
        assert int(count) == expected.count


def test_the_tree_opens_to_statements_and_is_walked_with_keys(open_report, parsed):
    report = open_report(parsed)
    report.page.keyboard.press("s")
    grid = report.page.get_by_role("treegrid", name="Spans of the code")
    expect(grid).to_be_visible()
    assert report.address.endswith("#syntax=1")
    names = [row[0] for row in cells(report)]
    assert any("if_statement" in name for name in names)
    assert not any("binary_operator" in name for name in names)
    grid.focus()
    current = report.page.locator(f"{ROWS}[aria-selected]")
    grid.press("ArrowDown")
    expect(current).to_have_attribute("aria-level", "2")
    expect(current).to_contain_text("import_statement")
    assert current.get_attribute("aria-expanded") == "false"
    grid.press("ArrowRight")
    grid.press("ArrowRight")
    expect(current).to_contain_text("dotted_name")
    assert grid.get_attribute("aria-activedescendant") == current.get_attribute("id")
    grid.press("ArrowLeft")
    grid.press("ArrowLeft")
    assert current.get_attribute("aria-expanded") == "false"
    grid.press("ArrowLeft")
    expect(current).to_contain_text("module")
    grid.press("End")
    expect(current).to_contain_text("return_statement")
    grid.press("Escape")
    expect(grid).to_be_hidden()


def test_a_row_marks_its_tokens_in_the_code_and_another_text_forgets_them(open_report, parsed):
    report = open_report(parsed, fragment="#syntax=1&span=statement")
    span = next(one for one in parsed.syntax.spans(0, "statement") if one.kind == "return_statement")
    report.page.locator(ROWS, has_text="return_statement").click()
    nodes, _ = parsed.token_places(parsed.main).within(span.start, span.end)
    expect(report.page.locator(".t.marked").first).to_be_in_viewport()  # code is drawn when it comes into sight
    assert marked(report) == nodes.tolist()
    report.page.locator("input[value=entropy] + span").click()
    assert marked(report) == nodes.tolist(), "another colour keeps them"
    report.page.get_by_role("combobox", name="Rows").select_option("line")
    assert marked(report) == []
    report.page.locator(ROWS).nth(2).click()
    expect(report.page.locator(".t.marked")).not_to_have_count(0)
    report.page.keyboard.press("s")
    assert marked(report) == []


def test_rows_go_by_value_and_the_choice_is_in_the_address(open_report, parsed):
    report = open_report(parsed, fragment="#syntax=1")
    report.page.get_by_role("combobox", name="Rows").select_option("line")
    report.page.get_by_role("combobox", name="Number").select_option("max")
    report.page.get_by_role("button", name="max surprisal").click()
    assert report.address.endswith("#syntax=1&span=line&by=max&ranked=1")
    header = report.page.get_by_role("columnheader", name="max surprisal")
    assert header.get_attribute("aria-sort") == "descending"
    values = [number(row[2]) for row in cells(report) if "not" not in row[2]]
    assert values == sorted(values, reverse=True)
    report.page.locator("input[value=probability] + span").click()
    header = report.page.get_by_role("columnheader", name="max probability")
    assert header.get_attribute("aria-sort") == "ascending", "less probable is more uncertain"
    option = report.page.get_by_role("combobox", name="Number").locator("option[value=sum]")
    assert option.is_disabled(), "only surprisal may be summed"


def test_what_the_grammar_could_not_place_is_shown(open_report):
    broken = "def f(:\n    return (1\nx = = 2\n"
    trace = add_structure(synthetic_traces.make(synthetic_traces.split(broken), synthetic_traces.split("y = (\n")))
    flagged = int(np.count_nonzero(trace.syntax.flags & 6))
    assert flagged
    report = open_report(trace, fragment="#syntax=1&m=entropy")
    grid = report.page.get_by_role("treegrid")
    grid.focus()
    for _ in range(60):
        if report.page.locator(f"{ROWS}[aria-selected]").get_attribute("aria-expanded") == "false":
            grid.press("ArrowRight")
        grid.press("ArrowDown")
    assert report.page.locator(".wrong").count() == flagged


def test_the_kinds_have_a_mean_and_how_many_tokens(open_report, parsed):
    report = open_report(parsed, fragment="#syntax=1&span=statement")
    span = next(one for one in parsed.syntax.spans(0, "statement") if one.kind == "raise_statement")
    nodes, _ = parsed.token_places(parsed.main).within(span.start, span.end)
    row = report.page.locator(".kinds tr", has_text="raise_statement")
    assert row.locator("td").last.inner_text() == str(len(nodes))
    assert number(row.locator("td").nth(1).inner_text()) == pytest.approx(parsed.nodes.surprisal[nodes].mean(), abs=0.006)


def test_a_branch_and_an_unknown_language_say_why_there_is_no_structure(open_report):
    report = open_report(add_structure(synthetic_traces.branching()), fragment="#syntax=1&b=0")
    expect(report.page.locator("#structure")).to_contain_text("A branch has none")
    expect(report.page.locator(".outline")).to_be_hidden()
    files = {"a.py": "x = 1\n", "b.unknown": "x = 1\n"}
    report = open_report(add_structure(synthetic_traces.scored(files)), fragment="#syntax=1&f=1")
    expect(report.page.locator("#structure")).to_contain_text("--language")
    report.page.keyboard.press("f")
    expect(report.page.locator(".outline")).to_be_visible()
    report = open_report("plausible")
    report.page.keyboard.press("s")
    expect(report.page.locator("#live")).to_contain_text("--language")
    assert report.page.get_by_role("button", name="structure").count() == 0


def test_the_panel_says_what_the_token_is_and_its_place_among_its_kind(open_report, parsed):
    nodes = parsed.main
    node = next(int(one) for one in nodes if parsed.token_bytes(one).strip() == b"ValueErro")
    report = open_report(parsed, fragment=f"#n={node}")
    line = report.page.locator(".panel .facts-line").nth(2)
    assert re.fullmatch(
        r"identifier in raise_statement · surprisal larger than in \d+(\.\d)? % of the \d+ identifier tokens here",
        line.inner_text().replace("\u00a0", " "),
    )
    report.page.keyboard.press("2")
    expect(line).to_contain_text("entropy larger than")


def test_what_is_selected_with_the_mouse_has_numbers_while_it_is_selected(open_report, parsed):
    report = open_report(parsed)
    first, last = (report.page.locator(f'.t[data-n="{node}"]').last.bounding_box() for node in (60, 64))
    report.page.mouse.move(first["x"] + 1, first["y"] + 8)
    report.page.mouse.down()
    report.page.mouse.move(last["x"] + last["width"] - 1, last["y"] + 8, steps=4)
    report.page.mouse.up()
    live = report.page.locator("#live")
    expect(live).to_be_visible()
    values = parsed.nodes.surprisal[60:65]
    expect(live).to_contain_text("n = 5")
    found = re.search(
        r"surprisal <?([\d.]+) bits, mean <?([\d.]+) bits · perplexity ([\d.]+)", live.inner_text().replace("\u00a0", " ")
    )
    assert found
    assert float(found[2]) == pytest.approx(values.mean(), abs=0.0101)
    assert float(found[3]) == pytest.approx(2 ** values.mean(), abs=0.0101)
    report.evaluate("document.getSelection().removeAllRanges()")
    expect(live).to_have_class("visually-hidden")


@pytest.mark.parametrize("case", ["split_characters", "sampled", "fill_in_the_middle"])
def test_a_selection_of_everything_counts_every_token_of_the_text_once(open_report, case):
    report = open_report(case)
    report.evaluate("document.getSelection().selectAllChildren(document.querySelector('.code'))")
    trace = report.trace
    nodes = [node for node in trace.main if not trace.is_special(trace.nodes.token_id[node])]
    values = trace.nodes.surprisal[nodes]
    known = values[~np.isnan(values)]
    live = report.page.locator("#live")
    expect(live).to_contain_text(f"n = {len(known)}")
    expect(live).to_contain_text(f"surprisal {known.sum():.2f}")


def test_many_nodes_are_few_elements(open_report):
    report = open_report(add_structure(synthetic_traces.large(4000)), fragment="#syntax=1&span=token")
    grid = report.page.get_by_role("grid", name="Spans of the code")
    assert int(grid.get_attribute("aria-rowcount")) > 4000
    assert report.page.locator(ROWS).count() < 100
    grid.focus()
    grid.press("End")
    expect(report.page.locator(f"{ROWS}[aria-selected]")).to_be_in_viewport()
