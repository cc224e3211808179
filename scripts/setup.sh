#!/bin/sh
# Creates the virtual environment from the locks. Needs python3 (3.11 or later) and a package index.
set -eu
venv=$1
python=${PYTHON:-python3}
"$python" - <<'PY' || { echo "leadgate needs Python 3.11 or later (set PYTHON=…)"; exit 1; }
import sys
sys.exit(sys.version_info < (3, 11))
PY
here=$(cd "$(dirname "$0")/.." && pwd)
if [ ! -x "$venv/bin/python" ]; then
  "$python" -m venv "$venv" || { echo "python3 has no venv module: on Debian, apt-get install python3-venv"; exit 1; }
fi
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$here/requirements-uv.lock"
"$venv/bin/uv" pip install --quiet --system-certs --python "$venv/bin/python" --require-hashes -r "$here/requirements.lock" -r "$here/requirements-dev.lock"
"$venv/bin/uv" pip install --quiet --system-certs --python "$venv/bin/python" --no-deps --no-build-isolation -e "$here"
