#!/bin/sh
# Fetches what only benches and some tests want and pip can't bring: wrk, the load generator of `make bench`,
# Chromium, in which `make test` sees the hosted form, and PHP, in which it runs the sample of the posting
# instructions. Without arguments all of them, else those that are named.
# Nothing essential waits for them: where one can't be had, this says what is skipped and succeeds.

skipped() {
  case $1 in
    wrk) echo "make bench refuses to run. All of make test runs as usual." ;;
    chromium) echo "NO FORM IS SEEN IN A BROWSER (tests/e2e/test_form_in_browser.py). The rest of make test runs as usual." ;;
    php) echo "THE PHP SAMPLE OF THE POSTING INSTRUCTIONS IS NOT RUN (tests/api/test_spec.py). The rest of make test runs as usual." ;;
  esac
}

packages() {
  case $1 in
    php) echo "php-cli php-curl" ;;
    *) echo "$1" ;;
  esac
}

missing() {
  echo "test-tools: no $1 ($2)." >&2
  echo "test-tools: SKIPPED without it: $(skipped "$1")" >&2
  echo "test-tools: to have it: apt-get install $(packages "$1")   (or any $1 on the PATH)" >&2
}

tries="-o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o DPkg::Lock::Timeout=60"
export DEBIAN_FRONTEND=noninteractive

install() {
  # shellcheck disable=SC2046,SC2086  # several options and packages, on purpose
  timeout 300 apt-get $tries install -qq -y --no-install-recommends $(packages "$1") </dev/null >/dev/null 2>&1
}

update() {
  # shellcheck disable=SC2086
  timeout 120 apt-get $tries update -qq </dev/null >/dev/null 2>&1
}

fetch() {
  command -v "$1" >/dev/null 2>&1 && return
  [ "${LEADGATE_NO_APT:-}" = "" ] || { missing "$1" "LEADGATE_NO_APT is set"; return; }
  command -v apt-get >/dev/null 2>&1 || { missing "$1" "this is no Debian: there is no apt-get"; return; }
  [ "$(id -u)" = 0 ] || { missing "$1" "not root, so nothing is installed"; return; }
  echo "test-tools: installing $1 with apt-get" >&2
  install "$1" || { update && install "$1"; } || { missing "$1" "apt-get could not install it"; return; }
  echo "test-tools: installed $(command -v "$1")" >&2
}

for tool in ${*:-wrk chromium php}; do
  fetch "$tool"
done
