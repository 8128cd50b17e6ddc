#!/bin/sh
# Install what the tests drive for real, from the system's packages: a browser and Korean fonts.
set -eu
if command -v chromium >/dev/null && fc-list 2>/dev/null | grep -qi "noto.*cjk"; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "install_servers: needs chromium and a Noto CJK font; apt-get is not here to install them" >&2
    exit 1
fi
run=""
[ "$(id -u)" = 0 ] || run="sudo"
$run apt-get update -qq
DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends chromium fonts-noto-cjk fontconfig
