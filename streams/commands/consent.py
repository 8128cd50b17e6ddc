"""``vitals consent``: a person withdraws consent to being watched, or gives it again."""

from __future__ import annotations

import asyncio
import difflib
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from streams.commands.opening import require_topics
from streams.commands.options import Config, Kafka, Partitions

WITHDRAWN, GIVEN = "withdrawn", "given"


def consent(
    participant: Annotated[str, typer.Argument(metavar="ID", help="Whose; the id of the page.")],
    says: Annotated[
        str, typer.Argument(metavar="withdrawn|given", help="What they say of being watched.")
    ],
    unknown: Annotated[
        bool, typer.Option("--unknown", help="Also of somebody whom no bridge has announced.")
    ] = False,
    kafka: Kafka = None,
    partitions: Partitions = None,
    config: Config = None,
) -> None:
    """Note on Kafka that somebody withdraws or gives consent.

    From the newest samples on, nothing of them is processed, kept or shown; their alarms end, and
    consent_withdrawn stands in their place. What was kept before stays. `vitals run` has no such
    command: it watches simulated people and the recordings that it is given, so leave theirs out.
    """
    from processors.errors import SettingError
    from streams.config import load
    from streams.packages import needed_by
    from streams.withdrawal import announced, tell_consent

    if says not in {WITHDRAWN, GIVEN}:
        raise SettingError(says, f"expected {WITHDRAWN} or {GIVEN} after the id")
    settings = load({"kafka": kafka, "partitions": partitions}, file=config)
    with needed_by("vitals consent"):
        from streams.bus.kafka import KafkaBus
    require_topics(settings)

    async def run() -> int:
        bus = KafkaBus(settings.kafka)
        try:
            known = await announced(bus, settings.partitions)
            if participant not in known and not unknown:
                raise SettingError(participant, _nobody(participant, known))
            return await tell_consent(
                bus, settings.partitions, participant,
                given=says == GIVEN, now_ms=time.time_ns() // 1_000_000,
            )  # fmt: skip
        finally:
            await bus.close()

    at = datetime.fromtimestamp(asyncio.run(run()) / 1e3, UTC).isoformat(timespec="milliseconds")
    typer.echo(f"{participant}: consent is {says} from {at} on.")


def _nobody(participant: str, known: set[str]) -> str:
    near = difflib.get_close_matches(participant, sorted(known), n=2, cutoff=0.5)
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"nobody of that id is announced on Kafka{meant} (--unknown sends it all the same)"
