"""InfluxDB 2, built once by ``tests/install_servers.sh``; it can be killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from influxdb_client import InfluxDBClient

from tests.needs import missing
from tests.servers.process import cache, free_port, running

ORG, TOKEN, BUCKET = "vitals", "token-of-the-tests", "vitals"


@dataclass(frozen=True, slots=True)
class Influx:
    """Where an InfluxDB is, and what lets a client in."""

    url: str
    org: str
    token: str

    def make_bucket(self, name: str) -> None:
        """Make a bucket that keeps everything, if it is not there."""
        with InfluxDBClient(self.url, self.token, org=self.org) as client:
            buckets = client.buckets_api()
            if buckets.find_bucket_by_name(name) is None:
                buckets.create_bucket(bucket_name=name)


@dataclass
class Server:
    """One InfluxDB on a port and a folder of its own."""

    folder: Path
    port: int
    _run: contextlib.ExitStack

    @property
    def influx(self) -> Influx:
        return Influx(f"http://127.0.0.1:{self.port}", ORG, TOKEN)

    def start(self) -> None:
        program = cache() / "influxdb" / "influxd"
        if not program.is_file():
            missing(f"no InfluxDB in {program.parent}; tests/install_servers.sh builds it")
        command = [
            str(program), "--http-bind-address", f"127.0.0.1:{self.port}",
            "--bolt-path", str(self.folder / "influxd.bolt"),
            "--sqlite-path", str(self.folder / "influxd.sqlite"),
            "--engine-path", str(self.folder / "engine"), "--store", "disk",
            "--reporting-disabled", "--log-level", "error",
        ]  # fmt: skip
        # A file that is not there: else the settings of whoever runs the tests would count.
        environment = {**os.environ, "INFLUXD_CONFIG_PATH": str(self.folder / "none.toml")}
        log = self.folder / "influxd.log"
        self.process = self._run.enter_context(
            running(command, log, self._is_ready, environment=environment)
        )

    def kill(self) -> None:
        """End it as a power cut would."""
        self.process.kill()
        self._run.close()

    def stop(self) -> None:
        self._run.close()

    def set_up(self) -> None:
        """Make the organisation, its bucket and the token of the tests."""
        body = {
            "username": "tests", "password": "of-the-tests", "org": ORG, "bucket": BUCKET,
            "token": TOKEN,
        }  # fmt: skip
        self._ask("/api/v2/setup", json.dumps(body).encode())

    def _is_ready(self) -> bool:
        try:
            self._ask("/health")
        except OSError:
            return False
        return True

    def _ask(self, path: str, body: bytes | None = None) -> None:
        url = f"http://127.0.0.1:{self.port}{path}"
        urllib.request.urlopen(urllib.request.Request(url, body), timeout=10).close()


@contextlib.contextmanager
def influx_server(folder: Path) -> Iterator[Server]:
    """Run an InfluxDB whose data are in a folder."""
    one = Server(folder, free_port(), contextlib.ExitStack())
    try:
        one.start()
        one.set_up()
        yield one
    finally:
        one.stop()


@contextlib.contextmanager
def influxdb(folder: Path) -> Iterator[Influx]:
    """Give an InfluxDB: the one that is named, else one started here.

    ``VITALS_TEST_INFLUXDB=http://ORG:TOKEN@host:port`` names one; buckets are made in it.
    """
    named = os.environ.get("VITALS_TEST_INFLUXDB")
    if named:
        parts = urlsplit(named)
        url = f"{parts.scheme}://{parts.hostname}:{parts.port or 8086}"
        yield Influx(url, unquote(parts.username or ""), unquote(parts.password or ""))
        return
    with influx_server(folder) as one:
        yield one.influx
