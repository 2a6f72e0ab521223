import json
import re
from dataclasses import FrozenInstanceError, replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.architecture import PAPER_GROUPS, Architecture, Group, Join, Normalisation, Skip, Task
from models.branching import Branch, Branching, Distribution
from models.inputs import Inputs, Numeric
from models.network import build
from models.published import BNET, BRNET, ELEMNET, IRNET, PUBLISHED

PUBLISHED_GRID = [
    (0, (2, 2), 4_548_385),
    (0, (3, 1), 4_548_385),
    (0, (2, 1, 1), 3_676_961),
    (0, (1, 1, 1, 1), 2_805_537),
    (1, (2, 1), 6_206_753),
    (1, (1, 1, 1), 6_993_697),
    (2, (2, 1), 5_616_673),
    (2, (1, 1, 1), 5_813_537),
    (3, (2, 1), 5_469_089),
    (3, (1, 1, 1), 5_518_369),
    (4, (1, 1), 5_432_161),
]
"""(group, distribution, parameters): Sci Rep 13, 9128 (2023), Table 6."""


def torch_count(architecture: Architecture) -> int:
    return sum(parameter.numel() for parameter in build(architecture).parameters())


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    """Valid architectures of small widths, any groups of theirs branched."""
    groups = tuple(draw(st.lists(st.builds(Group, st.integers(1, 9), st.integers(1, 4)), min_size=1, max_size=4)))
    branchable = [number for number, group in enumerate(groups) if group.layers > 1]
    branched = draw(st.sets(st.sampled_from(branchable))) if branchable else set()
    rates = st.lists(st.floats(0, 0.9), min_size=len(groups), max_size=len(groups)).map(tuple)
    task: Task = draw(st.sampled_from(get_args(Task)))
    made_of = draw(inputs)
    return Architecture(
        groups=groups,
        branchings=tuple(Branching(number, draw(distributions(groups[number].layers))) for number in branched),
        skip=draw(st.sampled_from(get_args(Skip))),
        normalisation=draw(st.sampled_from(get_args(Normalisation))),
        join=draw(st.sampled_from(get_args(Join))),
        inputs=made_of,
        dropout=draw(st.just(()) | rates),
        activation=draw(st.sampled_from(["relu", "leaky_relu", "gelu", "silu"])),
        slope=draw(st.floats(0, 1)),
        input_width=86 if made_of.is_composition else draw(st.integers(1, 9)),
        output_width=draw(st.integers(2 if task == "classification" else 1, 4)),
        task=task,
    )


@st.composite
def distributions(draw: st.DrawFn, layers: int) -> Distribution:
    """A way to deal out `layers` to two branches or more, in any order, the longer ones perhaps branched again."""
    cuts = sorted(draw(st.sets(st.integers(1, layers - 1), min_size=1)))
    lengths = [high - low for low, high in zip([0, *cuts], [*cuts, layers], strict=True)]
    branches: list[Branch] = []
    for length in lengths:
        rest = draw(st.integers(2, length - 1)) if length > 2 and draw(st.booleans()) else 0
        branches.append((length - rest, draw(distributions(rest))) if rest else length)
    return tuple(branches)


inputs = st.builds(
    Inputs,
    fractions=st.just(True),
    numeric=st.sampled_from(get_args(Numeric)),
    numeric_width=st.integers(1, 3),
    embedding=st.integers(0, 2),
    descriptors=st.booleans(),
    ranks=st.integers(0, 2),
) | st.sampled_from([Inputs(fractions=False, embedding=2), Inputs(fractions=False, descriptors=True)])
"""What a network may be fed."""


@pytest.mark.parametrize(
    ("architecture", "parameters"),
    [(ELEMNET, 4_631_361), (IRNET, 5_433_697), (BNET, 3_670_849), (BRNET, 4_548_385)],
    ids=list(PUBLISHED),
)
def test_published_networks_have_their_published_counts(architecture: Architecture, parameters: int) -> None:
    """SDM 2022, Table 1; for IRNet the count that its description gives, see PUBLISHED."""
    assert architecture.parameter_count() == parameters
    assert torch_count(architecture) == parameters


