"""What the digits of a telephone number tell: that they were only typed, where the line is, what time it is there."""

from phonenumbers.tzdata import TIMEZONE_DATA

from app.validate.data import area_states, carriers

_UP, _DOWN = "01234567890123456", "98765432109876543"
_ROW = 7
_LONGEST = max(map(len, TIMEZONE_DATA))
_LONGEST_OF_CARRIERS = 9
_FREE = ("800", "833", "844", "855", "866", "877", "888")
_NOBODY: frozenset[str] = frozenset()

_FICTIONAL = (
    # United Kingdom (Ofcom)
    "+447700900", "+442079460", "+441134960", "+441144960", "+441154960", "+441164960", "+441174960",
    "+441184960", "+441214960", "+441314960", "+441414960", "+441514960", "+441614960", "+441914980",
    "+442896496", "+442920180", "+441632960", "+448081570", "+449098790", "+443069990",
    # France (Arcep)
    "+3319900", "+3326191", "+3335301", "+3346571", "+3353649", "+3363998",
    # Germany (Bundesnetzagentur)
    "+493023125", "+496990009", "+494066969", "+492214710", "+498999998",
    # Australia (ACMA)
    "+6125550", "+6127010", "+6135550", "+6137010", "+6175550", "+6177010", "+6185550", "+6187010",
    "+61491570006", "+61491570156", "+61491570157", "+61491570158", "+61491570159", "+61491570110",
    # Ireland (ComReg), Sweden (PTS)
    "+3532091", "+46313906", "+4684650", "+46406280", "+46980319", "+467017406",
)  # fmt: skip


def repeated(number: str) -> bool:
    """One digit seven times at the end: 222-2222, 07777 777777."""
    return len(number) > _ROW and number[-_ROW:] == number[-1] * _ROW


def sequential(number: str) -> bool:
    """Seven digits in a row at the end, up or down: 234-5678, 987-6543."""
    tail = number[-_ROW:]
    return len(tail) == _ROW and (tail in _UP or tail in _DOWN)


def fictional(number: str) -> bool:
    """Of a range that its country keeps for films and manuals. Of toll-free ones of +1 that is a single line."""
    if number.startswith("+1"):
        return number[5:10] == "55501" and (number[2:5] not in _FREE or number[2:] == "8005550199")
    return number.startswith(_FICTIONAL)


def states_of(number: str) -> frozenset[str]:
    """States or provinces of the area code of a number of +1, else none."""
    return area_states().get(number[2:5], _NOBODY) if number.startswith("+1") else _NOBODY


def zones_of(number: str) -> tuple[str, ...]:
    """The tz names in which the line may be; none of numbers that are of no place, as toll-free ones."""
    digits = number[1 : _LONGEST + 1]
    for length in range(len(digits), 0, -1):
        zones = TIMEZONE_DATA.get(digits[:length])
        if zones:
            return () if digits[:length] == "1" else tuple(zones)
    return ()


def carrier_of(number: str) -> str:
    """Whom the number was given to by its range; who moved to another carrier took it along. Empty: nobody knows."""
    digits = number[1 : _LONGEST_OF_CARRIERS + 1]
    known = carriers()
    return next((known[digits[:n]] for n in range(len(digits), 0, -1) if digits[:n] in known), "")
