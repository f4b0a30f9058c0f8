"""The columns of a flow row, defined once: table, documentation and outputs are made from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        nullable: a flow log may lack the value; null then, which is not zero.
        about: what it holds, for the reference.
    """

    name: str
    type: pa.DataType
    about: str
    nullable: bool = False


_WORD: Final = pa.dictionary(pa.int32(), pa.string())

COLUMNS: Final = (
    Column("time", pa.timestamp("ms", "UTC"), "when the tuple was written, UTC"),
    Column("src_ip", pa.string(), "the originator's address, canonical"),
    Column("dst_ip", pa.string(), "the responder's address, canonical"),
    Column("src_port", pa.int32(), "the originator's port", nullable=True),
    Column("dst_port", pa.int32(), "the responder's port", nullable=True),
    Column("protocol", pa.int16(), "the IANA number: 6 is TCP, 17 is UDP"),
    Column("direction", _WORD, "`I` into or `O` out of the logged interface"),
    Column("decision", _WORD, "`A` allowed or `D` denied"),
    Column("state", _WORD, "`B` begins, `C` continues, `E` ends, `D` denied", nullable=True),
    Column("encryption", _WORD, "the raw token, such as `X` or `NX`", nullable=True),
    Column("packets_sent", pa.int64(), "originator to responder, since the last tuple",
           nullable=True),
    Column("bytes_sent", pa.int64(), "likewise, headers included", nullable=True),
    Column("packets_received", pa.int64(), "responder to originator", nullable=True),
    Column("bytes_received", pa.int64(), "likewise, headers included", nullable=True),
    Column("rule", _WORD, "the rule's name, without `UserRule_` or `DefaultRule_`", nullable=True),
    Column("rule_kind", _WORD, "user, default, admin, platform, encryption or unknown"),
    Column("acl", _WORD, "the id of the NSG or network manager, as logged", nullable=True),
    Column("mac", _WORD, "the logged interface: 12 hexadecimal digits", nullable=True),
    Column("target", _WORD, "the logged resource", nullable=True),
    Column("flow_log", _WORD, "the flow log's own id", nullable=True),
    Column("schema", _WORD, "`nsg1`, `nsg2` or `vnet4`"),
    Column("blob", _WORD, "the file or blob it was read from"),
    Column("record", pa.int32(), "which record of the blob, from 0; damaged pieces count too"),
    Column("tuple", pa.int32(), "which tuple of the record, from 0"),
)  # fmt: skip

SCHEMA: Final = pa.schema([pa.field(one.name, one.type, nullable=one.nullable) for one in COLUMNS])
"""Flow rows as Arrow batches."""

QUARANTINE: Final = pa.schema(
    [
        pa.field("blob", _WORD, nullable=False),
        pa.field("record", pa.int32(), nullable=False),
        pa.field("tuple", pa.int32(), nullable=True),
        pa.field("code", _WORD, nullable=False),
        pa.field("raw", pa.string(), nullable=False),
    ]
)
"""What could not become a row: its place, why, and the text itself."""
