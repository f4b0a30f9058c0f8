"""Writes the pages of docs/reference out of the code, so that they cannot drift from it.

    python docs/generate.py            writes the pages
    python docs/generate.py --check    says which of them are not up to date, exit code 1 if any

What code cannot tell (the page of an option, the command that exports a resource, the meaning of a
JSON field) stands here in tables. A table that lacks an entry, or has one too many, is an error.
"""

from __future__ import annotations

import contextlib
import gc
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

from flowverdict.cli import main
from flowverdict.demo.bank import write_bank, write_change, write_deny
from flowverdict.detect import TABLES, packaged
from flowverdict.detect.answer import COLUMNS as TOLD
from flowverdict.flowlog import COLUMNS
from flowverdict.load import load_estate
from flowverdict.load.assemble import READERS
from flowverdict.load.template import function_names
from flowverdict.load.terraform import READ_AS
from flowverdict.net import format_address
from flowverdict.policy.options import ABOUT, CHOICES, IP_FLOW_VERIFY, Options
from flowverdict.traffic import VIEWS
from flowverdict.traffic.analytics.derived import ABOUT as ABOUT_DERIVED
from flowverdict.traffic.analytics.legacy import columns as legacy_columns
from flowverdict.traffic.analytics.queries import queries
from flowverdict.traffic.analytics.schema import COLUMNS as NTA_COLUMNS
from flowverdict.traffic.analytics.schema import DETAILS, IP_DETAILS, LEGACY, NTA

FOLDER = Path(__file__).parent / "reference"
NOTE = "<!-- Made by docs/generate.py: do not edit. -->"

OPTION_PAGES = {
    "multi_manager_allow": "admin-rules.md#several-managers-q4",
    "udr_in_virtual_network": "virtual-network-tag.md#user-defined-routes",
    "learned_routes": "virtual-network-tag.md#on-premises-networks-and-gateways",
    "connected_groups": "virtual-network-tag.md#connected-groups",
    "platform_exemptions": "platform.md#the-option",
    "no_nsg": "no-nsg.md#as-ip-flow-verify-does-q9",
    "on_premises": "virtual-network-tag.md#on-premises-networks-and-gateways",
    "admin_rules_skip": "where-admin-rules-do-not-apply.md#subnets-of-services",
    "admin_rules_apply": "where-admin-rules-do-not-apply.md#subnets-of-services",
}
"""Where each option has its example, below docs/semantics."""

_MANAGER = "`az network manager"
_ADMIN = f"{_MANAGER} security-admin-config"

RESOURCES = {
    "Microsoft.Network/virtualNetworks": (
        "`az network vnet list`",
        "address space, region, tags; subnets and peerings inside",
    ),
    "Microsoft.Network/virtualNetworks/subnets": (
        "inside their network",
        "prefixes, NSG, route table, delegations, policies for private endpoints",
    ),
    "Microsoft.Network/networkInterfaces": (
        "`az network nic list`",
        "addresses, subnet, NSG, application security groups, machine, MAC address",
    ),
    "Microsoft.Network/networkSecurityGroups": ("`az network nsg list`", "rules"),
    "Microsoft.Network/applicationSecurityGroups": (
        "`az network asg list`",
        "that they exist; members are found at the interfaces",
    ),
    "Microsoft.Network/routeTables": (
        "`az network route-table list`",
        "routes: VirtualNetwork tag, Windows activation",
    ),
    "Microsoft.Network/publicIPAddresses": (
        "`az network public-ip list`",
        "to tell a public address that was given as the local one",
    ),
    "Microsoft.Network/loadBalancers": (
        "`az network lb list`",
        "frontends, to tell one that was given as the local address; pools of addresses",
    ),
    "Microsoft.Network/privateEndpoints": (
        "`az network private-endpoint list`",
        "which interfaces are theirs",
    ),
    "Microsoft.Network/virtualNetworkGateways": (
        "`az network vnet-gateway list -g GROUP`",
        "subnet, pool of point-to-site clients",
    ),
    "Microsoft.Network/localNetworkGateways": (
        "`az network local-gateway list -g GROUP`",
        "on-premises prefixes",
    ),
    "Microsoft.Network/connections": (
        "`az network vpn-connection list -g GROUP`",
        "which gateway connects what, BGP",
    ),
    "Microsoft.Network/azureFirewalls": (
        "`az network firewall list`",
        "subnets without admin rules",
    ),
    "Microsoft.Network/bastionHosts": ("`az network bastion list`", "subnets without admin rules"),
    "Microsoft.Network/applicationGateways": (
        "`az network application-gateway list`",
        "subnets without admin rules",
    ),
    "Microsoft.Sql/managedInstances": ("`az sql mi list`", "networks with intent policies"),
    "Microsoft.Databricks/workspaces": (
        "`az databricks workspace list`",
        "networks with intent policies",
    ),
    "Microsoft.Compute/virtualMachines": (
        "`az vm list`",
        "machines, their interfaces and sizes",
    ),
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines": (
        "`az vmss list-instances -g GROUP -n SET`",
        "instances and their interfaces",
    ),
    "Microsoft.Compute/virtualMachineScaleSets/virtualMachines/networkInterfaces": (
        "`az vmss nic list -g GROUP --vmss-name SET`",
        "as other interfaces",
    ),
    "Microsoft.Network/networkManagers": (f"{_MANAGER} list`", "scope"),
    "Microsoft.Network/networkManagers/networkGroups": (f"{_MANAGER} group list`", "member type"),
    "Microsoft.Network/networkManagers/securityAdminConfigurations": (
        f"{_ADMIN} list`",
        "intent policies, aggregation",
    ),
    "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections": (
        f"{_ADMIN} rule-collection list`",
        "the groups that they apply to",
    ),
    "Microsoft.Network/networkManagers/securityAdminConfigurations/ruleCollections/rules": (
        f"{_ADMIN} rule-collection rule list`",
        "rules, and when they were edited",
    ),
    "Microsoft.Network/networkManagers/connectivityConfigurations": (
        f"{_MANAGER} connect-config list`",
        "mesh: VirtualNetwork tag",
    ),
    "Microsoft.Network/networkWatchers/flowLogs": (
        "`az network watcher flow-log list --location REGION`",
        "what is to be logged: target, settings, whether it is on; for `coverage`",
    ),
}
"""What exports each resource that the loader has a reader for, and what is read of it."""

ESTATE = """\
`ESTATE` is files and folders. Folders are searched for `*.json` and `*.json.gz`. A file holds one
resource, a list of them, an answer `{"value": [...]}`, or what Resource Graph prints
(`{"data": [...]}`). Properties may stand flat, as `az` prints them, or below `properties`, as REST
answers and Resource Graph have them. What a thing is, is told by its `type`, its `id` or its shape,
never by the name of the file. Encodings are UTF-8, and UTF-16 as Windows PowerShell writes it.
"""

TEMPLATES = {
    "template": (
        "what is deployed: resources of the types above, as children inside or beside their "
        "parents, in loops, with conditions, in nested templates, with symbolic names; comments "
        "are allowed"
    ),
    "parameters (`$schema` of `deploymentParameters`)": (
        "values, for the template whose name begins its own, or for the only one in its folder"
    ),
    "deployment, as `az deployment group show` prints it, or its `id` alone": (
        "where the template of its name is deployed, and values"
    ),
}

