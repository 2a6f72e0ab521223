"""The networks against the paper's formulas, written out by hand."""

import ast
import math
import sys
from dataclasses import replace
from pathlib import Path
from typing import cast, get_args

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

import models
from models.architecture import Activation, Architecture, Group, Join, Normalisation
from models.branching import Branching
from models.inputs import Inputs, Numeric
from models.network import BranchedGroup, Branches, Dropout, Layer, Network, activation_of, build, predict
from models.published import BRNET, ELEMNET, IRNET

SMALL = (Group(6, 2), Group(5, 1))


def layers_of(network: Network, branch: int = 0) -> list[Layer]:
    """The layers of one branch of the first group."""
    group = network.groups[0]
    assert isinstance(group, BranchedGroup)
    return cast("list[Layer]", list(cast("torch.nn.Sequential", group.branches[branch])))


def linear(layer: torch.nn.Linear, x: Tensor) -> Tensor:
    return x @ layer.weight.T + layer.bias


def test_layer_adds_identity_where_width_stays_and_a_projection_where_it_changes() -> None:
    network = build(Architecture(groups=(Group(6, 2),), input_width=4, skip="layer"))
    x = torch.randn(7, 4)
    first, second = layers_of(network)
    assert first.projection is not None
    assert second.projection is None
    h = F.leaky_relu(linear(first.linear, x), 0.3) + linear(first.projection, x)
    h = F.leaky_relu(linear(second.linear, h), 0.3) + h
    torch.testing.assert_close(network(x), linear(network.output, h))


def test_branches_have_the_same_input_and_their_outputs_are_added() -> None:
    architecture = Architecture(groups=(Group(6, 3),), branchings=(Branching(0, (2, 1)),), input_width=4)
    network = build(architecture)
    x = torch.randn(7, 4)
    long, short = layers_of(network), layers_of(network, branch=1)
    by_hand = F.leaky_relu(linear(long[1].linear, F.leaky_relu(linear(long[0].linear, x), 0.3)), 0.3)
    by_hand = by_hand + F.leaky_relu(linear(short[0].linear, x), 0.3)
    torch.testing.assert_close(network(x), linear(network.output, by_hand))


def test_batch_norm_stands_between_linear_and_activation_and_not_on_the_skip() -> None:
    architecture = Architecture(
        groups=(Group(6, 1),), input_width=4, skip="layer", normalisation="batch", activation="relu"
    )
    network = build(architecture).train()
    x = torch.randn(9, 4)
    layer = layers_of(network)[0]
    assert layer.projection is not None
    z = linear(layer.linear, x)
    normed = (z - z.mean(0)) / (z.var(0, unbiased=False) + 1e-3).sqrt()
    by_hand = linear(network.output, normed.relu() + linear(layer.projection, x))
    torch.testing.assert_close(network(x), by_hand, rtol=1e-4, atol=1e-5)


def test_weights_are_glorot_uniform_and_biases_zero() -> None:
    network = build(BRNET, seed=3)
    for module in network.modules():
        if isinstance(module, torch.nn.Linear):
            bound = (6 / (module.in_features + module.out_features)) ** 0.5
            assert module.bias.abs().max() == 0
            assert module.weight.abs().max() <= bound
            if module.weight.numel() > 10_000:
                assert module.weight.std().item() == pytest.approx(bound / 3**0.5, rel=0.02)
    assert not any(parameter.is_meta for parameter in network.parameters())


def test_seed_alone_sets_the_first_weights() -> None:
    torch.manual_seed(1)
    first = build(IRNET, seed=5).state_dict()
    state = torch.get_rng_state()
    torch.manual_seed(2)
    second = build(IRNET, seed=5).state_dict()
    other = build(IRNET, seed=6).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["output.weight"], other["output.weight"])
    torch.manual_seed(1)
    assert torch.equal(state, torch.get_rng_state())


def test_irnet_has_the_published_running_statistics() -> None:
    network = build(IRNET)
    trainable = sum(parameter.numel() for parameter in network.parameters())
    running = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    assert (trainable, trainable + running) == (5_433_697, 5_447_585)


def test_elemnet_drops_after_layers_4_7_10_and_13_in_training_only() -> None:
    network = build(ELEMNET)
    rates = [group.dropout.rate if isinstance(group.dropout, Dropout) else 0.0 for group in network.groups.children()]
    assert rates == [0.2, 0.1, 0.3, 0.2, 0.0, 0.0]
    x = torch.rand(5, 86)
    network.train()
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_dropout_keeps_the_mean_and_leaves_the_global_generator_alone() -> None:
    dropout = Dropout(0.3, torch.Generator().manual_seed(0)).train()
    before = torch.get_rng_state()
    y = dropout(torch.ones(200_000))
    assert torch.equal(before, torch.get_rng_state())
    assert (y == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)
    assert y.mean().item() == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("activation", ["relu", "gelu", "silu"])
def test_other_activations_differ(activation: str) -> None:
    x = torch.randn(4, 86)
    network = build(Architecture(groups=SMALL, activation=activation))  # type: ignore[arg-type]
    assert not torch.allclose(network(x), build(Architecture(groups=SMALL))(x))


def test_predict_in_parts_equals_at_once_and_keeps_the_mode() -> None:
    network = build(Architecture(groups=SMALL, dropout=(0.5, 0.0), output_width=3)).train()
    x = torch.randn(10, 86)
    torch.testing.assert_close(predict(network, x, rows_at_once=3), predict(network, x))
    assert network.training
    assert predict(network, x).shape == (10, 3)


