"""Networks that searches of this project's own found best (docs/findings.md), for later ones to begin with."""

from models.architecture import Architecture, Group
from models.inputs import PLAIN_INPUTS, Inputs

EQUAL_LAYERS = tuple(
    Architecture(groups=(Group(width, layers), Group(width, layers)), skip="layer", inputs=inputs)
    for width, layers, others in ((212, 4, Inputs(descriptors=True)), (512, 3, Inputs(ranks=4)))
    for inputs in (PLAIN_INPUTS, others)
)
"""Eight and six layers of one width with a skip around each and no norm, trained by Muon, for smaller and for larger
tables, in two groups, as one holds four; each on fractions alone and with the input that was found best beside them."""
