"""Between a strip as a page shows it and as a store keeps it."""

from __future__ import annotations

from dashboards.monitor.history import Strip
from processors.records import Finding
from streams.stores import StoredStrip


def stored_strip(finding: Finding, strip: Strip) -> StoredStrip:
    """Give what is stored of the strip of a finding."""
    return StoredStrip(
        strip.participant, finding.id, strip.at_ns, strip.t0_ns, strip.fs_hz, strip.scale,
        strip.offset, strip.samples,
    )  # fmt: skip


def shown_strip(stored: StoredStrip) -> Strip:
    """Give a stored strip as a page shows it."""
    return Strip(
        stored.participant, stored.at_ns, stored.t0_ns, stored.fs_hz, stored.scale, stored.offset,
        stored.samples,
    )  # fmt: skip
