import pytest

from app.distribute.addresses import refuse, refuse_port

INSIDE = {
    "0.0.0.0": "this_network",
    "0.1.2.3": "this_network",
    "10.0.0.1": "private",
    "100.64.0.1": "shared",
    "100.100.100.200": "shared",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "metadata",
    "169.254.169.254": "link_local",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.8": "reserved",
    "192.0.0.192": "reserved",
    "192.0.2.1": "documentation",
    "192.88.99.1": "relay",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmark",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "not_global",
    "::1": "loopback",
    "::7f00:1": "not_global",  # IPv4-compatible
    "::ffff:127.0.0.1": "loopback",
    "::ffff:a9fe:a9fe": "link_local",
    "::ffff:0:7f00:1": "not_global",  # translated
    "64:ff9b::7f00:1": "loopback",
    "64:ff9b::a9fe:a9fe": "link_local",
    "64:ff9b:1::a00:1": "not_global",
    "2001::1": "teredo",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2": "teredo",
    "2001:10::1": "reserved",
    "2001:db8::1": "documentation",
    "2002:7f00:1::1": "6to4",
    "2002:808:808::1": "6to4",
    "::5efe:7f00:1": "not_global",
    "2600::5efe:7f00:1": "loopback",  # ISATAP under a global prefix
    "2600::200:5efe:a00:1": "private",
    "3fff::1": "documentation",
    "5f00::1": "not_global",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "not_global",
    "fe80::1%eth0": "scoped",
    "2600::1%eth0": "scoped",
    "fec0::1": "not_global",
    "ff02::1": "not_global",
    "localhost": "no_address",
    "2130706433": "no_address",
    "": "no_address",
}


@pytest.mark.parametrize(("address", "why"), INSIDE.items())
def test_what_is_not_the_public_internet_is_refused(address, why):
    assert refuse(address) == why


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "172.15.0.1", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"]
)
def test_public_addresses_may_be_dialled(address):
    assert refuse(address) is None


@pytest.mark.parametrize("address", ["::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_a_public_address_in_another_writing_is_still_public(address):
    assert refuse(address) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "::1", "fd12::1"])
def test_private_addresses_may_be_dialled_where_the_operator_dares(address):
    assert refuse(address) is not None
    assert refuse(address, allow_private=True) is None


@pytest.mark.parametrize(
    "address",
    [
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "fd00:ec2::254",
        "fe80::1",
        "224.0.0.1",
        "0.0.0.0",
    ],
)
def test_metadata_and_multicast_stay_closed_even_then(address):
    assert refuse(address, allow_private=True) is not None


@pytest.mark.parametrize("port", [80, 443, 1024, 8080, 8443, 18931, 65535])
def test_web_ports_are_open(port):
    assert refuse_port(port) is None


@pytest.mark.parametrize("port", [0, 21, 22, 23, 25, 53, 110, 445, 465, 3306, 5432, 6379, 9200, 11211, 65536])
def test_ports_of_other_services_are_not(port):
    assert refuse_port(port) == "port"
