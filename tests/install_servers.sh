#!/bin/sh
# Install what the tests drive for real: a browser, Korean fonts, Java, Redis and PostgreSQL from
# the system's packages; Kafka from its Maven packages and InfluxDB from its Go module into the
# cache of the user.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
cache="${XDG_CACHE_HOME:-$HOME/.cache}/vitalstream"

packages=""
command -v chromium >/dev/null || packages="$packages chromium"
fc-list 2>/dev/null | grep -qi "noto.*cjk" || packages="$packages fonts-noto-cjk fontconfig"
command -v java >/dev/null || packages="$packages default-jre-headless"
command -v mvn >/dev/null || packages="$packages maven"
command -v redis-server >/dev/null || packages="$packages redis-server"
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages="$packages postgresql"
if [ -n "$packages" ]; then
    if ! command -v apt-get >/dev/null; then
        echo "install_servers: needs$packages; apt-get is not here to install them" >&2
        exit 1
    fi
    run=""
    [ "$(id -u)" = 0 ] || run="sudo"
    $run apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $run apt-get install -y -qq --no-install-recommends $packages
fi

# Copied beside and renamed, so that an end half way leaves nothing that looks complete.
if [ ! -f "$cache/kafka/pom.xml" ] || ! cmp -s "$here/servers/kafka.pom.xml" "$cache/kafka/pom.xml"; then
    new="$cache/kafka.$$"
    mkdir -p "$new"
    mvn -q -B -f "$here/servers/kafka.pom.xml" dependency:copy-dependencies \
        -DoutputDirectory="$new" -Dmdep.overWriteReleases=true
    cp "$here/servers/kafka.pom.xml" "$new/pom.xml"
    rm -rf "$cache/kafka"
    mv "$new" "$cache/kafka"
fi

"$here/servers/build_influxdb.sh" "$cache/influxdb"
