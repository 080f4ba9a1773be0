"""What students write in lesson 06: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, names

CONV, KERNEL, BLOCK = "separable.depthwise_conv2d", "separable.dense_kernel", "separable.block"
NAMES = names("separable", "DepthwiseConv2d")

# --- the depthwise convolution ---------------------------------------------------

UNFOLDED = answer(CONV)

BY_NAME = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    n, c, h, w = x.shape
    kh, kw = weight.shape[2:]
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride).unflatten(1, (c, -1))
    y = torch.einsum("ck,nckp->ncp", weight.flatten(1), columns)
    return y.unflatten(2, ((h + 2 * padding - kh) // stride + 1, -1))
"""

MULTIPLIED = changed(
    UNFOLDED,
    (
        "y = weight.reshape(channels, 1, kh * kw) @ columns",
        "y = (weight.reshape(channels, kh * kw, 1) * columns).sum(2)",
    ),
)

SHIFTED = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    h, w = x.shape[2:]
    total = 0
    for i in range(kh):
        for j in range(kw):
            window = x[:, :, i : h - kh + i + 1 : stride, j : w - kw + j + 1 : stride]
            total = total + window * weight[:, 0, i, j][:, None, None]
    return total
"""

STRIDED = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding,) * 4)
    windows = x.unfold(2, kh, stride).unfold(3, kw, stride)
    return torch.einsum("nchwij,cij->nchw", windows, weight[:, 0])
"""

LOOP = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    outputs = []
    for c in range(x.shape[1]):
        own, image = weight[c : c + 1], x[:, c : c + 1]
        outputs.append(F.conv2d(image, own, stride=stride, padding=padding))
    return torch.cat(outputs, dim=1)
"""

WITH_ZEROS = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    c = x.shape[1]
    full = torch.eye(c, dtype=x.dtype)[:, :, None, None] * weight
    return F.conv2d(x, full, stride=stride, padding=padding)
"""

SHORTCUT = """
def depthwise_conv2d(x, weight, stride=1, padding=0):
    y = F.conv2d(x, weight, None, stride, padding, groups=x.shape[1])
    return y
"""

# --- the dense kernel of the two ---------------------------------------------------

INDEXED = answer(KERNEL)

TRANSPOSED = changed(
    INDEXED, ("depthwise[:, 0]  # c_in kh kw", "depthwise.transpose(0, 1)  # 1 c_in kh kw")
)

NAMED = """
def dense_kernel(depthwise, pointwise):
    return torch.einsum("oi,iyx->oiyx", pointwise[:, :, 0, 0], depthwise[:, 0])
"""

ONE_BY_ONE = """
def dense_kernel(depthwise, pointwise):
    c_out, c_in = pointwise.shape[:2]
    rows = []
    for o in range(c_out):
        rows.append(torch.stack([pointwise[o, i, 0, 0] * depthwise[i, 0] for i in range(c_in)]))
    return torch.stack(rows)
"""

# --- MobileNetV1's block -----------------------------------------------------------

SEPARABLE = answer(BLOCK)

WITH_LAYERS = changed(
    SEPARABLE,
    ("        self.bn2", "        self.relu = nn.ReLU(inplace=True)\n        self.bn2"),
    ("F.relu(", "self.relu("),
)

POINTWISE_BY_HAND = changed(
    SEPARABLE,
    ("self.pointwise(x)", 'torch.einsum("oi,nihw->nohw", self.pointwise.weight[:, :, 0, 0], x)'),
)

RIGHT = {
    CONV: {"by_name": BY_NAME, "multiplied": MULTIPLIED, "shifted": SHIFTED, "strided": STRIDED},
    KERNEL: {"transposed": TRANSPOSED, "named": NAMED, "one_by_one": ONE_BY_ONE},
    BLOCK: {"with_layers": WITH_LAYERS, "by_hand": POINTWISE_BY_HAND},
}

