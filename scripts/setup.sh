#!/bin/sh
# Makes sure that what a build needs is there: installs it where we may, else says exactly what is missing.
# With the word `deb`: what packing needs, too. With `ci`: what else the gate needs; there nothing may be skipped. System packages are
# asked for on a terminal; with `--yes`, for `ci` and where CI is set they are installed without a word.
#
#   setup.sh [deb|ci] [--yes]
set -eu

kind=""
is_agreed=${CI:+yes}
for word in "$@"; do
    case $word in
        --yes | -y) is_agreed=yes ;;
        ci) kind=ci is_agreed=yes ;;
        deb) kind=deb ;;
        *) echo "setup: unknown word: $word (setup.sh [deb|ci] [--yes])" >&2; exit 2 ;;
    esac
done

agree() { # packages
    [ -z "$is_agreed" ] || return 0
    [ -t 0 ] || return 1
    printf 'setup: install with apt-get:%s? [y/N] ' "$1"
    read -r answer || return 1
    case $answer in y | Y | yes) return 0 ;; *) return 1 ;; esac
}

missing=""
need() { # program, Debian package
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

need cc gcc
need ar binutils
need git git
need curl curl
if [ "$kind" = deb ]; then
    need dpkg-deb dpkg
    need dpkg-shlibdeps dpkg-dev
fi
if [ "$kind" = ci ]; then
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
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 && agree "$missing"; then
        echo "setup: installing$missing"
        apt-get update -qq
        # shellcheck disable=SC2086
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $missing
    else
        echo "setup: missing, please install:$missing (as root: make setup YES=--yes)" >&2
        exit 1
    fi
fi

if ! command -v cargo >/dev/null 2>&1; then
    echo "setup: missing: cargo and rustc 1.90 or newer; https://rustup.rs installs both" >&2
    exit 1
fi
if [ "$kind" = ci ]; then
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
