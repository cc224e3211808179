#!/bin/sh
# Fetches what only benches and browser tests want and pip can't bring: wrk, the load generator of `make bench`.
# Nothing essential waits for it: where it can't be had, this says what is skipped and succeeds.
command -v wrk >/dev/null 2>&1 && exit 0

missing() {
  echo "test-tools: no wrk ($1)." >&2
  echo "test-tools: SKIPPED without it: make bench refuses to run. All of make test runs as usual." >&2
  echo "test-tools: to have it: apt-get install wrk   (or any wrk 4 on the PATH)" >&2
  exit 0
}

[ "${LEADGATE_NO_APT:-}" = "" ] || missing "LEADGATE_NO_APT is set"
command -v apt-get >/dev/null 2>&1 || missing "this is no Debian: there is no apt-get"
[ "$(id -u)" = 0 ] || missing "not root, so nothing is installed"

echo "test-tools: installing wrk with apt-get" >&2
export DEBIAN_FRONTEND=noninteractive
tries="-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60"
install() {
  # shellcheck disable=SC2086  # several options, on purpose
  timeout 180 apt-get $tries install -qq -y --no-install-recommends wrk </dev/null >/dev/null 2>&1
}
# shellcheck disable=SC2086
install || { timeout 120 apt-get $tries update -qq </dev/null >/dev/null 2>&1 && install; } || missing "apt-get could not install it"
echo "test-tools: installed $(command -v wrk)" >&2
