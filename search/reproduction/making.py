"""`search.reproduce` from its order to its pages: load, say what it costs, run what is missing, compare, write."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.figure import Figure
from mlflow.entities import Param
from mlflow.tracking import MlflowClient
from rich.console import Console
from rich.table import Table

from models.published import PUBLISHED
from search.data import load
from search.data.request import DataRequest
from search.errors import UserError
from search.ray_session import planned_on, ray_for
from search.report.wording import count
from search.reproduction import pictures
from search.reproduction.blocks import TITLES, Block, blocks_of, components_block
from search.reproduction.collection import collect
from search.reproduction.comparison import Compared
from search.reproduction.document import TEST_SET, Document, Sheet, provenance, sheet_of
from search.reproduction.order import Order
from search.reproduction.published import DATASETS, PARAMETERS, TABLE_1
from search.reproduction.running import Outcome, StoppedError, Work
from search.session import terminal
from search.store import open_store

EXPERIMENT = "reproduction of the paper"


@dataclass
class Made:
    """What a page is made of so far: its sheets, and its pictures as files by name."""

    sheets: list[Sheet] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    def add_picture(self, name: str, figure: Figure) -> str:
        """Keep a picture as SVG and PNG; the name of the SVG."""
        for suffix, content in pictures.written(figure).items():
            self.files[f"{name}.{suffix}"] = content
        return f"{name}.svg"


def make(order: Order, command: str) -> int:
    """The exit status. Raises UserError for what cannot be reproduced."""
    console = terminal()
    config = order.config("published")
    table = 1 if order.figure is not None else order.table
    assert table is not None
    blocks = blocks_of(table, config.data.dataset, config.data)
    if order.components:
        blocks = (*blocks, components_block(config.data.dataset, config.data))
    store = open_store(config.tracking.uri, EXPERIMENT)
    works = [work_of(block, order, store.client, console) for block in blocks]
    with planned_on(config):
        say_cost([work for work, _ in works if work is not None], console)
    if config.dry_run:
        return 0
    made, status = Made(), 0
    with ray_for(config):
        for block, (work, missing) in zip(blocks, works, strict=True):
            if work is None:
                made.sheets.append(sheet_of(block, None, (), missing))
                continue
            try:
                work.run(console)
            except StoppedError as stopped:
                return stopped.status
            outcomes = work.outcomes()
            status = max(status, int(not any(outcome.results for outcome in outcomes)))
            made.sheets.append(sheet_with_pictures(order, work, outcomes, made))
    title = f"Figure {order.figure}" if order.figure else f"Table {table}. {TITLES[table]}"
    recipe = f"recipe={config.recipe_name}, {count(config.recipe.epochs, 'epoch')} at most"
    document = Document(
        title, (provenance(command, recipe, device_words(config.gpus_per_trial)), TEST_SET), tuple(made.sheets)
    )
    show(document, console)
    write(document, made, order, config.data, store.client, store.experiment_id, console)
    if order.collect is not None:
        collect(order.output, order.collect)
        console.print(f"gathered in {order.collect}", highlight=False, soft_wrap=True)
    return status


def work_of(block: Block, order: Order, client: MlflowClient, console: Console) -> tuple[Work | None, str]:
    """A block with its data, or why it is not at hand. A user's own tables have to be."""
    console.print(f"\n{block.title}", style="bold", highlight=False, markup=False)
    try:
        split = load(block.request)
    except UserError as error:
        if order.train is not None:
            raise
        console.print(f"left empty: {error}", highlight=False, markup=False, soft_wrap=True)
        # The whole sentence names folders of this machine, which a page that others read has no use for.
        return None, f"{block.request.dataset}/{block.request.property}.csv was not at hand."
    held_out = [split.report.held_out] if split.report.held_out else []
    for line in [*split.report.summary()[:3], *held_out]:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return Work(block, order, split, client), ""


def say_cost(works: Sequence[Work], console: Console) -> None:
    """What is to be trained, before it is."""
    if not works:
        raise UserError("none of the table's data is at hand: name a folder that holds it with data_dir=.")
    lines = [f"  {work.block.title}: {line}" for work in works for line in work.cost()]
    console.print("\nto be trained:" if lines else "\nnothing to be trained: MLflow holds every result already")
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    console.print()


def device_words(gpus: float | None) -> str:
    """What it runs on, for the page."""
    import torch  # noqa: PLC0415 - named here alone

    if torch.cuda.is_available() and gpus != 0:
        return str(torch.cuda.get_device_name())
    return "on CPU"


