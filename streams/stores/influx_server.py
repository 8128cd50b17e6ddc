"""InfluxDB 2 over HTTP, through influxdb-client: lines in, rows of Flux queries out."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, Final

import urllib3
from influxdb_client import Dialect, InfluxDBClient, WriteService
from influxdb_client.rest import ApiException

from streams.stores import StoreError, UnfitError
from streams.stores.delivery import AwayError
from streams.stores.spill import LineBatch

WRITE_S: Final = 10.0
READ_S: Final = 60.0
POOL: Final = 8  # connections: one that writes, and threads that read for pages
# What will be the same however often it is sent: a line of another form, a field of another type,
# a point older than the bucket keeps, a batch too large. All else may be mended meanwhile.
_REFUSALS: Final = frozenset({400, 413, 422})
_PLAIN: Final = Dialect(header=True, annotations=[], date_time_format="RFC3339Nano")


class InfluxServer:
    """A bucket on a server; it need not be there until it is asked for something.

    Parameters
    ----------
    token
        Must be allowed to read and write the bucket.
    """

    def __init__(self, url: str, org: str, bucket: str, token: str) -> None:
        self.url, self.org, self.bucket = url, org, bucket
        self._client = InfluxDBClient(
            url, token, org=org, timeout=round(1000 * READ_S), connection_pool_maxsize=POOL
        )
        self._writes = WriteService(self._client.api_client)

    def send(self, batch: LineBatch) -> None:
        """Write a batch.

        Raises
        ------
        UnfitError
            The server says that it will never take it; what of it is good, it may have taken.
        AwayError
            It takes nothing now: not there, busy, or this token and bucket are not known to it.
        """
        try:
            self._writes.post_write(
                self.org, self.bucket, batch.body, precision=batch.precision,
                content_encoding="gzip", _request_timeout=WRITE_S * 1000,
            )  # fmt: skip
        except ApiException as error:
            problem = _said(error)
            if error.status in _REFUSALS:
                raise UnfitError(self.url, problem) from error
            asked = (error.headers or {}).get("Retry-After", "")
            raise AwayError(self.url, problem, float(asked) if asked.isdigit() else 0.0) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise AwayError(self.url, _short(error)) from error

    def query(self, flux: str, params: Mapping[str, object]) -> Iterator[dict[str, str]]:
        """Give the rows of a query, each a map of the columns of its table.

        Parameters
        ----------
        params
            What the query names without writing it out; texts of participants are such.

        Raises
        ------
        StoreError
            The server is not there, or cannot answer.
        """
        with self._faults():
            api = self._client.query_api()
            told = {"bucket": self.bucket, **params}
            text = api.query_raw(flux, dialect=_PLAIN, params=told).data.decode()
        return self._rows(text)

    def delete(self, from_ns: int, until_ns: int, predicate: str) -> None:
        """Delete the points of a span."""
        with self._faults():
            self._client.delete_api().delete(
                _rfc3339(from_ns), _rfc3339(until_ns), predicate, self.bucket, self.org
            )

    def check(self) -> str:
        """Give the version of the server, once bucket and token have been tried."""
        with self._faults():
            found = self._client.buckets_api().find_bucket_by_name(self.bucket)
            if found is None:
                raise StoreError(self.url, f"there is no bucket {self.bucket} for this token")
            version: str = self._client.version()
        return version

    def close(self) -> None:
        self._client.close()

    def _rows(self, text: str) -> Iterator[dict[str, str]]:
        header: list[str] = []
        for row in csv.reader(io.StringIO(text)):
            if not row:
                header = []
            elif not header:
                header = row
            elif "error" in header:
                raise StoreError(self.url, dict(zip(header, row, strict=False))["error"])
            else:
                yield dict(zip(header, row, strict=True))

    @contextlib.contextmanager
    def _faults(self) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            raise StoreError(self.url, _said(error)) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            if isinstance(error, StoreError):
                raise
            raise StoreError(self.url, _short(error)) from error


def _said(error: ApiException) -> str:
    text = error.body or error.reason or ""
    if isinstance(text, bytes):
        text = text.decode(errors="replace")
    return f"{error.status} {text.strip()[:500]}"


def _short(error: BaseException) -> str:
    reason: Any = getattr(error, "reason", None) or error
    return f"{type(reason).__name__}: {reason}"[:300]


def _rfc3339(t_ns: int) -> str:
    from datetime import UTC, datetime

    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t_ns // 1000)).isoformat()
