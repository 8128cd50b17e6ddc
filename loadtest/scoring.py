"""Score findings, alarms and features against the truth: found, missed, false, how late, how wrong.

docs/truth.md explains the figures.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alerts.policy import Policy
from alerts.rule import Rule
from device_bridges.simulator.truth import VALUE, Truth
from device_bridges.simulator.truth_codes import CODES
from loadtest.matching import Claim, Emitted, Matched, claims_of, match
from loadtest.value_errors import (
    ValueScore,
    percentile,
    score_values,
    spread,
    values_without_feature,
)
from processors.records import NS_PER_S, Finding, FindingSpec
from processors.registry import discover
from streams.stores import SeriesRows

__all__ = ["CodeScore", "Emitted", "RaisedAlarm", "Scores", "detected_codes", "score"]

ALARM_MARGIN_S = 3.0  # s, default: what lasts hardly longer than the delay may not alarm


@dataclass(frozen=True, slots=True)
class RaisedAlarm:
    """An alarm that was raised: where its finding says it began, and when it came out.

    Attributes
    ----------
    onset_s, emitted_s
        Seconds since the start, by the device's clock and by the true one.
    """

    participant: str
    code: str
    onset_s: float
    emitted_s: float
    by_device: bool = False


@dataclass(slots=True)
class CodeScore:
    """How one code did.

    Attributes
    ----------
    required, found
        Rows that had to be found, and were.
    again
        Further findings of a row that was found already.
    allowed
        Findings on rows that need not be found: they count neither way.
    false
        Findings where nothing was true.
    delays_s
        Emission minus the moment at which the definition was met.
    onset_errors_s
        Claimed onset minus true onset.
    errors
        By name of a value: found minus true.
    """

    required: int = 0
    found: int = 0
    again: int = 0
    allowed: int = 0
    false: int = 0
    delays_s: list[float] = field(default_factory=list)
    onset_errors_s: list[float] = field(default_factory=list)
    errors: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    missed_rows: list[Truth] = field(default_factory=list)
    false_rows: list[Emitted] = field(default_factory=list)

    def plain(self, hours: float) -> dict[str, Any]:
        """Give counts and rates as plain numbers; NaN where nothing is counted."""
        return {
            "required": self.required,
            "found": self.found,
            "missed": self.required - self.found,
            "allowed": self.allowed,
            "false": self.false,
            "again": self.again,
            "sensitivity": _share(self.found, self.required),
            "positive_predictive_value": _share(self.found, self.found + self.false),
            "false_per_participant_hour": _share(self.false, hours),
            "delay_median_s": percentile(self.delays_s, 50),
            "delay_p95_s": percentile(self.delays_s, 95),
            "onset_error_median_s": percentile([abs(e) for e in self.onset_errors_s], 50),
            "onset_error_p95_s": percentile([abs(e) for e in self.onset_errors_s], 95),
            "value_errors": spread(self.errors),
        }

    def take(self, matched: Matched) -> None:
        """Add the claims of one participant."""
        self.required += len(matched.pairs) + len(matched.missed)
        self.found += len(matched.pairs)
        self.again += len(matched.again)
        self.allowed += len(matched.allowed)
        self.false += len(matched.false)
        self.missed_rows += matched.missed
        self.false_rows += [claim.first for claim in matched.false]
        for claim, row in matched.pairs:
            self._measure(claim, row)

    def _measure(self, claim: Claim, row: Truth) -> None:
        if row.timed:
            ahead_s = 0.0 if claim.first.by_device else row.ahead_s
            self.delays_s.append(claim.first.emitted_s + ahead_s - row.met_s)
        self.onset_errors_s.append(claim.onset_s - row.onset_s)
        for name, true in row.values.items():
            if math.isfinite(claim.evidence.get(name, math.nan)) and name != "signal":
                self.errors[name].append(claim.evidence[name] - true)


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores by code.

    Attributes
    ----------
    codes, alarms
        Of codes that an installed processor reports.
    values
        By row of truth, ``value:heart_rate``.
    no_detector
        Codes that had to be found and that no installed processor reports.
    no_feature
        Values that are true of somebody and that no feature gives.
    not_judged
        Findings of codes whose truth is not known, by code.
    hours
        Participant hours; NaN where not known.
    """

    codes: Mapping[str, CodeScore]
    alarms: Mapping[str, CodeScore]
    values: Mapping[str, ValueScore]
    no_detector: tuple[str, ...]
    no_feature: tuple[str, ...]
    not_judged: Mapping[str, int]
    hours: float

    @property
    def sensitivity(self) -> float:
        """Share of all required rows that were found, of codes that have a detector."""
        each = self.codes.values()
        return _share(sum(s.found for s in each), sum(s.required for s in each))

    @property
    def positive_predictive_value(self) -> float:
        """Share of findings that were of required rows, of those that are of one or of nothing."""
        found = sum(s.found for s in self.codes.values())
        return _share(found, found + sum(s.false for s in self.codes.values()))

    def plain(self) -> dict[str, Any]:
        """Give everything as plain numbers, for files."""
        return {
            "sensitivity": self.sensitivity,
            "positive_predictive_value": self.positive_predictive_value,
            "participant_hours": self.hours,
            "codes": {code: s.plain(self.hours) for code, s in sorted(self.codes.items())},
            "alarms": {code: s.plain(self.hours) for code, s in sorted(self.alarms.items())},
            "values": {name: s.plain() for name, s in sorted(self.values.items())},
            "no_detector": list(self.no_detector),
            "no_feature": list(self.no_feature),
            "not_judged": dict(sorted(self.not_judged.items())),
        }


