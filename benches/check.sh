#!/usr/bin/env bash
# What `supcon check` takes: 1,000 generated specs, one spec with and without the program in the page cache, and files made to
# hurt. Prints milliseconds (the median of several runs) and, where GNU time is there, the most memory held.
#
#   benches/check.sh [PROGRAM]           default: target/release/supcon
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/release/supcon}")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# spec NAME SEED: a spec of two phases; the figures differ, so that no two are the same experiment.
spec() {
    cat <<YAML
name: $1
seeds: [0, 1, 2]
data: {dataset: shapes, train_size: 2000, test_size: 1000}
augment: [{normalize: per_channel}, {flip: horizontal}, {rotate: 0.02}]
encoder: {name: resnet_cifar, blocks: 1, width: $((8 + $2 % 64))}
phases:
  pretrain:
    epochs: $((1 + $2))
    batch_size: 64
    head: {name: projection, widths: [64]}
    loss: {name: npairs, temperature: 0.05}
    optimizer: {name: adam, learning_rate: 0.001}
  classify:
    epochs: 4
    batch_size: 64
    freeze: [encoder]
    head: {name: classifier, hidden: [64]}
    loss: {name: cross_entropy}
    optimizer: {name: adam, learning_rate: 0.001}
expect:
  - {metric: test_accuracy, min: 0.3}
YAML
}

# cold FILE: takes a file out of the page cache as far as the system allows.
cold() {
    dd if="$1" iflag=nocache count=0 status=none
}

# measure LABEL EXIT TRIES PREPARE PATH: the median time of `supcon check PATH`, PREPARE run before each.
measure() {
    local label=$1 wanted=$2 tries=$3 prepare=$4 path=$5 times=() begin end code memory=-
    for _ in $(seq "$tries"); do
        $prepare
        begin=$(date +%s%N)
        code=0
        "$program" check "$path" >/dev/null 2>"$work/said.txt" || code=$?
        end=$(date +%s%N)
        if [ "$code" -ne "$wanted" ]; then
            echo "$label: exit code $code, expected $wanted" >&2
            head -c 2000 "$work/said.txt" >&2
            return 1
        fi
        times+=($(((end - begin) / 10000)))
    done
    if [ -x /usr/bin/time ]; then
        # The exit code is that of the program, which was looked at above.
        memory=$({ /usr/bin/time -f '%M' "$program" check "$path" 2>&1 >/dev/null || true; } | tail -n 1)
        memory="$((memory / 1024)) MiB"
    fi
    printf '%s\n' "${times[@]}" | sort -n |
        awk -v label="$label" -v memory="$memory" \
            '{ t[NR] = $1 / 100 } END { printf "%-34s %9.2f ms  %s\n", label, t[int((NR + 1) / 2)], memory }'
}

# cool: the program and its spec as after a start of the machine.
cool() {
    cold "$program"
    cold "$work/one.yaml"
}

mkdir "$work/many"
for i in $(seq 1000); do
    spec "generated-$i" "$i" >"$work/many/$i.yaml"
done
spec one 1 >"$work/one.yaml"

# Nine levels of nine aliases, 10,000 brackets, 100 MB of one line.
{
    echo 'a0: &a0 [x, x, x, x, x, x, x, x, x]'
    for i in $(seq 9); do
        p="*a$((i - 1))"
        echo "a$i: &a$i [$p, $p, $p, $p, $p, $p, $p, $p, $p]"
    done
} >"$work/laughs.yaml"
head -c 10000 /dev/zero | tr '\0' '[' >"$work/brackets.yaml"
head -c 100000000 /dev/zero | tr '\0' 'x' >"$work/large.yaml"

"$program" --version
measure 'one spec' 0 21 true "$work/one.yaml"
measure 'one spec, out of the page cache' 0 5 cool "$work/one.yaml"
measure '1,000 specs' 0 5 true "$work/many"
measure 'billion laughs' 2 11 true "$work/laughs.yaml"
measure '10,000 nested brackets' 2 11 true "$work/brackets.yaml"
measure '100 MB in one line' 2 11 true "$work/large.yaml"
