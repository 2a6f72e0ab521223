"""All pages of a folder as one Markdown file, with empty tables where nothing was run yet."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from search.data import DataRequest
from search.errors import UserError
from search.reproduction.blocks import TITLES, blocks_of
from search.reproduction.document import Document, sheet_of
from search.reproduction.published import DATASETS

NOT_YET = "not yet."
INTRODUCTION = """\
# Results

The paper's tables and Figure 2 beside what was really run here, gathered by `python -m search.reproduce ... collect=`
from the pages that it writes. Each table says by which command, when and on what it was made; what was not run yet is
empty. Training seconds are of a machine that other work may have shared. Published figures: Gupta, Liao, Choudhary,
Agrawal, "BRNet" (SDM 2022).
"""


def collect(folder: Path, target: Path) -> None:
    """Write the pages of `folder` into `target`, in the paper's order. Raises UserError where it cannot be written."""
    sections = [INTRODUCTION, *_sections(folder, Path(os.path.relpath(folder, target.parent)))]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text("\n".join(sections), encoding="utf-8")
    except OSError as error:
        raise UserError(f"collect={target} cannot be written: {error.strerror}") from error


def _sections(folder: Path, where: Path) -> Iterator[str]:
    for table in TITLES:
        found = [folder / f"table-{table}-{dataset}.md" for dataset in (*DATASETS, "own")]
        run = {page.stem.rpartition("-")[2]: page for page in found if page.is_file()}
        for page in run.values():
            yield _nested(page, where)
        # table 5 has no data set of its own in the paper: one that was run stands for it
        missing = [] if table == 5 and run else [dataset for dataset in DATASETS if dataset not in run]
        for dataset in missing[:1] if table == 5 else missing:
            yield _empty(table, dataset)
    for dataset in DATASETS:
        page = folder / f"figure-2-{dataset}.md"
        if page.is_file():
            yield _nested(page, where)


def _nested(page: Path, where: Path) -> str:
    """A page under this file's heading, its pictures found from here."""
    text = re.sub(r"^#", "##", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return re.sub(r"\]\(([^)/]+\.svg)\)", lambda match: f"]({(where / match[1]).as_posix()})", text)


def _empty(table: int, dataset: str) -> str:
    sheets = tuple(sheet_of(block, None, (), NOT_YET) for block in blocks_of(table, dataset, DataRequest(dataset)))
    return re.sub(r"^#", "##", Document(f"Table {table}. {TITLES[table]}", (), sheets).markdown(), flags=re.MULTILINE)
