"""Merged records for row processors: made from a list, cut at will, and compared afterwards."""

from __future__ import annotations

import numpy as np

from processors.records import Batch, Outputs

NS = 1_000_000_000
Record = tuple[int, int, tuple[float, ...]]  # time in ns, source, values


def batch_of(rows: dict[int, list[Record]], until_ns: int, width: int) -> Batch:
    """Make one batch: a row per slot, records sorted by time, ties by source."""
    slots = sorted(rows)
    ordered = {slot: sorted(rows[slot], key=lambda record: record[:2]) for slot in slots}
    flat = [record for slot in slots for record in ordered[slot]]
    values = np.full((len(flat), width), np.nan)
    for i, (_, _, numbers) in enumerate(flat):
        values[i, : len(numbers)] = numbers
    n = len(slots)
    return Batch(
        signal="",
        slots=np.array(slots, np.int32),
        until_ns=np.full(n, until_ns, np.int64),
        offsets=np.cumsum([0] + [len(ordered[slot]) for slot in slots]).astype(np.int64),
        values=values,
        fs_hz=np.zeros(n),
        t0_ns=np.zeros(n, np.int64),
        seq=np.zeros(n, np.int64),
        t_ns=np.array([record[0] for record in flat], np.int64),
        source=np.array([record[1] for record in flat], np.int8),
    )


def feed(processor, rows, until_ns, width, cuts=()) -> list[Outputs]:
    """Give a processor the records, in one piece or cut at these times (each a horizon)."""
    given = []
    before = -(2**62)
    for horizon in [*sorted(cut for cut in set(cuts) if cut < until_ns), until_ns]:
        piece = {
            slot: [record for record in records if before < record[0] <= horizon]
            for slot, records in rows.items()
        }
        given.append(processor.process(batch_of(piece, horizon, width)))
        before = horizon
    return given


def rows_of(outputs: list[Outputs], slot: int | None = None) -> dict[str, list[tuple]]:
    """Flatten outputs into tuples by name, NaN as None, in the order given out by each slot."""
    found: dict[str, list[tuple]] = {}
    for output in outputs:
        for kind, blocks in (("derived", output.derived), ("feature", output.features)):
            for block in blocks:
                table = found.setdefault(f"{kind} {block.name}", [])
                for k, t, numbers in zip(block.slots, block.t_ns, block.values, strict=True):
                    table.append((int(k), int(t), *_plain(numbers)))
        for block in output.events:
            table = found.setdefault(f"finding {block.code}", [])
            for k in range(len(block.slots)):
                table.append(
                    (
                        int(block.slots[k]), int(block.onset_ns[k]), int(block.at_ns[k]),
                        int(block.t_ns[k]), int(block.state[k]), int(block.revision[k]),
                        *_plain([block.value[k], *block.evidence[k]]),
                    )
                )  # fmt: skip
    tables = {
        name: [row for row in table if slot is None or row[0] == slot]
        for name, table in found.items()
    }
    # Between slots the order is free; within one it is that of time.
    return {name: sorted(table, key=lambda row: row[0]) for name, table in tables.items() if table}


def _plain(numbers) -> list[float | None]:
    return [None if np.isnan(number) else float(number) for number in numbers]


def assert_cuts_do_not_matter(make, rows, until_ns, width, cuts, *, ordered=True) -> None:
    """Give the records in one piece, cut, and by snapshot from one processor to another.

    Not `ordered`: the processor may say a thing after a later one, the engine puts it right.
    """

    def said(given) -> dict[str, list[tuple]]:
        tables = rows_of(given)
        return tables if ordered else {name: sorted(rows) for name, rows in tables.items()}

    whole = said(feed(make(), rows, until_ns, width))
    assert said(feed(make(), rows, until_ns, width, cuts)) == whole
    alone = {}
    for slot in rows:
        for name, table in said(feed(make(), {slot: rows[slot]}, until_ns, width)).items():
            alone.setdefault(name, []).extend(table)
    key = (lambda row: row[0]) if ordered else None
    assert {name: sorted(table, key=key) for name, table in alone.items()} == whole
    slots = np.array(sorted(rows), np.int32)
    middle = min(cuts, default=until_ns // 2)
    first, second = make(), make()
    early = {slot: [r for r in records if r[0] <= middle] for slot, records in rows.items()}
    late = {slot: [r for r in records if r[0] > middle] for slot, records in rows.items()}
    given = feed(first, early, min(middle, until_ns), width)
    second.restore(slots, first.snapshot(slots))
    first.forget(slots)
    if middle < until_ns:
        given += feed(second, late, until_ns, width)
    assert said(given) == whole
    assert said(feed(first, rows, until_ns, width)) == whole  # forgotten: as if never seen
