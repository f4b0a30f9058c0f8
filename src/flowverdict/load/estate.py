"""Files and folders into an estate."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from flowverdict.load.assemble import Assembly
from flowverdict.load.document import read_document
from flowverdict.load.kinds import unfold
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable, error, warning
from flowverdict.load.service_tags import PackagedTags, read_internet, read_service_tags
from flowverdict.model import Diagnostic, Estate, InputError, Position

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from os import PathLike

_SUFFIXES = (".json", ".json.gz")


def load_estate(
    paths: Sequence[str | PathLike[str]],
    *,
    service_tags: str | PathLike[str] | None = None,
    internet: str | PathLike[str] | None = None,
) -> Estate:
    """Reads an estate from files and folders.

    Args:
        paths: files, and folders that are searched for ``*.json`` and ``*.json.gz``: output of
            ``az … list`` or ``show``, REST answers, Azure Resource Graph exports, in any mix.
        service_tags: Microsoft's service-tag file or REST answer; otherwise the packaged one.
        internet: an expansion of the ``Internet`` tag; otherwise the packaged recording.

    Returns:
        The estate. Resources that could not be read are among its diagnostics, and a verdict that
        needs one is ``Unknown``.

    Raises:
        InputError: a file cannot be read, or what is wrong touches more than one resource.
    """
    with _without_collector():
        return _load(paths, service_tags, internet)


@contextmanager
def _without_collector() -> Generator[None]:
    """Holds the garbage collector back: nothing that loading makes is garbage, and it looks."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _load(
    paths: Sequence[str | PathLike[str]],
    service_tags: str | PathLike[str] | None,
    internet: str | PathLike[str] | None,
) -> Estate:
    assembly = Assembly()
    for path, named in _files(paths, assembly):
        before = assembly.recognised
        try:
            document = read_document(path)
            for found in unfold(Node(document.value, document.file)):
                assembly.take(found)
        except Unreadable as problem:
            if named or problem.diagnostic.code in _ALWAYS_WRONG:
                assembly.fatal.append(problem.diagnostic)
            else:
                assembly.diagnostics.append(_passed_over(problem.diagnostic))
        except RecursionError:
            what = "JSON is nested too deeply"
            assembly.fatal.append(error(Position(str(path)), "json", what, "Azure resources"))
        if assembly.recognised == before and not assembly.fatal:
            assembly.diagnostics.append(
                warning(Position(str(path)), "nothing", "holds nothing that a verdict needs")
            )
    assembly.finish()
    tags = PackagedTags()
    space = None
    try:
        tags = read_service_tags(Path(service_tags)) if service_tags else tags
        space = read_internet(Path(internet) if internet else None)
    except Unreadable as problem:
        assembly.fatal.append(problem.diagnostic)
    if assembly.fatal or space is None:
        errors = [one for one in assembly.diagnostics if one.severity.value == "error"]
        raise InputError((*assembly.fatal, *errors))
    return Estate(
        assembly.resources,
        service_tags=tags,
        internet=space,
        members=assembly.members,
        deployments=assembly.deployments,
        active_rules=assembly.active_rules,
        hierarchy=assembly.hierarchy,
        diagnostics=assembly.diagnostics,
        broken=assembly.broken,
    )


_ALWAYS_WRONG = frozenset({"json", "file", "encoding", "page", "template", "terraform", "table"})


def _passed_over(diagnostic: Diagnostic) -> Diagnostic:
    return warning(diagnostic.where, "passed-over", f"passed over: {diagnostic.what}")


def _files(paths: Iterable[str | PathLike[str]], assembly: Assembly) -> Iterable[tuple[Path, bool]]:
    """Yields each file once, with whether the user named it; a wrong path becomes fatal."""
    seen: set[Path] = set()
    for given in map(Path, paths):
        found = [given]
        if given.is_dir():
            found = sorted(one for one in given.rglob("*") if one.name.endswith(_SUFFIXES))
            if not found:
                what = "folder holds no JSON file"
                assembly.fatal.append(error(Position(str(given)), "file", what, "`*.json`"))
        for path in found:
            if path.resolve() not in seen:
                seen.add(path.resolve())
                yield path, path is given
