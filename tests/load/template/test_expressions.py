"""What expressions of templates give, by the examples of Azure's documentation and its rules."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid5

import pytest

from flowverdict.load.template.evaluate import Evaluator
from flowverdict.load.template.partial import Partial
from flowverdict.load.template.place import Place
from flowverdict.load.template.scope import Scope
from flowverdict.load.template.syntax import ExpressionError

GROUP = "/subscriptions/s1/resourceGroups/rg1"
TEMPLATE = {
    "parameters": {
        "given": {"type": "string"},
        "default": {"defaultValue": "[concat(parameters('given'), '-d')]"},
        "open": {"type": "string"},
        "none": {"type": "string", "nullable": True},
        "rules": {"defaultValue": [{"n": "a", "p": 3}, {"n": "b", "p": 1}]},
        "circle": {"defaultValue": "[parameters('circle')]"},
    },
    "variables": {
        "plain": {"Inner": ["x", "y"]},
        "copy": [{"name": "loop", "count": 3, "input": "[add(copyIndex('loop', 1), 10)]"}],
        "made": {"copy": [{"name": "list", "count": 2, "input": {"at": "[copyIndex('list')]"}}]},
    },
    "functions": [
        {
            "namespace": "own",
            "members": {
                "greet": {
                    "parameters": [{"name": "who", "type": "string"}],
                    "output": {"type": "string", "value": "[concat('hi ', parameters('who'))]"},
                }
            },
        }
    ],
}


def evaluator() -> Evaluator:
    place = Place("group", "s1", "rg1")
    return Evaluator(Scope(TEMPLATE, "main", place, {"given": lambda: "g"}))


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("plain", "plain"),
        ("[[not one]", "[not one]"),
        ("[not closed", "[not closed"),
        ("['it''s']", "it's"),
        ("[concat('a', 'b', string(1))]", "ab1"),
        ("[concat(createArray(1), createArray(2, 3))]", [1, 2, 3]),
        ("[ CONCAT ( 'a' , 'b' ) ]", "ab"),
        ("[format('{0}-{1:D3}|{2,4}|{{}}', 'x', 7, 'y')]", "x-007|   y|{}"),
        ("[parameters('default')]", "g-d"),
        ("[parameters('NONE')]", None),
        ("[variables('plain').inner[1]]", "y"),
        ("[variables('plain')['INNER'][sub(1, 1)]]", "x"),
        ("[variables('loop')]", [11, 12, 13]),
        ("[variables('made').list[1].at]", 1),
        ("[own.greet('you')]", "hi you"),
        ("[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v', 's')]",
         f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"),
        ("[resourceId('Microsoft.Network/virtualNetworks/subnets', 'v/s')]",
         f"{GROUP}/providers/Microsoft.Network/virtualNetworks/v/subnets/s"),
        ("[resourceId('rg2', 'Microsoft.Network/routeTables', 'r')]",
         "/subscriptions/s1/resourceGroups/rg2/providers/Microsoft.Network/routeTables/r"),
        ("[resourceId('s2', 'rg2', 'Microsoft.Network/routeTables', 'r')]",
         "/subscriptions/s2/resourceGroups/rg2/providers/Microsoft.Network/routeTables/r"),
        ("[subscriptionResourceId('Microsoft.A/b', 'c')]",
         "/subscriptions/s1/providers/Microsoft.A/b/c"),
        ("[tenantResourceId('Microsoft.A/b', 'c')]", "/providers/Microsoft.A/b/c"),
        ("[extensionResourceId(resourceGroup().id, 'Microsoft.A/b', 'c')]",
         f"{GROUP}/providers/Microsoft.A/b/c"),
        ("[resourceGroup().name]", "rg1"),
        ("[subscription().subscriptionId]", "s1"),
        ("[deployment().name]", "main"),
        ("[environment().suffixes.storage]", "core.windows.net"),
        ("[cidrSubnet('10.144.0.0/20', 24, 0)]", "10.144.0.0/24"),
        ("[cidrSubnet('fdad:3236:5555::/48', 52, 2)]", "fdad:3236:5555:2000::/52"),
        ("[cidrHost('10.144.3.0/24', 3)]", "10.144.3.4"),
        ("[cidrHost('fdad:3236:5555:3000::/52', 0)]", "fdad:3236:5555:3000::1"),
        ("[parseCidr('10.144.0.0/20').lastUsable]", "10.144.15.254"),
        ("[parseCidr('fdad:3236:5555::/48').firstUsable]", "fdad:3236:5555::"),
        ("[if(true(), 'a', concat(1, variables('no such')))]", "a"),
        ("[and(false(), equals(1, variables('no such')))]", False),
        ("[or(false(), not(false()))]", True),
        ("[coalesce(null(), parameters('none'), 'x')]", "x"),
        ("[union(json('{\"a\": {\"b\": 1}}'), json('{\"A\": {\"c\": 2}}'))]",
         {"a": {"b": 1, "c": 2}}),
        ("[union(createArray(1, 2), createArray(2, 3))]", [1, 2, 3]),
        ("[intersection(createArray(1, 2), createArray(2, 3))]", [2]),
        ("[shallowMerge(createArray(createObject('a', 1), createObject('a', 2)))]", {"a": 2}),
        ("[flatten(createArray(createArray(1), createArray(2, 3)))]", [1, 2, 3]),
        ("[items(createObject('b', 1, 'a', 2))[0]]", {"key": "a", "value": 2}),
        ("[objectKeys(createObject('b', 1, 'a', 2))]", ["a", "b"]),
        ("[contains(variables('plain'), 'INNER')]", True),
        ("[contains('abc', 'b')]", True),
        ("[contains(createArray('a'), 'b')]", False),
        ("[length('abc')]", 3),
        ("[take(skip('abcd', 1), 2)]", "bc"),
        ("[last(split('a/b;c', createArray('/', ';')))]", "c"),
        ("[join(createArray('a', 1), '-')]", "a-1"),
        ("[first(createArray())]", None),
        ("[empty('')]", True),
        ("[range(3, 2)]", [3, 4]),
        ("[replace('aXbX', 'X', '-')]", "a-b-"),
        ("[substring('abcdef', 2, 3)]", "cde"),
        ("[substring('abcdef', 4)]", "ef"),
        ("[padLeft('7', 3, '0')]", "007"),
        ("[indexOf('abcABC', 'B')]", 1),
        ("[lastIndexOf('abcABC', 'b')]", 4),
        ("[startsWith('ABC', 'ab')]", True),
        ("[endsWith('abc', 'BC')]", True),
        ("[equals('a', 'A')]", False),
        ("[equals(1, '1')]", False),
        ("[div(-7, 2)]", -3),
        ("[mod(-7, 2)]", -1),
        ("[mul(add(1, 2), sub(5, 1))]", 12),
        ("[max(createArray(1, 9, 4))]", 9),
        ("[min(3, 2)]", 2),
        ("[int('42')]", 42),
        ("[bool('TRUE')]", True),
        ("[json('{\"a\": [1, null]}').a[1]]", None),
        ("[string(createObject('a', createArray(1, true())))]", '{"a":[1,true]}'),
        ("[base64ToString(base64('x'))]", "x"),
        ("[uri('https://a/b/', 'c.json')]", "https://a/b/c.json"),
        ("[guid('test')]", "d6a5baf1-8b9b-542a-8525-2982f1f98a0c"),
        ("[guid('a', 'b')]", str(uuid5(UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830"), "a-b"))),
        ("[tryGet(variables('plain'), 'no', 'such')]", None),
        ("[map(parameters('rules'), lambda('r', $r.n))]", ["a", "b"]),
        ("[map(range(0, 2), lambda('r', 'i', add($i, 5)))]", [5, 6]),
        ("[filter(parameters('rules'), lambda('r', greater($r.p, 2)))[0].n]", "a"),
        ("[reduce(createArray(1, 2, 3), 0, lambda('all', 'one', add($all, $one)))]", 6),
        ("[sort(createArray(3, 1, 2), lambda('a', 'b', less($a, $b)))]", [1, 2, 3]),
        ("[toObject(parameters('rules'), lambda('r', $r.n), lambda('r', $r.p))]",
         {"a": 3, "b": 1}),
        ("[mapValues(createObject('a', 1), lambda('v', add($v, 1)))]", {"a": 2}),
        ("[groupBy(createArray('x', 'yy', 'z'), lambda('v', string(length($v))))]",
         {"1": ["x", "z"], "2": ["yy"]}),
    ],
)  # fmt: skip
def test_what_an_expression_gives(written: str, wanted: Any) -> None:
    """``$x`` is short for a lambda's argument."""
    written = re.sub(r"\$(\w+)", r"lambdaVariables('\1')", written)
    assert evaluator().value(written) == wanted


