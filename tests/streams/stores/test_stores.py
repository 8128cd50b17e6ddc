"""What every store does; one suite over all back ends."""

from __future__ import annotations

import math
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alerts.alarm import AlarmChange, AlarmState, Text
from alerts.audit import Audit
from alerts.inactivation import Inactivation
from alerts.lifecycle import AlarmCore
from alerts.policy import load_policy
from processors.errors import ContractError
from registry.participants import Participant
from streams.stores import FEATURES, SCALARS, WATCHED, Series, Store, StoreError, Watched, n_rows
from tests.naive import burden as naive
from tests.streams.stores.back_ends import BACK_ENDS, BackEnd
from tests.streams.stores.stories import (
    FINDINGS,
    T0_NS,
    alarm_changes,
    at,
    feature_rows,
    scalar_rows,
    strip,
    told,
)


@pytest.fixture(params=sorted(BACK_ENDS), scope="module")
def back_end(request) -> BackEnd:
    return BACK_ENDS[request.param](request.getfixturevalue)


@pytest.fixture
def reopen(back_end, tmp_path):
    """Give a function that opens the store, closing the one opened before."""
    opened: list[Store] = []

    def again() -> Store:
        for store in opened:
            store.close()
        opened.append(back_end.open(tmp_path))
        return opened[-1]

    yield again
    for store in opened:
        store.close()


@pytest.fixture
def store(reopen) -> Store:
    return reopen()


def same(a, b):
    """Compare by text: NaN is not equal to itself."""
    return repr(a) == repr(b)


def test_an_empty_store_gives_nothing(store):
    assert store.findings() == store.open_alarms() == store.alarms() == []
    assert store.findings("p1") == store.participants() == store.acknowledgements("p1") == []
    assert store.finding_history("x") == store.alarm_history("x") == []
    assert store.strips(["x"]) == {}
    assert len(store.series(FEATURES, "hrv", "p1", 0, at(9)).t_ns) == 0
    assert store.write([]) == 0


def test_features_come_back_in_the_order_of_time(store):
    store.write([feature_rows([300, 5, 0]), feature_rows([60])])
    series = store.series(FEATURES, "hrv", "p2", at(0), at(1000))
    assert series.columns == ("sdnn_ms", "rmssd_ms")
    assert series.t_ns.tolist() == [at(0), at(5), at(60), at(300)]
    np.testing.assert_allclose(series.values[:, 0], [0.01, 5.01, 60.01, 300.01])
    np.testing.assert_allclose(series.values[:, 1], [0.011, 5.011, 60.011, 300.011])


@pytest.mark.parametrize("kind", [FEATURES, SCALARS])
def test_a_range_has_its_start_and_not_its_end(store, kind):
    make = feature_rows if kind == FEATURES else scalar_rows
    name = "hrv" if kind == FEATURES else "spo2"
    store.write([make([59, 60, 61, 119, 120])])
    times = store.series(kind, name, "p1", at(60), at(120)).t_ns.tolist()
    assert times == [at(60), at(61), at(119)]
    assert len(store.series(kind, name, "p1", at(60), at(60)).t_ns) == 0
    assert len(store.series(kind, name, "p1", -(2**63), 2**63 - 1).t_ns) == 5


def test_features_and_scalars_of_one_name_are_kept_apart(store):
    store.write([feature_rows([1], name="spo2", columns=("spo2",)), scalar_rows([2])])
    assert store.series(FEATURES, "spo2", "p1", at(0), at(9)).t_ns.tolist() == [at(1)]
    assert store.series(SCALARS, "spo2", "p1", at(0), at(9)).t_ns.tolist() == [at(2)]


