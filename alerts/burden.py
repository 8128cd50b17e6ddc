"""How much alarms ask of people: how many, how useful, how fast they were answered."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from alerts.alarm import AlarmChange

DAY_S: Final = 86_400.0
NOISIEST: Final = 5


@dataclass(slots=True)
class _Life:
    """One alarm as far as burden is concerned."""

    code: str
    priority: str
    heard: bool = False
    woken_ns: int = 0  # raised, or active again
    answers_s: list[float] = field(default_factory=list)
    useful: bool | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """How long it took until somebody acknowledged, in seconds; NaN where nobody ever did."""

    n: int
    median_s: float
    p90_s: float


@dataclass(frozen=True, slots=True)
class Burden:
    """What a span of history comes to.

    Attributes
    ----------
    person_days
        Time watched.
    alarms, audible
        How many were raised; how many of them were ever to be heard.
    per_day_by_priority, per_day_by_code
        Audible ones per person and day.
    judged, useful_share
        Alarms of which somebody said whether they were useful; the share that was, NaN of none.
    useful_by_code
        The same share by code, of codes with any judgement.
    answers
        By priority; `all` together.
    noisiest
        Codes with the most audible alarms, and their share of all, the greatest first.
    """

    person_days: float
    alarms: int
    audible: int
    per_day_by_priority: dict[str, float]
    per_day_by_code: dict[str, float]
    judged: int
    useful_share: float
    useful_by_code: dict[str, float]
    answers: dict[str, Answers]
    noisiest: tuple[tuple[str, float], ...]

    @property
    def per_day(self) -> float:
        """Audible alarms per person and day; NaN where nobody was watched."""
        return self.audible / self.person_days if self.person_days else math.nan


def burden(history: Iterable[AlarmChange], watched_s: float) -> Burden:
    """Reckon the burden of a history.

    Parameters
    ----------
    history
        Changes, those of each alarm in their order. Alarms raised before it are left out.
    watched_s
        Seconds that people were watched, all of them together.

    >>> burden([], 86_400.0).per_day
    0.0
    """
    lives = _lives(history)
    days = watched_s / DAY_S
    heard = [life for life in lives if life.heard]
    judged = [life for life in lives if life.useful is not None]
    by_code = Counter(life.code for life in heard)
    by_priority = Counter(life.priority for life in heard)
    answers: dict[str, list[float]] = {"all": []}
    for life in lives:
        answers.setdefault(life.priority, []).extend(life.answers_s)
        answers["all"] += life.answers_s
    return Burden(
        person_days=days,
        alarms=len(lives),
        audible=len(heard),
        per_day_by_priority=_per_day(by_priority, days),
        per_day_by_code=_per_day(by_code, days),
        judged=len(judged),
        useful_share=_share(judged),
        useful_by_code={
            code: _share([life for life in judged if life.code == code])
            for code in sorted({life.code for life in judged})
        },
        answers={name: _answers(times) for name, times in answers.items()},
        noisiest=tuple((code, n / len(heard)) for code, n in by_code.most_common(NOISIEST)),
    )


def _lives(history: Iterable[AlarmChange]) -> list[_Life]:
    lives: dict[str, _Life] = {}
    for change in history:
        alarm = change.alarm
        if change.kind == "raised":
            lives[alarm.id] = _Life(alarm.code, alarm.priority, woken_ns=change.t_ns)
        life = lives.get(alarm.id)
        if life is None:
            continue
        life.priority = alarm.priority
        life.heard = life.heard or alarm.sounding
        life.useful = life.useful if alarm.useful is None else alarm.useful
        if change.kind == "realarmed":
            life.woken_ns = change.t_ns
        elif change.kind == "acknowledged":
            life.answers_s.append((change.t_ns - life.woken_ns) / 1e9)
    return list(lives.values())


def _per_day(counts: Counter[str], days: float) -> dict[str, float]:
    return {name: n / days if days else math.nan for name, n in counts.most_common()}


def _share(judged: Sequence[_Life]) -> float:
    return sum(bool(life.useful) for life in judged) / len(judged) if judged else math.nan


def _answers(times_s: Sequence[float]) -> Answers:
    ordered = sorted(times_s)
    return Answers(len(ordered), _quantile(ordered, 0.5), _quantile(ordered, 0.9))


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share does not exceed."""
    if not ordered:
        return math.nan
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]