SLIPS = (
    Slip(
        CONV,
        "sides_swapped",
        changed(UNFOLDED, ("y.reshape(n, channels, h, w)", "y.reshape(n, channels, w, h)")),
        "shape",
        says=("height and width of its result are swapped",),
    ),
    Slip(
        CONV,
        "all_channels",
        changed(
            LOOP,
            (
                "weight[c : c + 1], x[:, c : c + 1]",
                "weight[c : c + 1].expand(-1, x.shape[1], -1, -1), x",
            ),
        ),
        "values",
        "mixing",
        (*NUMBERS, "no other"),
    ),
    Slip(
        CONV,
        "same_filter",
        changed(LOOP, ("weight[c : c + 1]", "weight[:1]")),
        "values",
        "first_filter",
        (*NUMBERS, "its own filter"),
    ),
    Slip(
        CONV,
        "added",
        changed(LOOP, ("torch.cat(outputs, dim=1)", "sum(outputs)")),
        "shape",
        "summed",
        ("added up", "smallest case"),
    ),
    Slip(
        CONV,
        "taps_first",
        changed(
            UNFOLDED,
            (
                "columns.reshape(n, channels, kh * kw, -1)",
                "columns.reshape(n, kh * kw, channels, -1).transpose(1, 2)",
            ),
        ),
        "values",
        "taps_first",
        (*NUMBERS, "the channel comes first"),
    ),
    Slip(
        CONV,
        "transposed",
        changed(UNFOLDED, ("weight.reshape", "weight.mT.reshape")),
        "values",
        "transposed",
        NUMBERS,
    ),
    Slip(
        CONV,
        "last_tap",
        changed(SHIFTED, ("total = total + window", "total = window")),
        "values",
        "last_tap",
        (*NUMBERS, "Only the product of the last tap"),
    ),
    Slip(
        CONV,
        "stride_counted",
        changed(
            SHIFTED,
            (
                "    total = 0\n",
                "    total, p, q = 0, (h - kh) // stride + 1, (w - kw) // stride + 1\n",
            ),
            ("i : h - kh + i + 1 : stride, j : w - kw + j + 1 : stride", "i : i + p, j : j + q"),
        ),
        "values",
        "stride_counted",
        ("one pixel apart",),
    ),
    Slip(
        CONV,
        "summed_over_channels",
        changed(SHIFTED, ("weight[:, 0, i, j][:, None, None]", "weight[:, 0, i, j].sum()")),
        "values",
        says=NUMBERS,
    ),
    Slip(
        CONV,
        "no_stride",
        changed(LOOP, ("stride=stride, ", "")),
        "shape",
        "no_stride",
        ("stride is not used", "stride=2"),
    ),
    Slip(
        CONV,
        "no_padding",
        changed(LOOP, (", padding=padding)", ")")),
        "shape",
        "no_padding",
        ("padding is not used",),
    ),
    Slip(
        CONV,
        "unfold_alone",
        changed(UNFOLDED, (", padding=padding, stride=stride)", ")")),
        "run",
        "unfold_alone",
        ("by name",),
    ),
    Slip(
        CONV,
        "no_padding_in_it",
        changed(UNFOLDED, ("padding=padding, ", "")),
        "run",
        "",
        ("wrong with other values of padding and right with padding=0",),
    ),
    Slip(
        CONV,
        "by_place",
        changed(UNFOLDED, ("padding=padding, stride=stride", "stride, padding")),
        "run",
        "by_place",
        ("dilation",),
    ),
    Slip(
        CONV,
        "every_filter",
        changed(UNFOLDED, ("(channels, 1, kh * kw)", "(channels, kh * kw)")),
        "run",
        "every_filter",
        ("every filter",),
    ),
    Slip(
        CONV,
        "one_image",
        changed(UNFOLDED, ("(n, channels, kh * kw, -1)", "(channels, kh * kw, -1)")),
        "values",
        "one_image",
        (*NUMBERS, "columns of all images are joined"),
    ),
    Slip(
        CONV,
        "put_back",
        changed(
            UNFOLDED,
            (
                "y = weight.reshape(channels, 1, kh * kw) @ columns",
                "y = (weight.reshape(channels, kh * kw, 1) * columns).flatten(1, 2)",
            ),
            (
                "return y.reshape(n, channels, h, w)",
                "return F.fold(y, x.shape[2:], (kh, kw), padding=padding, stride=stride)",
            ),
        ),
        "values",
        "put_back",
        (*NUMBERS, "overlap"),
    ),
    Slip(
        CONV,
        "in_a_row",
        changed(UNFOLDED, ("y.reshape(n, channels, h, w)", "y.squeeze(2)")),
        "shape",
        "in_a_row",
        ("one row", "smallest case"),
    ),
    Slip(
        CONV,
        "detached",
        changed(UNFOLDED, ("y = weight.", "y = weight.detach().")),
        "gradients",
        "cut_off",
        ("no gradient", "`weight`"),
    ),
    Slip(CONV, "loop", LOOP, "launches", says=("Right, but slow", "operations", "channels")),
    Slip(CONV, "with_zeros", WITH_ZEROS, "launches", says=("wasteful", "multiply-adds")),
    Slip(CONV, "shortcut", SHORTCUT, "shortcut", says=("one group for each channel", "line 3")),
    Slip(
        KERNEL,
        "added",
        changed(INDEXED, (" * ", " + ")),
        "values",
        "added",
        (*NUMBERS, "multiplied"),
    ),
    Slip(
        KERNEL,
        "as_it_comes",
        changed(INDEXED, ("[:, 0]", "")),
        "run",
        "not_lined_up",
        ("do not line up",),
    ),
    Slip(
        KERNEL,
        "outputs_filter",
        changed(ONE_BY_ONE, ("depthwise[i, 0]", "depthwise[o % c_in, 0]")),
        "values",
        "outputs_filter",
        (*NUMBERS, "input channel"),
    ),
    Slip(
        KERNEL,
        "inputs_first",
        changed(NAMED, ("->oiyx", "->ioyx")),
        "shape",
        "swapped",
        ("swapped",),
    ),
    Slip(KERNEL, "columns_first", changed(NAMED, ("->oiyx", "->oixy")), "shape", says=("shape",)),
    Slip(KERNEL, "summed", changed(NAMED, ("->oiyx", "->oyx")), "shape", says=("shape",)),
    Slip(
        KERNEL,
        "reshaped",
        changed(
            INDEXED,
            (
                "pointwise * filters",
                "(pointwise.reshape(*depthwise.shape[:1], -1, 1, 1) * depthwise).transpose(0, 1)",
            ),
        ),
        "values",
        "reshaped",
        (*NUMBERS, "reshape"),
    ),
    Slip(
        KERNEL,
        "one_filter",
        changed(INDEXED, ("depthwise[:, 0]", "depthwise.sum(0)")),
        "values",
        "one_filter",
        (*NUMBERS, "keeps its own"),
    ),
    Slip(
        KERNEL,
        "detached",
        changed(INDEXED, ("[:, 0]", "[:, 0].detach()")),
        "gradients",
        "cut_off",
        ("no gradient", "`depthwise`"),
    ),
    Slip(
        BLOCK,
        "no_middle_relu",
        changed(SEPARABLE, ("F.relu(self.bn1(self.depthwise(x)))", "self.bn1(self.depthwise(x))")),
        "values",
        "no_middle_relu",
        (*NUMBERS, "between"),
    ),
    Slip(
        BLOCK,
        "no_last_relu",
        changed(
            SEPARABLE,
            ("return F.relu(self.bn2(self.pointwise(x)))", "return self.bn2(self.pointwise(x))"),
        ),
        "values",
        "no_last_relu",
        (*NUMBERS, "last ReLU"),
    ),
    Slip(
        BLOCK,
        "stride_last",
        changed(
            SEPARABLE,
            ("3, stride, 1)", "3, 1, 1)"),
            ("out_channels, 1, bias", "out_channels, 1, stride, bias"),
        ),
        "values",
        "stride_in_pointwise",
        ("numbers are not", "In training"),
    ),
    Slip(
        BLOCK,
        "stride_twice",
        changed(SEPARABLE, ("out_channels, 1, bias", "out_channels, 1, stride, bias")),
        "shape",
        "stride_in_both",
        ("smallest case", "depthwise layer only"),
    ),
    Slip(
        BLOCK,
        "no_stride",
        changed(SEPARABLE, ("3, stride, 1)", "3, padding=1)")),
        "shape",
        "no_stride",
        ("smallest case", "stride is not used"),
    ),
    Slip(
        BLOCK,
        "one_norm",
        changed(SEPARABLE, ("self.bn1(self.depthwise(x))", "self.depthwise(x)")),
        "values",
        "no_first_norm",
        (*NUMBERS, "bias", "not used"),
    ),
    Slip(
        BLOCK,
        "other_norm",
        changed(SEPARABLE, ("self.bn2(self.pointwise(x))", "self.pointwise(x)")),
        "values",
        "no_second_norm",
        (*NUMBERS, "not used"),
    ),
    Slip(
        BLOCK,
        "relu_first",
        changed(
            SEPARABLE,
            ("F.relu(self.bn1(self.depthwise(x)))", "self.bn1(F.relu(self.depthwise(x)))"),
            ("F.relu(self.bn2(self.pointwise(x)))", "self.bn2(F.relu(self.pointwise(x)))"),
        ),
        "values",
        "relu_before_norm",
        (*NUMBERS, "after its batch norm"),
    ),
    Slip(
        BLOCK,
        "relu6",
        changed(SEPARABLE, ("F.relu(", "F.relu6(")),
        "values",
        "relu6",
        (*NUMBERS, "cut off at 6"),
    ),
    Slip(
        BLOCK,
        "xception",
        changed(
            SEPARABLE,
            ("DepthwiseConv2d(in_channels", "DepthwiseConv2d(out_channels"),
            ("self.bn1 = nn.BatchNorm2d(in", "self.bn1 = nn.BatchNorm2d(out"),
            (
                "        x = F.relu(self.bn1(self.depthwise(x)))\n"
                "        return F.relu(self.bn2(self.pointwise(x)))",
                "        x = F.relu(self.bn2(self.pointwise(x)))\n"
                "        return F.relu(self.bn1(self.depthwise(x)))",
            ),
        ),
        "values",
        "pointwise_first",
        (*NUMBERS, "Xception"),
    ),
    Slip(
        BLOCK,
        "full",
        changed(
            SEPARABLE,
            (
                "DepthwiseConv2d(in_channels, 3, stride, 1)",
                "nn.Conv2d(in_channels, in_channels, 3, stride, 1, bias=False)",
            ),
        ),
        "parameters",
        "full",
        ("full 3x3",),
    ),
    Slip(
        BLOCK,
        "no_padding",
        changed(SEPARABLE, ("3, stride, 1)", "3, stride)")),
        "shape",
        says=("shape",),
    ),
    Slip(
        BLOCK,
        "with_bias",
        changed(SEPARABLE, ("out_channels, 1, bias=False", "out_channels, 1")),
        "names",
        says=("not expected: `pointwise.bias`",),
    ),
    Slip(
        BLOCK,
        "shortcut",
        changed(
            SEPARABLE,
            (
                "DepthwiseConv2d(in_channels, 3, stride, 1)",
                "nn.Conv2d(in_channels, in_channels, 3, stride, 1, groups=in_channels, bias=False)",
            ),
        ),
        "shortcut",
        says=("grouped convolution", "DepthwiseConv2d", "of the cell"),
    ),
)

