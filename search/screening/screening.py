"""One screening from its order to its table and its page of figures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from search.data import ELEMENTS
from search.data.table import is_energy_name, is_energy_per_atom
from search.errors import UserError
from search.inference.classifier import Classifier
from search.inference.predictor import Predictor
from search.inference.registry import find_model, load_known, load_model, open_registry
from search.inference.table_writer import check_output
from search.screen import HIGHEST, LOWEST, STABILITY, Order
from search.screening.candidates import Advance, check_scope, enumerate_candidates, predict_candidates
from search.screening.enumeration import Scope
from search.screening.outcome import Screening
from search.screening.oxidation import rule_of
from search.screening.picture import write_page
from search.screening.ranking import landscape, without_hull
from search.screening.table import print_table, write_table

ROWS_BESIDE_A_FILE = 10
"""Of a ranking that goes to a file, so many are printed."""


def screen(order: Order) -> int:
    """Screen what is ordered; the exit status. Raises UserError, before the model is loaded where that can be."""
    scope = Scope(
        tuple(sorted(ELEMENTS.index(symbol) for symbol in order.elements)),
        order.max_atoms,
        order.min_elements,
        order.max_elements,
    )
    check_scope(scope)
    if order.output is not None:
        check_output(order.output)
    screening = run(order, scope, Console(stderr=True))
    console = Console()
    rows = screening.kept if order.output is None else screening.kept[:ROWS_BESIDE_A_FILE]
    print_table(screening, rows, console)
    written = [order.picture]
    if order.output is not None:
        write_table(screening, order.output)
        written.insert(0, order.output)
    write_page(screening, order.picture)
    for line in ("", screening.story(), screening.caution(), f"Wrote {' and '.join(map(str, written))}."):
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def run(order: Order, scope: Scope, console: Console) -> Screening:
    """Enumerate, predict and rank, with progress on `console`. Raises UserError where nothing is left to rank."""
    client = open_registry(order.uri)
    registered = find_model(client, order.model)
    predictor = load_model(client, registered, order.bfloat16)
    if isinstance(predictor, Classifier):
        raise UserError(
            f"{order.model} answers with classes ({', '.join(predictor.classes)}), and a screening ranks by a value: "
            "screen with a model of the property itself; search.predict input= gives a table's classes."
        )
    known = load_known(client, registered)
    ranking = ranking_of(order, predictor)
    rule = rule_of(order.rules, order.mixed_valence)
    with progress(console, "formulas", scope.formulas) as advance:
        candidates = enumerate_candidates(scope, rule, known, advance)
    if not len(candidates):
        raise UserError(
            f"no composition is left to predict: of those of {', '.join(order.elements)} with up to {scope.max_atoms} "
            f"atoms {candidates.known:,} meet the rules and are known; raise max_atoms=, or take mixed_valence=true or "
            "rules=none."
        )
    with progress(console, "predictions", len(candidates)) as advance:
        answers = predict_candidates(candidates, predictor, advance)
    if ranking == STABILITY:
        with progress(console, "stabilities", len(candidates)) as advance:
            found = landscape(candidates, answers.value, known, scope.elements, advance)
    else:
        found = without_hull(candidates, answers.value, known, scope.elements)
    return Screening(order, scope, ranking, predictor, known, candidates, answers, found)


def ranking_of(order: Order, predictor: Predictor) -> str:
    """How to rank. Raises UserError where that cannot be, or cannot be known."""
    target = str(predictor.about.get("target", ""))
    unit = str(predictor.about.get("unit") or "")
    what = f"{target} ({unit})" if unit else target
    is_energy = is_energy_name(target) and (not unit or is_energy_per_atom(unit))
    if order.ranking == STABILITY and not is_energy:
        raise UserError(
            f"order={STABILITY} needs formation energies of an atom, and {order.model} predicts {what}: say "
            f"order={LOWEST} or order={HIGHEST}."
        )
    if order.ranking is None and not is_energy:
        raise UserError(f"{order.model} predicts {target}: say which is wanted, order={LOWEST} or order={HIGHEST}.")
    return order.ranking or STABILITY


@contextmanager
def progress(console: Console, what: str, total: int) -> Iterator[Advance]:
    """A bar on a terminal, and nothing elsewhere; gone when the work is done."""
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn(what), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda done: bar.advance(task, done)
