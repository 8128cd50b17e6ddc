"""A store of two servers: one for series, one for what was found, decided and done."""

from __future__ import annotations

from collections.abc import Iterable

from alerts.alarm import Alarm, AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.burden import AlarmCount, AnswerCount
from processors.records import Finding
from registry.participants import Participant
from streams.stores import (
    Acknowledgement,
    Record,
    RecordStore,
    Series,
    SeriesRows,
    SeriesStore,
    StoredStrip,
    Watched,
    n_rows,
)


class JoinedStore:
    """A `Store` made of a `SeriesStore` and a `RecordStore`, each asked for what it has.

    Findings are read where the alarms are; the series store has them to draw them beside values.
    """

    def __init__(self, series: SeriesStore, records: RecordStore) -> None:
        self._series = series
        self._records = records

    def write(self, records: Iterable[Record], *, durable: bool = False) -> int:
        """Write to both; when the second raises, the first has it, and is overwritten next time."""
        given = list(records)
        self._records.write((r for r in given if not isinstance(r, SeriesRows)), durable=durable)
        self._series.write(r for r in given if isinstance(r, SeriesRows | Finding))
        return sum(map(n_rows, given))

    def series(self, kind: str, name: str, participant: str, from_ns: int, until_ns: int) -> Series:
        return self._series.series(kind, name, participant, from_ns, until_ns)

    def names(self, kind: str) -> list[str]:
        return self._series.names(kind)

    def watched_s(self, from_ns: int, until_ns: int) -> float:
        return self._series.watched_s(from_ns, until_ns)

    def watched(self, people: Iterable[str], from_ns: int, until_ns: int) -> dict[str, Watched]:
        return self._series.watched(people, from_ns, until_ns)

    def findings(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Finding]:
        return self._records.findings(participant, since_ns=since_ns, limit=limit)

    def finding_history(self, finding_id: str) -> list[Finding]:
        return self._records.finding_history(finding_id)

    def open_alarms(self) -> list[Alarm]:
        return self._records.open_alarms()

    def alarms(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Alarm]:
        return self._records.alarms(participant, since_ns=since_ns, limit=limit)

    def alarm_history(self, alarm_id: str) -> list[AlarmChange]:
        return self._records.alarm_history(alarm_id)

    def acknowledgements(self, participant: str) -> list[Acknowledgement]:
        return self._records.acknowledgements(participant)

    def alarm_counts(
        self, from_ns: int, until_ns: int, participant: str | None = None
    ) -> list[AlarmCount]:
        return self._records.alarm_counts(from_ns, until_ns, participant)

    def answer_counts(self, from_ns: int, until_ns: int) -> list[AnswerCount]:
        return self._records.answer_counts(from_ns, until_ns)

    def alarm_states(self) -> list[AlarmState]:
        return self._records.alarm_states()

    def audit(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Audit]:
        return self._records.audit(participant, since_ns=since_ns, limit=limit)

    def strips(self, finding_ids: Iterable[str]) -> dict[str, StoredStrip]:
        return self._records.strips(finding_ids)

    def participants(self) -> list[Participant]:
        return self._records.participants()

    def forget(self, values_before_ns: int, records_before_ns: int) -> int:
        return self._series.forget(values_before_ns) + self._records.forget(records_before_ns)

    def close(self) -> None:
        """Close both."""
        self._series.close()
        self._records.close()