def sheet_with_pictures(order: Order, work: Work, outcomes: Sequence[Outcome], made: Made) -> Sheet:
    """A block's table, and the pictures that go with it."""
    compared = [Compared.of(outcome) for outcome in outcomes]
    sheet, unit = sheet_of(work.block, work.split, compared), work.split.unit
    names: list[str] = []
    dataset = work.block.request.dataset
    if order.figure is not None:
        theirs, ours = bubbles_of(dataset, compared)
        if ours:
            panels = {work.block.title: (theirs, ours)}
            names.append(made.add_picture(f"figure-2-{dataset}", pictures.bubbles(panels, unit)))
        curves = [curve for outcome in outcomes for curve in curves_of(outcome, work.client)]
        if curves:
            names.append(made.add_picture(f"curves-{dataset}", pictures.curves(curves, unit)))
    if order.table == 2:
        errors = {_place(c.outcome.row.label): c.mean for c in compared if c.mean is not None}
        if errors:
            names.append(made.add_picture(f"branching-{dataset}", pictures.heat_map(errors, unit)))
    return Sheet(sheet.heading, sheet.before, sheet.columns, sheet.rows, sheet.after, tuple(names))


def _place(label: str) -> tuple[str, str]:
    """`Top [2,2]` as location and distribution."""
    location, _, distribution = label.rpartition(" ")
    return location, distribution.strip("[]")


def bubbles_of(dataset: str, compared: Sequence[Compared]) -> tuple[list[pictures.Bubble], list[pictures.Bubble]]:
    """(theirs, ours) on a data set."""
    theirs = [
        pictures.Bubble(name, found.seconds, found.error, PARAMETERS[name]) for name, found in TABLE_1[dataset].items()
    ]
    ours = [
        pictures.Bubble(
            c.outcome.row.label,
            math.fsum(result.seconds for result in c.outcome.results) / len(c.outcome.results),
            c.mean,
            PUBLISHED[c.outcome.row.label].parameter_count(),
            c.spread or 0.0,
        )
        for c in compared
        if c.mean is not None
    ]
    return theirs, ours


def curves_of(outcome: Outcome, client: MlflowClient) -> list[pictures.Curve]:
    """The validation error of each of a network's trials, as MLflow has it."""
    found = []
    for run_id in outcome.run_ids:
        errors, seconds = (
            [metric.value for metric in sorted(client.get_metric_history(run_id, name), key=lambda m: m.step)]
            for name in ("validation_mae", "epoch_seconds")
        )
        so_far = [math.fsum(seconds[: number + 1]) for number in range(len(seconds))]
        if errors and len(errors) == len(so_far):
            found.append(pictures.Curve(outcome.row.label, errors, so_far))
    return found


def show(document: Document, console: Console) -> None:
    """Print the tables."""
    for sheet in document.sheets:
        console.print(f"\n{sheet.heading}", style="bold", markup=False)
        if sheet.rows:
            table = Table(box=None, padding=(0, 1))
            for number, column in enumerate(sheet.columns):
                table.add_column(column, justify="left" if number in (0, len(sheet.columns) - 1) else "right")
            for row in sheet.rows:
                table.add_row(*row)
            console.print(table, markup=False)
        for sentence in sheet.after:
            console.print(sentence, highlight=False, markup=False, soft_wrap=True)


def write(
    document: Document,
    made: Made,
    order: Order,
    request: DataRequest,
    client: MlflowClient,
    experiment_id: str,
    console: Console,
) -> None:
    """The page in both forms and its pictures, into the folder and into MLflow."""
    kind = f"figure-{order.figure}" if order.figure else f"table-{order.table}"
    name = f"{kind}-{request.dataset if request.dataset in DATASETS else 'own'}"
    images = {key: content.decode() for key, content in made.files.items() if key.endswith(".svg")}
    inline = {key: text[text.index("<svg") :] for key, text in images.items()}
    files = {f"{name}.md": document.markdown().encode(), f"{name}.html": document.html(inline).encode(), **made.files}
    try:
        order.output.mkdir(parents=True, exist_ok=True)
        for key, content in files.items():
            (order.output / key).write_bytes(content)
    except OSError as error:
        raise UserError(f"output={order.output} cannot be written: {error.strerror}") from error
    run = client.create_run(experiment_id, run_name=f"{name} {time.strftime('%Y-%m-%d %H:%M:%S')}")
    run_id = run.info.run_id
    client.log_batch(run_id, params=[Param("what", kind), Param("dataset", request.dataset)])
    for key in files:
        client.log_artifact(run_id, str(Path(order.output) / key))
    client.set_tag(run_id, "mlflow.note.content", document.markdown()[:8000])
    client.set_terminated(run_id, "FINISHED")
    written = ", ".join(str(order.output / key) for key in files)
    console.print(f"\nwritten, and logged to MLflow's run {run_id}: {written}", highlight=False, soft_wrap=True)
