"""What students write in lesson 04: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, names
from slips.resnext import NAMES as RESNEXT

FIELD, LECTURE, PAPER = "senet.field_sizes", "senet.lecture_gate", "senet.squeeze_excite"
LIVE, BLOCK = "senet.live_matrix", "senet.block"

NAMES = RESNEXT | names("senet", "SqueezeExcitation")  # defined between the exercises

# --- how far a layer sees --------------------------------------------------------

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

AS_A_KERNEL = """
def lecture_gate(x, weight, scaled=False):
    sums = F.conv2d(x, weight[:, None], groups=len(weight))
    gates = sums.softmax(1)
    if scaled:
        gates = gates / gates.mean((1, 2, 3), keepdim=True)
    return [gates * x, gates.squeeze((2, 3))]
"""

# --- the paper's gate ------------------------------------------------------------

LINEAR = """
def squeeze_excite(x, w1, b1, w2, b2):
    z = F.adaptive_avg_pool2d(x, 1).flatten(1)
    z = F.linear(F.relu(F.linear(z, w1, b1)), w2, b2).sigmoid()
    return x * z[..., None, None], z
"""

COLUMNS = """
def squeeze_excite(x, w1, b1, w2, b2):
    z = x.flatten(2).mean(2).T
    z = F.sigmoid(w2 @ F.relu(w1 @ z + b1[:, None]) + b2[:, None]).T
    return torch.einsum("nchw,nc->nchw", x, z), z
"""

AS_CONVOLUTIONS = """
def squeeze_excite(x, w1, b1, w2, b2):
    z = x.mean(dim=(2, 3), keepdim=True)
    z = F.conv2d(z, w1[:, :, None, None], b1).clamp(min=0)
    z = 1 / (1 + torch.exp(-F.conv2d(z, w2[:, :, None, None], b2)))
    return x * z, z.squeeze(-1).squeeze(-1)
"""

# --- the live matrix -------------------------------------------------------------

WITH_DIAGONALS = """
def live_matrix(pixel, mean, w1, b1, w2, b2):
    middle = w1 @ mean + b1
    gates = (w2 @ middle.clamp(min=0) + b2).sigmoid()
    mask, slope = torch.diag((middle > 0).to(w1.dtype)), torch.diag(gates * (1 - gates))
    return torch.diag(gates) + torch.diag(pixel) @ slope @ w2 @ mask @ w1
"""

ENTRY_BY_ENTRY = """
def live_matrix(pixel, mean, w1, b1, w2, b2):
    middle = w1 @ mean + b1
    gates = torch.sigmoid(w2 @ torch.relu(middle) + b2)
    rows = []
    for i in range(len(pixel)):
        row = []
        for j in range(len(pixel)):
            through = sum(
                w2[i, k] * w1[k, j] for k in range(len(middle)) if middle[k] > 0
            )
            own = gates[i] if i == j else 0
            row.append(own + pixel[i] * gates[i] * (1 - gates[i]) * through)
        rows.append(torch.stack(row))
    return torch.stack(rows)
