"""Optuna's samplers by the names users type: what draws the next point of a sampled space."""

from __future__ import annotations

import warnings

import numpy as np
import optuna

from search.settings import SAMPLERS

SMALLEST_POPULATION, LARGEST_POPULATION = 6, 50
GENERATIONS = 4


def population_for(trials: int | None) -> int:
    """Candidates in a generation of NSGA-II: a quarter of the search, so that three generations are bred of others.

    Optuna's own 50 would draw all of a search of 50 at random. `trials` is None where time alone ends the search.
    """
    wanted = LARGEST_POPULATION if trials is None else round(trials / GENERATIONS)
    return min(max(wanted, SMALLEST_POPULATION), LARGEST_POPULATION)


def sampler_for(name: str, seed: int, point: int, objectives: int, population: int) -> optuna.samplers.BaseSampler:
    """The sampler that draws a study's point of a number, its random numbers those of the point.

    What it suggests then depends on the study and on nothing else, so that a search that was cut off goes on as if it
    had not been. Raises ValueError for a name that is none of `SAMPLERS`.
    """
    state = int(np.random.SeedSequence([seed, point]).generate_state(1)[0])
    if name == "random":
        return optuna.samplers.RandomSampler(seed=state)
    if name == "nsga2":
        return optuna.samplers.NSGAIISampler(population_size=population, seed=state)
    if name != "tpe":
        raise ValueError(f"sampler={name} is none of {', '.join(SAMPLERS)}")
    # Parallel trials need `constant_liar`: without it every worker is sent to the same point. Parameters that hang
    # together need `multivariate`, and `group` where some are there only beside others. Of several objectives Optuna's
    # own comparisons favour one density for each parameter (its pull request 6766), which needs neither.
    several = objectives > 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(seed=state, multivariate=not several, group=not several, constant_liar=True)
