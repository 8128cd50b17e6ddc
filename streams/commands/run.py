"""``vitals run``: everything in one process, with the page."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.options import (
    ColumnMap,
    Config,
    Data,
    Host,
    Loop,
    Participants,
    PolicyFile,
    Port,
    ReplayedBeats,
    Scenario,
    Seed,
)

if TYPE_CHECKING:
    from streams.config import Settings
    from streams.embedded import Plan

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def run(
    more: Annotated[
        list[Path] | None,
        typer.Argument(help="More to replay, beside --replay.", metavar="PATH", hidden=True),
    ] = None,
    replay: Annotated[
        list[Path] | None,
        typer.Option(
            "--replay", metavar="PATH...", help="Play records, tables (CSV) or folders of them."
        ),
    ] = None,
    scenario: Scenario = None,
    participants: Participants = None,
    speed: Annotated[
        str, typer.Option(metavar="X|max", help="How fast a replay plays: 1, 10, ... or max.")
    ] = "1",
    loop: Loop = False,
    beats: ReplayedBeats = "",
    column_map: ColumnMap = None,
    port: Port = None,
    host: Host = None,
    data: Data = None,
    policy: PolicyFile = None,
    seed: Seed = None,
    config: Config = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page in a browser or do not.")
    ] = True,
) -> None:
    """Watch people on a live page, simulated or replayed.

    Without --replay they are simulated. Findings, alarms and values are kept in
    DIR/vitals.sqlite, waveforms in DIR/waveforms; alarms that were open there are taken up
    again. Ctrl-C ends.
    """
    from streams.config import has_display, load

    given = {
        "host": host, "port": port, "data": data, "scenario": scenario,
        "participants": participants, "seed": seed, "policy": policy,
    }  # fmt: skip
    settings = load(given, file=config)
    pace = parse_speed(speed)
    if not (replay or more):
        _refuse_alone(
            {"--speed": pace != 1.0, "--loop": loop, "--beats": beats, "--map": column_map}
        )
    address = bind(settings.host, settings.port)
    with contextlib.closing(address):
        paths = [*(replay or []), *(more or [])]
        if paths:
            plan = replay_plan(paths, beats, column_map or [], pace, loop, settings)
        else:
            plan = simulation_plan(settings)
        if browser and has_display():
            asyncio.run(_serve(plan, settings, address, open_page=True))
        else:
            asyncio.run(_serve(plan, settings, address, open_page=False))


async def _serve(
    plan: Plan, settings: Settings, address: socket.socket, *, open_page: bool
) -> None:
    from alerts.policy import load_policy
    from streams.embedded import Embedded
    from streams.stores.retention import Keep

    def say(line: str) -> None:
        typer.echo(line)
        if open_page and "http://" in line:
            webbrowser.open(line[line.index("http://") :])

    keep = Keep.of(settings)
    program = Embedded(plan, load_policy(settings.policy), settings.data, address, say, keep=keep)
    await program.serve()
    typer.echo(f"Stopped. What was found is in {program.store_path}")
    if program.not_stored:
        typer.echo(f"{program.not_stored} records could not be stored", err=True)
    if any(thread.name == "engine" for thread in threading.enumerate()):
        # It is compiling kernels, which cannot be interrupted; all else has been closed.
        sys.stdout.flush()
        os._exit(0)


def bind(host: str, port: int) -> socket.socket:
    """Give a listening socket.

    Raises
    ------
    SettingError
        The address is not loopback, or the port is taken.
    """
    from processors.errors import SettingError

    if host not in LOOPBACK:
        raise SettingError(
            "host",
            f"{host} is not of this machine; other addresses need a password and TLS, which this "
            f"version does not have yet (allowed: {', '.join(LOOPBACK)})",
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    address = socket.socket(family, socket.SOCK_STREAM)
    address.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        address.bind((host, port))
        address.listen(128)
    except OSError as error:
        address.close()
        raise SettingError(
            "port",
            f"{port} cannot be used ({error.strerror}); --port {port + 1} takes another, "
            "--port 0 any that is free",
        ) from error
    return address


def simulation_plan(settings: Settings) -> Plan:
    """Give what a scenario plays, beginning now."""
    from device_bridges.simulator.bridge import SimulatorBridge
    from device_bridges.simulator.expand import expand
    from device_bridges.simulator.scenario import load as load_scenario
    from streams.commands.progress import counted
    from streams.embedded import Plan

    scenario = load_scenario(settings.scenario)
    plan = expand(scenario, settings.seed, settings.participants)
    bridge = SimulatorBridge(plan, base_ns=time.time_ns())
    return Plan(
        bridge=bridge,
        participants=plan.participants,
        controls=bridge.controls,
        simulated=True,
        speed=1.0,
        greeting=f"Vitalstream: {plan.name}, {counted(plan.n, 'simulated participant')}",
        block_ms=settings.block_ms,
    )


def replay_plan(
    paths: list[Path], beats: str, column_map: list[str], speed: float | None, loop: bool,
    settings: Settings,
) -> Plan:  # fmt: skip
    """Give what recordings play, beginning now; what cannot be read is named and left out."""
    from device_bridges.replay.bridge import ReplayBridge
    from device_bridges.replay.columns import parse_mapping
    from device_bridges.replay.link import find_recordings, read_recording
    from processors.errors import InputError
    from registry.participants import Participant
    from streams.commands.progress import complain, counted, reading_progress, warner
    from streams.embedded import Plan

    warn = warner()
    found = find_recordings(paths, beats_extension=beats, mapping=parse_mapping(column_map))
    for note in found.notes:
        warn(note)
    recordings = []
    faults = [*found.faults]
    with reading_progress(len(found.sources)) as advance:
        for source in found.sources:
            try:
                recordings.append(read_recording(source))
            except InputError as error:
                faults.append(error)
            advance()
    if not recordings:
        raise faults[0]
    for fault in faults:
        complain(f"{fault}; left out")
    for recording in recordings:
        for text in recording.warnings:
            warn(text)
    bridge = ReplayBridge(recordings, base_ns=time.time_ns(), loop=loop)
    pace = "as fast as possible" if speed is None else f"at {speed:g} times the speed"
    return Plan(
        bridge=bridge,
        participants=[Participant(recording.participant) for recording in recordings],
        controls=lambda _from_ns, _until_ns: (),
        simulated=False,
        speed=speed,
        greeting=f"Vitalstream: {counted(len(recordings), 'recording')}"
        + ("" if speed == 1.0 else f" {pace}"),
        block_ms=settings.block_ms,
    )


def _refuse_alone(options: Mapping[str, object]) -> None:
    from processors.errors import SettingError

    for name, given in options.items():
        if given:
            raise SettingError(name, "is for recordings, expected --replay PATH beside it")


def parse_speed(text: str) -> float | None:
    """Read a number above 0, or ``max``, which is None."""
    from processors.errors import SettingError

    if text == "max":
        return None
    try:
        speed = float(text.removeprefix("x"))
    except ValueError:
        speed = 0.0
    if not 0 < speed <= 10_000:
        raise SettingError("--speed", f"expected a number above 0 or max, found {text!r}")
    return speed
