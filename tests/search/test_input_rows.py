"""Tables of formulas to predict are read as tables to train on are: no row goes missing without a word."""

from pathlib import Path

import pytest

from search.data.table import Columns, read_table
from search.errors import UserError
from search.inference.rows import open_input


def formulas_of(path: Path, content: str) -> list[str]:
    path.write_text(content, encoding="utf-8", newline="")
    return [formula for chunk in open_input(path, None).chunks() for formula in chunk.formulas]


def test_a_quote_that_is_not_closed_is_said_and_swallows_no_row(tmp_path: Path) -> None:
    rows = [f'{n},"NaCl' if n == 500 else f"{n},NaCl" for n in range(1000)]
    with pytest.raises(UserError, match="not readable as CSV"):
        formulas_of(tmp_path / "in.csv", "\n".join(["id,formula", *rows]) + "\n")
    with pytest.raises(UserError, match="line 2: not readable as CSV"):
        formulas_of(tmp_path / "in.csv", 'id,"formula\nNaCl,1\n')


def test_a_quote_that_another_closes_far_below_is_said(tmp_path: Path) -> None:
    swallowed = "".join(f"MgO,{n}\n" for n in range(40))
    for content in (f'formula,gap\n"CaO,2\n{swallowed}KCl",3\n', f'formula,gap\nNaCl,"2\n{swallowed}KCl",3\n'):
        with pytest.raises(UserError, match="line 2: a quote is opened"):
            formulas_of(tmp_path / "in.csv", content)


@pytest.mark.parametrize(
    "content",
    [
        'id, formula, gap\n1, "NaCl", 5\n2, "KCl", 4\n',
        '"sample\nno.",formula,gap\n1,NaCl,5\n2,KCl,4\n',
        "   \nid,formula,gap\n1,NaCl,5\n2,KCl,4\n",
        ",,\nid,formula,gap\n1,NaCl,5\n2,KCl,4\n",
        "id;formula;gap\n1;NaCl;5\n;;\n2;KCl;4\n;;\n",
    ],
)
def test_what_can_be_trained_on_can_be_predicted(tmp_path: Path, content: str) -> None:
    trained = read_table(tmp_path / "in.csv", content.encode(), Columns(("gap",)))
    assert formulas_of(tmp_path / "in.csv", content) == trained.formulas == ["NaCl", "KCl"]


def test_an_empty_cell_that_is_the_whole_row_stays_a_row(tmp_path: Path) -> None:
    assert formulas_of(tmp_path / "in.csv", 'formula\nNaCl\n""\nKCl\n\n') == ["NaCl", "", "KCl"]
