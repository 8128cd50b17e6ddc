"""``vitals loadtest smoke`` meets its own verdicts; a report tells why that can be believed."""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.end_to_end.program import COMMAND, ROOT, environment

AT_MOST_S = 300


@pytest.mark.bench
def test_smoke_meets_its_verdicts(tmp_path):
    done = subprocess.run(
        [*COMMAND, "loadtest", "smoke", "--out", str(tmp_path)],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=AT_MOST_S, check=False,
    )  # fmt: skip
    told = json.loads((tmp_path / "report.json").read_text())
    assert done.returncode == 0, done.stdout + done.stderr
    assert told["valid"]
    assert told["met"]
    assert told["samples"]["lost"] == told["samples"]["doubled"] == 0
    assert told["results"]["findings_given"] == told["results"]["findings_stored"] > 0
    assert told["latency"]["page_trace"]["count"] > 1000
    page = (tmp_path / "report.html").read_text()
    assert "All verdicts are met" in page
    assert page.count("<img") == 2
