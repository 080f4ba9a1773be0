"""What students write in lesson 01: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, changed

STACK, BASIC, GRADIENTS = "resnet.residual_stack", "resnet.basic_block", "resnet.scale_gradients"
NAMES: dict = {}

# --- the matrix of a stack -------------------------------------------------------

MULTIPLIED = """
def residual_stack(weights, scale):
    layers, c, _ = weights.shape
    eye = torch.eye(c, dtype=weights.dtype)
    matrix = eye
    for W in weights:
        matrix = (eye + scale * W) @ matrix
    return matrix
"""

CHAINED = """
def residual_stack(weights, scale):
    steps = torch.eye(weights.shape[1], dtype=weights.dtype) + scale * weights
    return torch.linalg.multi_dot([*steps.flip(0), torch.eye(len(steps[0])).to(steps)])
"""

BY_COLUMNS = """
def residual_stack(weights, scale):
    columns = []
    for unit in torch.eye(weights.shape[1], dtype=weights.dtype):
        for W in weights:
            unit = unit + scale * torch.einsum("ij,j->i", W, unit)
        columns.append(unit)
    return torch.stack(columns, dim=1)
"""

STACK_LAYER = """
class Stack(nn.Module):
    def forward(self, weights, scale):
        if not len(weights):
            return torch.eye(weights.shape[1], dtype=weights.dtype)
        below = self(weights[:-1], scale)
        return below + scale * weights[-1] @ below

residual_stack = Stack()
"""

# --- the blocks ------------------------------------------------------------------

BLOCK = """
class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_channels, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or in_channels != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        identity = x if self.downsample is None else self.downsample(x)
        return F.relu(y + identity)
"""

WITH_LAYERS = changed(
    BLOCK,
    ("self.downsample = None", "self.relu = nn.ReLU(inplace=True)\n        self.downsample = None"),
    ("y = F.relu(", "y = self.relu("),
    ("        identity = x if", "        y += x if"),
    ("return F.relu(y + identity)", "return self.relu(y)"),
)

AN_IDENTITY = changed(
    BLOCK,
    ("self.downsample = None", "self.downsample = nn.Identity()"),
    ("x if self.downsample is None else self.downsample(x)", "self.downsample(x)"),
)

BY_SLICES = changed(
    BLOCK,
    ("else self.downsample(x)", "else self.project(x)"),
    (
        "    def forward",
        """    def project(self, x):
        s = self.conv1.stride[0]
        weight = self.downsample[0].weight[:, :, 0, 0]
        return self.downsample[1](torch.einsum("oi,nihw->nohw", weight, x[:, :, ::s, ::s]))

    def forward""",
    ),
)

# --- what reaches the scale ------------------------------------------------------

BY_HAND = """
def scale_gradients(branch, scale, upstream):
    for_scale = (upstream * branch).sum(dim=(0, 2, 3))
    for_branch = upstream * scale[:, None, None]
    return for_scale, for_branch, upstream
"""

BY_NAME = """
def scale_gradients(branch, scale, upstream):
    s = torch.einsum("nchw,nchw->c", upstream, branch)
    b = torch.einsum("nchw,c->nchw", upstream, scale)
    return s, b, upstream.clone()
"""

BY_CHANNEL = """
def scale_gradients(branch, scale, upstream):
    rows = [(upstream[:, c] * branch[:, c]).sum() for c in range(len(scale))]
    parts = [upstream[:, c] * scale[c] for c in range(len(scale))]
    return torch.stack(rows), torch.stack(parts, dim=1), 1 * upstream
