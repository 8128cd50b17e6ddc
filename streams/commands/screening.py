"""``vitals screening``: who is referred after a day of an event, for what, and why."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import date as date_type
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from alerts.policy import Policy
    from alerts.screening import Criteria, Evidence, Screened, Total
    from streams.stores.sqlite import SqliteStore


def screening(
    day: Annotated[
        str, typer.Option(metavar="DATE", help="As 2026-11-25 (the day of the newest finding).")
    ] = "",
    group: Annotated[str, typer.Option(metavar="NAME", help="People of this group only.")] = "",
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder of the store (vitals-data).")
    ] = Path("vitals-data"),
    policy: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whose time zone and texts count.")
    ] = None,
    criteria: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Reasons to refer (the shipped ones).")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="Write all of it there as well.")
    ] = None,
) -> None:
    """Say who is referred after a day, for what, and why.

    Rhythm, rate, recovery of the heart rate and blood pressure count, each with its evidence.
    Totals by group come first. Who was watched too little to be called clear is counted apart. A
    monitor may be running.
    """
    import json

    from alerts.policy import load_policy
    from alerts.screening import SHIPPED, check_codes, load_criteria, totals
    from processors.errors import SettingError
    from streams.stores.screening import read_screening
    from streams.stores.sqlite import SqliteStore

    rules, reasons = load_policy(policy), load_criteria(criteria)
    check_codes(reasons, rules.rules, str(criteria or SHIPPED))
    path = data / "vitals.sqlite"
    if not path.is_file():
        raise SettingError("--data", f"there is no store in {data}; vitals run makes one")
    zone = rules.routes.clock.zone
    with contextlib.closing(SqliteStore(path)) as store:
        from_ns, until_ns = _span(day, zone, store)
        screened = read_screening(store, from_ns, until_ns, reasons)
    if group:
        screened = [one for one in screened if one.participant.group == group]
    name = datetime.fromtimestamp(from_ns // 10**9, zone).date().isoformat()
    for line in _lines(name, screened, totals(screened), rules, zone):
        typer.echo(line)
    if json_file:
        text = json.dumps(_tree(name, screened, totals(screened), reasons), indent=1)
        json_file.write_text(text + "\n", encoding="utf-8")


def _span(day: str, zone: tzinfo, store: SqliteStore) -> tuple[int, int]:
    """Give the first and the last moment of a day, ns."""
    from processors.errors import SettingError

    if day:
        try:
            date = date_type.fromisoformat(day)
        except ValueError:
            raise SettingError("--day", f"expected a date as 2026-11-25, found {day!r}") from None
    else:
        newest = store.findings(limit=1)
        t_s = newest[0].t_ns // 10**9 if newest else 0
        date = datetime.fromtimestamp(t_s, zone).date()
    began = datetime(date.year, date.month, date.day, tzinfo=zone)
    following = date + timedelta(days=1)
    ended = datetime(following.year, following.month, following.day, tzinfo=zone)
    return round(began.timestamp()) * 10**9, round(ended.timestamp()) * 10**9


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
    finding = evidence.finding
    at = datetime.fromtimestamp(finding.onset_ns / 1e9, UTC).astimezone(zone)
    lasted = f" for {_hours(evidence.lasted_s)}" if evidence.lasted_s else ""
    numbers = ", ".join(f"{name} {value:.4g}" for name, value in finding.evidence.items())
    title = policy.rules[finding.code].title.en
    return f"{at:%H:%M:%S} {title}{lasted}" + (f": {numbers}" if numbers else "")


def _hours(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _tree(
    day: str, screened: Sequence[Screened], sums: Sequence[Total], criteria: Criteria
) -> Mapping[str, Any]:
    return {
        "day": day,
        "least_watched_s": criteria.least_watched_s,
        "totals": [
            {
                "group": total.group,
                "people": total.people,
                "referred": total.referred,
                "not_assessed": total.not_assessed,
                "by_category": total.by_category,
                "only": total.only,
            }
            for total in sums
        ],
        "people": [
            {
                "participant": one.participant.id,
                "group": one.participant.group,
                "referred": one.referred,
                "assessed": one.assessed,
                "watched_s": one.watched_s,
                "reasons": [
                    {
                        "criterion": reason.criterion.name,
                        "category": reason.criterion.category,
                        "evidence": [
                            {
                                "finding": evidence.finding.id,
                                "code": evidence.finding.code,
                                "onset_ns": evidence.finding.onset_ns,
                                "lasted_s": evidence.lasted_s,
                                "value": evidence.finding.value,
                                **evidence.finding.evidence,
                            }
                            for evidence in reason.evidence
                        ],
                    }
                    for reason in one.reasons
                ],
            }
            for one in screened
        ],
    }