FUNCTIONS = """\
add and array base64 base64ToJson base64ToString bool cidrHost cidrSubnet coalesce concat
contains copyIndex createArray createObject deployment div empty endsWith environment equals
extensionResourceId filter first flatten format greater greaterOrEquals groupBy guid if indexOf int
intersection items join json lambdaVariables last lastIndexOf length less lessOrEquals
managementGroup managementGroupResourceId map mapValues max min mod mul not objectKeys or
padLeft parameters parseCidr range reduce reference replace resourceGroup resourceId
resourceInfo shallowMerge skip sort split startsWith string sub subscription
subscriptionResourceId substring take tenant tenantResourceId toLower toObject toUpper trim
tryGet union uri uriComponent uriComponentToString variables true false null""".split()

OTHERS = {
    "Microsoft.Network/networkSecurityGroups/securityRules, …/defaultSecurityRules": (
        "inside their NSG",
        "alone they are compared with the NSG, and a difference is an error",
    ),
    "Microsoft.Network/virtualNetworks/virtualNetworkPeerings": (
        "inside their network",
        "the same",
    ),
    "Microsoft.Network/routeTables/routes": ("inside their route table", "the same"),
    "Microsoft.Network/networkManagers/networkGroups/staticMembers": (
        f"{_MANAGER} group static-member list`",
        "members, and since when",
    ),
    "Microsoft.Network/networkGroupMemberships": (
        "Resource Graph, table `networkresources`",
        "which groups a network is in",
    ),
    "Microsoft.Authorization/policyDefinitions": (
        "`az policy definition list`",
        "conditions of dynamic groups",
    ),
    "Microsoft.Authorization/policySetDefinitions": (
        "`az policy set-definition list`",
        "the definitions in them",
    ),
    "Microsoft.Authorization/policyAssignments": (
        "`az policy assignment list --disable-scope-strict-match`",
        "scope, exclusions, enforcement",
    ),
    "Microsoft.Management/managementGroups": (
        "`az account management-group show --name ROOT --expand --recurse`",
        "the hierarchy: which manager is higher",
    ),
    "Microsoft.Resources/subscriptions": (
        "Resource Graph, table `resourcecontainers`",
        "the management groups above",
    ),
    "answer of `listDeploymentStatus`": (
        f"{_MANAGER} list-deploy-status`",
        "what is committed to which region",
    ),
    "answer of `listActiveSecurityAdminRules`": (
        f"{_MANAGER} list-active-security-admin-rule`",
        "the rules as they are in force",
    ),
    "answer of `listNetworkManagerEffectiveSecurityAdminRules`": (
        f"{_MANAGER} list-effective-security-admin-rule`",
        "nothing, as it does not name its network; rules that stand nowhere else are an error",
    ),
    "body of `commit`": ("kept by you, or by a pipeline", "what is committed to which region"),
}
"""What is read besides."""

