"""What the paper prints: Gupta, Liao, Choudhary, Agrawal, "BRNet" (SDM 2022), Tables 1 to 5, as data.

Errors are mean absolute errors on the test set, in the property's unit; one training each, no spread given. Parameter
counts of the branching grid are from the journal version, Sci Rep 13, 9128 (2023), Table 6.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ROWS = {"oqmd": 345_134, "mp": 89_181, "jarvis": 19_994}
SNAPSHOTS = {"oqmd": "OQMD, January 2020", "mp": "Materials Project, January 2021", "jarvis": "JARVIS, July 2020"}
DATASETS = tuple(ROWS)

TRADITIONAL, AUTOML = "Traditional ML", "AutoML"
"""The two baselines, as rows are named: the best of a grid, and the best of hyperopt-sklearn's 1000 evaluations."""


@dataclass(frozen=True)
class Trained:
    """A figure of Table 1: test error in eV/atom and training time in seconds."""

    error: float
    seconds: float


TABLE_1: Mapping[str, Mapping[str, Trained]] = {
    "oqmd": {
        "ElemNet": Trained(0.049, 70_851),
        "BNet": Trained(0.042, 97_587),
        "IRNet": Trained(0.042, 258_367),
        "BRNet": Trained(0.041, 106_658),
    },
    "mp": {
        "ElemNet": Trained(0.118, 5_428),
        "BNet": Trained(0.112, 8_367),
        "IRNet": Trained(0.117, 25_249),
        "BRNet": Trained(0.106, 15_677),
    },
    "jarvis": {
        "ElemNet": Trained(0.083, 2_036),
        "BNet": Trained(0.071, 1_913),
        "IRNet": Trained(0.094, 3_547),
        "BRNet": Trained(0.070, 4_467),
    },
}

PARAMETERS = {"ElemNet": 4_631_361, "BNet": 3_670_849, "IRNet": 5_461_473, "BRNet": 4_548_385}


@dataclass(frozen=True)
class Branched:
    """A row of Table 2: parameters, and (test error, epochs to stop) by data set."""

    location: str
    distribution: tuple[int, ...]
    parameters: int
    oqmd: tuple[float, int]
    mp: tuple[float, int]
    jarvis: tuple[float, int]

    def of(self, dataset: str) -> tuple[float, int]:
        """(test error, epochs) on a data set."""
        return {"oqmd": self.oqmd, "mp": self.mp, "jarvis": self.jarvis}[dataset]


TABLE_2 = (
    Branched("Top", (2, 2), 4_548_385, (0.041, 954), (0.106, 514), (0.070, 471)),
    Branched("Top", (3, 1), 4_548_385, (0.043, 714), (0.113, 458), (0.069, 710)),
    Branched("Top", (2, 1, 1), 3_676_961, (0.041, 960), (0.107, 501), (0.068, 478)),
    Branched("Top", (1, 1, 1, 1), 2_805_537, (0.041, 721), (0.108, 659), (0.069, 556)),
    Branched("Middle 1", (2, 1), 6_206_753, (0.041, 1057), (0.113, 824), (0.068, 1488)),
    Branched("Middle 1", (1, 1, 1), 6_993_697, (0.041, 770), (0.111, 581), (0.070, 564)),
    Branched("Middle 2", (2, 1), 5_616_673, (0.040, 1442), (0.111, 1557), (0.069, 1102)),
    Branched("Middle 2", (1, 1, 1), 5_813_537, (0.042, 682), (0.113, 493), (0.071, 320)),
    Branched("Middle 3", (2, 1), 5_469_089, (0.041, 1501), (0.108, 1007), (0.069, 854)),
    Branched("Middle 3", (1, 1, 1), 5_518_369, (0.041, 787), (0.114, 316), (0.070, 466)),
    Branched("Bottom", (1, 1), 5_432_161, (0.041, 1233), (0.112, 672), (0.067, 780)),
)

TABLE_3: Mapping[str, Mapping[str, float]] = {
    "oqmd": {TRADITIONAL: 0.166, AUTOML: 0.149, "ElemNet": 0.049, "IRNet": 0.042, "BRNet": 0.041},
    "mp": {TRADITIONAL: 0.178, AUTOML: 0.167, "ElemNet": 0.118, "IRNet": 0.117, "BRNet": 0.106},
    "jarvis": {TRADITIONAL: 0.135, AUTOML: 0.129, "ElemNet": 0.083, "IRNet": 0.094, "BRNet": 0.070},
}

COMPARED = (AUTOML, "ElemNet", "IRNet", "BNet", "BRNet")
"""The columns of Table 4."""


@dataclass(frozen=True)
class Property:
    """A row of Table 4: errors in the order of COMPARED, and the compositions it had.

    `ours` is the property under which we have it. Where `note` says that ours is another quantity, the errors are no
    match for each other and are not compared.
    """

    dataset: str
    name: str
    rows: int
    errors: tuple[float, ...]
    ours: str
    note: str = ""


TABLE_4 = (
    Property("oqmd", "volume", 345_134, (21.02, 19.56, 20.09, 17.92, 16.91), "volume_per_atom",
             "the paper's is the volume of the cell; the table at hand has the volume per atom"),
    Property("oqmd", "band gap", 345_134, (0.075, 0.143, 0.054, 0.050, 0.048), "band_gap"),
    Property("oqmd", "stability", 345_134, (0.113, 0.051, 0.047, 0.045, 0.043), "stability"),
    Property("mp", "volume", 89_181, (205.9, 248.8, 238.6, 233.8, 227.4), "volume"),
    Property("mp", "density", 89_181, (0.446, 0.373, 0.373, 0.349, 0.344), "density"),
    Property("mp", "band gap", 89_181, (0.435, 0.342, 0.316, 0.317, 0.315), "band_gap"),
    Property("jarvis", "band gap OptB88vdW", 17_924, (0.345, 0.306, 0.301, 0.267, 0.257), "band_gap_optb88vdw"),
    Property("jarvis", "bulk modulus", 8_199, (13.46, 11.40, 11.37, 11.10, 10.45), "bulk_modulus"),
    Property("jarvis", "shear modulus", 8_199, (10.75, 10.51, 10.87, 11.01, 9.88), "shear_modulus"),
    Property("jarvis", "band gap mBJ", 5_287, (0.630, 0.544, 0.551, 0.462, 0.453), "band_gap_mbj"),
)  # fmt: skip

DISCOVERERS = (AUTOML, "ElemNet", "IRNet", "BRNet")
"""The columns of Table 5."""
TRAINED_ON = "OQMD-ICSD"
TRAINED_ON_ROWS = 32_111


@dataclass(frozen=True)
class Discovery:
    """A row of Table 5: a crystal type, its compounds, errors in the order of DISCOVERERS (None: not given)."""

    structure: str
    rows: int
    errors: tuple[float | None, ...]
    family: str


TABLE_5 = (
    Discovery("B2", 2_784, (0.578, 0.568, None, 0.500), "binaries"),
    Discovery("L1_0", 3_467, (0.542, 0.577, None, 0.509), "binaries"),
    Discovery("orthorhombically distorted perovskite", 1_302, (1.728, 0.482, 0.478, 0.459), "perovskites"),
)
