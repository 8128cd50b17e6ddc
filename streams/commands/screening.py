"""``vitals screening``: who is referred after a day of an event, for what, and why."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, tzinfo
from datetime import date as date_type
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from streams.commands.opening import open_store
from streams.commands.options import Config, Data

if TYPE_CHECKING:
    from alerts.policy import Policy
    from alerts.screening import Evidence, Screened, Total


def screening(
    day: Annotated[
        str, typer.Option(metavar="DATE", help="As 2026-11-25 (the day of the newest finding).")
    ] = "",
    group: Annotated[str, typer.Option(metavar="NAME", help="People of this group only.")] = "",
    data: Data = None,
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whose time zone and texts count.")
    ] = None,
    criteria: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Reasons to refer (the shipped ones).")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of it there as well.")
    ] = None,
    config: Config = None,
) -> None:
    """Say who is referred after a day, for what, and why.

    Rhythm, rate, recovery of the heart rate and blood pressure count, each with its evidence.
    Totals by group come first. Who was watched too little to be called clear is counted apart. A
    monitor may be running.
    """
    import json

    from alerts.policy import load_policy
    from alerts.screening import SHIPPED, check_codes, load_criteria, totals
    from streams.config import load
    from streams.stores.screening import newest_day, read_screening, screening_json

    settings = load({"data": data, "policy": policy}, file=config)
    rules, reasons = load_policy(settings.policy), load_criteria(criteria)
    check_codes(reasons, rules.rules, str(criteria or SHIPPED))
    zone = rules.routes.clock.zone
    with contextlib.closing(open_store(settings)) as store:
        date = _date(day) if day else newest_day(store, zone, time.time_ns())
        screened = read_screening(store, date, zone, reasons)
    if group:
        screened = [one for one in screened if one.participant.group == group]
    for line in _lines(date.isoformat(), screened, totals(screened), rules, zone):
        typer.echo(line)
    if json_file:
        text = json.dumps(screening_json(date, screened, reasons), indent=1, ensure_ascii=False)
        json_file.write_text(text + "\n", encoding="utf-8")


def _date(text: str) -> date_type:
    from processors.errors import SettingError

    try:
        return date_type.fromisoformat(text)
    except ValueError:
        raise SettingError("--day", f"expected a date as 2026-11-25, found {text!r}") from None


def _lines(
    day: str, screened: Sequence[Screened], sums: Sequence[Total], policy: Policy, zone: tzinfo
) -> Iterable[str]:
    for total in sums:
        if len(sums) != 2 or total.people > sums[0].people or total is sums[0]:  # said once
            yield _sentence(day, total)
    for one in screened:
        if not one.referred:
            continue
        yield ""
        person = one.participant
        named = f" ({person.name})" if person.name else ""
        where = f", {person.group}" if person.group else ""
        yield f"{person.id}{named}{where}: refer; watched {_hours(one.watched_s)}"
        for reason in one.reasons:
            yield f"  {reason.criterion.title}"
            for evidence in reason.evidence[:_SHOWN]:
                yield f"    {_said(evidence, policy, zone)}"
            if len(reason.evidence) > _SHOWN:
                yield f"    and {len(reason.evidence) - _SHOWN} more"


_SHOWN = 5  # pieces of evidence of a reason; --json has all


def _sentence(day: str, total: Total) -> str:
    from alerts.screening import ALL

    whose = "" if total.group == ALL else f", {total.group}"
    text = f"{day}{whose}: {total.referred} of {total.people} referred"
    if total.referred:
        counts = (
            f"{n} for {name} ({total.only.get(name, 0)} for it alone)"
            for name, n in total.by_category.items()
        )
        text += ": " + ", ".join(counts)
    if total.not_assessed:
        text += f"; {total.not_assessed} not assessed, watched too little"
    return text


def _said(evidence: Evidence, policy: Policy, zone: tzinfo) -> str:
    from alerts.reason import reason

    finding = evidence.finding
    at = datetime.fromtimestamp(finding.onset_ns / 1e9, UTC).astimezone(zone)
    lasted = f" for {_hours(evidence.lasted_s)}" if evidence.lasted_s else ""
    said = reason(policy.rule(finding.code), finding.value, finding.evidence).en
    return f"{at:%H:%M:%S} {said}{lasted}"


def _hours(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
