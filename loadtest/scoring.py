"""Match findings with what was planted: what was found, missed, false, how late and how wrong."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from device_bridges.simulator.truth import VALUE, Truth
from processors.records import NS_PER_S, Finding, FindingSpec
from processors.registry import discover

BEFORE_S, AFTER_S = 6.0, 12.0  # s, default: how far a claimed onset may lie outside the truth

# Codes whose detectors look back over a window: their onset may lie further away.
WINDOWS: Mapping[str, tuple[float, float]] = {
    "af": (70.0, 150.0),  # s, CLINICAL 1.4: back-dated by at most 64 beats
    "bradycardia": (70.0, 20.0),  # s, CLINICAL 3.7: a minute is part of the definition
    "tachycardia": (70.0, 20.0),
    "effort_rate_high": (70.0, 20.0),
    "pvc_frequent": (70.0, 70.0),
    "pauses_frequent": (65.0, 65.0),
    "pvc_multiform": (30.0, 30.0),
    "extreme_bradycardia": (12.0, 12.0),
    "extreme_tachycardia": (12.0, 12.0),
    "heart_rate_recovery": (20.0, 20.0),
    "heart_rate_recovery_delayed": (20.0, 20.0),
    "battery_low": (60.0, 60.0),
    "fever": (130.0, 130.0),
    "hypothermia": (130.0, 130.0),
    "glucose_low": (400.0, 400.0),  # s, default: a reading each 1 to 5 min
    "glucose_urgent_low": (400.0, 400.0),
    "glucose_high": (400.0, 400.0),
    "glucose_very_high": (400.0, 400.0),
    "device_silent": (5.0, 40.0),
    "gap": (10.0, 40.0),
    "respiration_high": (60.0, 60.0),
    "respiration_low": (60.0, 60.0),
    "poor_signal": (90.0, 90.0),
}

# Feature and column that a row of true values is compared with.
FEATURE_OF: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "value:heart_rate": ("heart_rate", {"rate": "rate"}),
    "value:pulse_rate": ("pulse_rate", {"rate": "rate"}),
    "value:hrv_60": ("hrv_60", {k: k for k in ("mean_nn_ms", "sdnn_ms", "rmssd_ms")}),
    "value:hrv_300": ("hrv_300", {k: k for k in ("mean_nn_ms", "sdnn_ms", "rmssd_ms")}),
}
VALUE_LATE_S = 6.0  # s, default: a feature of a minute is taken from so long after its end


@dataclass(frozen=True, slots=True)
class Emitted:
    """A finding and when it came out, in seconds since the start."""

    finding: Finding
    emitted_s: float


@dataclass(frozen=True, slots=True)
class FeatureRow:
    """One row of a feature: values by column."""

    participant: str
    name: str
    t_s: float
    values: Mapping[str, float]


@dataclass(slots=True)
class CodeScore:
    """How one code did.

    Attributes
    ----------
    required, found
        Rows that had to be found, and were.
    allowed
        Findings on rows that need not be found.
    false
        Findings where nothing was true.
    again
        Further findings of a row that was found already.
    delays_s
        Emission minus the moment at which the definition was met.
    onset_errors_s
        Claimed onset minus true onset.
    errors
        By name of a value: found minus true.
    """

    required: int = 0
    found: int = 0
    allowed: int = 0
    false: int = 0
    again: int = 0
    delays_s: list[float] = field(default_factory=list)
    onset_errors_s: list[float] = field(default_factory=list)
    errors: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    missed_rows: list[Truth] = field(default_factory=list)
    false_rows: list[Emitted] = field(default_factory=list)

    def plain(self, hours: float) -> dict[str, Any]:
        """Give counts and rates as plain numbers; NaN where nothing is counted."""
        right = self.found + self.allowed
        return {
            "required": self.required,
            "found": self.found,
            "missed": self.required - self.found,
            "allowed": self.allowed,
            "false": self.false,
            "again": self.again,
            "sensitivity": _share(self.found, self.required),
            "positive_predictive_value": _share(right, right + self.false),
            "false_per_participant_hour": self.false / hours if hours else math.nan,
            "delay_median_s": _percentile(self.delays_s, 50),
            "delay_p95_s": _percentile(self.delays_s, 95),
            "onset_error_median_s": _percentile(np.abs(self.onset_errors_s), 50),
            "value_errors": {
                name: {
                    "n": len(errors),
                    "median_absolute": _percentile(np.abs(errors), 50),
                    "p95_absolute": _percentile(np.abs(errors), 95),
                }
                for name, errors in sorted(self.errors.items())
            },
        }


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores by code.

    Attributes
    ----------
    no_detector
        Codes that were planted and that no installed processor reports.
    hours
        Participant hours.
    """

    codes: Mapping[str, CodeScore]
    values: Mapping[str, CodeScore]
    no_detector: tuple[str, ...]
    hours: float

    @property
    def sensitivity(self) -> float:
        """Share of all required rows that were found, of codes that have a detector."""
        each = self.codes.values()
        return _share(sum(s.found for s in each), sum(s.required for s in each))

    @property
    def positive_predictive_value(self) -> float:
        """Share of findings that were true."""
        right = sum(s.found + s.allowed for s in self.codes.values())
        return _share(right, right + sum(s.false for s in self.codes.values()))

    def plain(self) -> dict[str, Any]:
        """Give everything as plain numbers, for files."""
        return {
            "sensitivity": self.sensitivity,
            "positive_predictive_value": self.positive_predictive_value,
            "participant_hours": self.hours,
            "codes": {code: s.plain(self.hours) for code, s in sorted(self.codes.items())},
            "values": {name: s.plain(self.hours) for name, s in sorted(self.values.items())},
            "no_detector": list(self.no_detector),
        }


