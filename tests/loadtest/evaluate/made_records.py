"""Records made up at random: a reference, and what an engine could have said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import wfdb

FS_HZ = 250
SYMBOLS = list("NLRBAaJSejnVErF/fQ?")
RHYTHMS = ("(N", "(AFIB", "(AFL", "(VT", "(VFL", "(VF", "(ASYS", "(NOISE")


def write_record(folder: Path, out: Path, name: str, seed: int, seconds: int = 600) -> None:
    """Write NAME.hea, NAME.atr into a folder and NAME.vit, NAME.jsonl into another."""
    rng = np.random.default_rng(seed)
    end = seconds * FS_HZ
    at = np.cumsum(rng.integers(40, 400, size=2 * seconds))
    at = at[at < end - 2 * FS_HZ]
    kind = rng.choice(SYMBOLS, size=len(at), p=_chances())
    marks: list[tuple[int, str, str]] = [
        (int(a), str(k), "") for a, k in zip(at, kind, strict=True)
    ]
    marks += [
        (int(t), "+", str(rng.choice(RHYTHMS))) for t in sorted(rng.integers(1, end, size=14))
    ]
    for start in rng.integers(310 * FS_HZ, end - 20 * FS_HZ, size=2).tolist():
        marks += [(start, "[", ""), (start + 8 * FS_HZ, "]", "")]
    marks.sort(key=lambda mark: mark[0])
    header = f"{name} 1 {FS_HZ} {end}\n{name}.dat 16 200 16 0 0 0 0 ECG\n"
    (folder / f"{name}.hea").write_text(header, "ascii")
    (folder / f"{name}.dat").write_bytes(bytes(2 * end))  # a flat line
    _annotations(folder, name, "atr", marks)

    heard = at[rng.random(len(at)) > 0.05]
    heard = heard + rng.integers(-45, 46, size=len(heard))
    heard = np.unique(np.r_[heard, rng.integers(1, end - 2 * FS_HZ, size=len(at) // 15)])
    heard = heard[heard > 0]
    lines: list[tuple[int, dict[str, Any]]] = []
    standing = []
    for sample in heard.tolist():
        first = sample + int(rng.integers(30, 120))
        lines.append((first, {"kind": "beat", "sample": sample, "label": "N"}))
        if rng.random() < 0.05:
            lines.append((first + 20, {"kind": "beat", "sample": sample, "label": None}))
            continue
        label = str(rng.choice(list("NSVFQ"), p=[0.6, 0.1, 0.2, 0.05, 0.05]))
        lines.append((first + 90, {"kind": "beat", "sample": sample, "label": label}))
        standing.append((sample, label, ""))
    for code in ("af", "vt", "vf", "asystole"):
        lines += _episodes(rng, code, end)
    lines.sort(key=lambda pair: pair[0])
    with (out / f"{name}.jsonl").open("w", encoding="utf-8") as log:
        for told, line in lines:
            log.write(json.dumps({**line, "emitted_sample": told}) + "\n")
    _annotations(out, name, "vit", standing)


def _chances() -> list[float]:
    return [0.5 if symbol == "N" else 0.5 / (len(SYMBOLS) - 1) for symbol in SYMBOLS]


def _episodes(rng: np.random.Generator, code: str, end: int) -> list[tuple[int, dict[str, Any]]]:
    lines = []
    edges = np.sort(rng.integers(FS_HZ, end - FS_HZ, size=int(rng.integers(1, 12)))).tolist()
    for k, told in enumerate(edges):
        at = max(0, told - int(rng.integers(0, 80 * FS_HZ if code == "af" else 6 * FS_HZ)))
        line = {
            "kind": "finding", "id": f"{code}-{k // 2}", "code": code,
            "state": "offset" if k % 2 else "onset", "onset_sample": at,
            "value": None, "evidence": {},
        }  # fmt: skip
        lines.append((told, line))
    return lines


def _annotations(
    folder: Path, name: str, extension: str, marks: list[tuple[int, str, str]]
) -> None:
    wfdb.wrann(
        name,
        extension,
        np.array([at for at, _, _ in marks], np.int64),
        symbol=[symbol for _, symbol, _ in marks],
        aux_note=[f"{note}\0" if note else "" for _, _, note in marks],
        fs=FS_HZ,
        write_dir=str(folder),
    )
