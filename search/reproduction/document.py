"""A reproduced table as text for people: in Markdown, and as an HTML page that needs no network."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from models.published import IRNET_NOTE
from search.data import Split
from search.labels import counted
from search.report.style import STYLE
from search.reproduction.blocks import Block
from search.reproduction.comparison import SPREADS, Compared, order_of
from search.versions import code_version

TEST_SET = (
    "Every network of the table is tested once, because the paper reports every network's test error. These errors "
    "select nothing: a search by branchsearch ranks by validation and tests its winner alone."
)


@dataclass(frozen=True)
class Sheet:
    """One block as strings: a heading, sentences before the table, its columns and rows, sentences after it."""

    heading: str
    before: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    after: tuple[str, ...]
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A page: title, sentences, one sheet a block."""

    title: str
    before: tuple[str, ...]
    sheets: tuple[Sheet, ...]

    def markdown(self) -> str:
        lines = [f"# {self.title}", "", *_spaced(self.before)]
        for sheet in self.sheets:
            lines += [f"## {sheet.heading}", "", *_spaced(sheet.before)]
            if sheet.rows:
                rows = [sheet.columns, tuple("---" for _ in sheet.columns), *sheet.rows]
                lines += ["| " + " | ".join(row) + " |" for row in rows] + [""]
            lines += _spaced(sheet.after)
            lines += [f"![{name}]({name})\n" for name in sheet.pictures]
        return "\n".join(lines).rstrip() + "\n"

    def html(self, pictures: dict[str, str]) -> str:
        """The page with its pictures (SVG by name) inside it."""
        parts = [f"<h1>{escape(self.title)}</h1>", *(f"<p>{escape(text)}</p>" for text in self.before)]
        for sheet in self.sheets:
            parts += [f"<h2>{escape(sheet.heading)}</h2>", *(f"<p>{escape(text)}</p>" for text in sheet.before)]
            if sheet.rows:
                parts.append(_html_table(sheet))
            parts += [f"<p>{escape(text)}</p>" for text in sheet.after]
            parts += [f'<figure role="img" aria-label="{escape(n)}">{pictures[n]}</figure>' for n in sheet.pictures]
        policy = "default-src 'none'; style-src 'unsafe-inline'"
        head = (
            '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            f"<title>{escape(self.title)}</title><style>{STYLE}thead th {{ padding: .4rem .5rem; }}\n"
            "figure svg { max-width: 100%; height: auto; }</style>"
        )
        body = "\n".join(parts)
        return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body><main>\n{body}\n</main></body></html>\n'


def _spaced(sentences: Sequence[str]) -> list[str]:
    return [line for sentence in sentences for line in (sentence, "")]


