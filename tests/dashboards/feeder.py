"""A tiny synthetic feeder, so that the page can be run and looked at without the engine.

``python -m tests.dashboards.feeder --participants 60 --port 8080`` from the project root.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import uvicorn

from dashboards.monitor.app import SERVER, create_app
from dashboards.monitor.hub import Hub
from processors.records import Block, Finding, finding_id

ECG_HZ, PPG_HZ, BLOCK_S = 250.0, 100.0, 0.2
LOOP_S = 60
ECG_SCALE = 0.0025  # mV per step
NAMES = (
    "Kim 김민준",
    "Lee 이서연",
    "Park 박지훈",
    "Choi 최수아",
    "Anna Lindqvist",
    "Jung 정하윤",
    "Omar Haddad",
)


@dataclass(frozen=True, slots=True)
class Person:
    id: str
    name: str
    group: str = "Ward A"


@dataclass(frozen=True, slots=True)
class Sentence:
    en: str
    ko: str


@dataclass(frozen=True, slots=True)
class DemoInactivation:
    id: str
    kind: str
    code: str
    alarm_id: str
    reason: str
    by: str
    from_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True)
class DemoSuspension:
    code: str
    signal: str
    since_ns: int


@dataclass(frozen=True, slots=True)
class DemoHolds:
    participant: str
    suspensions: tuple[DemoSuspension, ...] = ()
    inactivations: tuple[DemoInactivation, ...] = ()


@dataclass(frozen=True, slots=True)
class DemoAlarm:
    id: str
    participant: str
    code: str
    priority: str
    sounds_as: str
    state: str
    latched: bool
    sounding: bool
    onset_ns: int
    t_ns: int
    acknowledged_by: str
    reason: Sentence
    raised_ns: int = 0
    reached: tuple[str, ...] = ("staff",)
    inactivation: DemoInactivation | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)
    limits: Mapping[str, float] = field(default_factory=dict)
    rule: Sentence = Sentence("a rule", "규칙")


@dataclass(frozen=True, slots=True)
class DemoAnswers:
    n: int
    median_s: float
    p90_s: float


@dataclass(frozen=True, slots=True)
class DemoBurden:
    person_days: float = 420.0
    alarms: int = 900
    audible: int = 530
    per_day_by_priority: Mapping[str, float] = field(
        default_factory=lambda: {"high": 0.04, "medium": 0.31, "low": 0.62, "technical": 0.29}
    )
    per_day_by_code: Mapping[str, float] = field(
        default_factory=lambda: {
            "pvc_couplet": 0.44, "lead_off": 0.29, "af": 0.2, "pvc_frequent": 0.18,
            "spo2_low": 0.11, "vt": 0.04,
        }
    )  # fmt: skip
    judged: int = 0
    useful_share: float = float("nan")
    useful_by_code: Mapping[str, float] = field(
        default_factory=lambda: {"vt": 0.5, "pvc_couplet": 0.05}
    )
    answers: Mapping[str, DemoAnswers] = field(
        default_factory=lambda: {
            "all": DemoAnswers(40, 31.0, 180.0), "high": DemoAnswers(2, 12.0, 40.0)
        }
    )  # fmt: skip
    noisiest: Sequence[tuple[str, float]] = (("pvc_couplet", 0.35), ("lead_off", 0.23))


def people(n: int) -> list[Person]:
    return [
        Person(f"P-{k:04d}", f"{NAMES[k % len(NAMES)]} {k}" if k % 5 else f"P-{k:04d}")
        for k in range(n)
    ]


@functools.cache
def ecg_loop(rate_bpm: float, seed: int) -> np.ndarray:
    """Give a minute of int16 ECG with P, QRS and T waves as bell curves."""
    rng = np.random.default_rng(seed)
    t = np.arange(int(LOOP_S * ECG_HZ)) / ECG_HZ
    mv = 0.05 * np.sin(2 * np.pi * 0.25 * t) + 0.01 * rng.standard_normal(len(t))
    at = 0.4
    while at < LOOP_S:
        for shift, width, height in ((-0.17, 0.022, 0.13), (-0.025, 0.010, -0.1), (0, 0.011, 1.05),
                                     (0.028, 0.010, -0.22), (0.26, 0.055, 0.28)):  # fmt: skip
            mv += height * np.exp(-0.5 * ((t - at - shift) / width) ** 2)
        at += 60 / rate_bpm * (1 + 0.04 * rng.standard_normal())
    return np.rint(mv / ECG_SCALE).astype(np.int16)


@functools.cache
def ppg_loop(rate_bpm: float) -> np.ndarray:
    t = np.arange(int(LOOP_S * PPG_HZ)) / PPG_HZ
    phase = (t * rate_bpm / 60) % 1
    wave = np.exp(-(((phase - 0.3) / 0.12) ** 2)) + 0.35 * np.exp(-(((phase - 0.6) / 0.12) ** 2))
    return np.rint(8000 * wave).astype(np.int16)


class Feeder:
    """Feeds one hub: ECG to all, PPG to every third, values, a few alarms and findings."""

    def __init__(self, hub: Hub, n: int, *, start_ns: int | None = None) -> None:
        self.hub = hub
        self.people = people(n)
        self.ids = tuple(person.id for person in self.people)
        self.t0_ns = time.time_ns() if start_ns is None else start_ns
        self.block = 0
        self.rates = 55 + 7.0 * (np.arange(n) % 9)
        self.ecg = np.stack([ecg_loop(55 + 7.0 * k, k) for k in range(9)])
        self.ppg = np.stack([ppg_loop(55 + 7.0 * k) for k in range(9)])
        self.silent: set[int] = set()
        self.alarms: dict[str, DemoAlarm] = {}
        hub.set_participants(self.people)

    def now_ns(self) -> int:
        return self.t0_ns + round(self.block * BLOCK_S * 1e9)

    def make_block(self, signal: str, rows: np.ndarray) -> Block:
        fs, loop = (ECG_HZ, self.ecg) if signal == "ecg" else (PPG_HZ, self.ppg)
        n = round(fs * BLOCK_S)
        first = self.block * n
        at = (first + 137 * rows[:, None] + np.arange(n)) % loop.shape[1]
        samples = loop[rows[:, None] % 9, at].reshape(-1, 1)
        r = len(rows)
        return Block(
            signal=signal, participants=tuple(self.ids[k] for k in rows),
            devices=("demo",) * r, fs_hz=np.full(r, fs),
            scale=np.full(r, ECG_SCALE if signal == "ecg" else 1.0), offset=np.zeros(r),
            t0_ns=np.full(r, self.now_ns()), seq=np.full(r, first),
            offsets=np.arange(r + 1) * n, samples=samples,
        )  # fmt: skip

    def step(self) -> None:
        """Give 200 ms of everything."""
        rows = np.array([k for k in range(len(self.ids)) if k not in self.silent], np.int64)
        if len(rows):
            self.hub.on_block(self.make_block("ecg", rows))
            with_ppg = rows[rows % 3 == 0]
            if len(with_ppg):
                self.hub.on_block(self.make_block("ppg", with_ppg))
        self.block += 1
        if self.block % 5 == 0 and len(rows):
            self.values(rows)

    def values(self, rows: np.ndarray) -> None:
        ids, now, k = [self.ids[r] for r in rows], self.now_ns(), len(rows)
        rate = np.where(rows % 17 == 11, np.nan, self.rates[rows] + np.sin(self.block / 9 + rows))
        self.hub.on_values(ids, "heart_rate", np.stack([rate, (rows % 4 == 3) * 1.0], 1), now)
        quality = np.stack([0.97 - 0.03 * (rows % 7), np.ones(k), np.zeros(k), np.zeros(k),
                            (rows % 13 == 5) * 1.0, np.ones(k)], 1)  # fmt: skip
        self.hub.on_values(ids, "ecg_quality", quality, now)
        self.hub.on_values(ids, "ventricular_beats", np.where(rows % 6 == 2, 4.0, 0.0), now)
        ppg = rows[rows % 3 == 0]
        if len(ppg):
            self.hub.on_values([self.ids[r] for r in ppg], "spo2", 96 + ppg % 3 * 1.0, now)
        self.hub.set_status(0.3, "live")

    def alarm(self, k: int, code: str, priority: str, words: tuple[str, str],
              *, latched: bool = False) -> DemoAlarm:  # fmt: skip
        now = self.now_ns()
        alarm = DemoAlarm(
            finding_id(self.ids[k], code, now), self.ids[k], code, priority,
            "low" if priority == "technical" else priority, "active", latched, True, now, now,
            "", Sentence(*words),
        )  # fmt: skip
        self.alarms[alarm.id] = alarm
        self.hub.on_alarms([alarm])
        return alarm

    def acknowledge(self, alarm_id: str, by: str, useful: bool | None = None) -> None:
        alarm = dataclasses.replace(
            self.alarms[alarm_id],
            state="acknowledged",
            sounding=False,
            acknowledged_by=by,
            latched=False,
        )
        self.alarms[alarm_id] = alarm
        self.hub.on_alarms([alarm])

    def inactivate(
        self, participant: str, kind: str, code: str, alarm_id: str, seconds: float,
        reason: str, by: str,
    ) -> None:  # fmt: skip
        now_ns = time.time_ns()
        act = DemoInactivation(
            "i1", kind, code, alarm_id, reason, by, now_ns, now_ns + round(seconds * 1e9)
        )
        self._quiet(participant, act)
        self.hub.on_holds([DemoHolds(participant, inactivations=(act,))])

    def reactivate(self, participant: str, inactivation_id: str, by: str) -> None:
        self._quiet(participant, None)
        self.hub.on_holds([DemoHolds(participant)])

    def suspend(self, k: int, code: str, signal: str) -> None:
        suspension = DemoSuspension(code, signal, self.now_ns())
        self.hub.on_holds([DemoHolds(self.ids[k], (suspension,))])

    def _quiet(self, participant: str, act: DemoInactivation | None) -> None:
        for alarm in list(self.alarms.values()):
            if alarm.participant == participant:
                changed = dataclasses.replace(alarm, inactivation=act, sounding=act is None)
                self.alarms[alarm.id] = changed
                self.hub.on_alarms([changed])

    def finding(self, k: int, code: str, value: float) -> None:
        now = self.now_ns()
        self.hub.on_findings(
            [
                Finding(
                    finding_id(self.ids[k], code, now),
                    0,
                    self.ids[k],
                    code,
                    "point",
                    now,
                    now,
                    now,
                    value,
                    {"rr_ms": 812.0},
                )
            ]
        )

    def story(self) -> None:
        """Raise alarms of all priorities."""
        n = len(self.ids)
        for k, code, priority, words in (
            (7, "vt", "high", ("Ventricular tachycardia: 162/min", "심실빈맥 분당 162회")),
            (9, "asystole", "high", ("Asystole: no QRS for 4.2 s", "4.2초 동안 박동 없음")),
            (4, "af", "medium", ("Atrial fibrillation since 30 s", "심방세동 30초 지속")),
            (4, "pvc_couplet", "low", ("Ventricular couplet", "심실조기수축 2연발")),
            (10, "tachycardia", "medium", ("Heart rate 142/min", "심박수 분당 142회")),
            (2, "pvc_frequent", "low", ("Ventricular beats 12/min", "심실조기수축 분당 12회")),
            (6, "device_silent", "technical", ("No data from the device", "기기에서 데이터 없음")),
            (8, "battery_low", "technical", ("Battery 12 %", "배터리 12 %")),
        ):  # fmt: skip
            if k < n:
                self.alarm(k, code, priority, words, latched=code == "asystole")
                self.finding(k, code, 4.0)


async def feed(feeder: Feeder, seconds: float = float("inf"), *, story: bool = True) -> None:
    """Feed in real time; a silent device from 8 s on, the story at 4 s."""
    begun = time.monotonic()
    while feeder.block * BLOCK_S < seconds:
        feeder.step()
        if story and feeder.block == 20:
            feeder.story()
        if story and feeder.block == 40:
            feeder.silent |= {6, 14}
        await asyncio.sleep(max(0.0, begun + feeder.block * BLOCK_S - time.monotonic()))


async def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--participants", type=int, default=12)
    options.add_argument("--port", type=int, default=8080)
    chosen = options.parse_args()
    hub = Hub(simulated=True)
    feeder = Feeder(hub, chosen.participants)
    app = create_app(hub, actions=feeder, burden=lambda _: DemoBurden(judged=60, useful_share=0.62))
    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=chosen.port, log_level="warning", **SERVER)
    )
    async with asyncio.TaskGroup() as tasks:
        feeding = tasks.create_task(feed(feeder))
        await server.serve()
        feeding.cancel()


if __name__ == "__main__":
    asyncio.run(main())
