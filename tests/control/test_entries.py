"""A page of refused keys fits into a line, however long the keys and the reasons are."""

import json

from tests.support.statuses import CAUSE

from tablewatch.control.entries import PAGE, QuarantineEntry
from tablewatch.control.records import from_plain, to_plain
from tablewatch.control.wire import MAX_LINE, encode
from tablewatch.knowledge.keys import mask_key
from tablewatch.knowledge.signatures import SIGNATURES

ENTRY = QuarantineEntry("09864c53a3", "credentials", "a***", CAUSE, 5.0, 3595.0, 1, 0)


def test_an_entry_survives_json():
    assert from_plain(QuarantineEntry, json.loads(json.dumps(to_plain(ENTRY)))) == ENTRY


def test_the_longest_page_fits_into_a_line():
    longest = max((each.cause for each in SIGNATURES), key=len)
    shown = mask_key(b"a" * 5000 + b"@" + b"b" * 60 + b".example.org", "credentials")
    assert len(shown) > 60
    entry = QuarantineEntry(
        "f" * 10, "credentials", shown, longest, 1 / 3e-6, 1 / 3e-6, 1 << 40, 1 << 40
    )
    data = {"entries": [to_plain(entry)] * PAGE, "total": 10_000}
    assert len(encode({"type": "done", "id": 1 << 62, "ok": True, "data": data})) < MAX_LINE
