"""Networks that searches of this project's own found best (docs/findings.md), for later ones to begin with."""

from models.architecture import Architecture, Group

EQUAL_LAYERS = tuple(
    Architecture(groups=(Group(width, layers), Group(width, layers)), skip="layer")
    for width, layers in ((212, 4), (512, 3))
)
"""Eight and six layers of one width with a skip around each and no norm, trained by Muon, for smaller and for larger
tables; in two groups, as one holds four."""
