#!/usr/bin/env bash
# The Keras example on an NVIDIA GPU, in less than ten minutes on a current one: the pre-training and the baseline step beside
# PyTorch's (eager, channels_last, compile, bf16), then both experiments in full, one seed each.
#
#   benches/gpu.sh SUPCON DATA [PYTHON]
#
# SUPCON is a program built with `--features libtorch` against a libtorch with CUDA, DATA a folder with CIFAR-10, PYTHON one that
# has torch. The last lines are the table with accuracy and minutes; everything else stays below ./gpu-results.
set -euo pipefail
supcon=${1:?the program} data=${2:?a folder with CIFAR-10} python=${3:-python3}
here=$(cd "$(dirname "$0")" && pwd)
device=libtorch:cuda:0
"$supcon" doctor
for phase in pretrain train; do
    echo "== $phase"
    "$python" "$here/peers/compare.py" step "$phase" "$supcon" --python "$python" --rounds 2 --steps 20 \
        --devices "$device,$device/bf16" --variants eager,channels_last,compile,bf16
done
"$supcon" bench "$here/../experiments/keras/supcon.yaml" --device "$device" --data "$data" --steps 20
for precision in f32 bf16; do
    train() {
        "$supcon" run "$here/../experiments/keras/$1.yaml" --device "$device" --data "$data" \
            --results "gpu-results/$precision" --set 'seeds=[0]' "${@:2}"
    }
    train baseline --set "phases.train.precision=$precision"
    train supcon --set "phases.pretrain.precision=$precision" --set "phases.classify.precision=$precision"
done
