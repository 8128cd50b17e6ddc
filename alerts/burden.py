"""How much alarms ask of people: how many, how useful, how fast they were answered.

It is reckoned from counts, not from alarms: a year of 2,000 people is a million of them, and a
store keeps the counts by day while it writes.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

DAY_S: Final = 86_400.0
NOISIEST: Final = 5
ANSWER_STEP: Final = 2**0.25  # a quarter octave: what is within one step is told as its middle


@dataclass(frozen=True, slots=True)
class AlarmCount:
    """How many alarms of one code and priority there were, and what became of them.

    Attributes
    ----------
    heard
        Those that were ever to be heard.
    acknowledged
        Those that a person acknowledged.
    judged, useful
        Those of which somebody said whether they were useful; those that were, as last said.
    """

    code: str
    priority: str
    alarms: int
    heard: int
    acknowledged: int
    judged: int
    useful: int


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How many alarms of a priority were first acknowledged within one step of time.

    Attributes
    ----------
    least_s
        The step is ``least_s <= t < ANSWER_STEP * least_s`` from raised to acknowledged; of 0 it is
        the first second.
    """

    priority: str
    least_s: float
    n: int


@dataclass(frozen=True, slots=True)
class Answers:
    """How long alarms waited for the first who acknowledged; NaN where nobody ever did.

    The times are middles of steps of a quarter octave, so they are right to 9 %; below a second
    they are 0.5 s.
    """

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


def burden(
    counts: Iterable[AlarmCount], answers: Iterable[AnswerCount], watched_s: float
) -> Burden:
    """Reckon the burden of a span from the counts of it.

    Parameters
    ----------
    watched_s
        Seconds that people were watched, all of them together.

    >>> burden([AlarmCount("vt", "high", 3, 2, 1, 0, 0)], [], 86_400.0).per_day
    2.0
    """
    days = watched_s / DAY_S
    alarms = 0
    by_code, by_priority = Counter[str](), Counter[str]()
    judged, useful = Counter[str](), Counter[str]()
    for one in counts:
        alarms += one.alarms
        by_code[one.code] += one.heard
        by_priority[one.priority] += one.heard
        judged[one.code] += one.judged
        useful[one.code] += one.useful
    audible = by_code.total()
    return Burden(
        person_days=days,
        alarms=alarms,
        audible=audible,
        per_day_by_priority=_per_day(by_priority, days),
        per_day_by_code=_per_day(by_code, days),
        judged=judged.total(),
        useful_share=_share(useful.total(), judged.total()),
        useful_by_code={code: _share(useful[code], n) for code, n in sorted(judged.items()) if n},
        answers={name: _answers(steps) for name, steps in _steps(answers).items()},
        noisiest=tuple((code, n / audible) for code, n in by_code.most_common(NOISIEST) if n),
    )


def _per_day(counts: Counter[str], days: float) -> dict[str, float]:
    return {name: n / days if days else math.nan for name, n in counts.most_common() if n}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _steps(answers: Iterable[AnswerCount]) -> dict[str, Counter[float]]:
    """Give how many there are of each step, by priority and of all."""
    steps = {"all": Counter[float]()}
    for one in answers:
        steps.setdefault(one.priority, Counter())[one.least_s] += one.n
        steps["all"][one.least_s] += one.n
    return steps


def _answers(steps: Mapping[float, int]) -> Answers:
    return Answers(sum(steps.values()), _quantile(steps, 0.5), _quantile(steps, 0.9))


def _quantile(steps: Mapping[float, int], share: float) -> float:
    """Give the middle of the first step that at least this share does not exceed."""
    left = math.ceil(share * sum(steps.values()))
    for least_s, n in sorted(steps.items()):
        left -= n
        if n and left <= 0:
            return least_s * math.sqrt(ANSWER_STEP) if least_s else 0.5
    return math.nan
