import pytest

from app.ingest.fieldtypes.ip import Ip, IpSettings


@pytest.mark.parametrize(
    "raw, becomes",
    [
        (" 203.0.113.7 ", "203.0.113.7"),
        ("0.0.0.0", "0.0.0.0"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("203.0.113.256", None),
        ("203.0.113.07", None),
        ("203.0.113", None),
        ("203.0.113.7:80", None),
        ("203.0.113.7/32", None),
        ("fe80::1%eth0", None),
        (":::", None),
        (3405803783, None),
        ("x", None),
    ],
)
def test_an_address_is_in_its_shortest_form(raw, becomes):
    value = Ip().normal(raw, IpSettings())
    assert (value.normal, value.valid) == (becomes, becomes is not None)


def test_its_version_comes_with_it():
    assert Ip().normal("::1", IpSettings()).parts == {"version": 6}
    assert Ip().normal("127.0.0.1", IpSettings()).parts == {"version": 4}
