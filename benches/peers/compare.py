"""Ours and its peers in turn, A B A B, on this machine: images a second of every round, ours over theirs, peak memory.

    python3 benches/peers/compare.py step PHASE SUPCON [--devices cpu,libtorch] [--variants eager,channels_last]
    python3 benches/peers/compare.py augment BENCH

PHASE is `pretrain` or `classify` of experiments/keras/supcon.yaml, or `train` of experiments/keras/baseline.yaml, batch 265. Ours is
`supcon bench` with data, augmentation, checks and metrics; theirs (pytorch_step.py, keras_step.py) is the bare step. BENCH is
the program that `cargo bench --bench augment --no-run` names; its peer is torchvision_augment.py. `--python` and `--keras`
name interpreters that have the peers. A quiet machine, please: whatever else runs is in the figures.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
from pathlib import Path

PEERS = Path(__file__).parent
EXPERIMENTS = PEERS.parent.parent / "experiments" / "keras"
# Images that need no download, of the size of CIFAR-10's.
IMAGES = "--set=data={dataset: shapes, train_size: 10000, test_size: 1000}"


def ours(asked, device, precision):
    name = "baseline.yaml" if asked.phase == "train" else "supcon.yaml"
    spec = str(EXPERIMENTS / name)
    command = [asked.ours, "bench", spec, IMAGES, "--phase", asked.phase, "--device", device, "--steps", str(asked.steps), "--json"]
    return command + ([f"--set=phases.{asked.phase}.precision={precision}"] if precision else [])


def commands_of_step(asked):
    """Name -> command."""
    found = {}
    for device in asked.devices.split(","):
        device, _, precision = device.partition("/")
        found[f"ours on {device} {precision}".strip()] = ours(asked, device, precision)
    for variant in filter(None, asked.variants.split(",")):
        found[f"PyTorch {variant}"] = [asked.python, str(PEERS / "pytorch_step.py"), asked.phase, variant, str(asked.steps)]
    if asked.keras:
        found["Keras"] = [asked.keras, str(PEERS / "keras_step.py"), asked.phase, str(asked.steps)]
    return found


def commands_of_augment(asked):
    threads = str(os.cpu_count())
    found = {"ours": [asked.ours, threads]}
    for way in ["loop", "workers"]:
        found[f"torchvision {way}"] = [asked.python, str(PEERS / "torchvision_augment.py"), way, threads]
    return found


def measure(command):
    """Images a second, and the peak memory of the process in MB."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = process.stdout.read(), process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command[0]} failed:\n{errors}")
    if output.startswith("{"):
        speed = json.loads(output)["phases"][0]["images_per_sec"]
    else:
        speed = float(re.search(r"([0-9.]+) images/s", output).group(1))
    return speed, usage.ru_maxrss / 1024


def spread(values):
    return f"{statistics.median(values):.0f} ({min(values):.0f}-{max(values):.0f})"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    step, augment = kinds.add_parser("step"), kinds.add_parser("augment")
    step.add_argument("phase", choices=["pretrain", "classify", "train"])
    for kind in (step, augment):
        kind.add_argument("ours")
        kind.add_argument("--rounds", type=int, default=3)
        kind.add_argument("--python", default="python3")
    step.add_argument("--devices", default="cpu", help="devices of ours, `cpu/bf16` for another precision")
    step.add_argument("--variants", default="eager,channels_last")
    step.add_argument("--steps", type=int, default=7)
    step.add_argument("--keras", help="a Python with TensorFlow")
    asked = parser.parse_args()
    commands = commands_of_step(asked) if asked.what == "step" else commands_of_augment(asked)
    found = {name: [] for name in commands}
    for _ in range(asked.rounds):
        for name, command in commands.items():
            found[name].append(measure(command))
    for name, rounds in found.items():
        print(f"{name}: {spread([speed for speed, _ in rounds])} images/s, {max(memory for _, memory in rounds):.0f} MB")
    for mine in (name for name in found if name.startswith("ours")):
        for theirs in (name for name in found if not name.startswith("ours")):
            ratios = [a / b for (a, _), (b, _) in zip(found[mine], found[theirs])]
            print(f"{mine} / {theirs}: {statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()
