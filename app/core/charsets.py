"""The charsets that are read here, by any of the names that senders give them."""

import codecs
import re
from functools import lru_cache

from app.core.errors import Unreadable

_CHARSETS = re.compile(
    r"utf-(8|16|32)(-[lb]e)?|ascii|iso8859-\d+|cp(125\d|437|850|852|866|874|932|949|950)"
    r"|koi8-[rut]|gb2312|gbk|gb18030|big5(hkscs)?|shift_jis|euc_(jp|kr)|iso2022_jp"
)


@lru_cache(maxsize=64)
def charset_named(name: str) -> str:
    """Python's name for a charset. ISO-8859-1 is read as windows-1252, which its senders mean."""
    try:
        found = codecs.lookup(name.strip()).name
    except (LookupError, ValueError):
        found = ""
    if not _CHARSETS.fullmatch(found):
        raise Unreadable(
            "the charset is not one that is read here; send UTF-8", code="charset", where="charset"
        )
    return "cp1252" if found == "iso8859-1" else found
