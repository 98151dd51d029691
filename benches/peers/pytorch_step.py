"""One training step of the Keras example in PyTorch: ResNet50V2 as Keras has it, batch 265, Adam. Images lie in memory
already augmented. Prints seconds a step and images a second.

    python3 benches/peers/pytorch_step.py PHASE [VARIANT] [STEPS]          (needs torch)

PHASE: `pretrain` (a projection of 128 with ReLU, the n-pairs loss), `train` (the classifier, cross-entropy) or `classify`
(the classifier on a frozen encoder in evaluation mode). VARIANT: `eager` (as most people write it), `channels_last` (that
memory format and the fused Adam), `bf16` (channels_last under autocast), `compile` (channels_last under torch.compile; needs
a C++ compiler). On a CUDA device if torch finds one.
"""

import statistics
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

BATCH, TEMPERATURE, CLASSES = 265, 0.05, 10
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


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


def encoder():
    layers, inputs = [nn.Conv2d(3, 64, 7, 2, 3), nn.ZeroPad2d(1), nn.MaxPool2d(3, 2)], 64
    for width, blocks, last_stride in [(64, 3, 2), (128, 4, 2), (256, 6, 2), (512, 3, 1)]:
        for block in range(blocks):
            layers.append(Block(inputs, width, last_stride if block == blocks - 1 else 1, block == 0))
            inputs = 4 * width
    return nn.Sequential(*layers, norm(inputs), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def head(phase):
    if phase == "pretrain":
        return nn.Sequential(nn.Linear(2048, 128), nn.ReLU())
    return nn.Sequential(nn.Dropout(0.5), nn.Linear(2048, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, CLASSES))


class Network(nn.Module):
    def __init__(self, phase):
        super().__init__()
        self.encoder, self.head, self.frozen = encoder(), head(phase), phase == "classify"

    def forward(self, x):
        if self.frozen:
            self.encoder.eval()
            with torch.no_grad():
                features = self.encoder(x)
        else:
            features = self.encoder(x)
        return self.head(features)


def npairs(z, labels):
    z = F.normalize(z, eps=1e-6)
    same = (labels[:, None] == labels[None]).float()
    targets = same / same.sum(1, keepdim=True)
    return -(targets * F.log_softmax(z @ z.T / TEMPERATURE, 1)).sum(1).mean()


def main(phase, variant, steps):
    torch.manual_seed(0)
    torch.backends.cudnn.benchmark = True
    net = Network(phase).to(DEVICE)
    images, labels = torch.randn(BATCH, 3, 32, 32, device=DEVICE), torch.randint(0, CLASSES, (BATCH,), device=DEVICE)
    if variant != "eager":
        net = net.to(memory_format=torch.channels_last)
        images = images.to(memory_format=torch.channels_last)
    trained = net.head.parameters() if net.frozen else net.parameters()
    optimizer = torch.optim.Adam(trained, lr=1e-3, eps=1e-7, fused=variant != "eager")
    forward = torch.compile(net) if variant == "compile" else net
    loss_of = npairs if phase == "pretrain" else F.cross_entropy
    seconds = []
    for step in range(steps + 3):
        begun = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(DEVICE, torch.bfloat16, enabled=variant == "bf16"):
            outputs = forward(images)
        loss = loss_of(outputs.float(), labels)
        loss.item()  # Ours reads the loss in every step, too.
        loss.backward()
        optimizer.step()
        if DEVICE == "cuda":
            torch.cuda.synchronize()
        if step > 2:
            seconds.append(time.perf_counter() - begun)
    median = statistics.median(seconds)
    print(f"PyTorch {torch.__version__} {phase} {variant} on {DEVICE}: {median:.4f} s a step, {BATCH / median:.0f} images/s")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "eager", int(sys.argv[3]) if len(sys.argv) > 3 else 7)
