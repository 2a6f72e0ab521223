"""Which networks of a search become a model: the winner's seeds, a person's own choice, or a greedy ensemble."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mlflow.exceptions import MlflowException

from models.checkpoint import CheckpointError, load_network
from models.ensemble import Ensemble
from models.network import Network
from search.data import Part
from search.ensemble_record import logged
from search.ensembling import pick
from search.errors import UserError
from search.history import PastSearch
from search.labels import part_in_words
from search.results import TrialResult


@dataclass(frozen=True)
class Choice:
    """Networks of a search with their trials and weights (sum 1), and in words how they were chosen."""

    results: tuple[TrialResult, ...]
    networks: tuple[Network, ...]
    weights: tuple[float, ...]
    how: str

    @property
    def ensemble(self) -> Ensemble:
        return Ensemble(self.networks, self.weights)


def choose_winner(past: PastSearch) -> Choice:
    """All seeds of the candidate that ranks first by validation, each with the same weight."""
    standings = past.standings
    if not standings or not standings[0].trained:
        raise UserError("no trial of this search came to a result: there is nothing to register")
    results = standings[0].trained
    how = "the winner by validation" + (f", its {len(results)} seeds together" if len(results) > 1 else "")
    return _equal(past, results, how)


def choose_trial(past: PastSearch, run_id: str) -> Choice:
    """The network of one trial, by the id of its run in MLflow. Raises UserError where there is none."""
    found = [result for result, run in past.trials if run.info.run_id == run_id]
    if not found:
        raise UserError(f"trial={run_id} is no trial of this search that has ended: its id is on MLflow's page")
    if found[0].failure is not None:
        raise UserError(f"trial={run_id} failed ({found[0].failure}): it has no network")
    if not past.config.is_final(found[0].candidate):
        part = part_in_words(found[0].candidate.recipe.train_part)
        raise UserError(f"trial={run_id} was trained on {part} to see whether it is worth more: choose one on all rows")
    return _equal(past, (found[0],), "chosen by a person")


def choose_best(past: PastSearch, members: int, validation: Part, most_parameters: int | None = None) -> Choice:
    """An ensemble of at most so many networks and parameters, chosen greedily on validation from all trials and seeds.

    Raises UserError where no network is small enough.
    """
    try:
        found = pick(
            (result for result, _ in past.finals),
            lambda result: _network(past, result),
            validation,
            members,
            most_parameters,
        )
    except ValueError as error:
        raise UserError(f"{error}: there is nothing to register") from error
    limit = "" if most_parameters is None else f" with {most_parameters:,} parameters together"
    best = f"the best {found.considered} of " if found.considered < found.trained else ""
    how = f"chosen greedily on validation from {best}{found.trained} networks, at most {members}{limit}"
    return Choice(found.results, tuple(_network(past, result) for result in found.results), found.weights, how)


def choose_ensemble(past: PastSearch) -> Choice:
    """The very ensemble that the search chose at its end. Raises UserError where it chose none."""
    about = logged(past.client, past.parent.info.run_id)
    if about is None:
        raise UserError(
            "this search chose no ensemble (it is not over, had ensemble=0 or one network alone): top=5 chooses one now"
        )
    trials = {run.info.run_id: result for result, run in past.trials}
    results = tuple(trials[member["run"]] for member in about["members"])
    weights = tuple(float(member["weight"]) for member in about["members"])
    networks = tuple(_network(past, result) for result in results)
    return Choice(results, networks, weights, f"the ensemble of {len(results)} that the search chose on validation")


def _equal(past: PastSearch, results: tuple[TrialResult, ...], how: str) -> Choice:
    networks = tuple(_network(past, result) for result in results)
    return Choice(results, networks, tuple(1 / len(results) for _ in results), how)


def _network(past: PastSearch, result: TrialResult) -> Network:
    with TemporaryDirectory(prefix="branchsearch-") as folder:
        try:
            return load_network(past.weights(result, Path(folder)))[0]
        except (MlflowException, OSError, CheckpointError) as error:
            run_id = past.run_of(result).info.run_id
            reason = str(error).splitlines()[0][:200]
            raise UserError(f"the weights of trial {run_id} cannot be had from MLflow: {reason}") from error