MEANINGS = {
    "access": "`Allow`, `Deny` or `Unknown`; in a trace also `AlwaysAllow`, `NoMatch`, "
    "`NotPresent`, `NotEvaluated`",
    "ruleName": "`securityRules/NAME`, `defaultSecurityRules/NAME`, the bare name of an admin rule",
    "ruleId": "the rule's resource id",
    "priority": "the rule's priority",
    "layer": "`platform`, `admin`, `subnet` or `nic`; null where no layer decides",
    "trace.layer": "`platform`, `admin`, `subnet` or `nic`",
    "gates.layer": "`platform`, `admin`, `subnet` or `nic`",
    "appliedTo": "the network, subnet or interface that the layer is attached to",
    "where": "where the rule stands in the input",
    "file": "the file, as it was given",
    "path": "the place in its JSON",
    "line": "the line in the file, from 1; null if the file no longer has it",
    "column": "the column in that line, from 1",
    "trace": "every layer, in the order of evaluation",
    "resource": "the NSG or the network manager",
    "note": "why, where it is not plain",
    "missing": "what would be needed to know; empty unless something is `Unknown`",
    "warnings": "what deserves a look",
    "data": "the dated data that the answer relied on",
    "gates": "for each layer what it looked at, in the order of `trace`",
    "gates.rules": "how many rules the layer has in this direction",
    "reasons": "why tags and groups of the deciding rule hold the addresses",
    "nearlyMatched": "rules before the deciding one that would have changed what the layer says, "
    "and missed on one field alone",
    "missedOn": "the field: `protocol`, `source`, `source port`, `destination`, `destination port`",
    "why": "what the rule has there, and what the packet has",
    "tooLate": "ids of rules that match too, come later and would do otherwise",
    "mayMatch": "ids of rules of which it is not known whether they match",
    "otherEnd": "the verdict at the interface that has the remote address, with the fields of "
    "`verify`; null where the estate has no such interface, or several",
    "cure": "for a denied packet what would let it through, else null",
    "rules.networkSecurityGroup": "the NSG to add it to",
    "cure.rules": "the rules to add; empty where none can",
    "networkSecurityGroup": "the NSG; for admin rules the network manager",
    "name": "the rule's name",
    "command": "the `az` command that adds it",
    "reason": "why no added rule can; null where one can",
    "wider": "what else the rules let through, `any source port` for one; null where nothing",
    "value": "one entry a layer, in the shape of Azure's effectiveNetworkSecurityGroups",
    "networkSecurityGroup.id": "its resource id",
    "association": "what it is attached to: `networkManager`, `subnet` or `networkInterface`",
    "subnet": "the subnet",
    "networkInterface": "the interface",
    "networkManager": "the network manager",
    "id": "its resource id",
    "effectiveSecurityRules.access": "`Allow`, `Deny`, or `AlwaysAllow` of an admin rule",
    "effectiveSecurityRules": "its rules, inbound ones first, by priority",
    "protocol": "`Tcp`, `Udp`, `Icmp`, `Esp`, `Ah` or `All`",
    "sourcePortRange": "the range; null where there are several",
    "sourcePortRanges": "every range, as `low-high`",
    "destinationPortRange": "the range; null where there are several",
    "destinationPortRanges": "every range, as `low-high`",
    "sourceAddressPrefix": "the prefix or tag; null where there are several, or none",
    "sourceAddressPrefixes": "every prefix and tag, and the members of groups",
    "expandedSourceAddressPrefix": "the prefixes of its tags; null without a tag",
    "destinationAddressPrefix": "the prefix or tag; null where there are several, or none",
    "destinationAddressPrefixes": "every prefix and tag, and the members of groups",
    "expandedDestinationAddressPrefix": "the prefixes of its tags; null without a tag",
    "direction": "`Inbound` or `Outbound`",
    "broken": "the flows that passed and do not any more, those with most tuples first",
    "opened": "the flows that were denied and pass now",
    "exposed": "all packets, recorded or not, that pass now and did not",
    "closed": "all packets, recorded or not, that are denied now and were not",
    "changes": "sets of packets that get another verdict, those that pass now first",
    "nics": "the interfaces at which they do, which stand behind the same rules",
    "packets": "the packets, in lines",
    "changes.before": "what happened to them by ESTATE",
    "changes.after": "what happens to them by ESTATE2",
    "exposed.before": "what happened to them by ESTATE",
    "exposed.after": "what happens to them by the changed estate",
    "closed.before": "what happened to them by ESTATE",
    "closed.after": "what happens to them by the changed estate",
    "witness": "one of them",
    "added": "interfaces that only ESTATE2 has, or has with another address",
    "removed": "interfaces that only ESTATE has, or has with another address",
    "compared": "how many interfaces were compared",
    "limits": "what was not compared to its end, and why",
    "flow": "the flow, at the interface that decides",
    "nic": "the interface's id",
    "flow.protocol": "its name, or its IANA number",
    "src_ip": "the originator's address",
    "src_port": "its port; null for any, where no rule tests it",
    "dst_ip": "the responder's address",
    "dst_port": "its port; null where the protocol has none",
    "flow.bytes": "bytes both ways",
    "first": "when the first of its tuples was recorded",
    "flow.last": "when the last one was",
    "recorded": "`allowed`, `denied`, or `both`: what the log says was decided",
    "flows": "how many tuples were recorded, those of one end where both ends were logged",
    "before": "the verdict of ESTATE, with the fields of `verify`",
    "after": "the verdict of the changed estate, with the fields of `verify`",
    "new": "of them, those that could be judged before the change",
    "unknown.last": "when the last of them was recorded; null where none was",
    "unchanged": "how many tuples get the verdict that they got before",
    "interfaces": "each interface of which rows came, by its MAC address",
    "mac": "its MAC address, 12 hexadecimal digits; null where the log does not say",
    "interfaces.nics": "the interfaces of the estate with this MAC address",
    "logs": "the flow logs of which rows came",
    "schema": "`nsg1`, `nsg2` or `vnet4`",
    "logs.target": "the logged resource, as logged; null where the log does not say",
    "logs.flowLog": "the flow log's id, as logged; null for NSG logs",
    "rows": "how many rows",
    "since": "the first minute",
    "until": "the first minute behind the last one",
    "minutes": "how many minutes have rows",
    "gaps.minutes": "how many minutes",
    "loggedTwice.minutes": "how many minutes",
    "span": "how many minutes from `since` to `until`",
    "gaps": "minutes without rows, which an idle interface has too",
    "hours": "the hours that have rows",
    "hour": "when it begins, UTC",
    "minutesWithoutRows": "how many minutes inside the span have none",
    "estate": "the estate held against that; null without one",
    "unlogged": "interfaces of which no row came",
    "unlogged.nic": "its resource id",
    "unlogged.why": "what is known about why",
    "withoutMac": "interfaces without a MAC address: nothing can be said",
    "absent": "interfaces that the estate names and does not have: nothing can be said",
    "unknownMacs": "what was logged and is no interface of the estate",
    "silentFlowLogs": "flow logs that are on, and of which no row came",
    "silentFlowLogs.flowLog": "its resource id",
    "silentFlowLogs.target": "what it is set up on",
    "silentFlowLogs.nics": "how many interfaces it would log",
    "nsgFlowLogs": "NSG flow logs, and what takes their place",
    "closedSince": "the day since which none can be made",
    "retires": "the day on which Azure deletes them",
    "bytes": "what the rows took, about",
    "bytesAsVnetFlowLogs": "what they take in VNet flow logs, about, without those of PlatformRule",
    "nsgs": "the NSGs that are logged; without an estate with `nsg` and `rows` alone",
    "nsg": "its resource id",
    "enabled": "whether its flow log is on; null where the estate does not say",
    "inEstate": "whether the estate has it",
    "attached": "the interfaces and subnets that it is attached to",
    "nsgs.nics": "the interfaces that it sees",
    "targets": "the fewest VNet flow logs in their place; null without an estate",
    "separate": "the same without aggregation",
    "networks": "for comparison, one on each network",
    "target": "where it is set up",
    "type": "`VirtualNetwork`, `Subnet` or `NetworkInterface`",
    "exists": "whether a VNet flow log is on there, or above",
    "replaces": "the NSGs whose logs it takes the place of",
    "kept": "the interfaces that are seen now and then",
    "gained": "interfaces, gateways and services that are seen then and not now",
    "lost": "interfaces that are seen now and not then, and why",
    "loggedTwice": "interfaces that are in NSG and VNet flow logs in the same minutes",
    "days": "how many days were looked at, as their flow rows or the settings had changed",
    "intervals": "how many intervals were made anew, those that are gone included",
    "agreement": "of the rows that could be compared those that agree, in per cent, rounded "
    "down to two digits; null where none could be compared",
    "agreed": "how many rows agree: in the decision, and in the rule as far as the log names one",
    "disagreed": "how many do not",
    "disagreements": "rows that disagree, by what the log says, what the rules say, and why",
    "explained": "rows that agree though the log names another rule than the deciding one "
    "(`kind` is `both-allow`), or none (`no-rule-logged`); with the same fields",
    "withoutRule": "rows that are not compared, as no rule decided them (`platform`, "
    "`encryption`); with the same fields, of which `computed` and `flow` are null and `nics` empty",
    "disagreements.kind": "`other-decision`, `rule-missing`, `stale-network-group` or `other-rule`",
    "disagreements.why": "what of the recorded rule is not so in the estate",
    "disagreements.flows": "how many flows, counted at each end that recorded them",
    "disagreements.last": "when the last of the rows was recorded",
    "agreedUntil": "when some of these flows agreed for the last time before; null if never",
    "agreedSince": "when some of these flows agreed for the first time after; null if never",
    "disagreements.nics": "the interfaces that recorded them",
    "accepted": "only with --accept: the flows that break and are meant to",
    "counts": "how many flows",
    "meant": "how many of them --keep names",
    "counts.broken": "how many flows the change breaks",
    "counts.kept": "how many of those the rules keep",
    "exceptions": "the rules, in the order of evaluation",
    "exceptions.rule": "a security admin rule as the REST API has it",
    "rule.kind": "`Custom`",
    "rule.type": "its type",
    "properties.access": "`Allow` or `AlwaysAllow`",
    "properties": "its fields, as the REST API has them",
    "properties.description": "what for",
    "properties.destinations": "where to",
    "destinations.addressPrefix": "an address or prefix",
    "destinations.addressPrefixType": "`IPPrefix`",
    "properties.sources": "where from",
    "sources.addressPrefix": "an address or prefix",
    "sources.addressPrefixType": "`IPPrefix`",
    "notKept.why": "why",
    "notKept.flows": "how many of them",
    "newlyUnknown": "the tuples that could be judged without the rules and cannot be with them",
    "replay.flows": "how many flows there are",
    "replay.opened": "how many pass with the rules and did not without them",
    "replay.broken": "how many pass without the rules and do not with them",
    "replay.mistaken": "how many pass with the rules and are not meant to, or do not and are",
    "keeps": "how many ends of flows it keeps",
    "atLeast": "how many rules it takes at the least, as far as that is known",
    "notKept": "the flows that are meant and that no rule keeps",
    "notes": "what to know before the rules are used",
    "replay": "every recorded flow, judged by the change without the rules and with them",
    "holds": "whether nothing changes but what is meant",
    "results": "each claim, in the order of the files",
    "results.name": "what the claim is called",
    "results.verdict": "`holds`, `fails` or `unknown`",
    "results.witness": "a packet that breaks the claim; null unless it fails",
    "results.decided_by": "the rule that decides about that packet; null where none does",
    "decided_by.layer": "the layer that decides: `admin`, `subnet` or `nic`",
    "results.expect": "what is claimed: `deny`, `allow`, `not-all`, `only` or `only-via`",
    "judged": "how many interfaces were asked",
    "findings": "what was found, of the level that was asked for and above",
    "findings.check": "the check that found it",
    "findings.level": "`note`, `warning` or `error`",
    "findings.resource": "what it is about; null where the input could not tell",
    "findings.text": "one line for people, without the place",
    "findings.where": "where the resource stands; null where that is not known",
    "findings.others": "the resources that make it so",
    "findings.witness": "a packet that shows it; null where none can",
    "cells": "what gets from one group to another, row by row; not with `--blast`",
    "cells.from": "the group that sends",
    "cells.to": "the group that receives",
    "cells.services": "protocols and destination ports; `-` for none",
    "cells.whole": "whether that is so between all their addresses, from every source port",
    "cells.perhaps": "likewise what of it is not known",
    "cells.packets": "exactly what passes, a line for each part of it",
    "from": "with `--blast`: the word whose interfaces it begins with",
    "reached": "with `--blast`: the interfaces that are reached, nearest first",
    "reached.nic": "the interface's resource id",
    "reached.steps": "how many interfaces are taken over on the way, the last one counted",
    "reached.services": "by which protocols and ports it is reached first",
    "opens": "with `--opens`: of each NSG rule that allows, what it alone opens",
    "opens.rule": "the rule's resource id",
    "opens.packets": "the packets, a line for each part of them; empty if it opens nothing",
    "opens.count": "how many packets those are",
    "failing": "the interfaces at which the claim fails, apart for each rule that makes it so",
    "failing.packets": "all packets that break the claim there by that rule, in lines",
    "state": "`open`: it counts for the exit code; `baseline` or `suppressed`: it does not",
    "baseline": "`unchanged`, `grown` (more packets than there), `new`; null without a baseline, "
    "and for what cannot be known",
    "suppression": "the one that is in force or has ended; null for none",
    "suppression.reason": "why",
    "suppression.until": "the last day, or `never`",
    "in_force": "whether it has not ended",
    "fingerprint": "what makes it the same finding in another run",
    "results.unknown": "each entry of `missing`, with what is known of it",
    "gone": "what the baseline has and is no longer found",
    "gone.name": "the claim or the check",
    "gone.about": "what else tells it from others",
    "about.nic": "the interface's resource id",
    "about.rule": "the rule's resource id; not told where it makes no difference or there is none",
    "about.resource": "what it is about",
    "about.others": "the resources that make it so",
    "failing.witness": "one of them",
    "witness.protocol": "its name, or its IANA number",
    "witness.src_port": "its port; null where the protocol has none",
    "failing.decided_by": "the rule that decides about that one; null where none does",
    "disagreements.recorded": "what the log says",
    "recorded.access": "`Allow` or `Deny`",
    "recorded.rule": "the rule's name; null where the log has none",
    "ruleKind": "`user`, `default`, `admin`, `platform`, `encryption` or `unknown`",
    "acl": "the id of the NSG or network manager; of an NSG as the estate spells it",
    "computed": "the verdict on one of the flows, with the fields of `verify`",
    "disagreements.flow": "one of the flows, at an interface that recorded it",
    "rules": "each rule that stands before something, at each of its layers",
    "hits": "recorded rows that it matched, where they came to its layer",
    "deciding": "the rows of `hits` that it decided",
    "rules.bytes": "of these rows, both ways",
    "last": "the time of the last of them; null for none",
    "rules.resource": "the NSG or the network manager",
    "unused": "its prefixes, tags and ports that nothing used; null where it has no hit",
    "narrowed": "an Allow of an NSG that still matches all these rows, and less; null for none",
    "az": "the command that changes it",
    "arm": "the rule as it stands in an NSG's `securityRules`",
    "terraform": "the rule as a resource of the azurerm provider",
    "unattached": "NSGs that are attached to nothing",
    "unknown": "rows that could not be judged",
    "unknown.rows": "how many",
    "unknown.missing": "what is missing",
    "about.sources": "who did it",
    "about.targets": "to whom",
    "tagMap": "each tag of the rules with its prefixes, as they are for this interface",
    "findings.detection": "which detection: `detect --list` tells what each finds",
    "findings.severity": "`informational`, `low`, `medium`, `high` or `critical`",
    "technique": "the technique of MITRE ATT&CK",
    "findings.title": "what happened, in a few words",
    "findings.first": "when it began",
    "findings.last": "when it was last seen",
    "findings.src_ip": "who did it; null where several did, or nobody in particular",
    "findings.dst_ip": "to whom; null where it was several, or nobody in particular",
    "findings.sources": "everybody who did it",
    "findings.targets": "all to whom it was done",
    "findings.ports": "the destination ports; empty where they do not matter",
    "findings.protocol": "`TCP`, `UDP` or a number; null where it does not matter",
    "outcome": "`allowed`, `denied` or `both`: what the log says; null where it is not about flows",
    "evidence": "what was counted, by name",
    "findings.decided_by": "the rule that decided its flows; null where no flow is in the lake. "
    "Without an estate its name, its `acl` and the times are all that is known",
    "decided_by.acl": "its NSG or network manager, as logged",
    "decided_by.decision": "`Allow` or `Deny`",
    "decided_by.nic": "the interface that logged it; null where the estate does not have it",
    "decided_by.packet": "the first of the packets that it decided",
    "decided_by.rows": "how many rows of the finding it decided",
    "decided_by.since": "when it first decided so for these sources, targets and ports",
    "openSince": "when it first let in anybody from outside there; null where it did not",
    "verified": "whether the rules of the estate say the same of `packet`",
    "differs": "what the log and the estate say, where that is not the same, and why; or null",
    "decided_by.others": "other rules that decided about it, with the fields of `decided_by`",
    "findings.cure": "what stops it; null without a cause, or with `--no-cure`",
    "cure.kind": "`nsg-deny`, `remove-rule`, `narrow-rule`, `bastion-only` or `admin-deny`; null "
    "where nothing is offered, as are the fields up to `effect` then",
    "cure.what": "what is done, in a sentence",
    "cure.why": "what it does to recorded flows; or why nothing is offered, or need be",
    "cure.az": "commands of the Azure CLI",
    "cure.arm": "an ARM template",
    "cure.terraform": "resources of the provider azurerm",
    "fragment": "resources that `what-if --change` reads",
    "effect": "what it does to recorded flows of the last 30 days of the lake",
    "effect.stopped": "how many flows of theirs it stops",
    "effect.broken": "how many flows of others it breaks",
    "effect.newlyUnknown": "how many tuples could be judged before and cannot be with it",
    "effect.judged": "how many flows were judged",
    "effect.since": "the time of the first of them",
    "effect.until": "the moment behind the last of them",
    "effect.flows": "some of the broken ones: `nic`, `direction`, `packet`, `tuples`, `last` and "
    "`deniedBy`",
    "cure.notes": "what to know before it is used",
    "alternatives": "what else stops it, with the fields of `cure` up to `notes`",
    "cure.refused": "which kinds are not offered: each `kind` with `why`",
    "advice": "what would help and is no rule: it is not judged",
    "advice.what": "what to do",
    "advice.why": "why it helps",
    "advice.az": "the command of the Azure CLI",
    "advice.broken": "how many recorded flows from others outside came the same way",
}
"""What each JSON field means; `outer.inner` where a name has two meanings."""

LIKE_OTHERS = (
    ".decided_by.others",
    ".cure.alternatives",
    ".cure.refused",
    ".effect.flows",
    ".fragment",
)
"""Lists whose meaning says what their elements hold."""

BANK = "flowverdict-demo/bank"
DENIED = "--vm dev-vm --direction Outbound --protocol TCP --local 10.10.1.4 --remote 10.10.2.4:8080"
DNS = "--vm dev-vm --direction Outbound --protocol UDP --local 10.10.1.4 --remote 168.63.129.16:53"
LEDGER = "--vm core-ledger-01 --direction Inbound --protocol TCP --local 10.12.1.4:443"


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    return {
        "commands.md": _page(_commands()),
        "options.md": _page(_options()),
        "estate.md": _page(_estate()),
        "json.md": _page(_json()),
        "tables.md": _page(_tables()),
        "queries.md": _page(_queries()),
        "detections.md": _page(_detections()),
    }


def _page(lines: Iterable[str]) -> str:
    return "\n".join([NOTE, "", *lines]).rstrip() + "\n"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield _row(*head)
    yield _row(*("---" for _ in head))
    for row in rows:
        yield _row(*row)
    yield ""


# -- commands


def _commands() -> Iterator[str]:
    context = click.Context(main, info_name="flowverdict", **main.context_settings)
    yield "# Commands"
    yield ""
    yield from _paragraphs(main.help)
    names = main.list_commands(context)
    found = {name: main.get_command(context, name) for name in names}
    yield from _table(
        ("command", "does"),
        (
            (f"[`{name}`](#{name})", (command.help or "").splitlines()[0])
            for name, command in found.items()
            if command
        ),
    )
    for name, command in found.items():
        assert command is not None
        yield f"## {name}"
        yield ""
        settings = command.context_settings
        inner = click.Context(command, info_name=name, parent=context, **settings)
        usage = " ".join(command.collect_usage_pieces(inner))
        yield from ("```text", f"flowverdict {name} {usage}", "```", "")
        yield from _paragraphs(command.help)
        options = [one for one in command.params if isinstance(one, click.Option)]
        if options:
            yield from _table(
                ("option", "", "default"), (_option_row(one, inner) for one in options)
            )