@pytest.mark.parametrize(
    ("written", "text", "why"),
    [
        ("[parameters('open')]", "{main.open}", "parameter `open` has no value"),
        ("[concat(parameters('open'), '-nsg')]", "{main.open}-nsg", "parameter `open`"),
        ("[toLower(parameters('open'))]", "{main.open}", "parameter `open`"),
        ("[format('{0}/{1}', parameters('open'), 'x')]", "{main.open}/x", "parameter `open`"),
        ("[parameters('open').a[0]]", "{main.open.a[0]}", "parameter `open`"),
        ("[join(createArray('a', parameters('open')), '-')]", "a-{main.open}", "parameter `open`"),
        ("[guid(parameters('open'))]", "{guid({main.open})}", "parameter `open` has no value"),
        ("[uniqueString('a/b')]", "{uniquestring('a|b')}", "function `uniqueString` is not eval"),
        ("[resourceId('Microsoft.A/b', parameters('open'))]",
         f"{GROUP}/providers/Microsoft.A/b/{{main.open}}", "parameter `open`"),
        ("[last(split(resourceId('Microsoft.A/b', parameters('open')), '/'))]", "{main.open}", "p"),
        ("[if(equals(parameters('open'), 'x'), 1, 2)]",
         "{if({equals({main.open}, 'x')}, 1, 2)}", "parameter `open`"),
        ("[and(true(), parameters('open'))]", "{main.open}", "parameter `open`"),
        ("[length(parameters('open'))]", "{length({main.open})}", "parameter `open`"),
        ("[reference('x').y]", "{reference('x').y}", "function `reference` is not evaluated"),
    ],
)  # fmt: skip
def test_what_is_not_known_has_a_reason_and_a_text(written: str, text: str, why: str) -> None:
    found = evaluator().value(written)
    assert isinstance(found, Partial)
    assert found.text == text
    assert found.what.startswith(why)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("[and(false(), parameters('open'))]", False),
        ("[or(parameters('open'), true())]", True),
        ("[empty(concat('a', parameters('open')))]", False),
        ("[equals(parameters('open'), toLower(parameters('open')))]", True),
        ("[contains(createArray('a', parameters('open')), 'a')]", True),
        ("[length(createArray(parameters('open'), 1))]", 2),
        ("[if(parameters('open'), 'same', 'same')]", "same"),
        ("[createObject('a', parameters('open'), 'b', 2).b]", 2),
    ],
)
def test_what_is_not_known_counts_where_it_can_matter(written: str, wanted: Any) -> None:
    assert evaluator().value(written) == wanted


