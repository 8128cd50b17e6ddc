"""What cannot be used is one sentence that names it; the rest goes on; nobody sees a traceback."""

from __future__ import annotations

import gzip
import os
import socket
from pathlib import Path

import numpy as np
import pytest

from tests.end_to_end.called import Said, vitals
from tests.end_to_end.program import Page, Program
from tests.end_to_end.recordings import cut, heart_rates, millivolts, table

GOOD = "good"


@pytest.fixture
def beside(tmp_path):
    """Annotate something beside a good recording; the good one must come out whole."""
    table(tmp_path / f"{GOOD}.csv", heart_rates())

    def run(*paths: Path, options: tuple[object, ...] = ()) -> Said:
        said = vitals(
            "annotate", *paths, tmp_path / f"{GOOD}.csv", "--out", tmp_path / "o", *options
        )
        assert (tmp_path / "o" / f"{GOOD}.vit").exists(), said.err
        assert (tmp_path / "o" / f"{GOOD}.jsonl").exists()
        return said

    return run


@pytest.fixture(scope="module")
def ecg(shared_data) -> np.ndarray:
    return millivolts(shared_data / "mitdb" / "208", 10)


@pytest.fixture
def record(shared_data, tmp_path) -> Path:
    return cut(shared_data / "mitdb" / "208", tmp_path, "r208", 10)


# --- records --------------------------------------------------------------------------------------


def test_a_truncated_signal_file_is_used_as_far_as_it_goes(beside, record):
    data = record.with_suffix(".dat")
    data.write_bytes(data.read_bytes()[:6000])
    said = beside(record)
    assert said.status == 0
    (warning,) = said.warnings
    assert warning.endswith("r208.dat: ends after 2000 of 3600 samples; the rest is missing")
    assert said.out.startswith("2 recordings")


@pytest.mark.parametrize("left", [None, b""])
def test_a_header_without_samples_is_left_out(beside, record, left):
    record.with_suffix(".dat").unlink()
    if left is not None:
        record.with_suffix(".dat").write_bytes(left)
    said = beside(record)
    assert said.status == 1
    (error,) = said.errors
    assert "r208.hea: expected signal files beside the header, found none" in error
    assert "r208.dat: no such signal file" in error or "r208.dat: ends after 0 of 3600" in error
    assert error.endswith("; left out")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        (b"", "expected a WFDB header"),
        (bytes(range(256)), "expected a WFDB header"),
        (b"bad 1 0 100\nbad.dat 16 200 16 0 0 0 0 II\n", "expected a sampling rate above 0"),
        (b"bad 2 360 100\nbad.dat 16 200 16 0 0 0 0 II\n", "expected 2 signal lines, found 1"),
        (b"bad 0 360 100\n", "the record has no signals; --beats EXT reads beat annotations"),
        (b"bad 1 360 100\nbad.dat 16 200 16 0 0 0 0 RESP\n", "expected an ECG or PPG signal"),
        (b"bad 1 360 100\nbad.dat 99 200 16 0 0 0 0 II\n", "expected a signal format of WFDB"),
    ],
)
def test_a_header_that_is_none_is_named(beside, tmp_path, header, found):
    (tmp_path / "bad.hea").write_bytes(header)
    (tmp_path / "bad.dat").write_bytes(bytes(200))
    said = beside(tmp_path / "bad")
    assert said.status == 1
    (error,) = said.errors
    assert "bad.hea: " in error
    assert found in error


def test_a_lead_that_is_not_there_is_named_with_those_that_are(beside, record):
    said = beside(record, options=("--lead", "7"))
    assert said.status == 1
    expected = "--lead: expected a lead of r208 (0 MLII, 1 V1), found 7; left out"
    assert said.errors == [expected]


def test_alone_what_cannot_be_used_is_exit_status_2(tmp_path, record):
    record.with_suffix(".dat").unlink()
    said = vitals("annotate", record, "--out", tmp_path / "o")
    assert (said.status, len(said.errors), said.out) == (2, 1, "")
    assert list((tmp_path / "o").iterdir()) == []


