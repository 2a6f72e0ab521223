"""The small parts: markup, numbers, axes, the periodic table."""

import json

import pytest
from pymatgen.core.periodic_table import Element

from search.data import ELEMENTS
from search.report.figures import Figure, log_ticks
from search.report.markup import Html, element, join
from search.report.periodic import SHADES, places, shade_bounds, shade_of
from search.report.publication import with_report
from search.report.wording import number


def test_plain_text_is_escaped_and_html_is_not() -> None:
    assert (
        element("p", "<b> & ", element("b", "x"), title='a "b"')
        == '<p title="a &quot;b&quot;">&lt;b&gt; &amp; <b>x</b></p>'
    )
    assert join("a", Html("<br>"), between=", ") == "a, <br>"
    assert element("i", hidden=True, lang=None, class_="x") == '<i hidden class="x"></i>'


def test_a_figure_cannot_end_its_script() -> None:
    written = Figure("x", "", [{"text": "</script><!--"}], {}).to_json()
    assert "<" not in written
    assert json.loads(written)["data"][0]["text"] == "</script><!--"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.03124, "0.0312"),
        (-1.5, "−1.5000"),
        (12.345, "12.35"),
        (1234.6, "1,235"),
        (float("inf"), "–"),
        (0, "0.0000"),
        (-3.12e-6, "−3.12e-06"),
    ],
)
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(("low", "high"), [(0.31, 0.36), (1e-5, 1.0), (2.8e6, 7e6), (5.0, 5.0)])
def test_a_logarithmic_axis_has_ticks_inside_its_range(low: float, high: float) -> None:
    ticks = log_ticks(low, high)
    assert all(low * 0.93 <= tick <= high * 1.07 for tick in ticks)
    assert 2 <= len(ticks) <= 12 or low == high


def test_every_element_stands_where_chemistry_has_it() -> None:
    found = places()
    assert set(ELEMENTS) <= set(found)
    for symbol, (row, column) in found.items():
        known = Element(symbol)
        if known.is_lanthanoid or known.is_actinoid:
            assert (row, column) == (8 if known.is_lanthanoid else 9, known.Z - (54 if known.is_lanthanoid else 86))
        else:
            assert (row, column) == (known.row, known.group)


def test_shades_run_from_the_lowest_to_the_highest() -> None:
    values = [0.1, 0.2, 0.3, 0.4]
    shades = [shade_of(value, shade_bounds(values)) for value in values]
    assert shades == sorted(shades)
    assert (shades[0], shades[-1]) == (0, len(SHADES) - 1)
    assert shade_of(1.0, shade_bounds([1.0])) == 0


def test_the_description_names_the_report_once() -> None:
    once = with_report("Winner: **x**\n\n| rank |\n| --- |\n| 1 |\n", "7", "abc")
    assert once.startswith("Winner: **x**\nReport: [report.html](")
    assert once.endswith("`.\n\n| rank |\n| --- |\n| 1 |\n")
    assert "python -m search.register run=abc" in once
    assert with_report(once, "7", "abc") == once
    assert with_report("", "7", "abc").startswith("Report: ")
