"""Files and folders into an estate."""

from __future__ import annotations

import gc
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from flowverdict.load.assemble import Assembly
from flowverdict.load.document import read_document
from flowverdict.load.kinds import NO_RESOURCE, is_terraform, template_shape, unfold
from flowverdict.load.node import Node
from flowverdict.load.report import Unreadable, error, warning
from flowverdict.load.service_tags import PackagedTags, read_internet, read_service_tags
from flowverdict.model import Diagnostic, Estate, InputError, Position

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence
    from os import PathLike

    from flowverdict.load.template import Templates

_SUFFIXES = (".json", ".json.gz")

_MANY: Final = 100_000
"""Objects that are worth to be called old."""


def load_estate(
    paths: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    service_tags: str | PathLike[str] | None = None,
    internet: str | PathLike[str] | None = None,
    change: str | PathLike[str] | Sequence[str | PathLike[str]] = (),
    prior: bool = False,
) -> Estate:
    """Reads an estate from files and folders.

    Args:
        paths: files, and folders that are searched for ``*.json`` and ``*.json.gz``: output of
            ``az … list`` or ``show``, REST answers, Azure Resource Graph exports, in any mix.
        service_tags: Microsoft's service-tag file or REST answer; otherwise the packaged one.
        internet: an expansion of the ``Internet`` tag; otherwise the packaged recording.
        change: files and folders of what is laid over the rest: a resource takes the place of the
            one with its id, a commit that of the manager's last one in its region. Of a
            Terraform plan only what it changes counts, and what it removes goes.
        prior: of Terraform plans, what was there before instead of what is planned.

    Returns:
        The estate. Resources that could not be read are among its diagnostics, and a verdict that
        needs one is ``Unknown``.

    Raises:
        InputError: a file cannot be read, or what is wrong touches more than one resource.
    """
    with _without_collector():
        return _load(paths, service_tags, internet, change, prior=prior)


def is_plan(path: str | PathLike[str]) -> bool:
    """Reports whether a file is a Terraform plan, which has an estate and the one before it."""
    try:
        value: Any = read_document(Path(path)).value
    except Unreadable:
        return False  # what is wrong with it is said when it is loaded
    if not is_terraform(value):
        return False
    from flowverdict.load import terraform  # noqa: PLC0415 few estates have one

    return terraform.is_plan(value)


