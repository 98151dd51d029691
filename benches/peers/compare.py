"""Our training step and PyTorch's in turn, A B A B, on this machine: images a second of every round, and ours over theirs.

    cargo bench --bench step --no-run          (with `--features libtorch` for that device)
    python3 benches/peers/compare.py OURS [DEVICE ...] [--variants NAME,...] [--rounds N] [--steps N] [--python PROGRAM]

OURS is the program that the first command names. A quiet machine, please: whatever else runs is in the figures.
"""

import argparse
import re
import statistics
import subprocess
from pathlib import Path

STEP = Path(__file__).parent / "pytorch_step.py"


def speed(command):
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([0-9.]+) images/s", output).group(1))


def spread(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("ours")
    parser.add_argument("devices", nargs="*", default=["cpu"])
    parser.add_argument("--variants", default="eager,channels_last")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--python", default="python3")
    asked = parser.parse_args()
    commands = {f"ours on {device}": [asked.ours, device, "resnet50_v2", str(asked.steps)] for device in asked.devices}
    for variant in asked.variants.split(","):
        commands[f"PyTorch {variant}"] = [asked.python, str(STEP), variant, str(asked.steps)]
    found = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            found[name].append(speed(command))
    for name, values in found.items():
        print(f"{name}: {spread(values)} images/s")
    for ours in (name for name in found if name.startswith("ours")):
        for theirs in (name for name in found if name.startswith("PyTorch")):
            ratios = [a / b for a, b in zip(found[ours], found[theirs])]
            low, high = min(ratios), max(ratios)
            print(f"{ours} / {theirs}: {statistics.median(ratios):.2f} ({low:.2f}-{high:.2f})")


if __name__ == "__main__":
    main()
