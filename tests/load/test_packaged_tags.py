"""The service tags that come with the package are there, and are what they say."""

from flowverdict.load.service_tags import PackagedTags
from flowverdict.net import parse_address


def test_the_packaged_tags_are_read_and_dated():
    tags = PackagedTags()
    assert "service tags of 20" in tags.label
    storage = tags.prefixes("Storage")
    assert storage is not None
    west = tags.prefixes("storage.WestEurope")
    assert west is not None
    assert west
    assert west <= storage


def test_a_name_with_a_dot_that_is_no_region_is_looked_up_whole():
    assert PackagedTags().prefixes("AzureFrontDoor.Frontend")


def test_a_name_that_is_not_in_the_data_has_no_prefixes_rather_than_none_at_all():
    assert PackagedTags().prefixes("NoSuchTag") is None


def test_the_addresses_of_windows_activation_are_azures():
    cloud = PackagedTags().prefixes("AzureCloud")
    assert cloud is not None
    assert parse_address("40.83.235.53") in cloud