def test_irnet_with_running_statistics() -> None:
    buffers = {name: buffer for name, buffer in build(IRNET).named_buffers() if "num_batches" not in name}
    assert IRNET.parameter_count() + sum(buffer.numel() for buffer in buffers.values()) == 5_447_585


@pytest.mark.parametrize(("group", "distribution", "parameters"), PUBLISHED_GRID)
def test_branching_grid_has_its_published_counts(group: int, distribution: tuple[int, ...], parameters: int) -> None:
    architecture = replace(BRNET, branchings=(Branching(group, distribution),))
    assert architecture.parameter_count() == parameters


@settings(max_examples=200, deadline=None)
@given(architectures())
def test_closed_form_is_what_torch_counts(architecture: Architecture) -> None:
    assert architecture.parameter_count() == torch_count(architecture)


@given(architectures())
def test_json_both_ways(architecture: Architecture) -> None:
    again = Architecture.from_json(architecture.to_json())
    assert again == architecture
    assert hash(again) == hash(architecture)
    assert again.to_json() == architecture.to_json()


def test_json_of_networks_logged_before_there_were_kinds_of_skips_is_read() -> None:
    """As a registered IRNet and BRNet hold it."""
    for network, skip, batch_norm in ((IRNET, True, True), (BRNET, True, False), (BNET, False, False)):
        fields = json.loads(network.to_json())
        earlier = {key: fields[key] for key in fields if key not in ("normalisation", "join", "inputs")}
        text = json.dumps(earlier | {"skip": skip, "batch_norm": batch_norm})
        assert Architecture.from_json(text) == network


def test_ranks_leave_the_json_of_other_networks_as_it_was() -> None:
    """Trials, which are known again by it, were kept before there were ranks."""
    assert "ranks" not in BRNET.to_json()
    ranked = replace(BRNET, inputs=Inputs(ranks=3))
    assert Architecture.from_json(ranked.to_json()) == ranked


@pytest.mark.parametrize(
    "change",
    [{"fractions": False}, {"numeric": "periodic"}, {"embedding": -1}, {"numeric": "x"}, {"ranks": -1}, {"ranks": 87}],
)
def test_inputs_that_are_none_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"input|embed"):
        Inputs(**change)


@given(architectures())
def test_text_is_short(architecture: Architecture) -> None:
    assert 1 <= len(str(architecture)) <= 250
    assert "\n" not in str(architecture)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (replace(BNET, branchings=(Branching(1, (1, 2)),)), replace(BNET, branchings=(Branching(1, (2, 1)),))),
        (
            replace(BNET, branchings=(Branching(4, (1, 1)), Branching(0, (2, 2)))),
            replace(BNET, branchings=(Branching(0, (2, 2)), Branching(4, (1, 1)))),
        ),
        (replace(ELEMNET, dropout=(0.0,) * 6), replace(ELEMNET, dropout=())),
        (replace(IRNET, slope=0.3), replace(IRNET, slope=0.1)),
        (replace(IRNET, join="gate"), IRNET),
        (
            replace(BNET, branchings=(Branching(0, (1, (1, (1, 1)))),)),
            replace(BNET, branchings=(Branching(0, ((1, (1, 1)), 1)),)),
        ),
        (replace(BNET, inputs=Inputs(numeric="none", numeric_width=3)), BNET),
        (
            Architecture(groups=(Group(8, 1),), skip="group"),
            Architecture(groups=(Group(8, 1),), skip="layer"),
        ),
    ],
    ids=[
        "order of branches",
        "order of branchings",
        "dropout of nothing",
        "slope of relu",
        "join of nothing",
        "order of nested branches",
        "width of nothing",
        "groups of a layer",
    ],
)
def test_descriptions_of_the_same_network_are_equal(one: Architecture, other: Architecture) -> None:
    assert one == other
    assert hash(one) == hash(other)
    assert one.to_json() == other.to_json()
    assert str(one) == str(other)