def _html_table(sheet: Sheet) -> str:
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in sheet.columns)
    body = "".join(
        "<tr>"
        + f'<th scope="row">{escape(row[0])}</th>'
        + "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        + "</tr>\n"
        for row in sheet.rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def sheet_of(block: Block, split: Split | None, compared: Sequence[Compared], missing: str = "") -> Sheet:
    """A block's table; without its data (`missing` says why) one of empty cells, not guesses."""
    figures = [name for name, _ in block.rows[0].figures]
    unit = f", {split.unit}" if split is not None and split.unit else ""
    columns = ["model", *figures, f"ours{unit}"]
    if block.comparable:
        columns += [f"difference{_from(name, figures)}" for name in figures]
        columns += [f"beyond seeds{_from(name, figures)}" for name in figures]
    columns += ["seeds", "parameters", "epochs", "training s", "our model"]
    found = {c.outcome.row.label: c for c in compared}
    rows = []
    for row in block.rows:
        published = [_as_printed(figure) for _, figure in row.figures]
        if row.published_epochs:
            published[0] += f" ({row.published_epochs})"
        cells = _ours(found[row.label], block) if row.label in found else [""] * (len(columns) - len(published) - 1)
        rows.append((row.label, *published, *cells))
    return Sheet(
        block.title,
        tuple(_data_words(block, split, missing)),
        tuple(columns),
        tuple(rows),
        tuple(_findings(block, compared, figures)),
    )


def _from(name: str, figures: Sequence[str]) -> str:
    return f" ({name})" if len(figures) > 1 else ""


def _ours(compared: Compared, block: Block) -> list[str]:
    outcome, figures = compared.outcome, [figure for _, figure in compared.outcome.row.figures]
    results = outcome.results
    mean = _number(compared.mean)
    if compared.mean is not None and compared.spread is not None:
        mean += f" ± {compared.spread:.{_decimals(compared.mean)}f}"
    cells = [mean if results else "failed"]
    if block.comparable:
        cells += [_number(compared.difference(figure), signed=True) for figure in figures]
        verdicts = {True: "yes", False: "no", None: ""}
        cells += [verdicts[compared.beyond_spread(figure)] for figure in figures]
    if not results:
        return [*cells, "", "", "", "", ""]
    return [
        *cells,
        str(len(compared.outcome.errors)),
        counted(results[0].candidate.parameter_count()),
        f"{sum(result.epochs for result in results) / len(results):.0f}",
        f"{sum(result.seconds for result in results) / len(results):,.0f}",
        outcome.words,
    ]


def _number(value: float | None, signed: bool = False) -> str:
    if value is None:
        return ""
    return f"{value:{'+' if signed else ''}.{_decimals(value)}f}"


def _decimals(value: float) -> int:
    return 4 if abs(value) < 10 else 2


def _as_printed(figure: float | None) -> str:
    """A published figure with the digits that the paper gives it."""
    return "" if figure is None else f"{figure:.3f}" if figure < 10 else f"{figure:g}"


def _data_words(block: Block, split: Split | None, missing: str) -> list[str]:
    """On what data, theirs and ours, and where they differ."""
    words = [f"Theirs: {block.theirs}."]
    if split is None:
        return [*words, f"Not run: {missing}"]
    report, request = split.report, split.request
    source = f"{request.path} {request.target}" if request.path else f"{request.dataset} {request.property}"
    words.append(
        f"Ours: {report.rows_kept:,} compositions of {source}: {len(split.train):,} to train on, "
        f"{len(split.validation):,} for validation, {len(split.test):,} to test on"
        + (f"; {split.report.left_out:,} left out" if split.report.left_out else "")
        + ". It is another snapshot of the database than the paper's, so equal figures are not to be expected."
    )
    words += [f"{report.held_out[0].upper()}{report.held_out[1:]}." if report.held_out else ""] + (
        [f"Note: {block.note}."] if block.note else []
    )
    return [sentence for sentence in words if sentence]


def _findings(block: Block, compared: Sequence[Compared], figures: Sequence[str]) -> list[str]:
    words = []
    for name in figures if block.comparable else []:
        order = order_of(compared, name)
        if order is None:
            continue
        spread = (
            "how many exceed the spread over seeds is not known from one seed"
            if order.beyond_spread is None
            else f"{order.beyond_spread} of our differences exceed the spread over seeds"
        )
        words.append(
            f"Order of the {order.models} models{_from(name, figures)}: Kendall's tau {order.tau:+.2f}. Of the "
            f"{order.pairs} pairs that the paper tells apart, {order.agreeing} come in the same order here; {spread}."
        )
    if best := _best_by_validation(compared):
        words.append(best)
    if compared:
        words.append(
            f"± is the standard deviation over seeds; a difference counts as beyond seeds where it exceeds {SPREADS:g} "
            "of them."
        )
    if compared and any(row.label == "IRNet" for row in block.rows):
        words.append(f"{IRNET_NOTE}.")
    return words


def _best_by_validation(compared: Sequence[Compared]) -> str:
    """What a search would have chosen."""
    errors = {
        c.outcome.row.label: sum(result.best_error for result in c.outcome.results) / len(c.outcome.results)
        for c in compared
        if c.outcome.results
    }
    if len(errors) < 2:
        return ""
    best = min(errors, key=lambda label: errors[label])
    return f"By validation, which is what a search goes by, {best} is best ({_number(errors[best])})."


def provenance(command: str, recipe: str, devices: str) -> str:
    """What made the page."""
    now = time.strftime("%Y-%m-%d %H:%M", time.gmtime())
    return f"Made by `{command}` on {now} UTC, {devices}; {recipe}; code version {code_version()}."
