"""What `make run` shows: a campaign, two buyers who answer, and three leads to paste."""

from app.demo.catalogue import SECRET, catalogue
from app.demo.lines import curl_lines
from app.demo.sink import build_sink

__all__ = ["SECRET", "build_sink", "catalogue", "curl_lines"]