SLIPS += (
    Slip(
        CONV,
        "largest_product",
        changed(MULTIPLIED, (".sum(2)", ".amax(2)")),
        "values",
        "largest",
        (*NUMBERS, "pooling"),
    ),
    Slip(
        KERNEL,
        "mean_of_filters",
        changed(INDEXED, ("return pointwise * filters", "return pointwise * filters.mean(0)")),
        "values",
        "mean_filter",
        (*NUMBERS, "averaged into one"),
    ),
    Slip(
        KERNEL,
        "weights_summed_first",
        changed(
            INDEXED,
            ("return pointwise * filters", "return pointwise.sum(1, keepdim=True) * filters"),
        ),
        "values",
        "weights_summed",
        (*NUMBERS, "added up over the input"),
    ),
    Slip(
        KERNEL,
        "each_filter_repeated",
        changed(
            INDEXED,
            (
                "return pointwise * filters",
                "kernel = depthwise.repeat_interleave(len(pointwise), 0)\n"
                "    shape = *pointwise.shape[:2], *depthwise.shape[2:]\n"
                "    return pointwise * kernel.reshape(shape)",
            ),
        ),
        "values",
        "each_repeated",
        (*NUMBERS, "have to alternate"),
    ),
    Slip(
        KERNEL,
        "reshaped_at_the_end",
        changed(
            INDEXED,
            (
                "return pointwise * filters",
                "kernel = (pointwise * filters).transpose(0, 1)\n"
                "    return kernel.reshape(kernel.shape[1], kernel.shape[0], *kernel.shape[2:])",
            ),
        ),
        "values",
        "order_of_the_path",
        (*NUMBERS, "transpose them"),
    ),
    Slip(
        KERNEL,
        "a_mean_of_taps",
        changed(
            INDEXED,
            ("return pointwise * filters", "return pointwise * filters / filters[0].numel()"),
        ),
        "values",
        "",
        (*NUMBERS, "too small. The factor is the number of taps"),
    ),
    Slip(
        KERNEL,
        "one_output",
        changed(
            INDEXED,
            ("return pointwise * filters", "return (pointwise * filters).sum(0, keepdim=True)"),
        ),
        "shape",
        "",
        ("input channels, rows and columns is right, but that of output channels",),
    ),
    Slip(
        BLOCK,
        "no_relu_at_all",
        changed(
            SEPARABLE,
            ("F.relu(self.bn1(self.depthwise(x)))", "self.bn1(self.depthwise(x))"),
            ("F.relu(self.bn2(self.pointwise(x)))", "self.bn2(self.pointwise(x))"),
        ),
        "values",
        "no_relu",
        (*NUMBERS, "Both ReLUs are missing"),
    ),
    Slip(
        BLOCK,
        "no_norm_at_all",
        changed(
            SEPARABLE,
            ("self.bn1(self.depthwise(x))", "self.depthwise(x)"),
            ("self.bn2(self.pointwise(x))", "self.pointwise(x)"),
        ),
        "values",
        "no_norms",
        (*NUMBERS, "Both batch norms"),
    ),
    Slip(
        BLOCK,
        "relu_of_the_input",
        changed(SEPARABLE, ("self.depthwise(x)", "self.depthwise(F.relu(x))")),
        "values",
        "relu_on_input",
        (*NUMBERS, "begins with the depthwise layer"),
    ),
    Slip(
        BLOCK,
        "random",
        changed(SEPARABLE, ("return F.relu(", "return F.dropout(")),
        "values",
        "",
        (*NUMBERS, "returns other numbers"),
    ),
    Slip(
        BLOCK,
        "stride_for_padding",
        changed(SEPARABLE, ("3, stride, 1)", "3, 1, stride)")),
        "shape",
        "stride_as_padding",
        ("in this order",),
    ),
)
