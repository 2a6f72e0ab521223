"""The host of a pack, called as trials' actors call it: what one of them does, or fails to do, is its own affair."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from ray.exceptions import RayError

from models.architecture import Architecture, Group
from models.candidate import Candidate
from models.data import TrainingData
from models.recipe import Recipe
from models.run import RunState
from models.training import TrainingRun
from search.packing import Host

CANDIDATE = Candidate(Architecture(groups=(Group(16, 2),)), Recipe(learning_rate=1e-3, batch_size=32, epochs=4))


def with_host(data: TrainingData, members: int, use: Callable[[Host], Awaitable[None]]) -> None:
    """Do what `use` does with a host, and end its tasks."""

    async def main() -> None:
        await use(Host(data, "cpu", 1, members, None))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(main())


async def added(host: Host, trial: str, seed: int = 0) -> tuple[str, RunState]:
    member = await host.add(trial, CANDIDATE.to_json(), seed)
    assert member is not None
    return member


def test_a_trial_with_two_actors_goes_on_whichever_of_them_ends(few_rows: TrainingData) -> None:
    """Ray Tune may start a trial again in two actors at once and end either, in the middle of an epoch or not."""
    expected = [epoch.validation_error for epoch in TrainingRun(CANDIDATE, few_rows, 0)]

    async def use(host: Host) -> None:
        first, _ = await added(host, "a")
        second, _ = await added(host, "a")
        errors = [(await host.epoch(first))[0].validation_error]
        under_way = asyncio.create_task(host.epoch(first))
        ended = asyncio.create_task(host.epoch(second))
        await asyncio.sleep(0)
        await host.remove(second)
        errors.append((await under_way)[0].validation_error)
        with pytest.raises(asyncio.CancelledError):
            await ended
        with pytest.raises(RayError, match=f"let {second} go"):
            await host.epoch(second)
        await host.remove(second)
        while len(errors) < len(expected):
            errors.append((await host.epoch(first))[0].validation_error)
        assert errors == expected

    with_host(few_rows, 2, use)


def test_a_full_pack_lets_a_trials_former_member_go_and_no_other(few_rows: TrainingData) -> None:
    async def use(host: Host) -> None:
        lost, _ = await added(host, "a")
        other, _ = await added(host, "b", 1)
        assert await host.add("c", CANDIDATE.to_json(), 2) is None
        again, state = await added(host, "a")
        assert state.epochs == 0
        with pytest.raises(RayError, match=f"let {lost} go"):
            await host.epoch(lost)
        for member in (again, other):
            assert (await host.epoch(member))[1].epochs == 1
        await host.remove(again)
        assert await host.add("c", CANDIDATE.to_json(), 2) is not None

    with_host(few_rows, 2, use)
