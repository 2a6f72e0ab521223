"""Networks that searches of this project's own found best (docs/findings.md), for later ones to begin with."""

from models.architecture import Architecture, Group

EQUAL_LAYERS = tuple(Architecture(groups=(Group(width, 3), Group(width, 3)), skip="layer") for width in (256, 512))
"""Six layers of one width with a skip around each and no norm, trained by Muon; in two groups, as one holds four."""