def score(
    truth: Sequence[Truth],
    emitted: Iterable[Emitted],
    base_ns: int = 0,
    *,
    hours: float = 0.0,
    features: Iterable[FeatureRow] = (),
) -> Scores:
    """Match findings with the truth, by participant and code, one to one.

    A finding belongs to a row of truth when its onset lies within it, widened by `WINDOWS`, or it
    overlaps it. The earliest finding is a row's own, further ones count as ``again``. What belongs
    to a row that is not required counts neither way; what belongs to none is false.

    Parameters
    ----------
    base_ns
        Time of the start on the time base of the findings.
    hours
        Participant hours, for the rate of false findings.
    """
    rows: dict[tuple[str, str], list[Truth]] = defaultdict(list)
    for row in truth:
        if not row.code.startswith(VALUE):
            rows[row.participant, row.code].append(row)
    known = detected_codes()
    scores: dict[str, CodeScore] = defaultdict(CodeScore)
    claims = _claims(emitted, base_ns)
    for key in rows.keys() | claims.keys():
        if key[1] in known:
            _match(scores[key[1]], claims.get(key, []), rows.get(key, []))
    undetected = {row.code for some in rows.values() for row in some if row.required} - known
    return Scores(dict(scores), _score_values(truth, features), tuple(sorted(undetected)), hours)


def detected_codes() -> frozenset[str]:
    """Name every code that an installed processor reports."""
    return frozenset(
        spec.code
        for make in discover()
        for spec in make().produces
        if isinstance(spec, FindingSpec)
    )


@dataclass(slots=True)
class _Claim:
    """All that was said of one finding: its first emission and its last word on when."""

    first: Emitted
    onset_s: float
    offset_s: float
    evidence: dict[str, float]


