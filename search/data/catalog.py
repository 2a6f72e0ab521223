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
    its table. `jarvis_field` and `crabnet_files` say where the two public packages keep the property.
    """

    unit: str
    plausible: tuple[float, float] | None = None
    jarvis_field: str | None = None
    crabnet_files: tuple[str, ...] = ()


# The plausible ranges hold what is known of real crystals with room to spare: formation energies reach -4.6 eV/atom
# (rare-earth fluorides); gaps about 22 eV (solid helium's neighbours); diamond's shear modulus is 535 GPa; caesium
# takes 117 A^3 an atom. Elastic moduli of unstable structures can be negative, so their range starts below 0.
_ENERGY = (-6.0, 6.0)
_GAP = (0.0, 20.0)
_MODULUS = (-50.0, 600.0)
_VOLUME = (2.0, 130.0)

_BENCHMARKS = "crabnet/data/benchmark_data"
_PARTS = ("train.csv", "val.csv", "test.csv")


def _benchmark(folder: str) -> tuple[str, ...]:
    return tuple(f"{_BENCHMARKS}/{folder}/{part}" for part in _PARTS)


DATASETS: Mapping[str, Mapping[str, Property]] = MappingProxyType(
    {
        "jarvis": MappingProxyType(
            {
                "formation_energy": Property("eV/atom", _ENERGY, "formation_energy_peratom"),
                "band_gap_optb88vdw": Property("eV", _GAP, "optb88vdw_bandgap"),
                "band_gap_mbj": Property("eV", _GAP, "mbj_bandgap"),
                "bulk_modulus": Property("GPa", _MODULUS, "bulk_modulus_kv"),
                "shear_modulus": Property("GPa", _MODULUS, "shear_modulus_gv"),
            }
        ),
        "mp": MappingProxyType(
            {
                "formation_energy": Property("eV/atom", _ENERGY),
                "band_gap": Property("eV", _GAP, crabnet_files=("crabnet/data/matbench/mp_gap.csv",)),
            }
        ),
        "oqmd": MappingProxyType(
            {
                "formation_energy": Property("eV/atom", _ENERGY, crabnet_files=_benchmark("OQMD_Formation_Enthalpy")),
                "band_gap": Property("eV", _GAP, crabnet_files=_benchmark("OQMD_Bandgap")),
                "volume_per_atom": Property("Å³/atom", _VOLUME, crabnet_files=_benchmark("OQMD_Volume_per_atom")),
            }
        ),
    }
)


def nearest(name: str, valid: Iterable[str], most: int = 100, what: str = "valid are") -> str:
    """The end of an error's sentence: the nearest valid names, then all of them, or the first `most`."""
    choices = list(valid)
    lower = {choice.casefold(): choice for choice in choices}
    close = [lower[match] for match in get_close_matches(name.casefold(), lower, n=2, cutoff=0.5)]
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    return f"{hint}{what[0].upper() if hint else what[0]}{what[1:]} {', '.join(choices[:most])}" + (
        ", ..." if len(choices) > most else ""
    )
