"""What a search that knows nothing of the code feeds a target: what comes close, and what is kept
with something changed.
"""

from __future__ import annotations

from hypothesis import strategies as st
from tests.fuzz.target import Target

_MOST_CHANGES = 4


def around(target: Target) -> st.SearchStrategy[bytes]:
    """Return inputs for `target`."""
    inputs = [path.read_bytes() for path in target.corpus()]
    return target.near | _changed(inputs, target.words) if inputs else target.near


@st.composite
def _changed(draw: st.DrawFn, inputs: list[bytes], words: tuple[bytes, ...]) -> bytes:
    data = bytearray(draw(st.sampled_from(inputs)))
    for _ in range(draw(st.integers(1, _MOST_CHANGES))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.sampled_from([0, 0, 1, 1, 2, 8, 100])))
        change = draw(st.sampled_from(["drop", "double", "bytes", "word"]))
        if change == "drop":
            del data[begin:end]
        elif change == "double":
            data[begin:begin] = data[begin:end]
        elif change == "word" and words:
            data[begin:end] = draw(st.sampled_from(words))
        else:
            data[begin:end] = draw(st.binary(min_size=1, max_size=4))
    return bytes(data)
