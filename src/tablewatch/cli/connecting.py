"""Finding out which of the two protocols a backend speaks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from tablewatch.cli.asking import Asker, Speaker, Target
from tablewatch.errors import BackendFailed

# Lines of a handshake that are kept until it is known whether they matter.
_KEPT_LINES = 100


def connect(
    target: Target,
    dialects: Sequence[Speaker],
    timeout: float,
    heard: Callable[[bytes], None],
    max_retries: int | None,
) -> Asker:
    """Return a greeted backend, started once for each of `dialects` until it understands one.

    smtpd's greeting makes a backend of the other protocol leave (imsg, given text) or wait for
    ever (text, given imsg), so text is to be tried first. The handshake of the last one may take
    `timeout` seconds, that of the others half as long. What a backend wrote while it was spoken
    to in the wrong protocol is passed to `heard` only when none was right. Raises BackendFailed.
    """
    failures: dict[str, BackendFailed] = {}
    words: deque[bytes] = deque(maxlen=_KEPT_LINES)
    for number, dialect in enumerate(dialects, 1):
        before = list(words)
        words.clear()
        asker = Asker(target, dialect, words.append, max_retries)
        try:
            asker.greet(timeout if number == len(dialects) else timeout / 2)
        except BackendFailed as error:
            asker.close(at_once=True)
            failures[dialect.name] = error
        except BaseException:
            asker.close(at_once=True)
            raise
        else:
            for word in words:
                heard(word)
            asker.heard = heard
            return asker
    reasons = {str(error) for error in failures.values()}
    # A backend that can't work leaves in the same way whatever it is told: once is enough.
    for word in words if len(reasons) == 1 else [*before, *words]:
        heard(word)
    if len(reasons) > 1:
        reasons = {f"in the {name} protocol: {error}" for name, error in failures.items()}
    raise BackendFailed(f"{target.program} can't be asked; {'; '.join(sorted(reasons))}")
