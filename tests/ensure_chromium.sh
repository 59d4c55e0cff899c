#!/bin/sh
# The browser tests drive a real Chromium. Install Debian's where there is none, or say what to do.
set -eu
for name in chromium chromium-browser google-chrome; do
    if command -v "$name" >/dev/null 2>&1; then exit 0; fi
done
if ! command -v apt-get >/dev/null 2>&1; then
    echo "The browser tests need Chromium; install it with this system's package manager and run again." >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "The browser tests need Chromium; ask an administrator for: apt-get install chromium" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "Installing chromium"
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends chromium fonts-dejavu-core >/dev/null