def score(
    truth: Sequence[Truth],
    emitted: Iterable[Emitted],
    base_ns: int = 0,
    *,
    hours: float = math.nan,
    until_s: float = math.inf,
    features: Sequence[SeriesRows] = (),
    alarms: Iterable[RaisedAlarm] = (),
    policy: Policy | None = None,
) -> Scores:
    """Match findings with the truth, by participant and code, one to one.

    A finding belongs to a row of truth when both, the row widened by `loadtest.matching.WINDOWS`,
    have a moment in common. Of what belongs to none, it is false; what belongs to a row that is not
    required counts neither way.

    Parameters
    ----------
    base_ns
        Time of the start on the time base of the findings and features.
    hours
        Participant hours, for the rate of false findings.
    until_s
        End of the run: what begins later is left out.
    policy
        Given, alarms are scored as well; they are due after the delay of their rule.
    """
    rows = _by_key(truth)
    known = detected_codes() & CODES.keys()
    scores: dict[str, CodeScore] = defaultdict(CodeScore)
    claims = claims_of(emitted, base_ns, until_s)
    for key in sorted(rows.keys() | claims.keys()):
        if key[1] in known:
            scores[key[1]].take(match(claims.get(key, []), rows.get(key, [])))
    not_judged = Counter({key[1]: 0 for key in claims if key[1] not in CODES})
    for key, some in claims.items():
        if key[1] in not_judged:
            not_judged[key[1]] += len(some)
    undetected = {row.code for some in rows.values() for row in some if row.required} - known
    return Scores(
        codes={code: each for code, each in scores.items() if _has_something(each)},
        alarms={} if policy is None else _score_alarms(rows, alarms, policy, known, until_s),
        values=score_values(truth, features, base_ns),
        no_detector=tuple(sorted(undetected)),
        no_feature=values_without_feature(truth, {rows.name for rows in features}),
        not_judged=not_judged,
        hours=hours,
    )


def detected_codes() -> frozenset[str]:
    """Name every code that an installed processor reports."""
    return frozenset(
        spec.code
        for make in discover()
        for spec in make().produces
        if isinstance(spec, FindingSpec)
    )


def _by_key(truth: Iterable[Truth]) -> dict[tuple[str, str], list[Truth]]:
    rows: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for row in truth:
        if not row.code.startswith(VALUE):
            rows[row.participant, row.code].append(row)
    return rows


def _has_something(each: CodeScore) -> bool:
    return bool(each.required or each.allowed or each.false or each.again)


def _score_alarms(
    rows: Mapping[tuple[str, str], list[Truth]],
    alarms: Iterable[RaisedAlarm],
    policy: Policy,
    known: frozenset[str] | set[str],
    until_s: float,
) -> dict[str, CodeScore]:
    """Match the alarms that were raised with the rows for which one is due.

    Only the first row of a participant and code is required: after it the alarm may be latched, or
    refractory, and a further finding belongs to it.
    """
    claims: dict[tuple[str, str], list[Claim]] = defaultdict(list)
    for alarm in alarms:
        if 0.0 <= alarm.onset_s < until_s:
            claims[alarm.participant, alarm.code].append(_as_claim(alarm))
    scores: dict[str, CodeScore] = defaultdict(CodeScore)
    for key in sorted(rows.keys() | claims.keys()):
        rule = policy.rules.get(key[1])
        if key[1] in known and rule is not None and rule.enabled and not rule.log_only:
            due = [
                _due(row, rule, is_first=k == 0, until_s=until_s)
                for k, row in enumerate(sorted(rows.get(key, []), key=lambda row: row.onset_s))
            ]
            scores[key[1]].take(match(claims.get(key, []), due))
    return {code: each for code, each in scores.items() if _has_something(each)}


def _as_claim(alarm: RaisedAlarm) -> Claim:
    at_ns = round(alarm.onset_s * NS_PER_S)
    finding = Finding("", 0, alarm.participant, alarm.code, "point", at_ns, at_ns, at_ns, math.nan)
    first = Emitted(finding, alarm.emitted_s, alarm.by_device)
    return Claim(first, alarm.onset_s, alarm.onset_s, {})


def _due(row: Truth, rule: Rule, *, is_first: bool, until_s: float) -> Truth:
    """Give a row as its alarm sees it: met after the delay, required if it lasts so long."""
    from_s = row.onset_s if rule.delay_from_onset else row.met_s
    met_s = max(from_s + rule.delay_ns / NS_PER_S, row.met_s)
    lasts = row.offset_s is None or row.offset_s >= met_s + ALARM_MARGIN_S
    settled = met_s + CODES[row.code].settle_s <= until_s
    return Truth(
        row.participant, row.code, row.onset_s, row.offset_s, met_s,
        row.required and is_first and lasts and settled, {}, row.cause, row.ahead_s, row.timed,
    )  # fmt: skip


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan
