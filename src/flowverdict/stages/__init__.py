"""What stands before each interface, as ordered tests with their fields as sets of numbers.

The form in which ``classify`` judges many packets and ``prove`` all of them.
"""

from flowverdict.stages.memory import no_collection
from flowverdict.stages.policies import (
    WAYS,
    Around,
    Policies,
    Policy,
    Topology,
    find_interface,
)
from flowverdict.stages.stage import (
    ASKING,
    KEEP_FIRST,
    KEEP_LAST,
    PLATFORM,
    STOP,
    Side,
    Stage,
    Test,
)

__all__ = [
    "ASKING",
    "KEEP_FIRST",
    "KEEP_LAST",
    "PLATFORM",
    "STOP",
    "WAYS",
    "Around",
    "Policies",
    "Policy",
    "Side",
    "Stage",
    "Test",
    "Topology",
    "find_interface",
    "no_collection",
]
