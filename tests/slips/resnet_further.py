"""What students write in lesson 01, Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, line_of

PAD, DEEP = "resnet.pad_shortcut", "resnet.bottleneck"
NAMES: dict = {}

# --- a shortcut without parameters -------------------------------------------------

PADDED = answer(PAD)

JOINED = """
def pad_shortcut(x, out_channels, stride):
    x = x[..., ::stride, ::stride]
    n, c, h, w = x.shape
    return torch.cat([x, x.new_zeros(n, out_channels - c, h, w)], dim=1)
"""

ASSIGNED = """
def pad_shortcut(x, out_channels, stride):
    n, c, h, w = x.shape
    size = (h - 1) // stride + 1, (w - 1) // stride + 1
    y = torch.zeros(n, out_channels, *size, dtype=x.dtype)
    y[:, :c] = x[:, :, ::stride, ::stride]
    return y
"""

POOLED = """
def pad_shortcut(x, out_channels, stride):
    kept = F.avg_pool2d(x, 1, stride)
    return F.pad(kept.movedim(1, -1), (0, out_channels - x.shape[1])).movedim(-1, 1)
"""

# --- the bottleneck --------------------------------------------------------------

BOTTLENECK = answer(DEEP)

SWITCHED = changed(
    BOTTLENECK,
    (
        "first, second = (stride, 1) if stride_in_1x1 else (1, stride)",
        "first = stride if stride_in_1x1 else 1",
    ),
    ("3, second, 1", "3, stride // first, 1"),
)

IN_PLACE = changed(
    BOTTLENECK, ("return F.relu(y + shortcut)", "y += shortcut\n        return y.relu_()")
)

STRIDED_BY_HAND = changed(
    BOTTLENECK,
    ("planes, 1, first,", "planes, 1,"),
    (
        "        y = F.relu(self.bn1",
        "        z = x[:, :, :: self.step, :: self.step]\n        y = F.relu(self.bn1",
    ),
    ("self.conv1(x)", "self.conv1(z)"),
    ("        out =", "        self.step = first\n        out ="),
)

RIGHT = {
    PAD: {"joined": JOINED, "assigned": ASSIGNED, "pooled": POOLED},
    DEEP: {"switched": SWITCHED, "in_place": IN_PLACE, "by_hand": STRIDED_BY_HAND},
}

SLIPS = (
    Slip(
        PAD,
        "zeros_first",
        changed(PADDED, ("0, missing)", "missing, 0)")),
        "values",
        "zeros_first",
        (*NUMBERS, "after the channels of `x`"),
    ),
    Slip(
        PAD,
        "wrong_axis",
        changed(PADDED, ("(0, 0, 0, 0, 0, missing)", "(0, missing)")),
        "shape",
        "zero_columns",
        ("third", "smallest case"),
    ),
    Slip(
        PAD,
        "axes_in_reading_order",
        changed(PADDED, ("(0, 0, 0, 0, 0, missing)", "(0, 0, 0, missing, 0, 0, 0, 0)")),
        "shape",
        "zero_rows",
        ("not from the first",),
    ),
    Slip(
        PAD,
        "added_channels",
        changed(PADDED, (" - x.shape[1]", "")),
        "shape",
        "added_channels",
        ("counts those of",),
    ),
    Slip(
        PAD,
        "one_corner",
        changed(PADDED, ("::stride, ::stride", ": x.shape[2] // stride, : x.shape[3] // stride")),
        "values",
        "one_corner",
        (*NUMBERS, "one corner"),
    ),
    Slip(
        PAD,
        "largest",
        changed(POOLED, ("F.avg_pool2d(x, 1, stride)", "F.max_pool2d(x, stride)")),
        "values",
        "largest",
        (*NUMBERS, "largest number"),
    ),
    Slip(
        PAD,
        "average",
        changed(POOLED, ("F.avg_pool2d(x, 1, stride)", "F.avg_pool2d(x, stride, ceil_mode=True)")),
        "values",
        "averaged",
        (*NUMBERS, "averages the pixels"),
    ),
    Slip(
        PAD,
        "average_cut",
        changed(POOLED, ("(x, 1, stride)", "(x, stride)")),
        "values",
        "averaged_and_cut",
        (*NUMBERS, "leaves out"),
    ),
    Slip(
        PAD,
        "second_pixel",
        changed(PADDED, ("::stride, ::stride", "stride - 1::stride, stride - 1::stride")),
        "values",
        "second_pixel",
        (*NUMBERS, "pixel 0"),
    ),
    Slip(
        PAD,
        "rows_alone",
        changed(PADDED, ("::stride, ::stride]", "::stride]")),
        "shape",
        "rows_alone",
        ("both height and width",),
    ),
    Slip(
        PAD,
        "copied",
        """
