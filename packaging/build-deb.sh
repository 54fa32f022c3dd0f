#!/bin/sh
# Packs programs that are built already into a Debian package. Nothing is fetched, and no daemon is needed.
#
#   build-deb.sh --programs DIR --out DIR [--version V] [--schema N] [--quick]
#
# DIR of the programs holds kanband, kanban, kanban-shim and kanban-courier. --version and --schema pack the same programs as another version and
# as one that knows the board's schema up to N only: the tests of upgrade and downgrade need no second build.
# --quick compresses little, for a package that is thrown away.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
programs="" out="" version="" schema=""
compression="-Zxz"
while [ $# -gt 0 ]; do
    case "$1" in
    --quick) compression="-Zgzip -z1" && shift && continue ;;
    *) [ $# -gt 1 ] || break ;;
    esac
    case "$1" in
    --programs) programs=$(cd "$2" && pwd) ;;
    --out) mkdir -p "$2" && out=$(cd "$2" && pwd) ;;
    --version) version=$2 ;;
    --schema) schema=$2 ;;
    *) break ;;
    esac
    shift 2
done
if [ $# -gt 0 ] || [ -z "$programs" ] || [ -z "$out" ]; then
    echo "usage: build-deb.sh --programs DIR --out DIR [--version V] [--schema N] [--quick]" >&2
    exit 2
fi
for tool in dpkg-deb dpkg-shlibdeps gzip strip; do
    command -v "$tool" >/dev/null || { echo "build-deb: $tool is missing (apt install dpkg-dev binutils)" >&2; exit 1; }
done
[ -n "$version" ] || version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$source/Cargo.toml" | head -n 1)
[ -n "$schema" ] || schema=$(find "$source/src/kernel/store/migrations" -name '*.sql' | wc -l)
architecture=$(dpkg --print-architecture)

# The same sources and programs give the same package.
: "${SOURCE_DATE_EPOCH:=$(git -C "$source" log -1 --format=%ct 2>/dev/null || echo 1767225600)}"
export SOURCE_DATE_EPOCH LC_ALL=C.UTF-8
umask 022

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
root=$work/root

put() { # mode, target directory, files…
    mode=$1 target=$root/$2
    shift 2
    mkdir -p "$target"
    for file in "$@"; do
        install -m "$mode" "$file" "$target/"
    done
}

put 755 usr/bin "$programs/kanband" "$programs/kanban"
put 755 usr/libexec/kanband "$programs/kanban-shim" "$programs/kanban-courier"
strip --strip-unneeded --remove-section=.comment "$root"/usr/bin/* "$root"/usr/libexec/kanband/*

put 644 usr/lib/systemd/system "$here"/systemd/*.service "$here"/systemd/*.socket "$here"/systemd/*.timer
put 644 usr/lib/systemd/user "$here"/systemd/user/*
put 644 usr/lib/sysusers.d "$here/sysusers.d/kanband.conf"
put 644 usr/lib/tmpfiles.d "$here/tmpfiles.d/kanband.conf"
# Keys of profiles may stand in it. Its group is the service's, which only the installation can give (postinst).
put 640 etc/kanband "$here/debian/kanband.toml"
put 644 etc/kanband "$here/debian/users"
mkdir -p "$root/etc/kanband/conf.d"
chmod 750 "$root/etc/kanband/conf.d"
# Programs for every event; the user that runs them passes through.
mkdir -p "$root/etc/kanband/hooks.d"
chmod 755 "$root/etc/kanband" "$root/etc/kanband/hooks.d"
# Root's alone: the service manager hands each credential to the courier, and to nobody else.
mkdir -p "$root/etc/kanband/credentials"
chmod 700 "$root/etc/kanband/credentials"

share=$root/usr/share
mkdir -p "$share/kanband" "$share/man/man1" "$share/man/man5" "$share/man/man8" "$share/doc/kanband"
for data in etc/launchers skills integrations; do
    [ ! -d "$source/$data" ] || cp -R "$source/$data" "$share/kanband/"
done
find "$share/kanband" -type f ! -perm -u+x -exec chmod 644 {} + -o -type f -exec chmod 755 {} +

mkdir "$work/pages"
"$programs/kanban" man "$work/pages" >/dev/null
for page in "$work"/pages/*; do
    gzip -9n "$page"
    put 644 "usr/share/man/man${page##*.}" "$page.gz"
done

completions() { # shell, file
    mkdir -p "$share/$(dirname "$2")"
    "$programs/kanban" completions "$1" >"$share/$2"
}
completions bash bash-completion/completions/kanban
completions zsh zsh/vendor-completions/_kanban
completions fish fish/vendor_completions.d/kanban.fish

doc=$share/doc/kanband
"$here/put-documents.sh" "$root"
gzip -9nc "$here/debian/THIRD-PARTY" >"$doc/THIRD-PARTY.gz"
put 644 usr/share/doc/kanband "$here/debian/README.Debian"
put 644 usr/share/doc/kanband/examples "$source/etc/kanband.toml"
gzip -9nc >"$doc/changelog.gz" <<CHANGES
kanband ($version) unstable; urgency=medium

  * CHANGELOG.md, beside this file, tells what has changed.

 -- The kanband authors <maintainers@kanband.invalid>  $(date -u -R -d "@$SOURCE_DATE_EPOCH")
CHANGES
if [ -e "$here/debian/lintian-overrides" ]; then
    mkdir -p "$share/lintian/overrides"
    install -m 644 "$here/debian/lintian-overrides" "$share/lintian/overrides/kanband"
fi

# Which libraries, and how new, is read from the programs. dpkg-shlibdeps wants to stand in a source package.
mkdir -p "$work/source/debian"
printf 'Source: kanband\n\nPackage: kanband\nArchitecture: any\n' >"$work/source/debian/control"
libraries=$(cd "$work/source" && dpkg-shlibdeps -O "$root"/usr/bin/* "$root"/usr/libexec/kanband/* 2>/dev/null |
    sed -n 's/^shlibs:Depends=//p')

mkdir "$root/DEBIAN"
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SHARED_LIBRARIES@/$libraries/" \
    -e "s/@SIZE_KIB@/$(du -k -s --apparent-size "$root" | cut -f 1)/" "$here/debian/control.in" >"$root/DEBIAN/control"
for script in preinst postinst prerm postrm; do
    sed "s/@SCHEMA@/$schema/g" "$here/debian/$script" >"$root/DEBIAN/$script"
    chmod 755 "$root/DEBIAN/$script"
done
# at brings its list of those who may not use it.
echo "interest-noawait /etc/at.deny" >"$root/DEBIAN/triggers"
chmod 644 "$root/DEBIAN/triggers"
find "$root/etc" -type f -printf '/etc/%P\n' | sort >"$root/DEBIAN/conffiles"
(cd "$root" && find . -type f ! -path './DEBIAN/*' ! -path './etc/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
chmod 644 "$root/DEBIAN/control" "$root/DEBIAN/conffiles" "$root/DEBIAN/md5sums"
find "$root" -newermt "@$SOURCE_DATE_EPOCH" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +

package=$out/kanband_${version}_$architecture.deb
# shellcheck disable=SC2086
dpkg-deb --root-owner-group $compression --build "$root" "$package" >/dev/null
echo "$package"
