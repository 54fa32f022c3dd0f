#!/bin/sh
# Runs each coverage-guided target of fuzz/ for the given seconds. Without a nightly compiler or cargo-fuzz, prints how many targets
# are skipped and why.
set -eu

seconds=${1:?seconds for each target}
cd "$(dirname "$0")/.."
targets=$(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^kanband-fuzz$')
count=$(echo "$targets" | wc -l)

skip() {
    echo "fuzz: SKIPPED $count of $count targets ($(echo "$targets" | tr '\n' ' ' | sed 's/ $//')): $1"
    exit 0
}
rustup toolchain list 2>/dev/null | grep -q nightly || skip "there is no nightly toolchain (rustup toolchain install nightly)"
cargo fuzz --version >/dev/null 2>&1 || skip "there is no cargo-fuzz (cargo install cargo-fuzz)"

for target in $targets; do
    # Seeds: random mutation does not find the format of a database.
    corpus=fuzz/corpus/$target
    mkdir -p "$corpus"
    [ "$target" != import_hermes ] || cp tests/fixtures/hermes-*.db "$corpus"
    echo "fuzz: $target, $seconds seconds"
    cargo +nightly fuzz run "$target" --sanitizer none -- \
        -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -verbosity=0
done
echo "fuzz: $count targets held, $seconds seconds each"
