"""What is true of labelled traffic: the attacks in it, and what only looks like one."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Label:
    """An attack.

    Attributes:
        id: different for each.
        detection: the finding that it should lead to.
        speed: which form of the attack it is.
        first: when it begins, milliseconds since 1970, UTC.
        last: when it ends.
        actors: addresses that act; empty where nobody can be seen to.
        targets: addresses, or the MAC addresses of interfaces, that it is done to.
        expected: whether it should be found; false for what stays below every published threshold,
            or leaves no trace of what it is.
        accepts: other findings that tell of the same.
        about: what is done, and by which tool's defaults.
        log: the forms of log that have it, such as `nsg2`.
    """

    id: str
    detection: str
    speed: str
    first: int
    last: int
    actors: tuple[str, ...]
    targets: tuple[str, ...]
    expected: bool
    accepts: tuple[str, ...]
    about: str
    log: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Lookalike:
    """Something harmless that has the form of an attack; a finding about it is a false alarm.

    Attributes:
        actors: addresses that act; empty for whoever does.
        targets: addresses or MAC addresses that it is done to; likewise.
        first: when it begins, milliseconds since 1970, UTC.
        last: when it ends; both 0 for what goes on all the time.
    """

    id: str
    about: str
    actors: tuple[str, ...]
    targets: tuple[str, ...] = ()
    first: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class Truth:
    """Everything that is true of some traffic.

    Attributes:
        machines: how many there are.
        begin: the first midnight, milliseconds since 1970, UTC.
        public: addresses of machines that the internet reaches.
    """

    seed: int
    machines: int
    days: int
    begin: int
    labels: tuple[Label, ...]
    lookalikes: tuple[Lookalike, ...]
    noise: tuple[str, ...]
    public: tuple[str, ...]

    def write(self, path: Path) -> None:
        """Writes it as JSON."""
        path.write_text(json.dumps(asdict(self), indent=1) + "\n", encoding="utf-8")


def read_truth(path: Path) -> Truth:
    """Returns what was written."""
    found = json.loads(path.read_text(encoding="utf-8"))
    labels = tuple(Label(**_tuples(one)) for one in found.pop("labels"))
    lookalikes = tuple(Lookalike(**_tuples(one)) for one in found.pop("lookalikes"))
    return Truth(**_tuples(found), labels=labels, lookalikes=lookalikes)


def _tuples(found: dict[str, Any]) -> dict[str, Any]:
    return {name: tuple(one) if isinstance(one, list) else one for name, one in found.items()}
