"""``vitals signals``: what Vitalstream knows, printed from the declarations themselves."""

from __future__ import annotations

import json
import math
import shutil
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated

import typer


def signals(
    features: Annotated[
        bool, typer.Option("--features", help="List features, streams and findings instead.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the signals, or what is made of them.

    Of each signal: unit, plausible range, how it is measured (rate, and after which time it is
    stale) and codes (LOINC, IEEE 11073). With --features: features, findings and streams.
    """
    rows = _feature_rows() if features else _signal_rows()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    elif features:
        _print(_feature_text(rows))
    else:
        _print(_signal_text(rows))


def _signal_rows() -> list[dict[str, str]]:
    from processors.signals import SIGNALS

    return [
        {
            "signal": spec.name,
            "channel": channel.name,
            "unit": channel.unit,
            "plausible": "device rails"
            if math.isinf(channel.high)
            else f"{channel.low:g} ... {channel.high:g}",
            "variants": ", ".join(
                f"{v.name} ({_rate(v.rate_hz)}, stale after {_duration(v.stale_after_s)})"
                for v in spec.variants
            ),
            "LOINC": channel.loinc,
            "MDC": channel.mdc,
        }
        for spec in SIGNALS.values()
        for channel in spec.channels
    ]


def _feature_rows() -> list[dict[str, str]]:
    from processors.records import FeatureSpec, FindingSpec
    from processors.registry import discover, order

    rows = []
    for processor in order([make() for make in discover()]):
        for spec in processor.produces:
            columns = spec.evidence if isinstance(spec, FindingSpec) else spec.columns
            kind = {FeatureSpec: "feature", FindingSpec: "finding"}.get(type(spec), "stream")
            if kind == "stream" and len(columns) > 20:  # a window of waveform
                columns = (*columns[:5], *columns[-1:])
            rows.append(
                {
                    "name": spec.code if isinstance(spec, FindingSpec) else spec.name,
                    "kind": kind,
                    "columns (unit)": ", ".join(f"{c.name} ({c.unit})" for c in columns),
                    "processor": processor.name,
                    "from": ", ".join(processor.consumes),
                }
            )
    return rows


def _signal_text(rows: list[dict[str, str]]) -> Iterator[str]:
    """Give a line for each channel, and under a signal's channels how it is measured."""
    for name, channels in groupby(rows, lambda row: row["signal"]):
        for row in channels:
            title = name if row["channel"] == name else f"{name}.{row['channel']}"
            codes = [f"{system} {row[system]}" for system in ("LOINC", "MDC") if row[system]]
            yield "; ".join([f"{title:<24} {row['unit']}", row["plausible"], *codes])
        yield f"  {row['variants']}"


def _feature_text(rows: list[dict[str, str]]) -> Iterator[str]:
    """Give each product with its columns under it, by processor."""
    for (processor, consumed), products in groupby(
        rows, lambda row: (row["processor"], row["from"])
    ):
        yield f"{processor}, from {consumed}"
        for row in products:
            columns = row["columns (unit)"].replace(" (1)", "")
            yield f"  {row['kind']:<8} {row['name']}: {columns}"


def _print(lines: Iterable[str]) -> None:
    """Print lines, broken with an indent where the terminal is narrower."""
    width = shutil.get_terminal_size().columns
    for line in lines:
        typer.echo(textwrap.fill(line, width, subsequent_indent=" " * 6, break_on_hyphens=False))


def _rate(rate_hz: float) -> str:
    if not rate_hz:
        return "one at a time"
    return f"{rate_hz:g} Hz" if rate_hz >= 0.5 else f"every {_duration(1 / rate_hz)}"


def _duration(seconds: float) -> str:
    if math.isinf(seconds):
        return "never"
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:g} {unit}"
    return f"{seconds:g} s"
