"""A blob is read as a stream: how it comes in does not matter, nor where reading stops for a while.

The law, of which most tests here are cases: reading a part of a blob, and then on from the place
where that stopped, gives what one reading of it all gives, once what was given before is dropped.
"""

from __future__ import annotations

import gzip
import json
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowverdict.flowlog import Place, Progress, Reading, RowsOf, read_blob, read_pieces, unpacked
from flowverdict.flowlog.kernel import KernelRows
from flowverdict.flowlog.place import START
from flowverdict.flowlog.reader import WINDOW
from flowverdict.flowlog.rows import PlainRows

BOTH: list[RowsOf] = [PlainRows, KernelRows]
TUPLES = [
    "1786653112710,40.87.164.0,10.0.5.4,23456,25800,6,I,E,NX,1,128,1,54",
    "1786653168597,2001:db8::1,10.0.5.4,59350,8001,17,I,B,X,,,,",
    "no tuple",
    "1786653168597,173.34.158.146,10.0.5.4,,8001,6,I,D,NX,0,0,0,0",
]


def vnet(seed: int, count: int = 2, rule: str = "UserRule_a") -> dict[str, Any]:
    """A record of a VNet log with its fields as Azure orders them; some tuples are bad."""
    rng = random.Random(seed)
    return {
        "time": "2026-08-13T20:33:21.9481850Z",
        "macAddress": "0022486DBA37",
        "category": "FlowLogFlowEvent",
        "targetResourceID": f"/v{seed}",
        "flowLogVersion": 4,
        "flowRecords": {"flows": [{"aclID": "a", "flowGroups": [
            {"rule": rule, "flowTuples": [rng.choice(TUPLES) for _ in range(count)]},
            {"rule": "PlatformRule", "flowTuples": [rng.choice(TUPLES)]},
        ]}]},
    }  # fmt: skip


NSG = {
    "time": "2018-11-13T12:00:35.3899262Z",
    "category": "NetworkSecurityGroupFlowEvent",
    "resourceId": "/N",
    "properties": {"Version": 2, "flows": [{"rule": "UserRule_a", "flows": [
        {"mac": "000D3AF87856", "flowTuples": [
            "1542110379,10.5.16.4,13.67.143.117,59932,443,T,O,A,E,1,66,1,66", "bad",
        ]},
    ]}]},
}  # fmt: skip
RECORDS = [vnet(1), NSG, vnet(2), vnet(3, count=0), vnet(4, rule="UserRule_é")]


def text(value: Any, **options: Any) -> bytes:
    """JSON, as Azure writes it if no options say otherwise."""
    return json.dumps(value, separators=(",", ":"), **options).encode()


WHOLE = text({"records": RECORDS})
LINES = b"".join(text(one) + b"\n" for one in RECORDS)
FORMS = {
    "one object": WHOLE,
    "a record a line": LINES,
    "an array": text(RECORDS, ensure_ascii=False),
    "objects behind each other": text({"records": RECORDS[:2]}) + text({"records": RECORDS[2:]}),
    "indented": json.dumps({"records": RECORDS}, indent=2).replace("\n", "\r\n").encode(),
    "nested": text({"records": [{"records": RECORDS[:3]}, *RECORDS[3:]]}),
    "marked": b"\xef\xbb\xbf" + WHOLE,
    "padded": b"\x00\x00\n" + WHOLE + b"\x00" * 9,
    "no UTF-8": text({"records": RECORDS}, ensure_ascii=False).replace("é".encode(), b"\xe2\x82"),
    "a fragment": b"," + WHOLE[12:],
    "numbers and words": b'[{"a":-1.5e3,"b":[true,null,0]},' + LINES.replace(b"\n", b',{"n":-7},'),
    "damaged records": LINES.replace(b"macAddress", b'mac"Address', 2).replace(b'"rule"', b"!", 1),
    "damage between": LINES.replace(b"\n", b"\nnoise \xff noise\n").replace(b"v3", b'v"3'),
    "a line torn": LINES[:300] + LINES[500:900] + b",\n" + LINES,
}
SHORT = {
    "one object": text({"records": [vnet(4, 1), NSG]}),
    "lines with damage": b"\n".join([
        text(vnet(1, 1)), b"noise \xff noise", text(vnet(2, 0)).replace(b'/v2"', b'/v2",-1.5!'),
        b'{"n":-7,"rule":true}', text(vnet(5, 1, "UserRule_\xe9"), ensure_ascii=False),
    ]).replace("\xe9".encode(), b"\xe2\x82"),
}  # fmt: skip


@dataclass(slots=True)
class Read:
    """What a reading gave, and how much of it at each of its batches."""

    reading: Reading
    rows: list[dict[str, Any]] = field(default_factory=list)
    marks: list[tuple[int, int, Place, Progress]] = field(default_factory=list)

    @property
    def rejects(self) -> list[tuple[int, int | None, str, str]]:
        return self.reading.rejected


def read(
    data: bytes, rows_of: RowsOf = PlainRows, *, at: Place = START, window: int = WINDOW,
    size: int | None = None,
) -> Read:  # fmt: skip
    """Reads bytes that come in pieces of one size."""
    found = Read(Reading("blob"))
    reading = found.reading
    for batch in read_pieces(pieces(data, size), reading, at=at, rows_of=rows_of, window=window):
        found.rows += batch.to_pylist()
        mark = (len(found.rows), len(found.rejects), reading.place, reading.progress)
        found.marks.append(mark)
    found.marks.append((len(found.rows), len(found.rejects), reading.place, reading.progress))
    assert reading.rows == len(found.rows)
    return found


def pieces(data: bytes, size: int | None) -> Iterator[bytes]:
    step = size or max(1, len(data))
    for start in range(0, len(data), step):
        yield data[start : start + step]


def rows_behind(rows: list[dict[str, Any]], progress: Progress) -> list[dict[str, Any]]:
    return [one for one in rows if Progress(one["record"], one["tuple"]) >= progress]


def rejects_behind(
    rejects: list[tuple[int, int | None, str, str]], progress: Progress
) -> list[tuple[int, int | None, str, str]]:
    return [one for one in rejects if Progress(one[0], one[1] or 0) >= progress]


def goes_on(
    data: bytes, whole: Read, place: Place, progress: Progress, rows_of: RowsOf, window: int
) -> None:
    """Checks that reading on from a place gives exactly the rest."""
    rest = read(data[place.offset :], rows_of, at=place, window=window)
    assert rows_behind(rest.rows, progress) == rows_behind(whole.rows, progress)
    assert rejects_behind(rest.rejects, progress) == rejects_behind(whole.rejects, progress)
    assert rest.reading.place == whole.reading.place
    assert rest.reading.progress == whole.reading.progress


@pytest.mark.parametrize("rows_of", BOTH)
@pytest.mark.parametrize("form", FORMS)
def test_windows_and_pieces_do_not_matter(form: str, rows_of: RowsOf) -> None:
    data = FORMS[form]
    whole = read(data)
    assert len(whole.rows) >= 4
    for window, size in ((1, None), (2, 1), (90, 7), (700, 64), (WINDOW, 1)):
        found = read(data, rows_of, window=window, size=size)
        assert found.rows == whole.rows
        assert found.reading == whole.reading


@pytest.mark.parametrize("rows_of", BOTH)
@pytest.mark.parametrize("form", FORMS)
def test_place_and_progress_are_those_of_the_rows_given_so_far(form: str, rows_of: RowsOf) -> None:
    data = FORMS[form]
    whole = read(data)
    found = read(data, rows_of, window=100)
    assert len(found.marks) > 3
    for rows, rejects, place, progress in found.marks:
        assert rows_behind(whole.rows, progress) == whole.rows[rows:]
        assert rejects_behind(whole.rejects, progress) == whole.rejects[rejects:]
        assert place.number <= progress.records
        goes_on(data, whole, place, progress, rows_of, 150)


