"""What students write in lesson 04: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import Slip, changed

FIELD, LECTURE, PAPER = "senet.field_sizes", "senet.lecture_gate", "senet.squeeze_excite"
NAMES: dict = {}

# --- how far a layer sees --------------------------------------------------------

WALKED = """
def field_sizes(layers):
    size, step, sizes = 1, 1, []
    for kernel, stride, dilation in layers:
        size += (kernel - 1) * dilation * step
        step *= stride
        sizes.append(size)
    return sizes
"""

BACKWARDS = """
def field_sizes(layers):
    sizes = []
    for n in range(1, len(layers) + 1):
        size = 1
        for kernel, stride, dilation in layers[:n][::-1]:
            size = (size - 1) * stride + (kernel - 1) * dilation + 1
        sizes.append(size)
    return tuple(sizes)
"""

COUNTED = """
def field_sizes(layers):
    found = []
    for n in range(len(layers)):
        seen = {0}
        for kernel, stride, dilation in reversed(layers[: n + 1]):
            seen = {place * stride + tap * dilation for place in seen for tap in range(kernel)}
        found.append(max(seen) - min(seen) + 1)
    return found
"""

# --- the lecture's gate ----------------------------------------------------------

NAMED = """
def lecture_gate(x, weight, scaled=False):
    sums = torch.einsum("nchw,chw->nc", x, weight)
    gates = torch.softmax(sums, dim=1)
    if scaled:
        gates = gates * x.shape[1]
    return x * gates[:, :, None, None], gates
"""

MULTIPLIED = """
def lecture_gate(x, weight, scaled=False):
    gates = F.softmax((x * weight).sum((2, 3)), dim=-1)
    gates = gates * len(weight) if scaled else gates
    return gates.unsqueeze(-1).unsqueeze(-1) * x, gates
"""

BY_HAND = """
def lecture_gate(x, weight, scaled=False):
    n, c, h, w = x.shape
    sums = (x.reshape(n, c, h * w) * weight.reshape(1, c, h * w)).sum(-1)
    powers = torch.exp(sums - sums.max(dim=1, keepdim=True).values)
    gates = powers / powers.sum(dim=1, keepdim=True)
    if scaled:
        gates = gates * c
    return torch.einsum("nchw,nc->nchw", x, gates), gates
"""

LOOP = """
def lecture_gate(x, weight, scaled=False):
    sums = torch.stack([(x[:, i] * weight[i]).sum((1, 2)) for i in range(len(weight))], dim=1)
    gates = torch.softmax(sums, dim=1)
    if scaled:
        gates = gates * len(weight)
    return x * gates[:, :, None, None], gates
"""

# --- the paper's gate ------------------------------------------------------------

PLAIN = """
def squeeze_excite(x, w1, b1, w2, b2):
    squeezed = x.mean((2, 3))
    middle = torch.relu(squeezed @ w1.T + b1)
    gates = torch.sigmoid(middle @ w2.T + b2)
    return x * gates[:, :, None, None], gates
"""

LINEAR = """
def squeeze_excite(x, w1, b1, w2, b2):
    z = F.adaptive_avg_pool2d(x, 1).flatten(1)
    z = F.linear(F.relu(F.linear(z, w1, b1)), w2, b2).sigmoid()
    return x * z[..., None, None], z
"""

AS_CONVOLUTIONS = """
def squeeze_excite(x, w1, b1, w2, b2):
    z = x.mean(dim=(2, 3), keepdim=True)
    z = F.conv2d(z, w1[:, :, None, None], b1).clamp(min=0)
    z = 1 / (1 + torch.exp(-F.conv2d(z, w2[:, :, None, None], b2)))
    return x * z, z.squeeze(-1).squeeze(-1)
