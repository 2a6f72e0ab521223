"""`Branching`: the layers of a group dealt out to parallel branches, which may branch again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

Distribution: TypeAlias = "tuple[Branch, ...]"
Branch: TypeAlias = "int | tuple[int, Distribution]"
"""Layers one after the other, or layers and how further ones are dealt out to branches that follow them."""


def parts_of(branch: Branch) -> tuple[int, Distribution]:
    """The layers that a branch begins with, and the distribution that follows them: none for a plain branch."""
    return (branch, ()) if isinstance(branch, int) else branch


def layers_in(distribution: Distribution) -> int:
    """All layers that a distribution deals out."""
    return sum(first + layers_in(nested) for first, nested in map(parts_of, distribution))


def ends_of(distribution: Distribution) -> int:
    """How many branches come out at the end, nested ones counted one by one."""
    return sum(ends_of(nested) if nested else 1 for _, nested in map(parts_of, distribution))


def text_of(distribution: Distribution) -> str:
    """`[2,1>[1,1]]`: a branch of two layers, and one of a layer that is followed by two branches of one each."""
    words = [f"{first}>{text_of(nested)}" if nested else str(first) for first, nested in map(parts_of, distribution)]
    return f"[{','.join(words)}]"


def from_lists(branches: Iterable[Any]) -> Distribution:
    """A distribution out of JSON's lists. Raises TypeError or ValueError on anything else."""
    return tuple(_branch_from(branch) for branch in branches)


def _branch_from(branch: Any) -> Branch:
    if isinstance(branch, int):
        return branch
    first, nested = branch
    return first, from_lists(nested)


def _rank(branch: Branch) -> tuple[int, int, tuple[Any, ...]]:
    first, nested = parts_of(branch)
    return first + layers_in(nested), first, tuple(map(_rank, nested))


def _canonical(distribution: Distribution) -> Distribution:
    """Raises ValueError where a branch has no layer, or there are fewer than two of them."""
    branches: list[Branch] = []
    for first, nested in map(parts_of, distribution):
        if first < 1:
            raise ValueError(f"a branching needs two branches or more of a layer or more, not {distribution}")
        branches.append((first, _canonical(nested)) if nested else first)
    if len(branches) < 2:
        raise ValueError(f"a branching needs two branches or more of a layer or more, not {distribution}")
    return tuple(sorted(branches, key=_rank, reverse=True))


@dataclass(frozen=True)
class Branching:
    """The layers of group number `group` dealt out to parallel branches, whose outputs are joined.

    `distribution[i]` is the number of layers in branch i, or (layers, distribution): the layers that it begins with
    and the branches that follow them, joined as the outer ones are. Branches are interchangeable, so the longest is
    kept first: [1, 2] and [2, 1] are the same network. Raises ValueError for fewer than two branches.
    """

    group: int
    distribution: Distribution

    def __post_init__(self) -> None:
        object.__setattr__(self, "distribution", _canonical(self.distribution))

    def __str__(self) -> str:
        return text_of(self.distribution)
