"""`warm_start=`: what earlier searches in MLflow know, as results of this one or as its first guesses."""

from __future__ import annotations

import json
import re
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import optuna
from mlflow.entities import Run, ViewType
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from models.candidate import Candidate
from search.archive import Archive, Kept, is_comparable
from search.checkpoints import key_of, product_of
from search.config import SearchConfig
from search.data import Split
from search.data.catalog import nearest
from search.errors import UserError
from search.extent import candidate_limit
from search.history import LATEST, PastSearch, latest_parent, parent_of, parents_called, search_of
from search.opening import Opening, opening_for
from search.parent_run import CONFIG_TAG
from search.results import Standing
from search.row_parts import drawn_from, on_part
from search.store import all_runs, existing_store, has_artifact
from search.taking_over import facts_of
from search.tracking import PARAMETERS_TAG
from spaces import Space

MOST_GUESSES = 10

Trials = Mapping[tuple[Candidate, int], Kept]


@dataclass(frozen=True)
class WarmStart:
    """What a search begins with, and in words what that is."""

    opening: Opening
    words: str


def warm_start(config: SearchConfig, space: Space, split: Split) -> WarmStart:
    """What the searches that `warm_start=` names are worth to this one. Raises UserError where it names none.

    Trials on the same data by the same training code are known, and not trained again. The best of the others are
    guesses, that come first: their parameters where the space is sampled, their networks where it is finite.
    """
    assert config.warm_start is not None
    client = existing_store(config.tracking.uri)
    read = [search_in(client, parent) for parent in parents_named(client, config.warm_start, config.tracking.uri)]
    searches = [search for search in read if search is not None]
    if not searches:
        raise UserError(f"warm_start={config.warm_start}: the searches there are of a version that cannot be read")
    same = [search for search in searches if is_comparable(search.parent, split.fingerprint)]
    on_parts = {t: kept for t, kept in Archive(same).trials().items() if t[0].recipe.train_part in config.parts}
    known = {trial: kept for trial, kept in on_parts.items() if has_product(client, kept)}
    seeds = config.seeds[:1] if config.adaptive or len(config.parts) > 1 else config.seeds
    space = drawn_from(config, space)
    found = (_sampled if space.size is None else _listed)(config, space, searches, known, seeds)
    return WarmStart(found.opening, found.in_words(config.warm_start, len(read), len(same), len(seeds)))


def parents_named(client: MlflowClient, name: str, uri: str) -> list[Run]:
    """The searches of an experiment by its name or id, those called so, of a run's id, or the latest one; the oldest
    first.
    """
    if name == LATEST:
        return [latest_parent(client, uri)]
    experiments = {found.name: found.experiment_id for found in client.search_experiments(view_type=ViewType.ALL)}
    wanted = experiments.get(name) or (name if name in experiments.values() else None)
    if wanted is not None:
        parents = [run for run in all_runs(client, [wanted], "") if CONFIG_TAG in run.data.tags]
        if not parents:
            raise UserError(f"warm_start={name}: this experiment of the MLflow store holds no search")
        return parents
    if re.fullmatch(r"[0-9a-f]{32}", name):
        return [parent_of(client, name, "warm_start")]
    if called := parents_called(client, name):
        return called
    raise UserError(
        f"warm_start={name} is no experiment of the MLflow store, no search's name or id and not {LATEST}: "
        f"{nearest(name, experiments, most=10, what='experiments are')}"
    )


def search_in(client: MlflowClient, parent: Run) -> PastSearch | None:
    """The search of a parent run; None where it is of a version whose settings or candidates cannot be read."""
    try:
        return search_of(client, parent)
    except (ValueError, KeyError, TypeError):
        return None


def has_product(client: MlflowClient, kept: Kept) -> bool:
    """Whether a trial can be taken over whole."""
    try:
        return has_artifact(client, kept.run.info.run_id, product_of(kept.result.candidate))
    except (MlflowException, OSError):
        return False


@dataclass
class Found:
    """The opening in the making, and the counts that are told."""

    opening: Opening
    taken: int
    guesses: int
    left: Counter[str]

    def in_words(self, name: str, searches: int, same: int, seeds: int) -> str:
        """What was taken over, what was guessed, and what was left and why."""
        more = len(self.opening.known) - self.taken
        taken = f"{self.taken} trials are taken over whole and train nothing" if self.taken else "nothing is taken over"
        if more:
            taken += f", {more} more are known and will be where they are asked for"
        if not same:
            taken += " (other data or another version of the training code)"
        parts = [f"warm_start={name}, {searches} earlier search{'es' * (searches != 1)}: {taken}"]
        if self.guesses:
            parts.append(f"{self.guesses} of their best candidates come first as guesses")
        left = ", ".join(f"{count} {why}" for why, count in self.left.most_common())
        return "; ".join(parts) + (f". Left: {left}." if left else ".")


