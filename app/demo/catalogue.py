"""The demo's catalogue, pointed at wherever its buyers listen."""

from importlib.resources import files

SECRET = "whsec_bGVhZGdhdGUgZGVtbywgbm90IGEgc2VjcmV0"
"""What the demo's deliveries are signed with. It says what it is; real buyers get their own."""

_BUYERS = "https://buyers.example"


def catalogue(sink_url: str) -> str:
    """The YAML of the demo, its buyers at `sink_url` (without a slash at the end)."""
    text = files("app.demo").joinpath("catalogue.yaml").read_text("utf-8")
    return text.replace(_BUYERS, sink_url)
