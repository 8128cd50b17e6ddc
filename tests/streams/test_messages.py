"""Controls, findings and series: lossless, versioned, and safe against any bytes."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.act import Act
from alerts.alarm import Alarm, AlarmChange, Text
from alerts.audit import Audit
from alerts.holds import Held, Suspension
from alerts.inactivation import Inactivation
from processors.errors import WireError
from processors.records import STATE_WORDS, Control, Finding, finding_id
from registry.participants import Participant
from streams.alarm_messages import (
    ACT,
    ALARMS,
    AlarmNews,
    decode_acts,
    decode_alarms,
    encode_acts,
    encode_alarms,
)
from streams.frame import MAX_BYTES, PREFIX_BYTES, Form
from streams.messages import (
    CONTROLS,
    DEAD_LETTER,
    FINDINGS,
    PEOPLE,
    PROGRESS,
    SERIES,
    DeadLetter,
    Enrolment,
    decode_controls,
    decode_dead_letter,
    decode_findings,
    decode_people,
    decode_progress,
    decode_series,
    encode_controls,
    encode_dead_letter,
    encode_findings,
    encode_people,
    encode_progress,
    encode_series,
)
from streams.stores import FEATURES, SCALARS, SeriesRows

DATA = Path(__file__).parents[1] / "data"
INT64 = st.integers(-(2**63), 2**63 - 1)
NUMBERS = st.floats(allow_nan=False)
NAMES = st.text(max_size=6)

SOME_CONTROLS = [
    Control("P-0001", 10**18, "profile", {"age_years": 61.5, "beta_blocker": 1.0}),
    Control("김하늘", -5, "mark", {}),
]
SOME_FINDINGS = [
    Finding(finding_id("P-0001", "pause", 7), 0, "P-0001", "pause", "point", 7, 8, 9, 3.25),
    Finding(
        finding_id("김하늘", "af", 10**18), 2, "김하늘", "af", "onset", 10**18, 10**18 + 1,
        10**18 + 2, 0.5, {"rate": 121.0, "share": 0.75},
    ),
]  # fmt: skip
SOME_SERIES = [
    SeriesRows(
        FEATURES, "hrv", ("rmssd", "sdnn"), ["P-0001", "김하늘", "P-0001"],
        np.array([1, 10**18, -3]), np.array([[1.5, np.nan], [0.0, 2.0], [3.0, -4.0]]),
    ),
    SeriesRows(SCALARS, "spo2", ("spo2",), ["김하늘"], np.array([4]), np.array([[97.0]])),
]  # fmt: skip

A_LETTER = DeadLetter("vitals.raw.ecg", 3, 2**40, "checksum does not match", b"VTLB\x00")


def plain(series: list[SeriesRows]) -> list[tuple[object, ...]]:
    return [
        (s.kind, s.name, s.columns, list(s.participants), s.t_ns.tolist(), repr(s.values.tolist()))
        for s in series
    ]


SOME_PEOPLE = Enrolment(
    [
        Participant("P-0001", "Kim", "hike", 61.5, 160.0, None, event=True, posture=1,
                    beta_blocker=False, sensitive=True, spo2_low=88.0, place="hill"),
        Participant("김하늘"),
    ],
    10**18,
    simulated=True,
)  # fmt: skip
SOME_PROGRESS = ("host-a", 10**12)
QUIET = Inactivation("i1", "audio_off", "P-0001", "", "", "hill", "washing", "kim", 5, 10**18)
AN_ALARM = Alarm(
    id="aP", participant="P-0001", code="pause", priority="medium", sounds_as="none",
    state="acknowledged", latched=True, sounding=False, onset_ns=-7, t_ns=10**18,
    acknowledged_by="kim", finding_id="P", count=2, suppressed=1, value=3.25,
    reason=Text("Pause", "휴지"), raised_ns=8, step=1, reached=("staff", "ops"),
    inactivation=QUIET, useful=False, evidence={"rr": 3.25}, limits={"rate_low": 40.0},
    rule=Text("longer than 3 s", "3초 초과"), revision=4,
)  # fmt: skip
SOME_ALARMS = AlarmNews(
    10**18,
    [AlarmChange("acknowledged", 10**18, AN_ALARM)],
    [Held("P-0001", (Suspension("lead_off", "f", "ecg", 1, 2, 2**63 - 1, own=False),), (QUIET,)),
     Held("김하늘")],
    [Audit(9, "kim", "limits", "P-0001", "", "altitude", {"spo2_low": "90 -> 88"})],
)  # fmt: skip
SOME_ACTS = [
    Act("acknowledge", "kim", "P-0001", target="aP", useful=True),
    Act("inactivate", "kim", place="hill", how="audio_off", seconds=60.0, reason="washing"),
    Act("limits", "김", "P-0001", reason="x", limits={"spo2_low": 88.0, "rate_high": None}),
]

FORMS = {
    "controls": (CONTROLS, encode_controls, decode_controls, SOME_CONTROLS, lambda same: same),
    "findings": (FINDINGS, encode_findings, decode_findings, SOME_FINDINGS, lambda same: same),
    "series": (SERIES, encode_series, decode_series, SOME_SERIES, plain),
    "dead_letter": (
        DEAD_LETTER,
        encode_dead_letter,
        decode_dead_letter,
        A_LETTER,
        lambda same: same,
    ),
    "people": (PEOPLE, encode_people, decode_people, SOME_PEOPLE, repr),
    "progress": (
        PROGRESS,
        lambda some: encode_progress(*some),
        decode_progress,
        SOME_PROGRESS,
        lambda same: same,
    ),
    "alarms": (ALARMS, encode_alarms, decode_alarms, SOME_ALARMS, repr),
    "acts": (ACT, encode_acts, decode_acts, SOME_ACTS, repr),
}


def unsealed(data: bytes) -> dict[str, object]:
    """Give the header of a frame that has nothing else."""
    n_header = int.from_bytes(data[8:12], "little")
    return msgpack.unpackb(data[PREFIX_BYTES : PREFIX_BYTES + n_header])


@given(
    st.lists(st.builds(Control, NAMES, INT64, NAMES, st.dictionaries(NAMES, NUMBERS, max_size=3)))
)
def test_controls_come_back(controls):
    assert decode_controls(encode_controls(controls)) == controls


@st.composite
def findings(draw: st.DrawFn) -> Finding:
    who, code, onset_ns = draw(NAMES), draw(NAMES), draw(INT64)
    return Finding(
        finding_id(who, code, onset_ns), draw(st.integers(0, 2**31 - 1)), who, code,
        draw(st.sampled_from(STATE_WORDS)), onset_ns, draw(INT64), draw(INT64), draw(NUMBERS),
        draw(st.dictionaries(NAMES, NUMBERS, max_size=3)),
    )  # fmt: skip


@given(st.lists(findings()))
def test_findings_come_back_with_their_identity(given_):
    assert decode_findings(encode_findings(given_)) == given_


@st.composite
def series(draw: st.DrawFn) -> SeriesRows:
    columns = tuple(draw(st.lists(NAMES, max_size=3)))
    people = draw(st.lists(NAMES, max_size=4))
    values = [[draw(NUMBERS) for _ in columns] for _ in people]
    return SeriesRows(
        draw(st.sampled_from([FEATURES, SCALARS])), draw(NAMES), columns, people,
        np.array([draw(INT64) for _ in people], np.int64),
        np.array(values, np.float64).reshape(len(people), len(columns)),
    )  # fmt: skip


@given(st.lists(series(), max_size=4))
def test_series_come_back(given_):
    assert plain(decode_series(encode_series(given_))) == plain(given_)


@pytest.mark.parametrize("name", FORMS)
def test_golden_bytes_of_version_1_are_still_read_and_written(name):
    _, encode, decode, example, as_plain = FORMS[name]
    golden = (DATA / f"{name}_v1.bin").read_bytes()
    assert as_plain(decode(golden)) == as_plain(example)
    assert encode(example) == golden


@pytest.mark.parametrize("name", FORMS)
@given(data=st.data())
def test_any_damaged_byte_is_refused(name, data):
    _, encode, decode, example, _ = FORMS[name]
    good = bytearray(encode(example))
    at = data.draw(st.integers(0, len(good) - 1))
    good[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(WireError):
        decode(bytes(good))


@pytest.mark.parametrize("name", FORMS)
@given(data=st.binary(max_size=120))
def test_any_bytes_give_a_wire_error_and_nothing_else(name, data):
    with pytest.raises(WireError):
        FORMS[name][2](data)


@pytest.mark.parametrize("name", FORMS)
def test_an_older_version_is_refused_with_both_numbers(name):
    form, _, decode, _, _ = FORMS[name]
    old = Form(form.name, form.magic, 0).seal({}, b"")
    with pytest.raises(WireError, match="version 0, expected 1"):
        decode(old)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=2),
    st.lists(st.text(max_size=2), max_size=2), st.lists(st.integers(-2, 3), max_size=2),
    st.lists(st.lists(st.text(max_size=2), max_size=2), max_size=2),
    st.sampled_from([["onset"], ["features"], [MAX_BYTES], [[]], [["a", "a"]]]),
)  # fmt: skip
KEYS = (
    *("participants", "kinds", "columns", "codes", "states"),
    *("evidence", "names", "rows", "topic", "partition", "offset", "reason"),
    *("t_ns", "ids", "groups", "places", "simulated", "worker", "until_ms", "until_ns"),
    *("changes", "held", "audits", "acts"),
)


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=200)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES), st.binary(max_size=80))
def test_a_hostile_header_with_a_right_checksum_is_refused_or_consistent(name, header, payload):
    form, encode, decode, _, as_plain = FORMS[name]
    try:
        found = decode(form.seal(header, payload))
    except WireError:
        return
    # Names that repeat may be joined; what was read can be written and read again.
    assert as_plain(decode(encode(found))) == as_plain(found)


_PLAIN_ALARMS = unsealed(encode_alarms(SOME_ALARMS))
_PLAIN_ACTS = unsealed(encode_acts(SOME_ACTS))


@settings(max_examples=300)
@given(data=st.data(), form=st.sampled_from([ALARMS, ACT]))
def test_a_map_with_any_field_of_another_kind_is_refused_or_consistent(data, form):
    """Every place of the plain form in turn holds something else, or is not there."""
    plain_form = deepcopy(_PLAIN_ALARMS if form is ALARMS else _PLAIN_ACTS)
    encode, decode = FORMS["alarms" if form is ALARMS else "acts"][1:3]
    node = plain_form
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        key = data.draw(st.sampled_from(keys))
        if not (node[key] and isinstance(node[key], dict | list)) or data.draw(st.booleans()):
            break
        node = node[key]
    if isinstance(node, dict) and data.draw(st.booleans()):
        del node[key]
    else:
        node[key] = data.draw(st.one_of(VALUES, st.floats(), st.just(2**63)))
    try:
        found = decode(form.seal(plain_form, b""))
    except WireError:
        return
    assert repr(decode(encode(found))) == repr(found)


def test_a_field_of_a_later_version_is_refused_with_its_name():
    changed = deepcopy(_PLAIN_ACTS)
    changed["acts"][0]["colour"] = "red"
    with pytest.raises(WireError, match="colour"):
        decode_acts(ACT.seal(changed, b""))
