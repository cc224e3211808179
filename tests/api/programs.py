"""The programs that a spec shows, run as they stand against the service of a test."""

import asyncio
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn

from tests.api.conftest import Api


@asynccontextmanager
async def over_a_socket(api: Api) -> AsyncIterator[str]:
    """The address at which programs reach the service of this test."""
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(api.root, lifespan="off", log_config=None, ws="none"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    try:
        yield f"http://127.0.0.1:{sock.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving


async def run(sample: dict[str, str], key: str, folder: Path) -> str:
    """What the sample prints, with nothing but the key put in."""
    language, suffix = _PROGRAMS[sample["language"]]
    file = folder / f"sample{suffix}"
    file.write_text(sample["text"].replace("KEY", key), "utf-8")
    process = await asyncio.create_subprocess_exec(
        *language, str(file), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def can_run(language: str) -> bool:
    """PHP with its curl, which is a package of its own."""
    tool = shutil.which(_TOOL.get(language, "sh"))
    if tool is None or language != "PHP":
        return tool is not None
    return subprocess.run([tool, "-r", "exit((int) !extension_loaded('curl'));"], check=False).returncode == 0


_PROGRAMS = {
    "curl": (["sh"], ".sh"), "Python": ([sys.executable], ".py"), "PHP": (["php"], ".php"),
    "JavaScript": (["node"], ".mjs"),
}  # fmt: skip
_TOOL = {"curl": "curl", "PHP": "php", "JavaScript": "node"}
