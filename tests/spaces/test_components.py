from dataclasses import replace

import pytest

from models.architecture import Group
from models.published import BRNET, ELEMNET, PUBLISHED
from models.recipe import PAPER
from spaces import build


def test_holds_the_four_published_networks_exactly() -> None:
    architectures = [candidate.architecture for candidate in build("components", PAPER, ELEMNET).candidates()]
    for name, published in PUBLISHED.items():
        assert architectures.count(published) == 1, name


def test_dropout_and_batch_norm_never_come_together() -> None:
    architectures = [candidate.architecture for candidate in build("components", PAPER, ELEMNET).candidates()]
    assert sum(bool(a.dropout) for a in architectures) == 8
    assert sum(a.normalisation == "batch" for a in architectures) == 8
    assert not any(a.dropout and a.normalisation == "batch" for a in architectures)


def test_base_decides_no_component() -> None:
    """What the grid varies comes from the grid, whichever published network is the base."""
    grids = {name: list(build("components", PAPER, base).candidates()) for name, base in PUBLISHED.items()}
    assert grids["ElemNet"] == grids["IRNet"] == grids["BNet"] == grids["BRNet"]


@pytest.mark.parametrize("space", ["components", "branching"])
def test_other_layers_than_the_papers_are_refused(space: str) -> None:
    base = replace(BRNET, groups=(Group(64, 4), Group(32, 2)))
    with pytest.raises(ValueError, match=rf"space={space} .*\[4, 3, 3, 3, 2, 1\] layers, not \[4, 2\]"):
        build(space, PAPER, base)
