"""How many trials a search takes, on which part of the rows: in figures and in words."""

from __future__ import annotations

from search.config import SearchConfig
from search.labels import part_in_words
from search.promotion import candidates_by_rung
from search.race import cost
from search.report.wording import count
from spaces import Space

DEFAULT_TRIALS = 50
"""Candidates of an infinite space where neither trials= nor time_budget= says how many."""

TrialsByPart = list[tuple[float, int]]
"""Parts of what the recipe trains on, the smallest first, and the trials on each."""


def candidate_limit(config: SearchConfig, space: Space, free: int = 0) -> int | None:
    """How many candidates the search has at most, `free` of them known; None where only its time budget ends it."""
    if space.size is not None:
        return min(space.size, config.trials + free if config.trials else space.size)
    if config.trials is None and config.time_budget_seconds is None:
        return DEFAULT_TRIALS + free
    return None if config.trials is None else config.trials + free


def total_trials(config: SearchConfig, space: Space, free: int = 0) -> int | None:
    """How many trials a search takes at most; None where only the time budget ends it."""
    limit = candidate_limit(config, space, free)
    return None if limit is None else number_of(trials_by_part(config, limit))


def total_work(config: SearchConfig, space: Space, free: int = 0) -> float | None:
    """As `total_trials`, where a trial on a part of the rows counts as that part."""
    limit = candidate_limit(config, space, free)
    return None if limit is None else sum(part * trials for part, trials in trials_by_part(config, limit))


def trials_by_part(config: SearchConfig, limit: int) -> TrialsByPart:
    """At most how many trials so many candidates take on each part: candidates times seeds on all of it, and from one
    seed on a smaller part.
    """
    *fewer, last = _candidates_by_part(config, limit)
    return list(zip(_parts(config), [*fewer, last * len(config.seeds)], strict=True))


def least_by_part(config: SearchConfig, limit: int) -> TrialsByPart:
    """As `trials_by_part`, where a race for the seeds soon finds its best."""
    *fewer, last = _candidates_by_part(config, limit)
    least = cost(last, len(config.seeds))[0] if config.adaptive else last * len(config.seeds)
    return list(zip(_parts(config), [*fewer, least], strict=True))


def _parts(config: SearchConfig) -> list[float]:
    """Of the rows that trials in the end are trained on, which are all that the recipe takes."""
    return [part / config.parts[-1] for part in config.parts]


def _candidates_by_part(config: SearchConfig, limit: int) -> list[int]:
    parts = len(config.parts)
    return [limit] if parts == 1 else candidates_by_rung(limit, parts, config.scheduler.promoted_one_in)


def number_of(trials: TrialsByPart) -> int:
    """All of them."""
    return sum(number for _, number in trials)


def seeds_in_words(config: SearchConfig, limit: int | None) -> str:
    """How often the candidates are trained."""
    if len(config.parts) > 1:
        return _parts_in_words(config, limit)
    if not config.adaptive:
        return f"{count(len(config.seeds), 'seed')} each"
    trials = "" if limit is None else f", {_trials_in_words(config, limit)}"
    return f"1 seed each and {_repeats_in_words(config)}{trials}"


def _repeats_in_words(config: SearchConfig) -> str:
    return f"up to {len(config.seeds)} for those that may be the best"


def _trials_in_words(config: SearchConfig, limit: int) -> str:
    """`14 trials`, or `11 to 15 trials` where a race decides."""
    least, most = number_of(least_by_part(config, limit)), number_of(trials_by_part(config, limit))
    return f"{least:,} to {most:,} trials" if least < most else count(most, "trial")


def _parts_in_words(config: SearchConfig, limit: int | None) -> str:
    """What is trained on which part of the rows."""
    seeds = f" from {len(config.seeds)} seeds" if len(config.seeds) > 1 else ""
    if config.adaptive:
        seeds = f" from 1 seed and {_repeats_in_words(config)}"
    if limit is None:
        one_in = config.scheduler.promoted_one_in
        larger = ", ".join(part_in_words(part) for part in config.parts[1:])
        share = "each" if one_in == 1 else f"the best one in {one_in} each time"
        return f"each on {part_in_words(config.parts[0])}, then {share} on {larger}{seeds}"
    numbers = [trials for _, trials in trials_by_part(config, limit)]
    if config.adaptive:
        numbers = _candidates_by_part(config, limit)
    trained = zip(numbers, map(part_in_words, config.parts), strict=True)
    parts = ", ".join(f"{number:,} on {part}" for number, part in trained)
    return f"in {_trials_in_words(config, limit)} ({parts}{seeds})"