def test_models_imports_only_torch_and_numpy() -> None:
    allowed = {*sys.stdlib_module_names, "torch", "numpy", "models"}
    for path in Path(models.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert {name.split(".")[0] for name in names} <= allowed, f"{path.name} imports {names}"


def test_nested_branches_follow_their_layer_and_are_joined_the_same_way() -> None:
    """[2, 1>[1,1]] by hand, for every join, from the same weights."""
    nested = (Branching(0, (2, (1, (1, 1)))),)
    base = Architecture(groups=(Group(6, 5),), branchings=nested, input_width=4, activation="relu")
    x = torch.randn(7, 4)
    for join in get_args(Join):
        network = build(replace(base, join=join))
        group = cast(BranchedGroup, network.groups[0])
        if group.gate is not None:
            torch.nn.init.normal_(group.gate.weight)

        def through(layers: list[Layer], values: Tensor) -> Tensor:
            for layer in layers:
                values = linear(layer.linear, values).relu()
            return values

        def together(outputs: list[Tensor], gate: torch.nn.Linear | None, fed: Tensor, join: str = join) -> Tensor:
            if join == "concatenation":
                return torch.cat(outputs, 1)
            shares = torch.ones(len(fed), 2) if join == "sum" else torch.full((len(fed), 2), 0.5)
            if gate is not None:
                shares = linear(gate, fed).softmax(1)
            return shares[:, :1] * outputs[0] + shares[:, 1:] * outputs[1]

        inner_first, inner = cast("tuple[Layer, Branches]", tuple(cast("torch.nn.Sequential", group.branches[0])))
        h = through([inner_first], x)
        ends = [through(list(cast("list[Layer]", branch)), h) for branch in inner.branches]
        branched = together(ends, inner.gate, h)
        plain = through(layers_of(network, branch=1), x)
        torch.testing.assert_close(group(x), together([branched, plain], group.gate, x))


def test_a_gate_begins_with_equal_weights() -> None:
    mean = Architecture(groups=(Group(6, 2),), branchings=(Branching(0, (1, 1)),), join="mean")
    gated, x = build(replace(mean, join="gate")), torch.rand(5, 86)
    weights = {name: value for name, value in gated.state_dict().items() if ".gate." not in name}
    plain = build(mean)
    plain.load_state_dict(weights)
    torch.testing.assert_close(gated(x), plain(x))


def test_a_skip_around_a_group_is_the_identity_where_the_width_stays_and_a_projection_where_it_changes() -> None:
    architecture = Architecture(groups=(Group(6, 2), Group(6, 2)), input_width=4, skip="group", activation="relu")
    network = build(architecture)
    first, second = cast("list[BranchedGroup]", list(network.groups))
    assert first.projection is not None
    assert second.projection is None
    x = torch.randn(7, 4)
    h = cast("torch.nn.Sequential", first.branches[0])(x) + linear(first.projection, x)
    torch.testing.assert_close(network.features(x), cast("torch.nn.Sequential", second.branches[0])(h) + h)


def test_hidden_matrices_neither_read_the_input_nor_make_the_output_nor_choose() -> None:
    architecture = replace(BRNET, join="gate", skip="layer", inputs=Inputs(True, "periodic", 4, embedding=3))
    network = build(architecture)
    names = {name for name, p in network.named_parameters() if any(p is hidden for hidden in network.hidden_matrices())}
    assert "groups.0.branches.0.1.linear.weight" in names
    assert "groups.1.branches.0.0.projection.weight" in names
    assert not any(
        name.startswith(("encoding", "output", "groups.0.branches.0.0", "groups.0.branches.1.0")) or "gate" in name
        for name in names
    )


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        ("relu", [0.0, 0.0, 2.0]),
        ("leaky_relu", [-0.1, 0.0, 2.0]),
        ("gelu", [-0.5 * (1 + math.erf(-1 / math.sqrt(2))), 0.0, 1 + math.erf(2 / math.sqrt(2))]),
        ("silu", [-1 / (1 + math.e), 0.0, 2 / (1 + math.exp(-2))]),
    ],
)
def test_activations_are_what_they_are_called(activation: Activation, expected: list[float]) -> None:
    function = activation_of(Architecture(activation=activation, slope=0.1))
    torch.testing.assert_close(function(torch.tensor([-1.0, 0.0, 2.0])), torch.tensor(expected))


def test_dropout_comes_after_the_skip_around_a_group() -> None:
    network = build(Architecture(groups=(Group(64, 2), Group(64, 1)), dropout=(0.5, 0), skip="group"))
    values = network.get_submodule("groups.0").train()(torch.rand(8, 86))
    assert (values == 0).float().mean().item() == pytest.approx(0.5, abs=0.1)


@pytest.mark.parametrize("normalisation", ["batch", "layer"])
@pytest.mark.parametrize("numeric", ["piecewise", "periodic"])
def test_all_of_a_new_network_is_set(
    normalisation: Normalisation, numeric: Numeric, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the memory held before that it gets."""
    architecture = Architecture(
        groups=SMALL,
        branchings=(Branching(0, (1, 1)),),
        skip="layer",
        join="gate",
        normalisation=normalisation,
        inputs=Inputs(True, numeric, 3, embedding=2, descriptors=True, ranks=2),
    )
    expected, empty = build(architecture).state_dict(), torch.empty
    monkeypatch.setattr(torch, "empty", lambda *shape, **how: empty(*shape, **how).fill_(7))
    found = build(architecture).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
