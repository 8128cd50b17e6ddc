"""What the commands say of themselves, on a terminal of 80 columns."""

from __future__ import annotations

import json
import resource
import subprocess

import pytest

from tests.end_to_end.called import vitals
from tests.end_to_end.program import COMMAND, environment

HELP_S = 3.0
OPTIONS = {  # DESIGN 3 and 7
    "run": "--replay --scenario --participants --speed --loop --beats --map --host --port --data"
    " --policy --seed --config --no-browser",
    "annotate": "PATH --out --lead --chunk-ms --beats --map --profile --features",
    "signals": "--features --json",
    "policy": "check explain what-if burden",
    "bridge": "--replay --scenario --participants --speed --loop --beats --map --kafka --partitions"
    " --seed --config",
    "worker": "--kafka --checkpoints --group --name --policy --config",
    "sink": "--kafka --partitions --data --group --only --config",
    "monitor": "--kafka --partitions --redis --host --port --name --data --policy --config",
    "doctor": "--port --data --config --kafka --create-topics --partitions --migrate",
    "screening": "--day --group --data --policy --criteria --json --config",
    "export": "--participant --from --to --format --out --data --config",
    "consent": "ID --unknown --kafka --partitions --config",
    "loadtest": "SCENARIO --out --participants --seconds --seed --pages",
    "simulate": "SCENARIO --out --participants --seconds --seed",
    "truth": "run score show",
}


@pytest.mark.parametrize("command", OPTIONS)
def test_help_comes_at_once_fits_80_columns_and_names_every_option(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [*COMMAND, command, "--help"], env=environment(), capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: the clock also counts what else runs on the machine.
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < HELP_S
    assert (done.returncode, done.stderr) == (0, "")
    assert [line for line in done.stdout.splitlines() if len(line) > 80] == []
    words = done.stdout.replace("|", " ").split()
    assert [option for option in OPTIONS[command].split() if option not in words] == []


def test_defaults_are_in_the_help():
    words = vitals("run", "--help").out
    assert [d for d in ("8080", "127.0.0.1", "vitals-data", "demo") if d not in words] == []


def test_vitals_alone_lists_the_commands_in_whole_sentences():
    said = vitals("--help")
    assert said.status == 0
    assert [command for command in OPTIONS if f"  {command} " not in said.out] == []
    assert "..." not in said.out.replace("[ARGS]...", "")


@pytest.mark.parametrize("options", [(), ("--features",)])
def test_signals_fit_80_columns_and_hold_what_the_json_holds(options):
    said = vitals("signals", *options)
    assert said.status == 0
    assert max(len(line) for line in said.out.splitlines()) <= 80
    listed = json.loads(vitals("signals", "--json", *options).out)
    names = {next(iter(row.values())) for row in listed}
    assert len(names) > 10
    assert [name for name in names if name not in said.out] == []


def test_the_doctor_says_what_is_amiss_and_how_to_mend_it(tmp_path):
    (tmp_path / "file").write_text("")
    said = vitals("doctor", "--port", "0", "--data", tmp_path / "file")
    assert said.status == 1
    (fault,) = [line for line in said.out.splitlines() if line.startswith("FAIL")]
    assert str(tmp_path / "file") in fault
    assert vitals("doctor", "--port", "0", "--data", tmp_path / "new").status == 0
    assert not (tmp_path / "new").exists()
