"""Networks of one's own, side by side."""

from models.architecture import Architecture, Group
from models.published import BRNET, ELEMNET
from models.recipe import FAST
from spaces import build

OWN = Architecture((Group(8, 2),), skip="layer")


def test_holds_what_is_listed_in_its_order() -> None:
    space = build("listed", FAST, BRNET, networks=(OWN, ELEMNET))
    assert [candidate.architecture for candidate in space.candidates()] == [OWN, ELEMNET]


def test_holds_the_base_where_nothing_is_listed() -> None:
    assert [candidate.architecture for candidate in build("listed", FAST, BRNET).candidates()] == [BRNET]
