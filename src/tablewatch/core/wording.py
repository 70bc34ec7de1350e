"""How the core says what it did. One line each, for a person who reads a mail log."""

from __future__ import annotations

from collections.abc import Iterable

from tablewatch.core.backend import Backend, Pending
from tablewatch.knowledge.keys import mask_key
from tablewatch.knowledge.masking import scrub
from tablewatch.policy.digests import NEVER_REMEMBERED
from tablewatch.protocol.messages import Request


def shown(request: Request, *, show_keys: bool) -> str:
    """Return ``lookup credentials a***@example.org``."""
    parts = [request.operation.value]
    if request.service is not None:
        parts.append(request.service)
    if request.key is not None and request.service is not None:
        parts.append(shown_key(request.service, request.key, show_keys=show_keys))
    return " ".join(parts)


def shown_key(service: str, key: bytes, *, show_keys: bool) -> str:
    """Return the key as it may be logged; ``auth`` keys hold a password and never may."""
    if show_keys and service != "auth":
        return key.decode("utf-8", "backslashreplace").encode("unicode_escape").decode("ascii")
    return mask_key(key, service)


def times(count: int) -> str:
    """Return ``once``, ``3 times``."""
    return "once" if count == 1 else f"{count} times"


def whence(error: Exception) -> str:
    """Return ``KeyError at Judge.good:12``: never what it says, for that may hold a key."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace else ""
    return f"{type(error).__name__}{where}"


def retries(backend: Backend, *, broke: bool) -> str:
    """Return ``3 times``, and whether it was the table's budget that could not pay."""
    spent = times(backend.evidence.spent)
    return f"{spent}, and the table's retry budget is spent" if broke else spent


def replaced(pending: Pending | None) -> str:
    """Tell in short what giving a backend up means for whoever waits for `pending`."""
    if pending is None or pending.probe:
        return "the backend was replaced"
    return f"the {pending.request.operation.value} got a temporary error, the backend was replaced"


def quotable(requests: Iterable[Request | None]) -> tuple[list[bytes], list[bytes]]:
    """Return what a line about `requests` might quote: their keys, and what may never be shown.

    A key of ``auth`` is user:password, and a line may repeat the password alone.
    """
    keys: list[bytes] = []
    secrets: list[bytes] = []
    for request in requests:
        if request is None or not request.key:
            continue
        if request.service in NEVER_REMEMBERED:
            secrets += [each for each in (request.key, request.key.partition(b":")[2]) if each]
        else:
            keys.append(request.key)
    return keys, secrets


def loss(
    backend: Backend,
    pending: Pending | None,
    why: str,
    detail: str,
    delay: float,
    *,
    show_keys: bool,
) -> str:
    """Tell that a backend was given up: what it was doing, why, what follows."""
    what = {
        "retries": "kept reconnecting to its database",
        "deadline": "did not answer in time",
        "damage": "broke the protocol",
        "exit": "went away",
        "start": "did not start",
        "spin": "spins",
        "throttled": "did not recover",
        "internal": "was lost to an error of our own",
    }.get(why, why)
    parts = [f"backend {what} ({detail})"]
    if pending is not None:
        what = shown(pending.request, show_keys=show_keys)
        parts.append(f"during {what}: " + ("a probe" if pending.probe else "answered error"))
    if backend.last_words:
        keys, secrets = quotable([backend.asked])
        words = scrub(backend.last_words, keys, show_keys=show_keys, secrets=secrets)
        parts.append(f'it said "{words}"')
    parts.append(f"next start in {delay:.1f} s" if delay > 0 else "replaced")
    return "; ".join(parts)
