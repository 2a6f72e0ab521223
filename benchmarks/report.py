"""How every benchmark reports: rows of ours against a baseline, the machine they ran on, and JSON on request."""

from __future__ import annotations

import argparse
import json
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Row:
    """One comparison; `ratio` is how many times better ours is, None where there is nothing to compare with."""

    case: str
    ours: float
    baseline: float | None
    ratio: float | None
    unit: str


def faster(case: str, ours: float, baseline: float, unit: str = "s") -> Row:
    """A row for a quantity of which less is better."""
    return Row(case, ours, baseline, baseline / ours, unit)


def arguments(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="end within a minute, with less to go by")
    parser.add_argument("--json", type=_file, metavar="FILE", help="write the rows to FILE")
    return parser


def _file(text: str) -> Path:
    """A file that can be written once the figures are there, which may take hours."""
    path = Path(text)
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent} for {path.name}: make it first")
    return path


def machine() -> str:
    """Processor, cores and GPU."""
    names = [line.split(":")[1].strip() for line in cpu_lines() if line.startswith("model name")]
    processor = names[0] if names else platform.processor() or platform.machine()
    cores = f"{len(names) or '?'} cores"
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ""
    return f"{processor}, {cores}{gpu}; torch {torch.__version__}, Python {platform.python_version()}"


def cpu_lines() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def report(title: str, rows: Sequence[Row], options: argparse.Namespace) -> None:
    """Print the rows, and write them where --json says."""
    table = Table(title=f"{title}\n{machine()}", title_justify="left", box=None, padding=(0, 2))
    for heading in ("case", "ours", "baseline", "ratio", "unit"):
        table.add_column(heading, justify="left" if heading in ("case", "unit") else "right")
    for row in rows:
        shown = [f"{value:.4g}" if value is not None else "" for value in (row.ours, row.baseline)]
        table.add_row(row.case, *shown, f"{row.ratio:.2f}x" if row.ratio is not None else "", row.unit)
    Console(width=140).print(table)
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")


def spread(values: Sequence[float]) -> str:
    """Mean and standard deviation, as in the tables of the documentation."""
    deviation = f" ± {statistics.stdev(values):.2g}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.4g}{deviation}"