def _paragraphs(text: str | None) -> Iterator[str]:
    for line in (text or "").strip().splitlines():
        yield line.strip()
    yield ""


def _option_row(option: click.Option, context: click.Context) -> tuple[str, str, str]:
    value = ""
    if not option.is_flag:
        words = option.metavar or _choices(option) or option.type.name.upper()
        value = f" {words}"
    text = option.help or ""
    if option.required:
        text = f"{text} Required.".strip()
    if option.multiple:
        text = f"{text} May be given several times."
    default = option.get_default(context)
    shown = f"`{default}`" if option.show_default and default is not None else ""
    return f"`{'`, `'.join(option.opts)}{value}`", text, shown


def _choices(option: click.Option) -> str:
    return "|".join(option.type.choices) if isinstance(option.type, click.Choice) else ""


# -- options


def _options() -> Iterator[str]:
    _same("options", OPTION_PAGES, ABOUT)
    yield "# Options"
    yield ""
    yield "Questions that Azure's documents leave open, and facts that no export holds. On the"
    yield "command line `--option NAME=VALUE`, as often as needed; in Python"
    yield '`Options().with_setting("NAME", "VALUE")`. The first choice is the default.'
    yield ""
    standard = Options()
    yield from _table(
        ("name", "values", "what it decides", "example"),
        (
            (
                f"`{name.replace('_', '-')}`",
                ", ".join(f"`{one}`" for one in CHOICES.get(name, ())) or "a list with commas",
                about,
                f"[page](../semantics/{OPTION_PAGES[name]})",
            )
            for name, about in ABOUT.items()
        ),
    )
    changed = [
        f"`{one.name.replace('_', '-')}={getattr(IP_FLOW_VERIFY, one.name)}`"
        for one in fields(Options)
        if getattr(IP_FLOW_VERIFY, one.name) != getattr(standard, one.name)
    ]
    yield f"`--compat ip-flow-verify` stands for {' and '.join(sorted(changed))}, with TCP and UDP"
    yield "alone: see [No NSG](../semantics/no-nsg.md#--compat-ip-flow-verify)."
    yield ""
    yield "`--assume-deployed` has its example in"
    yield "[Deployment](../semantics/deployment.md#before-deployment)."


# -- estate


def _estate() -> Iterator[str]:
    known = {name.lower(): name for name in RESOURCES}
    _same("resource types", known, [*READERS, "microsoft.network/virtualnetworks"])
    yield "# What an estate is made of"
    yield ""
    yield from ESTATE.splitlines()
    yield ""
    yield "`GROUP` is a resource group: those commands want one."
    yield "[Export an estate](../how-to/export-an-estate.md) has them all in one script."
    yield ""
    yield "## Resources"
    yield ""
    rows = {**RESOURCES, **OTHERS}
    yield from _table(
        ("type", "exported by", "what is read"),
        ((f"`{name}`" if "`" not in name else name, *of) for name, of in rows.items()),
    )
    yield "Other types are passed over. Fields that are not read do no harm, except in a rule of an"
    yield "NSG: there an unknown field is an error."
    yield ""
    yield "## ARM templates"
    yield ""
    yield "Files with a template (`$schema` or `contentVersion` with `resources`), also as Bicep"
    yield "makes them. See [how to review a template](../how-to/review-an-arm-template.md)."
    yield ""
    yield from _table(("file", "tells"), TEMPLATES.items())
    yield "A template's scale set has one interface that stands for all of its, and a machine those"
    yield "that it describes itself. A network that is connected to a virtual hub is peered with"
    yield "it, and what is behind the hub is not known. A linked template is read if it has a"
    yield "`relativePath` that is there."
    yield ""
    _same("template functions", map(str.lower, FUNCTIONS), function_names())
    names = ", ".join(f"`{name}`" for name in sorted(FUNCTIONS, key=str.lower))
    yield f"Functions that are evaluated: {names}; a template's own functions. `reference` tells"
    yield "what the template states, and the outputs of nested deployments. Any other function is"
    yield "not known, and is named where that matters."
    yield ""
    yield "## Terraform"
    yield ""
    yield "Plans and states as `terraform show -json` prints them; `azapi_resource` by its body,"
    yield "`azapi_update_resource` by what it changes, and `azapi_resource_action` if it commits."
    yield "See [how to review a plan](../how-to/review-a-terraform-plan.md)."
    yield ""
    yield from _table(
        ("resource or data source", "read as"),
        ((f"`{name}`", of if " " in of else f"`{of}`") for name, of in sorted(READ_AS.items())),
    )


