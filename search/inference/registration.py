"""From the networks of a search to a version of a model in MLflow's registry."""

from __future__ import annotations

import re
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
import pandas as pd
from mlflow.tracking import MlflowClient
from rich.console import Console

from models.objective import ERROR_NAMES
from search.command import command_of
from search.data import Split, load
from search.errors import UserError
from search.history import PastSearch, open_search
from search.inference import known
from search.inference.choice import Choice, choose_best, choose_ensemble, choose_trial, choose_winner
from search.inference.difficulty import CONFIDENCE
from search.inference.domain import FAR_QUANTILE, RARE_ROWS
from search.inference.known import Known
from search.inference.predictor import MEANINGS, Predictor, Quality
from search.inference.registry import LOADER, Registered
from search.inference.serving import FORMULA, SIGNATURE
from search.labels import name_of
from search.register import DEFAULT_ALIAS, Order
from search.settings import DEFAULT_URI
from search.store import absolute, quieten_mlflow
from search.versions import code_version

REQUIREMENTS = ("mlflow", "numpy", "pandas", "pymatgen", "scipy", "torch")
"""What a registered model needs beside branchsearch itself, which is on no index that pip could take it from."""

EXAMPLES = 5


def register_and_tell(order: Order) -> int:
    """Register what is ordered, and print what it is and how to use it. Raises UserError."""
    console = Console()
    quieten_mlflow()
    past = open_search(order.run, order.uri)
    check_can_be_registered(past)
    split = data_of(past)
    predictor, test = predictor_of(past, split, order)
    registered = write_version(past, predictor, split, test, order)
    about = predictor.about
    unit = f" {split.unit}" if split.unit else ""
    validation = about["metrics"]["validation_mae"]
    address = registered.name + ("" if order.alias == DEFAULT_ALIAS else f"@{order.alias}")
    option = "" if order.uri == DEFAULT_URI else f" tracking.uri={order.uri}"
    lines = [
        f"{registered.name} version {registered.version}, @{order.alias}: {about['chosen']}",
        *(f"  {member['weight']:.2f} x {member['network']}, seed {member['seed']}" for member in about["members"]),
        f"validation MAE {validation:.4f}, test MAE {test.mae:.4f}{unit}; "
        f"{100 * test.coverage:.1f} % of the test set within 90 % intervals, {test.width:.3f}{unit} wide on average",
        "",
        f"python -m search.predict model='{address}' NaCl Fe2O3{option}",
        f"MLFLOW_TRACKING_URI={order.uri} mlflow models serve -m 'models:/{registered.name}@{order.alias}' "
        "--env-manager local",
    ]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def check_can_be_registered(past: PastSearch) -> None:
    """Raises UserError for what the registry's models do not hold."""
    candidates = [result.candidate for result, _ in past.trials]
    if any(candidate.estimator is not None for candidate in candidates):
        raise UserError(
            "this search fitted traditional models, which are not kept (a forest takes up to a gigabyte): register a "
            "search of networks, such as space=branching."
        )
    if any(candidate.task != "regression" for candidate in candidates):
        raise UserError(
            "this search is a classification, and registered models answer with a value and its interval: its networks "
            "are artifacts of its trials in MLflow, to be read by models.checkpoint.load_network."
        )


def data_of(past: PastSearch) -> Split:
    """The search's data, loaded again. Raises UserError where they are not what it was trained on."""
    split, trained_on = load(past.config.data), past.parent.data.tags.get("data")
    if split.fingerprint != trained_on:
        raise UserError(
            f"the table is not the one that this search was trained on (fingerprint {split.fingerprint}, then "
            f"{trained_on}): uncertainty calibrated on it would be wrong; bring the old table back."
        )
    return split


def predictor_of(past: PastSearch, split: Split, order: Order) -> tuple[Predictor, Quality]:
    """The model ordered, and how it does on the test set, which sees this one model once and decides nothing."""
    if order.trial is not None:
        choice = choose_trial(past, order.trial)
    elif order.top is not None:
        choice = choose_best(past, order.top, split.validation, order.max_parameters)
    elif order.ensemble:
        choice = choose_ensemble(past)
    else:
        choice = choose_winner(past)
    try:
        predictor = Predictor.of(choice.ensemble, split, {})
    except ValueError as error:
        raise UserError(f"{error}; search on a larger table.") from error
    test = Quality.on(predictor, split.test)
    about = about_model(past, split, choice, predictor, order)
    about["metrics"] = {
        "validation_mae": Quality.on(predictor, split.validation).mae,
        **{f"test_{name}": value for name, value in asdict(test).items()},
    }
    return Predictor(predictor.ensemble, predictor.calibration, predictor.domain, about), test