def pad_shortcut(x, out_channels, stride):
    again = x.repeat(1, out_channels, 1, 1)[:, :out_channels]
    return again[:, :, ::stride, ::stride]
""",
        "values",
        "repeated",
        (*NUMBERS, "repeated"),
    ),
    Slip(
        PAD,
        "a_convolution",
        """
def pad_shortcut(x, out_channels, stride):
    weight = torch.zeros(out_channels, x.shape[1], 1, 1, dtype=x.dtype)
    for i in range(x.shape[1]):
        weight[i, i] = 1
    return F.conv2d(x, weight, stride=stride)
""",
        "shortcut",
        says=("calls a convolution", "line 6"),
    ),
    Slip(
        PAD,
        "loop",
        """
def pad_shortcut(x, out_channels, stride):
    maps = [x[:, c, ::stride, ::stride] for c in range(x.shape[1])]
    while len(maps) < out_channels:
        maps.append(torch.zeros_like(maps[0]))
    return torch.stack(maps, dim=1)
""",
        "launches",
        says=("Right, but slow", "number of channels"),
    ),
    Slip(
        PAD,
        "detached",
        changed(PADDED, ("F.pad(x[", "F.pad(x.detach()[")),
        "gradients",
        "cut_off",
        ("no gradient", "`x`"),
    ),
    Slip(
        DEEP,
        "always_3x3",
        changed(
            BOTTLENECK,
            (" if stride_in_1x1 else (1, stride)", ""),
            ("= (stride, 1)", "= (1, stride)"),
        ),
        "values",
        "always_3x3",
        (*NUMBERS, "stride_in_1x1=True", "in both layouts"),
    ),
    Slip(
        DEEP,
        "always_1x1",
        changed(BOTTLENECK, (" if stride_in_1x1 else (1, stride)", "")),
        "values",
        "always_1x1",
        (*NUMBERS, "stride_in_1x1=False"),
    ),
    Slip(
        DEEP,
        "reversed",
        changed(BOTTLENECK, ("if stride_in_1x1", "if not stride_in_1x1")),
        "values",
        "reversed",
        (*NUMBERS, "are swapped"),
    ),
    Slip(
        DEEP,
        "both",
        changed(BOTTLENECK, ("(stride, 1) if stride_in_1x1 else (1, stride)", "(stride, stride)")),
        "run",
        "stride_twice",
        ("must match", line_of(BOTTLENECK, "return F.relu"), "twice"),
    ),
    Slip(
        DEEP,
        "in_the_last",
        changed(
            BOTTLENECK,
            ("(stride, 1) if stride_in_1x1 else (1, stride)", "(1, 1)"),
            ("(planes, out, 1, bias", "(planes, out, 1, stride, bias"),
        ),
        "values",
        "in_the_last",
        (*NUMBERS, "last 1x1"),
    ),
    Slip(
        DEEP,
        "not_widened",
        changed(BOTTLENECK, ("out = planes * self.expansion", "out = planes")),
        "names",
        "not_widened",
        ("not expected: `downsample.0.weight`", "4 * `planes`"),
    ),
    Slip(
        DEEP,
        "no_middle_relu",
        changed(BOTTLENECK, ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(self.conv2(y))")),
        "values",
        "no_middle_relu",
        (*NUMBERS, "between"),
    ),
    Slip(
        DEEP,
        "no_last_relu",
        changed(BOTTLENECK, ("F.relu(y + shortcut)", "y + shortcut")),
        "values",
        "no_last_relu",
        NUMBERS,
    ),
    Slip(
        DEEP,
        "relu_then_add",
        changed(BOTTLENECK, ("relu(y + shortcut)", "relu(y) + shortcut")),
        "values",
        "relu_then_add",
        NUMBERS,
    ),
    Slip(
        DEEP,
        "project_on_stride",
        changed(BOTTLENECK, ("stride != 1 or in_channels != out", "stride != 1")),
        "run",
        "unprojected",
        ("channels changes",),
    ),
    Slip(
        DEEP,
        "projection_keeps_the_size",
        changed(BOTTLENECK, ("out, 1, stride, bias", "out, 1, bias")),
        "run",
        "two_sizes",
        ("block's stride",),
    ),
    Slip(
        DEEP,
        "no_norm",
        changed(BOTTLENECK, ("                nn.BatchNorm2d(out),\n", "")),
        "names",
        "no_norm",
        ("no batch norm",),
    ),
    Slip(
        DEEP,
        "no_padding",
        changed(BOTTLENECK, ("3, second, 1, bias", "3, second, bias")),
        "run",
        "unpadded",
        ("one pixel on each side",),
    ),
    Slip(
        DEEP,
        "third_relu_in_the_branch",
        changed(BOTTLENECK, ("self.bn3(self.conv3(y))", "F.relu(self.bn3(self.conv3(y)))")),
        "values",
        "relu_twice",
        (*NUMBERS, "of its own"),
    ),
    Slip(
        DEEP,
        "no_first_relu",
        changed(BOTTLENECK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))")),
        "values",
        "no_first_relu",
        NUMBERS,
    ),
    Slip(
        DEEP,
        "nothing_added",
        changed(BOTTLENECK, ("y + shortcut", "y")),
        "values",
        "no_input",
        (*NUMBERS, "plain block"),
    ),
    Slip(
        DEEP,
        "compared_with_planes",
        changed(BOTTLENECK, ("in_channels != out", "in_channels != planes")),
        "names",
        "always_projects",
        ("4 * `planes`",),
    ),
    Slip(
        PAD,
        "ones",
        changed(JOINED, ("x.new_zeros(", "x.new_ones(")),
        "values",
        "filled_with_ones",
        ("hold ones",),
    ),
    Slip(
        PAD,
        "last_repeated",
        changed(
            JOINED,
            (
                "x.new_zeros(n, out_channels - c, h, w)",
                "x[:, -1:].expand(n, out_channels - c, h, w)",
            ),
        ),
        "values",
        "last_repeated",
        ("copies of the last one",),
    ),
    Slip(
        PAD,
        "interpolated",
        changed(
            POOLED,
            (
                "F.avg_pool2d(x, 1, stride)",
                "F.interpolate(x, [(n - 1) // stride + 1 for n in x.shape[2:]])",
            ),
        ),
        "values",
        "interpolated",
        ("resizes",),
    ),
    Slip(
        PAD,
        "blended",
        changed(
            POOLED,
            (
                "F.avg_pool2d(x, 1, stride)",
                "F.interpolate(x, [(n - 1) // stride + 1 for n in x.shape[2:]], mode='bilinear')",
            ),
        ),
        "values",
        "blended",
        ("blends",),
    ),
    Slip(
        PAD,
        "no_stride",
        changed(PADDED, ("x[:, :, ::stride, ::stride]", "x")),
        "shape",
        "no_stride",
        ("keeps its size",),
    ),
    Slip(
        PAD,
        "rounded_down",
        changed(
            PADDED,
            (
                "missing =",
                "high, wide = (n // stride * stride for n in x.shape[2:])\n    missing =",
            ),
            ("::stride, ::stride", ":high:stride, :wide:stride"),
        ),
        "shape",
        "rounded_down",
        ("rounded up",),
    ),
    Slip(
        PAD,
        "halves_cut",
        changed(PADDED, ("0, missing)", "missing // 2, missing // 2)")),
        "shape",
        "halves_cut",
        ("rounded down twice",),
    ),
    Slip(
        DEEP,
        "rectified_projection",
        changed(BOTTLENECK, ("else self.downsample(x)", "else F.relu(self.downsample(x))")),
        "values",
        "rectified_projection",
        ("after the addition",),
    ),
    Slip(
        DEEP,
        "no_relu_in_the_branch",
        changed(
            BOTTLENECK,
            ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(self.conv2(y))"),
            ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"),
        ),
        "values",
        "no_relu_in_the_branch",
        ("no ReLU in the branch",),
    ),
    Slip(
        DEEP,
        "relu_then_norm",
        changed(
            BOTTLENECK,
            ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(F.relu(self.conv2(y)))"),
            ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(F.relu(self.conv1(x)))"),
        ),
        "values",
        "relu_then_norm",
        ("The order is",),
    ),
    Slip(
        DEEP,
        "no_last_norm",
        changed(BOTTLENECK, ("self.bn3(self.conv3(y))", "self.conv3(y)")),
        "values",
        "no_last_norm",
        ("third batch norm",),
    ),
    Slip(
        DEEP,
        "not_a_layer",
        changed(BOTTLENECK, ("x if self.downsample is None else ", "")),
        "run",
        "not_a_layer",
        ("None cannot be called",),
    ),
    Slip(
        DEEP,
        "stride_lost",
        changed(BOTTLENECK, ("(1, stride)", "(1, 1)")),
        "run",
        "stride_lost",
        ("the 3x3 has it",),
    ),
)
