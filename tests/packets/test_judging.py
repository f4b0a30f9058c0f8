"""Files of packets: each row comes out with the evaluator's verdict, or is told."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import flowverdict
from flowverdict import Options
from flowverdict.demo.bank import write_bank
from flowverdict.model import Estate, InputError
from flowverdict.net import format_address, is_ipv6, parse_address
from flowverdict.packets import Judge, Reject, opened
from flowverdict.packets.blocks import blocks
from flowverdict.packets.csv_rows import csv_pieces

HEAD = "direction,protocol,src_ip,dst_ip,src_port,dst_port"
OBJECT = '{"direction":"I","protocol":6,"src_ip":"1.2.3.4","dst_ip":"10.10.1.4","dst_port":1}'
GOOD = "I,TCP,203.0.113.7,10.10.1.4,50000,22"


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Estate:
    folder = tmp_path_factory.mktemp("bank")
    write_bank(folder)
    return flowverdict.load_estate([folder])


def packets(estate: Estate, count: int, seed: int = 1) -> list[dict[str, Any]]:
    """Made-up packets at interfaces with an address that no other has."""
    some = random.Random(seed)
    points = [point for point, one in sorted(estate.nics_by_address.items()) if len(one) == 1]
    found: list[dict[str, Any]] = []
    for _ in range(count):
        local = some.choice(points)
        remotes = [point for point in points if is_ipv6(point) == is_ipv6(local)]
        local, remote = format_address(local), format_address(some.choice(remotes))
        if some.random() < 0.4:
            last = some.randrange(256)
            remote = f"2001:db8::{last:x}" if ":" in local else f"203.0.113.{last}"
        way = some.choice(["Inbound", "Outbound"])
        src, dst = (remote, local) if way == "Inbound" else (local, remote)
        found.append(
            {
                "direction": way, "protocol": some.choice(["TCP", "UDP"]), "src_ip": src,
                "dst_ip": dst, "src_port": some.randrange(1024, 65536),
                "dst_port": some.choice([22, 53, 80, 443, 1433, 3389, 8080]),
                "note": some.choice(["", "a,b", 'say "no"', "two\nlines", "é"]),
            }
        )  # fmt: skip
    return found


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def as_csv(rows: list[dict[str, Any]], path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as out:
        writer = csv.DictWriter(out, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def as_jsonl(rows: list[dict[str, Any]], path: Path) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def as_parquet(rows: list[dict[str, Any]], path: Path) -> Path:
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.mark.parametrize("write", [as_csv, as_jsonl, as_parquet])
def test_each_row_comes_out_whole_with_the_verdict_of_verify(
    tmp_path: Path, bank: Estate, write: Any
) -> None:
    rows = packets(bank, 300)
    found = flowverdict.judge(bank, write(rows, tmp_path / "packets")).to_pylist()
    assert len(found) == len(rows)
    for row, out in zip(rows, found, strict=True):
        assert {name: str(out[name]) for name in row} == {k: str(v) for k, v in row.items()}
        ends = [endpoint(row[f"{end}_ip"], row[f"{end}_port"]) for end in ("src", "dst")]
        remote, local = ends if row["direction"] == "Inbound" else ends[::-1]
        address = row["dst_ip" if row["direction"] == "Inbound" else "src_ip"]
        nic = bank.nics_by_address[parse_address(address)][0]
        verdict = flowverdict.verify(
            bank, nic=str(nic.id), direction=row["direction"], protocol=row["protocol"],
            local=local, remote=remote,
        )  # fmt: skip
        assert out["access"] == verdict.access
        assert out["layer"] == verdict.layer
        assert out["rule_id"] == (str(verdict.rule.id) if verdict.rule else None)


def test_tables_and_readers_are_judged_as_files_are(tmp_path: Path, bank: Estate) -> None:
    table = pa.Table.from_pylist(packets(bank, 50))
    found = flowverdict.judge(bank, table)
    assert flowverdict.judge(bank, table.to_reader()).equals(found)
    assert flowverdict.judge(bank, table.combine_chunks().to_batches()[0]).equals(found)
    assert flowverdict.judge(bank, table.slice(0, 0)).num_rows == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "p: is empty: expected a line with the names of columns"),
        ("a\n", "p: lacks the column `direction`, `protocol`, `src_ip`, `dst_ip`, `dst_port`"),
        (f"{HEAD},access\n", "p: has a column `access` already"),
        (f"{HEAD},SrcIp,src_port\n", "p:1: two columns are named `src_port`"),
        (f"{HEAD}\n{GOOD}\nI,TCP,1.2.3.400,10.10.1.4,1,2\n", "p:3: src_ip: `1.2.3.400` is no IP"),
        (f"{HEAD}\nI,TCP,1.2.3.4,10.10.1.4,1,65536\n", "p:2: dst_port: `65536` is no port"),
        (f"{HEAD}\nI,TCP,1.2.3.4,10.10.1.4,-1,1\n", "p:2: src_port: `-1` is no port"),
        (f"{HEAD}\nI,TCP,1.2.3.4,10.10.1.4,1,\n", "p:2: dst_port: is empty or `*`"),
        (f"{HEAD}\nin?,TCP,1.2.3.4,10.10.1.4,1,1\n", "p:2: direction: `in?`: expected I, O"),
        (f"{HEAD}\nI,256,1.2.3.4,10.10.1.4,1,1\n", "p:2: protocol: `256`: expected"),
        (f"{HEAD}\nI,TCP,fd00::1,10.10.1.4,1,1\n", "p:2: dst_ip: `10.10.1.4`: expected an addr"),
        (f"{HEAD}\n{GOOD}\nI,TC", "p:3: has 2 columns: expected 6, as the first line has"),
        (f"{HEAD}\n{GOOD},7\n", "p:2: has 7 columns: expected 6"),
        (f'{HEAD}\n{GOOD}\n"I,TCP\n', "p:3: unexpected end of data"),
        (f'{HEAD}\n"I\n",TCP,1.2.3.4,10.10.1.4,1,2\nI,TCP,x,10.10.1.4,1,2\n', "p:4: src_ip: `x`"),
        (f"{HEAD}\n\n\nI,TCP,x,10.10.1.4,1,2\n", "p:4: src_ip: `x`"),
        (f"{HEAD}\r{GOOD}\r", "p:1: has lines that end with CR alone: expected LF or CRLF"),
        ('{"direction":"I"}\n', "p: lacks the column `protocol`"),
        ("[{}]", "p: is one array of JSON: expected an object a line"),
        (f"{OBJECT}\n{OBJECT[:9]}", "p:2: is no JSON object"),
        ('{"direction":"I"}\n{"direction":1}', "p:2: direction: `1` is of another type"),
        ("PAR1 and no more", "p: is damaged"),
    ],
)
def test_what_is_wrong_is_one_line_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bank: Estate, text: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p").write_bytes(text.encode())
    with pytest.raises(InputError) as problem:
        flowverdict.judge(bank, "p")
    assert str(problem.value).startswith(said)
    assert "\n" not in str(problem.value)


def test_parquet_with_one_name_twice_is_told(tmp_path: Path, bank: Estate) -> None:
    names = [*HEAD.split(","), "src_ip"]
    table = pa.table([pa.array([one]) for one in [*GOOD.split(","), "1.2.3.4"]], names=names)
    pq.write_table(table, tmp_path / "p")
    with pytest.raises(InputError, match="two columns are named `src_ip`"):
        flowverdict.judge(bank, tmp_path / "p")


def test_numbers_that_gaps_made_fractions_are_read(tmp_path: Path, bank: Estate) -> None:
    row = {"direction": "I", "src_ip": "203.0.113.7", "dst_ip": "10.10.1.4"}
    rows = [{**row, "protocol": 6.0, "dst_port": 22.0, "src_port": None},
            {**row, "protocol": 1.0, "dst_port": float("nan"), "src_port": 1.0}]  # fmt: skip
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "p")
    found = flowverdict.judge(bank, tmp_path / "p").to_pylist()
    assert [one["access"] for one in found] == ["Deny", "Deny"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (f"{HEAD}\nI,TCP,1.2.3.\xff,10.10.1.4,1,1\n".encode("latin-1"), "p:2: src_ip: is not UTF"),
        (f"{HEAD}\n{GOOD}\n".encode("utf-16"), "p: is UTF-16: expected text in UTF-8"),
        (b'{"direction":"\xff"}\n', "p:1: is not UTF-8"),
        (gzip.compress(f"{HEAD}\n{GOOD}\n".encode(), mtime=0)[:40], "p: ends too early"),
    ],
)
def test_bytes_that_are_no_text_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bank: Estate, data: bytes, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("p").write_bytes(data)
    with pytest.raises(InputError) as problem:
        flowverdict.judge(bank, "p")
    assert str(problem.value).startswith(said)


@pytest.mark.parametrize(
    "text",
    [
        f"\ufeff{HEAD}\r\n{GOOD}\r\n",
        f"{HEAD}\n{GOOD}".replace(",", ";"),
        f"{HEAD}\n{GOOD}\n\n".replace(",", "\t"),
        f"{HEAD}\n{GOOD}".replace(",", " , "),
        "SrcIP_s,DestIP_s,DestPort_d,L4Protocol_s,FlowDirection_s\n203.0.113.7,10.10.1.4,22,T,I\n",
        "direction,protocol,local,remote\nInbound,6,10.10.1.4:22,203.0.113.7:50000\n",
        "direction,protocol,local,remote,vm\nInbound,6,10.10.1.4:22,203.0.113.7,dev-vm\n",
        f"{HEAD},nic\n{GOOD},dev-vm-nic\n",
    ],
)
def test_the_same_packet_in_other_words(tmp_path: Path, bank: Estate, text: str) -> None:
    (tmp_path / "p").write_bytes(text.encode())
    (tmp_path / "p.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("p", "p.gz"):
        (row,) = flowverdict.judge(bank, tmp_path / name).to_pylist()
        assert (row["access"], row["layer"]) == ("Deny", "nic")
        assert row["rule_name"] == "defaultSecurityRules/DenyAllInBound"


@pytest.mark.parametrize(
    ("row", "missing"),
    [
        ("I,TCP,1.2.3.4,10.99.9.9,1,22,", "network interface with address `10.99.9.9`"),
        ("I,TCP,1.2.3.4,10.10.1.4,1,22,gone", "network interface `gone` is not in the estate"),
    ],
)
def test_a_packet_of_an_unknown_interface_is_unknown_and_says_so(
    tmp_path: Path, bank: Estate, row: str, missing: str
) -> None:
    (tmp_path / "p").write_text(f"{HEAD},nic\n{row}\n")
    (found,) = flowverdict.judge(bank, tmp_path / "p").to_pylist()
    assert (found["access"], found["missing"]) == ("Unknown", missing)
    assert (found["rule_name"], found["rule_id"], found["layer"]) == (None, None, None)


@given(
    st.lists(
        st.sampled_from(
            [GOOD, "", "I,TCP", "I,XCP,1.2.3.4,10.10.1.4,1,2", "I,TCP,1,10.10.1.4,1,2",
             '"I",TCP,"203.0.113.7",10.10.1.4,50000,"22"', f'"I\n",{GOOD[2:]}', '"', f"{GOOD},",
             "I,TCP,203.0.113.7,10.10.1.4,50000,é", 'I,TCP,2"0,10.10.1.4,1,2']
        ),
        max_size=12,
    )
)  # fmt: skip
def test_lenient_loses_nothing(bank: Estate, lines: list[str]) -> None:
    """Every byte of the file is in a row, in a reject, or an empty line."""
    text = "\n".join([HEAD, *lines])
    rejects: list[Reject] = []
    pieces = list(csv_pieces("p", blocks("p", iter([text.encode()]), quotes=True)))
    schema = pieces[0].rows.schema
    judge = Judge(bank, Options(), "p", rejects.append)
    rows = [row for batch in judge.judge(schema, iter(pieces)) for row in batch.to_pylist()]
    assert judge.count.rows == len(rows)
    assert judge.count.rejected == len(rejects)
    raw = [one.raw if isinstance(one.raw, str) else as_line(one.raw) for one in rejects]
    told = sorted("".join([*raw, *map(as_line, rows)]).replace("\n", "").replace('"', ""))
    assert told == sorted("".join(lines).replace("\n", "").replace('"', ""))


def as_line(row: dict[str, Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="").writerow([row[name] for name in HEAD.split(",")])
    return out.getvalue()


@given(st.lists(st.sampled_from(['a"b', "\n", '"', "x,y", '"\n"', "\r\n"])), st.integers(1, 5))
def test_blocks_are_the_bytes_in_whole_lines(parts: list[str], size: int) -> None:
    data = "".join(parts).encode()
    pieces = (data[at : at + size] for at in range(0, len(data), size))
    found = list(blocks("p", pieces, quotes=True, size=size))
    assert b"".join(one.data for one in found) == data
    line = 1
    for one in found:
        assert one.line == line
        line += one.data.count(b"\n")


def test_a_quotation_mark_that_never_ends_spoils_its_line_alone(
    tmp_path: Path, bank: Estate
) -> None:
    good = f"{GOOD}\n" * 3
    (tmp_path / "p").write_text(f'{HEAD}\n{good}"{GOOD}\n{good}')
    rejects: list[Reject] = []
    with opened(str(tmp_path / "p"), io.BytesIO()) as (pieces, _):
        first = next(pieces)
        judge = Judge(bank, Options(), "p", rejects.append)
        assert sum(len(one) for one in judge.judge(first.rows.schema, pieces)) == 6
    assert [one.line for one in rejects] == [5]


MANY = """
import resource, sys
from itertools import chain
import flowverdict
from flowverdict import Options
from flowverdict.packets import Judge
from flowverdict.packets.blocks import Block
from flowverdict.packets.csv_rows import csv_pieces

bank = flowverdict.load_estate(sys.argv[1:])
head = "direction,protocol,src_ip,dst_ip,src_port,dst_port\\n".encode()
block = "".join(
    f"I,TCP,203.0.{at % 256}.{at // 256 % 256},10.10.1.4,{1024 + at},22\\n" for at in range(20_000)
).encode()

def judged(count):
    blocks = (Block(block, 2, len(block)) for _ in range(count))
    pieces = csv_pieces("p", chain([Block(head, 1, 0)], blocks))
    first = next(pieces)
    return sum(len(one) for one in Judge(bank, Options(), "p").judge(first.rows.schema, pieces))

judged(20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(judged(100), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    """Two million rows through the reader and the classifier, in a few megabytes."""
    write_bank(tmp_path / "bank")
    done = subprocess.run(
        [sys.executable, "-c", MANY, tmp_path / "bank"], check=True, capture_output=True, text=True
    )
    rows, grown = map(int, done.stdout.split())
    assert rows == 2_000_000
    assert grown < 40, f"{grown} MB more"
