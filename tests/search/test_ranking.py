"""What a screening ranks, against pymatgen's phase diagrams and the model asked by formula; and what is told of it."""

from dataclasses import replace
from io import StringIO

import numpy as np
import pytest
from pymatgen.analysis.phase_diagram import PDEntry, PhaseDiagram
from pymatgen.core.composition import Composition
from rich.console import Console
from screenings import entry_of, known_of, names_of, screened, with_values
from shelf import Shelf

from search.arguments import read_arguments
from search.errors import UserError
from search.inference.predictor import Predictor
from search.inference.registry import find_model, load_model, open_registry
from search.screen import LOWEST, SETTINGS, order_of
from search.screening import candidates as candidates_module
from search.screening.outcome import Screening
from search.screening.screening import ranking_of
from search.screening.table import print_table


@pytest.fixture(scope="module")
def oxides(shelf: Shelf) -> Screening:
    """Every formula of up to six atoms."""
    return screened(shelf, "elements=Li,Fe,O", "rules=none", "max_atoms=6")


def name_as_ours(phase: PDEntry, screening: Screening) -> str:
    """Of what a compound competes with: an element, a known compound, or with a star a predicted one."""
    if phase.composition.is_element:
        return str(phase.composition.elements[0])
    is_known = phase.composition.reduced_formula in known_of(screening)
    return phase.composition.get_integer_formula_and_factor()[0] if is_known else f"{phase.name}*"


@pytest.mark.filterwarnings("ignore:There are")  # competing entries, pymatgen says, that make it slow
@pytest.mark.parametrize("deepest", [2.0, 0.5])
def test_stability_is_pymatgens_against_known_and_screened_compounds(oxides: Screening, deepest: float) -> None:
    energies = -deepest * np.random.default_rng(0).random(len(oxides.candidates))
    energies[0] = -2 * deepest  # the first of all is there to compete with, too
    screening = with_values(oxides, energies)
    known = known_of(screening)
    assert len(known) == len(screening.landscape.known) == 3
    values = {name: float(value) for name, value in zip(names_of(screening), screening.answers.value, strict=True)}
    theirs = {name: entry_of(name, value) for name, value in (known | values).items()}
    diagram = PhaseDiagram([*theirs.values(), *(entry_of(element, 0) for element in screening.order.elements)])
    rows = screening.ranked(1000)
    assert len(rows) == len(values)
    for row in rows:
        assert row.value == values[row.formula]
        expected = diagram.get_phase_separation_energy(theirs[row.formula], stable_only=False, space_limit=0)
        assert row.above_hull == pytest.approx(expected, abs=1e-5)
        if expected > 0:
            phases = diagram.get_decomposition(Composition(row.formula))
            names = {name_as_ours(p, screening): phases[p] for p in phases if isinstance(p, PDEntry)}
            assert set(row.competitors) == set(names)
            shares = [names[name] for name in row.competitors]
            assert shares == pytest.approx(sorted(shares, reverse=True), abs=1e-5)
    stable = sum(row.above_hull is not None and row.above_hull < 0 for row in rows)
    assert 0 < stable < len(rows)
    assert f"against each other, {stable} of the other {len(rows)} are predicted stable" in screening.story()
    assert {"Fe11O12"} < {name for row in rows for name in row.competitors if name[-1] != "*"}


