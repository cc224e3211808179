"""The programs of docs/receiving.md know our deliveries from anybody's."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from app.distribute.signing import sign

PAGE = (Path(__file__).parents[2] / "docs/receiving.md").read_text("utf-8")
OURS, OLD = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bGVhZGdhdGUgZGVtbywgbm90IGEgc2VjcmV0"
AT, BODY = 1_795_390_759, '{"first_name":"Zoë","phone":"+14155550132"}'.encode()

DRIVERS = {
    "python": (
        sys.executable,
        "import json, sys\nfor c in json.load(sys.stdin):\n"
        "    print(int(from_leadgate(c['secret'], c['headers'], c['body'].encode(), now=c['now'])))\n",
    ),
    "js": (
        "node",
        'for (const c of JSON.parse(require("node:fs").readFileSync(0))) '
        "console.log(+fromLeadgate(c.secret, c.headers, Buffer.from(c.body), c.now));\n",
    ),
    "php": (
        "php",
        'foreach (json_decode(file_get_contents("php://stdin"), true) as $c) '
        '{ echo (int) from_leadgate($c["secret"], $c["headers"], $c["body"], $c["now"]), "\\n"; }\n',
    ),
}


def case(
    expected: int, secrets: list[str], *, now: int = AT, body: bytes = BODY, **more: str
) -> dict[str, object]:
    headers = sign(secrets, "01a205a0", AT, BODY) | {name.replace("_", "-"): v for name, v in more.items()}
    return {"expected": expected, "secret": OURS, "headers": headers, "body": body.decode(), "now": now}


CASES = [
    case(1, [OURS]),
    case(1, [OLD, OURS]),
    case(1, [OURS], now=AT - 299),
    case(0, [OLD]),
    case(0, [OURS], now=AT + 301),
    case(0, [OURS], body=BODY.replace(b"0132", b"0133")),
    case(0, [OURS], webhook_id="01a205a1"),
    case(0, [OURS], webhook_timestamp=str(AT + 1)),
    case(0, [OURS], webhook_timestamp="soon"),
    case(0, [OURS], webhook_signature=""),
    case(0, [OURS], webhook_signature="v1,"),
    {"expected": 0, "secret": OURS, "headers": {}, "body": "", "now": AT},
]


@pytest.mark.parametrize("language", DRIVERS)
def test_the_program_takes_what_we_signed_and_nothing_else(language: str, tmp_path: Path) -> None:
    tool, driver = DRIVERS[language]
    if shutil.which(tool) is None:
        pytest.skip(f"NO {tool.upper()}, so THE {language.upper()} SAMPLE OF docs/receiving.md IS NOT RUN")
    [program] = re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)
    file = tmp_path / f"sample.{language}"
    file.write_text(("<?php\n" if language == "php" else "") + program + driver, "utf-8")
    ran = subprocess.run(
        [tool, str(file)], input=json.dumps(CASES), capture_output=True, text=True, timeout=20, check=False
    )
    assert ran.stderr == ""
    assert [int(line) for line in ran.stdout.split()] == [one["expected"] for one in CASES]
