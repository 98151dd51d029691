#!/usr/bin/env bash
# Fuzzes the reader of specs. Needs `cargo install cargo-fuzz`; the sanitizers are opened for the stable compiler.
#
#   fuzz/run.sh                          10 minutes
#   fuzz/run.sh -max_total_time=60 ...   other options of libFuzzer
#
# The corpus begins with the shipped specs and templates and the hostile pieces of `seeds`; what is found is added to
# `corpus/spec`, a failing input lands in `artifacts/spec`. One that was mended belongs into `seeds`: the suite reads those.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

corpus=corpus/spec
mkdir -p "$corpus"
while IFS= read -r file; do
    cp "$file" "$corpus/$(basename "$(dirname "$file")")-$(basename "$file")"
done < <(find ../experiments ../templates seeds -name '*.yaml')

if [ $# -eq 0 ]; then
    set -- -max_total_time=600
fi
# 16 KiB: what a text of several pages needs, and small enough for many tries; the limit on files has a test of its own.
RUSTC_BOOTSTRAP=1 cargo fuzz run spec "$corpus" -- -dict=spec.dict -max_len=16384 -timeout=5 -rss_limit_mb=512 "$@"
