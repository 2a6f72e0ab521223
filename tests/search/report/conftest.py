"""Searches as they stand in MLflow, written without training, and pages taken apart."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.checkpoint import save_network, write
from models.network import build
from search import early_stopping, ensembling
from search.checkpoints import product_of
from search.conclusion import TestError, write_conclusion
from search.config import SearchConfig
from search.data import Split, load
from search.fitting import PREDICTED
from search.history import PastSearch, open_search
from search.judging import Tested
from search.parsing import parse
from search.report.evidence import gather
from search.report.page import page
from search.results import TrialResult, rank
from search.row_parts import finals
from search.store import open_store
from search.tracking import Tracker

SMALL = Architecture(groups=(Group(8, 2),))
EPOCHS = 5


def trial(
    name: str,
    candidate: Candidate,
    seed: int = 0,
    error: float = 0.2,
    failure: str | None = None,
    seconds: float = 12.5,
) -> TrialResult:
    reason = "" if failure else "all epochs"
    return TrialResult(name, candidate, seed, EPOCHS, EPOCHS, error, seconds, reason, failure)


class Archive:
    """One MLflow store that takes searches."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.uri = f"sqlite:///{folder}/mlflow.db"

    def record(self, arguments: Sequence[str], trials: Sequence[TrialResult], split: Split | None = None) -> PastSearch:
        """Write trials as a search does: curves, weights (of a small network), the conclusion."""
        config = parse([*arguments, f"tracking.uri={self.uri}"])
        return self.write(config, trials, split or load(config.data))

    def write(self, config: SearchConfig, trials: Sequence[TrialResult], split: Split) -> PastSearch:
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.folder)  # where MLflow puts artifacts
            patch.setattr("search.tracking.code_version", lambda: "0123456789ab")  # git is asked for every trial
            tracker = Tracker(config, split, open_store(config.tracking.uri, config.experiment))
            for result in trials:
                tracker.begin(result.trial_id, result.candidate, result.seed)
        for result in trials:
            tracker.log_epochs(result.trial_id, epochs_of(result))
            product = self.folder / tracker.parent / result.trial_id / product_of(result.candidate)
            product.parent.mkdir(parents=True)
            if result.candidate.estimator is None:
                save_network(product, build(SMALL, result.seed))
            else:
                predicted = np.random.default_rng(result.seed).normal(split.validation.y, result.best_error)
                write(product, {PREDICTED: torch.from_numpy(predicted.astype(np.float32))}, {})
            tracker.end(result, None if result.failure else product)
        tracker.writer.flush()
        standings = rank(finals(config, trials))
        if standings and standings[0].trained:
            write_conclusion(standings, TestError((0.25,)), split, tracker)
            ensembling.finish(trials, 0.25, Tested(split, tracker.product), tracker)
            early_stopping.finish(trials, split.unit, tracker)
        early_stopping.told(tracker, split.fingerprint)
        tracker.close("FINISHED")
        return open_search(tracker.parent, self.uri)


def epochs_of(result: TrialResult) -> list[dict[str, Any]]:
    """A curve that falls to the trial's best error, evenly over its seconds."""
    best = result.best_error if result.failure is None else 1.0
    return [
        {
            "epoch": epoch,
            "train_error": best,
            "validation_error": best * (1 + EPOCHS - epoch),
            "learning_rate": 1e-3,
            "epoch_seconds": result.seconds / EPOCHS,
            "at": time.time(),
        }
        for epoch in range(1, EPOCHS + 1)
    ]


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    return Archive(tmp_path_factory.mktemp("archive"))


@dataclass
class Parsed(HTMLParser):
    """A page taken apart; `problems` says where its elements do not nest."""

    tables: dict[str, list[list[str]]] = field(default_factory=dict)
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)
    ids: list[str] = field(default_factory=list)
    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    text: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self._open: list[str] = []
        self._table = self._figure = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.elements.append((tag, attributes))
        if "id" in attributes:
            self.ids.append(attributes["id"] or "")
        if tag in ("meta", "br"):
            return
        self._open.append(tag)
        if tag == "table":
            self._table = attributes["id"] or ""
            self.tables[self._table] = []
        elif tag == "tr":
            self.tables[self._table].append([])
        elif tag in ("td", "th"):
            self.tables[self._table][-1].append("")
        elif tag == "script":
            self._figure = attributes.get("data-figure") or ""

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self.problems.append(f"</{tag}> closes {self._open[-3:]}")
        else:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside == "script" and self._figure:
            self.figures[self._figure] = json.loads(data)
        elif inside not in ("script", "style"):
            self.text += data
            if {"td", "th"} & set(self._open):
                self.tables[self._table][-1][-1] += data

    @property
    def unclosed(self) -> list[str]:
        return self._open


def parsed(html: str) -> Parsed:
    parser = Parsed()
    parser.feed(html)
    parser.close()
    return parser


Report = Callable[[PastSearch], Parsed]


@pytest.fixture(scope="session")
def report() -> Report:
    """The page of a search, taken apart."""
    return lambda search: parsed(page(gather(search)))
