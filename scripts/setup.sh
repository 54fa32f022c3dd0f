#!/bin/sh
# Makes sure that what a build needs is there: installs it where we may, else says exactly what is missing.
# With the word `deb`: what packing needs, too. With `ci`: what else the gate needs; there nothing may be skipped.
set -eu

missing=""
need() { # program, Debian package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need cc gcc
need ar binutils
need git git
need curl curl
if [ "${1:-}" = deb ]; then
    need dpkg-deb dpkg
    need dpkg-shlibdeps dpkg-dev
fi
if [ "${1:-}" = ci ]; then
    need python3 python3
    python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
    need node nodejs
    need npm npm
    need chattr e2fsprogs
    need unshare util-linux
    need setpriv util-linux
    need lintian lintian
    need nginx nginx-light
    need openssl openssl
    need chromium chromium
    [ -e /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf ] || missing="$missing fonts-dejavu-core"
fi
[ -e /usr/include/stdlib.h ] || missing="$missing libc6-dev"

if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
        echo "setup: installing$missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
    else
        echo "setup: missing, please install:$missing" >&2
        exit 1
    fi
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: missing: cargo and rustc 1.90 or newer; https://rustup.rs installs both" >&2
    exit 1
fi
if [ "${1:-}" = ci ]; then
    for component in fmt clippy; do
        cargo "$component" --version >/dev/null 2>&1 && continue
        name=$component
        [ "$component" != fmt ] || name=rustfmt
        rustup component add "$name" || {
            echo "setup: missing: cargo $component (rustup component add $name)" >&2
            exit 1
        }
    done
fi
