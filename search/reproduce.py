"""The command that reproduces the paper: `python -m search.reproduce table=2 dataset=jarvis`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from importlib import import_module

from search.arguments import run_command
from search.reproduction.order import DEFAULT_OUTPUT, DEFAULT_TRIALS, order_of

NAME = "search.reproduce"
HELP = f"""\
python -m {NAME}: a table or figure of the paper, run again and set beside what was published

examples:
  python -m {NAME} table=1 dataset=jarvis seeds=3
  python -m {NAME} table=2 dataset=mp recipe=paper dry_run=true
  python -m {NAME} table=5 train=icsd.csv test=b2.csv target=formation_energy
  python -m {NAME} figure=2 dataset=jarvis

It says first what it would train and how long that takes, and takes from MLflow whatever was trained before from the
same code, data and settings.

keys:
  table=        1 components, 2 branching, 3 traditional models, 4 other properties, 5 discovery
  figure=2      bubbles of time and error, and learning curves
  dataset=      jarvis, mp or oqmd
  components=   true: table 1 with all 24 combinations of components as well
  trials=       evaluations of AutoML (tables 3 to 5); {DEFAULT_TRIALS} if left out
  time_budget=  for each AutoML search: 10m
  train= test=  table 5 on your own files, with target= the column in both
  output=       folder for the pages and pictures; {DEFAULT_OUTPUT} if left out
  collect=      file that gathers all pages of that folder: docs/results.md

All else is as for python -m search.run: seeds=3, recipe=fast, recipe.epochs=10, rows=5000, data_dir=, tracking.uri=,
cluster=, cpus_per_trial=, gpus_per_trial=, max_concurrent=, dry_run=true."""


def main(arguments: Sequence[str]) -> int:
    """The exit status, that of a search; raises UserError."""
    order = order_of(arguments)
    order.config("published")  # a typing error is told before torch and MLflow are imported
    command = shlex.join(["python", "-m", NAME, *arguments])
    return int(import_module("search.reproduction.making").make(order, command))


if __name__ == "__main__":
    sys.exit(run_command(NAME, main, HELP))
