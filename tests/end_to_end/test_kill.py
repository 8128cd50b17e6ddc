"""``kill -9`` at any moment: what a page was shown is there, and nothing is there twice.

Each life of the program is watched as a page watches it: alarms over the websocket, findings over
HTTP, traces; alarms are acknowledged on the way. What had been sent before the kill counts as
shown. Then the store is opened, and the next life begins on the same folder.
"""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from processors.records import NS_PER_S
from streams.stores.sqlite import SqliteStore
from streams.stores.waveforms import Folders
from streams.stores.waveforms.archive import Archive
from tests.end_to_end.program import LIVE_S, ROOT, Page, Program, stored

LOST_S = 1.0  # of waveform, at most
SMOKE = ROOT / "device_bridges" / "simulator" / "scenarios" / "smoke.toml"
# Alarms from the first seconds on, so that a short life has something to lose.
EARLY = """
title = "Alarms at once"
says = "Six people who raise alarms in the first seconds."
duration = "60 s"
clock = "10:00"

[sensors.glucose_now]
glucose = { every = "2 s", first = "1 s" }

[groups.ward]
count = 4
title = "Ward"
age = [40, 80]
sensors = ["monitor", "oximeter"]

[[groups.ward.events]]
kind = "lead_off"
from = "2 s"
to = "5 s"
who = [2]

[[groups.ward.events]]
kind = "silent"
from = "3 s"
to = "9 s"
who = [3]

[groups.diabetes]
count = 2
title = "Diabetes"
glucose_rest = [48, 50]
sensors = ["glucose_now"]

[[groups.diabetes.events]]
kind = "glucose_excursion"
from = "0 s"
to = "60 s"
who = [1, 2]
level = 46
per_min = 8
"""


class Watcher(Page):
    """A page that remembers all it was ever shown."""

    def __init__(self, program: Program, rng: random.Random) -> None:
        self.states: set[tuple[str, str, float, str]] = set()
        self.begins_ns: dict[tuple[int, str], int] = {}
        self.ends_ns: dict[tuple[int, str], int] = {}
        self._rng = rng
        self._asked: set[str] = set()
        super().__init__(program, 40)

    def watch(self, until_s: float) -> None:
        """Look on until then, acknowledging every other alarm."""
        while (left_s := until_s - time.monotonic()) > 0:
            self._read(min(left_s, 0.2))
            self._acknowledge_some()

    def see_an_acknowledgement(self) -> None:
        """Look on until an alarm is shown as acknowledged in this life."""

        def seen(page: Page) -> bool:
            self._acknowledge_some()
            return any(by and key in self._asked for key, _, _, by in self.states)

        self.until(seen, LIVE_S, "an acknowledgement")

    def _acknowledge_some(self) -> None:
        for key, alarm in list(self.alarms.items()):
            if alarm["state"] == "active" and key not in self._asked:
                self._asked.add(key)
                if len(self._asked) == 1 or self._rng.random() < 0.5:
                    self.acknowledge(key)

    def drain(self) -> None:
        """Take what had been sent before the program was killed."""
        try:
            while True:
                self._read(0.05)
        except AssertionError:  # the connection is closed
            return

    def _take_words(self, said):
        super()._take_words(said)
        for alarm in said.get("alarms", ()):
            self.states.add((alarm["id"], alarm["state"], alarm["t_ms"], alarm["acknowledged_by"]))

    def _take_traces(self, rows):
        super()._take_traces(rows)
        for row in rows:
            end_ns = row.t0_ns + round(len(row.samples) * NS_PER_S / row.fs_hz)
            key = (row.participant, row.signal)
            self.begins_ns.setdefault(key, row.t0_ns)
            self.ends_ns[key] = max(self.ends_ns.get(key, 0), end_ns)


def findings(program: Program, participants: list[str]) -> set[str]:
    told = (json.loads(program.get(f"/api/participants/{p}/findings")) for p in participants)
    return {finding["id"] for each in told for finding in each["findings"]}


