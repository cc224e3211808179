"""What the name of a file says of what is in it."""

from pathlib import PurePath

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_TABLES = {
    ".csv": "text/csv", ".tsv": "text/tab-separated-values", ".tab": "text/tab-separated-values",
    ".xlsx": WORKBOOK, ".xlsm": WORKBOOK,
    ".xls": "application/vnd.ms-excel", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
    ".ndjson": "application/x-ndjson", ".jsonl": "application/x-ndjson",
}  # fmt: skip
_BODIES = {
    ".json": "application/json", ".xml": "application/xml", ".adf": "application/x-adf+xml",
    ".rss": "application/rss+xml", ".atom": "application/atom+xml", ".eml": "message/rfc822",
}  # fmt: skip
_UNFINISHED = (".part", ".tmp", ".filepart", ".crdownload", ".swp", ".writing", "~")


def type_of(name: str) -> str:
    """The content type; nothing where the name doesn't say, and the look of the body must."""
    kind = PurePath(name).suffix.lower()
    return _TABLES.get(kind) or _BODIES.get(kind, "")


def is_table(name: str) -> bool:
    """Whether its rows are leads, however many: such a file is imported, not kept as one body."""
    return PurePath(name).suffix.lower() in _TABLES


def is_unfinished(name: str) -> bool:
    """Hidden, or named as programs name what they are still writing."""
    return name.startswith((".", "~$")) or name.lower().endswith(_UNFINISHED)
