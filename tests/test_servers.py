"""The servers of the tests are there and do their work."""

from __future__ import annotations

import shutil
import subprocess
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from tests.needs import missing
from tests.servers.influxdb import influx_server
from tests.servers.kafka import broker


def program(name: str) -> str:
    found = shutil.which(name)
    return found if found else missing(f"no {name}; tests/install_servers.sh installs it")


@pytest.mark.bench  # two more starts of a Java program
def test_a_broker_that_starts_again_has_what_it_was_given(tmp_path):
    with broker(tmp_path) as one:
        admin = KafkaAdminClient(bootstrap_servers=one.address)
        admin.create_topics([NewTopic("kept", num_partitions=1, replication_factor=1)])
        admin.close()
        producer = KafkaProducer(bootstrap_servers=one.address)
        producer.send("kept", b"one").get(timeout=20)
        producer.close()
        one.stop()
        one.start()
        consumer = KafkaConsumer(
            "kept", bootstrap_servers=one.address, auto_offset_reset="earliest", group_id=None
        )
        assert next(consumer).value == b"one"
        consumer.close()


def test_redis_answers(redis_url):
    asked = [program("redis-cli"), "-u", redis_url, "ping"]
    assert subprocess.run(asked, check=True, capture_output=True).stdout == b"PONG\n"


def test_postgres_answers(postgres_url):
    assert urlsplit(postgres_url).hostname == "127.0.0.1"
    asked = [program("psql"), postgres_url, "-Atc", "select 6 * 7"]
    assert subprocess.run(asked, check=True, capture_output=True).stdout == b"42\n"


def ask(influx, path, body=None):
    head = {"Authorization": f"Token {influx.token}", "Accept": "application/csv"}
    if body and path.startswith("/api/v2/query"):
        head["Content-Type"] = "application/vnd.flux"
    with urlopen(Request(influx.url + path, body, head), timeout=20) as answer:  # noqa: S310
        return answer.read().decode()


def test_an_influxdb_that_was_killed_has_what_it_was_given(tmp_path):
    with influx_server(tmp_path) as one:
        place = f"?org={one.influx.org}&bucket=vitals&precision=s"
        ask(one.influx, f"/api/v2/write{place}", b"kept,who=p1 value=42 1700000000")
        one.kill()
        one.start()
        flux = b'from(bucket: "vitals") |> range(start: 0) |> keep(columns: ["_value"])'
        assert ",42" in ask(one.influx, f"/api/v2/query?org={one.influx.org}", flux)
