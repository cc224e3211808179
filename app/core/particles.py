"""Small words of a name that belong to the one after them: van der Berg, de la Cruz."""

PARTICLES = frozenset((
    "van", "von", "der", "den", "de", "la", "las", "los", "del", "della", "di", "da", "das", "do", "dos", "du", "le", "ten",
    "ter", "bin", "ibn", "al", "el", "y",
))  # fmt: skip
