"""What students write in lesson 02's core: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, line_of, names

MATRIX, CONV, BLOCK = "resnext.block_diagonal", "resnext.grouped_conv2d", "resnext.block"
PLACED, UNFOLDED, BOTTLENECK = answer(MATRIX), answer(CONV), answer(BLOCK)
NAMES = names("resnext", "GroupedConv2d")  # what the lesson defines between its exercises

# --- the block-diagonal matrix -------------------------------------------------

JOINED = """
def block_diagonal(blocks):
    rows = []
    for i, block in enumerate(blocks):
        left = block.new_zeros(block.shape[0], i * block.shape[1])
        right = block.new_zeros(block.shape[0], (len(blocks) - i - 1) * block.shape[1])
        rows.append(torch.cat([left, block, right], dim=1))
    return torch.cat(rows)
"""

WITH_EYE = """
def block_diagonal(blocks):
    g, r, c = blocks.shape
    eye = torch.eye(g, dtype=blocks.dtype)
    return torch.einsum("grc,gh->grhc", blocks, eye).reshape(g * r, g * c)
"""

PADDED = """
def block_diagonal(blocks):
    g, r, c = blocks.shape
    placed = [F.pad(b, (i * c, (g - 1 - i) * c)) for i, b in enumerate(blocks)]
    return torch.vstack(placed)
"""

TURNED_VIEW = """
def block_diagonal(blocks):
    g, r, c = blocks.shape
    matrix = torch.zeros(g * c, g * r, dtype=torch.float64)
    for i in range(g):
        matrix[i * c : (i + 1) * c, i * r : (i + 1) * r] = blocks[i].T
    return matrix.T.to(blocks.dtype)
"""

MATRIX_LAYER = """
class Placer(nn.Module):
    def forward(self, blocks):
        g, r, c = blocks.shape
        whole = torch.zeros(g, r, g, c, dtype=blocks.dtype)
        index = torch.arange(g)
        whole[index, :, index, :] = blocks
        return whole.flatten(2).flatten(0, 1)

block_diagonal = Placer()
"""

EMBEDDED = """
def block_diagonal(blocks):
    g, r, c = blocks.shape
    return torch.diag_embed(blocks.permute(1, 2, 0)).permute(2, 0, 3, 1).reshape(g * r, g * c)
"""

MASKED = """
def block_diagonal(blocks):
    g, r, c = blocks.shape
    row, column = torch.arange(g * r)[:, None] // r, torch.arange(g * c) // c
    return blocks.reshape(g * r, c).repeat(1, g) * (row == column)
"""

# --- the grouped convolution ---------------------------------------------------

SUMMED_BY_NAME = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    n, c_in, h, w = x.shape
    c_out, _, kh, kw = weight.shape
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride)
    columns = columns.unflatten(1, (groups, -1))
    rows = weight.flatten(1).unflatten(0, (groups, -1))
    y = torch.einsum("goi,ngip->ngop", rows, columns).flatten(1, 2)
    return y.unflatten(2, ((h + 2 * padding - kh) // stride + 1, -1))
"""

SHIFTED = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    c_out, _, kh, kw = weight.shape
    x = F.pad(x, (padding, padding, padding, padding))
    n, _, h, w = x.shape
    x = x.unflatten(1, (groups, -1))
    weight = weight.unflatten(0, (groups, -1))
    total = 0
    for i in range(kh):
        for j in range(kw):
            rows = slice(i, h - kh + i + 1, stride)
            columns = slice(j, w - kw + j + 1, stride)
            window, tap = x[..., rows, columns], weight[..., i, j]
            total = total + torch.einsum("ngchw,goc->ngohw", window, tap)
    return total.flatten(1, 2)
"""

IN_WINDOWS = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    x = F.pad(x, (padding,) * 4)
    for side, size in enumerate(weight.shape[2:], start=2):
        x = x.unfold(side, size, stride)
    x, weight = x.unflatten(1, (groups, -1)), weight.unflatten(0, (groups, -1))
    return torch.einsum("ngchwij,gocij->ngohw", x, weight).flatten(1, 2)
"""

