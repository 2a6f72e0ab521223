"""From a table of formulas to arrays: 86 elemental fractions, cleaned, split, cached."""

from search.data.composition import ELEMENTS, Featurised, featurise
from search.data.loading import load
from search.data.report import CleaningReport
from search.data.request import DataRequest
from search.data.split import Part, Split

__all__ = ["ELEMENTS", "CleaningReport", "DataRequest", "Featurised", "Part", "Split", "featurise", "load"]
