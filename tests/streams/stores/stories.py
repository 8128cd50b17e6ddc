"""Records that the tests of stores share, made by the real alarm core."""

from __future__ import annotations

import numpy as np

from alerts.alarm import AlarmChange
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.records import NS_PER_S, Finding, finding_id
from streams.stores import SCALARS, SeriesRows, StoredStrip

T0_NS = 1_700_000_000 * NS_PER_S
COLUMNS = ("sdnn_ms", "rmssd_ms")


def at(seconds: float) -> int:
    return T0_NS + round(seconds * NS_PER_S)


def told(code, state, onset_s, t_s, *, who="p1", revision=0, value=4.0, **evidence) -> Finding:
    onset_ns = at(onset_s)
    return Finding(finding_id(who, code, onset_ns), revision, who, code, state, onset_ns,
                   at(t_s if state == "offset" else onset_s), at(t_s), value, evidence)  # fmt: skip


def feature_rows(seconds, *, kind="features", name="hrv", people=("p1", "p2"), columns=COLUMNS):
    """One row of every participant for each second; values tell where they are from."""
    pairs = [(second, k) for second in seconds for k in range(len(people))]
    values = [[second + 0.01 * k + 0.001 * c for c in range(len(columns))] for second, k in pairs]
    return SeriesRows(
        kind, name, columns, [people[k] for _, k in pairs],
        np.array([at(second) for second, _ in pairs], np.int64),
        np.array(values, np.float64).reshape(len(pairs), len(columns)),
    )  # fmt: skip


def scalar_rows(seconds, **more):
    return feature_rows(seconds, kind=SCALARS, name="spo2", columns=("spo2",), **more)


def strip(finding: Finding) -> StoredStrip:
    samples = np.array([0, 5, -32768, 32767], np.int16)
    return StoredStrip(
        "p1", finding.id, finding.at_ns, finding.at_ns - 5, 250.0, 0.005, 0.1, samples
    )


FINDINGS = (
    told("asystole", "onset", 10, 14, rate=0.0),
    told("asystole", "onset", 10, 15, revision=1, value=5.0),
    told("asystole", "offset", 10, 20),
    told("pause", "point", 30, 33, value=float("nan"), rr_s=3.2, unknown=float("nan")),
    told("tachycardia", "onset", 40, 100, who="p2", value=131.0),
)


def alarm_changes() -> list[AlarmChange]:
    """Give all that the findings lead to, with one acknowledgement."""
    core = AlarmCore(load_policy())
    changes = [change for finding in FINDINGS for change in core.apply(finding)]
    asystole = next(a for a in core.alarms() if a.code == "asystole")
    return changes + core.acknowledge(asystole.id, "kim", at(50))
