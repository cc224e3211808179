"""Makes app/validate/data/bigrams.txt and both_names.txt.xz: how names are spelt, and which are first and last names.

    python data/make_names.py [YYYY-MM-DD]

Learned from the first and last names of all countries in @faker-js/faker (MIT) of the npm registry, which is read
as an archive; nothing of it is run. Of names in other alphabets than the Latin nothing is learned, nor said.
"""

import lzma
import math
import re
import subprocess
import sys
import tarfile
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "app" / "validate" / "data"
LETTERS = "abcdefghijklmnopqrstuvwxyz^"
"""The last stands for the beginning and the end of a word."""
BY_HAND = (
    "abdi abdullah abdullahi adan ahmad aden hamza hussain hussein ibrahim ismail kaur khalid mahmoud mohamud mohammad"
    " mohammed muhammad mustafa omar osman salah saleh singh yusuf yousef francis george gordon henry howard jordan"
    " lewis owen paul philip ryan scott stanley stewart tyler paulo pedro santos nguyen wang wei yang zhang min jin htet phyo zaw thant"
)
"""Both, and many a person is called by one of them twice."""
UNSEEN = 0.1
SPECIAL = str.maketrans("łøßđıðþæœ", "losdidtao")  # as app/validate/naming.py


def block(text: str, start: int) -> str:
    """From the brace at `start` to the one that closes it."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[start : at + 1]
    return ""


def words_of(text: str, key: str) -> Iterator[str]:
    for found in re.finditer(rf"\b{key}:\{{", text):
        for quoted in re.findall(r"`([^`]*)`", block(text, found.end() - 1)):
            if "{{" not in quoted:
                yield from filter(None, map(folded, re.split(r"[.\s'’-]+", quoted)))


def folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold().translate(SPECIAL))
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return plain if plain.isascii() and plain.isalpha() else ""


def read(folder: Path) -> tuple[set[str], set[str], str]:
    command = ["npm", "pack", "--silent", "@faker-js/faker"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (packed,) = folder.glob("faker-js-faker-*.tgz")
    first, last = set(), set()
    with tarfile.open(packed) as archive:
        for member in archive:
            if re.fullmatch(r"package/dist/[a-z]{2}[\w]*-[\w-]+\.js", member.name):
                text = archive.extractfile(member).read().decode()
                first |= set(words_of(text, "first_name"))
                last |= set(words_of(text, "last_name"))
    return first, last, f"@faker-js/faker {packed.stem.removeprefix('faker-js-faker-')}"


def surprise(words: set[str]) -> Iterator[str]:
    """A line per first letter: for each next letter two digits, ten times -ln of its share."""
    pairs: Counter[str] = Counter()
    for word in words:
        marked = f"^{word}^"
        pairs.update(marked[i : i + 2] for i in range(len(marked) - 1))
    for one in LETTERS:
        total = sum(pairs[one + other] for other in LETTERS) + UNSEEN * len(LETTERS)
        shares = ((pairs[one + other] + UNSEEN) / total for other in LETTERS)
        yield "".join(f"{min(99, round(-10 * math.log(share))):02d}" for share in shares)


def main(date: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, last, source = read(Path(folder))
    words, both = first | last, sorted({one for one in first & last if len(one) > 1} | set(BY_HAND.split()))
    head = f"# Made {date} of {len(words)} words from {source}; MIT, see LICENSES.md"
    (FOLDER / "bigrams.txt").write_text("\n".join([head, *surprise(words)]) + "\n", "utf-8")
    head = f"# {len(both)} words, made {date} from {source}; MIT, see LICENSES.md"
    packed = lzma.compress("\n".join([head, *both]).encode(), preset=9 | lzma.PRESET_EXTREME)
    (FOLDER / "both_names.txt.xz").write_bytes(packed)
    print(f"{len(first)} first names, {len(last)} last names, {len(both)} both: {len(packed)} bytes")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
