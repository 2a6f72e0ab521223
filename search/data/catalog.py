"""What can be asked for: the data sets, their properties, units, and what was measured for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType

CSV = "csv"


@dataclass(frozen=True)
class Property:
    """One target of a data set.

    `plausible` is the range, in `unit`, inside which a value is never taken for an outlier, however rare it is in
    its table. `field` is its name in the database's own records, `crabnet_files` where the package crabnet keeps it.
    `floor` is the least value that nature allows. `split_files` are train, validation and test of a public split.
    `classes` are the names of two classes that are read off the property `of`: the second where its value is `limit`
    or less, the first above it.
    """

    unit: str
    plausible: tuple[float, float] | None = None
    field: str | None = None
    crabnet_files: tuple[str, ...] = ()
    split_files: tuple[str, ...] = ()
    floor: float | None = None
    of: str | None = None
    limit: float = 0.0
    classes: tuple[str, str] | None = None


# The plausible ranges hold what is known of real crystals with room to spare: formation energies reach -4.6 eV/atom
# (rare-earth fluorides); gaps about 22 eV (solid helium's neighbours); diamond's shear modulus is 535 GPa; caesium
# takes 117 A^3 an atom. Elastic moduli of unstable structures come out negative: such values are below the floor.
_ENERGY = (-6.0, 6.0)
_GAP = (0.0, 20.0)
_MODULUS = (0.0, 600.0)
_VOLUME = (2.0, 130.0)

_BENCHMARKS = "crabnet/data/benchmark_data"
_PARTS = ("train.csv", "val.csv", "test.csv")


_METAL = ("non-metal", "metal")


def _benchmark(folder: str) -> tuple[str, ...]:
    return tuple(f"{_BENCHMARKS}/{folder}/{part}" for part in _PARTS)


DATASETS: Mapping[str, Mapping[str, Property]] = MappingProxyType(
    {
        "jarvis": MappingProxyType(
            {
                "formation_energy": Property("eV/atom", _ENERGY, "formation_energy_peratom"),
                "band_gap_optb88vdw": Property("eV", _GAP, "optb88vdw_bandgap", floor=0.0),
                "band_gap_mbj": Property("eV", _GAP, "mbj_bandgap", floor=0.0),
                "bulk_modulus": Property("GPa", _MODULUS, "bulk_modulus_kv", floor=0.0),
                "shear_modulus": Property("GPa", _MODULUS, "shear_modulus_gv", floor=0.0),
                "is_metal": Property("", of="band_gap_optb88vdw", classes=_METAL),
            }
        ),
        "mp": MappingProxyType(
            {
                "formation_energy": Property("eV/atom", _ENERGY, "formation_energy_per_atom"),
                "band_gap": Property(
                    "eV", _GAP, "band_gap", crabnet_files=("crabnet/data/matbench/mp_gap.csv",), floor=0.0
                ),
                "volume": Property("Å³", field="volume", floor=0.0),
                "density": Property("g/cm³", field="density", floor=0.0),
                "is_metal": Property("", of="band_gap", classes=_METAL),
            }
        ),
        "oqmd": MappingProxyType(
            {
                "formation_energy": Property(
                    "eV/atom", _ENERGY, "delta_e", crabnet_files=_benchmark("OQMD_Formation_Enthalpy")
                ),
                "band_gap": Property("eV", _GAP, "band_gap", crabnet_files=_benchmark("OQMD_Bandgap"), floor=0.0),
                "volume_per_atom": Property(
                    "Å³/atom", _VOLUME, crabnet_files=_benchmark("OQMD_Volume_per_atom"), floor=0.0
                ),
                "volume": Property("Å³", field="volume", floor=0.0),
                "stability": Property("eV/atom", field="stability"),
                "is_metal": Property("", of="band_gap", classes=_METAL),
            }
        ),
        # The benchmarks of Wang et al. (npj Comput Mater 2021) by their own names and in their own split, so that a
        # test error can stand beside those published for it.
        "crabnet": MappingProxyType(
            {
                "CritExam__Ef": Property("eV/atom", _ENERGY, split_files=_benchmark("CritExam__Ef")),
                "OQMD_Formation_Enthalpy": Property(
                    "eV/atom", _ENERGY, split_files=_benchmark("OQMD_Formation_Enthalpy")
                ),
                "OQMD_Bandgap": Property("eV", _GAP, split_files=_benchmark("OQMD_Bandgap"), floor=0.0),
                "OQMD_Volume_per_atom": Property(
                    "Å³/atom", _VOLUME, split_files=_benchmark("OQMD_Volume_per_atom"), floor=0.0
                ),
            }
        ),
    }
)


def fields_of(dataset: str) -> dict[str, str]:
    """Property -> its field in the database's own records, for those that are had from there."""
    return {name: measured.field for name, measured in DATASETS[dataset].items() if measured.field is not None}


def nearest(name: str, valid: Iterable[str], most: int = 100, what: str = "valid are") -> str:
    """The end of an error's sentence: the nearest valid names, then all of them, or the first `most`."""
    choices = list(valid)
    lower = {choice.casefold(): choice for choice in choices}
    close = [lower[match] for match in get_close_matches(name.casefold(), lower, n=2, cutoff=0.5)]
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}{what[0].upper() if hint else what[0]}{what[1:]} {', '.join(choices[:most])}" + (
        ", ..." if len(choices) > most else ""
    )