def test_predictions_in_parts_are_those_of_the_formulas(
    shelf: Shelf, oxides: Screening, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parts that end within a chemical system and between two."""
    expected = oxides.predictor.predict(names_of(oxides))
    for rows in (1, 7, 16_384):
        monkeypatch.setattr(candidates_module, "ROWS_AT_ONCE", rows)
        answers = candidates_module.predict_candidates(oxides.candidates, oxides.predictor, lambda done: None)
        np.testing.assert_allclose(answers.value, expected.value, atol=1e-5)
        np.testing.assert_allclose(answers.uncertainty, expected.uncertainty, atol=1e-5)


def test_of_equal_values_the_surer_comes_first(oxides: Screening) -> None:
    alike = replace(with_values(oxides, np.full(len(oxides.candidates), -1.0)), ranking=LOWEST)
    found = [row.uncertainty for row in alike.ranked(1000)]
    assert len(set(found)) > 1
    assert found == sorted(found)


def test_a_warning_stays_with_its_candidate(shelf: Shelf) -> None:
    screening = screened(shelf, "elements=Pu,Fe,O", "rules=none", "max_atoms=4")
    found = {row.formula: row.warning for row in screening.kept}
    assert list(found.values()) == screening.predictor.predict(list(found)).warning
    assert {bool(warning) for warning in found.values()} == {False, True}


def test_what_is_known_is_counted_and_named(shelf: Shelf) -> None:
    screening = screened(shelf, "elements=Li,Fe,O", "max_atoms=14")
    every = screened(shelf, "elements=Li,Fe,O", "max_atoms=13")
    assert screening.candidates.known == 1, "LiFe5O8 has 14 atoms"
    assert every.candidates.known == 0
    story = screening.story()
    assert (
        f"{len(screening.candidates) + 1} are neutral by common oxidation states; 1 of them are in the table" in story
    )
    assert "13 atoms" in every.story()
    metrics = screening.predictor.about["metrics"]
    assert f"off by {metrics['test_mae']:.4f} eV/atom on average" in screening.caution()
    assert "looked at without a rule" in screened(shelf, "elements=Li,O", "rules=none").story()


def test_order_words_reach_the_enumeration(shelf: Shelf) -> None:
    assert names_of(screened(shelf, "elements=Fe,O")) == ["FeO", "Fe2O3"]
    assert set(names_of(screened(shelf, "elements=Fe,O", "mixed_valence=true"))) == {"FeO", "Fe2O3", "Fe3O4"}
    rough = screened(shelf, "elements=Fe,O", "precision=bfloat16")
    exact = screened(shelf, "elements=Fe,O")
    assert not np.array_equal(rough.answers.value, exact.answers.value)
    np.testing.assert_allclose(rough.answers.value, exact.answers.value, atol=0.1)


@pytest.mark.parametrize("width", [None, 200])
def test_the_printed_table_has_each_figure_below_its_heading(oxides: Screening, width: int | None) -> None:
    text = StringIO()
    print_table(oxides, oxides.kept[:3], Console(file=text, force_terminal=width is not None, width=width))
    head, *lines = text.getvalue().splitlines()
    places = [
        head.index(heading) for heading in ("rank", "formula", "above hull (eV/atom)", "formation_energy (eV/atom)")
    ]
    assert places == sorted(places)
    for rank, (row, line) in enumerate(zip(oxides.kept, lines, strict=False), start=1):
        interval = f"{row.lower:.4f} to {row.upper:.4f}"
        expected = [str(rank), row.formula, f"{row.above_hull:+.3f}", f"{row.value:.4f}", *interval.split()]
        assert line.split()[: len(expected)] == expected
        assert line.rstrip().endswith(" + ".join(row.competitors))


@pytest.mark.parametrize(
    ("target", "unit", "is_energy"),
    [
        ("formation_energy", "eV/atom", True),
        ("formation_energy", "meV/atom", True),
        ("formation_energy", "", True),
        ("formation_energy", "eV", False),
        ("band_gap", "eV", False),
        ("band_gap", "", False),
    ],
)
def test_only_energies_of_an_atom_make_a_hull(shelf: Shelf, target: str, unit: str, is_energy: bool) -> None:
    client = open_registry(shelf.uri)
    registered = load_model(client, find_model(client, "small"))
    assert isinstance(registered, Predictor)
    model = replace(registered, about={"target": target, "unit": unit})

    def ranking(*words: str) -> str:
        values, _ = read_arguments(["model=small", "elements=Li,O", *words], SETTINGS)
        return ranking_of(order_of(values), model)

    assert [ranking(f"order={order}") for order in ("lowest", "highest")] == ["lowest", "highest"]
    if is_energy:
        assert ranking() == ranking("order=stability") == "stability"
    else:
        with pytest.raises(UserError, match="say which is wanted"):
            ranking()
        with pytest.raises(UserError, match="needs formation energies"):
            ranking("order=stability")