def test_times_before_the_epoch_and_missing_values_are_kept(store, back_end):
    rows = feature_rows([0])
    rows = replace(rows, t_ns=rows.t_ns - T0_NS - 90_000_000_001, values=rows.values * np.nan)
    store.write([rows])
    series = store.series(FEATURES, "hrv", "p1", -100_000_000_000, 0)
    exact = back_end.resolution_ns
    assert series.t_ns.tolist() == [-90_000_000_001 // exact * exact]
    assert np.isnan(series.values).all()


def test_any_value_may_be_missing_and_every_number_comes_back_to_the_bit(store):
    values = np.array([[math.nan, 1.5], [1e300, -5e-324], [-0.1, math.nan], [math.nan] * 2])
    rows = replace(feature_rows([1, 2], people=("p1", "P 2, a=b%s")), values=values)
    store.write([rows])
    for k, who in enumerate(("p1", "P 2, a=b%s")):
        series = store.series(FEATURES, "hrv", who, at(0), at(9))
        assert series.t_ns.tolist() == [at(1), at(2)]
        np.testing.assert_array_equal(series.values, values[k::2])
    assert store.names(FEATURES) == ["hrv"]
    assert store.names(SCALARS) == []


def test_a_feature_with_a_new_column_is_read_with_what_was_stored_before(store):
    store.write([feature_rows([1]), feature_rows([2], columns=("rmssd_ms", "pnn50"))])
    series = store.series(FEATURES, "hrv", "p1", at(0), at(9))
    assert series.columns == ("rmssd_ms", "pnn50")
    np.testing.assert_array_equal(series.values, [[1.001, math.nan], [2.0, 2.001]])


def test_values_that_do_not_fit_the_columns_are_refused_and_nothing_is_kept(store):
    wrong = replace(feature_rows([2]), columns=("sdnn_ms",))
    with pytest.raises(ContractError, match="hrv"):
        store.write([feature_rows([1]), wrong])
    with pytest.raises(ContractError, match="kind"):
        store.write([feature_rows([1], kind="kind")])
    assert len(store.series(FEATURES, "hrv", "p1", at(0), at(9)).t_ns) == 0
    assert store.write([feature_rows([1])]) == 2
    assert len(store.series(FEATURES, "hrv", "p1", at(0), at(9)).t_ns) == 1


def test_a_finding_is_read_as_last_told_with_its_history_beside(store):
    store.write(FINDINGS)
    assert [f.code for f in store.findings()] == ["tachycardia", "pause", "asystole"]
    assert [f.code for f in store.findings("p1")] == ["pause", "asystole"]
    assert store.findings("p1")[1] == FINDINGS[2]
    assert store.finding_history(FINDINGS[0].id) == list(FINDINGS[:3])
    pause = store.findings("p1")[0]
    assert math.isnan(pause.value)
    assert pause.evidence == {"rr_s": 3.2}


def test_findings_are_limited_by_number_and_by_time(store):
    store.write(FINDINGS)
    assert [f.code for f in store.findings(limit=1)] == ["tachycardia"]
    assert [f.code for f in store.findings(since_ns=at(33))] == ["tachycardia", "pause"]


def test_alarms_are_read_as_they_are_now_with_every_change_beside(store):
    changes = alarm_changes()
    store.write(changes)
    assert [a.code for a in store.open_alarms()] == ["pause", "tachycardia"]
    assert [a.code for a in store.alarms()] == ["tachycardia", "asystole", "pause"]
    asystole = store.alarms("p1")[0]
    assert (asystole.state, asystole.acknowledged_by) == ("ended", "kim")
    assert asystole.reason.ko == "심정지: QRS 없음 5.0초"
    expected = [change for change in changes if change.alarm.id == asystole.id]
    assert same(store.alarm_history(asystole.id), expected)
    assert [c.kind for c in expected] == ["raised", "revised", "latched", "acknowledged", "ended"]


def test_who_acknowledged_is_kept(store):
    store.write(alarm_changes())
    (one,) = store.acknowledgements("p1")
    assert (one.by, one.t_ns, one.participant) == ("kim", at(50), "p1")


def test_open_alarms_bring_an_alarm_core_back_after_a_restart(reopen):
    changes = alarm_changes()
    reopen().write(changes)
    core = AlarmCore(load_policy())
    restored = core.adopt(reopen().open_alarms(), at(130))
    assert {change.kind for change in restored} == {"restored"}
    assert {a.code for a in core.alarms()} == {"pause", "tachycardia"}


def audits():
    return [
        Audit(at(1), "kim", "limits", "p1", "tachycardia", "athlete", {"high": "180"}),
        Audit(at(2), "lee", "audio_off", "", "", "night", {}),
        Audit(at(2), "kim", "audio_off", "p2", "", "\uc7a0", {"until": "07:00"}),
    ]


def test_the_audit_is_read_newest_first_and_by_participant(store):
    store.write(audits())
    assert store.audit() == audits()[::-1]
    assert store.audit("p1") == audits()[:1]
    assert store.audit(since_ns=at(2), limit=1) == audits()[2:]
    assert store.audit("nobody") == []


def test_the_state_of_the_alarm_core_is_the_one_last_written(store):
    first = AlarmState("p1", at(1), {"tracks": {"af": [1, None, 0.5]}, "\uc774\ub984": "\uae40"})
    store.write([first, AlarmState("p2", at(1), {})])
    store.write([AlarmState("p2", at(3), {"a": 1})], durable=True)
    assert store.alarm_states() == [first, AlarmState("p2", at(3), {"a": 1})]


def test_an_alarm_is_read_as_it_was_written_with_all_that_explains_it(store):
    bare = alarm_changes()[0].alarm
    quiet = Inactivation("i1", "audio_off", "p1", "", bare.id, "hut", "night", "kim", at(1), at(9))
    whole = replace(
        bare, raised_ns=at(14), step=2, reached=("staff", "clinician"), inactivation=quiet,
        useful=False, evidence={"rate": 31.5, "unknown": math.nan}, limits={"low": 40.0},
        rule=Text("no QRS for 4 s", "4초간 QRS 없음"), value=math.nan,
    )  # fmt: skip
    store.write([AlarmChange("revised", at(20), whole)])
    assert same(store.alarms("p1"), [whole])
    assert same(store.open_alarms(), [whole])
    assert same(store.alarm_history(whole.id)[0].alarm, whole)
    again = replace(bare, evidence={}, limits={}, rule=Text("", ""), raised_ns=0)
    store.write([AlarmChange("revised", at(21), again)])
    assert store.alarms() == [again]


def counted(store, *span):
    return {(c.code, c.priority): (c.alarms, c.acknowledged) for c in store.alarm_counts(*span)}


def test_alarms_are_counted_by_code_however_often_they_change(store):
    changes = alarm_changes()
    for change in changes:  # one transaction each, as they happen
        store.write([change])
    day = (at(0), at(86_400))
    expected = {("asystole", "high"): (1, 1), ("pause", "medium"): (1, 0)}
    assert counted(store, *day, "p1") == expected
    everybody = counted(store, *day)
    assert everybody.items() >= expected.items()
    assert sum(n for n, _ in everybody.values()) == len(store.alarms())
    before = counted(store, *day)
    store.write(changes)  # a replay counts nothing twice
    assert counted(store, *day) == before
    moved = replace(changes[0].alarm, onset_ns=at(0) - 86_400 * 10**9, priority="low")
    store.write([AlarmChange("revised", at(200), moved)])
    assert ("asystole", "high") not in counted(store, *day)
    (one,) = store.alarm_counts(at(-86_400), at(-86_400) + 1)
    assert (one.code, one.priority, one.alarms, one.acknowledged) == ("asystole", "low", 1, 1)
    assert sum(c.n for c in store.answer_counts(at(-86_400), at(-86_400) + 1)) == 1


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["pause", "vt", "asystole"]), st.sampled_from(["point", "answer", "tick"]),
        st.floats(0.01, 900.0), st.sampled_from([None, True, False]),
    ),
    max_size=25,
)  # fmt: skip


