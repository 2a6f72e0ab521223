"""What is drawn in the report: the cells of the periodic table and of a table that sorts, and fronts of cost."""

from dataclasses import replace

import pytest

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.recipe import FAST
from report.conftest import Archive, Parsed, parsed, trial
from search.data import Split
from search.objectives import parameters_of, seconds_of
from search.report.evidence import Evidence, gather
from search.report.figures import GREY, ORANGE
from search.report.pareto import against_parameters, front_figure, front_table
from search.report.periodic import SHADES, ElementError, periodic_table, places, shade_bounds
from search.report.tables import Cell, facts, table
from search.results import OUT_OF_TIME, rank

ERRORS = {
    symbol: ElementError(symbol, mae, compositions, trained)
    for symbol, mae, compositions, trained in (("O", 0.1, 40, 900), ("Fe", 0.25, 12, 300), ("Cs", 0.4, 3, 7000))
}


def cells(errors: dict[str, ElementError]) -> dict[str, dict[str, str | None]]:
    """The attributes of each element's cell, by its symbol."""
    made = parsed(periodic_table(errors, "eV/atom", "in words"))
    assert made.problems == []
    titled = [attributes for _, attributes in made.elements if "title" in attributes]
    return {str(attributes["title"]).split(":")[0]: attributes for attributes in titled}


def test_an_element_has_its_place_its_shade_and_its_numbers() -> None:
    found = cells(ERRORS)
    assert set(found) == set(places())
    assert found["Fe"]["title"] == "Fe: MAE 0.2500 eV/atom over 12 held-out compositions; 300 in training"
    assert "grid-row:4;grid-column:8;" in str(found["Fe"]["style"])
    assert "grid-row:8;grid-column:3;" in str(found["La"]["style"])
    for symbol, shade, text in (("O", SHADES[0], "#1c2530"), ("Cs", SHADES[-1], "#ffffff")):
        assert f"background:{shade};color:{text};" in str(found[symbol]["style"]), "dark text on light, light on dark"
    words = parsed(periodic_table(ERRORS, "eV/atom", "in words")).text
    assert "Fe0.250n 12" in words
    low, high = min(shade_bounds([0.1, 0.25, 0.4])), max(shade_bounds([0.1, 0.25, 0.4]))
    assert f"MAE up to {low:.4f} (lightest), above {high:.4f} (darkest) eV/atom" in words


def test_what_no_network_can_take_is_told_from_what_was_not_held_out() -> None:
    found = cells(ERRORS)
    assert (found["Po"]["class"], found["Po"]["title"]) == ("outside", "Po: not an input of the networks")
    assert (found["H"]["class"], found["H"]["title"]) == ("unseen", "H: in no composition held out")


def test_one_outlier_takes_one_shade_and_leaves_the_others_theirs() -> None:
    values = [0.1 + 0.001 * place for place in range(99)]
    assert max(shade_bounds([*values, 50.0])) < 0.2


def attributes_of(made: Parsed, *tags: str) -> list[dict[str, str | None]]:
    return [attributes for tag, attributes in made.elements if tag in tags]


def test_a_table_sorts_by_numbers_and_sets_them_right() -> None:
    long = "a text too long for one line of a cell"
    rows = [
        [Cell("first"), Cell("1,234.6", 1234.56789), Cell("yes")],
        [Cell("second"), Cell("–", float("inf")), Cell(long)],
    ]
    made = parsed(table("Numbers", ["name", "error", "word"], rows, "numbers", numbered=[1]))
    assert made.problems == []
    (attributes,) = attributes_of(made, "table")
    assert (attributes["id"], attributes["class"]) == ("numbers", "sortable")
    heads = attributes_of(made, "th")
    assert [(head.get("scope"), head.get("class"), head.get("aria-sort")) for head in heads] == [
        ("col", None, "none"), ("col", "number", "none"), ("col", None, "none"),
        ("row", "short", None), ("row", "short", None),
    ]  # fmt: skip
    found = [(cell.get("class"), cell.get("data-value")) for cell in attributes_of(made, "td")]
    assert found == [("number", "1234.56789"), ("short", None), ("number", "1e300"), ("long", None)]


