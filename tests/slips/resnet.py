"""What students write in lesson 01: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, line_of

STACK, BASIC, GRADIENTS = "resnet.residual_stack", "resnet.basic_block", "resnet.scale_gradients"
NAMES: dict = {}

# --- the matrix of a stack -------------------------------------------------------

LAYERS = answer(STACK)

MULTIPLIED = changed(
    LAYERS,
    ("matrix = torch.eye", "eye = matrix = torch.eye"),
    ("matrix + scale * (w @ matrix)", "(eye + scale * w) @ matrix"),
)

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

BLOCK = answer(BASIC)

WITH_LAYERS = changed(
    BLOCK,
    ("self.downsample = None", "self.relu = nn.ReLU(inplace=True)\n        self.downsample = None"),
    ("y = F.relu(", "y = self.relu("),
    ("        shortcut = x if", "        y += x if"),
    ("return F.relu(y + shortcut)", "return self.relu(y)"),
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

BY_HAND = answer(GRADIENTS)

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

IN_ROWS = """
def scale_gradients(branch, scale, upstream):
    rows = (upstream * branch).transpose(0, 1).flatten(1)
    for_branch = (upstream.movedim(1, -1) * scale).movedim(-1, 1)
    return rows.sum(1), for_branch, upstream
"""

RIGHT = {
    STACK: {
        "multiplied": MULTIPLIED,
        "chained": CHAINED,
        "columns": BY_COLUMNS,
        "layer": STACK_LAYER,
    },
    BASIC: {"with_layers": WITH_LAYERS, "identity": AN_IDENTITY, "slices": BY_SLICES},
    GRADIENTS: {"einsum": BY_NAME, "by_channel": BY_CHANNEL, "in_rows": IN_ROWS},
}

SLIPS = (
    Slip(
        STACK,
        "from_the_right",
        changed(LAYERS, ("w @ matrix", "matrix @ w")),
        "values",
        "reversed",
        (*NUMBERS, "rightmost"),
    ),
    Slip(
        STACK,
        "plus_one",
        changed(MULTIPLIED, ("(eye + scale * w)", "(1 + scale * w)")),
        "values",
        "added_to_all",
        (*NUMBERS, "diagonal"),
    ),
    Slip(
        STACK,
        "nothing_added",
        changed(LAYERS, ("matrix + scale", "scale")),
        "values",
        "plain",
        (*NUMBERS, "nothing is added"),
    ),
    Slip(
        STACK,
        "one_term",
        changed(MULTIPLIED, ("(eye + scale * w) @ matrix", "eye + scale * w @ matrix")),
        "values",
        "from_the_start",
        (*NUMBERS, "its own input"),
    ),
    Slip(
        STACK,
        "summed",
        changed(LAYERS, ("(w @ matrix)", "w")),
        "values",
        "first_order",
        (*NUMBERS, "later layer"),
    ),
    Slip(
        STACK,
        "scaled",
        changed(LAYERS, ("matrix + scale * (w @ matrix)", "scale * (matrix + w @ matrix)")),
        "values",
        "scaled_all",
        (*NUMBERS, "branch alone"),
    ),
    Slip(
        STACK,
        "elementwise",
        changed(LAYERS, ("w @ matrix", "w * matrix")),
        "values",
        "by_entries",
        (*NUMBERS, "rows by columns"),
    ),
    Slip(
        STACK,
        "float32",
        changed(LAYERS, (", dtype=weights.dtype", ""), ("w @ matrix", "w.float() @ matrix")),
        "shape",
        says=("torch.float32",),
    ),
    Slip(
        STACK,
        "float32_identity",
        changed(LAYERS, (", dtype=weights.dtype", "")),
        "run",
        "float32",
        ("same dtype", "unless you pass a dtype"),
    ),
    Slip(
        STACK,
        "unscaled",
        changed(LAYERS, ("+ scale * (", "+ (")),
        "values",
        "unscaled",
        (*NUMBERS, "scale is missing"),
    ),
    Slip(
        STACK,
        "identity_last",
        changed(
            MULTIPLIED,
            ("(eye + scale * w) @ matrix", "scale * w @ matrix"),
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
            ("(eye + scale * w) @ matrix", "w @ matrix"),
            ("return matrix", "return eye + scale * matrix"),
        ),
        "values",
        "",
        NUMBERS,
    ),
    Slip(
        STACK,
        "begun_with_weights",
        changed(
            LAYERS,
            ("torch.eye(c, dtype=weights.dtype, device=device)", "weights[0]"),
            ("w in weights", "w in weights[1:]"),
        ),
        "values",
        "begun_with_weights",
        (*NUMBERS, "its weights alone"),
    ),
    Slip(
        STACK,
        "return_in_the_loop",
        changed(LAYERS, ("    return", "        return")),
        "values",
        "first_layer_alone",
        (*NUMBERS, "return inside its loop"),
    ),
    Slip(
        STACK,
        "rows",
        changed(BY_COLUMNS, ("dim=1", "dim=0")),
        "values",
        "transposed",
        (*NUMBERS, "are swapped"),
    ),
    Slip(
        STACK,
        "data",
        changed(LAYERS, ("for w in weights", "for w in weights.detach()")),
        "gradients",
        "cut_off",
        ("no gradient", "`weights`"),
    ),
    Slip(
        BASIC,
        "no_last_relu",
        changed(BLOCK, ("F.relu(y + shortcut)", "y + shortcut")),
        "values",
        "no_last_relu",
        (*NUMBERS, "after the addition"),
    ),
    Slip(
        BASIC,
        "relu_then_add",
        changed(BLOCK, ("relu(y + shortcut)", "relu(y) + shortcut")),
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
        changed(BLOCK, ("y + shortcut", "y")),
        "values",
        "no_input",
        (*NUMBERS, "plain block"),
    ),
    Slip(
        BASIC,
        "stride_second",
        changed(
            BLOCK,
            ("in_channels, planes, 3, stride", "in_channels, planes, 3, 1"),
            ("planes, planes, 3, 1", "planes, planes, 3, stride"),
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
        ("Both need the block's stride",),
    ),
    Slip(
        BASIC,
        "always_projects",
        changed(BLOCK, ("if stride != 1 or in_channels != planes", "if True")),
        "names",
        "always_projects",
        ("not expected: `downsample.0.weight`", "Every block has a projection"),
    ),
    Slip(
        BASIC,
        "projection_keeps_the_size",
        changed(BLOCK, ("planes, 1, stride, bias", "planes, 1, bias")),
        "run",
        "two_sizes",
        (line_of(BLOCK, "return F.relu"), "block's stride"),
    ),
    Slip(
        BASIC,
        "no_norm",
        changed(BLOCK, ("                nn.BatchNorm2d(planes),\n", "")),
        "names",
        "no_norm",
        ("not found: `downsample.1.bias`", "no batch norm"),
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
        changed(BLOCK, ("3, 1, 1, bias", "3, 1, bias")),
        "run",
        "one_unpadded",
        (line_of(BLOCK, "return F.relu"), "must match", "second 3x3 has no padding"),
    ),
    Slip(
        BASIC,
        "no_padding",
        changed(BLOCK, ("3, 1, 1, bias", "3, 1, bias"), ("3, stride, 1, bias", "3, stride, bias")),
        "run",
        "unpadded",
        ("one pixel on each side",),
    ),
    Slip(
        BASIC,
        "stride_twice",
        changed(BLOCK, ("planes, planes, 3, 1", "planes, planes, 3, stride")),
        "run",
        "stride_twice",
        ("shrinks twice",),
    ),
    Slip(
        BASIC,
        "both_rectified",
        changed(BLOCK, ("F.relu(y + shortcut)", "F.relu(y) + F.relu(shortcut)")),
        "values",
        "both_rectified",
        (*NUMBERS, "one ReLU to the sum"),
    ),
    Slip(
        BASIC,
        "not_a_layer",
        changed(BLOCK, ("x if self.downsample is None else ", "")),
        "run",
        "not_a_layer",
        ("None cannot be called",),
    ),
    Slip(
        BASIC,
        "stride_nowhere",
        changed(BLOCK, ("3, stride, 1,", "3, 1, 1,")),
        "run",
        "two_sizes",
        ("Both need the block's stride",),
    ),
    Slip(
        BASIC,
        "projected_too_late",
        changed(BLOCK, ("F.relu(y + shortcut)", "F.relu(y + x)")),
        "run",
        "unprojected",
        ("add the projected input",),
    ),
    Slip(
        BASIC,
        "rectified_projection",
        changed(BLOCK, ("else self.downsample(x)", "else F.relu(self.downsample(x))")),
        "values",
        "rectified_projection",
        (*NUMBERS, "after the addition"),
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
        (*NUMBERS, "leaves out `upstream`"),
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
        (*NUMBERS, "are swapped"),
    ),
    Slip(
        GRADIENTS,
        "slope_alone",
        changed(
            BY_HAND, ("upstream * scale[:, None, None]", "scale[:, None, None].expand_as(branch)")
        ),
        "values",
        "slope_alone",
        (*NUMBERS, "for branch", "leaves out `upstream`"),
    ),
    Slip(
        GRADIENTS,
        "scale_as_it_is",
        changed(BY_HAND, ("upstream * scale[:, None, None]", "scale")),
        "shape",
        "scale_as_it_is",
        ("one number for each channel",),
    ),
    Slip(
        GRADIENTS,
        "branch_unscaled",
        changed(BY_HAND, ("upstream * scale[:, None, None]", "upstream")),
        "values",
        "branch_unscaled",
        (*NUMBERS, "for branch", "multiplied by the scale"),
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
        (line_of(BY_HAND, "for_branch ="), "meet the width"),
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
    Slip(
        STACK,
        "scaled_input",
        changed(LAYERS, ("matrix + scale * (w @ matrix)", "scale * matrix + w @ matrix")),
        "values",
        "scaled_input",
        ("instead of the branch",),
    ),
    Slip(
        STACK,
        "from_zeros",
        changed(LAYERS, ("torch.eye(c, dtype", "torch.zeros(weights.shape[1:], dtype")),
        "values",
        "from_zeros",
        ("stays zero",),
    ),
    Slip(
        STACK,
        "from_ones",
        changed(LAYERS, ("torch.eye(c, dtype", "torch.ones(weights.shape[1:], dtype")),
        "values",
        "from_ones",
        ("diagonal only",),
    ),
    Slip(
        STACK,
        "last_layer",
        changed(MULTIPLIED, ("(eye + scale * w) @ matrix", "eye + scale * w")),
        "values",
        "last_layer_alone",
        ("Only the last layer",),
    ),
    Slip(
        STACK,
        "first_left_out",
        changed(LAYERS, ("w in weights", "w in weights[1:]")),
        "values",
        "first_left_out",
        ("first layer is missing",),
    ),
    Slip(
        STACK,
        "last_left_out",
        changed(LAYERS, ("w in weights", "w in weights[:-1]")),
        "values",
        "last_left_out",
        ("last layer is missing",),
    ),
    Slip(
        STACK,
        "layers_transposed",
        changed(LAYERS, ("w @ matrix", "w.T @ matrix")),
        "values",
        "layers_transposed",
        ("use it as it is",),
    ),
    Slip(
        BASIC,
        "no_relu",
        changed(
            BLOCK,
            ("F.relu(y + shortcut)", "y + shortcut"),
            ("F.relu(self.bn1(self.conv1(x)))", "self.bn1(self.conv1(x))"),
        ),
        "values",
        "no_relu",
        ("no ReLU at all",),
    ),
    Slip(
        BASIC,
        "norm_after_sum",
        changed(
            BLOCK,
            ("self.bn2(self.conv2(y))", "self.conv2(y)"),
            ("F.relu(y + shortcut)", "F.relu(self.bn2(y + shortcut))"),
        ),
        "values",
        "norm_after_sum",
        ("after the addition",),
    ),
    Slip(
        BASIC,
        "overwritten",
        changed(
            BLOCK,
            ("y = F.relu(self.bn1(self.conv1(x)))", "x = F.relu(self.bn1(self.conv1(x)))"),
            ("self.conv2(y)", "self.conv2(x)"),
        ),
        "values",
        "shortcut_from_the_middle",
        ("Keep the input",),
    ),
    Slip(
        BASIC,
        "padded_projection",
        changed(BLOCK, ("planes, 1, stride, bias", "planes, 1, stride, 1, bias")),
        "run",
        "padded_projection",
        ("A 1x1 needs none",),
    ),
    Slip(
        GRADIENTS,
        "x_ones",
        changed(BY_HAND, ("for_branch, upstream", "for_branch, torch.ones_like(upstream)")),
        "values",
        "x_ones",
        ("for x",),
    ),
    Slip(
        GRADIENTS,
        "sums_multiplied",
        changed(
            BY_HAND,
            (
                "(upstream * branch).sum(dim=(0, 2, 3))",
                "upstream.sum(dim=(0, 2, 3)) * branch.sum(dim=(0, 2, 3))",
            ),
        ),
        "values",
        "sums_multiplied",
        ("multiply first",),
    ),
    Slip(
        GRADIENTS,
        "mean_of_images",
        changed(BY_HAND, (".sum(dim=(0, 2, 3))", ".sum(dim=(2, 3)).mean(0)")),
        "values",
        "mean_of_images",
        ("averaged over the images",),
    ),
    Slip(
        GRADIENTS,
        "mean_of_pixels",
        changed(BY_HAND, (".sum(dim=(0, 2, 3))", ".mean(dim=(2, 3)).sum(0)")),
        "values",
        "mean_of_pixels",
        ("averaged over the pixels",),
    ),
    Slip(
        GRADIENTS,
        "branch_by_itself",
        changed(BY_HAND, ("upstream * scale[:, None, None]", "upstream * branch")),
        "values",
        "branch_by_itself",
        ("for branch",),
    ),
    Slip(
        GRADIENTS,
        "pixels_apart",
        changed(BY_HAND, ("(0, 2, 3)", "0")),
        "shape",
        "pixels_apart",
        ("for each pixel",),
    ),
    Slip(
        GRADIENTS,
        "channels_summed",
        changed(BY_HAND, ("(0, 2, 3)", "(1, 2, 3)")),
        "shape",
        "channels_summed",
        ("for each image",),
    ),
    Slip(
        GRADIENTS,
        "branch_first",
        changed(BY_HAND, ("return for_scale, for_branch", "return for_branch, for_scale")),
        "shape",
        "branch_first",
        ("The order is",),
    ),
    Slip(
        GRADIENTS,
        "x_first",
        changed(BY_HAND, ("for_scale, for_branch, upstream", "upstream, for_scale, for_branch")),
        "shape",
        "x_first",
        ("of x is returned first",),
    ),
    Slip(
        GRADIENTS,
        "upstream_once",
        changed(
            BY_HAND,
            ("upstream * scale[:, None, None]", "scale[:, None, None].expand_as(branch)"),
            ("for_branch, upstream", "for_branch, torch.ones_like(upstream)"),
        ),
        "values",
        "upstream_for_scale_alone",
        ("also act through y",),
    ),
    Slip(
        GRADIENTS,
        "local",
        changed(
            BY_HAND,
            ("(upstream * branch)", "branch"),
            ("upstream * scale[:, None, None]", "scale[:, None, None].expand_as(branch)"),
            ("for_branch, upstream", "for_branch, torch.ones_like(upstream)"),
        ),
        "values",
        "no_upstream_at_all",
        ("All three",),
    ),
)
