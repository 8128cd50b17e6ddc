from itertools import islice
from time import process_time

import numpy as np
import pytest

from device_bridges.generator.bridge import GeneratorBridge
from device_bridges.generator.rhythm import Story
from processors.records import NS_PER_S, row_chunk, sample_times_ns

MS = 1_000_000


def samples_by_channel(bridge, duration_ns, step_ns=200 * MS):
    """Join what a bridge sends: NaN where a channel is silent."""
    found = {}
    for _, blocks in islice(bridge.steps(step_ns), duration_ns // step_ns):
        for block in blocks:
            for chunk in (row_chunk(block, r) for r in range(block.n_rows)):
                rate_hz = chunk.fs_hz or 1.0
                n = int(-(-duration_ns * rate_hz // NS_PER_S))
                key = (chunk.participant, chunk.signal)
                held = found.setdefault(key, np.full(n, np.nan))
                assert np.isnan(held[chunk.seq : chunk.seq + len(chunk.samples)]).all()
                held[chunk.seq : chunk.seq + len(chunk.samples)] = chunk.samples[:, 0] * chunk.scale
    return found


@pytest.fixture(scope="module")
def minutes():
    """Five minutes of 60 people."""
    bridge = GeneratorBridge(60)
    return bridge, samples_by_channel(bridge, 300 * NS_PER_S, 1000 * MS)


def ids_of(bridge, story):
    return [bridge.participants[row].id for row in bridge._hearts.rows_of(story)]


@pytest.mark.parametrize("step_ms", [137, 1000, 30_000])
def test_how_time_is_cut_into_steps_changes_nothing(step_ms):
    duration_ns = 60 * NS_PER_S // (step_ms * MS) * step_ms * MS
    one = samples_by_channel(GeneratorBridge(40), 60 * NS_PER_S)
    two = samples_by_channel(GeneratorBridge(40), duration_ns, step_ms * MS)
    assert one.keys() == two.keys()
    for key, held in two.items():
        assert np.array_equal(one[key][: len(held)], held, equal_nan=True)


def test_the_seed_decides_everything():
    one, same, other = (
        samples_by_channel(GeneratorBridge(5, seed=s), 2 * NS_PER_S) for s in (1, 1, 2)
    )
    key = ("P-0001", "ecg")
    assert np.array_equal(one[key], same[key])
    assert not np.array_equal(one[key], other[key])


def test_signals_have_their_rates_units_and_times():
    base_ns = 1_700_000_000 * NS_PER_S
    until_ns, blocks = next(GeneratorBridge(7, base_ns=base_ns).steps(NS_PER_S))
    assert until_ns == base_ns + NS_PER_S
    ecg, ppg = blocks[:2]
    assert (ecg.signal, ecg.fs_hz[0], ecg.samples.dtype) == ("ecg", 250.0, np.int16)
    assert (ppg.signal, ppg.fs_hz[0], ppg.samples.dtype) == ("ppg", 100.0, np.int16)
    assert ecg.participants == tuple(f"P-{i:04}" for i in range(1, 8))
    assert ecg.t0_ns.tolist() == [base_ns] * 7
    later = next(b for b in blocks[2:] if b.signal == "ecg")
    assert later.t0_ns[0] == sample_times_ns(base_ns, 250.0, int(later.seq[0]) + 1)[-1]


def test_heart_rates_come_each_second_at_their_own_times():
    blocks = [
        b
        for _, bs in islice(GeneratorBridge(3).steps(), 50)
        for b in bs
        if b.signal == "heart_rate"
    ]
    assert all(block.t_ns is not None and block.t_ns[0] % NS_PER_S == 0 for block in blocks)
    assert np.diff([block.t_ns[0] for block in blocks]).tolist() == [NS_PER_S] * (len(blocks) - 1)


def test_most_people_are_in_sinus_rhythm_at_a_resting_rate(minutes):
    bridge, held = minutes
    calm = ids_of(bridge, Story.NONE)
    assert len(calm) == 40
    for participant in calm:
        rate = held[participant, "heart_rate"][10:]
        assert 45 < np.nanmin(rate) <= np.nanmax(rate) < 105
        assert not np.isnan(held[participant, "ecg"]).any()


def test_r_waves_stand_out_and_lie_at_the_beats_of_the_heart(minutes):
    bridge, held = minutes
    for participant in ids_of(bridge, Story.NONE)[:10]:
        ecg = held[participant, "ecg"]
        peaks = (
            np.flatnonzero((ecg[1:-1] > 0.4) & (ecg[1:-1] >= ecg[:-2]) & (ecg[1:-1] > ecg[2:])) + 1
        )
        peaks = peaks[np.concatenate([[True], np.diff(peaks) > 75])]
        rate = 60.0 / np.median(np.diff(peaks) / 250.0)
        assert rate == pytest.approx(np.nanmean(held[participant, "heart_rate"]), rel=0.06)


def test_within_five_minutes_everything_is_seen(minutes):
    bridge, held = minutes
    rates = {story: [held[one, "heart_rate"] for one in ids_of(bridge, story)] for story in Story}
    assert all(len(rates[story]) >= 1 for story in Story)
    assert all(np.nanmax(rate) > 140 for rate in rates[Story.TACHYCARDIA])
    assert all(np.nanmin(rate) < 40 for rate in rates[Story.BRADYCARDIA])
    for participant in ids_of(bridge, Story.LEAD_OFF):
        ecg = held[participant, "ecg"]
        assert 20 * 250 <= (ecg > 9.5).sum() <= 55 * 250
    for participant in ids_of(bridge, Story.SILENCE):
        lost = np.isnan(held[participant, "ecg"])
        assert lost.sum() in range(20 * 250 - 2, 60 * 250 + 3)
        assert not lost[-1250:].all()
        assert np.isnan(held[participant, "ppg"]).sum() == pytest.approx(lost.sum() / 2.5, abs=3)


def beats(story, seconds=300.0):
    """Give R times and kinds of the first person with a story."""
    bridge = GeneratorBridge(36)
    hearts = bridge._hearts
    row = int(hearts.rows_of(story)[0])
    r_s, kinds = [], []
    for t_s in np.arange(0.1, seconds, 0.1):
        hearts.draw_until(t_s)
        if not r_s or hearts.r_s[row, -1] > r_s[-1]:
            r_s.append(float(hearts.r_s[row, -1]))
            kinds.append(int(hearts.kind[row, -1]))
    return np.array(r_s), np.array(kinds)


def runs(kinds):
    """Give the lengths of runs of ventricular beats."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kinds == 1, [0]]).astype(int)))
    return (edges[1::2] - edges[::2]).tolist()


@pytest.mark.parametrize(
    ("story", "lengths"),
    [
        (Story.SINGLES, {1}),
        (Story.BIGEMINY, {1}),
        (Story.COUPLETS, {2}),
        (Story.SHORT_RUNS, {3, 4, 5}),
        (Story.LONG_RUN, {9}),
        (Story.NONE, set()),
    ],
)
def test_ventricular_beats_come_in_the_runs_of_the_story(story, lengths):
    _, kinds = beats(story)
    found = runs(kinds)
    assert set(found) <= lengths
    assert bool(found) == bool(lengths)


def test_a_premature_beat_is_early_and_followed_by_a_longer_wait():
    r_s, kinds = beats(Story.SINGLES)
    rr_s = np.diff(r_s)
    usual = np.median(rr_s)
    for k in np.flatnonzero(kinds[1:-1] == 1) + 1:
        assert rr_s[k - 1] < 0.75 * usual
        assert rr_s[k] > 1.2 * usual


def test_bigeminy_has_at_least_three_cycles():
    _, kinds = beats(Story.BIGEMINY)
    text = "".join("NV."[kind] for kind in kinds)
    assert "NVNVNVNV" in text


def test_a_pause_lasts_three_and_a_half_seconds():
    r_s, _ = beats(Story.PAUSE)
    long_waits = np.diff(r_s)[np.diff(r_s) > 2.5]
    assert len(long_waits) >= 2
    assert ((long_waits >= 3.5) & (long_waits < 3.9)).all()


def test_fibrillation_is_irregular():
    r_s, _ = beats(Story.FIBRILLATION)
    rr_s = np.diff(r_s)
    assert rr_s.std() / rr_s.mean() > 0.15


def test_lead_flags_agree_with_the_rail(minutes):
    bridge, held = minutes
    controls = bridge.controls(0, 300 * NS_PER_S)
    assert {control.participant for control in controls} == set(ids_of(bridge, Story.LEAD_OFF))
    for control in controls:
        i = control.t_ns * 250 // NS_PER_S
        ecg = held[control.participant, "ecg"]
        assert (ecg[i + 2] > 9.5) == (control.values["off"] == 1.0)
    parts = [c for k in range(300) for c in bridge.controls(k * NS_PER_S, (k + 1) * NS_PER_S)]
    assert parts == controls


def test_people_have_names_ages_and_groups():
    people = GeneratorBridge(60).participants
    assert len({one.id for one in people}) == 60
    assert len({one.name for one in people}) == 60
    assert all(one.group and 18 <= one.age_years <= 100 for one in people)
    assert any(one.event for one in people)
    assert all(one.event == (one.group == "Trail day") for one in people)


def test_nobody_is_a_bridge_too():
    _, blocks = next(GeneratorBridge(0).steps())
    assert blocks == []


@pytest.mark.bench
@pytest.mark.parametrize(("n", "share"), [(500, 0.05), (2000, 0.30)])
def test_people_cost_little(n, share):
    steps = GeneratorBridge(n).steps()
    next(steps)
    began = process_time()
    list(islice(steps, 50))
    assert (process_time() - began) / 10.0 < share
