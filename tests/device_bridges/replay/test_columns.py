import pytest

from device_bridges.replay.columns import HeaderError, columns_of, parse_mapping
from processors.errors import SettingError


def targets(header, *mapping):
    columns, unused = columns_of(header, parse_mapping(mapping))
    return [(c.index, c.target.signal, c.target.channel) for c in columns], unused


def test_a_header_in_the_projects_words_needs_no_mapping():
    assert targets(["t_s", "heart_rate", "blood_pressure.systolic", "acceleration.x"]) == (
        [
            (0, "t_s", ""),
            (1, "heart_rate", "heart_rate"),
            (2, "blood_pressure", "systolic"),
            (3, "acceleration", "x"),
        ],
        [],
    )


def test_names_may_have_spaces_around_them_and_the_time_may_stand_anywhere():
    assert targets([" ecg", "t_s "])[0] == [(1, "t_s", ""), (0, "ecg", "ecg")]


def test_leads_may_have_any_name():
    assert targets(["t_s", "ecg.MLII", "ecg.V1"])[0][1:] == [(1, "ecg", "MLII"), (2, "ecg", "V1")]


def test_leads_are_numbered_as_they_were_mapped():
    columns, _ = targets(["Time [s]", "V", "II"], "II=ecg", "V=ecg")
    assert columns[1:] == [(2, "ecg", "II"), (1, "ecg", "V")]


def test_what_is_not_mapped_is_left_out():
    columns, unused = targets(["Time [s]", " RESP", " PLETH", " II"], "PLETH=ppg", "II=ecg")
    assert columns == [(0, "t_s", ""), (2, "ppg", "PLETH"), (3, "ecg", "II")]
    assert unused == ["RESP"]


@pytest.mark.parametrize(
    ("header", "mapping", "factor"),
    [
        (["time", "gl"], ["gl=glucose:mmol/L"], 18.016),
        (["t_s", "v"], ["v=ecg:uV"], 1e-3),
        (["t_s", "v"], ["v=ecg:V"], 1e3),
        (["t_s", "beat"], ["beat=rr:s"], 1e3),
        (["t_s", "a"], ["a=acceleration.z:g"], 9.80665),
        (["t_s", "hr"], ["hr=heart_rate:bpm"], 1.0),
    ],
)
def test_units_are_converted(header, mapping, factor):
    columns, _ = columns_of(header, parse_mapping(mapping))
    assert columns[1].target.convert.factor == factor


def test_fahrenheit_has_an_offset():
    ((_, target),) = parse_mapping(["T=body_temperature:[degF]"])
    assert 98.6 * target.convert.factor + target.convert.offset == pytest.approx(37.0)


def test_time_may_be_mapped_with_its_unit():
    columns, _ = columns_of(["when", "hr"], parse_mapping(["when=t_s:ms", "hr=heart_rate"]))
    assert columns[0].target.convert.factor == 1e-3
    columns, _ = columns_of(["Time [ms]", "hr"], parse_mapping(["hr=heart_rate"]))
    assert columns[0].target.convert.factor == 1e-3


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ("glucose", "expected COLUMN=signal[:unit], found 'glucose'"),
        ("=glucose", "expected COLUMN=signal[:unit]"),
        ("gl=", "expected COLUMN=signal[:unit]"),
        ("gl=glucse", "did you mean glucose?"),
        ("gl=glucose:mol", "expected one of mg/dL, mmol/l, found 'mol'"),
        ("sys=blood_pressure", "expected blood_pressure.systolic or blood_pressure.diastolic"),
        ("x=acceleration.w", "expected acceleration.x or acceleration.y or acceleration.z"),
        ("t=t_s:week", "expected one of s, ms"),
    ],
)
def test_a_mapping_that_cannot_be_is_a_setting_error(entry, problem):
    with pytest.raises(SettingError) as caught:
        parse_mapping([entry])
    assert str(caught.value).startswith("--map: ")
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("header", "mapping", "problems"),
    [
        (["t_s", "hart_rate"], [], ["found 't_s', 'hart_rate'", "'hart_rate' may be heart_rate"]),
        (["time", "heart_rate"], [], ["expected one column t_s", "(no t_s)", "--map"]),
        (["t_s"], [], ["columns named for signals, found 't_s'"]),
        ([], [], ["found nothing"]),
        (["0.00", "73"], [], ["found '0.00', '73'"]),
        (["t_s", "t_s", "rr"], [], ["expected one column t_s"]),
        (["t_s", "rr", "rr"], [], ["expected one column for rr.rr, found two"]),
        (["t_s", "HR"], ["PLETH=ppg"], ["expected a column 'PLETH', found 't_s', 'HR'"]),
        (["when", "HR"], ["HR=heart_rate"], ["(no t_s)"]),
    ],
)
def test_a_header_that_does_not_fit_says_what_was_found_and_expected(header, mapping, problems):
    with pytest.raises(HeaderError) as caught:
        columns_of(header, parse_mapping(mapping))
    for problem in problems:
        assert problem in str(caught.value)