def _claims(emitted: Iterable[Emitted], base_ns: int) -> dict[tuple[str, str], list[_Claim]]:
    by_id: dict[str, _Claim] = {}
    for each in emitted:
        finding = each.finding
        at_s = (finding.at_ns - base_ns) / NS_PER_S
        claim = by_id.get(finding.id)
        if claim is None:
            end_s = math.inf if finding.state == "onset" else at_s
            claim = by_id[finding.id] = _Claim(each, at_s, end_s, dict(finding.evidence))
        if finding.state == "offset":
            claim.offset_s = at_s
        else:
            claim.onset_s = at_s
        claim.evidence.update(finding.evidence)
    found: dict[tuple[str, str], list[_Claim]] = defaultdict(list)
    for claim in sorted(by_id.values(), key=lambda claim: claim.first.emitted_s):
        found[claim.first.finding.participant, claim.first.finding.code].append(claim)
    return found


def _match(each: CodeScore, claims: list[_Claim], rows: list[Truth]) -> None:
    """Give every claim a row: one not yet found before one that is, required before allowed."""
    taken: set[int] = set()
    each.required += sum(row.required for row in rows)
    for claim in claims:
        fitting = [k for k, row in enumerate(rows) if _fits(claim, row)]
        free = [k for k in fitting if k not in taken]
        if not fitting:
            each.false += 1
            each.false_rows.append(claim.first)
            continue
        if not free:
            if any(rows[k].required for k in fitting):
                each.again += 1
            else:
                each.allowed += 1
            continue
        best = min(free, key=lambda k: (not rows[k].required, abs(rows[k].onset_s - claim.onset_s)))
        taken.add(best)
        row = rows[best]
        if not row.required:
            each.allowed += 1
            continue
        each.found += 1
        each.delays_s.append(claim.first.emitted_s - row.met_s)
        each.onset_errors_s.append(claim.onset_s - row.onset_s)
        for name, true in row.values.items():
            if name in claim.evidence and math.isfinite(claim.evidence[name]):
                each.errors[name].append(claim.evidence[name] - true)
    each.missed_rows += [row for k, row in enumerate(rows) if row.required and k not in taken]


def _fits(claim: _Claim, row: Truth) -> bool:
    before_s, after_s = WINDOWS.get(row.code, (BEFORE_S, AFTER_S))
    said, true = claim.evidence.get("signal"), row.values.get("signal")
    if said is not None and true is not None and said != true:  # each signal falls silent itself
        return False
    end_s = row.onset_s if row.offset_s is None else row.offset_s
    claimed_end_s = claim.offset_s if math.isfinite(claim.offset_s) else claim.onset_s
    return claim.onset_s <= end_s + after_s and claimed_end_s >= row.onset_s - before_s


def _score_values(truth: Sequence[Truth], features: Iterable[FeatureRow]) -> dict[str, CodeScore]:
    """Compare true values with the first row of their feature after the window's end."""
    series: dict[tuple[str, str], list[FeatureRow]] = defaultdict(list)
    for feature in features:
        series[feature.participant, feature.name].append(feature)
    scores: dict[str, CodeScore] = {}
    for row in truth:
        known = FEATURE_OF.get(row.code)
        if known is None or row.offset_s is None:
            continue
        name, columns = known
        each = scores.setdefault(row.code, CodeScore())
        each.required += 1
        end_s = row.offset_s
        near = [
            f for f in series.get((row.participant, name), ())
            if end_s - 0.5 <= f.t_s <= end_s + VALUE_LATE_S
        ]  # fmt: skip
        if not near:
            continue
        found = near[0]
        if all(math.isnan(found.values.get(c, math.nan)) for c in columns.values()):
            continue
        each.found += 1
        for mine, theirs in columns.items():
            value = found.values.get(theirs, math.nan)
            if mine in row.values and math.isfinite(value):
                each.errors[mine].append(value - row.values[mine])
    return scores


def _share(part: float, whole: float) -> float:
    return part / whole if whole else math.nan


def _percentile(values: Any, percent: float) -> float:
    return float(np.percentile(values, percent)) if len(values) else math.nan
