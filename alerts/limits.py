"""Limits in force: those of everybody, of a group, and of one participant, in this order."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from alerts.tables import check_keys, unknown
from alerts.who import Who
from processors.errors import SettingError
from processors.signals import CONTROLS

NAMES: Final = tuple(column.name for column in CONTROLS["limits"])
UNITS: Final = {column.name: column.unit for column in CONTROLS["limits"]}
EVENT: Final = "event"

# Which limits decide about a code.
OF_CODE: Final[Mapping[str, tuple[str, ...]]] = {
    "spo2_low": ("spo2_low",),
    "spo2_very_low": ("spo2_very_low",),
    "glucose_urgent_low": ("glucose_urgent_low",),
    "glucose_low": ("glucose_low",),
    "glucose_high": ("glucose_high",),
    "glucose_very_high": ("glucose_very_high",),
    "blood_pressure_crisis": ("systolic_crisis", "diastolic_crisis"),
    "blood_pressure_low": ("systolic_low",),
    "extreme_bradycardia": ("rate_very_low",),
    "bradycardia": ("rate_low",),
    "tachycardia": ("rate_high",),
    "extreme_tachycardia": ("rate_very_high",),
}

# What must lie below what; of two limits on one side the urgent one may be the same.
_BELOW: Final = (
    ("glucose_low", "glucose_high"),
    ("systolic_low", "systolic_crisis"),
    ("diastolic_crisis", "systolic_crisis"),
    ("rate_low", "rate_high"),
)
_NOT_ABOVE: Final = (
    ("spo2_very_low", "spo2_low"),
    ("glucose_urgent_low", "glucose_low"),
    ("glucose_high", "glucose_very_high"),
    ("rate_very_low", "rate_low"),
    ("rate_high", "rate_very_high"),
)
_RANGES: Final = {"%": (50.0, 100.0), "mg/dL": (20.0, 600.0), "mm[Hg]": (30.0, 300.0),
                  "/min": (15.0, 300.0), "1": (0.0, 1.0)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Override:
    """Limits that differ for a group or a participant, and who said so."""

    values: Mapping[str, float]
    by: str = ""
    why: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """All limits of a policy.

    Attributes
    ----------
    default
        Of everybody, every one of `NAMES`.
    groups, participants
        What is different, by name of the group or place, by id of the participant.
    """

    default: Mapping[str, float]
    groups: Mapping[str, Override]
    participants: Mapping[str, Override]

    def of(self, who: Who) -> dict[str, float]:
        """Give the limits in force for somebody, by name.

        The later goes before the earlier: everybody, group, place, what the registry knows, the
        policy's own for the participant, what was changed while it runs.
        """
        person = who.person
        found = dict(self.default)
        for name in (person.group, person.place):
            if name in self.groups:
                found |= self.groups[name].values
        if person.spo2_low is not None:
            found["spo2_low"] = person.spo2_low
        if person.event:
            found[EVENT] = 1.0
        if person.id in self.participants:
            found |= self.participants[person.id].values
        return found | who.limits

    def of_alarm(self, who: Who, code: str, evidence: Mapping[str, float]) -> dict[str, float]:
        """Give the limits behind an alarm: those of its code, and the one that was passed."""
        names = OF_CODE.get(code, ())
        found = {}
        if names:
            known = self.of(who)
            found = {name: known[name] for name in names}
        if "limit" in evidence:
            found["limit"] = evidence["limit"]
        return found

    def changed(self, who: Who, changes: Mapping[str, float | None]) -> dict[str, float]:
        """Give somebody's own limits with some of them changed; None takes one back.

        Raises
        ------
        SettingError
            An unknown name, a value out of range, or limits that contradict each other.
        """
        where = f"limits of {who.person.id}"
        given = {name: value for name, value in changes.items() if value is not None}
        check_values(where, {**given, **dict.fromkeys(changes.keys() - given.keys(), math.nan)})
        own = {k: v for k, v in who.limits.items() if k not in changes} | given
        problems = contradictions(self.of(Who(who.person, own)))
        if problems:
            raise SettingError(where, problems[0])
        return own


def contradictions(limits: Mapping[str, float]) -> list[str]:
    """Say which limits cannot hold together; nothing where all can."""
    found = []
    for lower, upper in _BELOW:
        if not limits[lower] < limits[upper]:
            found.append(_said(limits, lower, "expected below", upper))
    for lower, upper in _NOT_ABOVE:
        if limits[lower] > limits[upper]:
            found.append(_said(limits, lower, "expected at most", upper))
    return found


def check_values(where: str, values: Mapping[str, Any]) -> dict[str, float]:
    """Give limits as numbers; NaN is "not set".

    Raises
    ------
    SettingError
        An unknown name, or a value that is no number or out of range.
    """
    found = {}
    for name, value in values.items():
        if name not in NAMES:
            raise unknown(where, name, NAMES)
        number = float(value) if isinstance(value, int | float) else math.inf
        low, high = _RANGES[UNITS[name]]
        if not (low <= number <= high or math.isnan(number)):
            raise SettingError(
                f"{where} {name}", f"expected {low:g} to {high:g} {UNITS[name]}, found {value!r}"
            )
        found[name] = number
    return found


def parse_limits(where: str, tree: Mapping[str, Any]) -> Limits:
    """Give the limits of ``[limits]``: ``default``, ``group.NAME``, ``participant.ID``."""
    check_keys(where, tree, ("default", "group", "participant"))
    default = check_values(f"{where} default", tree.get("default", {}))
    missing = [name for name in NAMES if name not in default]
    if missing:
        raise SettingError(f"{where} default", f"{missing[0]!r} is missing")
    return Limits(
        default,
        {k: _override(f"{where} group.{k}", row) for k, row in tree.get("group", {}).items()},
        {k: _override(f"{where} participant.{k}", row)
         for k, row in tree.get("participant", {}).items()},
    )  # fmt: skip


def _override(where: str, row: Any) -> Override:
    check_keys(where, row, (*NAMES, "by", "why", "at"))
    values = {name: value for name, value in row.items() if name in NAMES}
    notes = {name: str(row.get(name, "")) for name in ("by", "why", "at")}
    return Override(check_values(where, values), **notes)


def _said(limits: Mapping[str, float], lower: str, expected: str, upper: str) -> str:
    unit = UNITS[lower]
    return f"{lower} {limits[lower]:g} {unit}: {expected} {upper} {limits[upper]:g} {unit}"