def story_of(steps):
    """Give what the alarm core makes of findings, answers and time that passes."""
    core, changes, t_s = AlarmCore(load_policy()), [], 0.0
    for code, act, wait_s, useful in steps:
        t_s += wait_s
        if act == "point":
            changes += core.apply(told(code, "point", t_s, t_s))
        elif act == "tick":
            changes += core.tick(at(t_s))
        else:
            for alarm in core.alarms():
                changes += core.acknowledge(alarm.id, "kim", at(t_s), useful=useful)
    return changes


def check_counts(store, changes):
    span = (at(-86_400), at(86_400))
    assert store.alarm_counts(*span) == naive.alarm_counts(changes)
    found = store.answer_counts(*span)
    expected = naive.answer_counts(changes)
    assert [(c.priority, c.n) for c in found] == [(c.priority, c.n) for c in expected]
    np.testing.assert_allclose(
        [c.least_s for c in found], [c.least_s for c in expected], rtol=1e-12
    )


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS, st.integers(1, 7))
def test_what_a_store_has_counted_is_what_counting_every_alarm_gives(back_end, steps, size):
    changes = story_of(steps)
    with tempfile.TemporaryDirectory() as folder:
        store = back_end.open(Path(folder))
        for _ in range(2):  # a replay counts nothing twice
            for k in range(0, len(changes), size):
                store.write(changes[k : k + size])
            check_counts(store, changes)
        store.close()


