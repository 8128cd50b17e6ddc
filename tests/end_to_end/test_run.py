"""``vitals run`` from start to end, as a person meets it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.end_to_end.program import LIVE_S, Page, Program, stored, wait_for
from tests.end_to_end.recordings import write

END_S = 6.0
RECORDS = ("208", "203")  # many ventricular beats: findings and alarms come at once


@dataclass(frozen=True)
class Run:
    """What was seen of one run."""

    page: Page
    html: str
    health: dict[str, Any]
    acknowledged: str
    burden: dict[str, Any]
    findings: dict[str, set[str]]  # ids by participant, as the page's interface gives them
    end: tuple[int, float]
    output: str
    store: Path


def findings(program: Program, participant: str) -> set[str]:
    told = json.loads(program.get(f"/api/participants/{participant}/findings"))
    return {finding["id"] for finding in told["findings"]}


def watched(program: Program) -> dict[str, Any] | None:
    told = json.loads(program.get("/api/burden?days=1"))
    return told if told["person_days"] > 0 else None


@pytest.fixture(scope="module")
def first(shared_data, tmp_path_factory) -> Run:
    folder = tmp_path_factory.mktemp("replay")
    paths = [shared_data / "mitdb" / name for name in RECORDS]
    with Program(folder, "--replay", *paths, "--speed", "20") as program:
        html, health = program.get("/"), json.loads(program.get("/healthz"))
        page = Page(program)
        page.until(lambda p: len(p.heart_rates) == len(RECORDS), LIVE_S, "heart rates")
        alarm = page.until(
            lambda p: next((a["id"] for a in p.alarms.values() if a["state"] == "active"), ""),
            LIVE_S, "an active alarm",
        )  # fmt: skip
        page.acknowledge(alarm)
        page.until(lambda p: p.alarms[alarm]["acknowledged_by"], 10, "the acknowledgement")
        wait_for(
            lambda: stored(program.store, "select count(distinct participant) from findings")
            == [(2,)], 20, "findings of both in the store",
        )  # fmt: skip
        found = {name: findings(program, name) for name in RECORDS}
        burden = wait_for(lambda: watched(program), 20, "person-time in the burden")
        end = program.interrupt()  # the page is still open
        return Run(page, html, health, alarm, burden, found, end, program.output, program.store)


@pytest.fixture(scope="module")
def second(first, shared_data) -> tuple[Page, dict[str, set[str]], set[str]]:
    folder = first.store.parents[1]
    left_open = {
        row[0] for row in stored(first.store, "select id from alarms where state != 'ended'")
    }
    paths = [shared_data / "mitdb" / name for name in RECORDS]
    with Program(folder, "--replay", *paths) as program:
        found = {name: findings(program, name) for name in RECORDS}
        page = Page(program)
        page.until(lambda p: left_open <= p.alarms.keys(), LIVE_S, "the alarms left open")
        page.close()
        return page, found, left_open


def test_the_page_and_its_health_are_served(first):
    assert "<title>" in first.html
    assert "/static/" in first.html
    assert first.health["status"] == "ok"


def test_a_page_gets_participants_traces_and_values(first):
    hello = first.page.hello
    assert [each["id"] for each in hello["participants"]] == list(RECORDS)
    assert not hello["simulated"]
    for index in range(len(RECORDS)):
        assert first.page.trace_samples[index, "ecg"] > 10 * 360
        assert 40 < first.page.heart_rates[index] < 160


def test_an_alarm_is_acknowledged_over_the_websocket_and_that_is_kept(first):
    assert first.page.alarms[first.acknowledged]["acknowledged_by"] == "local operator"
    kept = stored(first.store, "select alarm_id, by from acknowledgements")
    assert kept == [(first.acknowledged, "local operator")]


def test_the_burden_of_the_day_is_read_from_the_store(first):
    (kept,) = stored(first.store, "select count(*) from alarms")[0]
    assert 0 < first.burden["audible"] <= first.burden["alarms"] <= kept
    assert first.burden["answers"]["all"]["n"] == 1
    assert first.burden["answers"]["all"]["median_s"] > 0


def test_findings_are_given_by_the_interface_as_they_are_stored(first):
    assert all(first.findings.values())
    kept = {row[0] for row in stored(first.store, "select id from findings")}
    assert set().union(*first.findings.values()) <= kept


def test_ctrl_c_ends_soon_with_status_0_and_an_open_page(first):
    status, took_s = first.end
    assert status == 0, first.output
    assert took_s < END_S
    assert "Traceback" not in first.output
    assert first.output.splitlines()[-1].startswith("Stopped. What was found is in ")


def test_the_next_start_shows_findings_and_open_alarms_of_the_one_before(first, second):
    _, found, left_open = second
    assert left_open
    for name in RECORDS:
        newest = stored(
            first.store,
            f"select id from findings where participant = '{name}' order by t_ns desc limit 5",  # noqa: S608
        )
        assert {row[0] for row in newest} <= found[name]


def test_traces_come_before_kernels_are_compiled_and_ctrl_c_does_not_wait_for_them(tmp_path):
    # Played from a file: simulated people have kernels of their own to compile first.
    for name in "abcde":
        write(
            tmp_path / "played", name, 250.0, np.random.default_rng(1).random((15_000, 1)), ["II"]
        )
    played = tmp_path / "played"
    with Program(tmp_path, "--replay", played, NUMBA_CACHE_DIR=str(tmp_path / "none")) as program:
        page = Page(program, 5)
        page.until(lambda p: len(p.trace_samples) >= 5, 8, "traces of all five")
        assert page.phases[-1] in {"starting", "compiling"}
        assert page.first_trace_s < 8
        status, took_s = program.interrupt()
        assert (status, "Traceback" in program.output) == (0, False), program.output
        assert took_s < END_S


def test_after_kill_9_the_store_opens_and_nothing_committed_is_lost(tmp_path):
    committed = "select series, person, t_ns, value from features"
    with Program(tmp_path, "--participants", 5) as program:
        before = wait_for(lambda: set(stored(program.store, committed)), LIVE_S, "stored features")
        program.kill()
    assert stored(program.store, "pragma integrity_check") == [("ok",)]
    with Program(tmp_path, "--participants", 5) as program:
        assert before <= set(stored(program.store, committed))
        assert json.loads(program.get("/api/participants/P-0001/findings"))
        status, _ = program.interrupt()
        assert status == 0, program.output