"""

# --- the block -------------------------------------------------------------------

BRANCH = "self.bn3(self.conv3(y))"
UNGATED = (f"self.se({BRANCH})", BRANCH)

WITH_RELU_LAYER = changed(
    answer(BLOCK),
    ("        self.se =", "        self.relu = nn.ReLU(inplace=True)\n        self.se ="),
    ("F.relu(self.bn", "self.relu(self.bn"),
    ("return F.relu(y + identity)", "y += identity\n        return self.relu(y)"),
)

ALWAYS_DOWNSAMPLED = changed(
    answer(BLOCK),
    ("self.downsample = None", "self.downsample = nn.Identity()"),
    ("x if self.downsample is None else self.downsample(x)", "self.downsample(x)"),
)

SHORTCUT_FIRST = changed(
    answer(BLOCK),
    (
        "        y = F.relu(self.bn1(self.conv1(x)))\n",
        "        shortcut = self.downsample(x) if self.downsample else x\n"
        "        y = self.bn1(self.conv1(x)).clamp(min=0)\n",
    ),
    ("        identity = x if self.downsample is None else self.downsample(x)\n", ""),
    ("y + identity", "shortcut + y"),
)

RIGHT = {
    FIELD: {"backwards": BACKWARDS, "counted": COUNTED},
    LECTURE: {"multiplied": MULTIPLIED, "by_hand": BY_HAND, "kernel": AS_A_KERNEL},
    PAPER: {"linear": LINEAR, "columns": COLUMNS, "convolutions": AS_CONVOLUTIONS},
    LIVE: {"diagonals": WITH_DIAGONALS, "entries": ENTRY_BY_ENTRY},
    BLOCK: {
        "relu_layer": WITH_RELU_LAYER,
        "shortcut_first": SHORTCUT_FIRST,
        "identity": ALWAYS_DOWNSAMPLED,
    },
}

SLIPS = (
    Slip(
        LECTURE,
        "unaligned",
        changed(answer(LECTURE), ("gates[:, :, None, None]", "gates")),
        "run",
        "unaligned",
        ("lines up dimensions from the right",),
    ),
    Slip(
        PAPER,
        "unaligned",
        changed(answer(PAPER), ("gates[:, :, None, None]", "gates")),
        "run",
        "unaligned",
        ("lines up dimensions from the right",),
    ),
    Slip(
        PAPER,
        "not_transposed",
        changed(answer(PAPER), ("squeezed @ w1.T", "squeezed @ w1")),
        "run",
        "not_transposed",
        ("transposed weight",),
    ),
    Slip(
        PAPER,
        "batch_averaged",
        changed(answer(PAPER), ("dim=(2, 3)", "dim=(0, 2, 3)")),
        "run",
        "without_images",
        ("IndexError", "too many indices", "a row of gates"),
    ),
    Slip(
        FIELD,
        "half_of_it",
        changed(answer(FIELD), ("kernel - 1", "kernel // 2")),
        "values",
        "one_side_of_kernels",
        ("yours   expected", "  2 3     3 5"),
    ),
    Slip(
        LIVE,
        "relu_of_weights",
        changed(answer(LIVE), ("w2 @ (open_[:, None] * w1)", "w2 @ torch.relu(w1)")),
        "values",
        "relu_of_weights",
        ("not on the sign",),
    ),
    Slip(
        LIVE,
        "double",
        changed(WITH_DIAGONALS, ("(middle > 0).to(w1.dtype)", "(middle > 0).double()")),
        "run",
        says=("In float32", "Give new tensors the dtype", "line 6: `return torch.diag(gates)"),
    ),
    Slip(
        FIELD,
        "no_stride",
        changed(answer(FIELD), ("        spacing *= stride\n", "")),
        "values",
        "no_stride",
        (*NUMBERS, "strides are not used"),
    ),
    Slip(
        FIELD,
        "no_dilation",
        changed(answer(FIELD), ("(kernel - 1) * dilation", "(kernel - 1)")),
        "values",
        "no_dilation",
        (*NUMBERS, "dilation is not used"),
    ),
    Slip(
        FIELD,
        "step_first",
        changed(
            answer(FIELD),
            ("        spacing *= stride\n", ""),
            ("        size +=", "        spacing *= stride\n        size +="),
        ),
        "values",
        "own_stride",
        (*NUMBERS, "its own kernel"),
    ),
    Slip(
        FIELD,
        "whole_kernel",
        changed(answer(FIELD), ("(kernel - 1)", "kernel")),
        "values",
        "whole_kernel",
        (*NUMBERS, "its whole kernel"),
    ),
    Slip(
        FIELD,
        "multiplied",
        changed(answer(FIELD), ("size += (kernel - 1) * dilation * spacing", "size *= kernel")),
        "values",
        "multiplied",
        (*NUMBERS, "multiplied"),
    ),
    Slip(
        FIELD,
        "half",
        changed(answer(FIELD), ("append(size)", "append(size // 2)")),
        "values",
        "one_side",
        (*NUMBERS, "to one side"),
    ),
    Slip(
        FIELD,
        "last_alone",
        changed(answer(FIELD), ("return sizes", "return size")),
        "shape",
        says=("returned one number, expected 3 numbers",),
    ),
    Slip(
        FIELD,
        "from_zero",
        changed(answer(FIELD), ("size, spacing, sizes = 1,", "size, spacing, sizes = 0,")),
        "values",
        "from_zero",
        (*NUMBERS, "one too small"),
    ),
    Slip(
        FIELD,
        "step_is_stride",
        changed(answer(FIELD), ("spacing *= stride", "spacing = stride")),
        "values",
        "stride_before",
        (*NUMBERS, "Strides multiply"),
    ),
    Slip(
        FIELD,
        "kernel_dilated",
        changed(answer(FIELD), ("(kernel - 1) * dilation", "(kernel * dilation - 1)")),
        "values",
        "kernel_times_dilation",
        (*NUMBERS, "two gaps"),
    ),
    Slip(
        FIELD,
        "dilation_on",
        changed(answer(FIELD), ("spacing *= stride", "spacing *= stride * dilation")),
        "values",
        "dilation_stays",
        (*NUMBERS[1:], "its own layer"),
    ),
    Slip(
        FIELD,
        "step_adds",
        changed(answer(FIELD), ("spacing *= stride", "spacing += stride - 1")),
        "values",
        "steps_added",
        (*NUMBERS, "minus 1"),
    ),
    Slip(
        LECTURE,
        "batch",
        changed(answer(LECTURE), ("dim=1", "dim=0")),
        "values",
        "over_the_batch",
        (*NUMBERS, "images of the batch"),
    ),
    Slip(
        LECTURE,
        "pixels",
        changed(
            answer(LECTURE),
            ("nchw,chw->nc", "nchw,chw->nhw"),
            (
                "torch.softmax(products, dim=1)",
                "torch.softmax(products.flatten(1), 1).reshape(products.shape)",
            ),
            ("gates[:, :, None, None]", "gates[:, None]"),
        ),
        "shape",
        "per_pixel",
        ("keep the channels apart",),
    ),
    Slip(
        LECTURE,
        "sigmoid",
        changed(answer(LECTURE), ("torch.softmax(products, dim=1)", "torch.sigmoid(products)")),
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
            answer(LECTURE),
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
        changed(answer(LECTURE), ("    if scaled:\n    ", "")),
        "values",
        "always_scaled",
        (*NUMBERS, "even when"),
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
        changed(answer(LECTURE), ("gates = gates * x", "x = x * x")),
        "values",
        "scaled_image_alone",
        (*NUMBERS, "that you used"),
    ),
    Slip(
        LECTURE,
        "times_pixels",
        changed(answer(LECTURE), ("* x.shape[1]", "* x.shape[2] * x.shape[3]")),
        "values",
        "scaled_by_pixels",
        (*NUMBERS, "number of pixels"),
    ),
    Slip(
        LECTURE,
        "plus",
        changed(answer(LECTURE), ("x * gates", "x + gates")),
        "values",
        "added",
        (*NUMBERS, "multiply"),
    ),
    Slip(
        LECTURE,
        "detached",
        changed(answer(LECTURE), ("softmax(products,", "softmax(products.detach(),")),
        "gradients",
        "held_still",
        ("cut off",),
    ),
    Slip(
        LECTURE,
        "image_detached",
        changed(answer(LECTURE), ('->nc", x,', '->nc", x.detach(),')),
        "gradients",
        says=("gradient of `x`",),
    ),
    Slip(
        LECTURE,
        "no_dimensions",
        changed(answer(LECTURE), ("gates[:, :, None, None]", "gates")),
        "run",
        "unaligned",
        ("line", "two more dimensions"),
    ),
    Slip(
        LECTURE,
        "image_alone",
        changed(answer(LECTURE), ("None], gates", "None]")),
        "shape",
        says=("one tensor", "2 tensors"),
    ),
    Slip(
        LECTURE,
        "gates_first",
        changed(
            answer(LECTURE),
            (
                "return x * gates[:, :, None, None], gates",
                "return gates, x * gates[:, :, None, None]",
            ),
        ),
        "shape",
        says=("shape", "expected"),
    ),
    Slip(LECTURE, "loop", LOOP, "launches", says=("Right, but slow", "number of channels")),
    Slip(
        PAPER,
        "sum",
        changed(answer(PAPER), ("x.mean", "x.sum")),
        "values",
        "summed",
        (*NUMBERS, "pixels are summed"),
    ),
    Slip(
        PAPER,
        "max",
        changed(answer(PAPER), ("x.mean", "x.amax")),
        "values",
        "largest",
        (*NUMBERS, "largest pixel"),
    ),
    Slip(
        PAPER,
        "no_relu",
        changed(answer(PAPER), ("torch.relu(squeezed @ w1.T + b1)", "squeezed @ w1.T + b1")),
        "values",
        "no_relu",
        (*NUMBERS, "no ReLU"),
    ),
    Slip(
        PAPER,
        "softmax",
        changed(answer(PAPER), ("sigmoid(middle @ w2.T + b2)", "softmax(middle @ w2.T + b2, 1)")),
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
        (*NUMBERS, "sigmoid at the end is missing"),
    ),
    Slip(
        PAPER,
        "relu_twice",
        changed(
            answer(PAPER),
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
        changed(answer(PAPER), ("return x * gates", "return x + x * gates")),
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
        changed(answer(PAPER), ("return x * gates[:, :, None, None]", "return x.clone()")),
        "values",
        "not_applied",
        (*NUMBERS, "unchanged"),
    ),
    Slip(
        PAPER,
        "held",
        changed(answer(PAPER), ("    return", "    gates = gates.detach()\n    return")),
        "gradients",
        "held_still",
        ("cut off",),
    ),
    Slip(
        LIVE,
        "diagonal",
        changed(answer(LIVE), (" + slope[:, None] * moved", "")),
        "values",
        "held_still",
        (*NUMBERS, "held still"),
    ),
    Slip(
        LIVE,
        "no_diagonal",
        changed(answer(LIVE), ("torch.diag(gates) + ", "")),
        "values",
        "gate_alone",
        (*NUMBERS, "directly"),
    ),
    Slip(
        LIVE,
        "columns",
        changed(answer(LIVE), ("slope[:, None] * moved", "(slope[:, None] * moved).T")),
        "values",
        "transposed",
        (*NUMBERS, "Rows are outputs"),
    ),
    Slip(
        LIVE,
        "no_mask",
        changed(answer(LIVE), ("(open_[:, None] * w1)", "w1")),
        "values",
        "no_relu",
        (*NUMBERS, "nothing goes"),
    ),
    Slip(
        LIVE,
        "no_slope",
        changed(answer(LIVE), ("pixel * gates * (1 - gates)", "pixel")),
        "values",
        "no_slope",
        (*NUMBERS, "slope"),
    ),
    Slip(
        LIVE,
        "mean",
        changed(answer(LIVE), ("slope = pixel", "slope = mean")),
        "values",
        "mean_for_pixel",
        (*NUMBERS, "the channel's mean"),
    ),
    Slip(
        LIVE,
        "no_pixel",
        changed(answer(LIVE), ("slope = pixel * ", "slope = ")),
        "values",
        "no_pixel",
        (*NUMBERS, "not multiplied"),
    ),
    Slip(
        LIVE,
        "pixel_columns",
        changed(answer(LIVE), ("slope = pixel * ", "slope = "), ("* moved", "* moved * pixel")),
        "values",
        "pixel_of_column",
        (*NUMBERS, "row i by pixel i"),
    ),
    Slip(
        LIVE,
        "half_slope",
        changed(answer(LIVE), ("gates * (1 - gates)", "gates")),
        "values",
        "gate_for_slope",
        (*NUMBERS, "a factor is missing"),
    ),
    Slip(
        BLOCK,
        "not_asked",
        changed(answer(BLOCK), UNGATED),
        "values",
        "not_asked",
        (*NUMBERS, "never called"),
    ),
    Slip(
        BLOCK,
        "after",
        changed(answer(BLOCK), UNGATED, ("y + identity", "self.se(y + identity)")),
        "values",
        "after_addition",
        (*NUMBERS, "after the addition"),
    ),
    Slip(
        BLOCK,
        "before_norm",
        changed(
            answer(BLOCK), ("self.se(self.bn3(self.conv3(y)))", "self.bn3(self.se(self.conv3(y)))")
        ),
        "values",
        "before_norm",
        ("before the last batch norm",),
    ),
    Slip(
        BLOCK,
        "stride_in_1x1",
        changed(
            answer(BLOCK),
            ("in_channels, width, 1, bias", "in_channels, width, 1, stride, bias"),
            ("width, width, 3, stride, 1", "width, width, 3, 1, 1"),
        ),
        "values",
        "stride_first",
        (*NUMBERS, "skips pixels"),
    ),
    Slip(
        BLOCK,
        "on_shortcut",
        changed(answer(BLOCK), UNGATED, ("y + identity", "y + self.se(identity)")),
        "values",
        "on_shortcut",
        (*NUMBERS, "rescales the shortcut"),
    ),
    Slip(
        BLOCK,
        "relu_before",
        changed(answer(BLOCK), (BRANCH, f"F.relu({BRANCH})")),
        "values",
        "relu_before_gate",
        (*NUMBERS, "subtract"),
    ),
    Slip(
        BLOCK,
        "no_last_relu",
        changed(answer(BLOCK), ("F.relu(y + identity)", "y + identity")),
        "values",
        "no_last_relu",
        (*NUMBERS, "last ReLU"),
    ),
    Slip(
        BLOCK,
        "sixteen",
        changed(answer(BLOCK), ("(out, reduction)", "(out)")),
        "parameters",
        "fixed_reduction",
        ("`se.fc1.weight`", "`reduction` to it"),
    ),
    Slip(
        BLOCK,
        "planes",
        changed(answer(BLOCK), ("(out, reduction)", "(out, 4 * reduction)")),
        "parameters",
        "of_planes",
        ("`se.fc1.weight`", "four times"),
    ),
    Slip(
        BLOCK,
        "narrow_gate",
        changed(answer(BLOCK), ("(out, reduction)", "(planes, reduction)")),
        "run",
        says=("`se.fc1.weight` has shape",),
    ),
    Slip(
        BLOCK,
        "gate_name",
        changed(answer(BLOCK), ("self.se", "self.gate")),
        "names",
        says=("`se.fc1.weight`", "`gate.fc1.weight`"),
    ),
    Slip(
        FIELD,
        "own_stride_only",
        changed(answer(FIELD), ("dilation * spacing", "dilation * stride")),
        "values",
        "own_stride_alone",
        (*NUMBERS, "all layers before it"),
    ),
    Slip(
        FIELD,
        "forwards",
        changed(
            answer(FIELD),
            (
                "size += (kernel - 1) * dilation * spacing",
                "size = (size - 1) * stride + (kernel - 1) * dilation + 1",
            ),
        ),
        "values",
        "backward_formula",
        (*NUMBERS, "from the last"),
    ),
    Slip(
        FIELD,
        "no_stride_no_dilation",
        changed(answer(FIELD), (" * dilation * spacing", "")),
        "values",
        "plain",
        (*NUMBERS, "Neither the strides"),
    ),
    Slip(
        FIELD,
        "other_names",
        changed(answer(FIELD), ("kernel, stride, dilation in", "kernel, dilation, stride in")),
        "values",
        "swapped",
        (*NUMBERS, "are swapped"),
    ),
    Slip(
        FIELD,
        "from_the_last",
        changed(answer(FIELD), ("in layers", "in reversed(layers)")),
        "values",
        "last_first",
        (*NUMBERS, "from the last to the first"),
    ),
    Slip(
        FIELD,
        "strides_added",
        changed(answer(FIELD), ("spacing *= stride", "spacing += stride")),
        "values",
        "strides_added",
        (*NUMBERS, "added up"),
    ),
    Slip(
        FIELD,
        "halves",
        changed(answer(FIELD), ("(kernel - 1)", "(kernel // 2)")),
        "values",
        "one_side_of_kernels",
        (*NUMBERS, "one half"),
    ),
    Slip(
        FIELD,
        "even",
        changed(answer(FIELD), ("(kernel - 1)", "2 * (kernel // 2)")),
        "values",
        "even_as_odd",
        ("not right", *NUMBERS[1:], "even size"),  # in some cases one number of several
    ),
    Slip(
        FIELD,
        "dilation_added",
        changed(answer(FIELD), ("(kernel - 1) * dilation", "(kernel - 1 + dilation - 1)")),
        "values",
        "dilation_added",
        (*NUMBERS, "is added"),
    ),
    Slip(
        FIELD,
        "holes",
        changed(answer(FIELD), ("* dilation", "* (dilation + 1)")),
        "values",
        "dilation_as_holes",
        (*NUMBERS, "left out"),
    ),
    Slip(
        FIELD,
        "whole_span",
        changed(answer(FIELD), ("(kernel - 1) * dilation", "((kernel - 1) * dilation + 1)")),
        "values",
        "whole_reach",
        (*NUMBERS, "kernel spans"),
    ),
    Slip(
        FIELD,
        "too_early",
        changed(
            answer(FIELD),
            ("        sizes.append(size)\n", ""),
            ("        size +=", "        sizes.append(size)\n        size +="),
        ),
        "values",
        "before_the_layer",
        (*NUMBERS, "layer before"),
    ),
    Slip(
        FIELD,
        "each_alone",
        changed(
            answer(FIELD),
            ("size += (kernel - 1) * dilation * spacing", "size = (kernel - 1) * dilation + 1"),
        ),
        "values",
        "each_alone",
        (*NUMBERS, "one layer alone"),
    ),
    Slip(
        FIELD,
        "spacings",
        changed(answer(FIELD), ("append(size)", "append(spacing)")),
        "values",
        "spacings",
        (*NUMBERS, "distances"),
    ),
    Slip(
        FIELD,
        "area",
        changed(answer(FIELD), ("append(size)", "append(size**2)")),
        "values",
        "squared",
        (*NUMBERS, "square"),
    ),
    Slip(
        LECTURE,
        "flat",
        changed(
            MULTIPLIED,
            (
                "F.softmax((x * weight).sum((2, 3)), dim=-1)",
                "F.softmax((x * weight).sum((2, 3)).flatten(), 0)",
            ),
            ("    return", "    gates = gates.reshape(x.shape[:2])\n    return"),
        ),
        "values",
        "over_everything",
        (*NUMBERS, "all images and channels"),
    ),
    Slip(
        LECTURE,
        "softmax_first",
        changed(
            MULTIPLIED,
            ("F.softmax((x * weight).sum((2, 3)), dim=-1)", "F.softmax(x * weight, 1).sum((2, 3))"),
        ),
        "values",
        "softmax_first",
        (*NUMBERS, "before the sum"),
    ),
    Slip(
        LECTURE,
        "softmax_first_mean",
        changed(
            MULTIPLIED,
            (
                "F.softmax((x * weight).sum((2, 3)), dim=-1)",
                "F.softmax(x * weight, 1).mean((2, 3))",
            ),
        ),
        "values",
        "softmax_first_averaged",
        (*NUMBERS, "averaged afterwards"),
    ),
    Slip(
        LECTURE,
        "total",
        changed(
            answer(LECTURE),
            ("torch.softmax(products, dim=1)", "products / products.sum(1, keepdim=True)"),
        ),
        "values",
        "no_softmax",
        (*NUMBERS, "exponentials"),
    ),
    Slip(
        LECTURE,
        "last_dimension",
        changed(
            MULTIPLIED,
            (
                "F.softmax((x * weight).sum((2, 3)), dim=-1)",
                "F.softmax((x * weight).sum((2, 3), keepdim=True), dim=-1).flatten(1)",
            ),
        ),
        "values",
        "all_one",
        (*NUMBERS, "size one"),
    ),
    Slip(
        LECTURE,
        "two_sums",
        changed(MULTIPLIED, ("(x * weight).sum((2, 3))", "x.sum((2, 3)) * weight.sum((1, 2))")),
        "values",
        "sums_first",
        (*NUMBERS, "multiplied afterwards"),
    ),
    Slip(
        LECTURE,
        "no_n",
        changed(
            answer(LECTURE),
            ("->nc", "->c"),
            ("dim=1", "dim=0"),
            ("gates[:, :, None, None]", "gates[:, None, None]"),
        ),
        "shape",
        "one_for_all_images",
        ("Keep n",),
    ),
    Slip(
        LECTURE,
        "times_images",
        changed(answer(LECTURE), ("* x.shape[1]", "* len(x)")),
        "values",
        "scaled_by_images",
        (*NUMBERS, "number of images"),
    ),
    Slip(
        LECTURE,
        "twice_scaled",
        changed(answer(LECTURE), ("    return", "        x = x * x.shape[1]\n    return")),
        "values",
        "scaled_twice",
        (*NUMBERS, "a second time"),
    ),
    Slip(
        LECTURE,
        "products_rescaled",
        changed(answer(LECTURE), ("return x *", "return x * weight *")),
        "values",
        "products_rescaled",
        (*NUMBERS, "rescale the image itself"),
    ),
    Slip(
        LECTURE,
        "residual",
        changed(answer(LECTURE), ("return x *", "return x + x *")),
        "values",
        "residual",
        (*NUMBERS, "only rescales"),
    ),
    Slip(
        LECTURE,
        "sums_returned",
        changed(answer(LECTURE), ("None], gates", "None], products")),
        "values",
        "sums_returned",
        (*NUMBERS, "before the softmax"),
    ),
    Slip(
        LECTURE,
        "not_scaled",
        changed(answer(LECTURE), ("if scaled", "if not scaled")),
        "values",
        "scaled_reversed",
        (*NUMBERS, "wrong way round"),
    ),
    Slip(
        PAPER,
        "sigmoid_twice",
        changed(answer(PAPER), ("torch.relu(", "torch.sigmoid(")),
        "values",
        "sigmoid_twice",
        (*NUMBERS, "after the first layer too"),
    ),
    Slip(
        PAPER,
        "exchanged",
        changed(
            answer(PAPER),
            ("torch.relu(squeezed", "F.sigmoid(squeezed"),
            ("torch.sigmoid(middle", "F.relu(middle"),
        ),
        "values",
        "exchanged",
        (*NUMBERS, "activations are swapped"),
    ),
    Slip(
        PAPER,
        "relu_at_the_end",
        changed(answer(PAPER), ("torch.sigmoid(", "torch.relu(")),
        "values",
        "relu_at_the_end",
        (*NUMBERS, "instead of the sigmoid"),
    ),
    Slip(
        PAPER,
        "relu_early",
        changed(
            answer(PAPER), ("torch.relu(squeezed @ w1.T + b1)", "torch.relu(squeezed) @ w1.T + b1")
        ),
        "values",
        "relu_first",
        (*NUMBERS, "before the first layer"),
    ),
    Slip(
        PAPER,
        "no_activations",
        changed(LINEAR, ("F.relu(F.linear(z, w1, b1))", "F.linear(z, w1, b1)"), (".sigmoid()", "")),
        "values",
        "linear",
        (*NUMBERS, "so is the sigmoid"),
    ),
    Slip(
        PAPER,
        "no_minus",
        changed(AS_CONVOLUTIONS, ("torch.exp(-", "torch.exp(")),
        "values",
        "one_minus",
        (*NUMBERS, "one minus"),
    ),
    Slip(
        PAPER,
        "images_averaged",
        changed(answer(PAPER), ("x.mean(dim=(2, 3))", "x.mean(dim=(0, 2, 3)).expand(x.shape[:2])")),
        "values",
        "over_the_batch",
        (*NUMBERS, "the same gates"),
    ),
    Slip(
        PAPER,
        "reshaped",
        changed(
            answer(PAPER), ("w1.T", "w1.reshape(-1, len(w1))"), ("w2.T", "w2.reshape(-1, len(w2))")
        ),
        "values",
        "reshaped",
        (*NUMBERS, "transpose"),
    ),
    Slip(
        PAPER,
        "gates_added",
        changed(answer(PAPER), ("return x *", "return x +")),
        "values",
        "gates_added",
        (*NUMBERS, "rescale it: multiply"),
    ),
    Slip(
        PAPER,
        "logits",
        changed(
            LINEAR,
            ("w2, b2).sigmoid()", "w2, b2)"),
            ("z[..., None, None]", "z.sigmoid()[..., None, None]"),
        ),
        "values",
        "before_the_sigmoid",
        (*NUMBERS, "before the sigmoid"),
    ),
    Slip(
        PAPER,
        "means",
        changed(answer(PAPER), ("None], gates", "None], squeezed")),
        "values",
        "means_returned",
        (*NUMBERS, "means of the channels"),
    ),
    Slip(
        LIVE,
        "other_slope",
        changed(answer(LIVE), ("pixel * gates * (1 - gates)", "pixel * (1 - gates)")),
        "values",
        "rest_for_slope",
        (*NUMBERS, "a factor is missing"),
    ),
    Slip(
        LIVE,
        "columns_scaled",
        changed(answer(LIVE), ("slope[:, None] * moved", "slope * moved")),
        "values",
        "slope_of_column",
        (*NUMBERS, "multiply the rows"),
    ),
    Slip(
        LIVE,
        "gates_of_pixel",
        changed(answer(LIVE), ("w1 @ mean", "w1 @ pixel")),
        "values",
        "pixel_for_mean",
        (*NUMBERS, "from the means"),
    ),
    Slip(
        LIVE,
        "no_relu_at_all",
        changed(answer(LIVE), ("torch.relu(middle)", "middle"), ("(open_[:, None] * w1)", "w1")),
        "values",
        "linear",
        (*NUMBERS, "ReLU is missing"),
    ),
    Slip(
        LIVE,
        "no_relu_in_gates",
        changed(answer(LIVE), ("torch.relu(middle)", "middle")),
        "values",
        "linear_gates",
        (*NUMBERS, "without the ReLU"),
    ),
    Slip(
        LIVE,
        "relu_for_slope",
        changed(answer(LIVE), ("open_[:, None]", "middle.relu()[:, None]")),
        "values",
        "middle_for_slope",
        (*NUMBERS, "ReLU's slope"),
    ),
    Slip(
        LIVE,
        "outputs_on_diagonal",
        changed(answer(LIVE), ("torch.diag(gates)", "torch.diag(pixel * gates)")),
        "values",
        "pixel_on_diagonal",
        (*NUMBERS, "the outputs"),
    ),
    Slip(
        LIVE,
        "no_diag",
        changed(answer(LIVE), ("torch.diag(gates)", "gates")),
        "values",
        "not_diagonal",
        (*NUMBERS, "on the diagonal"),
    ),
    Slip(
        BLOCK,
        "at_the_end",
        changed(answer(BLOCK), UNGATED, ("F.relu(y + identity)", "self.se(F.relu(y + identity))")),
        "values",
        "after_last_relu",
        (*NUMBERS, "whole result"),
    ),
    Slip(
        BLOCK,
        "relu_after_gate",
        changed(answer(BLOCK), (UNGATED[0], f"F.relu({UNGATED[0]})")),
        "values",
        "relu_then_add",
        (*NUMBERS, "subtract"),
    ),
    Slip(
        BLOCK,
        "relu_on_branch",
        changed(answer(BLOCK), ("F.relu(y + identity)", "F.relu(y) + identity")),
        "values",
        "relu_on_branch",
        (*NUMBERS, "the branch only"),
    ),
    Slip(
        BLOCK,
        "first_relu",
        changed(answer(BLOCK), ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))")),
        "values",
        "no_first_relu",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "middle_relu",
        changed(answer(BLOCK), ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(self.conv2(y))")),
        "values",
        "no_middle_relu",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "no_shortcut",
        changed(answer(BLOCK), ("F.relu(y + identity)", "F.relu(y)")),
        "values",
        "no_shortcut",
        (*NUMBERS, "shortcut is missing"),
    ),
    Slip(
        BLOCK,
        "inside",
        changed(
            answer(BLOCK),
            ("(out, reduction)", "(width, reduction)"),
            ("self.se(self.bn3(self.conv3(y)))", "self.bn3(self.conv3(self.se(y)))"),
        ),
        "parameters",
        "inside",
        ("between the convolutions",),
    ),
    Slip(
        BLOCK,
        "dense",
        changed(answer(BLOCK), ("3, stride, 1, groups)", "3, stride, 1)")),
        "parameters",
        "dense",
        ("`conv2.weight`", "full convolution"),
    ),
    Slip(
        BLOCK,
        "rounded",
        changed(answer(BLOCK), ("int(planes", "round(planes")),
        "parameters",
        "rounded",
        ("`conv1.weight`", "Round it down"),
    ),
    Slip(
        BLOCK,
        "floor_at_the_end",
        changed(answer(BLOCK), (" / 64) * groups", " / 64 * groups)")),
        "run",
        says=("`conv1.weight`",),
    ),
    Slip(
        BLOCK,
        "width_unused",
        changed(answer(BLOCK), ("int(planes * width_per_group / 64) * groups", "planes * groups")),
        "parameters",
        "width_unused",
        ("`width_per_group` is not used",),
    ),
    Slip(
        BLOCK,
        "groups_unused",
        changed(answer(BLOCK), (" / 64) * groups", " / 64)")),
        "parameters",
        "groups_unused",
        ("single group",),
    ),
)
