"""The OpenAPI of everything, the raw intake route included."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi


def describe(api: FastAPI) -> dict[str, Any]:
    """Made once; what the raw route takes is described by hand, and held to it by the tests."""
    if api.openapi_schema is None:
        api.openapi_schema = get_openapi(title=api.title, version=api.version, routes=api.routes)
    return api.openapi_schema
