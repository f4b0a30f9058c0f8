"""The stories as data; that their answers are right is tested where the commands are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flowverdict.demo.bank import make_bank
from flowverdict.demo.questions import ASKED, ATTACKED, DENIED, LEFT_TO_YOU
from flowverdict.demo.stories import CHANGED, ESTATE, Step, Story, make_stories

STORIES = make_stories()
STEPS = [(story, step) for story in STORIES for step in story.steps]


def of_step(story: Story, step: Step) -> str:
    return f"{story.title}: {step.prose[0]}"


def test_there_are_three():
    assert len(STORIES) == 3


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.title)
def test_prose_fits_a_terminal(story: Story):
    lines = [story.title, *story.prose, *(line for step in story.steps for line in step.prose)]
    assert all(0 < len(line) <= 80 for line in [*lines, story.moral])


def test_so_does_that_of_the_questions():
    questions = [*ASKED, *DENIED, *ATTACKED, *LEFT_TO_YOU]
    assert [line for one in questions for line in one.prose if not 0 < len(line) <= 80] == []


def test_the_last_questions_are_about_a_machine_in_the_bank():
    bank: Any = make_bank()
    nics = [nic for nic in bank["network/nics.json"] if nic["name"] == "mgmt-vm-01-nic"]
    (address,) = [each["privateIPAddress"] for each in nics[0]["ipConfigurations"]]
    words = ATTACKED[-1].command
    assert words[words.index("--vm") + 1] == "mgmt-vm-01"
    assert words[words.index("--local") + 1] == f"{address}:3389"


@pytest.mark.parametrize(("story", "step"), STEPS, ids=[of_step(*each) for each in STEPS])
def test_commands_speak_of_machines_and_addresses_in_the_bank(story: Story, step: Step):
    verb, estate, *words = step.command
    options = dict(zip(words[::2], words[1::2], strict=True))
    assert verb in ("verify", "explain")
    assert estate in (ESTATE, CHANGED)
    assert set(options) == {"--vm", "--direction", "--protocol", "--local", "--remote"}
    bank: Any = make_bank()
    nics = [nic for nic in bank["network/nics.json"] if nic["name"] == f"{options['--vm']}-nic"]
    (address,) = [each["privateIPAddress"] for each in nics[0]["ipConfigurations"]]
    assert options["--local"].split(":")[0] == address


@pytest.mark.parametrize(("story", "step"), STEPS, ids=[of_step(*each) for each in STEPS])
def test_the_rule_that_should_decide_is_in_the_bank(story: Story, step: Step):
    bank = make_bank(restored=step.command[1] == CHANGED)
    assert step.expect.rule_name is not None
    assert f'"name": "{step.expect.rule_name.rsplit("/", 1)[-1]}"' in json.dumps(bank)


def test_folders_are_filled_in():
    step = STORIES[0].steps[3]
    assert step.command[1] == CHANGED
    assert step.arguments("here", "there") == ("verify", "there", *step.command[2:])


def test_stories_are_the_same_in_every_bank():
    """So a transcript in the documentation holds whatever the seed."""
    assert make_stories(seed=8, nics=900) == STORIES
