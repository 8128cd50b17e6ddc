"""The page has words for everything that processors report."""

import re

import pytest

from dashboards.monitor.app import STATIC
from processors.records import FindingSpec
from processors.registry import discover

WORDS = (STATIC / "i18n.js").read_text("utf-8")
UNSAID = re.search(r"UNSAID = /\^\(([^)]*)\)\$/", (STATIC / "evidence.js").read_text("utf-8"))
SPECS = sorted(
    {
        (spec.code, column.name)
        for processor in discover()
        for spec in processor.produces
        if isinstance(spec, FindingSpec)
        for column in spec.evidence
    }
)


@pytest.mark.parametrize(("code", "column"), SPECS)
def test_each_number_of_a_finding_has_words_or_is_left_out(code, column):
    assert UNSAID is not None
    said = re.search(rf"'evidence\.{column}': \['[^']+',\s+'[^']+'\]", WORDS)
    assert bool(said) != (column in UNSAID[1].split("|"))
    assert re.search(rf"^  {code}: \['[^']+', '[^']+'\]", WORDS, re.MULTILINE)