def about_model(past: PastSearch, split: Split, choice: Choice, predictor: Predictor, order: Order) -> dict[str, Any]:
    """What a user should know of the model, JSON-able; the metrics come later."""
    data, error_name = past.config.data, ERROR_NAMES["regression"]
    return {
        "target": split.target_name,
        "unit": split.unit,
        "dataset": data.path or data.dataset,
        "fingerprint": split.fingerprint,
        "rows": {"train": len(split.train), "validation": len(split.validation), "test": len(split.test)},
        "value_range": list(split.report.value_range),
        "elements": predictor.domain.elements,
        "rare_elements": [e for e in predictor.domain.elements if e in rare_elements(predictor)],
        "rare_below_rows": RARE_ROWS,
        "far_beyond_distance": predictor.domain.far,
        "far_quantile": FAR_QUANTILE,
        "confidence": CONFIDENCE,
        "columns": MEANINGS,
        "chosen": choice.how,
        "members": [
            {
                "network": name_of(result.candidate, past.config.recipe),
                "architecture": result.candidate.architecture.to_json(),
                "recipe": result.candidate.recipe.to_json(),
                "seed": result.seed,
                "weight": weight,
                "run": past.run_of(result).info.run_id,
                f"validation_{error_name}": result.best_error,
            }
            for result, weight in zip(choice.results, choice.weights, strict=True)
        ],
        "search": past.parent.info.run_id,
        "commands": [command_of(past.config), order.command],
        "code": {"search": past.parent.data.tags.get("mlflow.source.git.commit", ""), "register": code_version()},
    }


def rare_elements(predictor: Predictor) -> list[str]:
    """Elements of the training rows that are in fewer than RARE_ROWS of them."""
    rows = predictor.domain.element_rows
    return [e for e, count in zip(predictor.domain.elements, rows[rows > 0], strict=True) if count < RARE_ROWS]


def write_version(past: PastSearch, predictor: Predictor, split: Split, test: Quality, order: Order) -> Registered:
    """Write the model and its run to MLflow, and give it its alias."""
    uri = absolute(order.uri)
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    name = order.name or default_name(split)
    example = pd.DataFrame({FORMULA: [str(formula) for formula in split.test.formulas[:EXAMPLES]]})
    # A run of its own: the search's runs have ended, and its trials are those of the search alone.
    with (
        TemporaryDirectory(prefix="branchsearch-") as folder,
        mlflow.start_run(
            experiment_id=past.parent.info.experiment_id,
            run_name=f"register {name} {time.strftime('%Y-%m-%d %H:%M:%S')}",
            tags={"branchsearch.registered_from": past.parent.info.run_id, "data": split.fingerprint},
        ),
    ):
        predictor.save(Path(folder) / "model")
        Known.of(split).save(Path(folder) / "model" / known.FILE)
        mlflow.log_metrics(predictor.about["metrics"])
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module=LOADER,
            data_path=str(Path(folder) / "model"),
            signature=SIGNATURE,
            input_example=example,
            pip_requirements=[f"{package}=={version(package)}" for package in REQUIREMENTS],
            metadata={"branchsearch": dict(predictor.about)},
        )
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    made = client.create_model_version(
        name,
        logged.model_uri,
        run_id=logged.run_id,
        model_id=logged.model_id,
        description=description_of(predictor, split, test),
    )
    client.set_registered_model_alias(name, order.alias, made.version)
    return Registered(name, str(made.version))


def default_name(split: Split) -> str:
    """From the data set and the target: `jarvis-formation_energy`."""
    data = split.request
    words = f"{Path(data.path).stem if data.path else data.dataset}-{split.target_name}"
    return re.sub(r"[^\w.+-]+", "-", words).strip("-")


def description_of(predictor: Predictor, split: Split, test: Quality) -> str:
    """What MLflow's page says of the version, in Markdown."""
    about, unit = predictor.about, split.unit
    members = "\n".join(f"- {m['weight']:.2f} × {m['network']}, seed {m['seed']}" for m in about["members"])
    commands = "\n".join(about["commands"])
    return (
        f"Predicts {split.target_name} ({unit or 'no unit given'}) of a composition from its formula: "
        f"{about['chosen']}."
        f"\n\n{members}\n\n"
        f"Test MAE {test.mae:.4f} {unit}; {100 * test.coverage:.1f} % of the test set lies within the 90 % intervals, "
        f"on average {test.width:.3f} {unit} wide. Trained on {about['rows']['train']:,} compositions of "
        f"{len(about['elements'])} elements (data {about['fingerprint']}).\n\n"
        f"Loading it takes branchsearch ({about['code']['register']}) installed.\n\n```\n{commands}\n```\n"
    )
