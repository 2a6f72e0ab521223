"""The four published networks, with the head that the data ask for."""

from models.published import BRNET, PUBLISHED, published_name
from models.recipe import FAST
from spaces import build


def test_networks_of_table_1() -> None:
    space = build("published", FAST, BRNET)
    assert [candidate.architecture for candidate in space.candidates()] == list(PUBLISHED.values())


def test_their_names_survive_another_head() -> None:
    space = build("published", FAST, BRNET.with_output(1, "regression", floor=0.0))
    candidates = list(space.candidates())
    assert [published_name(candidate.architecture) for candidate in candidates] == list(PUBLISHED)
    assert {candidate.architecture.floor for candidate in candidates} == {0.0}
