#!/bin/sh
# Installs Tidings @VERSION@: gets the archive for this system from the place that this script came from, and checks it
# against the checksum below. A file that differs is thrown away, and nothing is installed.
#
#   sh install.sh URL [FOLDER]      URL is where the release lies; FOLDER defaults to /usr/local/bin
set -eu

version='@VERSION@'
sums='@SUMS@'

fail() {
	echo "install.sh: $*" >&2
	exit 1
}

[ $# -ge 1 ] || fail "say where the release lies: sh install.sh https://example.org/tidings/$version"
from=${1%/}
folder=${2:-/usr/local/bin}

case $(uname -s) in
Linux) os=linux ;;
Darwin) os=darwin ;;
*) fail "there is no archive for $(uname -s); for Windows there is a .zip" ;;
esac
case $(uname -m) in
x86_64 | amd64) arch=amd64 ;;
aarch64 | arm64) arch=arm64 ;;
*) fail "there is no archive for $(uname -m)" ;;
esac
name="tidings_${version}_${os}_${arch}.tar.gz"
want=$(echo "$sums" | sed -n "s/  $name\$//p")
[ -n "$want" ] || fail "this release has no $name"

if command -v sha256sum >/dev/null; then
	sum() { sha256sum "$1"; }
elif command -v shasum >/dev/null; then
	sum() { shasum -a 256 "$1"; }
else
	fail "neither sha256sum nor shasum is here, so that the archive cannot be checked"
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
curl -fsSL -o "$temp/$name" "$from/$name" || fail "cannot get $from/$name"
got=$(sum "$temp/$name" | cut -d ' ' -f 1)
[ "$got" = "$want" ] || fail "$from/$name is not what was released: its SHA-256 is $got, and must be $want"
tar -xzf "$temp/$name" -C "$temp" tidings
mkdir -p "$folder"
install -m 755 "$temp/tidings" "$folder/tidings" 2>/dev/null || fail "cannot write to $folder: run it as root, or name another folder: sh install.sh $from ~/bin"
"$folder/tidings" version
