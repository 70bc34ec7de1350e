"""The targets find defects: each of these, put in on purpose, is found by the tests' own means."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.fuzz.chance_engine import search
from tests.fuzz.regexes import all_patterns
from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

from tablewatch.config.values import Duration
from tablewatch.control import markup, wire
from tablewatch.daemon.web import request, web_config
from tablewatch.doctor import smtpd_conf, sql
from tablewatch.knowledge import classify, masking, stderr_lines, trace_formats
from tablewatch.policy import collapse
from tablewatch.protocol import imsg_backend, lines, text_backend, text_smtpd
from tablewatch.protocol.messages import Verdict

_NEVER = re.compile(r"(?!)")

DEFECTS: list[tuple[str, Any, str, Any]] = [
    ("answers-text", text_backend, "EMPTY_VALUE", "a new kind"),
    ("lines", lines.Lines, "overlong", False),
    ("answers-imsg", imsg_backend, "HAVE_VALUES", frozenset()),
    ("answers-imsg", imsg_backend, "VERDICTS", imsg_backend.VERDICTS | {2: Verdict.FOUND}),
    ("torn-keys", text_smtpd, "waits_for_answers", lambda version: False),
    ("own-answers", text_smtpd, "_CONTROL", b""),
    ("lines", lines.Lines, "skipping", False),
    ("stderr-lines", stderr_lines.StderrLines, "flush", lambda self: []),
    ("stderr-classes", classify, "printable", lambda line: line.decode("latin-1")),
    ("masked-keys", masking, "_replace", lambda text, form, masked: text),
    ("masked-secrets", masking, "_PASSWORD", _NEVER),
    ("masked-secrets", masking, "_HASHES", _NEVER),
    ("collapser", collapse, "_summary", lambda entry, now: "repeated 1 time in 1 s"),
    ("config", Duration, "read", lambda self, text: 1e9),
    ("web-config", web_config, "_scrubbed", lambda word: word),
    ("control-lines", wire, "_DECODER", json.JSONDecoder()),
    ("views", markup, "escape", markup.Html),
    ("incident-files", markup, "clean", lambda text: text + "<script>"),
    ("http-request", request, "_FIELD", re.compile(r"([!-~]+):([^\n]*)")),
    ("sql", sql, "any_key", lambda text: text),
    ("smtpd-conf", smtpd_conf.TableLine, "unwatch", lambda self: self.text),
    ("strace", trace_formats, "printable", lambda data: data.decode("latin-1")),
    ("regexes", masking, "_URL", re.compile(r"(a+)+b")),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "place", "what", "defect"),
    DEFECTS,
    ids=[f"{name}: {place.__name__}.{what}" for name, place, what, _ in DEFECTS],
)
def test_a_defect_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, place: Any, what: str, defect: Any
) -> None:
    monkeypatch.setattr(place, what, defect)
    all_patterns.cache_clear()
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it breaks
        _tried(TARGETS[name])
    all_patterns.cache_clear()


def _tried(target: Target) -> None:
    """Do to `target` what the tests do."""
    for path in target.corpus():
        target.check(path.read_bytes())

    def check(data: bytes) -> None:
        target.check(data)

    search(target, check, 60, shrink=False)
