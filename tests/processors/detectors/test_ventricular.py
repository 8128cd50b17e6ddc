import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.detectors.ventricular import Ventricular
from processors.features.beat_class import BeatClass
from processors.records import OFFSET, ONSET, POINT
from tests.naive.recordings import streams_of
from tests.naive.rows import NS, assert_cuts_do_not_matter, feed, rows_of
from tests.naive.ventricular import CODES
from tests.naive.ventricular import findings as slow_findings

LAG = 600_000_000
LABEL = dict(zip("NSVFQ", (1.0, 2.0, 3.0, 4.0, 5.0), strict=True))


def labels(text, rr_ms=None, start_ns=0, form=1.0):
    """One record per letter; V come after 450 ms unless told otherwise, others after 800.

    The form is that of V, others have 0.
    """
    records, r = [], start_ns
    for letter in text:
        rr = rr_ms or (450.0 if letter == "V" else 800.0)
        r += round(rr * 1e6)
        own = form if letter == "V" else 0.0
        records.append((r + LAG, 0, (float(LAG), LABEL[letter], 0.0, 0.0, rr, own)))
    return records


def revised(record, letter, known_ns):
    t, _, v = record
    return (known_ns, 0, (v[0] + known_ns - t, LABEL[letter], 0.0, 1.0, v[4], v[5]))


def run(records, until_ns=None):
    until = until_ns or records[-1][0] + 20 * NS
    return {k[8:]: rows for k, rows in rows_of(feed(Ventricular(), {0: records}, until, 6)).items()}