# -- JSON


def _json() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        write_bank(Path(BANK))
        verify = [
            _ask(f"verify {BANK} {DENIED}"),
            _ask(f"verify {BANK} {LEDGER} --remote 10.0.1.4"),
            _ask(f"verify {BANK} {DNS}"),
        ]
        explain = [
            _ask(f"explain {BANK} {DENIED}"),
            _ask(f"explain {BANK} {DENIED.replace('10.10.1.4 ', '10.10.1.4:40000 ')}"),
            _ask(f"explain {BANK} {LEDGER} --remote 10.0.1.4"),
            _ask(f"explain {BANK} {LEDGER} --remote 203.0.113.7"),
            _ask(f"explain {BANK} {DNS}"),
        ]
        rules = [_ask(f"rules {BANK} --vm core-ledger-01")]
        proven = [_ask_for_proofs(Path("claims"))]
        write_bank(Path("other"))
        write_change(Path("other"))
        differences = [_ask(f"diff {BANK} other")]
        gone = {"check": "shadowed", "resource": "/rules/old", "others": "/rules/other"}
        _write_known(Path("lint.json"), gone)
        Path("lint.yaml").write_text("- {check: no-nsg, reason: r, until: never}\n")
        linted = [_ask(f"lint {BANK} --opens --baseline lint.json --suppressions lint.yaml")]
        reached = [
            _ask(f"reach {BANK} --from Internet --to vm:legacy-jump-01"),
            _ask(f"reach {BANK} --blast build-agent-01"),
        ]
        coverage = _ask_for_coverage(Path("logs"))
        kept_up = [_ask("traffic --lake logs/lake --update")]
        used = [_ask_for_usage(Path("web"))]
        change = _ask_what_if(Path("calls"))
        kept = _ask_for_exceptions(Path("kept"))
        audited = [_ask_for_audit(Path("audited"))]
        detected = _ask_for_attacks(Path("attacked"))
    told: set[str] = set()
    yield "# JSON answers"
    yield ""
    yield "`--output json` prints one object. Fields are never left out; null stands for none."
    yield ""
    for name, answers, text in (
        (
            "verify",
            verify,
            "`verdict.as_json()` in Python returns the same without lines and columns.",
        ),
        ("explain", explain, "The fields of `verify`, and three more."),
        ("rules", rules, "`flowverdict.rules` in Python returns the same."),
        ("prove", proven, "See [how to prove claims](../how-to/prove-claims.md)."),
        ("diff", differences, "See [how to review a change](../how-to/review-a-change.md)."),
        ("reach", reached, "See [how to see who reaches whom](../how-to/see-who-reaches-whom.md)."),
        ("lint", linted, "See [how to lint rules](../how-to/lint-rules.md)."),
        (
            "coverage",
            coverage,
            "An interface takes one line: see [what it means](../semantics/coverage.md).",
        ),
        (
            "traffic",
            kept_up,
            "With `--update`; else an array of rows with [these columns](tables.md).",
        ),
        ("what-if", change, "See [how to review a change](../how-to/review-a-change.md)."),
        ("exceptions", kept, "See [how to review a change](../how-to/review-a-change.md)."),
        ("audit", audited, "See [how to audit flow logs](../how-to/audit-flow-logs.md)."),
        ("usage", used, "See [how to find unused rules](../how-to/find-unused-rules.md)."),
        (
            "detect",
            detected,
            "See [how to find attacks](../how-to/find-attacks.md).",
        ),
    ):
        yield from (f"## {name}", "", text, "")
        shape: dict[str, set[str]] = {}
        for answer in answers:
            _walk(answer, "", shape)
        shape = _in_order(shape)
        if name == "explain":
            shape = {path: of for path, of in shape.items() if _is_of_explain(path)}
        yield from _table(
            ("field", "type", "meaning"),
            (
                (f"`{path}`", " or ".join(sorted(of)), _meaning(path, told))
                for path, of in shape.items()
            ),
        )
        if name == "verify":
            yield "The denied packet of the README:"
            yield from ("", "```json", json.dumps(answers[0], indent=2), "```", "")
    _same("JSON fields", MEANINGS, told)


# -- tables


def _tables() -> Iterator[str]:
    yield "# Tables and views of a lake"
    yield ""
    yield "What `flows --sql` can ask, in DuckDB's SQL. `flows` and `quarantine` are tables, the"
    yield "others are views, made when they are asked: see [sessions](../semantics/sessions.md) and"
    yield "[Traffic Analytics](../semantics/traffic-analytics.md)."
    yield "Times are UTC. Where the type says null, a log may lack the value: that is not zero."
    yield ""
    about = (
        "One row a tuple. `day`, the day of `time`, is a column too: a condition on it saves time."
    )
    for name, text, columns in (
        ("flows", about, COLUMNS),
        *((one.name, one.about, one.columns) for one in VIEWS),
        (NTA, "The flows of an interval that share all but their source ports.", NTA_COLUMNS),
        (IP_DETAILS, "A public address of an interval.", DETAILS),
    ):
        yield from (f"## {name}", "", text, "")
        yield from _table(
            ("column", "type", "holds"),
            (
                (
                    f"`{one.name}`",
                    _column_type(str(one.type)) + (" or null" if one.nullable else ""),
                    one.about,
                )
                for one in columns
            ),
        )
    for name, text in ABOUT_DERIVED.items():
        yield from (f"## {name}", "", text, "")
    yield from ("## flows_analytics", "")
    yield "Each flow row beside the row of `NTANetAnalytics` that it is part of: all columns of"
    yield "`flows` and all of that table. So source ports and single tuples are not lost."
    yield ""
    yield from (f"## {LEGACY}", "")
    yield "The older table, made of `NTANetAnalytics`; `1` is the source, `2` the destination."
    yield ""
    yield from _table(("column", "is"), ((f"`{name}`", told) for name, told in legacy_columns()))


def _queries() -> Iterator[str]:
    yield "# Named queries"
    yield ""
    yield "`flowverdict traffic --query NAME` answers them, over [these tables](tables.md). Each is"
    yield "a file of `src/flowverdict/traffic/analytics/queries`, with SQL to copy and change."
    for one in queries().values():
        yield from ("", f"## {one.name}", "", f"{one.title}.", "", one.about.strip(), "")
        yield f"Source: {one.source}." + (" Needs `--estate`." if one.needs else "")
        yield from ("", "```sql", one.sql.strip(), "```")


def _column_type(arrow: str) -> str:
    kinds = {"timestamp": "time", "int": "number", "double": "number", "bool": "true or false"}
    return next((word for start, word in kinds.items() if arrow.startswith(start)), "text")


# -- detections

QUERY = {
    "sources": "numbers of the addresses that did it; a list, empty where nobody in particular did",
    "targets": "numbers of the addresses that it was done to, likewise",
    "ports": "destination ports; a list, empty where they do not matter",
    "protocol": "the IANA number; null where it does not matter",
    "first": "when it began",
    "last": "when it was last seen",
    "outcome": "`allowed`, `denied` or `both`; empty where it is not about flows",
    "severity": "`informational`, `low`, `medium`, `high` or `critical`",
}
"""What each column means that a query has to tell."""


