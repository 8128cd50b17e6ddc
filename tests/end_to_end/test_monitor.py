"""All roles as processes on real servers, looked at with a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
from playwright.sync_api import expect, sync_playwright
from redis import Redis

from streams.bus.admin import create_topics
from streams.bus.topics import topics
from tests.end_to_end.program import Page, wait_for
from tests.end_to_end.roles import Role, roles
from tests.needs import chromium
from tests.servers.kafka import broker
from tests.servers.redis import redis
from tests.streams.stores.back_ends import made_bucket, made_schema

pytestmark = [pytest.mark.bench, pytest.mark.browser]  # Java, six processes, a browser

N_PARTITIONS = 2
FINDINGS = "/api/participants/{}/findings"
N_PEOPLE = 6  # of the demo, besides one with low saturation and one with an electrode off
FLAGS = ["--no-sandbox", "--disable-gpu"]
SOON_S = 60.0
# Of a partition that stands still: 3 s until it is noticed, 10 s by the catalogue, a second to
# look, and a busy machine.
STALLED_S = 25.0
PICTURE = os.environ.get("VITALS_TEST_PICTURE")  # where a picture of the page goes, to be looked at


@pytest.fixture
def on_servers(tmp_path, influx, postgres_url):
    (tmp_path / "kafka").mkdir()
    made_bucket(influx, "monitored").close()
    environ = {
        "VITALS__INFLUX_URL": influx.url, "VITALS__INFLUX_ORG": influx.org,
        "VITALS__INFLUX_TOKEN": influx.token, "VITALS__INFLUX_BUCKET": "monitored",
        "VITALS__POSTGRES_URL": made_schema(postgres_url, "monitored"),
        "VITALS__DATA": str(tmp_path / "sink-data"),
    }  # fmt: skip
    with broker(tmp_path / "kafka") as kafka, redis(tmp_path) as url:
        create_topics(kafka.address, topics(), N_PARTITIONS, replicas=1)
        with roles(tmp_path, kafka.address, url, N_PARTITIONS, **environ) as some:
            yield some


def table(folder: Path, name: str, percent: int, lasts_s: int = 600) -> Path:
    """Somebody whose oxygen saturation is so low, one value a second."""
    path = folder / f"{name}.csv"
    path.write_text("t_s,spo2\n" + "".join(f"{k},{percent}\n" for k in range(lasts_s)))
    return path


def electrode_off(folder: Path, lasts_s: int = 600) -> Path:
    """Somebody whose ECG is flat from the beginning: found within 3 s, with a strip."""
    path = folder / "off.csv"
    path.write_text("t_s,ecg\n" + "".join(f"{k / 100:.2f},0\n" for k in range(100 * lasts_s)))
    return path


def health(role: Role) -> dict[str, str]:
    """Give what a monitor says of itself, well or not."""
    try:
        return json.loads(role.get("/healthz"))
    except HTTPError as error:
        return json.loads(error.read())


def told(role: Role, path: str) -> dict[str, Any]:
    return json.loads(role.get(path))


def strips_of(role: Role, participant: str) -> list[dict[str, Any]]:
    found = told(role, FINDINGS.format(participant))["findings"]
    return [one["strip"] for one in found if one["strip"]]


def watched_s(role: Role) -> float:
    people = told(role, "/api/screening")["people"]
    return max((person["watched_s"] for person in people), default=0.0)


def alarm_of(code: str, state: str):
    return lambda page: next(
        (a for a in page.alarms.values() if (a["code"], a["state"]) == (code, state)), None
    )


def test_an_alarm_is_seen_acknowledged_and_seen_by_the_other_monitor(on_servers, tmp_path):
    path = chromium()
    expect.set_options(timeout=1000 * SOON_S)  # a guard, not a claim: the machine may be busy
    on_servers.sink("sink")
    workers = [on_servers.worker(name) for name in ("worker-a", "worker-b")]
    east, west = on_servers.monitor("east"), on_servers.monitor("west")
    for worker in workers:
        worker.said("Partitions [")
    on_servers.bridge("people", "--participants", N_PEOPLE)
    on_servers.bridge("low", "--replay", table(tmp_path, "low", 80))
    on_servers.bridge("off", "--replay", electrode_off(tmp_path))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900}, locale="en-US")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(east.url)
        # A part of the processing that stood still meanwhile, on a busy machine, has a tile too.
        tiles = page.locator(".tile:not([hidden])").filter(has_not_text="Processing, partition")
        expect(tiles).to_have_count(N_PEOPLE + 2)
        expect(page.locator("#simulated")).to_be_visible()
        low = page.locator(".tile", has=page.locator(".name", has_text="low"))
        expect(low.locator(".alarm")).to_contain_text("Oxygen saturation")
        expect(page.locator("#engine")).to_contain_text("Live")
        expect(tiles.locator(".number").filter(has_text=re.compile(r"^\d+$")).first).to_be_visible()
        other = Page(west, participants=8)
        raised = other.until(alarm_of("spo2_very_low", "active"), SOON_S, "the alarm on west")
        if PICTURE:
            page.screenshot(path=PICTURE)
        low.get_by_role("button", name=re.compile("Acknowledge")).first.click()
        answer = other.until(
            alarm_of("spo2_very_low", "acknowledged"), SOON_S, "the acknowledgement on west"
        )
        assert answer["id"] == raised["id"]
        assert errors == []
        browser.close()
    other.until(lambda seen: any(n > 1000 for n in seen.trace_samples.values()), SOON_S, "traces")
    # One that starts later has the alarm at once, as acknowledged; Redis may be empty by then.
    with Redis.from_url(on_servers.redis) as server:
        assert len(server.keys("vitals:monitor:*")) == 2
        server.flushall()
    north = on_servers.monitor("north")
    first = Page(north, participants=8)
    first.until(alarm_of("spo2_very_low", "acknowledged"), SOON_S, "the alarm on north")
    first.close()
    # What it was not there for it reads where the sink keeps it: strips, who did what, heart rates.
    seen = wait_for(lambda: strips_of(north, "off"), SOON_S, "a strip of the electrode")
    assert any(len(strip["samples"]) > 500 for strip in seen)
    (done,) = [a for a in told(north, FINDINGS.format("low"))["alarms"] if a["id"] == raised["id"]]
    assert done["acknowledged_by"]
    wait_for(lambda: watched_s(north) > 0.0, SOON_S, "somebody who was watched today")
    late = Page(north, participants=8)  # nobody has read the first one meanwhile

    assert wait_for(lambda: health(west)["reason"] == "", SOON_S, "west to be well") is True
    for worker in workers:
        worker.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    late.until(alarm_of("pipeline_stalled", "active"), STALLED_S, "the stall on north")
    assert time.monotonic() - stopped > 10.0
    assert "stand still" in health(west)["reason"]
    for worker in workers:
        worker.signal(signal.SIGCONT)
    wait_for(lambda: "stand still" not in health(west)["reason"], SOON_S, "the stall to end")