@pytest.mark.parametrize(
    ("written", "said", "expected"),
    [
        ("[concat('a'", None, None),
        ("[concat('a']", "`the end` within arguments", "`,` or `)`"),
        ("[concat('a' 'b')]", "`b` within arguments", "`,` or `)`"),
        ("[concat]", "`concat` is no function call", "`concat(`"),
        ("[concat('a') x]", "`x` stands behind the expression", "`]`"),
        ("[]", "the end where a value should be", "a function or a text"),
        ("[parameters('no')]", "`no` is no parameter of the template", "one it declares"),
        ("[variables('no')]", "`no` is no variable of the template", "one it declares"),
        ("[variables('plain').no]", "no property `no`", "one that is there"),
        ("[variables('loop')[3]]", "element 3 of a list of 3", "one that is there"),
        ("[parameters('circle')]", "parameter `circle` is made out of itself", ""),
        ("[copyIndex()]", "`copyIndex` outside of its loop", "a loop around"),
        ("[add('1', 2)]", "`1` where a number should be", "a whole number"),
        ("[guid('a', 1)]", "`1` where a text should be", "a text"),
        ("[int('x')]", "`x` is no whole number", ""),
        ("[div(1, 0)]", "division by zero", ""),
        ("[createObject(1, 2)]", "`1` names a property", "a text"),
        ("[if('x', 1, 2)]", "`x` is no condition", "true or false"),
        ("[substring('abc', 2, 5)]", "`substring` from 2, 5 long, of `abc`", ""),
        ("[cidrSubnet('10.0.0.0/24', 26, 4)]", "`cidrSubnet` of `10.0.0.0/24` has no /26 number 4",
         ""),
        ("[resourceId('Microsoft.A/b/c', 'x')]", "`resourceId` of `Microsoft.A/b/c` with 1 names",
         "2"),
    ],
)  # fmt: skip
def test_what_azure_refuses_is_told(written: str, said: str | None, expected: str | None) -> None:
    if said is None:
        assert evaluator().value(written) == written  # no bracket at the end: a plain text
        return
    with pytest.raises(ExpressionError) as caught:
        evaluator().value(written)
    assert (str(caught.value), caught.value.expected) == (said, expected)
