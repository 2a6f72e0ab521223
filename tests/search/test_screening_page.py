"""A screening's page: where its points are and what they say, against the ranking and pymatgen's phase diagrams."""

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PhaseDiagram
from pymatgen.core.composition import Composition
from report.conftest import parsed
from screenings import entry_of, known_of, names_of, screened, with_values
from shelf import Shelf

from search.data import ELEMENTS
from search.report.wording import number
from search.screening.maps import hull_line, map_figure
from search.screening.outcome import Screening
from search.screening.picture import MOST_IN_A_FIGURE, page, ranking_figure


def made_up(shelf: Shelf, elements: str, *words: str, deepest: float = 4.0) -> Screening:
    """All formulas of up to six atoms, with made-up values on both sides of the hull of what is known."""
    screening = screened(shelf, f"elements={elements}", "rules=none", "max_atoms=6", *words)
    return with_values(screening, -deepest * np.random.default_rng(1).random(len(screening.candidates)))


def share(formula: str, element: str) -> float:
    return float(Composition(formula).get_atomic_fraction(element))


def formula_in(text: str) -> str:
    """Of what a point says."""
    return text.partition("</b>")[0].removeprefix("<b>")


@pytest.mark.parametrize("deepest", [4.0, 1.0])
def test_along_two_elements_the_line_is_the_hull(shelf: Shelf, deepest: float) -> None:
    screening = made_up(shelf, "Fe,O", deepest=deepest)
    line, known, predicted = map_figure(screening).data
    values = dict(zip(names_of(screening), screening.answers.value, strict=True))
    diagram = PhaseDiagram(
        [entry_of(f, float(e)) for f, e in ({"Fe": 0, "O": 0} | known_of(screening) | values).items()]
    )
    corners = sorted((e.composition.get_atomic_fraction("Fe"), e.energy_per_atom) for e in diagram.stable_entries)
    assert len(corners) > 3
    np.testing.assert_allclose(np.transpose([line["x"], line["y"]]), corners, atol=1e-6)
    through_all = hull_line(screening, ELEMENTS.index("Fe"), screening.ranked(1000))
    np.testing.assert_allclose(np.transpose([through_all["x"], through_all["y"]]), corners, atol=1e-6)
    assert predicted["x"] == pytest.approx([share(formula_in(text), "Fe") for text in predicted["text"]])
    assert predicted["y"] == [values[formula_in(text)] for text in predicted["text"]]
    rows, bars = screening.ranked(1000), predicted["error_y"]
    np.testing.assert_allclose(np.add(predicted["y"], bars["array"]), [row.upper for row in rows])
    np.testing.assert_allclose(np.subtract(predicted["y"], bars["arrayminus"]), [row.lower for row in rows])
    assert known["x"] == pytest.approx([11 / 23])
    assert known["text"] == [f"<b>Fe11O12</b>, known: {number(known['y'][0])} eV/atom"]
    assert known["y"] == list(known_of(screening).values())


def test_the_triangle_has_its_corners_stars_and_colours(shelf: Shelf) -> None:
    screening = made_up(shelf, "Fe,Li,O")
    figure = map_figure(screening)
    rows = {row.formula: row for row in screening.ranked(1000)}
    for points in figure.data:
        for corner in "abc":
            element = figure.layout["ternary"][f"{corner}axis"]["title"]["text"]
            assert points[corner] == pytest.approx([share(formula_in(t), element) for t in points["text"]], abs=1e-4)
    predicted = figure.data[1]
    shown = [rows[formula_in(text)] for text in predicted["text"]]
    assert shown == list(rows.values())[::-1], "the best on top"
    marker = predicted["marker"]
    assert [symbol == "star" for symbol in marker["symbol"]] == [(row.above_hull or 0) <= 0 for row in shown]
    assert {"star", "circle"} == set(marker["symbol"])
    assert marker["color"].tolist() == [row.above_hull for row in shown]
    assert not marker["reversescale"], "the first colour, a dark one, is that of the lowest"
    highest = screened(shelf, "elements=Li,Fe,O", "order=highest")
    assert map_figure(highest).data[1]["marker"]["reversescale"]


def test_of_each_system_the_first_is_shown_the_best_on_top(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    screening = made_up(shelf, "Li,Fe,P,O")
    first: dict[frozenset[str], str] = {}
    for row in screening.ranked(1000):
        first.setdefault(frozenset(map(str, Composition(row.formula))), row.formula)
    for most in (40, 3):
        monkeypatch.setattr("search.screening.maps.MOST_SYSTEMS", most)
        figure = map_figure(screening)
        assert figure.data[0]["text"] == list(first.values())[:most][::-1]
        assert f"the best is {screening.kept[0].formula}" in figure.finding
    assert figure.data[0]["x"] == sorted(figure.data[0]["x"], reverse=True)


@pytest.mark.parametrize(
    ("elements", "every", "some"),
    [
        ("Fe,O", "11 candidates and 1 known compound by", "The first 3 of 11 candidates and 1 known compound by"),
        ("Li,Fe,O", "52 candidates in the triangle", "The first 3 of 52 candidates in the triangle"),
        ("Li,Fe,P,O", "each chemical system, all 11;", "each chemical system, the first 2 of 11;"),
    ],
)
def test_a_figure_says_how_many_it_leaves_out(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, elements: str, every: str, some: str
) -> None:
    screening = made_up(shelf, elements)
    assert every in map_figure(screening).finding
    monkeypatch.setattr("search.screening.maps.MOST_POINTS", 3)
    assert some in map_figure(screening).finding


def test_table_and_figure_hold_the_ranking(shelf: Shelf) -> None:
    screening = made_up(shelf, "Pu,Fe,O", "keep=50")
    heads, *rows = parsed(page(screening)).tables["ranking-table"]
    unit = "eV/atom"
    above = f"energy above the hull, {unit}"
    value = f"formation_energy, {unit}"
    assert heads == ["formula", "rank", value, "lower", "upper", above, "competes with", "warning"]
    assert len(rows) == len(screening.kept) == 50
    for rank, (cells, row) in enumerate(zip(rows, screening.kept, strict=True), start=1):
        assert row.above_hull is not None
        figures = [number(row.value), number(row.lower), number(row.upper), number(row.above_hull, signed=True)]
        assert cells == [row.formula, str(rank), *figures, " + ".join(row.competitors), row.warning]
    assert any(row.warning for row in screening.kept)
    assert f"The first 50 of {len(screening.candidates)} candidates" in page(screening)
    figure = ranking_figure(screening)
    assert figure.data[0]["y"] == [row.formula for row in screening.kept[:MOST_IN_A_FIGURE]][::-1]
    assert figure.finding.startswith(f"First is {screening.kept[0].formula} with ")
