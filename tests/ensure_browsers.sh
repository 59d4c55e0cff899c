#!/bin/sh
# The browser tests drive a real Chromium, Firefox and WebKit. Install Debian's where one is missing, or say what to do. WebKit's test
# browser is not packaged by every system: where it is not, this says so, and the tests of WebKit are reported as skipped.
set -eu
missing=""
webkit=""
found() {
    for name in "$@"; do
        if command -v "$name" >/dev/null 2>&1; then return 0; fi
    done
    return 1
}
packaged() {
    for name in "$@"; do
        LC_ALL=C apt-cache policy "$name" | grep -q 'Candidate: [^(]' || return 1
    done
}
without_webkit() { echo "WebKit is not tested here: this system has no package$webkit"; }
found chromium chromium-browser google-chrome || missing="$missing chromium"
found firefox-esr firefox || missing="$missing firefox-esr"
found WebKitWebDriver || webkit="$webkit webkit2gtk-driver"
found Xvfb || webkit="$webkit xvfb"
if [ -z "$missing$webkit" ]; then exit 0; fi
if ! command -v apt-get >/dev/null 2>&1; then
    if [ -n "$webkit" ]; then without_webkit; fi
    if [ -z "$missing" ]; then exit 0; fi
    echo "The browser tests need Chromium and Firefox; install with this system's package manager and run again:$missing" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "The browser tests need browsers; ask an administrator for: apt-get install$missing$webkit" >&2
        exit 1
    fi
    as_root=sudo
fi
$as_root apt-get update -qq
if [ -n "$webkit" ] && ! packaged $webkit; then
    without_webkit
    webkit=""
    if [ -z "$missing" ]; then exit 0; fi
fi
echo "Installing$missing$webkit"
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -qq -y --no-install-recommends $missing $webkit fonts-dejavu-core >/dev/null
