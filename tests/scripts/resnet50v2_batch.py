"""Makes tests/reference/resnet50v2_batch64.json: ResNet50V2's training step on 64 images in float64, in PyTorch.

    python3 tests/scripts/resnet50v2_batch.py [COUNT] [OUT]       (needs torch and numpy)

Keras' own figures (tests/reference/resnet50v2.json) are for four images, whose last stage normalises four values a channel:
float32 cannot hold its gradients: weights that are rounded to float32, and float64 from there on, move nearly all of them by
more than 1e-3. This program first computes those four images itself in float64 and fails unless every figure equals Keras' to
1e-9; then it computes COUNT images with the same weights. It prints what rounded weights and PyTorch's own float32 kernels make
of both.
"""

import json
import pathlib
import sys

import numpy
import torch

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benches/peers"))
from pytorch_step import encoder  # noqa: E402

KERAS = json.loads((ROOT / "tests/reference/resnet50v2.json").read_text())


def signed(stream, shape):
    count = int(numpy.prod(shape))
    with numpy.errstate(over="ignore"):
        z = (numpy.uint64(stream) << numpy.uint64(32)) + numpy.arange(count, dtype=numpy.uint64) + numpy.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    unit = ((z ^ (z >> numpy.uint64(31))) >> numpy.uint64(40)).astype(numpy.float64) / 2**24
    return torch.from_numpy((2 * unit - 1).reshape(shape))


def part(net, keras):
    """The PyTorch module of a Keras layer name."""
    if keras == "conv1_conv":
        return net[0]
    blocks = [m for m in net if type(m).__name__ == "Block"]
    if keras == "post_bn":
        return net[3 + len(blocks)][0]
    stage, rest = keras[4:].split("_block")
    number, layer = rest.split("_", 1)
    block = blocks[sum([3, 4, 6, 3][: int(stage) - 2]) + int(number) - 1]
    return {
        "preact_bn": lambda: block.preact[0], "0_conv": lambda: block.project, "1_conv": lambda: block.branch[0],
        "1_bn": lambda: block.branch[1][0], "2_conv": lambda: block.branch[2], "2_bn": lambda: block.branch[3][0],
        "3_conv": lambda: block.branch[4],
    }[layer]()


def parameter(net, keras):
    layer, array = keras.split("/")
    names = {"kernel": "weight", "gamma": "weight", "beta": "bias", "moving_mean": "running_mean", "moving_variance": "running_var"}
    return getattr(part(net, layer), names.get(array, array))


def load(net):
    for entry in KERAS["weights"]:
        shape, rule = entry["shape"], entry["rule"]
        value = signed(entry["index"] + 1, shape)
        if rule.startswith("signed * sqrt"):
            value = value * (3 / numpy.prod(shape[:3])) ** 0.5
        else:
            value = 0.1 * value + (1 if rule.startswith("1 +") else 0)
        with torch.no_grad():
            parameter(net, entry["name"]).copy_(value.permute(3, 2, 0, 1) if len(shape) == 4 else value)


def prepared(dtype, weights=torch.float64):
    net = encoder().double()
    load(net)
    return net.to(weights).to(dtype).train()


def pass_both_ways(net, count, dtype):
    output = net((2 * signed(900, [count, 32, 32, 3])).permute(0, 3, 1, 2).to(dtype))
    loss = (output * signed(901, [count, 2048]).to(dtype)).sum() / count
    loss.backward()
    return output, loss


def step(count, dtype, weights=torch.float64):
    net = prepared(dtype, weights)
    output, loss = pass_both_ways(net, count, dtype)
    norms = {}
    for entry in KERAS["weights"]:
        if entry["trainable"]:
            norms[entry["name"]] = parameter(net, entry["name"]).grad.double().norm().item()
    return {"output": output.detach().double(), "loss": loss.item(), "grad_norms": norms}


def losses(count, steps):
    """The loss before each of the first steps of Adam as Keras takes them (learning rate 0.001, epsilon 1e-7), float64."""
    net = prepared(torch.float64)
    moments = {p: (torch.zeros_like(p), torch.zeros_like(p)) for p in net.parameters()}
    found = []
    for t in range(1, steps + 1):
        net.zero_grad()
        found.append(pass_both_ways(net, count, torch.float64)[1].item())
        rate = 0.001 * (1 - 0.999**t) ** 0.5 / (1 - 0.9**t)
        with torch.no_grad():
            for p, (first, second) in moments.items():
                first.mul_(0.9).add_(p.grad, alpha=0.1)
                second.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
                p.sub_(rate * first / (second.sqrt() + 1e-7))
    return found


def difference(a, b):
    """Largest relative differences: outputs by length, loss, gradient norms (beside one 1e-7th of the largest), and how many of
    these differ by more than 1e-3."""
    largest = max(b["grad_norms"].values())
    norms = [abs(a["grad_norms"][k] - v) / (v + 1e-6 * largest) for k, v in b["grad_norms"].items()]
    output = ((a["output"] - b["output"]).norm() / b["output"].norm()).item()
    far = sum(norm > 1e-3 for norm in norms)
    return {"output": output, "loss": abs(a["loss"] - b["loss"]) / abs(b["loss"]), "grad_norms": max(norms), "far": far}


def main(count, path):
    keras = {"output": torch.tensor(KERAS["training"], dtype=torch.float64), "loss": KERAS["training_loss"], "grad_norms": KERAS["grad_norms"]}
    exact = step(4, torch.float64)
    print("4 images, float64 against Keras:", difference(exact, keras))
    rounded = step(4, torch.float64, weights=torch.float32)
    print("4 images, float64 with weights in float32 against float64:", difference(rounded, exact))
    print("4 images, PyTorch float32 against float64:", difference(step(4, torch.float32), exact))
    assert max(difference(exact, keras).values()) < 1e-9
    many = step(count, torch.float64)
    rounded = step(count, torch.float64, weights=torch.float32)
    print(f"{count} images, float64 with weights in float32 against float64:", difference(rounded, many))
    print(f"{count} images, PyTorch float32 against float64:", difference(step(count, torch.float32), many))
    doc = f"As resnet50v2.json in training mode, on {count} images: float64 in PyTorch by tests/scripts/resnet50v2_batch.py, which equals Keras on the four images. `output` holds the first two rows' first 64 features; `output_norm` the length of all. `losses_on_16_images` are those before each of six steps of Adam as Keras takes them."
    out = {
        "doc": doc, "count": count, "loss": many["loss"], "output_norm": many["output"].norm().item(),
        "output": many["output"][:2, :64].tolist(), "grad_norms": many["grad_norms"], "losses_on_16_images": losses(16, 6),
    }
    path.write_text(json.dumps(out, indent=0) + "\n")


if __name__ == "__main__":
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 64
    main(count, pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ROOT / f"tests/reference/resnet50v2_batch{count}.json"))
