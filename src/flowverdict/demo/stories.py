"""Three stories from Harbour Bank, as data: what happened, what to type, what comes out.

A narrator prints the prose and runs the commands; a test holds their answers against `expect`.
Addresses come from the plan of the bank, so a story cannot drift away from its network.
"""

from __future__ import annotations

from dataclasses import dataclass

from flowverdict.demo.bank import NICS, SEED
from flowverdict.demo.plan.assembly import plan_bank
from flowverdict.demo.plan.cast import API_PORT
from flowverdict.demo.plan.whole import Bank

ESTATE, CHANGED = "{estate}", "{changed}"
"""Stand in a command for the folders that `write_bank` and `write_change` filled."""

STRANGER = "203.0.113.77"
"""Somebody on the internet."""

_VENDOR = "198.51.100.20"


@dataclass(frozen=True, slots=True)
class Expect:
    """The answer of a step, in the words of `verify --output json`."""

    access: str
    rule_name: str | None
    layer: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a story: what is said before it, its arguments, its answer and why.

    `prose` is lines that fit a terminal. The command leaves out the name of the program and holds
    `{estate}` or `{changed}` in place of a folder; `arguments` fills them in. `why` says how the
    answer follows from the plan, for whoever doubts it.
    """

    prose: tuple[str, ...]
    command: tuple[str, ...]
    expect: Expect
    why: str

    def arguments(self, estate: str, changed: str) -> tuple[str, ...]:
        """The arguments with the two folders filled in."""
        folders = {ESTATE: estate, CHANGED: changed}
        return tuple(folders.get(word, word) for word in self.command)


@dataclass(frozen=True, slots=True)
class Story:
    """A title, how it begins, its steps, and what to take from it."""

    title: str
    prose: tuple[str, ...]
    steps: tuple[Step, ...]
    moral: str


def make_stories(seed: int = SEED, nics: int = NICS) -> tuple[Story, ...]:
    """The three stories, told about the bank of this seed and size."""
    bank = plan_bank(seed, nics)
    return (_blanket_deny(bank), _never(bank), _always(bank))


def _address(bank: Bank, machine: str) -> str:
    return bank.machine(machine).nics[0].address


def _command(
    verb: str, estate: str, machine: str, direction: str, local: str, remote: str
) -> tuple[str, ...]:
    target = ("--vm", machine, "--direction", direction, "--protocol", "TCP")
    return (verb, estate, *target, "--local", local, "--remote", remote)


def _inbound(bank: Bank, verb: str, machine: str, port: str, remote: str) -> tuple[str, ...]:
    local = f"{_address(bank, machine)}:{port}"
    return _command(verb, ESTATE, machine, "Inbound", local, remote)


def _outbound(
    bank: Bank, verb: str, estate: str, machine: str, remote: str, port: str
) -> tuple[str, ...]:
    target = f"{_address(bank, remote)}:{port}"
    return _command(verb, estate, machine, "Outbound", _address(bank, machine), target)


def _blanket_deny(bank: Bank) -> Story:
    """One NSG on the NIC, none on its subnet, so that NSG alone decides what leaves dev-vm."""
    denied = Expect("Deny", "securityRules/DenyAll", "nic")
    return Story(
        title="A developer cannot reach the API",
        prose=(
            "A ticket: from dev-vm, calls to api-01 on port 8080 time out.",
            "The two machines share a network, so everybody suspects the API server.",
        ),
        steps=(
            Step(
                ("May the packet leave dev-vm?",),
                _outbound(bank, "verify", ESTATE, "dev-vm", "api-01", API_PORT),
                denied,
                "AllowGit at 200 is for 443 to the Internet; DenyAll at 4000 matches everything.",
            ),
            Step(
                (
                    "No, and not because of the API server.",
                    "What stood in its way, and what would help?",
                ),
                _outbound(bank, "explain", ESTATE, "dev-vm", "api-01", API_PORT),
                denied,
                "The same packet.",
            ),
            Step(
                ("For fairness, the other end: would api-01 have let it in?",),
                _inbound(bank, "verify", "api-01", API_PORT, _address(bank, "dev-vm")),
                Expect("Allow", "securityRules/AllowApiFromDevelopers", "subnet"),
                "nsg-api at 200 allows the developers' subnet to asg-api; its NIC has no NSG.",
            ),
            Step(
                (
                    "So dev-vm-nsg gets one rule: priority 300, TCP 8080, to asg-api.",
                    "The estate with that rule lies in a second folder; one file differs.",
                ),
                _outbound(bank, "verify", CHANGED, "dev-vm", "api-01", API_PORT),
                Expect("Allow", "securityRules/AllowApiServers", "nic"),
                "api-01 is a member of asg-api, 300 stands before 4000, no subnet NSG follows.",
            ),
            Step(
                ("And nothing else opened: the database behind the API stays out of reach.",),
                _outbound(bank, "verify", CHANGED, "dev-vm", "db-01", "5432"),
                denied,
                "db-01 is not in asg-api and 5432 is not 8080.",
            ),
        ),
        moral="The first rule that matches decides, and a blanket deny matches everything.",
    )


def _never(bank: Bank) -> Story:
    """Admin rules come before NSGs; a Deny there ends the matter."""
    guarded = Expect("Deny", "DenyRdpFromInternet", "admin")
    return Story(
        title="What the organisation never allows",
        prose=(
            "A team wanted to work from home: its NSG nsg-tellers allows RDP from anywhere,",
            "at priority 100, and branch-teller-01 has a public address.",
            "The organisation has one rule about that, deployed to all of production.",
        ),
        steps=(
            Step(
                (f"Somebody on the internet ({STRANGER}) tries.",),
                _inbound(bank, "verify", "branch-teller-01", "3389", STRANGER),
                guarded,
                "vnet-branches is in the group production; exceptions and monitoring do not match.",
            ),
            Step(
                ("Could any NSG rule let it in?",),
                _inbound(bank, "explain", "branch-teller-01", "3389", STRANGER),
                guarded,
                "The same packet.",
            ),
            Step(
                ("The very same NSG rule in the sandbox, which is not production:",),
                _inbound(bank, "verify", "sandbox-vm-01", "3389", STRANGER),
                Expect("Allow", "securityRules/AllowRdp", "nic"),
                "Only the monitoring collection reaches the sandbox; no NSG on its subnet.",
            ),
            Step(
                (
                    "And the one exception in production, for the mainframe's vendor.",
                    "Its number, 10, is smaller than the Deny's 100; after it the NSG decides.",
                ),
                _inbound(bank, "verify", "legacy-jump-01", "3389", _VENDOR),
                Expect("Allow", "securityRules/AllowVendor", "nic"),
                "Admin Allow at 10 hands over; the NIC's NSG allows the vendor's prefix at 200.",
            ),
        ),
        moral="An admin Deny needs no NSG and cannot be undone by one.",
    )


def _always(bank: Bank) -> Story:
    """AlwaysAllow skips the NSGs; Allow only hands over to them."""
    monitor = _address(bank, "monitor-01")
    frozen = Expect("Deny", "securityRules/DenyAllInbound", "nic")
    return Story(
        title="What the organisation always allows",
        prose=(
            "For the year-end close the ledger team froze core-ledger-01:",
            "the NSG on its NIC denies everything inbound at priority 100.",
            "Monitoring must not go blind meanwhile.",
        ),
        steps=(
            Step(
                ("monitor-01 reads the metrics of the frozen server on port 9100:",),
                _inbound(bank, "verify", "core-ledger-01", "9100", monitor),
                Expect("Allow", "AlwaysAllowMonitoring", "admin"),
                "AlwaysAllow at 50 covers the monitoring subnets; NSGs are not evaluated.",
            ),
            Step(
                (
                    "The same two machines on port 443. The organisation allows that too,",
                    "but with an ordinary Allow, which leaves the last word to the NSGs:",
                ),
                _inbound(bank, "explain", "core-ledger-01", "443", monitor),
                frozen,
                "Admin Allow at 200 hands over; nsg-ledger allows VirtualNetwork, the peered hub is"
                " in it; the NIC's NSG denies everything at 100.",
            ),
            Step(
                ("Is port 9100 now open to everyone? A neighbour in the same subnet tries:",),
                _inbound(
                    bank, "verify", "core-ledger-01", "9100", _address(bank, "core-ledger-02")
                ),
                frozen,
                "No admin rule for that address; nsg-ledger's default allows, the NIC's denies.",
            ),
        ),
        moral="AlwaysAllow skips the NSGs; Allow only opens the way to them.",
    )
