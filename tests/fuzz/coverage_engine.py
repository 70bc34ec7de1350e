"""The engine that follows the code: atheris, where there is a wheel of it (Linux, x86-64)."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import time
from pathlib import Path

from tests.fuzz.outcome import Job, Outcome, Tell
from tests.fuzz.target import Target

NAME = "atheris"
# Far above what any input needs: it is for what never ends, or eats memory.
_SECONDS_EACH = 60
_MEMORY = 1024  # MB
_LONGEST = 4096  # bytes of an input; what is kept and longer is for the tests

_PROGRESS = re.compile(r"#(\d+)\s+\S+\s+cov: (\d+) ft: (\d+) corp: (\d+)/")
_DONE = re.compile(r"Done (\d+) runs")


def available() -> bool:
    """Tell whether atheris is installed."""
    return importlib.util.find_spec("atheris") is not None


def fuzz(target: Target, job: Job, tell: Tell) -> Outcome:
    """Fuzz `target`; what turns up on the way is kept in ``job.work``, and gone on with."""
    found, artefacts = job.work / "inputs" / target.name, job.work / "artefacts" / target.name
    for folder in (found, artefacts):
        folder.mkdir(parents=True, exist_ok=True)
    for old in artefacts.iterdir():
        old.unlink()
    dictionary = job.work / f"{target.name}.dict"
    dictionary.write_text(
        "# words of the format\n" + "".join(f'"{_escaped(word)}"\n' for word in target.words)
    )
    command = [
        *(sys.executable, "-m", "tests.fuzz.guided", target.name),
        *(str(found), *([str(target.folder)] if target.folder.is_dir() else [])),
        f"-max_total_time={max(1, round(job.seconds))}",
        *(f"-timeout={_SECONDS_EACH}", f"-rss_limit_mb={_MEMORY}", f"-max_len={_LONGEST}"),
        *(f"-dict={dictionary}", f"-artifact_prefix={artefacts}/", "-print_final_stats=0"),
    ]
    outcome = Outcome()
    log = job.work / f"{target.name}.log"
    with (
        log.open("w") as written,
        subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace"
        ) as process,
    ):
        assert process.stderr is not None
        begun = time.monotonic()
        try:
            for line in process.stderr:
                written.write(line)
                _read(line, outcome)
                outcome.seconds = time.monotonic() - begun
                tell(outcome)
        finally:
            process.kill()
    outcome.finding = next((path.read_bytes() for path in artefacts.iterdir()), None)
    if outcome.finding is None and not _ended_well(log):
        outcome.trouble = f"atheris ended before its time; {log} says why"
    return outcome


def _read(line: str, outcome: Outcome) -> None:
    if match := _PROGRESS.match(line):
        outcome.runs, outcome.inputs = int(match[1]), int(match[4])
        outcome.reached = f"coverage {match[2]}"
    elif match := _DONE.match(line):
        outcome.runs = int(match[1])


def _ended_well(log: Path) -> bool:
    return bool(_DONE.search(log.read_text(errors="replace")))


def _escaped(word: bytes) -> str:
    return "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in word
    )
