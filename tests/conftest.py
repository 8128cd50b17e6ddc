"""Servers that several tests share; each is started when the first test asks for it."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.servers.influxdb import influxdb
from tests.servers.kafka import kafka
from tests.servers.postgres import postgres
from tests.servers.redis import redis

# How long an example takes says something of the machine, and nothing of what is tested.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def kafka_address(tmp_path_factory):
    """Give ``host:port`` of a Kafka broker; tests name their topics so that they do not meet."""
    with kafka(tmp_path_factory.mktemp("kafka")) as address:
        yield address


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory):
    """Give the URL of a Redis."""
    with redis(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="session")
def postgres_url():
    """Give the URL of a PostgreSQL."""
    with postgres() as url:
        yield url


@pytest.fixture(scope="session")
def influx(tmp_path_factory):
    """Give an InfluxDB; tests write to buckets of their own."""
    with influxdb(tmp_path_factory.mktemp("influxdb")) as one:
        yield one