def _detections() -> Iterator[str]:
    _same("columns of findings", QUERY, TOLD)
    found = packaged()
    yield "# Detections"
    yield ""
    yield "What [`detect`](commands.md#detect) looks for:"
    yield "[how to use it](../how-to/find-attacks.md), [why it is built so](../design/detect.md),"
    yield "[how well each does](report-card.md) on made traffic."
    yield "Each is a file in `src/flowverdict/detect/library`. `--set ID.SETTING=VALUE` changes a"
    yield "setting; where its source is *our own*, nobody published a number."
    yield ""
    yield from _table(
        ("detection", "finds", "ATT&CK"),
        (
            (f"[`{one.id}`](#{one.id})", one.title, ", ".join(map(_technique, one.techniques)))
            for one in found
        ),
    )
    for one in found:
        yield from (f"## {one.id}", "", f"{one.title}.", "")
        yield from (f"**Finds.** {one.finds}", "", f"**Matters.** {one.matters}", "")
        yield from (f"**Wrong when.** {one.wrong_when}", "")
        yield from _table(
            ("setting", "value", "is", "source"),
            (
                (f"`{name}`", _value(of.value), of.about, of.source)
                for name, of in one.settings.items()
            ),
        )
    yield "## Your own"
    yield ""
    yield "A detection is a YAML file with `id`, `title`, `finds`, `matters`, `wrong_when`,"
    yield "`techniques`, `settings` and `query`: one `SELECT` in DuckDB's SQL, with `$name` for a"
    yield "setting. [How to write one](../how-to/find-attacks.md#a-detection-of-your-own)."
    yield ""
    yield "The query tells these columns; whatever else it tells is the finding's evidence:"
    yield ""
    yield from _table(("column", "is"), ((f"`{name}`", told) for name, told in QUERY.items()))
    yield "It may ask these tables. Times are UTC."
    yield ""
    yield from _table(("table", "holds"), ((f"`{name}`", told) for name, told in TABLES.items()))


def _technique(name: str) -> str:
    return f"[{name}](https://attack.mitre.org/techniques/{name.replace('.', '/')}/)"


def _value(value: Any) -> str:
    texts = map(str, value) if isinstance(value, list) else (str(value),)
    return ", ".join(f"`{one}`" for one in texts) or "none"


def _ask_for_proofs(folder: Path) -> Any:
    """Ask for a claim that fails, and for one that cannot be known."""
    folder.mkdir()
    sides = ("from: Internet", "from: Internet, to: legacy-jump-01-nic", "from: 'service:Mars'")
    rest = "expect: deny, direction: Inbound, protocol: TCP, ports: 3389"
    claims = (f"- {{name: c{at}, {side}, {rest}}}\n" for at, side in enumerate(sides))
    (folder / "claims.yaml").write_text("".join(claims))
    known = (
        "- {claim: c0, nic: spare-nic, reason: r, until: never}\n"
        "- {claim: c2, missing: '*Mars*', reason: r, until: never}\n"
    )
    (folder / "known.yaml").write_text(known)
    gone = {"claim": "c0", "nic": "/nics/old", "direction": "Inbound", "rule": "/rules/old"}
    _write_known(folder / "baseline.json", gone)
    words = f"--suppressions {folder}/known.yaml --baseline {folder}/baseline.json"
    return _ask(f"prove {BANK} {folder}/claims.yaml {words}")


def _write_known(path: Path, entry: dict[str, str]) -> None:
    """Write a baseline of one finding."""
    path.write_text(json.dumps({"format": 1, "findings": [entry]}))


def _ask_for_coverage(folder: Path) -> list[Any]:
    """Ask for the coverage of the bank with and without it, on a few rows of one interface."""
    estate = load_estate(BANK)
    nic = next(one for one in estate.resources.nics.values() if one.mac and one.nsg)
    head = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/networkWatchers/w"
    flow_logs = [
        {"id": f"{head}/flowLogs/{at}", "targetResourceId": str(target), "enabled": True}
        for at, target in enumerate((nic.nsg, nic.subnet))
    ]
    moment, flow = 1786653060, "203.0.113.7,10.0.0.4,50001,22"
    old = [{"mac": nic.mac, "flowTuples": [f"{moment + at},{flow},T,I,D" for at in (0, 300)]}]
    records: list[dict[str, Any]] = [
        {
            "category": "NetworkSecurityGroupFlowEvent",
            "resourceId": str(nic.nsg).upper(),
            "properties": {"Version": 1, "flows": [{"rule": "UserRule_r", "flows": old}]},
        }
    ]
    for mac in (nic.mac, "000D3AFFFFFF"):
        record = _record(mac, [f"{moment}000,{flow},6,I,D,NX,0,0,0,0"])
        records.append(record | {"flowLogResourceID": f"{head}/flowLogs/9"})
    folder.mkdir()
    (folder / "flow-logs.json").write_text(json.dumps(flow_logs))
    _ingest(folder, records)
    words = f"coverage --lake {folder}/lake"
    return [_ask(f"{words} {BANK} {folder}/flow-logs.json"), _ask(words)]


def _ask_for_usage(folder: Path) -> Any:
    """Ask for the usage of the bank's rules, on a few rows of a web server and of a stranger."""
    estate = load_estate(BANK)
    subnet = next(
        one.id
        for one in estate.resources.subnets.values()
        if one.nsg and one.nsg.name == "nsg-online-web"
    )
    nic = next(one for one in estate.resources.nics.values() if one.subnet == subnet and one.mac)
    local = format_address(nic.addresses.spans[0][0])
    tuples = [f"1786653060000,203.0.113.7,{local},50001,443,6,I,E,NX,1,100,1,100"]
    records = [_record(mac, tuples) for mac in (nic.mac, "000D3AFFFFFF")]
    folder.mkdir()
    nsg = {
        "id": "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/"
        "networkSecurityGroups/loose",
        "type": "Microsoft.Network/networkSecurityGroups",
        "securityRules": [],
    }
    (folder / "nsg.json").write_text(json.dumps([nsg]))
    _ingest(folder, records)
    return _ask(f"usage {BANK} {folder}/nsg.json --lake {folder}/lake")


def _ask_for_audit(folder: Path) -> Any:
    """Ask how far the log of the bank's development VM and of a stranger agrees with the rules."""
    nics = load_estate(BANK).resources.nics.values()
    nic = next(one for one in nics if one.id.name == "dev-vm-nic")
    web = "10.10.1.4,10.10.2.4,50001,443,6,O,D,NX,0,0,0,0"
    said = (
        ("", nic.nsg, 0),
        ("UserRule_Old", nic.nsg, 1),
        ("UserRule_DenyAll", nic.nsg, 2),
        ("PlatformRule", "00000000-0000-0000-0000-000000000000", 3),
    )
    records = [
        _record(mac, [f"{1786653060 + at}000,{web}"], rule, str(acl))
        for mac in (nic.mac, "000D3AFFFFFF")
        for rule, acl, at in said
    ]
    _ingest(folder, records)
    return _ask(f"audit {BANK} --lake {folder}/lake")


