"""The augmentation of experiments/keras/supcon.yaml in torchvision v2, a draw for each image: images a second.

    python3 benches/peers/torchvision_augment.py WAY [THREADS]

WAY: `loop` takes one image after the other in this process; `workers` uses a DataLoader with THREADS worker processes, as
most training programs do. Flip, rotation by up to 0.02 turns (bilinear, zeros around, since torchvision knows no reflection),
normalisation, on images that lie in memory.
"""

import sys
import time

import torch
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode, v2

IMAGES, BATCH, ROUNDS = 10_000, 265, 3
AUGMENT = v2.Compose([
    v2.RandomHorizontalFlip(),
    v2.RandomRotation(0.02 * 360, interpolation=InterpolationMode.BILINEAR),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize([0.49, 0.48, 0.45], [0.25, 0.24, 0.26]),
])


class Images(Dataset):
    def __init__(self):
        generator = torch.Generator().manual_seed(0)
        self.pixels = torch.randint(0, 256, (IMAGES, 3, 32, 32), dtype=torch.uint8, generator=generator)

    def __len__(self):
        return IMAGES

    def __getitem__(self, index):
        return AUGMENT(self.pixels[index])


def batches(way, threads):
    images = Images()
    if way == "workers":
        return DataLoader(images, batch_size=BATCH, num_workers=threads, persistent_workers=True)
    return DataLoader(images, batch_size=BATCH)


def main(way, threads):
    torch.set_num_threads(threads if way == "loop" else 1)
    loader = batches(way, threads)
    for _ in loader:  # starts the workers
        break
    speeds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for batch in loader:
            assert batch.shape[1:] == (3, 32, 32)
        speeds.append(IMAGES / (time.perf_counter() - begun))
    print(f"{sorted(speeds)[ROUNDS // 2]:.0f} images/s")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 2)