"""

RIGHT = {
    FIELD: {"walked": WALKED, "backwards": BACKWARDS, "counted": COUNTED},
    LECTURE: {"named": NAMED, "multiplied": MULTIPLIED, "by_hand": BY_HAND},
    PAPER: {"plain": PLAIN, "linear": LINEAR, "convolutions": AS_CONVOLUTIONS},
}

NUMBERS = ("smallest case", "yours", "expected")

SLIPS = (
    Slip(
        FIELD,
        "no_stride",
        changed(WALKED, ("        step *= stride\n", "")),
        "values",
        "no_stride",
        (*NUMBERS, "strides are not used"),
    ),
    Slip(
        FIELD,
        "no_dilation",
        changed(WALKED, ("(kernel - 1) * dilation", "(kernel - 1)")),
        "values",
        "no_dilation",
        (*NUMBERS, "dilation is not used"),
    ),
    Slip(
        FIELD,
        "step_first",
        changed(
            WALKED,
            ("        step *= stride\n", ""),
            ("        size +=", "        step *= stride\n        size +="),
        ),
        "values",
        "own_stride",
        (*NUMBERS, "own stride"),
    ),
    Slip(
        FIELD,
        "whole_kernel",
        changed(WALKED, ("(kernel - 1)", "kernel")),
        "values",
        "whole_kernel",
        (*NUMBERS, "a whole kernel"),
    ),
    Slip(
        FIELD,
        "multiplied",
        changed(WALKED, ("size += (kernel - 1) * dilation * step", "size *= kernel")),
        "values",
        "multiplied",
        (*NUMBERS, "multiplied"),
    ),
    Slip(
        FIELD, "half", changed(WALKED, ("append(size)", "append(size // 2)")), "values", "", NUMBERS
    ),
    Slip(
        FIELD,
        "last_alone",
        changed(WALKED, ("return sizes", "return size")),
        "shape",
        says=("one number",),
    ),
    Slip(
        FIELD,
        "from_zero",
        changed(WALKED, ("size, step, sizes = 1,", "size, step, sizes = 0,")),
        "values",
        "from_zero",
        (*NUMBERS, "one too small"),
    ),
    Slip(
        FIELD,
        "step_is_stride",
        changed(WALKED, ("step *= stride", "step = stride")),
        "values",
        "stride_before",
        (*NUMBERS, "They multiply"),
    ),
    Slip(
        FIELD,
        "kernel_dilated",
        changed(WALKED, ("(kernel - 1) * dilation", "(kernel * dilation - 1)")),
        "values",
        "kernel_times_dilation",
        (*NUMBERS, "two gaps"),
    ),
    Slip(
        FIELD,
        "dilation_on",
        changed(WALKED, ("step *= stride", "step *= stride * dilation")),
        "values",
        "dilation_stays",
        (*NUMBERS, "its own kernel alone"),
    ),
    Slip(
        FIELD,
        "step_adds",
        changed(WALKED, ("step *= stride", "step += stride - 1")),
        "values",
        says=NUMBERS,
    ),
    Slip(
        LECTURE,
        "batch",
        changed(NAMED, ("dim=1", "dim=0")),
        "values",
        "over_the_batch",
        (*NUMBERS, "images of the batch"),
    ),
    Slip(
        LECTURE,
        "pixels",
        changed(
            NAMED,
            ("nchw,chw->nc", "nchw,chw->nhw"),
            ("torch.softmax(sums, dim=1)", "torch.softmax(sums.flatten(1), 1).reshape(sums.shape)"),
            ("gates[:, :, None, None]", "gates[:, None]"),
        ),
        "shape",
        "per_pixel",
        ("keep the channels apart",),
    ),
    Slip(
        LECTURE,
        "sigmoid",
        changed(NAMED, ("torch.softmax(sums, dim=1)", "torch.sigmoid(sums)")),
        "values",
        "sigmoid",
        (*NUMBERS, "compete"),
    ),
    Slip(
        LECTURE,
        "mean",
        changed(MULTIPLIED, (".sum((2, 3))", ".mean((2, 3))")),
        "values",
        "average",
        (*NUMBERS, "number of pixels"),
    ),
    Slip(
        LECTURE,
        "one_sum",
        changed(
            NAMED,
            (
                '"nchw,chw->nc", x, weight)',
                '"nchw,chw->n", x, weight)[:, None].expand(x.shape[:2])',
            ),
        ),
        "values",
        "one_number",
        (*NUMBERS, "share one sum"),
    ),
    Slip(
        LECTURE,
        "unscaled",
        changed(MULTIPLIED, (" * len(weight) if", " if")),
        "values",
        "never_scaled",
        (*NUMBERS, "changes nothing"),
    ),
    Slip(
        LECTURE,
        "always",
        changed(NAMED, ("    if scaled:\n    ", "")),
        "values",
        "always_scaled",
        (*NUMBERS, "even without"),
    ),
    Slip(
        LECTURE,
        "sharpened",
        changed(
            MULTIPLIED,
            ("    gates = gates * len(weight) if scaled else gates\n", ""),
            ("sum((2, 3))", "sum((2, 3)) * (len(weight) if scaled else 1)"),
        ),
        "values",
        "scaled_sums",
        (*NUMBERS, "before the softmax"),
    ),
    Slip(
        LECTURE,
        "image_scaled",
        changed(NAMED, ("        gates = gates * x.shape[1]\n", "        x = x * x.shape[1]\n")),
        "values",
        "scaled_image_alone",
        (*NUMBERS, "that were used"),
    ),
    Slip(
        LECTURE,
        "times_pixels",
        changed(NAMED, ("* x.shape[1]", "* x.shape[2] * x.shape[3]")),
        "values",
        "scaled_by_pixels",
        (*NUMBERS, "number of pixels"),
    ),
    Slip(
        LECTURE,
        "plus",
        changed(NAMED, ("x * gates", "x + gates")),
        "values",
        "added",
        (*NUMBERS, "multiply"),
    ),
    Slip(
        LECTURE,
        "detached",
        changed(NAMED, ("= torch.softmax(sums", "= torch.softmax(sums.detach()")),
        "gradients",
        "held_still",
        ("cut off",),
    ),
    Slip(
        LECTURE,
        "image_detached",
        changed(NAMED, ('->nc", x,', '->nc", x.detach(),')),
        "gradients",
        says=("gradient of `x`",),
    ),
    Slip(
        LECTURE,
        "no_dimensions",
        changed(NAMED, ("gates[:, :, None, None]", "gates")),
        "run",
        says=("line",),
    ),
    Slip(
        LECTURE,
        "image_alone",
        changed(NAMED, ("None], gates", "None]")),
        "shape",
        says=("one tensor", "2 tensors"),
    ),
    Slip(
        LECTURE,
        "gates_first",
        changed(
            NAMED, ("x * gates[:, :, None, None], gates", "gates, x * gates[:, :, None, None]")
        ),
        "shape",
        says=("shape", "expected"),
    ),
    Slip(LECTURE, "loop", LOOP, "launches", says=("Right, but slow", "number of channels")),
    Slip(
        PAPER,
        "sum",
        changed(PLAIN, ("x.mean", "x.sum")),
        "values",
        "summed",
        (*NUMBERS, "pixels are summed"),
    ),
    Slip(
        PAPER,
        "max",
        changed(PLAIN, ("x.mean((", "x.amax((")),
        "values",
        "largest",
        (*NUMBERS, "largest pixel"),
    ),
    Slip(
        PAPER,
        "no_relu",
        changed(PLAIN, ("torch.relu(squeezed @ w1.T + b1)", "squeezed @ w1.T + b1")),
        "values",
        "no_relu",
        (*NUMBERS, "no ReLU"),
    ),
    Slip(
        PAPER,
        "softmax",
        changed(
            PLAIN, ("torch.sigmoid(middle @ w2.T + b2)", "torch.softmax(middle @ w2.T + b2, 1)")
        ),
        "values",
        "softmax",
        (*NUMBERS, "sum to one"),
    ),
    Slip(
        PAPER,
        "no_sigmoid",
        changed(LINEAR, (".sigmoid()", "")),
        "values",
        "no_sigmoid",
        (*NUMBERS, "sigmoid is missing"),
    ),
    Slip(
        PAPER,
        "relu_twice",
        changed(
            PLAIN,
            ("torch.sigmoid(middle @ w2.T + b2)", "torch.sigmoid(torch.relu(middle @ w2.T + b2))"),
        ),
        "values",
        "relu_last",
        (*NUMBERS, "one half"),
    ),
    Slip(
        PAPER,
        "no_biases",
        changed(LINEAR, ("z, w1, b1)", "z, w1)"), ("w2, b2).", "w2).")),
        "values",
        "no_biases",
        (*NUMBERS, "biases"),
    ),
    Slip(
        PAPER,
        "no_first_bias",
        changed(LINEAR, ("z, w1, b1)", "z, w1)")),
        "values",
        "no_first_bias",
        (*NUMBERS, "first layer's bias"),
    ),
    Slip(
        PAPER,
        "no_second_bias",
        changed(LINEAR, ("w2, b2).", "w2).")),
        "values",
        "no_second_bias",
        (*NUMBERS, "second layer's bias"),
    ),
    Slip(
        PAPER,
        "residual",
        changed(PLAIN, ("return x * gates", "return x + x * gates")),
        "values",
        "added",
        (*NUMBERS, "added"),
    ),
    Slip(
        PAPER,
        "no_mean",
        changed(AS_CONVOLUTIONS, ("x.mean(dim=(2, 3), keepdim=True)", "x")),
        "shape",
        "each_pixel",
        ("Every pixel",),
    ),
    Slip(
        PAPER,
        "unchanged",
        changed(PLAIN, ("return x * gates[:, :, None, None]", "return x.clone()")),
        "values",
        "not_applied",
        (*NUMBERS, "unchanged"),
    ),
    Slip(
        PAPER,
        "held",
        changed(PLAIN, ("return x * gates", "gates = gates.detach()\n    return x * gates")),
        "gradients",
        "held_still",
        ("cut off",),
    ),
    Slip(PAPER, "transposed", changed(PLAIN, ("w1.T", "w1")), "run", says=("line",)),
)
