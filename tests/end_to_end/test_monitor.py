"""Bridges, two workers and two monitors as processes on a real Kafka, looked at with a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path
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

pytestmark = [pytest.mark.bench, pytest.mark.browser]  # Java, six processes, a browser

N_PARTITIONS = 2
N_PEOPLE = 6  # of the demo, besides somebody whose saturation is low
FLAGS = ["--no-sandbox", "--disable-gpu"]
SOON_S = 60.0
# Of a partition that stands still: 3 s until it is noticed, 10 s by the catalogue, a second to
# look, and a busy machine.
STALLED_S = 25.0
PICTURE = os.environ.get("VITALS_TEST_PICTURE")  # where a picture of the page goes, to be looked at


@pytest.fixture
def on_servers(tmp_path):
    (tmp_path / "kafka").mkdir()
    with broker(tmp_path / "kafka") as kafka, redis(tmp_path) as url:
        create_topics(kafka.address, topics(), N_PARTITIONS, replicas=1)
        with roles(tmp_path, kafka.address, url, N_PARTITIONS) as some:
            yield some


def table(folder: Path, name: str, percent: int, lasts_s: int = 600) -> Path:
    """Somebody whose oxygen saturation is so low, one value a second."""
    path = folder / f"{name}.csv"
    path.write_text("t_s,spo2\n" + "".join(f"{k},{percent}\n" for k in range(lasts_s)))
    return path


def health(role: Role) -> dict[str, str]:
    """Give what a monitor says of itself, well or not."""
    try:
        return json.loads(role.get("/healthz"))
    except HTTPError as error:
        return json.loads(error.read())


def alarm_of(code: str, state: str):
    return lambda page: next(
        (a for a in page.alarms.values() if (a["code"], a["state"]) == (code, state)), None
    )


def test_an_alarm_is_seen_acknowledged_and_seen_by_the_other_monitor(on_servers, tmp_path):
    path = chromium()
    expect.set_options(timeout=1000 * SOON_S)  # a guard, not a claim: the machine may be busy
    workers = [on_servers.worker(name) for name in ("worker-a", "worker-b")]
    east, west = on_servers.monitor("east"), on_servers.monitor("west")
    for worker in workers:
        worker.said("Partitions [")
    on_servers.bridge("people", "--participants", N_PEOPLE)
    on_servers.bridge("low", "--replay", table(tmp_path, "low", 80))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        page = browser.new_page(viewport={"width": 1400, "height": 900}, locale="en-US")
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(east.url)
        tiles = page.locator(".tile:not([hidden])")
        expect(tiles).to_have_count(N_PEOPLE + 1)
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
    late = Page(on_servers.monitor("north"), participants=8)
    late.until(alarm_of("spo2_very_low", "acknowledged"), SOON_S, "the alarm on north")

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
