"""Three leads to paste into a shell: JSON, name-value and XML, each with a story of its own."""

from hashlib import blake2b


def curl_lines(address: str, key: str) -> list[str]:
    """One command a line. The persons are made from `key`, so that a new key brings new persons.

    As the demo's buyers stand: the first is sold to SunCo, the second is refused by SunCo (Nevada) and sold
    to BrightRoof, the third finds SunCo down, is answered «pending» and sold a few seconds later.
    """
    post = f"curl -sw '\\n' {address}/v1/leads -H 'Authorization: Bearer {key}'"
    ann, bob, cid = (
        _person(key, name, last_digit) for name, last_digit in (("ann", 1), ("bob", 2), ("cid", 7))
    )
    as_json = (
        f'{{"fname":"Ann","lname":"Smith","email":"{ann[0]}","phone":"{ann[1]}",'
        '"state":"CA","zip":"94110","bill":"180"}'
    )
    as_form = (
        f"fname=Bob&lname=Jones&email={bob[0]}&phone={bob[1].replace('+', '%2B')}&state=NV&zip=89101&bill=140"
    )
    as_xml = (
        f"<lead><fname>Cid</fname><lname>Brown</lname><email>{cid[0]}</email><phone>{cid[1]}</phone>"
        "<state>AZ</state><zip>85004</zip><bill>220</bill></lead>"
    )
    return [
        f"{post} -H 'Content-Type: application/json' -d '{as_json}'",
        f"{post} -d '{as_form}'",
        f"{post} -H 'Content-Type: application/xml' -H 'Accept: application/xml' -d '{as_xml}'",
    ]


def _person(key: str, name: str, last_digit: int) -> tuple[str, str]:
    """(e-mail, phone): a mailbox nobody has, a number of a plausible shape that ends in `last_digit`."""
    number = int.from_bytes(blake2b(f"{key} {name}".encode(), digest_size=8).digest(), "big")
    return f"{name}.{number % 10**6:06d}@example.com", f"+1415{2_000_00 + number % 800_000:06d}{last_digit}"
