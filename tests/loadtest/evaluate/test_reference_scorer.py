"""Our scores equal those of the reference scorer, in counts and in every figure."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from alerts.policy import load_policy
from device_bridges.replay.link import find_recordings
from loadtest.evaluate import af, beats, rhythm
from loadtest.evaluate.reference import read_reference
from loadtest.evaluate.said import read_said
from streams.annotate import Options, annotate
from tests.loadtest.evaluate.made_records import write_record
from tests.needs import recordings, reference_scorer


def scorer() -> SimpleNamespace:
    reference_scorer()
    names = ("beats", "af", "rhythm", "files")
    return SimpleNamespace(**{n: importlib.import_module(f"vitscore.{n}") for n in names})


def same(ours: dict[str, Any], theirs: dict[str, Any], renamed: dict[str, str]) -> None:
    for name, value in theirs.items():
        mine = ours[renamed.get(name, name)]
        both = (math.isnan(mine) and math.isnan(value)) or mine == pytest.approx(value, abs=1e-9)
        assert both, f"{name}: ours {mine}, theirs {value}"


def compare(folder: Path, out: Path, name: str, parts: tuple[str, ...]) -> None:
    theirs = scorer()
    reference, said = read_reference(folder / name), read_said(out / f"{name}.jsonl")
    if "beats" in parts:
        mine = beats.score(reference, said)
        his = theirs.beats.score_record(folder, out, name, theirs.beats.Settings())
        assert mine.matrix.tolist() == his.matrix.tolist()
        figures = theirs.beats.detection_figures(his.matrix)
        figures.pop("veb_fpr")  # of no use to us
        same(beats.figures(mine), figures, {})
        timing = theirs.beats.timing_figures(his)
        timing.pop("pairs")
        same(beats.timing(mine), timing, {"retracted": "withdrawn"})
    if "af" in parts:
        score = af.score(reference, said)
        his = theirs.af.score_record(folder, out, name, theirs.af.Settings())
        assert score.live.tolist() == his.live.tolist()
        assert score.claimed.tolist() == his.claimed.tolist()
        same(af.episode_figures(score), theirs.af.episode_figures(his), {})
    if "rhythm" in parts:
        header = theirs.files.read_header(folder, name)
        notes = theirs.files.read_annotations(folder, name, "atr", header.fs)
        log = theirs.files.read_events(out, name)
        for key, target in rhythm.TARGETS.items():
            his = theirs.rhythm.score_target(notes, log, header, theirs.rhythm.TARGETS[key], 4.0)
            same(rhythm.figures(rhythm.score(reference, said, target)),
                 theirs.rhythm.figures(his), {})  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_made_up_records_get_the_same_counts(seed: int, tmp_path: Path) -> None:
    folder, out = tmp_path / "reference", tmp_path / "said"
    folder.mkdir()
    out.mkdir()
    write_record(folder, out, f"r{seed}", seed)
    compare(folder, out, f"r{seed}", ("beats", "af", "rhythm"))


@pytest.mark.bench
@pytest.mark.parametrize(
    ("database", "name", "extension", "parts"),
    [
        ("mitdb", "203", "", ("beats", "af")),
        ("vfdb", "426", "", ("rhythm",)),
        ("afdb", "07859", "qrs", ("af",)),
    ],
)
def test_recordings_get_the_same_counts(
    database: str, name: str, extension: str, parts: tuple[str, ...], tmp_path: Path
) -> None:
    folder = recordings(database)
    found = find_recordings([folder / name], beats_extension=extension)
    options = Options(tmp_path, chunk_ns=1_000_000_000)
    annotate(found.sources, options, policy=load_policy())
    compare(folder, tmp_path, name, parts)
