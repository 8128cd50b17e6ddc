"""The live core, turned by hand: what it tells, keeps and acknowledges."""

from __future__ import annotations

import numpy as np

from alerts.policy import load_policy
from processors.records import NS_PER_S, Block, Chunk, pack
from streams.live import LiveCore, Told
from tests.scenes import even_bounds, scene, steps


def play(core: LiveCore, length_s: float) -> list[Told]:
    return [
        core.step(until_ns, rows) for until_ns, rows in steps(scene(), even_bounds(200, length_s))
    ]


def scalar(signal: str, value: float, t_s: float, variant: str = "") -> Block:
    t_ns = np.array([round(t_s * NS_PER_S)], np.int64)
    samples = np.array([[value]], np.float32)
    return pack([Chunk("kim", "d", signal, int(t_ns[0]), samples, seq=int(t_s), variant=variant,
                       t_ns=t_ns)])  # fmt: skip


def test_features_are_told_each_time_and_kept_every_five_seconds() -> None:
    told = play(LiveCore(load_policy()), 30)
    rates = [r for t in told for r in t.features if r.name == "heart_rate"]
    kept = [r for t in told for r in t.kept if r.name == "heart_rate" and r.kind == "features"]
    of = "calm"
    n_told = sum(list(r.participants).count(of) for r in rates)
    n_kept = sum(list(r.participants).count(of) for r in kept)
    assert n_told > 20
    assert n_told / 7 < n_kept <= n_told / 4
    # The device's own heart rate has the same name and is kept beside it.
    scalars = [r for t in told for r in t.kept if r.name == "heart_rate" and r.kind == "scalars"]
    assert sum(list(r.participants).count(of) for r in scalars) >= 5


def test_a_spot_value_is_kept_each_time() -> None:
    core = LiveCore(load_policy())
    rows = [core.step((k + 1) * NS_PER_S, [scalar("spo2", 97, k, "spot")]) for k in range(3)]
    assert [r.name for t in rows for r in t.kept] == ["spo2.spot"] * 3


def test_rows_that_cannot_be_used_stop_nothing() -> None:
    core = LiveCore(load_policy())
    bad = scalar("no_such_signal", 1, 0)
    told = core.step(NS_PER_S, [bad, scalar("spo2", 97, 0), scalar("spo2", 97, 0, "sideways")])
    assert [r.name for r in told.kept] == ["spo2"]


def test_an_acknowledgement_lets_no_deadline_pass_that_data_to_come_may_lift() -> None:
    """The person's clock may be a minute ahead of an engine that is behind."""
    core = LiveCore(load_policy())
    alarms = [change.alarm for told in play(core, 40) for change in told.alarms]
    open_alarm = next(core.alarms.alarm(a.id) for a in alarms if core.alarms.alarm(a.id))
    assert open_alarm is not None
    changes = core.acknowledge(open_alarm.id, "kim")
    assert changes[0].alarm.state == "acknowledged"
    assert {change.alarm.id for change in changes} == {open_alarm.id}
    assert changes[0].t_ns <= 40 * NS_PER_S


def test_an_alarm_that_is_over_cannot_be_acknowledged() -> None:
    assert LiveCore(load_policy()).acknowledge("nothing", "kim") == []


def test_alarms_left_open_are_taken_over() -> None:
    first = LiveCore(load_policy())
    play(first, 40)
    left = first.alarms.alarms()
    assert left
    second = LiveCore(load_policy())
    second.adopt(left, 40 * NS_PER_S)
    assert {a.id for a in second.alarms.alarms()} <= {a.id for a in left}
