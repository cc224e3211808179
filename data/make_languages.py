"""Makes app/validate/data/languages.tsv: which languages people speak where.

    python data/make_languages.py [YYYY-MM-DD]

Read from the package Babel (BSD-3-Clause), whose data are the Unicode CLDR's (Unicode-3.0); it need not be installed
where leads are served. A language counts where it is official, or one in a hundred speaks it.
"""

import sys
import time
from pathlib import Path

import babel  # type: ignore[import-not-found]  # a tool of this script alone
from babel.core import get_global  # type: ignore[import-not-found]

TARGET = Path(__file__).parents[1] / "app" / "validate" / "data" / "languages.tsv"
LEAST = 1.0


def read() -> dict[str, list[str]]:
    found = {}
    for country, languages in get_global("territory_languages").items():
        if len(country) == 2 and country.isalpha() and country != "ZZ":
            spoken = {
                language.partition("_")[0]
                for language, said in languages.items()
                if said.get("official_status") or said.get("population_percent", 0) >= LEAST
            }
            found[country] = sorted(spoken)
    return found


def main(date: str) -> None:
    found = read()
    head = (
        f"# Languages of {len(found)} countries (ISO 3166-1, BCP 47), made {date} from Babel {babel.__version__};"
        " Unicode-3.0, see LICENSES.md"
    )
    TARGET.write_text(
        "\n".join([head, *(f"{c}\t{' '.join(s)}" for c, s in sorted(found.items()) if s)]) + "\n", "utf-8"
    )
    print(head[2:])


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else time.strftime("%Y-%m-%d", time.gmtime()))
