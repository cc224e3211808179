#!/bin/sh
# Resolves pyproject.toml into the lock files: versions and hashes, no addresses.
set -eu
uv=$1
common="--quiet --universal --python-version 3.11 --generate-hashes --no-header --no-emit-index-url --no-emit-find-links --no-annotate --upgrade"
$uv pip compile $common --extra fit pyproject.toml -o requirements.lock
$uv pip compile $common --group dev -c requirements.lock -o requirements-dev.lock
printf 'uv\n' | $uv pip compile $common -c requirements-dev.lock - -o requirements-uv.lock
