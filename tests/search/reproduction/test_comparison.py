"""Differences and orders against the spread over seeds, by hand."""

import math
from pathlib import Path

import pytest

from models.candidate import Candidate
from models.published import BRNET
from models.recipe import FAST
from search.data import DataRequest
from search.reproduction.blocks import TITLES, Block, Row, blocks_of
from search.reproduction.collection import collect
from search.reproduction.comparison import Compared, order_of
from search.reproduction.document import Document, sheet_of
from search.reproduction.pictures import Bubble, Curve, bubbles, curves, heat_map, sides, written
from search.reproduction.published import DATASETS
from search.reproduction.running import Outcome
from search.results import TrialResult


def compared(label: str, figure: float | None, *errors: float) -> Compared:
    results = tuple(TrialResult(str(n), Candidate(BRNET, FAST), n, 5, 5, 0.1, 9.0) for n in range(len(errors)))
    return Compared.of(Outcome(Row(label, "published", (("published", figure),)), results, errors, (), "network"))


def test_means_differences_and_spreads() -> None:
    one = compared("a", 0.1, 0.11, 0.13)
    assert one.mean == pytest.approx(0.12)
    assert one.spread == pytest.approx(math.sqrt(2) * 0.01)
    assert one.difference(0.1) == pytest.approx(0.02)
    assert (one.beyond_spread(0.1), one.beyond_spread(0.09)) == (False, True)
    assert (one.difference(None), one.beyond_spread(None)) == (None, None)
    assert compared("a", 0.1, 0.2).beyond_spread(0.1) is None


def test_order_counts_pairs_that_the_paper_tells_apart() -> None:
    found = [
        compared("a", 0.1, 0.10, 0.12),
        compared("b", 0.1, 0.30, 0.32),
        compared("c", 0.2, 0.20, 0.22),
        compared("d", 0.3, 0.215, 0.216),
        compared("e", None, 0.5, 0.6),
    ]
    order = order_of(found, "published")
    assert order is not None
    assert (order.models, order.pairs) == (4, 5)  # all but a and b
    assert order.agreeing == 3  # a before c, a before d, c before d; b is behind both
    assert order.beyond_spread == 4  # all but c and d
    assert order_of(found[:2], "published") is None
    single = order_of([compared(n, f, e) for n, f, e in (("a", 0.1, 1), ("b", 0.2, 2), ("c", 0.3, 3))], "published")
    assert single is not None
    assert (single.tau, single.beyond_spread) == (1.0, None)


def test_a_page_without_data_has_empty_cells_and_says_why() -> None:
    rows = (Row("BRNet", "published", (("published", 0.070),)), Row("AutoML", "automl", (("published", 13.46),)))
    block = Block("jarvis: <b>", DataRequest("jarvis"), rows, "19,994 compositions")
    sheet = sheet_of(block, None, (), "no table, <no> figures")
    assert [row[:3] for row in sheet.rows] == [("BRNet", "0.070", ""), ("AutoML", "13.46", "")]
    document = Document("Table", (), (sheet,))
    assert "Not run: no table, <no> figures" in document.markdown()
    assert "&lt;no&gt;" in document.html({})
    assert "<b>" not in document.html({})


def test_a_table_that_is_another_quantity_is_not_compared() -> None:
    block = Block("x", DataRequest("oqmd"), (Row("a", "published", (("published", 21.0),)),), "", comparable=False)
    assert not any("difference" in column for column in sheet_of(block, None, ()).columns)


def test_pictures_are_written_as_svg_and_png_with_their_words() -> None:
    theirs = [Bubble("ElemNet", 2036, 0.083, 4_631_361), Bubble("BRNet", 4467, 0.070, 4_548_385)]
    ours = [Bubble("ElemNet", 3, 0.2, 4_631_361, 0.01), Bubble("BRNet", 5, 1.3, 4_548_385)]
    figures = {
        "published": bubbles({"jarvis": (theirs, ours)}, "eV/atom"),
        "BRNet": curves([Curve("BRNet", [0.5, 0.2], [1.0, 2.0]), Curve("IRNet", [0.4], [1.5])], "eV/atom"),
        "Middle 1": heat_map({("Top", "2,2"): 0.07, ("Middle 1", "2,1"): 0.069}, "eV/atom"),
    }
    for words, figure in figures.items():
        files = written(figure)
        assert files["png"].startswith(b"\x89PNG")
        assert f"<!-- {words} -->".encode() in files["svg"]  # text is drawn as paths, with what it says beside it


def test_names_of_bubbles_go_to_different_sides() -> None:
    found = [
        Bubble(name, seconds, error, 1) for name, seconds, error in (("a", 1, 1), ("b", 2, 3), ("c", 3, 2), ("d", 4, 1))
    ]
    assert {bubble.name: side for bubble, side in sides(found)} == {
        "a": (-1, 0),
        "b": (0, 1),
        "c": (0, -1),
        "d": (1, 0),
    }
    assert sides(found[:1]) == [(found[0], (-1, 0))]


def test_pages_are_gathered_in_order_with_empty_tables_where_nothing_was_run(tmp_path: Path) -> None:
    pages = tmp_path / "results"
    pages.mkdir()
    (pages / "table-2-jarvis.md").write_text("# Table 2. Where\n\n## jarvis\n\n![x](x.svg)\n")
    collect(pages, tmp_path / "results.md")
    text = (tmp_path / "results.md").read_text()
    headings = [line for line in text.splitlines() if line.startswith("## ")]
    assert [heading[9] for heading in headings] == [*"111222333444", "5"]
    assert "![x](results/x.svg)" in text
    assert text.count("Not run: not yet.") == sum(
        len(blocks_of(table, dataset, DataRequest(dataset)))
        for table in TITLES
        for dataset in DATASETS
        if (table, dataset) != (2, "jarvis") and (table != 5 or dataset == "oqmd")
    )
    assert "| BRNet | 0.070 |  |" in text
