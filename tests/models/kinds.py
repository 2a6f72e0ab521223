"""Candidates of every kind that trains in a way of its own, small enough to train in a test."""

from dataclasses import replace

from models.architecture import Architecture, Group
from models.branching import Branching
from models.candidate import Candidate
from models.inputs import Inputs
from models.recipe import FAST, Recipe
from models.run import Epoch

SMALL = Architecture(groups=(Group(32, 2), Group(16, 1)), branchings=(Branching(0, (1, 1)),), skip="layer")
NESTED = replace(SMALL, groups=(Group(24, 4), Group(16, 1)), branchings=(Branching(0, (1, (1, (1, 1)))),))
QUICK = Recipe(learning_rate=1e-3, batch_size=32, epochs=4)

KINDS = {
    "branched": Candidate(SMALL, QUICK),
    "batch norm, other rate": Candidate(replace(SMALL, normalisation="batch"), replace(QUICK, learning_rate=3e-4)),
    "dropout, short batches": Candidate(replace(SMALL, dropout=(0.2, 0.1)), replace(QUICK, batch_size=20)),
    "fast": Candidate(SMALL, replace(FAST, epochs=3)),
    "averaged batch norm": Candidate(replace(SMALL, normalisation="batch"), replace(QUICK, averaging=0.9)),
    "early stopping, plateau": Candidate(
        SMALL, replace(QUICK, learning_rate=0.02, epochs=40, patience=3, schedule="plateau")
    ),
    "deeper, sgd": Candidate(
        Architecture(groups=(Group(24, 4), Group(8, 2))), replace(QUICK, optimiser="sgd", schedule="cosine", epochs=3)
    ),
    "bfloat16, huber": Candidate(
        SMALL, replace(QUICK, precision="bfloat16", schedule="cosine", loss="huber", huber_delta=0.1)
    ),
    "joined, layer norm, muon": Candidate(
        replace(NESTED, join="gate", skip="group", normalisation="layer"), replace(FAST, optimiser="muon", epochs=3)
    ),
    "side by side, schedule-free": Candidate(
        replace(NESTED, join="concatenation", skip="layer", normalisation="batch"),
        replace(QUICK, optimiser="schedule_free", weight_decay=0.01, epochs=3),
    ),
    "every input": Candidate(
        replace(SMALL, join="mean", inputs=Inputs(True, "piecewise", 4, embedding=3, descriptors=True)),
        replace(FAST, epochs=3, precision="bfloat16", train_part=0.7),
    ),
    "ranked elements": Candidate(replace(SMALL, inputs=Inputs(ranks=3)), replace(QUICK, epochs=3)),
    "periodic": Candidate(replace(SMALL, inputs=Inputs(True, "periodic", 4)), replace(QUICK, epochs=3)),
}
"""Of three epochs and more; they end at different ones."""


def curve(epochs: list[Epoch]) -> list[tuple[float, float, float]]:
    return [(epoch.train_error, epoch.validation_error, epoch.learning_rate) for epoch in epochs]
