"""Looking for compounds: what is enumerated, what is left out, how it is ranked, and what is written."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pymatgen.core.composition import Composition
from shelf import Shelf

from search.data import ELEMENTS, featurise
from search.errors import UserError
from search.inference.known import Known
from search.inference.registry import find_model, load_known, load_model, open_registry
from search.screen import HELP, main
from search.screening import candidates as candidates_module
from search.screening.candidates import MOST_FORMULAS, formula_of
from search.screening.enumeration import Scope, composition_of, reduced_counts
from search.screening.oxidation import balanced, rule_of


def scope_of(symbols: str, max_atoms: int, **more: int) -> Scope:
    return Scope(tuple(sorted(ELEMENTS.index(symbol) for symbol in symbols.split())), max_atoms, **more)


def formulas_of(scope: Scope, rules: str = "charge", mixed_valence: bool = False) -> set[str]:
    rule, found = rule_of(rules, mixed_valence), set()
    for system in scope.systems():
        counts = reduced_counts(len(system), scope.max_atoms)
        found |= {formula_of(system, tuple(row)) for row in counts[rule(system, counts)].tolist()}
    return found


def test_every_reduced_formula_is_there_once() -> None:
    scope = scope_of("Li Fe O", 6)
    expected = {
        Composition({"Li": a, "Fe": b, "O": c}).reduced_formula
        for a in range(7)
        for b in range(7)
        for c in range(7)
        if a + b + c <= 6 and sum(map(bool, (a, b, c))) > 1
    }
    assert formulas_of(scope, "none") == expected
    rows = sum(len(reduced_counts(len(system), 6)) for system in scope.systems())
    assert rows == len(expected) < scope.formulas == 65
    assert {len(system) for system in scope_of("Li Fe O P", 6, min_elements=3, max_elements=3).systems()} == {3}


def test_charges_balance_as_pymatgen_guesses() -> None:
    """Its own search over the same states, a formula at a time, agrees but for electronegativity's order."""
    scope = scope_of("Li Fe O F", 7)
    ours = formulas_of(scope)
    for system in scope.systems():
        counts = reduced_counts(len(system), 7)
        for row, neutral in zip(counts.tolist(), balanced(system, counts), strict=True):
            composition = Composition({ELEMENTS[e]: n for e, n in zip(system, row, strict=True)})
            guesses = composition.oxi_state_guesses(all_oxi_states=False)
            whole = any(all(float(state).is_integer() for state in guess.values()) for guess in guesses)
            assert whole or not neutral, composition.reduced_formula
    assert {"Li2O", "FeO", "Fe2O3", "LiFeO2", "FeF3", "LiF"} < ours
    assert not {"LiO2", "LiFe", "Fe3O4", "OF2"} & ours


def test_mixed_valence_adds_magnetite_and_takes_nothing_away() -> None:
    scope = scope_of("Fe O", 7)
    strict, mixed = formulas_of(scope), formulas_of(scope, mixed_valence=True)
    assert strict == {"FeO", "Fe2O3"}
    assert mixed == strict | {"Fe3O4"}


def test_known_are_all_rows_whatever_their_part_and_spelling(shelf: Shelf, tmp_path: Path) -> None:
    client = open_registry(shelf.uri)
    known, split = load_known(client, find_model(client, "small")), shelf.split
    for part in (split.train, split.validation, split.test):
        assert known.holds(featurise([str(formula) for formula in part.formulas])).all()
        values = dict(zip(known.formulas, known.values, strict=True))
        assert values[str(part.formulas[0])] == part.y[0]
    doubled = [str(Composition(str(f)) * 2).replace(" ", "") for f in split.test.formulas[:20]]
    assert known.holds(featurise(doubled)).all()
    assert not known.holds(featurise(["Li7Fe9O13", "K97Rb2"])).any()
    known.save(tmp_path / "known.npz")
    again = Known.load(tmp_path / "known.npz")
    assert again.formulas == known.formulas
    np.testing.assert_array_equal(again.values, known.values)


def screen(shelf: Shelf, *arguments: str) -> None:
    assert main(["model=small", f"tracking.uri={shelf.uri}", *arguments]) == 0


