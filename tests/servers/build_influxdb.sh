#!/bin/sh
# Build InfluxDB into a folder: build_influxdb.sh FOLDER. There is no package of it; its source is a
# Go module, and the part of it that is in Rust comes with its module. Takes some minutes of two cores.
set -eu
version=v2.7.12
folder="$1"
PATH="$PATH:/usr/local/go/bin:$HOME/.cargo/bin"  # where their installers put them
for tool in go cargo cc; do
    command -v "$tool" >/dev/null || { echo "build_influxdb: needs $tool" >&2; exit 1; }
done
if [ -x "$folder/influxd" ] && [ "$(cat "$folder/version" 2>/dev/null)" = "$version" ]; then
    exit 0
fi

# Made beside and renamed, so that an end half way leaves nothing that looks complete.
new="$folder.$$"
mkdir -p "$new/work"
trap 'rm -rf "$new"' EXIT INT TERM
cd "$new/work"

# `go install` of the program itself is refused: its module replaces another one.
cat >go.mod <<MOD
module influxbuild

go 1.26.0

require github.com/influxdata/influxdb/v2 $version

replace github.com/nats-io/nats-streaming-server v0.11.2 => github.com/influxdata/nats-streaming-server v0.11.3-0.20201112040610-c277f7560803
MOD
# The query language is pinned to an old Rust and denies warnings, which newer ones give more of.
cat >rustc.sh <<'RUSTC'
#!/bin/sh
case " $* " in *" --cap-lints "*|*" -vV "*|*--cap-lints=*) exec "$@";; esac
exec "$@" --cap-lints allow
RUSTC
chmod +x rustc.sh

export GOFLAGS="-buildvcs=false -mod=mod" GOBIN="$new/work/bin"
GOFLAGS="-buildvcs=false" go install github.com/influxdata/pkg-config@v0.2.7
export PKG_CONFIG="$GOBIN/pkg-config" CGO_LDFLAGS="-lm -ldl" RUSTC_WRAPPER="$new/work/rustc.sh"
# Its pinned toolchain would be fetched by rustup; the one that is here does as well.
export RUSTUP_TOOLCHAIN="${RUSTUP_TOOLCHAIN:-stable}"
go get "github.com/influxdata/influxdb/v2/cmd/influxd@$version"
go build -tags sqlite_foreign_keys,sqlite_json -ldflags "-s -w -X main.version=$version" \
    -o "$new/influxd" github.com/influxdata/influxdb/v2/cmd/influxd

"$new/influxd" version
echo "$version" >"$new/version"
rm -rf "$new/work" "$folder"
mv "$new" "$folder"