def test_what_is_forgotten_stays_counted_and_what_is_open_stays(store):
    changes = alarm_changes()
    store.write([*changes, *FINDINGS, strip(FINDINGS[0]), feature_rows([1, 99]), *audits()])
    store.forget(at(50), at(10_000))
    assert store.series(FEATURES, "hrv", "p1", at(0), at(999)).t_ns.tolist() == [at(99)]
    assert store.findings() == []
    assert store.strips([FINDINGS[0].id]) == {}
    assert {alarm.code for alarm in store.alarms()} == {"pause", "tachycardia"}
    assert store.alarm_history("a" + FINDINGS[0].id) == []
    assert len(store.audit()) == 3
    check_counts(store, changes)
    assert store.forget(at(50), at(10_000)) == 0


def test_person_time_watched_is_told_by_heart_rates_however_often_they_are_written(store):
    day_s = 86_400
    rows = feature_rows([0, 5, 10, day_s], name=WATCHED, columns=("rate", "source"))
    assert store.watched_s(at(0), at(day_s)) == 0.0
    store.write([rows, feature_rows([15, 20])])  # of two people; of other features nothing counts
    store.write([rows])
    assert store.watched_s(at(0), at(10)) == 2 * 3 * 5.0
    assert store.watched_s(at(0), at(day_s) + 1) == 2 * 4 * 5.0
    assert store.watched_s(at(-day_s), at(-day_s) + 1) == 0.0
    newer = replace(rows, values=rows.values + 1.0)
    store.write([newer, feature_rows([10, 15], name=WATCHED, columns=("rate", "source"))])
    assert store.watched_s(at(0), at(10)) == 2 * 4 * 5.0
    kept = store.series(FEATURES, WATCHED, "p1", at(0), at(6)).values[:, 0]
    np.testing.assert_allclose(kept, [1.0, 6.0])


def test_how_long_each_was_watched_is_told_by_the_heart_rates_that_they_had(store):
    assert store.watched(["p1"], at(0), at(99)) == {}
    rates = feature_rows(range(0, 60, 5), name=WATCHED, columns=("rate", "source"))
    values = rates.values.copy()
    values[[k for k, who in enumerate(rates.participants) if who == "p2"][6:], 0] = math.nan
    values[-2, 0] = -math.nan  # of p1: NaN has a sign
    rates = replace(rates, values=values)
    store.write([rates, feature_rows([1], people=("p3",))])
    store.write([rates])
    told = store.watched(["p1", "p2", "p3", "nobody"], at(0), at(99))
    assert told == {"p1": Watched(55.0, at(50)), "p2": Watched(30.0, at(25))}
    assert store.watched(["p1"], at(10), at(20)) == {"p1": Watched(10.0, at(15))}
    assert store.watched(["p1"], at(70), at(99)) == {}
    assert store.watched(["p1"], -(2**63), 2**63 - 1) == {"p1": told["p1"]}