"""

RIGHT = {
    STACK: {
        "multiplied": MULTIPLIED,
        "chained": CHAINED,
        "columns": BY_COLUMNS,
        "layer": STACK_LAYER,
    },
    BASIC: {
        "plain": BLOCK,
        "with_layers": WITH_LAYERS,
        "identity": AN_IDENTITY,
        "slices": BY_SLICES,
    },
    GRADIENTS: {"by_hand": BY_HAND, "einsum": BY_NAME, "by_channel": BY_CHANNEL},
}

SLIPS = (
    Slip(
        STACK,
        "from_the_right",
        changed(MULTIPLIED, ("(eye + scale * W) @ matrix", "matrix @ (eye + scale * W)")),
        "values",
        "reversed",
        (*NUMBERS, "rightmost"),
    ),
    Slip(
        STACK,
        "plus_one",
        changed(MULTIPLIED, ("(eye + scale * W)", "(1 + scale * W)")),
        "values",
        "added_to_all",
        (*NUMBERS, "diagonal"),
    ),
    Slip(
        STACK,
        "nothing_added",
        changed(MULTIPLIED, ("(eye + scale * W)", "(scale * W)")),
        "values",
        "plain",
        (*NUMBERS, "nothing is added"),
    ),
    Slip(
        STACK,
        "one_term",
        changed(MULTIPLIED, ("(eye + scale * W) @ matrix", "eye + scale * W @ matrix")),
        "values",
        "from_the_start",
        (*NUMBERS, "its own input"),
    ),
    Slip(
        STACK,
        "summed",
        changed(MULTIPLIED, ("(eye + scale * W) @ matrix", "matrix + scale * W")),
        "values",
        "first_order",
        (*NUMBERS, "later layer"),
    ),
    Slip(
        STACK,
        "scaled",
        changed(MULTIPLIED, ("(eye + scale * W)", "scale * (eye + W)")),
        "values",
        "scaled_all",
        (*NUMBERS, "branch alone"),
    ),
    Slip(
        STACK,
        "elementwise",
        changed(MULTIPLIED, (") @ matrix", ") * matrix")),
        "values",
        "by_entries",
        (*NUMBERS, "rows by columns"),
    ),
    Slip(
        STACK,
        "float32",
        changed(
            MULTIPLIED,
            (", dtype=weights.dtype", ""),
            ("(eye + scale * W) @ matrix", "(eye + scale * W.float()) @ matrix"),
        ),
        "shape",
        says=("torch.float32",),
    ),
    Slip(
        STACK,
        "float32_identity",
        changed(MULTIPLIED, (", dtype=weights.dtype", "")),
        "run",
        "float32",
        ("same dtype", "unless it is told"),
    ),
    Slip(
        STACK,
        "unscaled",
        changed(MULTIPLIED, ("scale * W", "W")),
        "values",
        "unscaled",
        (*NUMBERS, "scale is missing"),
    ),
    Slip(
        STACK,
        "identity_last",
        changed(
            MULTIPLIED,
            ("(eye + scale * W) @ matrix", "scale * W @ matrix"),
            ("return matrix", "return eye + matrix"),
        ),
        "values",
        "identity_at_the_end",
        (*NUMBERS, "added once"),
    ),
    Slip(
        STACK,
        "scaled_once",
        changed(
            MULTIPLIED,
            ("(eye + scale * W) @ matrix", "W @ matrix"),
            ("return matrix", "return eye + scale * matrix"),
        ),
        "values",
        "identity_at_the_end",
        (*NUMBERS, "added once"),
    ),
    Slip(
        STACK,
        "begun_with_weights",
        changed(
            MULTIPLIED,
            ("matrix = eye\n", "matrix = weights[0]\n"),
            ("W in weights", "W in weights[1:]"),
        ),
        "values",
        "begun_with_weights",
        (*NUMBERS, "its weights alone"),
    ),
    Slip(
        STACK,
        "return_in_the_loop",
        changed(MULTIPLIED, ("    return", "        return")),
        "values",
        "first_layer_alone",
        (*NUMBERS, "first turn"),
    ),
    Slip(
        STACK,
        "rows",
        changed(BY_COLUMNS, ("dim=1", "dim=0")),
        "values",
        "transposed",
        (*NUMBERS, "exchanged"),
    ),
    Slip(
        STACK,
        "data",
        changed(MULTIPLIED, ("for W in weights", "for W in weights.detach()")),
        "gradients",
        "cut_off",
        ("no gradient", "`weights`"),
    ),
    Slip(
        BASIC,
        "no_last_relu",
        changed(BLOCK, ("F.relu(y + identity)", "y + identity")),
        "values",
        "no_last_relu",
        (*NUMBERS, "after the addition"),
    ),
    Slip(
        BASIC,
        "relu_then_add",
        changed(BLOCK, ("relu(y + identity)", "relu(y) + identity")),
        "values",
        "relu_then_add",
        (*NUMBERS, "before the addition"),
    ),
    Slip(
        BASIC,
        "no_first_relu",
        changed(BLOCK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))")),
        "values",
        "no_first_relu",
        (*NUMBERS, "between"),
    ),
    Slip(
        BASIC,
        "a_third_relu",
        changed(BLOCK, ("y = self.bn2(self.conv2(y))", "y = F.relu(self.bn2(self.conv2(y)))")),
        "values",
        "relu_twice",
        (*NUMBERS, "of its own"),
    ),
    Slip(
        BASIC,
        "plain",
        changed(BLOCK, ("y + identity", "y")),
        "values",
        "no_input",
        (*NUMBERS, "plain block"),
    ),
    Slip(
        BASIC,
        "stride_second",
        changed(
            BLOCK,
            ("3, stride, 1,", "3, 1, 1,"),
            ("planes, 3, padding", "planes, 3, stride, padding"),
        ),
        "values",
        "stride_second",
        (*NUMBERS, "second 3x3", "stride=2"),
    ),
    Slip(
        BASIC,
        "project_on_stride",
        changed(BLOCK, ("stride != 1 or in_channels != planes", "stride != 1")),
        "run",
        "unprojected",
        ("`downsample.0.weight`", "channels changes"),
    ),
    Slip(
        BASIC,
        "project_on_width",
        changed(BLOCK, ("stride != 1 or in_channels != planes", "in_channels != planes")),
        "run",
        "two_sizes",
        ("has the block's stride",),
    ),
    Slip(
        BASIC,
        "always_projects",
        changed(BLOCK, ("if stride != 1 or in_channels != planes", "if True")),
        "names",
        "always_projects",
        ("not expected: `downsample.0.weight`", "in every block"),
    ),
    Slip(
        BASIC,
        "projection_keeps_the_size",
        changed(BLOCK, ("planes, 1, stride, bias", "planes, 1, bias")),
        "run",
        "two_sizes",
        ("line 21", "block's stride"),
    ),
    Slip(
        BASIC,
        "no_norm",
        changed(BLOCK, ("stride, bias=False), nn.BatchNorm2d(planes)", "stride, bias=False)")),
        "names",
        says=("not found: `downsample.1.bias`",),
    ),
    Slip(
        BASIC,
        "with_bias",
        changed(BLOCK, ("3, stride, 1, bias=False", "3, stride, 1")),
        "names",
        says=("not expected: `conv1.bias`",),
    ),
    Slip(
        BASIC,
        "one_without_padding",
        changed(BLOCK, ("3, padding=1, bias", "3, bias")),
        "run",
        says=("line 21", "must match"),
    ),
    Slip(
        BASIC,
        "no_padding",
        changed(
            BLOCK, ("3, padding=1, bias", "3, bias"), ("3, stride, 1, bias", "3, stride, bias")
        ),
        "run",
        "unpadded",
        ("border of one pixel",),
    ),
    Slip(
        BASIC,
        "stride_twice",
        changed(BLOCK, ("planes, 3, padding", "planes, 3, stride, padding")),
        "run",
        "stride_twice",
        ("thins it out twice",),
    ),
    Slip(
        BASIC,
        "stride_nowhere",
        changed(BLOCK, ("3, stride, 1,", "3, 1, 1,")),
        "run",
        "two_sizes",
        ("branch has the block's stride once",),
    ),
    Slip(
        BASIC,
        "projected_too_late",
        changed(BLOCK, ("F.relu(y + identity)", "F.relu(y + x)")),
        "run",
        "unprojected",
        ("projected input that is added",),
    ),
    Slip(
        BASIC,
        "rectified_projection",
        changed(BLOCK, ("else self.downsample(x)", "else F.relu(self.downsample(x))")),
        "values",
        "rectified_projection",
        (*NUMBERS, "behind the sum"),
    ),
    Slip(
        BASIC,
        "one_norm_for_both",
        changed(BLOCK, ("y = self.bn2(", "y = self.bn1(")),
        "values",
        "one_norm_for_both",
        (*NUMBERS, "bn2.bias", "has its own"),
    ),
    Slip(
        BASIC,
        "norm_unused",
        changed(BLOCK, ("self.bn2(self.conv2(y))", "self.conv2(y)")),
        "values",
        "no_second_norm",
        (*NUMBERS, "not used"),
    ),
    Slip(
        BASIC,
        "relu_then_norm",
        changed(BLOCK, ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(F.relu(self.conv1(x)))")),
        "values",
        "relu_then_norm",
        (*NUMBERS, "order is"),
    ),
    Slip(
        BASIC,
        "no_return",
        changed(BLOCK, ("return F.relu(y + ", "F.relu(y + ")),
        "run",
        says=("`return` is missing",),
    ),
    Slip(
        GRADIENTS,
        "dead",
        changed(BY_HAND, ("(upstream * branch)", "(upstream * branch * scale[:, None, None])")),
        "values",
        "dead_at_zero",
        (*NUMBERS, "for scale", "multiplied by the scale"),
    ),
    Slip(
        GRADIENTS,
        "mean",
        changed(BY_HAND, (".sum(dim", ".mean(dim")),
        "values",
        "mean",
        (*NUMBERS, "averaged"),
    ),
    Slip(
        GRADIENTS,
        "a_bias",
        changed(BY_HAND, ("(upstream * branch)", "upstream")),
        "values",
        "no_branch",
        (*NUMBERS, "a bias"),
    ),
    Slip(
        GRADIENTS,
        "no_upstream",
        changed(BY_HAND, ("(upstream * branch)", "branch")),
        "values",
        "no_upstream",
        (*NUMBERS, "from above"),
    ),
    Slip(
        GRADIENTS,
        "all_summed",
        changed(BY_HAND, (".sum(dim=(0, 2, 3))", ".sum()")),
        "shape",
        "one_number",
        ("one scale for each channel",),
    ),
    Slip(
        GRADIENTS,
        "for_each_image",
        changed(BY_HAND, ("(0, 2, 3)", "(2, 3)")),
        "shape",
        "each_image",
        ("expected (3,)", "row for each image"),
    ),
    Slip(
        GRADIENTS,
        "not_summed",
        changed(BY_HAND, (".sum(dim=(0, 2, 3))", "")),
        "shape",
        "not_summed",
        ("not summed",),
    ),
    Slip(
        GRADIENTS,
        "axes_kept",
        changed(BY_HAND, ("(0, 2, 3)", "(0, 2, 3), keepdim=True")),
        "shape",
        "axes_kept",
        ("length 1 are kept",),
    ),
    Slip(
        GRADIENTS,
        "exchanged",
        changed(BY_HAND, ("for_branch, upstream", "upstream, for_branch")),
        "values",
        "exchanged",
        (*NUMBERS, "are exchanged"),
    ),
    Slip(
        GRADIENTS,
        "slope_alone",
        changed(
            BY_HAND, ("upstream * scale[:, None, None]", "scale[:, None, None].expand_as(branch)")
        ),
        "values",
        "slope_alone",
        (*NUMBERS, "for branch", "from above"),
    ),
    Slip(
        GRADIENTS,
        "branch_unscaled",
        changed(BY_HAND, ("upstream * scale[:, None, None]", "upstream")),
        "values",
        "branch_unscaled",
        (*NUMBERS, "for branch", "through the scale"),
    ),
    Slip(
        GRADIENTS,
        "x_scaled",
        changed(BY_HAND, ("for_branch, up", "for_branch, for_branch  # ")),
        "values",
        "x_scaled",
        (*NUMBERS, "for x", "shortcut"),
    ),
    Slip(
        GRADIENTS,
        "x_twice",
        changed(BY_HAND, ("for_branch, upstream", "for_branch, upstream + for_branch")),
        "values",
        "x_twice",
        (*NUMBERS, "for x"),
    ),
    Slip(
        GRADIENTS,
        "scale_along_the_width",
        changed(BY_HAND, ("scale[:, None, None]", "scale")),
        "run",
        "along_the_width",
        ("line 4", "row of the image"),
    ),
    Slip(
        GRADIENTS,
        "two",
        changed(BY_HAND, (", upstream\n", "\n")),
        "shape",
        says=("tuple of 2 tensors", "tuple of 3"),
    ),
    Slip(
        GRADIENTS,
        "autograd",
        """
def scale_gradients(branch, scale, upstream):
    x = torch.zeros_like(branch, requires_grad=True)
    y = x + scale[:, None, None] * branch
    return torch.autograd.grad(y, (scale, branch, x), upstream)
""",
        "gradients",
        says=("no gradient",),
    ),
)
