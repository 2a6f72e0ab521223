"""What MLflow and people are told of the ensemble that a search chose (`search.ensembling.described`)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow.entities import Metric
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from search.labels import ERROR_WORDS, counted, with_unit
from search.report.wording import count, number
from search.tracking import Tracker

ARTIFACT = "ensemble.json"
"""The ensemble among the artifacts of the search's run."""

HONEST = (
    "The members were chosen by the validation error, which is therefore a little too good; the test error decided "
    "nothing and is the honest one."
)


def error_of_record(about: dict[str, Any]) -> str:
    """The name of the error that chose it; ensembles of before it was written down are all of regressions."""
    return str(about.get("error", "mae"))


def in_words(about: dict[str, Any]) -> list[str]:
    """What an ensemble is and does, in lines."""
    members, name, budget = about["members"], error_of_record(about), about["parameter_budget"]
    word, validation = ERROR_WORDS[name], with_unit(number(about[f"validation_{name}"]), about["unit"])
    if len(members) == 1:
        only = members[0]
        alone = f"{only['network']}, seed {only['seed']}, alone"
        none = "No ensemble" if budget is None else f"Within {budget:,} parameters no ensemble"
        return [f"{none} has a lower validation {word} than {alone}: {validation}. {_test_in_words(about)}"]
    of_best = f"the best {about['considered']} of " if about["considered"] < about["trained"] else ""
    limit = "" if budget is None else f" and {budget:,} parameters"
    size = "" if about["parameters"] is None else f"{counted(about['parameters'])} parameters, "
    return [
        f"Ensemble of {len(members)}, {size}chosen greedily on validation from "
        f"{of_best}{count(about['trained'], _kind(about))} (at most {about['at_most']} members{limit}):",
        *(f"  {member['weight']:.2f} x {member['network']}, seed {member['seed']}" for member in members),
        f"Its validation {word} is {validation}. {_test_in_words(about)} {HONEST}",
    ]


def _kind(about: dict[str, Any]) -> str:
    """What its members are, one of them; of traditional models no number of parameters is known."""
    return "model" if about["parameters"] is None else "network"


def _test_in_words(about: dict[str, Any]) -> str:
    """Its scores on the test set beside those of the winner's models, which are not calibrated."""
    name = error_of_record(about)
    word, winner = ERROR_WORDS[name], f"the winner's {_kind(about)}s have {number(about[f'winner_test_{name}'])}"
    others = [
        f"{key.removeprefix('test_').replace('_', ' ')} {number(value)}"
        for key, value in about.items()
        if key.startswith("test_") and key != f"test_{name}"
    ]
    test = f"Its test {word} is {with_unit(number(about[f'test_{name}']), about['unit'])}"
    test += f" ({', '.join(others)})" if others else ""
    if "temperature" not in about:
        return f"{test}; {winner} on the test set."
    bare = number(about[f"uncalibrated_test_{name}"])
    return (
        f"{test}. Its logits are divided by {about['temperature']:.2f}, which is best on validation; without that its "
        f"test {word} is {bare}, where {winner}."
    )


def write(about: dict[str, Any], tracker: Tracker) -> None:
    """The ensemble as artifacts and metrics of the search's run."""
    client, parent, now, name = tracker.client, tracker.parent, int(time.time() * 1000), error_of_record(about)
    kept = (f"validation_{name}", "parameters", "temperature", f"uncalibrated_test_{name}")
    found = {key: value for key, value in about.items() if key in kept or key.startswith("test_")}
    values = {f"ensemble_{key}": value for key, value in found.items() if value is not None}
    client.log_batch(parent, [Metric(key, float(value), now, 0) for key, value in values.items()])
    client.log_text(parent, json.dumps(about, indent=1), ARTIFACT)
    columns: dict[str, Callable[[dict[str, Any]], str]] = {
        "weight": lambda m: f"{m['weight']:.3f}",
        _kind(about): lambda m: m["network"],
        "seed": lambda m: str(m["seed"]),
        f"validation {ERROR_WORDS[name]}": lambda m: number(m[f"validation_{name}"]),
        **({} if about["parameters"] is None else {"parameters": lambda m: counted(m["parameters"])}),
    }
    rows = [[cell(member) for cell in columns.values()] for member in about["members"]]
    lines = [line.strip() for line in in_words(about) if not line.startswith("  ")]
    table = "\n".join("| " + " | ".join(row) + " |" for row in (columns, ("---",) * len(columns), *rows))
    client.log_text(parent, "\n\n".join(lines) + f"\n\n{table}\n", "ensemble.md")


def logged(client: MlflowClient, run_id: str) -> dict[str, Any] | None:
    """The ensemble of a finished search, as `search.ensembling.described` has it; None where it chose none."""
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        try:
            path = Path(client.download_artifacts(run_id, ARTIFACT, folder))
        except (MlflowException, OSError):
            return None
        about: dict[str, Any] = json.loads(path.read_text())
        return about
