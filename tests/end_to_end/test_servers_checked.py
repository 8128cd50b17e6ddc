"""`vitals doctor` on the stores of several machines, the real ones."""

from __future__ import annotations

import pytest

from tests.end_to_end.called import vitals
from tests.streams.stores.back_ends import empty_schema


@pytest.fixture
def named(influx, postgres_url, tmp_path, monkeypatch):
    """Name both servers in a file of settings; their secrets in the environment."""
    influx.make_bucket("doctor")
    (tmp_path / "vitals.toml").write_text(
        f'influx_url = "{influx.url}"\ninflux_org = "{influx.org}"\ninflux_bucket = "doctor"\n'
        f'postgres_url = "{empty_schema(postgres_url, "doctor")}"\nport = 0\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("VITALS__INFLUX_TOKEN", influx.token)


def test_the_doctor_makes_the_tables_once_and_finds_both_servers(named, monkeypatch):
    before = vitals("doctor")
    assert before.status == 1
    assert "vitals doctor --migrate" in before.out
    assert "were at none" in vitals("doctor", "--migrate").out
    again = vitals("doctor", "--migrate")
    assert again.status == 0
    assert "are up to date" in again.out
    after = vitals("doctor")
    assert after.status == 0
    assert "InfluxDB: v2." in after.out
    assert "PostgreSQL: postgresql+psycopg://" in after.out
    monkeypatch.setenv("VITALS__INFLUX_TOKEN", "wrong")
    wrong = vitals("doctor")
    assert wrong.status == 1
    assert "401" in wrong.out
    assert "wrong" not in wrong.out


def test_there_is_nothing_to_migrate_without_a_database(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = vitals("doctor", "--migrate")
    assert said.status == 1
    assert "postgres_url is not set" in said.out
