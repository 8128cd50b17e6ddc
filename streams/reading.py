"""What pages read of a store: a participant's past, the burden, the screening of a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from alerts.alarm import Text
from alerts.burden import Burden
from alerts.policy import Policy
from alerts.reason import reason
from alerts.screening import load_criteria
from dashboards.monitor.history import MAX_ALARMS, MAX_FINDINGS, ParticipantHistory
from processors.records import Finding
from streams.stores import Store
from streams.stores.burden import read_burden
from streams.stores.retention import DAY_NS
from streams.stores.screening import newest_day, read_screening, screening_json
from streams.stores.strips import shown_strip


class StoreReader:
    """The readers of `dashboards.monitor.app.create_app`; all run in its worker threads.

    Parameters
    ----------
    now_ns
        Now, in the time of the samples.
    """

    def __init__(self, store: Store, policy: Policy, now_ns: Callable[[], int]) -> None:
        self._store = store
        self._policy = policy
        self._now_ns = now_ns

    def history(self, participant: str) -> ParticipantHistory:
        """Read findings with their strips, and past alarms."""
        findings = self._store.findings(participant, limit=MAX_FINDINGS)
        strips = self._store.strips(finding.id for finding in findings)
        alarms = self._store.alarms(participant, limit=MAX_ALARMS)
        return ParticipantHistory(
            findings,
            alarms,
            {key: shown_strip(strip) for key, strip in strips.items()},
        )

    def burden(self, days: float) -> Burden:
        """Read the burden up to now."""
        now_ns = self._now_ns()
        return read_burden(self._store, now_ns - round(days * DAY_NS), now_ns)

    def screening(self, day: date | None) -> dict[str, Any]:
        """Read who is referred after a day; None: the newest."""
        zone, criteria = self._policy.routes.clock.zone, load_criteria()
        day = day or newest_day(self._store, zone, self._now_ns())
        screened = read_screening(self._store, day, zone, criteria)
        return screening_json(day, screened, criteria)


def describe(policy: Policy, finding: Finding) -> Text:
    """Say what was found, beside its title; nothing where the title says all."""
    rule = policy.rules.get(finding.code)
    if rule is None:
        return Text("", "")
    said = reason(rule, finding.value, finding.evidence)
    return Text(
        said.en.removeprefix(rule.title.en).removeprefix(": "),
        said.ko.removeprefix(rule.title.ko).removeprefix(": "),
    )
