"""Series on InfluxDB 2: written in batches of line protocol, read with Flux.

What is written is at the server or on the disk (`Delivery`) when `InfluxStore.write` returns. Times
are kept to the millisecond. The form of a point is in `streams.stores.lines`.
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from processors.errors import ContractError
from processors.records import NS_PER_S, Finding
from streams.stores import (
    FEATURES,
    SCALARS,
    STORE_EVERY_NS,
    WATCHED,
    Record,
    Series,
    SeriesRows,
    StoreError,
    Watched,
    n_rows,
)
from streams.stores.delivery import Delivery
from streams.stores.influx_server import InfluxServer
from streams.stores.lines import (
    BLANK,
    COLUMNS,
    DAY_NS,
    FIRST_NS,
    LAST_NS,
    NS_PER_MS,
    column_line,
    finding_line,
    measurement,
    series_lines,
    tag_value,
)
from streams.stores.spill import LineBatch, Spill

BATCH_LINES: Final = 5_000  # DESIGN 6
GZIP_LEVEL: Final = 1  # lines shrink to a fifth; level 6 takes three times as long for a seventh
MOST_TOLD: Final = 10_000

_COLUMNS: Final = f"""
from(bucket: bucket) |> range(start: time(v: begin), stop: time(v: end))
|> filter(fn: (r) => r._measurement == "{COLUMNS}" and r.kind == kind)
"""
_ORDER: Final = _COLUMNS + "|> filter(fn: (r) => r.name == name) |> last()"
_NAMES: Final = _COLUMNS + '|> last() |> keep(columns: ["name", "_value"])'
_SERIES: Final = """
from(bucket: bucket) |> range(start: time(v: begin), stop: time(v: end))
|> filter(fn: (r) => r._measurement == measurement and r.participant == participant)
|> keep(columns: ["_time", "_value", "_field"])
"""
# Of one row either the first column or `blank` is there, so both together count rows.
_WATCHED: Final = f"""
from(bucket: bucket) |> range(start: time(v: begin), stop: time(v: end))
|> filter(fn: (r) => r._measurement == measurement)
|> filter(fn: (r) => r._field == column or r._field == "{BLANK}")
|> count() |> group() |> sum()
"""
_OF_ALL: Final = """
from(bucket: bucket) |> range(start: time(v: begin), stop: time(v: end))
|> filter(fn: (r) => r._measurement == measurement and r._field == column)
"""
_COUNTED: Final = _OF_ALL + '|> count() |> keep(columns: ["participant", "_value"])'
_LAST: Final = _OF_ALL + '|> last() |> keep(columns: ["participant", "_time"])'


class InfluxStore:
    """A `SeriesStore` in a bucket.

    Parameters
    ----------
    spill
        Folder for what the server does not take now, of this process alone; None: `write` raises.
    most_bytes
        What that folder may hold.
    """

    def __init__(
        self,
        server: InfluxServer,
        spill: Path | None = None,
        most_bytes: int = 10_000_000_000,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        waiting = None if spill is None else Spill(spill, most_bytes)
        self.delivery = Delivery(server.send, waiting, monotonic=monotonic)
        self._told: dict[tuple[str, str, int], tuple[str, ...]] = {}
        self._lock = threading.Lock()
        self._closed = False

    def write(self, records: Iterable[Record], *, durable: bool = False) -> int:
        """Keep rows and findings; gives the number of rows.

        Raises
        ------
        StoreError
            Neither the server nor the disk takes all of them; what was taken is overwritten when
            they are written again.
        ContractError
            Values do not fit their columns, or it is no record of a series store; nothing is kept.
        """
        given = list(records)
        rows = [one for one in given if isinstance(one, SeriesRows)]
        findings = [one for one in given if isinstance(one, Finding)]
        if len(rows) + len(findings) != len(given):
            raise ContractError("a series store takes rows and findings")
        for one in rows:
            _check(one)
        with self._lock:
            self._check_open()
            self._give("ms", self._lines(rows))
            self._give("ns", map(finding_line, findings))
        return sum(map(n_rows, given))

    def catch_up(self) -> None:
        """Send some of what waits on the disk, if an attempt is due."""
        with self._lock:
            self.delivery.catch_up(64)

    def series(self, kind: str, name: str, participant: str, from_ns: int, until_ns: int) -> Series:
        """Give the rows with ``from_ns <= t_ns < until_ns``, of whole milliseconds."""
        columns = self._order(kind, name)
        span = _span(from_ns // NS_PER_MS * NS_PER_MS, until_ns // NS_PER_MS * NS_PER_MS)
        if not columns or span["begin"] >= span["end"]:
            return Series(columns, np.zeros(0, np.int64), np.zeros((0, len(columns))))
        wanted = {"measurement": measurement(kind, name), "participant": tag_value(participant)}
        found: dict[str, tuple[list[str], list[str]]] = {}
        for row in self._query(_SERIES, **wanted, **span):
            times, values = found.setdefault(row["_field"], ([], []))
            times.append(row["_time"])
            values.append(row["_value"])
        return _table(columns, found)

    def names(self, kind: str) -> list[str]:
        """Give the names of the features or scalar signals that anybody has."""
        _check_kind(kind)
        rows = self._query(_NAMES, kind=kind, **_span(FIRST_NS, LAST_NS))
        return sorted({row["name"] for row in rows})

    def watched_s(self, from_ns: int, until_ns: int) -> float:
        """Give the person-time watched, in seconds, by whole days (UTC); the points are counted."""
        columns = self._order(FEATURES, WATCHED)
        if not columns:
            return 0.0
        span = _span(from_ns // DAY_NS * DAY_NS, -(-until_ns // DAY_NS) * DAY_NS)
        wanted = {"measurement": measurement(FEATURES, WATCHED), "column": columns[0]}
        n = sum(int(row["_value"]) for row in self._query(_WATCHED, **wanted, **span))
        return n * STORE_EVERY_NS / NS_PER_S

    def watched(self, people: Iterable[str], from_ns: int, until_ns: int) -> dict[str, Watched]:
        """Tell how long each of these was watched; the points are counted by the server."""
        columns = self._order(FEATURES, WATCHED)
        span = _span(from_ns // NS_PER_MS * NS_PER_MS, until_ns // NS_PER_MS * NS_PER_MS)
        if not columns or span["begin"] >= span["end"]:
            return {}
        wanted = {"measurement": measurement(FEATURES, WATCHED), "column": columns[0], **span}
        n = {row["participant"]: int(row["_value"]) for row in self._query(_COUNTED, **wanted)}
        last = {row["participant"]: row["_time"] for row in self._query(_LAST, **wanted)}
        tags = {who: tag_value(who) for who in people}
        return {
            who: Watched(n[tag] * STORE_EVERY_NS / NS_PER_S, int(_times_ns([last[tag]])[0]))
            for who, tag in tags.items()
            if tag in n and tag in last
        }

    def forget(self, before_ns: int) -> int:
        """Delete what is older; the server does not tell how much, so 0 is given."""
        for kind in (FEATURES, SCALARS):
            for name in self.names(kind):
                self._server.delete(
                    FIRST_NS, before_ns, f'_measurement="{measurement(kind, name)}"'
                )
        return 0

    def close(self) -> None:
        """Let go of the connections; what waits on the disk is sent after the next start."""
        self._closed = True
        self._server.close()

    def _order(self, kind: str, name: str) -> tuple[str, ...]:
        """Give the columns of a name as last written."""
        _check_kind(kind)
        span = _span(FIRST_NS, LAST_NS)
        rows = list(self._query(_ORDER, kind=kind, name=tag_value(name), **span))
        return tuple(rows[-1]["_value"].split(",")) if rows else ()

    def _query(self, flux: str, **params: object) -> Iterator[dict[str, str]]:
        self._check_open()
        return self._server.query(flux, params)

    def _check_open(self) -> None:
        if self._closed:
            raise StoreError(self._server.url, "the store is closed")

    def _lines(self, several: Sequence[SeriesRows]) -> Iterator[str]:
        for rows in several:
            if len(rows.t_ns):
                day = int(rows.t_ns.max()) // DAY_NS
                if self._told.get((rows.kind, rows.name, day)) != rows.columns:
                    if len(self._told) >= MOST_TOLD:
                        self._told.clear()
                    self._told[rows.kind, rows.name, day] = rows.columns
                    yield column_line(rows, day)
                yield from series_lines(rows)

    def _give(self, precision: str, lines: Iterator[str]) -> None:
        try:
            while batch := list(islice(lines, BATCH_LINES)):
                self.delivery.give(LineBatch(precision, _packed("\n".join(batch).encode())))
        except StoreError:
            self._told.clear()  # what was told may not have been taken
            raise


def _packed(body: bytes) -> bytes:
    return zlib.compress(body, GZIP_LEVEL, wbits=31)  # 31: with the header of gzip


def _table(columns: tuple[str, ...], found: dict[str, tuple[list[str], list[str]]]) -> Series:
    """Lay fields side by side, by time."""
    times = {name: _times_ns(told) for name, (told, _) in found.items()}
    if not times:
        return Series(columns, np.zeros(0, np.int64), np.zeros((0, len(columns))))
    t_ns = np.unique(np.concatenate(list(times.values())))
    values = np.full((len(t_ns), len(columns)), np.nan)
    for c, name in enumerate(columns):
        if name in found:
            values[np.searchsorted(t_ns, times[name]), c] = np.array(found[name][1], np.float64)
    return Series(columns, t_ns, values)


def _times_ns(told: list[str]) -> NDArray[np.int64]:
    """Read times as InfluxDB writes them, in UTC with a Z."""
    return np.array([one[:-1] for one in told], "datetime64[ns]").astype(np.int64)


def _span(from_ns: int, until_ns: int) -> dict[str, int]:
    return {
        "begin": min(max(from_ns, FIRST_NS), LAST_NS),
        "end": min(max(until_ns, FIRST_NS), LAST_NS),
    }


def _check(rows: SeriesRows) -> None:
    _check_kind(rows.kind)
    shape = (len(rows.participants), len(rows.columns))
    if rows.values.shape != shape or rows.t_ns.shape != shape[:1]:
        raise ContractError(f"{rows.name}: expected values {shape}, found {rows.values.shape}")


def _check_kind(kind: str) -> None:
    if kind not in {FEATURES, SCALARS}:
        raise ContractError(f"series: expected {FEATURES} or {SCALARS}, found {kind!r}")