@pytest.mark.parametrize(
    "change",
    [
        {"skip": "none"},
        {"skip": "group"},
        {"normalisation": "layer"},
        {"join": "mean"},
        {"join": "gate"},
        {"join": "concatenation"},
        {"branchings": (Branching(0, (1, (1, (1, 1)))),)},
        {"inputs": Inputs(numeric="piecewise", numeric_width=4)},
        {"inputs": Inputs(numeric="periodic", numeric_width=4)},
        {"inputs": Inputs(embedding=8)},
        {"inputs": Inputs(descriptors=True)},
        {"inputs": Inputs(fractions=False, descriptors=True)},
        {"inputs": Inputs(ranks=4)},
        {"normalisation": "batch"},
        {"activation": "relu"},
        {"slope": 0.1},
        {"dropout": (0.1, 0, 0, 0, 0, 0)},
        {"branchings": (Branching(0, (3, 1)),)},
        {"output_width": 2},
        {"output_width": 2, "task": "classification"},
        {"groups": (Group(1025, 4), *PAPER_GROUPS[1:])},
    ],
    ids=str,
)
def test_different_networks_differ_in_value_json_and_text(change: dict[str, Any]) -> None:
    other = replace(BRNET, **change)
    assert other != BRNET
    assert other.to_json() != BRNET.to_json()
    assert str(other) != str(BRNET)


@pytest.mark.parametrize(
    ("architecture", "text"),
    [
        (ELEMNET, "plain relu dropout"),
        (IRNET, "plain skip relu batchnorm"),
        (BNET, "Top[2,2] leaky"),
        (BRNET, "Top[2,2] skip leaky"),
        (replace(BRNET, slope=0.01), "Top[2,2] skip leaky slope=0.01"),
        (replace(BRNET, branchings=(Branching(1, (1, 2)), Branching(0, (3, 1)))), "Top[3,1] Middle1[2,1] skip leaky"),
        (replace(BRNET, groups=(Group(900, 4), *PAPER_GROUPS[1:])), "Top=900 Top[2,2] skip leaky"),
        (Architecture((Group(8, 2), Group(4, 1)), (Branching(0, (1, 1)),)), "8x2-4x1 G1[1,1] leaky"),
        (
            replace(BRNET, branchings=(Branching(0, ((1, (1, 1)), 1)),), join="concatenation", skip="group"),
            "Top[1>[1,1],1] concat groupskip leaky",
        ),
        (
            replace(ELEMNET, normalisation="layer", dropout=(), inputs=Inputs(True, "piecewise", 8, 16, True)),
            "plain relu layernorm in=fractions:piecewise8+elements16+descriptors",
        ),
        (replace(BNET, dropout=(0.1,) * 6), "Top[2,2] leaky dropout=0.1"),
        (BNET.with_output(3, "classification"), "Top[2,2] leaky 3 classes"),
        (BNET.with_output(3, "regression"), "Top[2,2] leaky 3 outputs"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_text(architecture: Architecture, text: str) -> None:
    assert str(architecture) == text


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"groups": ()}, "at least one group"),
        ({"branchings": (Branching(6, (2, 2)),)}, "no group 6 to branch among 6"),
        ({"branchings": (Branching(-1, (2, 2)),)}, "no group -1"),
        ({"branchings": (Branching(0, (2, 1)),)}, r"\[2,1\] does not deal out the 4 layers of group 0"),
        ({"branchings": (Branching(0, (2, 2)), Branching(0, (3, 1)))}, "branched once"),
        ({"dropout": (0.1,)}, "not one rate in .* for each of 6 groups"),
        ({"dropout": (0, 0, 0, 0, 0, 1.0)}, "not one rate"),
        ({"dropout": (0, 0, 0, 0, 0, -0.1)}, "not one rate"),
        ({"activation": "tanh"}, "'tanh' is none of relu, leaky_relu"),
        ({"task": "ranking"}, "'ranking' is none of regression, classification"),
        ({"join": "product"}, "'product' is none of sum, mean"),
        ({"skip": True}, "True is none of none, layer, group"),
        ({"input_width": 4, "inputs": Inputs(embedding=2)}, "of the 86 elements: a row of 4 values"),
        ({"input_width": 4, "inputs": Inputs(ranks=2)}, "of the 86 elements: a row of 4 values"),
        ({"branchings": (Branching(0, (2, (1, (1, 1)))),)}, r"\[1>\[1,1\],2\] does not deal out the 4 layers"),
        ({"input_width": 0}, "regression from 0 inputs"),
        ({"output_width": 0}, "to 0 outputs"),
        ({"task": "classification", "output_width": 1}, "classification .* to 1 outputs"),
    ],
)
def test_parts_that_do_not_fit_are_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Architecture(**parts)


