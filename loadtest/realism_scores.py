"""The same detectors on simulated people and on recordings: QRS, and atrial fibrillation by beat.

Counted as by ``vitals evaluate``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from alerts.policy import load_policy
from device_bridges.replay.link import find_recordings
from device_bridges.simulator.expand import expand
from device_bridges.simulator.scenario import load
from loadtest.evaluate import af, beats
from loadtest.evaluate.reference import Reference, read_reference
from loadtest.evaluate.said import Said, read_said
from loadtest.recordings import write_recordings
from processors.records import NS_PER_S
from streams.annotate import Options, annotate

BEATS = Path(__file__).with_name("realism_beats.toml")  # as mitdb
FIBRILLATION = Path(__file__).with_name("realism_af.toml")  # as afdb
_PIECE_NS = NS_PER_S  # of input; what is found does not depend on it


@dataclass(frozen=True, slots=True)
class Scored:
    """One figure of simulated and of recorded signals, %; NaN: not measured."""

    figure: str
    simulated: float
    recorded: float

    @property
    def difference(self) -> float:
        return self.simulated - self.recorded


def score_both(recordings: Path | None, seed: int) -> list[Scored]:
    """Run the detectors over simulated and recorded signals; takes minutes."""
    with TemporaryDirectory() as folder:
        made = Path(folder)
        write_recordings(expand(load(BEATS), seed), made / "beats")
        write_recordings(expand(load(FIBRILLATION), seed), made / "af")
        simulated = {
            **beat_scores(made / "beats", made / "out_beats"),
            **af_scores(made / "af", made / "out_af", "atr"),
        }
        recorded: dict[str, float] = {}
        if recordings is not None and (recordings / "mitdb").is_dir():
            recorded |= beat_scores(recordings / "mitdb", made / "out_mitdb")
        if recordings is not None and (recordings / "afdb").is_dir():
            recorded |= af_scores(recordings / "afdb", made / "out_afdb", "qrs")
    return [Scored(name, value, recorded.get(name, math.nan)) for name, value in simulated.items()]


def run_detectors(folder: Path, out: Path, beats_extension: str = "") -> None:
    """Annotate all records of a folder, from beat times if an extension is given."""
    found = find_recordings([folder], beats_extension=beats_extension)
    out.mkdir(parents=True, exist_ok=True)
    options = Options(out=out, lead=0, chunk_ns=_PIECE_NS)
    annotate(found.sources, options, policy=load_policy())


def beat_scores(folder: Path, out: Path) -> dict[str, float]:
    """Give sensitivity and positive predictivity of QRS over all records, %."""
    run_detectors(folder, out)
    row = beats.figures(beats.summed([beats.score(*of) for of in _annotated(folder, out)]))
    return {"QRS, Se": row["qrs_se"], "QRS, +P": row["qrs_ppv"]}


def af_scores(folder: Path, out: Path, extension: str) -> dict[str, float]:
    """Give sensitivity, specificity and accuracy of AF by beat, live and as claimed, %."""
    run_detectors(folder, out, extension)
    row = af.beat_figures(af.summed([af.score(*of) for of in _annotated(folder, out)]))
    return {
        f"AF by beat, {name}, {title}": row[f"{name}_{figure}"]
        for name in ("live", "claimed")
        for figure, title in (("se", "Se"), ("sp", "Sp"), ("acc", "accuracy"))
    }


def _annotated(folder: Path, out: Path) -> Iterator[tuple[Reference, Said]]:
    """Give each record that has a reference, with what was said of it."""
    for header in sorted(folder.glob("*.hea")):
        if header.with_suffix(".atr").is_file():  # a PPG has none
            yield (
                read_reference(header.with_suffix("")),
                read_said(out / f"{header.stem}.jsonl"),
            )
