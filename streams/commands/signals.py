"""``vitals signals``: what Vitalstream knows, printed from the declarations themselves."""

from __future__ import annotations

import json
import math
from typing import Annotated

import typer


def signals(
    features: Annotated[
        bool, typer.Option("--features", help="List features, streams and findings instead.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the signals with unit, rate, plausible range, stale time and codes."""
    rows = _feature_rows() if features else _signal_rows()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    else:
        _print(rows, "What processors produce" if features else "Signals")


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
            "variants (rate, stale after)": ", ".join(
                f"{v.name} ({_rate(v.rate_hz)}, {_duration(v.stale_after_s)})"
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


def _print(rows: list[dict[str, str]], title: str) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for column in rows[0]:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(value) for value in row.values()))
    Console().print(table)


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