BMM = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    (n, _, h, w), (c_out, _, kh, kw) = x.shape, weight.shape
    columns = F.unfold(x, (kh, kw), 1, padding, stride).unflatten(1, (groups, -1))
    columns = columns.permute(1, 2, 0, 3).flatten(2)
    y = torch.bmm(weight.reshape(groups, c_out // groups, -1), columns)
    y = y.unflatten(2, (n, -1)).permute(2, 0, 1, 3).flatten(1, 2)
    size = (h + 2 * padding - kh) // stride + 1, (w + 2 * padding - kw) // stride + 1
    return F.fold(y, size, 1)
"""

IN_FLOAT64 = changed(
    UNFOLDED,
    ("    n, _", "    given, x, weight = x.dtype, x.double(), weight.double()\n    n, _"),
    ("return y.reshape(n, c_out, h, w)", "return y.reshape(n, c_out, h, w).to(given)"),
)

LAST_AXIS_FIRST = changed(
    UNFOLDED,
    (
        "return y.reshape(n, c_out, h, w)",
        "y = y.reshape(n, c_out, h * w).permute(0, 2, 1).contiguous()\n"
        "    return y.transpose(1, 2).unflatten(2, (h, w))",
    ),
)

DENSE = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    c_out, wide, kh, kw = weight.shape
    full = weight.new_zeros(groups, c_out // groups, groups, wide, kh, kw)
    each = torch.arange(groups)
    full[each, :, each] = weight.unflatten(0, (groups, -1))
    return F.conv2d(x, full.flatten(2, 3).flatten(0, 1), stride=stride, padding=padding)
"""

CONV_LAYER = (
    changed(
        SHIFTED,
        ("def grouped_conv2d(x,", "class Shifted(nn.Module):\n    def forward(self, x,"),
        ("\n    ", "\n        "),
        ("        def forward", "    def forward"),
    )
    + "\ngrouped_conv2d = Shifted()\n"
)

LOOP = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    wide, rows = weight.shape[1], weight.shape[0] // groups
    outputs = []
    for i in range(groups):
        part = x[:, i * wide : (i + 1) * wide]
        own = weight[i * rows : (i + 1) * rows]
        outputs.append(F.conv2d(part, own, stride=stride, padding=padding))
    return torch.cat(outputs, dim=1)
"""

SHORTCUT = """
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    y = F.conv2d(x, weight, None, stride, padding, groups=groups)
    return y
"""

# --- the block -----------------------------------------------------------------

FLOORED = changed(
    BOTTLENECK, ("int(planes * width_per_group / 64)", "planes * width_per_group // 64")
)

WITH_LAYERS = changed(
    BOTTLENECK,
    ("self.downsample = None", "self.relu = nn.ReLU(inplace=True)\n        self.downsample = None"),
    ("F.relu(self.bn", "self.relu(self.bn"),
    ("        identity = x if", "        y += x if"),
    ("return F.relu(y + identity)", "return self.relu(y)"),
)

BY_HAND = changed(
    BOTTLENECK,
    (
        "        y = F.relu(self.bn1(self.conv1(x)))\n",
        "        y = torch.einsum('oi,nihw->nohw', self.conv1.weight[:, :, 0, 0], x)\n"
        "        y = self.bn1(y).clamp(min=0)\n",
    ),
    ("return F.relu(y + identity)", "return (identity + y).clamp(min=0)"),
)

RENAMED_INPUT = changed(  # a layer is called by position
    BOTTLENECK, ("self, x", "self, image"), ("(x)", "(image)"), (" x if", " image if")
)

RIGHT = {
    MATRIX: {
        "joined": JOINED,
        "with_eye": WITH_EYE,
        "padded": PADDED,
        "turned_view": TURNED_VIEW,
        "layer": MATRIX_LAYER,
        "embedded": EMBEDDED,
        "masked": MASKED,
    },
    CONV: {
        "einsum": SUMMED_BY_NAME,
        "shifted": SHIFTED,
        "float64": IN_FLOAT64,
        "windows": IN_WINDOWS,
        "bmm": BMM,
        "view": LAST_AXIS_FIRST,
        "layer": CONV_LAYER,
    },
    BLOCK: {
        "floored": FLOORED,
        "with_layers": WITH_LAYERS,
        "by_hand": BY_HAND,
        "renamed_input": RENAMED_INPUT,
    },
}

SLIPS = (
    Slip(
        MATRIX,
        "same_columns",
        changed(PLACED, ("i * c : (i + 1) * c", ":c")),
        "values",
        says=NUMBERS,
    ),
    Slip(
        MATRIX,
        "square",
        changed(PLACED, ("new_zeros(g * r, g * c)", "new_zeros(g * r, g * r)")),
        "run",
        "square",
        ("line", "the two may differ"),
    ),
    Slip(
        MATRIX,
        "square_places",
        changed(PLACED, ("i * c : (i + 1) * c", "i * r : (i + 1) * r")),
        "run",
        "square_places",
        ("line", "the two may differ"),
    ),
    Slip(
        MATRIX,
        "steps_of_rows",
        changed(PLACED, ("i * c : (i + 1) * c", "i * r : i * r + c")),
        "values",
        "steps_of_rows",
        (*NUMBERS, "to the right"),
    ),
    Slip(
        MATRIX,
        "last_first",
        changed(PLACED, ("] = block", "] = blocks[g - 1 - i]")),
        "values",
        "reversed",
        NUMBERS,
    ),
    Slip(
        MATRIX,
        "first_only",
        changed(PLACED, ("] = block", "] = blocks[0]")),
        "values",
        "one_block",
        NUMBERS,
    ),
    Slip(
        MATRIX,
        "right_to_left",
        changed(PLACED, ("i * c : (i + 1) * c", "(g - i - 1) * c : (g - i) * c")),
        "values",
        "anti_diagonal",
        NUMBERS,
    ),
    Slip(
        MATRIX,
        "wrong_dim",
        changed(JOINED, ("torch.cat(rows)", "torch.cat(rows, 1)")),
        "shape",
        says=("shape", "expected"),
    ),
    Slip(
        MATRIX,
        "no_left",
        changed(JOINED, ("[left, block, right]", "[block, left, right]")),
        "values",
        says=NUMBERS,
    ),
    Slip(
        MATRIX,
        "only_rows",
        "block_diagonal = lambda blocks: blocks.flatten(0, 1)\n",
        "shape",
        "stacked",
        ("on top of each other",),
    ),
    Slip(
        MATRIX,
        "data",
        changed(PLACED, ("] = block", "] = block.data")),
        "gradients",
        "cut_off",
        ("no gradient", "`blocks`"),
    ),
    Slip(
        MATRIX,
        "float32",
        changed(PLACED, ("blocks.new_zeros", "torch.zeros")),
        "shape",
        says=("torch.float32", "torch.float64"),
    ),
    Slip(
        MATRIX,
        "shortcut",
        "def block_diagonal(blocks):\n    return torch.block_diag(*blocks)\n",
        "shortcut",
        says=("torch.block_diag", "line 2"),
    ),
    Slip(
        CONV,
        "split_behind",
        changed(
            UNFOLDED,
            (
                "columns.reshape(n, groups, -1, columns.shape[-1])",
                "columns.reshape(n, -1, groups, columns.shape[-1]).transpose(1, 2)",
            ),
        ),
        "values",
        "split_late",
        (*NUMBERS, "gaps"),
    ),
    Slip(
        CONV,
        "outputs_first",
        changed(SUMMED_BY_NAME, ("->ngop", "->nogp")),
        "values",
        "mixed_outputs",
        (*NUMBERS, "order"),
    ),
    Slip(
        CONV,
        "same_slice",
        changed(LOOP, ("i * wide : (i + 1) * wide", ":wide")),
        "values",
        "first_input",
        (*NUMBERS, "channels of group 0"),
    ),
    Slip(
        CONV,
        "same_weight",
        changed(LOOP, ("i * rows : (i + 1) * rows", ":rows")),
        "values",
        "first_weight",
        (*NUMBERS, "weights of group 0"),
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
        "stacked_images",
        changed(LOOP, (", dim=1", "")),
        "shape",
        "along_images",
        ("shape", "smallest case", "along the images"),
    ),
    Slip(
        CONV,
        "channels_with_gaps",
        changed(LOOP, ("i * wide : (i + 1) * wide", "i::groups")),
        "values",
        "mixed_inputs",
        (*NUMBERS, "gaps"),
    ),
    Slip(
        CONV,
        "rows_with_gaps",
        changed(LOOP, ("i * rows : (i + 1) * rows", "i::groups")),
        "values",
        "mixed_weight",
        (*NUMBERS, "rows of `weight` are taken with gaps"),
    ),
    Slip(
        CONV,
        "all_with_gaps",
        changed(
            LOOP,
            ("i * wide : (i + 1) * wide", "i::groups"),
            ("i * rows : (i + 1) * rows", "i::groups"),
        ),
        "values",
        "mixed_both",
        (*NUMBERS, "both taken with gaps"),
    ),
    Slip(
        CONV,
        "weight_split",
        changed(
            UNFOLDED,
            (
                "weight.reshape(groups, c_out // groups, -1)",
                "weight.reshape(c_out // groups, groups, -1)",
            ),
        ),
        "run",
        "weight_split",
        (line_of(UNFOLDED, "y = weight"), "the wrong way round"),
    ),
    Slip(
        CONV,
        "weight_split_and_turned",
        changed(
            UNFOLDED,
            (
                "weight.reshape(groups, c_out // groups, -1)",
                "weight.reshape(c_out // groups, groups, -1).transpose(0, 1)",
            ),
        ),
        "values",
        "mixed_weight",
        (*NUMBERS, "gaps"),
    ),
    Slip(
        CONV,
        "rows_by_inputs",
        changed(LOOP, ("i * rows : (i + 1) * rows", "i * wide : (i + 1) * wide")),
        "values",
        "rows_by_inputs",
        (*NUMBERS, "Rows are outputs"),
    ),
    Slip(
        CONV,
        "last_first",
        changed(LOOP, ("torch.cat(outputs", "torch.cat(outputs[::-1]")),
        "values",
        "reversed",
        (*NUMBERS, "reverse order"),
    ),
    Slip(
        CONV,
        "taps_first",
        changed(UNFOLDED, ("weight.reshape", "weight.movedim(1, 3).reshape")),
        "values",
        "taps_first",
        (*NUMBERS, "the channel comes first"),
    ),
    Slip(
        CONV,
        "corner",
        changed(
            SHIFTED, ("(padding, padding, padding, padding)", "(0, 2 * padding, 0, 2 * padding)")
        ),
        "values",
        "corner",
        (*NUMBERS, "all around"),
    ),
    Slip(
        CONV,
        "conv2d_in_place_order",
        changed(LOOP, ("stride=stride, padding=padding", "stride, padding")),
        "run",
        "stride_for_bias",
        ("`F.conv2d` is the bias", "line 8"),
    ),
    Slip(
        CONV,
        "unfold_padding_third",
        changed(UNFOLDED, ("padding=padding, stride=stride", "padding, stride")),
        "run",
        "unfold_padding_third",
        ("is the dilation", line_of(UNFOLDED, "F.unfold(")),
    ),
    Slip(
        CONV,
        "unfold_stride_third",
        changed(UNFOLDED, ("padding=padding, stride=stride", "stride, padding")),
        "run",
        "unfold_stride_third",
        ("is the dilation", "stride=2"),
    ),
    Slip(
        CONV,
        "stride_left_out",
        changed(LOOP, ("stride=stride, ", "")),
        "shape",
        "no_stride",
        ("stride is not used", "stride=2"),
    ),
    Slip(
        CONV,
        "padding_left_out",
        changed(LOOP, (", padding=padding)", ")")),
        "shape",
        "no_padding",
        ("padding is not used", "padding=1"),
    ),
    Slip(
        CONV,
        "unfold_without_padding",
        changed(UNFOLDED, ("padding=padding, ", "")),
        "run",
        "unfold_no_padding",
        (line_of(UNFOLDED, "return y"), "return y.reshape", "padding=1", "without its padding"),
    ),
    Slip(
        CONV,
        "unfold_without_stride",
        changed(UNFOLDED, (", stride=stride", "")),
        "run",
        "unfold_no_stride",
        (line_of(UNFOLDED, "return y"), "stride=2", "at every pixel"),
    ),
    Slip(
        CONV,
        "width_first",
        changed(UNFOLDED, ("n, c_out, h, w)", "n, c_out, w, h)")),
        "shape",
        says=("shape (2, 4, 4, 3), expected (2, 4, 3, 4)",),
    ),
    Slip(
        CONV,
        "kernel_turned",
        changed(
            SHIFTED,
            (
                "tap = x[..., rows, columns], weight[..., i, j]",
                "tap = x[..., rows, columns], weight[..., kh - 1 - i, kw - 1 - j]",
            ),
        ),
        "values",
        "flipped",
        (*NUMBERS, "180 degrees"),
    ),
    Slip(
        CONV,
        "mean",
        changed(SHIFTED, ("total.flatten(1, 2)", "total.flatten(1, 2) / kh / kw")),
        "values",
        says=NUMBERS,
    ),
    Slip(
        CONV,
        "weight_detached",
        changed(UNFOLDED, ("y = weight.", "y = weight.detach().")),
        "gradients",
        "cut_off",
        ("no gradient", "`weight`"),
    ),
    Slip(
        CONV,
        "no_grad",
        changed(UNFOLDED, ("\ndef", "\n@torch.no_grad()\ndef")),
        "gradients",
        "cut_off_both",
        ("no gradient", "torch.no_grad()"),
    ),
    Slip(
        CONV,
        "image_detached",
        changed(UNFOLDED, ("F.unfold(x,", "F.unfold(x.detach(),")),
        "gradients",
        "cut_off_image",
        ("no gradient", "`x`"),
    ),
    Slip(CONV, "loop", LOOP, "launches", says=("Right, but slow", "operations", "batched")),
    Slip(CONV, "dense", DENSE, "launches", says=("wasteful", "zeros")),
    Slip(
        CONV, "shortcut", SHORTCUT, "shortcut", says=("grouped convolution", "line 3 of the cell")
    ),
    Slip(
        BLOCK,
        "rounded",
        changed(BOTTLENECK, ("int(planes", "round(planes")),
        "parameters",
        "rounded_up",
        ("conv1.weight", "rounded up"),
    ),
    Slip(
        BLOCK,
        "floored_last",
        changed(BOTTLENECK, ("/ 64) * groups", "/ 64 * groups)")),
        "run",
        says=("`conv1.weight` has shape", "width_per_group=20"),
    ),
    Slip(
        BLOCK,
        "no_groups",
        changed(BOTTLENECK, ("stride, 1, groups)", "stride, 1)")),
        "parameters",
        "no_groups",
        ("conv2.weight", "one full convolution"),
    ),
    Slip(
        BLOCK,
        "stride_early",
        changed(
            BOTTLENECK,
            ("width, 1, bias", "width, 1, stride, bias"),
            ("3, stride, 1, groups", "3, 1, 1, groups"),
        ),
        "values",
        "stride_first",
        (*NUMBERS, "3x3", "conv2.weight (2, 1, 3, 3)", "evaluation mode"),
    ),
    Slip(
        BLOCK,
        "no_last_relu",
        changed(BOTTLENECK, ("F.relu(y + identity)", "y + identity")),
        "values",
        "no_last_relu",
        (*NUMBERS, "last ReLU"),
    ),
    Slip(
        BLOCK,
        "relu_then_add",
        changed(BOTTLENECK, ("relu(y + identity)", "relu(y) + identity")),
        "values",
        "relu_then_add",
        (*NUMBERS, "before the addition"),
    ),
    Slip(
        BLOCK,
        "no_middle_relu",
        changed(BOTTLENECK, ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(self.conv2(y))")),
        "values",
        "no_middle_relu",
        (*NUMBERS, "between"),
    ),
    Slip(
        BLOCK,
        "no_first_relu",
        changed(BOTTLENECK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))")),
        "values",
        "no_first_relu",
        (*NUMBERS, "first 1x1"),
    ),
    Slip(
        BLOCK,
        "relu_first",
        changed(
            BOTTLENECK,
            ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(F.relu(self.conv1(x)))"),
            ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(F.relu(self.conv2(y)))"),
        ),
        "values",
        "relu_first",
        (*NUMBERS, "convolution, norm, ReLU"),
    ),
    Slip(
        BLOCK,
        "relu_before_bn1",
        changed(BOTTLENECK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(F.relu(self.conv1(x)))")),
        "values",
        "relu_before_bn1",
        (*NUMBERS, "After the first 1x1"),
    ),
    Slip(
        BLOCK,
        "relu_before_bn2",
        changed(BOTTLENECK, ("F.relu(self.bn2(self.conv2(y)))", "self.bn2(F.relu(self.conv2(y)))")),
        "values",
        "relu_before_bn2",
        (*NUMBERS, "After the 3x3"),
    ),
    Slip(
        BLOCK,
        "no_bn1",
        changed(BOTTLENECK, ("self.bn1(self.conv1(x))", "self.conv1(x)")),
        "values",
        "no_bn1",
        (*NUMBERS, "`bn1` is created but never used"),
    ),
    Slip(
        BLOCK,
        "no_bn3",
        changed(BOTTLENECK, ("self.bn3(self.conv3(y))", "self.conv3(y)")),
        "values",
        "no_bn3",
        (*NUMBERS, "`bn3` is created but never used"),
    ),
    Slip(
        BLOCK,
        "bn1_twice",
        changed(BOTTLENECK, ("self.bn2(self.conv2", "self.bn1(self.conv2")),
        "values",
        "bn1_twice",
        (*NUMBERS, "`bn1` is used twice"),
    ),
    Slip(
        BLOCK,
        "relu_on_shortcut",
        changed(BOTTLENECK, ("nn.BatchNorm2d(out),", "nn.BatchNorm2d(out), nn.ReLU(),")),
        "values",
        "relu_on_shortcut",
        (*NUMBERS, "may be negative"),
    ),
    Slip(
        BLOCK,
        "input_overwritten",
        changed(
            BOTTLENECK,
            ("        y = ", "        x = "),
            ("conv2(y)", "conv2(x)"),
            ("conv3(y)", "conv3(x)"),
            ("y + identity", "x + identity"),
        ),
        "values",
        "input_overwritten",
        (*NUMBERS, "added to itself"),
    ),
    Slip(
        BLOCK,
        "no_padding",
        changed(BOTTLENECK, ("3, stride, 1, groups)", "3, stride, groups=groups)")),
        "run",
        "no_padding",
        ("no padding", "border of zeros"),
    ),
    Slip(
        BLOCK,
        "no_projection",
        changed(BOTTLENECK, ("if stride != 1 or in_channels != out", "if False")),
        "run",
        "no_projection",
        ("`downsample.0.weight`", "no projection at all"),
    ),
    Slip(
        BLOCK,
        "project_on_channels",
        changed(BOTTLENECK, ("stride != 1 or in_ch", "in_ch")),
        "run",
        "project_on_channels",
        ("`downsample.0.weight`", "makes the image smaller"),
    ),
    Slip(
        BLOCK,
        "always_project",
        changed(BOTTLENECK, ("if stride != 1 or in_channels != out", "if True")),
        "names",
        "always_project",
        ("not expected: `downsample.0.weight`", "must be None"),
    ),
    Slip(
        BLOCK,
        "forgets_the_input",
        changed(BOTTLENECK, ("y + identity", "y")),
        "values",
        "no_shortcut",
        (*NUMBERS, "not added"),
    ),
    Slip(
        BLOCK,
        "project_on_stride",
        changed(BOTTLENECK, ("if stride != 1 or in_channels != out", "if stride != 1")),
        "run",
        "project_on_stride",
        ("`downsample.0.weight`", "channels changes"),
    ),
    Slip(
        BLOCK,
        "project_the_other_way",
        changed(
            BOTTLENECK,
            ("if stride != 1 or in_channels != out", "if stride != 1"),
            ("y + identity", "identity + y"),
        ),
        "run",
        "project_on_stride",
        ("channels changes",),
    ),
    Slip(
        BLOCK,
        "other_names",
        changed(BOTTLENECK, ("self.bn1", "self.norm1")),
        "names",
        says=("`bn1.weight`", "`norm1.weight`", "not found", "not expected"),
    ),
    Slip(
        BLOCK,
        "extra_layer",
        changed(
            BOTTLENECK,
            (
                "self.downsample = None",
                "self.downsample = None\n        self.spare = nn.Linear(2, 2)",
            ),
        ),
        "names",
        says=("not expected: `spare.bias`, `spare.weight`",),
    ),
    Slip(
        BLOCK,
        "with_bias",
        changed(BOTTLENECK, ("in_channels, width, 1, bias=False", "in_channels, width, 1")),
        "names",
        says=("not expected: `conv1.bias`",),
    ),
    Slip(
        BLOCK,
        "no_init",
        changed(BOTTLENECK, ("        super().__init__()\n", "")),
        "run",
        says=("super().__init__()", "line"),
    ),
    Slip(
        BLOCK,
        "no_forward",
        changed(BOTTLENECK, ("def forward", "def froward")),
        "run",
        says=("no method `forward`",),
    ),
    Slip(
        BLOCK,
        "no_module",
        changed(BOTTLENECK, ("(nn.Module)", "")),
        "run",
        says=("not an nn.Module",),
    ),
    Slip(
        BLOCK,
        "no_statistics",
        changed(
            BOTTLENECK,
            (
                "self.bn2 = nn.BatchNorm2d(width)",
                "self.bn2 = nn.BatchNorm2d(width, track_running_stats=False)",
            ),
        ),
        "names",
        says=("not found: `bn2.running_mean`, `bn2.running_var`",),
    ),
    Slip(
        BLOCK,
        "momentum",
        changed(
            BOTTLENECK,
            ("self.bn2 = nn.BatchNorm2d(width)", "self.bn2 = nn.BatchNorm2d(width, momentum=0.9)"),
        ),
        "values",
        says=("`bn2.running_mean`", "training mode"),
    ),
    Slip(
        BLOCK,
        "frozen",
        changed(
            BOTTLENECK,
            (
                "        self.downsample = None\n",
                "        self.conv3.weight.requires_grad_(False)\n        self.downsample = None\n",
            ),
        ),
        "gradients",
        says=("no gradient", "`conv3.weight`"),
    ),
    Slip(
        BLOCK,
        "renamed_argument",
        changed(BOTTLENECK, ("planes", "channels")),
        "run",
        says=("argument names", "'planes'"),
    ),
    Slip(
        BLOCK,
        "a_layer",
        BOTTLENECK + "\nBottleneck = Bottleneck(8, 2)\n",
        "run",
        says=("not a class", "another name"),
    ),
    Slip(
        BLOCK,
        "shortcut",
        changed(
            BOTTLENECK,
            (
                "GroupedConv2d(width, width, 3, stride, 1, groups)",
                "nn.Conv2d(width, width, 3, stride, 1, groups=groups, bias=False)",
            ),
        ),
        "shortcut",
        says=(
            "`conv2`, made in `__init__`",
            "`GroupedConv2d`",
            line_of(BOTTLENECK, "self.bn2(self.conv2(y))") + " of the cell",
        ),
    ),
    Slip(
        MATRIX,
        "returns_early",
        changed(PLACED, ("    return matrix", "        return matrix")),
        "values",
        "first_alone",
        (*NUMBERS, "after the loop"),
    ),
    Slip(
        MATRIX,
        "in_every_column",
        changed(PADDED, ("F.pad(b, (i * c, (g - 1 - i) * c))", "b.repeat(1, g)")),
        "values",
        "whole_rows",
        (*NUMBERS, "along its rows"),
    ),
    Slip(
        MATRIX,
        "not_permuted",
        changed(WITH_EYE, ("->grhc", "->ghrc")),
        "values",
        "not_permuted",
        (*NUMBERS, "permute the dimensions first"),
    ),
    Slip(
        MATRIX,
        "padded_by_rows",
        changed(PADDED, ("(i * c, (g - 1 - i) * c)", "(i * r, (g - 1 - i) * r)")),
        "shape",
        "columns_by_rows",
        ("A block has c columns",),
    ),
    Slip(
        MATRIX,
        "steps_of_one",
        changed(PLACED, ("i * r : (i + 1) * r, i * c : (i + 1) * c", "i : i + r, i : i + c")),
        "values",
        "steps_of_one",
        (*NUMBERS, "one row and one column"),
    ),
    Slip(
        CONV,
        "no_loop",
        changed(SHORTCUT, (", groups=groups", "")),
        "run",
        "one_convolution",
        ("One full convolution", "line 3"),
    ),
    Slip(
        CONV,
        "all_channels",
        changed(LOOP, ("F.conv2d(part", "F.conv2d(x")),
        "run",
        "all_channels",
        ("all channels of `x`",),
    ),
    Slip(
        CONV,
        "slices_images",
        changed(LOOP, ("x[:, i", "x[i")),
        "run",
        "all_channels",
        ("dimension 1",),
    ),
    Slip(
        CONV,
        "repeated",
        changed(
            SHORTCUT,
            (", groups=groups", ""),
            ("weight, None", "weight.repeat(1, groups, 1, 1), None"),
        ),
        "values",
        "repeated_weight",
        (*NUMBERS, "every group"),
    ),
    Slip(
        CONV,
        "next_channel",
        changed(LOOP, ("i * wide : (i + 1) * wide", "i : i + wide")),
        "values",
        "next_channel",
        (*NUMBERS, "one channel"),
    ),
    Slip(
        CONV,
        "next_row",
        changed(LOOP, ("i * rows : (i + 1) * rows", "i : i + rows")),
        "values",
        "next_row",
        (*NUMBERS, "one row"),
    ),
    Slip(
        CONV,
        "returns_early",
        changed(LOOP, ("    return torch.cat", "        return torch.cat")),
        "shape",
        "first_group",
        ("after the loop",),
    ),
    Slip(
        CONV,
        "weight_turned",
        changed(
            UNFOLDED,
            (
                "weight.reshape(groups, c_out // groups, -1)",
                "weight.reshape(groups, -1, c_out // groups).mT",
            ),
        ),
        "values",
        "weight_turned",
        (*NUMBERS, "one piece in memory"),
    ),
    Slip(
        CONV,
        "far_corner",
        changed(
            SHIFTED, ("(padding, padding, padding, padding)", "(2 * padding, 0, 2 * padding, 0)")
        ),
        "values",
        "far_corner",
        (*NUMBERS, "above and to the left"),
    ),
    Slip(
        CONV,
        "positions_first",
        changed(
            UNFOLDED,
            (
                "y = weight.reshape(groups, c_out // groups, -1) @ columns",
                "y = columns.mT @ weight.reshape(groups, c_out // groups, -1).mT",
            ),
        ),
        "values",
        "positions_first",
        (*NUMBERS, "positions come before"),
    ),
    Slip(
        CONV,
        "images_inside",
        changed(
            SUMMED_BY_NAME,
            (
                '->ngop", rows, columns).flatten(1, 2)',
                '->gonp", rows, columns).reshape(x.shape[0], c_out, -1)',
            ),
        ),
        "values",
        "images_inside",
        (*NUMBERS, "images come after"),
    ),
    Slip(
        CONV,
        "size_of_x",
        changed(UNFOLDED, ("n, c_out, h, w)", "n, c_out, *x.shape[2:])")),
        "run",
        "size_of_x",
        ("height and width of `x`",),
    ),
    Slip(
        BLOCK,
        "one_group_wide",
        changed(BOTTLENECK, (" / 64) * groups", " / 64)")),
        "parameters",
        "width_of_one_group",
        ("`conv1.weight`", "as wide as one group"),
    ),
    Slip(
        BLOCK,
        "planes_wide",
        changed(BOTTLENECK, ("int(planes * width_per_group / 64)", "planes")),
        "parameters",
        "full_groups",
        ("whatever `width_per_group` is",),
    ),
    Slip(
        BLOCK,
        "unscaled",
        changed(BOTTLENECK, ("int(planes * width_per_group / 64)", "width_per_group")),
        "parameters",
        "width_unscaled",
        ("whatever `planes` is",),
    ),
    Slip(
        BLOCK,
        "no_relus",
        changed(BOTTLENECK, ("F.relu(", "(")),
        "values",
        "no_relus",
        (*NUMBERS, "no ReLU at all"),
    ),
    Slip(
        BLOCK,
        "no_inner_relus",
        changed(BOTTLENECK, ("F.relu(self.", "(self.")),
        "values",
        "no_inner_relus",
        (*NUMBERS, "Two ReLUs"),
    ),
    Slip(
        BLOCK,
        "relu_on_input",
        changed(BOTTLENECK, ("y + identity", "y + F.relu(identity)")),
        "values",
        "relu_on_input",
        (*NUMBERS, "before the addition"),
    ),
    Slip(
        BLOCK,
        "no_norms",
        changed(
            BOTTLENECK,
            ("self.bn1(self.conv1(x))", "self.conv1(x)"),
            ("self.bn2(self.conv2(y))", "self.conv2(y)"),
            ("self.bn3(self.conv3(y))", "self.conv3(y)"),
        ),
        "values",
        "no_norms",
        (*NUMBERS, "never used"),
    ),
    Slip(
        BLOCK,
        "stride_last",
        changed(
            BOTTLENECK,
            ("3, stride, 1, groups", "3, 1, 1, groups"),
            ("width, out, 1, bias", "width, out, 1, stride, bias"),
        ),
        "values",
        "stride_last",
        ("last 1x1", "training"),
    ),
    Slip(
        BLOCK,
        "stride_not_in_branch",
        changed(BOTTLENECK, ("3, stride, 1, groups", "3, 1, 1, groups")),
        "run",
        "stride_on_one_side",
        ("Both need it",),
    ),
    Slip(
        BLOCK,
        "stride_not_in_projection",
        changed(BOTTLENECK, ("out, 1, stride, bias", "out, 1, bias")),
        "run",
        "stride_on_one_side",
        ("Both need it",),
    ),
    Slip(
        BLOCK,
        "stride_twice",
        changed(BOTTLENECK, ("in_channels, width, 1, bias", "in_channels, width, 1, stride, bias")),
        "run",
        "stride_twice",
        ("stride twice",),
    ),
)