def test_facts_are_names_with_their_values() -> None:
    assert facts([("target", "band gap")]) == "<dl><div><dt>target</dt><dd>band gap</dd></div></dl>"


def network(width: int) -> Candidate:
    return Candidate(Architecture(groups=(Group(width, 1),)), FAST)


@pytest.fixture(scope="module")
def evidence(archive: Archive, mp_split: Split) -> Evidence:
    """Widths with their errors and seconds: 64 is the best, 32 beaten, 16 the fastest but for one cut off."""
    trials = [
        trial("8", network(8), 0, 0.40, seconds=30.0),
        trial("16", network(16), 0, 0.30, seconds=20.0),
        trial("32", network(32), 0, 0.50, seconds=40.0),
        trial("64", network(64), 0, 0.10, seconds=50.0),
        replace(trial("4", network(4), 0, 0.90, seconds=1.0), stop_reason=OUT_OF_TIME),
    ]
    return gather(archive.record(["space=joint", "dataset=mp", "rows=2000", "trials=5"], trials, mp_split))


def sizes(*widths: int) -> list[int]:
    return [network(width).parameter_count() or 0 for width in widths]


def test_fronts_join_the_cheapest_to_the_best(evidence: Evidence) -> None:
    beaten, front = front_figure(evidence, "parameters", parameters_of).data
    assert (beaten["marker"]["color"], front["marker"]["color"]) == (GREY, ORANGE)
    assert (front["x"], front["y"]) == (sizes(4, 8, 16, 64), [0.90, 0.40, 0.30, 0.10])
    assert front["line"]["shape"] == "hv", "what costs no more than this errs so much"
    assert (beaten["x"], beaten["y"]) == (sizes(32), [0.50])
    assert [text.split(".")[0] for text in front["text"]] == ["5", "3", "2", "1"]
    figure = front_figure(evidence, "parameters", parameters_of)
    assert "4 of 5 candidates on the front of MAE against parameters, the cheapest first: " in figure.finding
    assert "more" not in figure.finding


def test_who_was_cut_off_by_the_time_budget_has_no_place_on_a_front_of_seconds(evidence: Evidence) -> None:
    """It took few seconds because it was cut off: of parameters it may have the fewest all the same."""
    figure = front_figure(evidence, "training time", seconds_of, "s")
    beaten, front = figure.data
    assert (front["x"], front["y"]) == ([20.0, 50.0], [0.30, 0.10])
    assert sorted(beaten["x"]) == [30.0, 40.0]
    assert figure.layout["xaxis"]["title"]["text"] == "training time, s"
    head, *rows = parsed(front_table(evidence)).tables["pareto-table"]
    assert head == [
        "network", "validation MAE, eV/atom", "parameters", "training, s",
        "on the front by parameters", "on the front by time",
    ]  # fmt: skip
    assert [row[-2:] for row in rows] == [["yes", "yes"], ["yes", "yes"], ["yes", "no"], ["yes", "no"]]
    assert [row[2:4] for row in rows] == [
        [f"{size:,}", seconds]
        for size, seconds in zip(sizes(64, 16, 8, 4), ("50.0", "20.0", "30.0", "1.0"), strict=True)
    ]


def test_of_as_many_parameters_the_winner_alone_is_on_the_front(evidence: Evidence) -> None:
    same = [replace(trial(str(seed), network(8), 0, 0.4 + seed), trial_id=str(seed)) for seed in (0, 1)]
    other = replace(same[1], candidate=replace(network(8), recipe=replace(FAST, learning_rate=0.5)))
    found = parsed(against_parameters(replace(evidence, standings=tuple(rank([same[0], other])))))
    assert f"All candidates have {sizes(8)[0]:,} parameters: the winner alone is on the front." in found.text
    assert not found.figures
    assert parsed(against_parameters(replace(evidence, standings=tuple(rank(same[:1]))))).figures
