"""How the core says what it did. One line each, for a person who reads a mail log."""

from __future__ import annotations

from tablewatch.core.backend import Backend, Pending
from tablewatch.knowledge.keys import mask_key
from tablewatch.knowledge.masking import scrub
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


def retries(backend: Backend, *, broke: bool) -> str:
    """Return ``3 times``, and whether it was the table's budget that could not pay."""
    spent = times(backend.evidence.spent)
    return f"{spent}, and the table's retry budget is spent" if broke else spent


def replaced(pending: Pending | None) -> str:
    """Tell in short what giving a backend up means for whoever waits for `pending`."""
    if pending is None or pending.probe:
        return "the backend was replaced"
    return f"the {pending.request.operation.value} got a temporary error, the backend was replaced"


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
        keys = [backend.asked.key] if backend.asked is not None and backend.asked.key else []
        parts.append(f'it said "{scrub(backend.last_words, keys, show_keys=show_keys)}"')
    parts.append(f"next start in {delay:.1f} s" if delay > 0 else "replaced")
    return "; ".join(parts)
