"""One training step of experiments/keras/supcon.yaml's `pretrain` phase in PyTorch (f32): ResNet50V2 as Keras has it,
a projection of 128 with ReLU, the n-pairs loss of the Keras example, Adam. Prints seconds a step and images a second.

    python3 benches/peers/pytorch_step.py [VARIANT] [STEPS]          (needs torch)

VARIANT: `eager` (as most people write it), `channels_last` (that memory format and the fused Adam), `compile`
(the same under torch.compile; needs a C++ compiler).
"""

import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCH, TEMPERATURE = 265, 0.05


def norm(channels):
    return nn.Sequential(nn.BatchNorm2d(channels, eps=1.001e-5, momentum=0.01), nn.ReLU(inplace=True))


class Block(nn.Module):
    def __init__(self, inputs, width, stride, project):
        super().__init__()
        self.preact, self.stride = norm(inputs), stride
        self.project = nn.Conv2d(inputs, 4 * width, 1) if project else None
        self.branch = nn.Sequential(
            nn.Conv2d(inputs, width, 1, bias=False), norm(width),
            nn.Conv2d(width, width, 3, stride, 1, bias=False), norm(width),
            nn.Conv2d(width, 4 * width, 1))

    def forward(self, x):
        active = self.preact(x)
        shortcut = self.project(active) if self.project else x[:, :, :: self.stride, :: self.stride]
        return shortcut + self.branch(active)


def network():
    layers, inputs = [nn.Conv2d(3, 64, 7, 2, 3), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2)], 64
    for width, blocks, last_stride in [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)]:
        for block in range(blocks):
            layers.append(Block(inputs, width, last_stride if block == blocks - 1 else 1, block == 0))
            inputs = 4 * width
    return nn.Sequential(*layers, norm(inputs), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 128), nn.ReLU())


def npairs(z, labels):
    z = F.normalize(z, eps=1e-6)
    same = (labels[:, None] == labels[None]).float()
    targets = same / same.sum(1, keepdim=True)
    return -(targets * F.log_softmax(z @ z.T / TEMPERATURE, 1)).sum(1).mean()


def main(variant, steps):
    torch.manual_seed(0)
    net = network()
    images, labels, seconds = torch.randn(BATCH, 3, 32, 32), torch.randint(0, 10, (BATCH,)), []
    if variant != "eager":
        net = net.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3, eps=1e-7, fused=variant != "eager")
    forward = torch.compile(net) if variant == "compile" else net
    for step in range(steps + 2):
        if step == 2:
            before = time.process_time()
        begun = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = npairs(forward(images), labels)
        loss.item()  # Ours reads the loss in every step, too.
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds[2:])
    processor = (time.process_time() - before) / steps
    print(
        f"PyTorch {torch.__version__} {variant}, {torch.get_num_threads()} threads: {median:.3f} s a step, "
        f"{processor:.2f} processor seconds, {BATCH / median:.0f} images/s"
    )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "eager", int(sys.argv[2]) if len(sys.argv) > 2 else 9)