def test_writing_everything_twice_changes_nothing(store):
    everything = [*FINDINGS, *alarm_changes(), feature_rows(range(90)), scalar_rows([1, 2]),
                  strip(FINDINGS[0]), Participant("p1", "Kim", "ward"), *audits(),
                  AlarmState("p1", at(1), {"a": 1})]  # fmt: skip

    def all_of():
        key = FINDINGS[0].id
        return repr([store.findings(), store.alarms(), store.finding_history(key),
                     store.alarm_history("a" + key), store.acknowledgements("p1"),
                     store.series(FEATURES, "hrv", "p1", 0, at(999)).t_ns.tolist(),
                     store.series(SCALARS, "spo2", "p1", 0, at(999)).values.tolist(),
                     store.strips([key]), store.participants(), store.audit(),
                     store.alarm_states(), store.alarm_counts(at(0), at(99)),
                     store.answer_counts(at(0), at(99))])  # fmt: skip

    store.write(everything)
    before = all_of()
    assert store.write(everything) == sum(map(n_rows, everything))
    assert all_of() == before


def test_a_strip_comes_back_sample_by_sample(store):
    kept = strip(FINDINGS[0])
    store.write([kept])
    found = store.strips([FINDINGS[0].id, "x", FINDINGS[0].id])
    assert list(found) == [FINDINGS[0].id]
    assert same(found[FINDINGS[0].id], kept)
    assert found[FINDINGS[0].id].samples.dtype == np.int16


def test_participants_are_replaced_as_a_whole(store):
    whole = Participant(
        "p1", "Kim", "ward", 71.0, 149.0, 58.0, event=True, posture=1, beta_blocker=False,
        sensitive=True, spo2_low=86.0, place="hut",
    )  # fmt: skip
    store.write([Participant("p2", beta_blocker=True, place="top"), whole])
    store.write([Participant("p2", "Lee")])
    assert repr(store.participants()) == repr([whole, Participant("p2", "Lee")])  # True is not 1


def test_all_is_there_after_a_restart(reopen):
    reopen().write([*FINDINGS, feature_rows([1, 2])])
    store = reopen()
    assert len(store.findings()) == 3
    store.write([feature_rows([3], people=("p2", "p3"))])
    assert store.series(FEATURES, "hrv", "p2", 0, at(9)).t_ns.tolist() == [at(1), at(2), at(3)]
    assert store.series(FEATURES, "hrv", "p3", 0, at(9)).t_ns.tolist() == [at(3)]


def test_many_threads_read_while_one_writes(store, back_end):
    seen: list[Series] = []
    faults: list[StoreError] = []
    done = threading.Event()

    def read():
        try:
            while not done.is_set():
                seen.append(store.series(FEATURES, "hrv", "p1", 0, at(9999)))
        except StoreError as error:
            faults.append(error)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    for second in range(0, 600, 10):
        store.write([feature_rows(range(second, second + 10))])
    done.set()
    for reader in readers:
        reader.join()
    assert not faults
    assert seen
    if back_end.atomic:  # a transaction is seen whole or not at all
        assert {len(series.t_ns) % 10 for series in seen} <= {0}


def test_a_closed_store_says_so(reopen):
    store = reopen()
    store.close()
    with pytest.raises(StoreError, match="closed"):
        store.write([told("pause", "point", 1, 2)])
    with pytest.raises(StoreError, match="closed"):
        store.findings()
