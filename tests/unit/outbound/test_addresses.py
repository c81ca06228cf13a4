"""Which addresses outbound calls may reach (checks DIS-1, DIS-3, C40)."""

from __future__ import annotations

import pytest

from rollcall.outbound import Reach, address_fault, refused_address

PUBLIC = Reach()
REFUSED = {
    "loopback": "127.0.0.1",
    "loopback elsewhere": "127.8.9.1",
    "loopback v6": "::1",
    "private 10": "10.0.0.1",
    "private 172": "172.16.3.4",
    "private 192": "192.168.1.1",
    "shared": "100.64.0.1",
    "unique local": "fd12::1",
    "site local": "fec0::1",
    "link-local": "169.254.1.1",
    "link-local v6": "fe80::1%eth0",
    "metadata": "169.254.169.254",
    "metadata of Azure": "168.63.129.16",
    "metadata v6": "fd00:ec2::254",
    "multicast": "224.0.0.1",
    "multicast v6": "ff02::1",
    "unspecified": "0.0.0.0",
    "unspecified v6": "::",
    "broadcast": "255.255.255.255",
    "reserved": "240.0.0.1",
    "v4 mapped": "::ffff:127.0.0.1",
    "v4 mapped metadata": "::ffff:a9fe:a9fe",
    "v4 compatible": "::7f00:1",
    "NAT64": "64:ff9b::7f00:1",
    "v4 translated": "::ffff:0:7f00:1",
    "6to4": "2002:7f00:1::1",
    "Teredo": "2001:0:4136:e378:8000:63bf:80ff:fffe",
}


@pytest.mark.parametrize("address", REFUSED.values(), ids=REFUSED)
def test_no_call_goes_to_an_address_that_is_not_public(address: str) -> None:
    assert refused_address(address, PUBLIC)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "id.example"])
def test_public_addresses_and_names_pass(address: str) -> None:
    assert refused_address(address, PUBLIC) is None


@pytest.mark.parametrize("allowed", ["10.1.0.0/16", "10.1.2.3", "id.corp", "ID.corp"])
def test_the_operator_vouches_for_hosts_and_networks(allowed: str) -> None:
    reach = Reach(allowed=(allowed,))

    assert refused_address("10.1.2.3", reach, "id.corp") is None
    assert refused_address("10.2.2.3", reach, "other.corp")


def test_calls_into_private_networks_still_never_go_where_clouds_keep_credentials() -> None:
    reach = Reach(private=True)

    assert refused_address("10.0.0.1", reach) is None
    assert refused_address("127.0.0.1", reach) is None
    for never in ("169.254.169.254", "168.63.129.16", "224.0.0.1", "0.0.0.0"):
        assert refused_address(never, reach)


FAULTY = {
    "plain http": "http://id.example/",
    "loopback without the switch": "https://127.0.0.1/",
    "file": "file:///etc/passwd",
    "credentials": "https://user:pass@id.example/",
    "fragment": "https://id.example/#x",
    "no host": "https:///x",
    "port": "https://id.example:99999/",
    "line break": "https://id.example/\n",
    "blank": "https://id.example/ x",
    "too long": "https://id.example/" + "x" * 2048,
    "brackets": "https://[::1",
    "v6 literal": "https://[::1]/",
    "v4 in v6": "https://[::ffff:10.0.0.1]/",
}


@pytest.mark.parametrize("url", FAULTY.values(), ids=FAULTY)
def test_addresses_are_https_with_a_host_that_may_be_reached(url: str) -> None:
    assert address_fault(url, PUBLIC)


def test_plain_http_reaches_this_machine_with_the_switch_and_nothing_else() -> None:
    reach = Reach(loopback_http=True)

    assert address_fault("http://127.0.0.1:9/x", reach) is None
    assert address_fault("http://localhost/x", reach) is None
    assert address_fault("https://id.example/x?appid=1", reach) is None
    assert address_fault("http://id.example/x", reach)
    assert address_fault("http://10.0.0.1/x", reach)
    assert address_fault("http://localhost.evil.example/x", reach)
