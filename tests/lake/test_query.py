"""A query reads the lake and nothing else, changes nothing, and keeps to bounded memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from flowverdict.lake import Lake, LakeError, Period, query
from tests.lake.test_exactly_once import MINUTE_MS, START_MS, fill, run


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake of four minutes of one interface."""
    run(fill(tmp_path / "logs", 1), tmp_path / "lake")
    return Lake(str(tmp_path / "lake"))


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for temporary files, where nothing of others is."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


REFUSED = {
    "one SELECT": [
        "COPY flows TO 'out.csv'",
        "COPY flows TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY flows TO '{file}' (FORMAT parquet, USE_TMP_FILE false)",
        "EXPORT DATABASE 'out'",
        "ATTACH 'out.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "CREATE TABLE t AS SELECT 1",
        "DROP VIEW flows",
        "SET memory_limit = '1TB'",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "SELECT 1; COPY flows TO 'out.csv'",
        "SELECT 1; SELECT 2",
        "",
        ";",
        "-- nothing",
    ],
    "Permission|Catalog": [
        "SELECT * FROM read_csv('secret.csv')",
        "SELECT * FROM read_text('secret.csv')",
        "SELECT * FROM 'secret.csv'",
        "SELECT * FROM glob('*')",
        "SELECT * FROM read_parquet('https://example.com/x.parquet')",
        "SELECT getenv('HOME')",
        "SELECT * FROM lake",  # a variable of this program
    ],
    "Parser": ["SELEC 1", "SELECT * FROM query('COPY flows TO ''out.csv''')"],
    "Catalog": ["SELECT * FROM nowhere", "SELECT nothing(1)"],
    "Binder": ["SELECT nothing FROM flows"],
}


@pytest.mark.parametrize(
    ("sql", "said"), [(sql, said) for said, many in REFUSED.items() for sql in many]
)
def test_what_is_no_question_to_the_lake_is_refused(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.csv").write_text("a,b\n1,2\n")
    file = next((tmp_path / "lake" / "flows").rglob("*.parquet"))
    before = files(tmp_path)
    with pytest.raises(LakeError, match=rf"\ASQL: .*({said})") as told:
        query(lake, sql.format(file=file)).read_all()
    assert "\n" not in str(told.value)
    assert files(tmp_path) == before


@pytest.mark.parametrize(
    "sql",
    [
        "FROM flows",
        "TABLE flows",
        "SELECT 1;",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x",
        "VALUES (1)",
        "DESCRIBE flows",
        "SUMMARIZE flows",
        "SELECT * FROM quarantine",
    ],
)
def test_whatever_reads_is_a_question(lake: Lake, sql: str) -> None:
    query(lake, sql).read_all()


def test_what_goes_wrong_on_the_way_is_told(lake: Lake, temporary: Path) -> None:
    sql = "SELECT CASE WHEN range = 300000 THEN error('far along') ELSE 1 END FROM range(400000)"
    rows = query(lake, sql)
    with pytest.raises(LakeError, match=r"\ASQL: .*far along\Z"):
        rows.read_all()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("read", [0, 1, 2])
def test_nothing_is_left_however_much_is_read(lake: Lake, temporary: Path, read: int) -> None:
    rows = query(lake, "SELECT * FROM flows, range(2000) ORDER BY hash(range), tuple",
                 memory="100MB")  # fmt: skip
    for _ in range(read):
        assert rows.read_next_batch().num_rows > 0
    assert any(temporary.iterdir())
    del rows
    assert list(temporary.iterdir()) == []


def test_an_answer_is_kept_for_nobody(lake: Lake, temporary: Path) -> None:
    """Views that are wrong, and queries, leave nothing behind either."""
    with pytest.raises(LakeError, match=r"lake: .*nowhere"):
        query(lake, "SELECT 1", views={"v": "SELECT * FROM nowhere"})
    with pytest.raises(LakeError):
        query(lake, "SELECT 1; SELECT 2")
    assert list(temporary.iterdir()) == []


SORT = """
import resource, sys
from flowverdict.lake import Lake, query
sql = "SELECT blob, rule, hash(range) AS h FROM flows, range(50000) ORDER BY h"
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
rows = sum(batch.num_rows for batch in query(Lake(sys.argv[1]), sql, memory=sys.argv[2]))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_memory_is_bounded_and_the_folder_of_the_user_stays_clean(
    lake: Lake, tmp_path: Path
) -> None:
    """Six million rows, some 700 MB, are sorted within 300."""
    folder = tmp_path / "here"
    folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", SORT, lake.root, "150MB"],
        check=True, capture_output=True, cwd=folder, timeout=120,
    )  # fmt: skip
    rows, megabytes = map(int, done.stdout.split())
    assert rows == 6_000_000
    assert megabytes < 300
    assert list(folder.iterdir()) == []


def moment(minutes: float) -> datetime:
    """A time behind the first row's."""
    return datetime.fromtimestamp((START_MS + minutes * MINUTE_MS) / 1000, UTC)


@pytest.mark.parametrize(
    ("period", "minutes"),
    [
        (Period(), 4),
        (Period(since=moment(0)), 4),
        (Period(since=moment(1)), 3),
        (Period(until=moment(1)), 1),
        (Period(until=moment(0)), 0),
        (Period(moment(1), moment(3)), 2),
        (Period(moment(1).astimezone(timezone(timedelta(hours=14))), moment(3)), 2),
        (Period(since=datetime(2026, 8, 14, tzinfo=UTC)), 0),
        (Period(until=datetime(2026, 8, 13, tzinfo=UTC)), 0),
        (Period(until=datetime(2026, 8, 14, tzinfo=UTC)), 4),
    ],
)
def test_a_period_has_its_first_moment_and_not_its_end(
    lake: Lake, period: Period, minutes: int
) -> None:
    sql = "SELECT count(*) AS n FROM flows"
    assert query(lake, sql, period=period).read_all().to_pylist() == [{"n": minutes * 30}]


@pytest.mark.parametrize("name", ["a b", "a[1]", "q?", "star*", "quote's", "größe"])
def test_a_lake_may_have_any_name(tmp_path: Path, name: str) -> None:
    run(fill(tmp_path / "logs", 1), tmp_path / name)
    (tmp_path / "a1").mkdir()
    assert query(Lake(str(tmp_path / name)), "FROM flows").read_all().num_rows == 120


def test_views_may_rest_on_views(lake: Lake) -> None:
    views = {"ports": "SELECT DISTINCT dst_port FROM flows", "Few": "SELECT * FROM ports LIMIT 1"}
    assert query(lake, "FROM few", views=views).read_all().to_pylist() == [{"dst_port": 443}]
