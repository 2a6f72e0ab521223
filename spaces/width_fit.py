"""The widths with which a network of a given shape has a given number of parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from models.architecture import Architecture

WIDEST = 1 << 16

NEARBY = 3
"""Widths on either side of the bisection's that are looked at: further groups follow the first one's by rounding."""

STEEPEST = 770
"""An upper bound of parameters / width squared over all shapes of the joint space, by the first group's width."""


def with_widths(shape: Architecture, ratios: tuple[float, ...], first: int) -> Architecture:
    """The shape with a first group of this width, and each further one by its ratio to the group before.

    Two widths are equal where their ratio is 1 and nowhere else: a skip has no projection between equal ones, and the
    count would leap where they become so by rounding.
    """
    widths, width = [first], float(first)
    for ratio in ratios:
        width *= ratio
        before, rounded = widths[-1], max(1, round(width))
        if ratio == 1:
            rounded = before
        elif rounded == before:
            rounded = before - 1 if ratio < 1 < before else before + 1
        widths.append(rounded)
    groups = tuple(replace(group, width=width) for group, width in zip(shape.groups, widths, strict=True))
    return replace(shape, groups=groups)


def coarsest_step(most: int, inputs: int) -> int:
    """By how many parameters a network of up to `most` grows at most when its first group gets one unit wider.

    `inputs` is the parameters that a first group of width 1 has at most.
    """
    return inputs + math.ceil(2 * math.sqrt(STEEPEST * most))


def fit(shape: Architecture, ratios: tuple[float, ...], target: float, low: int, high: int) -> Architecture:
    """The network of this shape nearest to `target` parameters among those from `low` to `high`.

    Raises ValueError where no width gives one.
    """

    dip = _dip(shape)

    def at(first: int) -> Architecture:
        return with_widths(shape, ratios, first)

    def count(first: int) -> int:
        # the count, which else rises with the width, falls for that one
        return at(first + (first == dip)).parameter_count()

    narrow, wide = 1, 2
    while wide < WIDEST and count(wide) < target:
        narrow, wide = wide, 2 * wide
    while wide - narrow > 1:
        middle = (narrow + wide) // 2
        narrow, wide = (middle, wide) if count(middle) < target else (narrow, middle)
    near = {*range(max(1, narrow - NEARBY), wide + NEARBY + 1), max(1, dip)}
    found = list(_within(at, sorted(near), low, high))
    if not found:
        # one group alone is finer than all together
        network = at(narrow)
        for number, group in enumerate(network.groups):
            found += _within(_one_group(network, number), range(max(1, group.width - 9), group.width + 10), low, high)
    if not found:
        raise ValueError(f"{shape} cannot have between {low:,} and {high:,} parameters")
    return min(found, key=lambda network: abs(network.parameter_count() - target))


def _dip(shape: Architecture) -> int:
    """The first group's width at which the skip around its first layer, or around the group, has no projection, since
    that is as wide as the input; 0 where there is none.
    """
    inputs, outputs = shape.widths()[:2]
    ends = outputs // shape.groups[0].width if shape.skip == "group" else 1  # side by side, where they are concatenated
    return 0 if inputs % ends else inputs // ends


def _one_group(network: Architecture, number: int) -> Callable[[int], Architecture]:
    def at(width: int) -> Architecture:
        groups = list(network.groups)
        groups[number] = replace(groups[number], width=width)
        return replace(network, groups=tuple(groups))

    return at


def _within(at: Callable[[int], Architecture], widths: Iterable[int], low: int, high: int) -> Iterator[Architecture]:
    return (network for network in map(at, widths) if low <= network.parameter_count() <= high)
