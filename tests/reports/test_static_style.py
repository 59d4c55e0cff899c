from tokenscope_trace.reports.page import page_style, viewer_style, whole_style
from tokenscope_trace.reports.static_style import later_style, names_in, static_style


def test_rules_stay_whose_names_all_exist():
    style = '.a{x:1}.a .b,.c{y:2}#d:not(.z)>p,.q{z:"}"}:is(.a,.c) i{w:3}del{v:4}'
    assert static_style(style, frozenset({"a", "d"})) == '.a{x:1}#d:not(.z)>p{z:"}"}:is(.a,.c) i{w:3}del{v:4}'
    assert static_style(style, frozenset({"a", "b", "c", "d", "q"})) == style


def test_conditions_stay_around_what_is_left_in_them():
    style = "@media print{.a{x:1}.b{y:2}}@media (max-width:9px){.b{z:3}}@supports (a:b){.a{w:1}}@font-face{f:1}"
    assert static_style(style, frozenset({"a"})) == "@media print{.a{x:1}}@supports (a:b){.a{w:1}}@font-face{f:1}"


def test_the_rest_is_all_else():
    style = ".a,.b{x:1}@media print{.a{x:1}.b{y:2}}@supports (a:b){.a{w:1}}@font-face{f:1}"
    assert static_style(style, frozenset({"a"})) == ".a{x:1}@media print{.a{x:1}}@supports (a:b){.a{w:1}}@font-face{f:1}"
    assert later_style(style, frozenset({"a"})) == ".b{x:1}@media print{.b{y:2}}"


def test_names_are_those_of_the_markup():
    assert names_in('<p class="a b-c" id="d"><i class="b{{ " e" if x }} f">') >= {"a", "b-c", "d", "e", "f"}


def test_it_is_a_small_part_of_the_sheet():
    assert len(page_style()) < len(whole_style()) / 2
    assert len(page_style()) + len(viewer_style()) < 1.05 * len(whole_style())
    assert ".excerpt" in page_style()
    assert ".tree-view" not in page_style()
