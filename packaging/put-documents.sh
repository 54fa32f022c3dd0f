#!/bin/sh
# Puts the documents where the package has them, in the tree in which they link to each other, and checks that every link leads
# to a file of the package.
#
#   put-documents.sh ROOT
set -eu

[ $# -eq 1 ] || { echo "usage: put-documents.sh ROOT" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
source=$(dirname "$here")
root=$1
doc=$root/usr/share/doc/kanband

put() { # directory below the documents, files…
    target=$doc/$1
    shift
    mkdir -p "$target"
    install -m 644 "$@" "$target/"
}

put . "$source"/*.md "$source/LICENSE" "$here/debian/copyright"
put docs "$source"/docs/*.md
for folder in adr channels performance pictures; do
    [ -d "$source/docs/$folder" ] || continue
    put "docs/$folder" "$source/docs/$folder"/*
done
# What they point at outside the documents is data of the package, or an example.
put etc "$source/etc/kanband.toml"
ln -sfn ../../../kanband/launchers "$doc/etc/launchers"
ln -sfn ../../kanband/integrations "$doc/integrations"

wrong=$(find "$doc" -name '*.md' | sort | while read -r page; do
    grep -o '](\([^)# ]*\)' "$page" | sed 's/^](//' | while read -r link; do
        case "$link" in
        "" | *://* | mailto:*) continue ;;
        esac
        [ -e "$(dirname "$page")/$link" ] || echo "${page#"$doc/"}: $link"
    done
done)
if [ -n "$wrong" ]; then
    echo "put-documents: links that lead nowhere in the package:" >&2
    echo "$wrong" >&2
    exit 1
fi
