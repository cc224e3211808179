"""How alike two words are that one hand may have written."""

from functools import lru_cache

_SCALE, _PREFIX = 0.1, 4


@lru_cache(maxsize=16_384)
def jaro_winkler(one: str, other: str) -> float:
    """0 to 1, as Winkler published it: 0.1 for each of up to four letters in front that are the same."""
    jaro = _jaro(*sorted((one, other)))  # which letters meet may hang on which word is looked through
    same = 0
    for a, b in zip(one[:_PREFIX], other[:_PREFIX], strict=False):
        if a != b:
            break
        same += 1
    return jaro + same * _SCALE * (1 - jaro)


def _jaro(one: str, other: str) -> float:
    if one == other:
        return 1.0
    if not one or not other:
        return 0.0
    reach = max(len(one), len(other)) // 2 - 1
    taken = [False] * len(other)
    met = []
    for i, letter in enumerate(one):
        for j in range(max(0, i - reach), min(len(other), i + reach + 1)):
            if not taken[j] and other[j] == letter:
                taken[j] = True
                met.append(letter)
                break
    if not met:
        return 0.0
    opposite = [letter for letter, was in zip(other, taken, strict=True) if was]
    swapped = sum(a != b for a, b in zip(met, opposite, strict=True)) // 2
    m = len(met)
    return (m / len(one) + m / len(other) + (m - swapped) / m) / 3
