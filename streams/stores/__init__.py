"""Where results are kept: the records a store takes, and what every store can do.

A replay overwrites and never doubles: each record has a key that the replay makes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from alerts.alarm import Alarm, AlarmChange, AlarmState
from alerts.audit import Audit
from alerts.burden import AlarmCount, AnswerCount
from processors.errors import PlaceError
from processors.records import NS_PER_S, Finding
from registry.participants import Participant

FEATURES, SCALARS = "features", "scalars"

STORE_EVERY_NS: Final = 5 * NS_PER_S  # DESIGN 6: features are stored every 5 s by default
WATCHED: Final = "heart_rate"  # the feature that somebody has rows of while they are watched


class StoreError(PlaceError, OSError):
    """A store cannot take or give what it is asked for: disk full, file gone, damaged."""


class UnfitError(StoreError):
    """A store will never take this, however often it is written."""


@dataclass(frozen=True, slots=True)
class SeriesRows:
    """Rows of one feature or scalar signal; the key of a row is participant, name and time.

    Attributes
    ----------
    kind
        `FEATURES` or `SCALARS`.
    columns
        Names of the ``c`` columns.
    participants
        ``k`` names.
    t_ns, values
        int64 ``[k]``; float64 ``[k, c]``, NaN where there is no value.
    """

    kind: str
    name: str
    columns: tuple[str, ...]
    participants: Sequence[str]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """What was stored of one name and participant, in the order of time.

    Attributes
    ----------
    columns
        As last written; a column that older rows did not have is NaN there.
    t_ns, values
        int64 ``[k]``; float64 ``[k, c]``.
    """

    columns: tuple[str, ...]
    t_ns: NDArray[np.int64]
    values: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Watched:
    """How long somebody had a heart rate, and when the last one was."""

    watched_s: float
    last_ns: int


@dataclass(frozen=True, slots=True)
class StoredStrip:
    """Waveform around a finding, in the device's numbers; the key is the id of the finding.

    Attributes
    ----------
    at_ns, t0_ns
        The moment it was cut for; the time of the first sample.
    samples
        int16 ``[n]``; mV = sample * scale + offset; -32768 where there is none.
    """

    participant: str
    finding_id: str
    at_ns: int
    t0_ns: int
    fs_hz: float
    scale: float
    offset: float
    samples: NDArray[np.int16]


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """Who acknowledged an alarm, and when."""

    alarm_id: str
    participant: str
    by: str
    t_ns: int


Record = SeriesRows | Finding | AlarmChange | AlarmState | Audit | StoredStrip | Participant

# What is committed before anybody is shown it.
VITAL: Final = (Finding, AlarmChange, AlarmState, Audit)


def n_rows(record: Record) -> int:
    """Give how many rows a record is, which is what queues and batches are measured in."""
    return len(record.participants) if isinstance(record, SeriesRows) else 1


class SeriesReads(Protocol):
    """What is asked of features and scalar signals; any thread may ask."""

    def series(self, kind: str, name: str, participant: str, from_ns: int, until_ns: int) -> Series:
        """Give the rows with ``from_ns <= t_ns < until_ns``; none for names never stored."""
        ...

    def names(self, kind: str) -> list[str]:
        """Give the names of the features or scalar signals that anybody has."""
        ...

    def watched_s(self, from_ns: int, until_ns: int) -> float:
        """Give the person-time watched, in seconds, on the whole days the span touches (UTC).

        It is told by the rows of `WATCHED`, one every `STORE_EVERY_NS`. A row written again counts
        once, unless it has been forgotten meanwhile.
        """
        ...

    def watched(self, people: Iterable[str], from_ns: int, until_ns: int) -> dict[str, Watched]:
        """Tell how long each of these was watched, ``from_ns <= t < until_ns``.

        It is told by the rows of `WATCHED` whose first column has a value; who has none is left
        out. All are counted at once, in the store.
        """
        ...


class RecordReads(Protocol):
    """What is asked of findings, alarms, persons and what they did; any thread may ask."""

    def findings(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Finding]:
        """Give the newest findings, newest first, each as last told."""
        ...

    def finding_history(self, finding_id: str) -> list[Finding]:
        """Give all that was told of one finding, in its order."""
        ...

    def open_alarms(self) -> list[Alarm]:
        """Give the alarms that have not ended, in the order of their onset."""
        ...

    def alarms(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Alarm]:
        """Give the newest alarms, by the time of their state, newest first."""
        ...

    def alarm_history(self, alarm_id: str) -> list[AlarmChange]:
        """Give every change of one alarm, in its order."""
        ...

    def acknowledgements(self, participant: str) -> list[Acknowledgement]:
        """Give who acknowledged what, in the order of time."""
        ...

    def alarm_counts(
        self, from_ns: int, until_ns: int, participant: str | None = None
    ) -> list[AlarmCount]:
        """Count the alarms with an onset in ``from_ns <= t < until_ns``.

        Of all participants together whole days are counted, those that the span touches (UTC).
        """
        ...

    def answer_counts(self, from_ns: int, until_ns: int) -> list[AnswerCount]:
        """Count how long alarms waited for somebody, over the whole days the span touches (UTC).

        An alarm belongs to the day of its onset. Only the first acknowledgement counts.
        """
        ...

    def alarm_states(self) -> list[AlarmState]:
        """Give what the alarm core goes on from, by participant."""
        ...

    def audit(
        self, participant: str | None = None, *, since_ns: int | None = None, limit: int = 100
    ) -> list[Audit]:
        """Give the newest that persons did, newest first; of a participant: that of them only."""
        ...

    def strips(self, finding_ids: Iterable[str]) -> dict[str, StoredStrip]:
        """Give the strips there are, by the id of the finding."""
        ...

    def participants(self) -> list[Participant]:
        """Give the participants by id."""
        ...


class Store(SeriesReads, RecordReads, Protocol):
    """What every back end can do; any thread may call any of it, one at a time may write."""

    def write(self, records: Iterable[Record], *, durable: bool = False) -> int:
        """Keep all of these or, when it raises, none; give the number of rows.

        A back end of several servers keeps what one of them took: the same call, made again,
        overwrites it.

        Parameters
        ----------
        durable
            What was written outlives a power cut as soon as this returns, and all before it.

        Raises
        ------
        StoreError
            The store cannot take them now; the same call may work later.
        """
        ...

    def forget(self, values_before_ns: int, records_before_ns: int) -> int:
        """Delete what is older: values (features, scalars), and findings, strips, ended alarms.

        What is counted by day, the audit and open alarms stay. In short transactions; gives the
        number of rows, those of a server that does not tell left out.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections; a closed store is not used again."""
        ...


class Part(Protocol):
    """One of the servers that together are a `Store`."""

    def write(self, records: Iterable[Record], *, durable: bool = False) -> int:
        """As `Store.write`, of the records that are its own."""
        ...

    def forget(self, before_ns: int) -> int:
        """Delete what is older; gives the number of rows where the server tells it."""
        ...

    def close(self) -> None: ...


class SeriesStore(SeriesReads, Part, Protocol):
    """Takes features and scalar signals; findings too, to be drawn beside them."""


class RecordStore(RecordReads, Part, Protocol):
    """Takes all but features and scalar signals."""
