"""A device is known again, and a mark of it tells nobody anything."""

import pytest

from app.api.form.device import fingerprint, hints

KEY = b"k" * 32
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{}.0.0.0 Safari/537.36"
PHONE = {
    "user_agent": CHROME.format(145), "device.screen": "390x844", "device.time_zone": "America/Los_Angeles",
    "device.platform": "Win32", "device.language": "en-US", "device.touch_points": 5, "ip": "203.0.113.7",
}  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"user_agent": CHROME.format(146)},
        {"device.screen": "844x390"},
        {"device.viewport": "300x400", "device.pixel_ratio": 1.5},
        {"ip": "198.51.100.1"},
        {"typing.keys": 7},
    ],
)
def test_it_is_the_same_device_after(change):
    assert fingerprint(PHONE | change, KEY) == fingerprint(PHONE, KEY)


@pytest.mark.parametrize(
    "change",
    [
        {"device.time_zone": "America/Denver"},
        {"device.screen": "412x915"},
        {"device.language": "es-US"},
        {"user_agent": CHROME.format(145) + " Edg/145.0.0.0"},
    ],
)
def test_it_is_another_device_with(change):
    assert fingerprint(PHONE | change, KEY) != fingerprint(PHONE, KEY)


def test_each_installation_has_marks_of_its_own():
    assert fingerprint(PHONE, KEY) != fingerprint(PHONE, b"j" * 32)
    assert len(fingerprint(PHONE, KEY)) == 16


@pytest.mark.parametrize("without", ["device.screen", "device.time_zone"])
def test_of_what_no_script_saw_there_is_no_mark(without):
    assert fingerprint({name: said for name, said in PHONE.items() if name != without}, KEY) == ""


def test_client_hints_are_kept_as_they_came_within_bounds():
    said = hints(
        {
            "sec-ch-ua": '"Chromium";v="145"',
            "sec-ch-ua-platform": '"Windows"',
            "sec-ch-ua-mobile": "?0",
            "x": "y",
        }
    )
    assert said == {
        "device.hint_brands": '"Chromium";v="145"', "device.hint_platform": "Windows", "device.hint_mobile": "?0",
    }  # fmt: skip
    assert hints({"sec-ch-ua": "x" * 5000 + "\0"}) == {"device.hint_brands": "x" * 300}
    assert hints({}) == {}
