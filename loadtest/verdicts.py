"""What a load test demands, and whether it was met."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from dataclasses import dataclass

from processors.errors import VitalsError


class VerdictError(VitalsError, LookupError):
    """A scenario demands something that is not measured."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name

    def __str__(self) -> str:
        near = difflib.get_close_matches(self.name, DEMANDS, n=2, cutoff=0.4)
        hint = f"did you mean {' or '.join(near)}" if near else f"there are {', '.join(DEMANDS)}"
        return f"verdicts.{self.name}: nothing of that name is measured; {hint}"


@dataclass(frozen=True, slots=True)
class Demand:
    """One thing that can be demanded.

    Attributes
    ----------
    at_most
        The limit is an upper one; else a lower one.
    validity
        Not met, the run says nothing about the system: the generator did not keep its schedule.
    """

    says: str
    unit: str
    at_most: bool = True
    validity: bool = False


DEMANDS: Mapping[str, Demand] = {
    "generator_late_p99_ms": Demand("blocks sent after their time, p99", "ms", validity=True),
    "generator_late_max_ms": Demand("blocks sent after their time, worst", "ms", validity=True),
    "generator_core_share": Demand("processor time of the generator", "cores"),
    "processed_p99_ms": Demand("intended send to a step processed, p99", "ms"),
    "finding_p99_ms": Demand("intended send to finding, p99", "ms"),
    "stored_p99_ms": Demand("intended send to finding committed, p99", "ms"),
    "websocket_p99_ms": Demand("intended send to alarm or trace on a page, p99", "ms"),
    "lost": Demand("samples and results lost", "1"),
    "doubled": Demand("samples and results doubled", "1"),
    "sensitivity": Demand(
        "planted conditions found, where a detector is there", "1", at_most=False
    ),
    "positive_predictive_value": Demand("findings that were planted", "1", at_most=False),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A demand, its limit, what was measured, and whether that is enough."""

    name: str
    limit: float
    measured: float

    @property
    def demand(self) -> Demand:
        return DEMANDS[self.name]

    @property
    def met(self) -> bool:
        """Tell whether it is met; what could not be measured is not."""
        if math.isnan(self.measured):
            return False
        if self.demand.at_most:
            return self.measured <= self.limit
        return self.measured >= self.limit


def judge(limits: Mapping[str, float], measured: Mapping[str, float]) -> list[Verdict]:
    """Give a verdict for each limit, in the order of `DEMANDS`.

    Raises
    ------
    VerdictError
        A limit of something that is not measured.

    >>> [v.met for v in judge({"lost": 0}, {"lost": 2.0})]
    [False]
    """
    for name in limits:
        if name not in DEMANDS:
            raise VerdictError(name)
    return [
        Verdict(name, float(limits[name]), measured.get(name, math.nan))
        for name in DEMANDS
        if name in limits
    ]


def is_valid(verdicts: list[Verdict]) -> bool:
    """Tell whether the generator kept its schedule."""
    return all(verdict.met for verdict in verdicts if verdict.demand.validity)