@pytest.mark.parametrize("distribution", [(), (4,), (4, 0), (5, -1), (1, (1, (2,))), (2, (0, (1, 1)))])
def test_a_branching_has_two_branches_of_a_layer_or_more(distribution: Distribution) -> None:
    with pytest.raises(ValueError, match="two branches or more"):
        Branching(0, distribution)


@pytest.mark.parametrize(("width", "layers"), [(0, 1), (1, 0), (-3, 2)])
def test_a_group_has_a_width_and_a_layer(width: int, layers: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Group(width, layers)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "{}",
        '"BRNet"',
        BRNET.to_json().replace("skip", "skp"),
        json.dumps(json.loads(BRNET.to_json()) | {"groups": [[1, 2]]}),
        json.dumps(json.loads(BRNET.to_json()) | {"branchings": [{"group": 9, "distribution": [2, 2]}]}),
        json.dumps(json.loads(BRNET.to_json()) | {"activation": "tanh"}),
    ],
)
def test_json_of_something_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not an architecture|there is no group 9|'tanh' is none of"):
        Architecture.from_json(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"inpts": {}}, "an architecture has no 'inpts', did you mean inputs? It has groups, branchings"),
        ({"inputs": {"rank": 3}}, "inputs has no 'rank', did you mean ranks? It has fractions, numeric"),
        ({"inputs": {"ranks": 2.5}}, "ranks of inputs is a whole number, not 2.5"),
        ({"inputs": {"descriptors": 1}}, "descriptors of inputs is true or false, not 1"),
        ({"inputs": ["ranks"]}, "inputs is an object with fractions"),
        ({"slope": "0.3"}, "slope of an architecture is a number, not '0.3'"),
        ({"floor": "none"}, "floor of an architecture is a number or null, not 'none'"),
        ({"dropout": 0.1}, "dropout of an architecture is a list of numbers, not 0.1"),
        ({"groups": {"width": 3, "layers": 1}}, "groups of an architecture is a list"),
        ({"groups": [{"width": 3}]}, "a group needs layers"),
        ({"groups": [{"width": 3, "layers": 1, "colour": 2}]}, "a group has no 'colour': it has width, layers"),
        ({"branchings": [{"group": 0}]}, "a branching needs distribution"),
        ({"branchings": [{"group": 0, "distribution": 2}]}, "distribution of a branching is a list, not 2"),
    ],
)
def test_a_mistake_in_json_is_told_where_it_was_made(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"not an architecture: {message}")):
        Architecture.from_json(json.dumps({"groups": [{"width": 8, "layers": 2}]} | change))


def test_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        BRNET.skip = "none"  # type: ignore[misc]


def test_another_head_keeps_the_hidden_layers() -> None:
    classifier = BRNET.with_output(3, "classification")
    assert (classifier.groups, classifier.branchings, classifier.skip) == (BRNET.groups, BRNET.branchings, BRNET.skip)
    assert classifier.parameter_count() == BRNET.parameter_count() + 2 * 33


def test_equal_architectures_have_equal_json() -> None:
    """Trials are told apart by it."""
    groups = (Group(8, 2), Group(8, 1))
    one = Architecture(groups=groups, slope=1, dropout=(0, 0.1), floor=0)
    other = Architecture(groups=groups, slope=1.0, dropout=(0.0, 0.1), floor=0.0)
    assert one == other
    assert one.to_json() == other.to_json()
