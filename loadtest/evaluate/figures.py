"""Rows of figures, tables of rows, and what is demanded of a figure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Row = dict[str, float]
Confusion = NDArray[np.int64]  # [2, 2]: true (row: no, yes) by said (column: no, yes)


@dataclass(frozen=True, slots=True)
class Table:
    """Figures by row (a record, ``gross``) under one title.

    Attributes
    ----------
    key
        Name of the table in files.
    title
        What the figures are of.
    says
        How they are counted, in a sentence.
    columns
        Names of the figures that are shown, and how; all of them go into files.
    """

    key: str
    title: str
    rows: Mapping[str, Row]
    columns: Mapping[str, str]
    says: str = ""


@dataclass(frozen=True, slots=True)
class Check:
    """A figure beside the goal for it and the best that is published or was measured elsewhere.

    Attributes
    ----------
    figure, title
        Its name in files and on pages.
    limit
        Goal of the development records; NaN: none.
    at_most
        The goal is an upper limit.
    baseline
        What others reach on the same records, with who.
    """

    figure: str
    title: str
    value: float
    unit: str
    limit: float = math.nan
    at_most: bool = False
    baseline: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """None: there is no goal, or nothing to measure."""
        if math.isnan(self.limit) or math.isnan(self.value):
            return None
        return bool(self.value <= self.limit if self.at_most else self.value >= self.limit)


def percent(part: float, whole: float) -> float:
    """Give a share in percent; NaN of nothing."""
    return 100.0 * part / whole if whole else math.nan


def rate(count: float, span: float) -> float:
    """Give a count per unit; NaN of nothing."""
    return count / span if span else math.nan


def quantile(values: Sequence[float] | NDArray[np.float64], share: float) -> float:
    """Give a quantile; NaN of nothing."""
    return float(np.quantile(values, share)) if len(values) else math.nan


def confusion(true: NDArray[np.bool_], said: NDArray[np.bool_]) -> Confusion:
    """Count by truth (row) and by what was said (column)."""
    table = np.zeros((2, 2), np.int64)
    np.add.at(table, (true.astype(np.intp), said.astype(np.intp)), 1)
    return table


def shares(table: Confusion) -> Row:
    """Give counts, sensitivity, specificity, predictive value and accuracy in percent."""
    (tn, fp), (fn, tp) = table.tolist()
    return {
        "tp": tp, "fn": fn, "fp": fp, "tn": tn,
        "se": percent(tp, tp + fn),
        "sp": percent(tn, tn + fp),
        "ppv": percent(tp, tp + fp),
        "acc": percent(tp + tn, tp + tn + fp + fn),
    }  # fmt: skip


def upper_bound(count: int, span: float) -> float:
    """Give the upper 95 % bound of a rate: of none in T it is 3.0 / T (exact Poisson).

    >>> round(upper_bound(0, 1.0), 1)
    3.0
    """
    from scipy.stats import chi2

    return float(chi2.ppf(0.95, 2 * count + 2)) / 2.0 / span if span else math.nan
