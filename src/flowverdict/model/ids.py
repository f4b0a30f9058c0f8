"""ARM resource ids: compared without regard to case, shown as they were written."""

from __future__ import annotations


class ResourceId:
    """An ARM id such as ``/subscriptions/…/resourceGroups/…/providers/Microsoft.Network/…``.

    Two ids are equal when they differ in case alone (policy specification, 1.1).
    """

    __slots__ = ("key", "text")

    text: str
    key: str

    def __init__(self, text: str) -> None:
        self.text = text.strip().rstrip("/")
        self.key = self.text.lower()

    def __eq__(self, other: object) -> bool:
        """Reports whether both ids name one resource."""
        return isinstance(other, ResourceId) and self.key == other.key

    def __hash__(self) -> int:
        """Hashes without regard to case."""
        return hash(self.key)

    def __lt__(self, other: ResourceId) -> bool:
        """Orders ids without regard to case."""
        return self.key < other.key

    def __str__(self) -> str:
        """Shows the id as it was written."""
        return self.text

    def __repr__(self) -> str:
        """Shows the id as it was written."""
        return f"ResourceId({self.text!r})"

    @property
    def name(self) -> str:
        """The last segment."""
        return self.text.rpartition("/")[2]

    @property
    def type(self) -> str:
        """The resource type in lower case, such as ``microsoft.network/virtualnetworks/subnets``.

        The type behind the last ``providers`` segment; empty where there is none.
        """
        _, found, rest = self.key.rpartition("/providers/")
        if not found:
            return _container_type(self.key)
        namespace, *names = rest.split("/")
        return "/".join((namespace, *names[::2])) if names else ""

    @property
    def subscription(self) -> str:
        """The subscription's id in lower case; empty where there is none."""
        return self._segment_after("subscriptions").lower()

    @property
    def is_placed(self) -> bool:
        """Whether subscription and resource group are told: a template may leave them open.

        What it leaves open stands in braces.
        """
        return "{" not in self.subscription and "{" not in self.resource_group

    @property
    def resource_group(self) -> str:
        """The resource group's name; empty where there is none."""
        return self._segment_after("resourcegroups")

    @property
    def parent(self) -> ResourceId:
        """The id without its last type and name."""
        return ResourceId(self.text.rsplit("/", 2)[0])

    @property
    def last(self) -> str:
        """The last segment in lower case, for comparing."""
        return self.key.rpartition("/")[2]

    def child(self, collection: str, name: str) -> ResourceId:
        """Returns the id of a child resource."""
        return ResourceId(f"{self.text}/{collection}/{name}")

    def is_below(self, ancestor: ResourceId) -> bool:
        """Reports whether this id is the ancestor's own or one inside it."""
        return self.key == ancestor.key or self.key.startswith(ancestor.key + "/")

    def _segment_after(self, word: str) -> str:
        at = self.key.find(f"/{word}/")
        if at < 0:
            return ""
        return self.text[at + len(word) + 2 :].partition("/")[0]


def _container_type(key: str) -> str:
    segments = key.strip("/").split("/")
    if len(segments) == 2 and segments[0] == "subscriptions":
        return "microsoft.resources/subscriptions"
    if len(segments) == 4 and segments[2] == "resourcegroups":
        return "microsoft.resources/subscriptions/resourcegroups"
    return ""