# --- tables ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("bad.csv", b"", "bad.csv: expected a header line, found an empty file"),
        ("bad.csv", b"t_s,heart_rate\n", "bad.csv: expected rows with a time and values, found"),
        ("bad.csv", b"time_s,hart_rate\n0,1\n", "bad.csv:1: expected one column t_s and columns"),
        ("bad.csv", bytes(range(256)) * 9, "bad.csv: expected a table as text in UTF-8, found no"),
        ("bad.csv", "t_s,rr\n0,1".encode("utf-16"), "bad.csv: expected a table as text in UTF-8, "
         "found UTF-16"),
        ("bad.csv", b"t_s,ecg\n0,1\n", "bad.csv: expected at least 3 rows of ecg, found 1"),
        ("bad.csv", b"t_s,ecg\n3,1\n2,1\n1,1\n0,1\n", "bad.csv: expected ecg at a common sampling"),
        ("bad.csv.gz", b"t_s,heart_rate\n0,60\n", "bad.csv.gz: cannot be read (Not a gzipped file"),
        ("bad.txt", b"hello", "expected a file of a WFDB record, a .csv or .csv.gz table or a"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_table_is_left_out(beside, tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    said = beside(tmp_path / name)
    assert said.status == 1
    (error,) = said.errors
    assert sentence in error
    assert error.isprintable()


def test_a_wrong_header_names_the_nearest_signals(beside, tmp_path):
    said = beside(table(tmp_path / "bad.csv", ["t_s,hart_rate", "0,60"]))
    assert "'hart_rate' may be heart_rate" in said.errors[0]
    assert "--map COLUMN=signal[:unit] reads other headers" in said.errors[0]


@pytest.mark.parametrize(
    ("line", "replaced", "sentence"),
    [
        (10, "9,nan", ""),
        (10, "9,", ""),
        (10, "9,abc", "expected a number for heart_rate, found 'abc'; taken as missing"),
        (10, "9,900", "expected heart_rate from 20 to 300 /min, found 900; not used"),
        (10, "9,-5", "expected heart_rate from 20 to 300 /min, found -5; not used"),
        (10, "9,1e999", "expected heart_rate from 20 to 300 /min, found inf; not used"),
        (10, "oops,70", "expected a time, found 'oops'; row left out"),
        (10, "nan,70", "expected a time, found 'nan'; row left out"),
        (10, "9", "expected at least 2 cells, found fewer; taken as missing"),
        (10, "3,70", "the time jumps back; passed on as it is"),
        (10, "8,72\n8,72", "the same row again; passed on as it is (and 1 more: line 11)"),
    ],
)
def test_a_bad_line_is_named_and_the_others_are_used(beside, tmp_path, line, replaced, sentence):
    lines = heart_rates()
    lines[line - 1] = replaced
    lines[8] = "8,72"  # the one before
    said = beside(table(tmp_path / "walk.csv", lines), options=("--features",))
    assert (said.status, said.errors) == (0, [])
    assert said.warnings == ([f"walk.csv:{line}: {sentence}"] if sentence else [])
    written = (tmp_path / "o" / "walk.jsonl").read_text()
    assert '"rate": 71' in written
    assert "900" not in written


def test_many_faults_are_one_sentence_with_a_count(beside, tmp_path):
    lines = [*heart_rates(5), *(f"{i},word{i}" for i in range(5, 900))]
    said = beside(table(tmp_path / "walk.csv", lines))
    assert said.warnings == [
        "walk.csv:7: expected a number for heart_rate, found 'word5'; taken as missing"
        " (and 894 more: line 8, 9, 10, ...)"
    ]


def test_unsorted_rows_and_a_clock_that_jumps_back_are_named_once(beside, tmp_path):
    lines = heart_rates()
    backwards = table(tmp_path / "backwards.csv", [lines[0], *reversed(lines[1:])])
    jump = [*lines[:21], *(f"{i - 15},70" for i in range(20, 40))]
    said = beside(backwards, table(tmp_path / "jump.csv", jump))
    assert said.status == 0
    first, second = said.warnings
    assert first.startswith("backwards.csv:3: the time jumps back; passed on as it is (and 38 more")
    assert second == "jump.csv:22: the time jumps back; passed on as it is"


def test_a_waveform_with_bad_samples_is_used(beside, tmp_path, ecg):
    lines = ["t_s,ecg", *(f"{i / 360:.6f},{value:.3f}" for i, value in enumerate(ecg))]
    for line, cell in ((500, "abc"), (600, "nan"), (700, "1e9")):
        lines[line - 1] = f"{lines[line - 1].split(',')[0]},{cell}"
    said = beside(table(tmp_path / "wave.csv", lines))
    assert said.status == 0
    assert said.warnings == [
        "wave.csv:500: expected a number for ecg, found 'abc'; taken as missing",
        "wave.csv:700: expected ecg from -10 to 10 mV, found 1e+09; not used",
    ]
    assert '"beat"' in (tmp_path / "o" / "wave.jsonl").read_text()


def test_a_compressed_table_that_breaks_off_is_used_as_far_as_it_goes(beside, tmp_path):
    whole = gzip.compress("\n".join(heart_rates(3000)).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    said = beside(tmp_path / "cut.csv.gz")
    assert said.status == 0
    (warning,) = said.warnings
    assert warning.endswith("the compressed file breaks off here; the rest is missing")


# --- options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--lead", "x"), "--lead: expected a number or all, found 'x'"),
        (("--lead", "-1"), "--lead: expected a number or all, found '-1'"),
        (("--map", "nonsense"), "--map: expected COLUMN=signal[:unit], found 'nonsense'"),
        (("--map", "A=hart_rate"), "'hart_rate' is not a signal; did you mean heart_rate"),
        (("--map", "A=heart_rate:mile"), "expected one of /min, bpm, 1/min, hz, found 'mile'"),
        (("--beats", "../x"), "--beats: expected an extension like qrs, found '../x'"),
        (("--profile", "none.toml"), "--profile: none.toml cannot be read (No such file or dir"),
        (("--profile", "text"), "--profile: text: Expected '=' after a key"),
        (("--profile", "key.toml"), "key.toml: 'agee' is not one of age_years, heart_rate_max"),
        (("--profile", "word.toml"), "expected age_years from 0 to 130, found 'old'"),
        (("--profile", "nan.toml"), "expected age_years from 0 to 130, found nan"),
        (
            ("--profile", "cinc2016"),
            "cinc2016 cannot be read (No such file or directory); profiles",
        ),
        (("--profile", "rule.toml"), "rule.toml: expected pause.asystole_s"),
        (("--profile", "old.toml"), "old.toml: expected one of cinc2015, found 'cinc2014'"),
        (("--out", "text"), "--out: expected a folder, found a file at text"),
        (("--out", "text/deeper"), "--out: text/deeper cannot be made (Not a directory)"),
    ],
)
def test_a_wrong_option_of_annotate_is_one_sentence(tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "walk.csv", heart_rates())
    files = {"text": "hello", "key.toml": "agee = 4", "word.toml": 'age_years = "old"',
             "nan.toml": "age_years = nan", "rule.toml": "[pause]\nasystole = 5",
             "old.toml": 'rules = "cinc2014"'}  # fmt: skip
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    said = vitals("annotate", "walk.csv", "--out", "o", *options)
    assert said.status == 2
    (error,) = said.errors
    assert sentence in error
    assert not list(tmp_path.glob("o/*"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("annotate", "none", "--out", "o"), "none: no such file, folder or record"),
        (("annotate", "walk.csv", "nine.csv", "--out", "o"), "nine.csv: no such file"),
        (("annotate", ".", "--out", "o", "--beats", "qrs", "r1"), "r1: no such file, folder or"),
        (("run", "--replay", "none", "--port", "0"), "none: no such file, folder or record"),
        (("run", "--speed", "0", "--port", "0"), "--speed: expected a number above 0 or max, f"),
        (("run", "--speed", "abc", "--port", "0"), "--speed: expected a number above 0 or max, f"),
        (("run", "--speed", "2"), "--speed: is for recordings, expected --replay PATH beside it"),
        (("run", "--loop"), "--loop: is for recordings, expected --replay PATH beside it"),
        (("run", "--participants", "0"), "--participants: input should be greater than or equal"),
        (("run", "--port", "99999"), "--port: input should be less than or equal to 65535, f"),
        (("run", "--host", "0.0.0.0"), "host: 0.0.0.0 is not of this machine; other addresses"),  # noqa: S104
        (("run", "--port", "0", "--data", "walk.csv"), "store walk.csv/vitals.sqlite: "),
        (("run", "--port", "0", "--data", "walk.csv/x"), "store walk.csv/x/vitals.sqlite: "),
        (("run", "--port", "0", "--data", "db"), "store db/vitals.sqlite: "),
        (("run", "--config", "none.toml"), "--config: none.toml cannot be read (No such file"),
        (("doctor", "--config", "walk.csv"), "walk.csv: Expected '=' after a key"),
    ],
)
def test_what_cannot_be_started_is_one_sentence(tmp_path, monkeypatch, arguments, sentence):
    monkeypatch.chdir(tmp_path)
    table(tmp_path / "walk.csv", heart_rates())
    (tmp_path / "db").mkdir()
    (tmp_path / "db" / "vitals.sqlite").write_bytes(b"this is no database" * 99)
    said = vitals(*arguments, *(("--no-browser",) if arguments[0] == "run" else ()))
    assert said.status == 2
    (error,) = said.errors
    assert sentence in error
    assert not list(tmp_path.glob("o/*"))


