"""The networks of SDM 2022 by their names."""

from __future__ import annotations

from models.architecture import ELEMNET_DROPOUT, Architecture
from models.branching import Branching

ELEMNET = Architecture(activation="relu", dropout=ELEMNET_DROPOUT)
IRNET = Architecture(activation="relu", normalisation="batch", skip="layer")
BNET = Architecture(branchings=(Branching(0, (2, 2)),))
BRNET = Architecture(branchings=(Branching(0, (2, 2)),), skip="layer")

PUBLISHED = {"ElemNet": ELEMNET, "IRNet": IRNET, "BNet": BNET, "BRNet": BRNET}
"""The four networks of SDM 2022, Table 1. Their parameters are the published counts, but for IRNet: `IRNET_NOTE`."""

IRNET_NOTE = (
    "IRNet: the paper states 5,461,473 parameters; its linear layers, projections and one batch norm a layer make "
    "5,433,697 trainable ones (5,447,585 with running statistics)"
)


def published_name(architecture: Architecture) -> str | None:
    """The name under which an architecture's hidden layers were published, where they were."""
    hidden = architecture.with_output(1, "regression")
    return next((name for name, published in PUBLISHED.items() if published == hidden), None)