def _ask_what_if(folder: Path) -> list[Any]:
    """Ask what the bank's change does to a call of its development VM, and to undo it."""
    nics = load_estate(BANK).resources.nics.values()
    nic = next(one for one in nics if one.id.name == "dev-vm-nic")
    write_bank(folder / "changed")
    write_change(folder / "changed")
    tuples = ["1786653060000,10.10.1.4,10.10.2.4,50001,8080,6,O,E,NX,1,100,1,100"]
    records = [_record(mac, tuples) for mac in (nic.mac, "000D3AFFFFFF")]
    _ingest(folder, records)
    sides = (BANK, f"{folder}/changed")
    asked = [
        f"what-if {one} --change {other} --lake {folder}/lake"
        for one, other in (sides, sides[::-1])
    ]
    return [*map(_ask, asked), _ask(f"{asked[1]} --accept true")]


def _ask_for_exceptions(folder: Path) -> list[Any]:
    """Ask what keeps a transfer to the bank's SFTP server from a Deny, and from one at the top."""
    nics = load_estate(BANK).resources.nics.values()
    nic = next(one for one in nics if one.id.name == "sftp-01-nic")
    address = nic.addresses.spans[0][0]
    write_deny(folder / "deny")
    write_deny(folder / "first")
    rules = folder / "first" / "rules-ssh-everywhere.json"
    rules.write_text(rules.read_text().replace('"priority": 150', '"priority": 1'))
    words = f"1786653060000,198.51.100.66,{format_address(address)},50001,22,6,I,E,NX,1,100,1,100"
    _ingest(folder, [_record(nic.mac, [words])])
    return [
        _ask(f"exceptions {BANK} --change {folder}/{deny} --lake {folder}/lake --keep true")
        for deny in ("deny", "first")
    ]


def _ask_for_attacks(folder: Path) -> list[Any]:
    """Ask who guessed passwords of the bank's management VM, and when it was not logged."""
    nics = load_estate(BANK).resources.nics.values()
    named = {one.id.name: one for one in nics}
    vm, monitor = named["mgmt-vm-01-nic"], named["monitor-01-nic"]

    def tuples(
        source: str, way: str, state: str, seconds: Iterable[int], port: int = 3389
    ) -> list[str]:
        counts = "0,0,0,0" if state == "D" else "5,1000,5,1000"
        ends = f"{source},10.17.1.4"
        return [
            f"{1786653060 + at}000,{ends},{50_000 + at},{port},6,{way},{state},NX,{counts}"
            for at in seconds
        ]

    allowed = tuples("203.0.113.200", "I", "E", [*range(30), 3600])
    neighbour = tuples("203.0.113.201", "I", "E", [40])
    denied = tuples("203.0.113.7", "I", "D", range(30))
    seen = tuples("10.0.1.4", "O", "E", range(300, 3000, 300))
    by_no_rule = tuples("203.0.113.200", "I", "E", [50], 22)
    records = [
        _record(vm.mac, allowed + neighbour, "UserRule_AllowRdpMigration", str(vm.nsg)),
        _record(vm.mac, denied, "UserRule_DenyRdp", str(vm.nsg)),
        _record(vm.mac, by_no_rule, "UserRule_Old", str(vm.nsg)),
        _record(monitor.mac, seen, "DefaultRule_AllowVnetOutBound", "/n"),
    ]
    _ingest(folder, records)
    gone = {"detection": "port-scan", "sources": "203.0.113.9", "targets": "10.17.1.4"}
    _write_known(folder / "known.json", gone)
    (folder / "known.yaml").write_text("- {detection: rdp-*, reason: r, until: never}\n")
    known = f"--baseline {folder}/known.json --suppressions {folder}/known.yaml"
    asked = f"detect --lake {folder}/lake"
    return [_ask(f"{asked} --estate {BANK} {known}"), _ask(asked)]


def _is_of_explain(path: str) -> bool:
    """Report whether a field stands in the table of `explain`: what `verify` has too does not."""
    return path.startswith(("gates", "cure")) or path == "otherEnd"


def _record(
    mac: str, tuples: list[str], rule: str = "UserRule_r", acl: str = "/n"
) -> dict[str, Any]:
    """Make a record of a VNet flow log."""
    return {
        "category": "FlowLogFlowEvent",
        "flowLogVersion": 4,
        "flowLogResourceID": "/f",
        "targetResourceID": "/v",
        "macAddress": mac,
        "flowRecords": {
            "flows": [{"aclID": acl, "flowGroups": [{"rule": rule, "flowTuples": tuples}]}]
        },
    }


def _ingest(folder: Path, records: list[dict[str, Any]]) -> None:
    """Read records into the lake of a folder, which is made if it is not there."""
    folder.mkdir(exist_ok=True)
    (folder / "PT1H.json").write_text(json.dumps({"records": records}))
    CliRunner().invoke(main, ["ingest", f"{folder}/PT1H.json", "--lake", f"{folder}/lake"])


def _ask(command: str) -> Any:
    result = CliRunner().invoke(main, [*command.split(), "--output", "json"])
    return json.loads(result.stdout)


def _walk(value: Any, path: str, shape: dict[str, set[str]]) -> None:
    """Collect the fields of an answer with their types; `[]` stands for each element."""
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if path.endswith(("tagMap", ".arm", ".before", ".after", ".computed", ".evidence")):
                continue
            at = f"{path}.{name}" if path else name
            shape.setdefault(at, set()).add(_type(inner))
            _walk(inner, at, shape)
    elif isinstance(value, list):
        for inner in value:
            if path not in ("explained", "withoutRule") and not path.endswith(LIKE_OTHERS):
                _walk(inner, f"{path}[]", shape)


def _in_order(shape: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the fields with each object's own fields right behind it."""
    rank = {path.replace("[]", ""): at for at, path in enumerate(shape)}

    def place(path: str) -> list[int]:
        parts = path.replace("[]", "").split(".")
        return [rank[".".join(parts[: end + 1])] for end in range(len(parts))]

    return {path: shape[path] for path in sorted(shape, key=place)}


def _type(value: Any) -> str:
    kinds = {type(None): "null", bool: "boolean", str: "text", list: "list"}
    return kinds.get(type(value), "number" if isinstance(value, int | float) else "object")


def _meaning(path: str, used: set[str]) -> str:
    parts = path.replace("[]", "").split(".")
    for key in (".".join(parts[-2:]), parts[-1]):
        if key in MEANINGS:
            used.add(key)
            return MEANINGS[key]
    raise SystemExit(f"docs/generate.py: MEANINGS lacks `{path}`")


def _same(what: str, told: Iterable[str], there: Iterable[str]) -> None:
    """Stop where a table of this file and the code have drifted apart."""
    differ = set(told) ^ set(there)
    if differ:
        raise SystemExit(f"docs/generate.py: {what} without an entry, or gone: {sorted(differ)}")


def outdated() -> list[str]:
    """Return the names of the pages that differ from what the code says."""
    return [
        name
        for name, text in pages().items()
        if not (FOLDER / name).exists() or (FOLDER / name).read_text("utf-8") != text
    ]


def run(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    if "--check" in arguments:
        found = outdated()
        for name in found:
            sys.stderr.write(f"docs/reference/{name} is out of date: run python docs/generate.py\n")
        return int(bool(found))
    FOLDER.mkdir(exist_ok=True)
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    gc.unfreeze()  # what the commands froze that answered here
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