@contextmanager
def _without_collector() -> Generator[None]:
    """Holds the garbage collector back: nothing that loading makes is garbage, and it looks."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            if gc.get_count()[0] > _MANY and not gc.get_freeze_count():
                gc.freeze()  # what was made is old by now:
                gc.unfreeze()  # no collection of the young has to look through it
            gc.enable()


def _load(
    paths: str | PathLike[str] | Sequence[str | PathLike[str]],
    service_tags: str | PathLike[str] | None,
    internet: str | PathLike[str] | None,
    change: str | PathLike[str] | Sequence[str | PathLike[str]],
    *,
    prior: bool,
) -> Estate:
    assembly = Assembly()
    _read(change, assembly, of_change=True)
    if change and not assembly.items and not assembly.fatal:
        what = "the change holds no Azure resource"
        assembly.fatal.append(error(Position(_shown(change)), "change", what, "what changes"))
    assembly.lie_over()
    apart, assembly.apart = assembly.apart, []
    _read(paths, assembly, prior=prior)
    _tell_apart(assembly, apart)
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
        resources=assembly.resources,
        service_tags=tags,
        internet=space,
        members=tuple(assembly.members),
        whole_memberships=frozenset(assembly.whole_memberships),
        deployments=tuple(assembly.deployments),
        active_rules=tuple(assembly.active_rules),
        hierarchy=assembly.hierarchy,
        policy_sets=frozenset(assembly.policy_sets),
        diagnostics=tuple(assembly.diagnostics),
        broken=assembly.broken,
    )


def _shown(paths: str | PathLike[str] | Sequence[str | PathLike[str]]) -> str:
    return os.fspath(paths if isinstance(paths, (str, os.PathLike)) else paths[0])


def _read(
    paths: str | PathLike[str] | Sequence[str | PathLike[str]],
    assembly: Assembly,
    *,
    prior: bool = False,
    of_change: bool = False,
) -> None:
    if isinstance(paths, (str, os.PathLike)):
        paths = [paths]
    templates: Templates | None = None
    for path, named in _files(paths, assembly):
        try:
            document = read_document(path)
            if shape := template_shape(document.value):
                from flowverdict.load.template import Templates  # noqa: PLC0415 few estates have one

                templates = templates or Templates()
                templates.take(document, shape, named=named)
                continue
            node = Node(document.value, document.file)
            if is_terraform(document.value):
                _take_terraform(node, assembly, prior=prior, of_change=of_change)
            else:
                _take(node, assembly, named=named)
        except Unreadable as problem:
            assembly.fatal.append(problem.diagnostic)
        except RecursionError:
            what = "JSON is nested too deeply"
            assembly.fatal.append(error(Position(str(path)), "json", what, "Azure resources"))
    if templates is not None:
        try:
            _take_templates(templates, assembly)
        except RecursionError:
            what = "template is nested too deeply, or refers to itself"
            assembly.fatal.append(error(Position(_shown(paths)), "template", what, "fewer levels"))


def _take_templates(templates: Templates, assembly: Assembly) -> None:
    """Takes what templates deploy, and says of which it is not known where."""
    for found in templates.resources():
        if isinstance(found, Unreadable):
            assembly.fatal.append(found.diagnostic)
        elif isinstance(found, tuple):
            assembly.take_doubtful(*found)
        else:
            assembly.take(found)
    assembly.fatal.extend(templates.fatal)
    assembly.diagnostics.extend(templates.diagnostics)
    assembly.apart.extend(templates.untold)


def _tell_apart(assembly: Assembly, of_change: list[str]) -> None:
    """Says of which templates the resources stand apart; laid over others, they change nothing."""
    what = "the template does not tell where it is deployed"
    expected = "the deployment beside it: see the reference of ESTATE"
    for file in () if assembly.apart else of_change:
        nothing = f"{what}: laid over the estate, it changes nothing of it"
        assembly.fatal.append(error(Position(file), "place", nothing, expected))
    for file in assembly.apart if assembly.has_exports else ():
        apart = f"{what}: its resources stand apart"
        assembly.diagnostics.append(warning(Position(file), "place", apart, expected))


def _take_terraform(node: Node, assembly: Assembly, *, prior: bool, of_change: bool) -> None:
    """Takes the resources of a Terraform plan or state, and of a plan as a change what changes."""
    from flowverdict.load import terraform  # noqa: PLC0415 few estates have one

    if of_change and terraform.is_plan(node.value):
        terraform.lay_over(node, assembly)
    else:
        terraform.take(node, assembly, prior=prior)


def _take(node: Node, assembly: Assembly, *, named: bool) -> None:
    """Takes what a document holds; one of a folder that has nothing of Azure's is passed over."""
    refused: list[Diagnostic] = []
    recognised = 0
    for found in unfold(node):
        if isinstance(found, Unreadable):
            refused.append(found.diagnostic)
        else:
            recognised += 1
            assembly.take(found)
    if recognised or named or any(one.code not in _FOREIGN for one in refused):
        assembly.fatal.extend(refused)
    elif refused:
        what = "passed over: holds no Azure resource"
        assembly.diagnostics.append(warning(Position(node.file), "passed-over", what))


_FOREIGN = frozenset({NO_RESOURCE, "shape"})
"""Codes of complaints about values that nothing marks as Azure's."""


def _files(paths: Iterable[str | PathLike[str]], assembly: Assembly) -> Iterable[tuple[Path, bool]]:
    """Yields each file once, with whether the user named it; a wrong path becomes fatal."""
    seen: set[Path] = set()
    for name in paths:
        given = Path(name)
        found = [given]
        if not os.fspath(name):
            what = "an empty name"
            assembly.fatal.append(error(Position("ESTATE"), "file", what, "a file or folder"))
            continue
        if given.is_dir():
            every = sorted(one for one in given.rglob("*") if one.name.lower().endswith(_SUFFIXES))
            found = [one for one in every if not one.is_dir()]
            if not found:
                what = "folder holds no JSON file"
                assembly.fatal.append(error(Position(str(given)), "file", what, "`*.json`"))
        for path in found:
            real = Path(os.path.realpath(path))
            if real not in seen:
                seen.add(real)
                yield path, path is given
