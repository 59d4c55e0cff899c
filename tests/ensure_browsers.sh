#!/bin/sh
# The browser tests drive a real Chromium and a real Firefox. Install Debian's where one is missing, or say what to do.
set -eu
missing=""
found() {
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
found chromium chromium-browser google-chrome || missing="chromium"
found firefox-esr firefox || missing="$missing firefox-esr"
if [ -z "$missing" ]; then exit 0; fi
if ! command -v apt-get >/dev/null 2>&1; then
    echo "The browser tests need Chromium and Firefox; install with this system's package manager and run again:" $missing >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "The browser tests need browsers; ask an administrator for: apt-get install" $missing >&2
        exit 1
    fi
    as_root=sudo
fi
echo "Installing" $missing
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends $missing fonts-dejavu-core >/dev/null