def _listed(
    config: SearchConfig, space: Space, searches: Sequence[PastSearch], known: Trials, seeds: Sequence[int]
) -> Found:
    """Of a finite space: its candidates that are known, then those whose networks were best elsewhere."""
    candidates = list(space.candidates())
    here = {on_part(candidate, part) for candidate in candidates for part in config.parts}
    usable = {trial: kept for trial, kept in known.items() if trial[0] in here and trial[1] in config.seeds}
    free = [c for c in candidates if all((c, seed) in usable for seed in seeds)]
    by_likeness = {likeness(candidate): candidate for candidate in candidates}
    guessed: dict[Candidate, None] = {}
    left: Counter[str] = Counter()
    for _, standing in by_rank(searches):
        candidate = by_likeness.get(likeness(standing.candidate))
        if candidate is None:
            left["are not in this space"] += 1
        elif candidate not in free and candidate not in guessed:
            if len(guessed) < MOST_GUESSES:
                guessed[candidate] = None
            else:
                left[f"stand behind the first {MOST_GUESSES}"] += 1
    first = [candidate.to_json() for candidate in [*free, *guessed]]
    opening = Opening(first=first, known=facts(usable), free=len(free))
    return Found(opening, len(free) * len(seeds), len(guessed), left)


def _sampled(
    config: SearchConfig, space: Space, searches: Sequence[PastSearch], known: Trials, seeds: Sequence[int]
) -> Found:
    """Of a sampled space: the points that are known, then the best of elsewhere, then the space's own first ones."""
    usable = {trial: kept for trial, kept in known.items() if trial[1] in config.seeds}
    points: dict[str, dict[str, Any]] = {}
    for (candidate, _), kept in usable.items():
        drawn = at(space, parameters_of(kept.run))
        if drawn is not None and drawn[0] == candidate and all((candidate, seed) in usable for seed in seeds):
            points[candidate.to_json()] = drawn[1]
    free = len(points)
    guessed: dict[str, dict[str, Any]] = {}
    left: Counter[str] = Counter()
    for search, standing in by_rank(searches):
        parameters = parameters_of(search.run_of(standing.results[0]))
        drawn = at(space, parameters)
        if standing.candidate.to_json() in points:
            continue
        if parameters is None:
            left["were not drawn, or by a version that did not note how"] += 1
        elif drawn is None:
            left["are not in this space"] += 1
        elif (text := drawn[0].to_json()) not in points and text not in guessed:
            if len(guessed) < MOST_GUESSES:
                guessed[text] = drawn[1]
            else:
                left[f"stand behind the first {MOST_GUESSES}"] += 1
    points |= guessed
    opening = opening_for(space, candidate_limit(config, space))
    for parameters in opening.points:
        drawn = at(space, parameters)
        points.setdefault(json.dumps(parameters) if drawn is None else drawn[0].to_json(), parameters)
    opening = replace(opening, points=list(points.values()), known=facts(usable), free=free)
    return Found(opening, free * len(seeds), len(guessed), left)


def by_rank(searches: Sequence[PastSearch]) -> Iterator[tuple[PastSearch, Standing]]:
    """Candidates that came to a result: the first of every search, the latest search first, then the second of each."""
    ranked = [[(s, standing) for standing in s.standings if standing.trained] for s in reversed(searches)]
    for row in zip_longest(*ranked):
        yield from (entry for entry in row if entry is not None)


def likeness(candidate: Candidate) -> object:
    """What two candidates have in common that differ in target or recipe alone: network, estimator and start."""
    network = None if candidate.estimator is not None else candidate.architecture.with_output(1, "regression", None)
    return network, candidate.estimator, candidate.start


def parameters_of(run: Run) -> dict[str, Any] | None:
    """What a trial's candidate was drawn as; None where it was not, or by a version that did not note it."""
    noted = run.data.tags.get(PARAMETERS_TAG)
    return None if noted is None else dict(json.loads(noted))


def at(space: Space, parameters: dict[str, Any] | None) -> tuple[Candidate, dict[str, Any]] | None:
    """The space's candidate at these parameters, with those of them that it has; None where there is no such point."""
    if parameters is None:
        return None
    trial = optuna.trial.FixedTrial(space.completed(parameters))
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".* out of the range of the distribution")
        try:
            return space.suggest(trial), trial.params
        except (ValueError, KeyError, UserWarning):
            return None


def facts(known: Trials) -> dict[str, dict[str, Any]]:
    """What is known, by the trials' keys."""
    return {
        key_of({"candidate": candidate.to_json(), "seed": seed}): facts_of(kept.result, kept.run.info.run_id)
        for (candidate, seed), kept in known.items()
    }