@st.composite
def scenes(draw):
    pieces = [
        "N",
        "NN",
        "V",
        "VV",
        "VVVVV",
        "NVNVNV",
        "NNVNNVNNV",
        "Q",
        "QQ",
        "QQQ",
        "F",
        "S",
        "V" * 9,
    ]
    text = "".join(draw(st.lists(st.sampled_from(pieces), max_size=14)))
    records, r, last = [], 0, None
    for letter in text:
        if letter == "V":
            rr = draw(st.sampled_from([250.0, 440.0, 440.0, 520.0, 900.0, 1600.0]))
        else:
            rr = draw(st.sampled_from([800.0, 800.0, 1050.0, 5800.0]))
        r += round(rr * 1e6)
        shown = math.nan if draw(st.integers(0, 25)) == 0 else rr
        form = draw(st.sampled_from([1.0] * 9 + [0.0, 2.0] if letter == "V" else [0.0] * 9 + [2.0]))
        known = r + LAG
        if last is not None and draw(st.integers(0, 6)) == 0:
            other = draw(st.sampled_from("NV"))
            records.append(revised(last, other, known))
        last = (known, 0, (float(LAG), LABEL[letter], 0.0, 0.0, shown, form))
        records.append(last)
    for k in range(draw(st.integers(0, 4))):
        t = draw(st.integers(0, max(r // 100_000_000, 1))) * 100_000_000 + 7 + k
        kind = float(draw(st.integers(0, 2)))
        records.append((t, 1, (kind, 2.0 * NS, draw(st.sampled_from([150.0, 190.0])))))
    for k in range(draw(st.integers(0, 4))):
        t = draw(st.integers(0, max(r // 100_000_000, 1))) * 100_000_000 + 20 + k
        records.append((t, 2, (draw(st.sampled_from([0.2, 0.9])),)))
    records.sort(key=lambda record: record[:2])
    return records, r + draw(st.sampled_from([1, 4, 8, 90])) * NS


@given(scenes())
@settings(max_examples=150, deadline=None)
def test_the_kernel_equals_its_slow_twin(scene):
    records, until = scene
    found = rows_of(feed(Ventricular(), {0: records}, until, 6))
    mine = {
        name[8:]: [(*row[1:5], row[6] if name[8:] in CODES[:6] else None) for row in rows]
        for name, rows in found.items()
    }
    assert mine == slow_findings([r for r in records if r[0] <= until], until)


@given(scenes(), scenes(), st.lists(st.integers(0, 60 * NS), max_size=6))
@settings(max_examples=40, deadline=None)
def test_cuts_and_company_do_not_matter(one, other, cuts):
    rows = {0: one[0], 6: other[0]}
    assert_cuts_do_not_matter(Ventricular, rows, max(one[1], other[1]), 6, cuts)


@pytest.mark.parametrize(
    ("text", "code", "beats"),
    [
        ("NNVVNN", "pvc_couplet", 2), ("NNVVVNN", "vt_nonsustained", 3),
        ("NNVVVVVNN", "vt_nonsustained", 5),
    ],
)  # fmt: skip
def test_a_run_is_reported_once_when_it_is_over(text, code, beats):
    found = run(labels(text))
    assert set(found) == {code}
    (row,) = found[code]
    assert row[1] == 2050 * 1_000_000  # its first V
    assert (row[4], row[7]) == (POINT, float(beats))


def test_slow_runs_are_runs_and_from_five_on_a_rhythm():
    assert set(run(labels("NNVVVNN", rr_ms=600.0))) == {"pvc_run"}
    on, off = run(labels("NN" + "V" * 7 + "NN", rr_ms=600.0))["ventricular_rhythm"]
    assert (on[4], on[6], off[4]) == (ONSET, pytest.approx(100.0), OFFSET)
    assert set(run(labels("NN" + "V" * 7 + "NN", rr_ms=1600.0))) == {"ventricular_bradycardia"}


def test_what_is_bent_in_a_bad_second_is_no_v():
    records = labels("NN" + "V" * 9 + "NN")
    assert set(run([(0, 2, (0.4,)), *records])) == set()
    assert set(run([(0, 2, (0.6,)), *records])) == {"vt"}


def test_a_run_outlasts_two_beats_that_cannot_be_read_and_ends_with_the_third():
    on, off = run(labels("NN" + "V" * 6 + "QQ" + "VVV" + "NN", rr_ms=450.0))["vt"]
    assert off[2] - on[1] == 10 * 450_000_000
    on, off = run(labels("NN" + "V" * 6 + "QQQ" + "VV" + "NN", rr_ms=450.0))["vt"]
    assert off[2] - on[1] == 5 * 450_000_000


def test_vt_is_out_as_soon_as_the_sixth_v_is_labelled_and_ends_at_its_last():
    records = labels("NN" + "V" * 8 + "NNN")
    on, off = run(records)["vt"]
    assert on[3] == records[7][0]
    assert on[1] == records[2][0] - LAG
    assert off[2] == records[9][0] - LAG


@pytest.mark.parametrize(
    ("rr_ms", "code"),
    [(450.0, "vt"), (600.0, "ventricular_rhythm"), (1600.0, "ventricular_bradycardia")],
)
def test_the_value_of_a_run_is_its_rate_at_the_end_as_at_the_beginning(rr_ms, code):
    on, off = run(labels("NN" + "V" * 9 + "NN", rr_ms=rr_ms))[code]
    assert (on[4], off[4]) == (ONSET, OFFSET)
    for row in (on, off):
        assert row[6] == row[8] == pytest.approx(60_000.0 / rr_ms)
    assert off[7] == 9.0


def test_half_a_minute_of_ventricular_rhythm_at_100_is_vt():
    found = run(labels("NN" + "V" * 60, rr_ms=560.0))
    assert [row[4] for row in found["ventricular_rhythm"]] == [ONSET, OFFSET]
    assert found["vt"][0][3] - found["vt"][0][1] >= 30 * NS


def test_a_sixth_v_that_is_taken_back_ends_the_vt():
    records = labels("NN" + "V" * 6 + "NN")
    back = revised(records[7], "N", records[8][0])
    found = run(sorted([*records, back], key=lambda r: (r[0], -r[2][3])))
    assert [row[4] for row in found["vt"]] == [ONSET, OFFSET]
    assert found["vt"][1][2] == records[6][0] - LAG


@pytest.mark.parametrize("letter", "NSF")
def test_other_beats_break_a_run_and_a_q_beat_does_not(letter):
    assert "vt" not in run(labels(f"NNVVV{letter}VVVNN"))
    assert "vt" in run(labels("NNVVVQVVVNN", rr_ms=400.0))


def test_a_gap_breaks_a_run():
    records = labels("NNVVVVVVVNN")
    t, source, v = records[5]
    records[5] = (t, source, (*v[:4], math.nan, v[5]))
    assert "vt" not in run(records)


@pytest.mark.parametrize(("unit", "code"), [("NV", "pvc_bigeminy"), ("NNV", "pvc_trigeminy")])
def test_three_cycles_make_bigeminy_and_trigeminy(unit, code):
    assert code not in run(labels("N" + unit * 2 + "NNNN"))
    on, off = run(labels("N" + unit * 3 + "NNNN"))[code]
    assert (on[4], on[1]) == (ONSET, 1600 * 1_000_000)
    assert off[4] == OFFSET


def test_ten_v_in_a_minute_are_frequent_until_they_are_rarer():
    on, off = run(labels("NNNV" * 10 + "N" * 90))["pvc_frequent"]
    assert (on[4], off[4]) == (ONSET, OFFSET)
    assert off[2] - on[1] == 60 * NS
    assert "pvc_frequent" not in run(labels("NNNV" * 9 + "N" * 90))


def test_two_forms_of_v_within_15_beats_are_multiform():
    one = labels("NNNNVNN")
    two = labels("NVNN", start_ns=one[-1][0], form=2.0)
    far = labels("N" * 20 + "VNN", start_ns=one[-1][0], form=2.0)
    assert len(run([*one, *two])["pvc_multiform"]) == 1
    assert "pvc_multiform" not in run([*one, *far])


def test_a_form_that_normal_beats_have_too_is_no_second_form_of_v():
    """As in fast atrial fibrillation, where a beat is V by its time."""
    one = labels("NNNNVNN")
    early = labels("NVNN", start_ns=one[-1][0], form=0.0)
    assert "pvc_multiform" not in run([*one, *early])


def test_an_r_on_t_is_early_and_followed_by_a_pause():
    before = labels("NNNNNN", rr_ms=900.0)
    early = labels("V", rr_ms=280.0, start_ns=before[-1][0] - LAG)
    for after, expected in ((1200.0, True), (1000.0, False)):
        later = labels("NN", rr_ms=after, start_ns=early[-1][0] - LAG)
        assert ("pvc_r_on_t" in run([*before, *early, *later])) == expected


def labels_of(record, seconds):
    """Give the ``beat_labels`` of the start of a real record."""
    windows = streams_of(record, seconds)["beat_windows"]
    (output,) = feed(BeatClass(), {0: windows}, windows[-1][0], 104)
    block = output.derived[0]
    return [(int(t), 0, tuple(v)) for t, v in zip(block.t_ns, block.values.tolist(), strict=True)]


def test_bigeminy_of_record_119_and_runs_of_record_203_and_205_show():
    # Reference rhythm marks of 119: 37 times bigeminy in 30 min; V come one by one, never in runs.
    found = run(labels_of("119", 1800))
    onsets = [row for row in found["pvc_bigeminy"] if row[4] == ONSET]
    assert abs(len(onsets) - 37) <= 3
    assert not {"pvc_couplet", "pvc_run", "vt", "vt_nonsustained"} & set(found)
    # Reference beats of 203: 21 runs of 3 to 9 V; 15 of them were found when this was written.
    runs = run(labels_of("203", 1800))
    starts = [row for code in ("vt", "vt_nonsustained", "pvc_run") for row in runs[code]]
    assert sum(row[4] != OFFSET for row in starts) >= 14
    # Reference beats of 205: runs of 8 and 9 V at 181 and 200 /min from 299.0 and 303.5 s.
    vt = [row for row in run(labels_of("205", 400))["vt"] if row[4] == ONSET]
    assert [round(row[1] / NS, 1) for row in vt] == [299.0, 303.5]


def waves(t_s, kind, rate=180.0):
    return (round(t_s * NS), 1, (float(kind), 2.0 * NS, rate))


def test_beats_that_have_grown_into_waves_are_vt():
    on, off = run([*labels("NNNN"), waves(6.0, 1), waves(11.0, 0)])["vt"]
    assert (on[2], on[6], on[7]) == (4 * NS, 180.0, None)
    assert (off[1], off[2]) == (on[1], 9 * NS)


def test_vt_of_beats_goes_on_as_that_of_waves_and_ends_with_the_later():
    records = labels("NN" + "V" * 8 + "NNN")
    end = records[9][0]
    (on, off) = run(sorted([*records, waves(5.0, 1), waves(9.0, 0)], key=lambda x: x[0]))["vt"]
    assert on[1] == records[2][0] - LAG
    assert off[2] == 7 * NS
    early = run(sorted([*records, waves(5.0, 1), waves(5.5, 0)], key=lambda x: x[0]))["vt"]
    assert early[1][2] == end - LAG


def test_in_fibrillation_nothing_is_told_of_beats():
    records = labels("NN" + "V" * 8)
    assert run([waves(0.1, 2), *records]) == {}
    assert set(run([waves(0.1, 2), waves(0.2, 0), *records])) == {"vt"}


def test_fibrillation_ends_the_vt_it_comes_of():
    records = labels("NN" + "V" * 8)
    at_s = records[-1][0] / NS + 0.1
    _, off = run([*records, waves(at_s, 2)])["vt"]
    assert off[2] == max(round(at_s * NS) - 2 * NS, records[2][0] - LAG)