def test_a_port_in_use_is_named_with_a_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = vitals("run", "--port", port, "--data", tmp_path, "--no-browser")
    assert said.status == 2
    assert said.errors == [
        f"port: {port} cannot be used (Address already in use); --port {port + 1} takes another,"
        " --port 0 any that is free"
    ]


@pytest.mark.parametrize(
    ("toml", "environ", "sentence"),
    [
        ("prot = 80", {}, "vitals.toml: prot: no such setting; did you mean port or host?"),
        ('port = "x"', {}, "vitals.toml: port: input should be a valid integer"),
        ("port = = 1", {}, "vitals.toml: Invalid value (at line 1"),
        (
            "[vitals]\nport = 1",
            {},
            "vitals.toml: vitals: no such setting; there are host, port, policy, data",
        ),
        ("", {"VITALS__PROT": "80"}, "VITALS__PROT: no such setting; did you mean port or host?"),
        ("", {"VITALS__SEED": "x"}, "VITALS__SEED: input should be a valid integer"),
    ],
)
def test_a_wrong_setting_is_named_where_it_stands(tmp_path, monkeypatch, toml, environ, sentence):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vitals.toml").write_text(toml)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    said = vitals("run", "--no-browser")
    assert (said.status, len(said.errors)) == (2, 1)
    assert said.errors[0].startswith(sentence)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("annotate", "--out", "o"), "Missing argument"),
        (("annotate", "x"), "Missing option '--out'"),
        (("annotate", "x", "--out", "o", "--bogus"), "No such option: --bogus"),
        (("annotate", "x", "--out", "o", "--chunk-ms", "0"), "Invalid value for '--chunk-ms'"),
        (("run", "--prot", "1"), "No such option: --prot (Possible options: --"),
        (("run", "--participants", "abc"), "Invalid value for '--participants'"),
        (("rnu",), "No such command 'rnu'"),
    ],
)
def test_a_wrong_command_line_is_one_sentence_after_the_usage(arguments, sentence):
    said = vitals(*arguments)
    assert said.status == 2
    (error,) = [line for line in said.sentences if line.startswith("Error: ")]
    assert sentence in error
    assert said.sentences[0].startswith("Usage: vitals ")


# --- live -----------------------------------------------------------------------------------------


def test_a_live_page_shows_what_can_be_replayed_of_a_bad_lot(tmp_path, record):
    lot = tmp_path / "lot"
    lot.mkdir()
    for file in (record.with_suffix(".hea"), record.with_suffix(".dat")):
        file.rename(lot / file.name)
    table(lot / "walk.csv", heart_rates())
    (lot / "gone.hea").write_text("gone 1 360 100\ngone.dat 16 200 16 0 0 0 0 II\n")
    (lot / "binary.csv").write_bytes(os.urandom(500).replace(b"\n", b"\0"))
    with Program(tmp_path, "--replay", lot) as program:
        page = Page(program)
        page.until(lambda p: p.trace_samples, 20, "traces")
        assert [each["id"] for each in page.hello["participants"]] == ["r208", "walk"]
        said = Said(0, "", program.output)
        assert "binary.csv: expected a table as text in UTF-8" in said.warnings[0]
        assert "gone.hea: expected signal files beside the header" in said.errors[0]
        assert program.interrupt()[0] == 0
