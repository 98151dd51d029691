"""Ours and a peer's in turn, A B A B, on this machine: images a second of every round, and ours over theirs.

    cargo bench --bench step --no-run          (with `--features libtorch` for that device)
    cargo bench --bench augment --no-run
    python3 benches/peers/compare.py step OURS [--devices cpu,libtorch] [--variants eager,channels_last] [--steps 7]
    python3 benches/peers/compare.py augment OURS

OURS is the program that the first commands name. `step` takes the pre-training step of experiments/keras/supcon.yaml at batch
265 (against pytorch_step.py), `augment` its augmentation (against torchvision_augment.py). A quiet machine, please: whatever
else runs is in the figures.
"""

import argparse
import os
import re
import statistics
import subprocess
from pathlib import Path

PEERS = Path(__file__).parent


def commands_of_step(asked):
    """Name -> command."""
    found = {}
    for device in asked.devices.split(","):
        found[f"ours on {device}"] = [asked.ours, device, "resnet50_v2", str(asked.steps)]
    for variant in asked.variants.split(","):
        found[f"PyTorch {variant}"] = [asked.python, str(PEERS / "pytorch_step.py"), variant, str(asked.steps)]
    return found


def commands_of_augment(asked):
    threads = str(os.cpu_count())
    found = {"ours": [asked.ours, threads]}
    for way in ["loop", "workers"]:
        found[f"torchvision {way}"] = [asked.python, str(PEERS / "torchvision_augment.py"), way, threads]
    return found


def speed(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9.]+) images/s", output).group(1))


def spread(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=["step", "augment"])
    parser.add_argument("ours")
    parser.add_argument("--devices", default="cpu")
    parser.add_argument("--variants", default="eager,channels_last")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--python", default="python3")
    asked = parser.parse_args()
    commands = commands_of_step(asked) if asked.what == "step" else commands_of_augment(asked)
    found = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            found[name].append(speed(command))
    for name, values in found.items():
        print(f"{name}: {spread(values)} images/s")
    for ours in (name for name in found if name.startswith("ours")):
        for theirs in (name for name in found if not name.startswith("ours")):
            ratios = [a / b for a, b in zip(found[ours], found[theirs])]
            low, high = min(ratios), max(ratios)
            print(f"{ours} / {theirs}: {statistics.median(ratios):.2f} ({low:.2f}-{high:.2f})")


if __name__ == "__main__":
    main()
