"""No text takes our regular expressions long: those who send keys choose what lines repeat."""

import subprocess
import sys

# The longest line that is read, made of what the expressions look for, over and over; so is the key
# it is about. Something catastrophic would take hours for any of them.
HOSTILE = r"""
import itertools, resource
resource.setrlimit(resource.RLIMIT_CPU, (100, 100))
from tablewatch.knowledge.classify import Classifier
from tablewatch.knowledge.keys import describe_key, mask_key
from tablewatch.knowledge.masking import scrub
from tablewatch.knowledge.stderr_lines import LINE_LIMIT
from tablewatch.knowledge.trace_formats import from_kdump, from_strace
from tablewatch.knowledge.tracing import condense

PIECES = (
    b"@", b"a", b"a@", b"@a.", b".a", b"-", b'"', b"'", b"\\", b"''", b"\\'", b"$a$", b"{aa",
    b"{a}", b"password", b"password=", b'password="', b"password ", b"pass:", b"secret\"]", b"->",
    b"a://", b"a://a:", b"sha", b"md5-", b"md5$", b"0", b"0x", b"_", b"*", b" ", b'value: "',
    b'" for ', b'req "', b'" returned more', b"ldap_query: filter=", b", ret=-", b" failed: ",
    b"connection to server at ", b'(result = "', b"syntax for type ", b"parameter $1 = '", b"=",
    b"' for key", b"`", b"[1]: ", b"\xc5\x82", b"\xff", b"\0", b"E0000SA\0", b"C00000\0M",
)
BEGINNINGS = (
    b"",
    b"creds[7]: warn: trying to reconnect after error: ",
    b"creds[7]: warn: table-postgres: trying to reconnect after error: ",
    b'password="',
)
TRACES = ('1 0.1 recvfrom(3, "', '1 0.1 connect(3, {sun_path="', " 1 x 0.1 CALL ")

def read(line):
    reading = Classifier(memory=1).read(line)
    key = line[: LINE_LIMIT // 2]
    scrub(reading.text, [key])
    mask_key(key, "credentials"), describe_key(key)

for beginning, piece in itertools.product(BEGINNINGS, PIECES):
    line = (beginning + piece * LINE_LIMIT)[:LINE_LIMIT]
    read(line)
    scrub(line.decode("utf-8", "backslashreplace"), ())
for number, pair in enumerate(itertools.product(PIECES, repeat=2)):
    if number % 19 == 0:
        read((b"".join(pair) * LINE_LIMIT)[:LINE_LIMIT])
        read((pair[0] + pair[1] * LINE_LIMIT)[:LINE_LIMIT])
for head, piece in itertools.product(TRACES, PIECES):
    text = head + piece.decode("latin-1") * LINE_LIMIT
    for known in (from_strace, from_kdump):
        condense(known([text, text + '"', text]))
print("done")
"""


def test_the_longest_lines_of_what_they_look_for_are_read_in_time():
    done = subprocess.run(
        [sys.executable, "-c", HOSTILE], capture_output=True, text=True, timeout=170, check=False
    )
    assert done.stdout == "done\n", done.stderr or "it took more processor time than it may"
