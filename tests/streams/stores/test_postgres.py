"""PostgreSQL, the real one: its tables through all revisions, what it never takes, who may what."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from alerts.audit import Audit
from alerts.policy import load_policy
from processors.errors import SettingError
from streams.bus import Place, Record
from streams.bus.topics import EVENTS
from streams.messages import encode_findings
from streams.monitor.past import Past
from streams.sink.records import RecordsWork
from streams.stores import StoreError, UnfitError
from streams.stores.postgres import PostgresStore, open_engine
from streams.stores.postgres.migrating import migrate, revisions
from streams.stores.postgres.tables import METADATA
from tests.streams.stores.back_ends import empty_schema, made_schema
from tests.streams.stores.stories import FINDINGS, alarm_changes, at, told

ROW = """insert into findings
values ('f1', 0, 'p1', 'pause', 'point', 0, 5, 5, 9, 3.2, '{"rr_s": 3.2}')"""


@pytest.fixture
def name(request):
    return f"own_{abs(hash(request.node.name)):x}"


@pytest.fixture
def url(postgres_url, name):
    return made_schema(postgres_url, name)


@pytest.fixture
def engine_of():
    """Give a function that opens an engine, closed at the end: else the server waits for it."""
    with contextlib.ExitStack() as all_of_them:

        def opened(url):
            engine = open_engine(url)
            all_of_them.callback(engine.dispose)
            return engine

        yield opened


def test_an_empty_database_is_brought_to_the_tables_that_the_code_knows(
    postgres_url, name, engine_of
):
    engine = engine_of(empty_schema(postgres_url, name))
    assert migrate(engine) == (None, revisions()[-1])
    assert migrate(engine) == (revisions()[-1], revisions()[-1])
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


def test_what_the_first_revision_had_is_there_after_the_upgrade(postgres_url, name, engine_of):
    url = empty_schema(postgres_url, name)
    engine = engine_of(url)
    migrate(engine, revisions()[0])
    with pytest.raises(StoreError, match="vitals doctor --migrate"):
        PostgresStore(url)
    with engine.begin() as connection:
        connection.execute(text(ROW))
    assert migrate(engine) == (revisions()[0], revisions()[-1])
    with contextlib.closing(PostgresStore(url)) as store:
        (finding,) = store.findings()
        assert (finding.code, finding.t_ns, finding.evidence) == ("pause", 9, {"rr_s": 3.2})
        store.write(alarm_changes(), durable=True)
        assert store.forget(at(10_000)) > 0


def test_tables_of_a_newer_version_are_left_alone(url, engine_of):
    engine = engine_of(url)
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '9999'"))
    with pytest.raises(StoreError, match="newer version"):
        PostgresStore(url)


@pytest.mark.parametrize(
    "statement", ["update audit set person = 'x'", "delete from audit", "truncate audit"]
)
def test_nobody_changes_the_audit(url, statement, engine_of):
    with contextlib.closing(PostgresStore(url)) as store:
        store.write([Audit(at(1), "kim", "limits", "p1", "af", "athlete")])
        engine = engine_of(url)
        with pytest.raises(DBAPIError, match="only ever added to"), engine.begin() as connection:
            connection.execute(text(statement))
        assert [one.person for one in store.audit()] == ["kim"]


def test_what_does_not_fit_is_refused_and_nothing_of_it_is_kept(url):
    with contextlib.closing(PostgresStore(url)) as store:
        with pytest.raises(UnfitError):
            store.write([FINDINGS[0], replace(FINDINGS[1], revision=2**40)])
        assert store.findings() == []
        store.write([told("pause", "point", 1, 2, who="a\0b")])
        assert [one.participant for one in store.findings()] == ["a\ufffdb"]


def test_a_database_that_is_away_for_a_while_loses_nothing_and_is_read_again(
    postgres_url, name, engine_of
):
    with engine_of(postgres_url).execution_options(isolation_level="AUTOCOMMIT").connect() as other:

        def let_in(*, allowed):
            other.execute(text(f"alter database {name} with allow_connections {allowed}"))
            if not allowed:  # as when the server is ended: open connections break
                kill = "select pg_terminate_backend(pid) from pg_stat_activity where datname = :n"
                other.execute(text(kill), {"n": name})

        other.execute(text(f"drop database if exists {name}"))
        other.execute(text(f"create database {name}"))
        url = postgres_url.rpartition("/")[0] + f"/{name}"
        engine = engine_of(url)
        migrate(engine)
        engine.dispose()
        store, now_s = PostgresStore(url), [0.0]
        past = Past(lambda: store, load_policy(), lambda: at(100), lambda: now_s[0])
        work = RecordsWork(store)
        place = Place(EVENTS, 0)
        work.take(Record(place, 0, 5, encode_findings(FINDINGS[:1])))
        work.keep()
        let_in(allowed=False)
        work.take(Record(place, 1, 6, encode_findings(FINDINGS[1:])))
        for _ in range(2):
            with pytest.raises(StoreError) as fault:
                work.keep()
            assert not isinstance(fault.value, UnfitError)
        assert past.history("p1").findings == ()  # the page shows what it has in memory
        with pytest.raises(StoreError):
            past.screening(None)
        let_in(allowed=True)
        assert work.keep() == []
        assert {one.id for one in store.findings()} == {one.id for one in FINDINGS}
        assert len(past.history("p1").findings) == 2
        past.close()
        other.execute(text(f"drop database {name}"))


def test_a_server_that_is_not_there_is_a_fault_that_names_it():
    with pytest.raises(StoreError, match=r"127\.0\.0\.1:1"):
        PostgresStore("postgresql://vitals@127.0.0.1:1/vitals", "secret")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("postgresql://vitals:open@127.0.0.1/vitals", "VITALS__POSTGRES_PASSWORD"),
        ("mysql://vitals@127.0.0.1/vitals", "found mysql"),
        ("not a url", "expected postgresql://"),
    ],
)
def test_a_url_that_cannot_be_used_is_said(given, said):
    with pytest.raises(SettingError, match=said):
        open_engine(given)