def test_a_screening_ranks_what_is_new_by_stability(
    shelf: Shelf, in_tmp: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    screen(shelf, "elements=Li,Fe,O", "max_atoms=14", "keep=25", "output=out.csv")
    table = pd.read_csv("out.csv", keep_default_na=False, na_values=[""])
    assert table["rank"].tolist() == list(range(1, len(table) + 1))
    assert len(table) > 11
    assert table.above_hull.is_monotonic_increasing
    client = open_registry(shelf.uri)
    registered = find_model(client, "small")
    predicted = load_model(client, registered).predict(table.formula.tolist())
    for name in ("value", "lower", "upper", "uncertainty"):
        np.testing.assert_allclose(table[name], getattr(predicted, name), rtol=1e-4, atol=1e-5)
    assert not load_known(client, registered).holds(featurise(table.formula.tolist())).any()
    assert set(table.formula) <= formulas_of(scope_of("Li Fe O", 14))
    for formula, above, value, rivals in table[["formula", "above_hull", "value", "competitors"]].values:
        # What it competes with has its elements and no others; the elements alone are at 0.
        named = [Composition(rival.rstrip("*")) for rival in rivals.split(" + ")]
        assert {str(e) for rival in named for e in rival} == {str(e) for e in Composition(formula)}
        assert above >= value - 1e-5
    printed = capsys.readouterr().out
    assert table.formula[0] in printed
    assert table.formula[10] not in printed.split("\n\n")[0].split()
    assert "Wrote out.csv and out.html" in printed


@pytest.mark.parametrize(("elements", "kind"), [("Li,O", "scatter"), ("Li,Fe,O", "scatterternary"),
                                                ("Li,Fe,P,O", "scatter")])  # fmt: skip
def test_the_page_shows_every_candidate_and_needs_no_network(
    shelf: Shelf, in_tmp: Path, elements: str, kind: str
) -> None:
    screen(shelf, f"elements={elements}", "rules=none", "keep=7", "picture=page.html")
    page = Path("page.html").read_text()
    figures = {name: json.loads(text) for name, text in
               re.findall(r'data-figure="([^"]+)">(.*?)</script>', page, re.DOTALL)}  # fmt: skip
    assert set(figures) == {"map", "ranking"}
    assert {trace["type"] for trace in figures["map"]["data"]} == {kind}
    assert len(figures["ranking"]["data"][0]["x"]) == 7
    if kind == "scatterternary":
        *_, predicted = figures["map"]["data"]
        sums = np.array([predicted[corner] for corner in "abc"]).sum(axis=0)
        np.testing.assert_allclose(sums, 1, atol=3e-4)
        assert len(sums) > 7
    assert "Content-Security-Policy" in page
    assert page.count("<tr>") == 8


def test_another_order_needs_no_hull(shelf: Shelf, in_tmp: Path) -> None:
    screen(shelf, "elements=Na,Cl,O", "order=highest", "output=out.parquet")
    table = pd.read_parquet("out.parquet")
    assert table.value.is_monotonic_decreasing
    assert "above_hull" not in table


def test_lowest_is_the_other_end_of_highest(shelf: Shelf, in_tmp: Path) -> None:
    values = []
    for order in ("lowest", "highest"):
        screen(shelf, "elements=Na,Cl,O", f"order={order}", "output=out.csv")
        values.append(pd.read_csv("out.csv").value.tolist())
    assert len(set(values[0])) > 1
    assert values[0] == sorted(values[0]) == values[1][::-1]


def test_numbers_of_elements_are_as_ordered(shelf: Shelf, in_tmp: Path) -> None:
    for key, sizes in (("max_elements=2", {2}), ("min_elements=3", {3}), ("max_atoms=8", {2, 3})):
        screen(shelf, "elements=Li,Fe,O", key, "output=out.csv")
        assert {len(Composition(formula)) for formula in pd.read_csv("out.csv").formula} == sizes


def test_how_far_the_model_is_off_is_printed(shelf: Shelf, in_tmp: Path, capsys: pytest.CaptureFixture[str]) -> None:
    screen(shelf, "elements=Li,O")
    assert "smaller differences tell nothing" in capsys.readouterr().out


def test_a_file_that_cannot_be_written_is_said_first(in_tmp: Path) -> None:
    """Before the store, of which there is none."""
    with pytest.raises(UserError, match=r"output=no/out\.csv cannot be written"):
        main(["model=small", "elements=Li,O", "output=no/out.csv", "picture=out.html"])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["elements=Li,O"], "which model"),
        (["model=small"], "which elements"),
        (["model=small", "elements=Li,Xx"], "Xx is none of the 86 elements of networks, which are H to Pu"),
        (["model=small", "elements=li,O"], "did you mean Li"),
        (["model=small", "elements=Li,Li"], "more than once"),
        (["model=small", "elements=Li"], "two elements or more"),
        (["model=small", "elements=Li,O", "min_elements=3"], "no formula has so many"),
        (["model=small", "elements=Li,O", "rules=none", "mixed_valence=true"], "leave out one of them"),
        (["model=small", "elements=Li,O", "output=out.xlsx"], "must end in .csv or .parquet"),
        (["model=small", "elements=Li,O", "picture=out.png"], "must end in .html"),
        (["model=small", "elements=Li,O", "picture=no/out.html"], "no folder no"),
        (["model=small", "elements=Li,O,Fe,P,Na,K,Ca", "max_atoms=40"], f"more than the {MOST_FORMULAS:,}"),
        (["model=smal", "elements=Li,O"], "did you mean small"),
        (["model=small", "elements=Na,K"], "no composition is left"),
    ],
)
def test_mistakes_are_one_sentence(shelf: Shelf, in_tmp: Path, arguments: list[str], sentence: str) -> None:
    with pytest.raises(UserError) as mistake:
        main([f"tracking.uri={shelf.uri}", *arguments])
    assert sentence in str(mistake.value)
    assert "\n" not in str(mistake.value)
    assert list(in_tmp.iterdir()) == []
    assert "elements=Li,Fe,P,O" in HELP


def test_too_many_candidates_are_said(shelf: Shelf, in_tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates_module, "MOST_CANDIDATES", 10)
    with pytest.raises(UserError, match="more than 10 compositions meet the rules"):
        main(["model=small", f"tracking.uri={shelf.uri}", "elements=Li,Fe,O", "rules=none"])


def test_an_earlier_model_is_to_be_registered_again(
    shelf: Shelf, in_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("search.inference.known.FILE", "gone.npz")
    with pytest.raises(UserError, match="register it again"):
        main(["model=small", f"tracking.uri={shelf.uri}", "elements=Li,O"])


def test_fractions_are_those_of_the_formula() -> None:
    system, counts = scope_of("Li Fe P O", 8).elements, reduced_counts(4, 8)
    formulas = ["".join(f"{ELEMENTS[e]}{n}" for e, n in zip(system, row, strict=True)) for row in counts.tolist()]
    np.testing.assert_array_equal(composition_of(system, counts).x, featurise(formulas).x)
