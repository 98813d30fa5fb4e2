#!/bin/sh
# Makes sure that the browser tests have a browser, or says plainly why they will be skipped.
set -u
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null 2>&1 && exit 0
done
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium for the browser tests"
    apt-get update -qq >/dev/null 2>&1
    if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null 2>&1; then exit 0; fi
    echo "browser tests will be skipped: apt-get could not install chromium" >&2
else
    echo "browser tests will be skipped: no chromium here, and installing it needs root on Debian or Ubuntu" >&2
fi
[ "${CI:-}" != true ]