class Shown:
    """What all lives have been shown so far."""

    def __init__(self) -> None:
        self.states: set[tuple[str, str, float, str]] = set()
        self.findings: set[str] = set()

    def check(self, folder: Path) -> None:
        """Everything shown is stored, and nothing twice."""
        path = folder / "data" / "vitals.sqlite"
        assert stored(path, "pragma integrity_check") == [("ok",)]
        with closing(SqliteStore(path)) as store:
            for key in {state[0] for state in self.states}:
                history = store.alarm_history(key)
                kept = {
                    (c.alarm.id, c.alarm.state, c.alarm.t_ns / 1e6, c.alarm.acknowledged_by)
                    for c in history
                }
                assert {state for state in self.states if state[0] == key} <= kept
                assert sum(change.kind == "raised" for change in history) == 1
            seen = {row[0] for row in stored(path, "select alarm_id from acknowledgements")}
            assert {key for key, _, _, by in self.states if by} <= seen
            twice = Counter((alarm.participant, alarm.code) for alarm in store.open_alarms())
            assert set(twice.values()) <= {1}, twice
        assert self.findings <= {row[0] for row in stored(path, "select id from findings")}


def check_waveforms(folder: Path, watcher: Watcher, people: list[str], since_ns: int) -> int:
    """Compare what traces were shown with the log; gives how many channels there were."""
    archive = Archive(Folders(folder / "data"))
    for (index, signal), end_ns in watcher.ends_ns.items():
        runs = archive.read(people[index], signal, from_ns=since_ns, until_ns=2**62)
        ends = [run.t0_ns + round(len(run.samples) * NS_PER_S / run.fs_hz) for run in runs]
        # Killed at once, nothing may be there yet: what was shown is then all that is missing.
        kept_ns = max(ends, default=watcher.begins_ns[index, signal])
        missing_s = (end_ns - kept_ns) / NS_PER_S
        assert missing_s <= LOST_S, (people[index], signal)
        # Nothing happens to the first: what is there is there without a gap.
        if index == 0 and runs:
            assert len(runs) == 1
    return len(watcher.ends_ns)


def live_and_die(
    folder: Path,
    scenario: Path,
    shown: Shown,
    rng: random.Random,
    within_s: float,
    *,
    settled: bool,
) -> None:
    """One life: watched, killed at a random moment after its traces came, and examined.

    A settled one has shown an acknowledgement before; the others may still load kernels.
    """
    since_ns = time.time_ns()
    with Program(folder, "--scenario", scenario) as program:
        watcher = Watcher(program, rng)
        watcher.until(lambda p: p.trace_samples, LIVE_S, "traces")
        people = [each["id"] for each in watcher.hello["participants"]]
        if settled:
            watcher.see_an_acknowledgement()
        kill_s = time.monotonic() + rng.uniform(0.0, within_s)
        watcher.watch((time.monotonic() + kill_s) / 2)  # half of it
        some = rng.sample(people, min(3, len(people)))
        shown.findings |= findings(program, some)
        watcher.watch(kill_s)
        program.kill_only()
        watcher.drain()
    shown.states |= watcher.states
    shown.check(folder)
    assert check_waveforms(folder, watcher, people, since_ns)


@pytest.mark.parametrize(
    ("lives", "scenario", "within_s"),
    [
        pytest.param(2, None, 2.0, id="early"),
        pytest.param(6, SMOKE, 8.0, id="smoke", marks=pytest.mark.bench),
    ],
)
def test_killed_at_random_moments_nothing_shown_is_lost_and_no_alarm_is_there_twice(
    tmp_path, lives, scenario, within_s
):
    if scenario is None:
        scenario = tmp_path / "early.toml"
        scenario.write_text(EARLY)
    rng = random.Random(20_251_125)  # noqa: S311 - moments of a test
    shown = Shown()
    for life in range(lives):
        live_and_die(tmp_path, scenario, shown, rng, within_s, settled=life % 2 == 0)
    assert {state for _, state, _, _ in shown.states} >= {"active", "acknowledged"}
    # The last word is that of a life that ends by itself.
    with Program(tmp_path, "--scenario", scenario) as program:
        page = Page(program, 40)
        left_open = {row[0] for row in stored(program.store, _OPEN)}
        page.until(lambda p: left_open <= p.alarms.keys(), LIVE_S, "the alarms left open")
        status, _ = program.interrupt()
        assert status == 0, program.output
    shown.check(tmp_path)
    shutil.rmtree(tmp_path / "data")


_OPEN = "select id from alarms where state != 'ended'"