@pytest.mark.parametrize("form", SHORT)
def test_reading_goes_on_after_a_cut_at_every_byte(form: str) -> None:
    data = SHORT[form]
    whole = read(data)
    assert len(whole.rows) > 1
    for cut in range(len(data)):
        rows_of = BOTH[cut % 2]
        before = read(data[:cut], rows_of, window=(60, WINDOW)[cut % 3 // 2])
        place, progress = before.reading.place, before.reading.progress
        assert before.rows + rows_behind(whole.rows, progress) == whole.rows
        left = rejects_behind(whole.rejects, progress)
        given = whole.rejects[: len(whole.rejects) - len(left)]
        for mine, one in zip(before.rejects, given, strict=True):
            assert mine[:3] == one[:3]
            assert one[3].startswith(mine[3].rstrip("\n\ufffd"))
        goes_on(data, whole, place, progress, rows_of, (WINDOW, 77)[cut % 5 // 4])


DAMAGE = st.lists(
    st.tuples(
        st.integers(0, 10**6),
        st.integers(0, 3),
        st.sampled_from(
            [b"", b"\n{", b'{"time":1}', b"-", b"1.5", b"\xe2\x82", b"tru", b'"', b'{"records":[',
             b"\n  [", b"}", b"]", b"\\", b"x" * 50, "é€😀".encode(), b"\x00", b"\n\n"]
        )
        | st.binary(max_size=5),
    ),
    max_size=4,
)  # fmt: skip


@settings(max_examples=70, deadline=None)
@given(st.sampled_from(sorted(FORMS)), DAMAGE, st.integers(0, 10**6), st.integers(1, 900))
def test_reading_goes_on_in_any_bytes(
    form: str, damage: list[tuple[int, int, bytes]], cut: int, window: int
) -> None:
    data = FORMS[form]
    for at, length, piece in damage:
        place = at % (len(data) + 1)
        data = data[:place] + piece + data[place + length :]
    whole = read(data)
    for rows_of in BOTH:
        found = read(data, rows_of, window=window, size=window // 3 + 1)
        assert (found.rows, found.reading) == (whole.rows, whole.reading)
        before = read(data[: cut % (len(data) + 1)], rows_of, window=window).reading
        goes_on(data, whole, before.place, before.progress, rows_of, window)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 200), st.integers(1, 50))
def test_no_bytes_are_too_odd(data: bytes, cut: int, window: int) -> None:
    whole = read(data)
    for rows_of in BOTH:
        found = read(data, rows_of, window=window, size=1)
        assert (found.rows, found.reading) == (whole.rows, whole.reading)
        before = read(data[:cut], rows_of).reading
        if not data.startswith(b"\x1f\x8b"):
            goes_on(data, whole, before.place, before.progress, rows_of, window)


def test_a_window_may_end_inside_a_character() -> None:
    data = text(vnet(4, rule="UserRule_" + "é" * 20), ensure_ascii=False)
    inside = data.index("é".encode())
    for window in (inside + 1, inside + 2, inside + 3):
        assert "schema_mismatch" not in read(data, window=window).reading.warnings
    assert "schema_mismatch" in read(data[: inside + 1]).reading.warnings


def test_a_place_counts_bytes_with_the_mark_and_odd_ones() -> None:
    data = b"\xef\xbb\xbf" + FORMS["no UTF-8"]
    place = read(data).reading.place
    assert place == Place(len(data) - len(b"]}"), len(RECORDS), 1)
    assert read(data[: place.offset - 1]).reading.place.number == len(RECORDS) - 1


@pytest.mark.parametrize(
    ("data", "place", "progress"),
    [
        (b"", Place(), Progress()),
        (b'{"records":[', Place(), Progress()),
        (WHOLE, Place(len(WHOLE) - 2, 5, 1), Progress(5)),
        (LINES, Place(len(LINES) - 1, 5, 0), Progress(5)),
        (LINES + b"noise", Place(len(LINES) - 1, 5, 0), Progress(5, 1)),
        (LINES + b"noise\n{", Place(len(LINES) + 5, 6, 0), Progress(6, 0)),
        (text(vnet(9))[:-30], Place(), Progress(0, 2)),
    ],
)
def test_what_place_and_progress_say(data: bytes, place: Place, progress: Progress) -> None:
    reading = read(data).reading
    assert (reading.place, reading.progress) == (place, progress)


def test_a_damaged_piece_has_a_number_where_it_stands() -> None:
    good = text(vnet(1))
    found = read(good + b"\nnoise\n" + good + b'\n{"time"!\n' + good)
    assert {one["record"] for one in found.rows} == {0, 2, 5}
    damage = [(one[0], one[3]) for one in found.rejects if one[1] is None]
    assert damage == [(1, "noise"), (4, "!")]
    assert (found.reading.records, found.reading.whole_records) == (4, 3)


def test_a_line_may_begin_where_damage_is_found() -> None:
    """Here the next line, whose first field is another one, is no member of the object before."""
    line = text(dict(reversed(vnet(1).items())))
    found = read(b'{"time":"x",\n' + line)
    assert [one["record"] for one in found.rows] == [2] * len(read(line).rows)
    assert [(one[0], one[3]) for one in found.rejects if one[1] is None] == [(1, "")]


def test_a_blob_that_is_read_on_is_what_it_was() -> None:
    reading = read(WHOLE).reading
    for rest in (b"", b"]}", b'{"ti'):
        assert read(rest, at=reading.place).reading.status == "ok"
    assert read(b"]}", at=reading.place).reading.warnings == {}
    assert read(b",", at=reading.place).reading.warnings == {"truncated": 1}


@pytest.mark.parametrize("size", [1, 3, 1000, None])
def test_a_gzip_is_unpacked_as_far_as_it_goes(size: int | None) -> None:
    once = gzip.compress(LINES, mtime=0)
    packed = once + gzip.compress(WHOLE, mtime=0) + b"\x00" * 20 + once
    two = len(packed) - 20 - len(once)
    assert b"".join(unpacked(pieces(packed, size))) == LINES + WHOLE + LINES
    longest = 0
    for cut in range(0, len(packed), 1 if size is None else 7):
        reading = Reading("blob")
        source = unpacked(pieces(packed[:cut], size), partial(reading.warn, "truncated"))
        found = b"".join(source)
        if cut > 1:
            assert (LINES + WHOLE + LINES).startswith(found)
            assert longest <= len(found)
            is_whole = cut == len(once) or two <= cut <= two + 20 or cut == len(packed)
            assert reading.warnings == ({} if is_whole else {"truncated": 1})
            longest = len(found)
    assert longest > len(LINES + WHOLE)


def test_pieces_of_a_damaged_gzip_do_not_matter() -> None:
    rng = random.Random(3)
    packed = gzip.compress(LINES, mtime=0) + gzip.compress(WHOLE, mtime=0)
    lengths: set[int] = set()
    for _ in range(150):
        damaged = bytearray(packed)
        damaged[rng.randrange(2, len(packed))] ^= 1 << rng.randrange(8)
        whole = b"".join(unpacked([bytes(damaged)]))
        assert whole == b"".join(unpacked(pieces(bytes(damaged), 1)))
        lengths.add(len(whole))
    assert len(lengths) > 20


def test_a_gzip_in_a_stream_is_read_like_its_text() -> None:
    packed = gzip.compress(b"\xef\xbb\xbf" + WHOLE, mtime=0)
    whole = read(FORMS["marked"])
    for rows_of in BOTH:
        found = read(packed, rows_of, window=40, size=3)
        assert (found.rows, found.reading) == (whole.rows, whole.reading)
        cut = read(packed[: len(packed) // 2], rows_of, window=40, size=3).reading
        assert cut.warnings["truncated"] == 2  # the gzip, and the text in it
        goes_on(FORMS["marked"], whole, cut.place, cut.progress, rows_of, 50)


def test_what_is_no_gzip_passes_through() -> None:
    for data in (b"", b"\x1f", b"\x1fx", b"{}", WHOLE):
        assert b"".join(unpacked(pieces(data, 1))) == data
    assert list(unpacked([b"", b"", b"ab", b""])) == [b"ab", b""]


def test_a_gzip_bomb_comes_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(1 << 26))
    sizes = [len(one) for one in unpacked([bomb])]
    assert sum(sizes) == 1 << 26
    assert max(sizes) <= 1 << 20


class Counted:
    """Pieces that count how many of them were asked for."""

    def __init__(self, piece: bytes, times: int) -> None:
        self.left = [piece] * times
        self.bytes = 0

    def __iter__(self) -> Iterator[bytes]:
        while self.left:
            piece = self.left.pop()
            self.bytes += len(piece)
            yield piece


@pytest.mark.parametrize(
    ("piece", "rows_of"),
    [
        (random.Random(1).randbytes(1 << 16), PlainRows),
        (
            text({"time": "x", "category": "AuditEvent", "more": "y" * (1 << 16)}) + b"\n",
            KernelRows,
        ),
        (b'{"type":"FeatureCollection","features":' + b"[" * 9 + b" " * (1 << 16), KernelRows),
    ],
    ids=["a film", "another log", "one large object"],
)
def test_what_is_no_flow_log_is_given_up(piece: bytes, rows_of: RowsOf) -> None:
    source = Counted(piece, 400)
    reading = Reading("blob")
    assert list(read_pieces(source, reading, rows_of=rows_of)) == []
    assert (reading.status, reading.rejected, reading.flow_records) == ("not_flow_log", [], 0)
    assert WINDOW <= source.bytes < WINDOW + len(piece)


def test_a_first_record_of_many_windows_is_not_given_up() -> None:
    record = text({**vnet(1), "operationName": "x" * (WINDOW + 99)})
    for rows_of in BOTH:
        found = read(record, rows_of, size=1 << 20)
        assert found.rows == read(text(vnet(1))).rows
        assert found.reading.status == "ok"


def test_damage_of_many_windows_comes_in_pieces() -> None:
    """Which pieces does not hang on the windows, so that their numbers are always the same."""
    noise = b"x" + "é".encode() * (WINDOW // 2 + 9001)
    data = text(vnet(1)) + b"\n" + noise + b"\n" + LINES
    whole = read(data, KernelRows)
    damage = [one for one in whole.rejects if one[1] is None]
    assert [one[0] for one in damage] == [1, 2]
    assert "".join(one[3] for one in damage).encode() == noise
    assert max(one["record"] for one in whole.rows) == 2 + len(RECORDS)
    found = read(data, window=5 << 20, size=3 << 20)
    assert (found.rows, found.reading) == (whole.rows, whole.reading)
    before = read(data[: len(data) - len(LINES) - 9], window=1 << 20).reading
    assert before.place == Place(len(text(vnet(1))), 1, 0)
    assert before.progress == Progress(2, 1)
    goes_on(data, whole, before.place, before.progress, PlainRows, WINDOW)


def test_blobs_without_a_row_give_what_they_have() -> None:
    """Rejects do not pile up either: each window gives a batch, if only an empty one."""
    bad = text({"records": [{**vnet(1), "flowRecords": {"flows": [
        {"flowGroups": [{"rule": "x", "flowTuples": ["no", "nor this"]}]}]}}] * 9})  # fmt: skip
    for rows_of in BOTH:
        found = read(bad, rows_of, window=900)
        assert [one[1] for one in found.marks][:3] == [6, 12, 18]
        assert found.rows == []


MEMORY = """
import resource, sys
from flowverdict.flowlog import Reading, read_pieces
from flowverdict.flowlog.kernel import KernelRows, read_blob_fast

record = sys.stdin.buffer.read()
rows = sum(one.num_rows for one in read_blob_fast(record, Reading("blob")))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
times = 200_000_000 // len(record)
reading = Reading("blob")
pieces = (b"," * (i > 0) + record for i in range(times))
found = sum(one.num_rows for one in read_pieces(pieces, reading, rows_of=KernelRows))
assert found == times * rows, (found, times, rows)
unit = 1 if sys.platform == "darwin" else 1024
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * unit)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such count of memory")
def test_memory_does_not_grow_with_the_blob(tmp_path: Path) -> None:
    """Vector B36: 200 MB in some windows of 16 MiB."""
    record = vnet(1)
    tuples = [TUPLES[0], TUPLES[3].replace(",,", ",1,")] * 150
    record["flowRecords"]["flows"][0]["flowGroups"][0]["flowTuples"] = tuples
    done = subprocess.run(
        [sys.executable, "-c", MEMORY], input=text(record), capture_output=True, check=True
    )
    assert int(done.stdout) < 100e6


def test_reading_bytes_is_reading_one_piece() -> None:
    reading = Reading("blob")
    rows = [row for batch in read_blob(WHOLE, reading) for row in batch.to_pylist()]
    whole = read(WHOLE, size=1)
    assert (rows, reading) == (whole.rows, whole.reading)
