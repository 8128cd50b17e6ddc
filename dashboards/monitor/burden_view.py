"""What the page of burden needs to know: how much alarms ask of people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class AnswersView(Protocol):
    """How long alarms of a priority waited for somebody."""

    @property
    def n(self) -> int: ...
    @property
    def median_s(self) -> float: ...
    @property
    def p90_s(self) -> float: ...


class BurdenView(Protocol):
    """What a span of history comes to; `alerts.burden.Burden` is one."""

    @property
    def person_days(self) -> float: ...
    @property
    def alarms(self) -> int: ...
    @property
    def audible(self) -> int: ...
    @property
    def per_day_by_priority(self) -> Mapping[str, float]: ...
    @property
    def per_day_by_code(self) -> Mapping[str, float]: ...
    @property
    def judged(self) -> int: ...
    @property
    def useful_share(self) -> float: ...
    @property
    def useful_by_code(self) -> Mapping[str, float]: ...
    @property
    def answers(self) -> Mapping[str, AnswersView]: ...
    @property
    def noisiest(self) -> Sequence[tuple[str, float]]: ...


def burden_json(burden: BurdenView) -> dict[str, Any]:
    """Give it as the page reads it: null for what is not known."""
    return {
        "person_days": _known(burden.person_days),
        "alarms": burden.alarms,
        "audible": burden.audible,
        "per_day_by_priority": _all_known(burden.per_day_by_priority),
        "per_day_by_code": _all_known(burden.per_day_by_code),
        "judged": burden.judged,
        "useful_share": _known(burden.useful_share),
        "useful_by_code": _all_known(burden.useful_by_code),
        "answers": {
            name: {"n": each.n, "median_s": _known(each.median_s), "p90_s": _known(each.p90_s)}
            for name, each in burden.answers.items()
        },
        "noisiest": [[code, share] for code, share in burden.noisiest],
    }


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _all_known(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: _known(value) for name, value in values.items()}
