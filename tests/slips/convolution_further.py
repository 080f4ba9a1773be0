"""What students write in lesson 00, Further: batch norm and the Inception block."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, names

NORM, BLOCK = "convolution.batch_norm", "convolution.inception"

NORMALISED = answer(NORM)

BY_VAR = changed(
    NORMALISED,
    ("(x - mean[:, None, None]).square().mean(dims)", "x.var(dims, correction=0)"),
    ("var.detach() * n / (n - 1)", "x.var(dims, correction=1).detach()"),
)

KEPT = """
def batch_norm(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    shape = (1, -1, 1, 1)
    if not training:
        y = (x - running_mean.view(shape)) / (running_var.view(shape) + eps).sqrt()
        return y * weight.view(shape) + bias.view(shape), running_mean, running_var
    count = x.shape[0] * x.shape[2] * x.shape[3]
    mean = x.sum((0, 2, 3), keepdim=True) / count
    var = ((x - mean) ** 2).sum((0, 2, 3), keepdim=True) / count
    y = (x - mean) / (var + eps) ** 0.5 * weight.view(shape) + bias.view(shape)
    with torch.no_grad():
        new_mean = (1 - momentum) * running_mean + momentum * mean.flatten()
        new_var = (1 - momentum) * running_var + momentum * var.flatten() * count / (count - 1)
    return y, new_mean, new_var
"""

STEPS = """
def batch_norm(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    if training:
        n = x.numel() // x.shape[1]
        mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)
        unbiased = var.detach() * n / (n - 1)
        new_mean = (1 - momentum) * running_mean + momentum * mean.detach()
        new_var = (1 - momentum) * running_var + momentum * unbiased
    else:
        mean, var = new_mean, new_var = running_mean, running_var
    x_hat = (x - mean[:, None, None]) / torch.sqrt(var[:, None, None] + eps)
    y = weight[:, None, None] * x_hat + bias[:, None, None]
    return y, new_mean, new_var
"""

FOLDED = """
def batch_norm(x, weight, bias, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    mean, var = running_mean, running_var
    if training:
        flat = x.transpose(0, 1).flatten(1)
        var, mean = torch.var_mean(flat, 1, correction=0)
        n = flat.shape[1]
        running_mean = running_mean + momentum * (mean.detach() - running_mean)
        running_var = running_var + momentum * (var.detach() * n / (n - 1) - running_var)
    scale = weight * torch.rsqrt(var + eps)
    shift = bias - scale * mean
    return torch.einsum("nchw,c->nchw", x, scale) + shift[:, None, None], running_mean, running_var
"""

BLOCKS = answer(BLOCK)

BY_NAME = changed(
    BLOCKS,
    ("        branches = self.branch1, self.branch2, self.branch3, self.branch4\n", ""),
    (
        "[branch(x) for branch in branches], dim=1",
        "(self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)), 1",
    ),
)

IN_ORDER = changed(
    BLOCKS,
    ("        branches = self.branch1, self.branch2, self.branch3, self.branch4\n", ""),
    ("in branches", "in self.children()"),
)

IN_STEPS = changed(
    BLOCKS,
    ("nn.MaxPool2d(3, stride=1, padding=1)", "nn.Identity()"),
    (
        "[branch(x) for branch in branches]",
        "[branch(x) for branch in branches[:3]] + [self.branch4(F.max_pool2d(x, 3, 1, 1))]",
    ),
)


NAMES = names("convolution", "BasicConv2d")

RIGHT = {
    NORM: {"var": BY_VAR, "kept": KEPT, "steps": STEPS, "folded": FOLDED},
    BLOCK: {"by_name": BY_NAME, "in_order": IN_ORDER, "in_steps": IN_STEPS},
}

SLIPS = (
    Slip(
        NORM,
        "always_batch",
        changed(NORMALISED, ("    if training:", "    if True:")),
        "values",
        "always_training",
        (*NUMBERS, "the same as in training"),
    ),
    Slip(
        NORM,
        "batch_served",
        changed(
            KEPT,
            (
                "y = (x - running_mean.view(shape)) / (running_var.view(shape) + eps).sqrt()",
                "var = x.var((0, 2, 3), correction=0, keepdim=True)\n"
                "        y = (x - x.mean((0, 2, 3), True)) / (var + eps).sqrt()",
            ),
        ),
        "values",
        "batch_in_evaluation",
        (*NUMBERS, "training=False"),
    ),
    Slip(
        NORM,
        "running_used",
        changed(
            NORMALISED,
            ("    if training", "    kept = mean, var\n    if training"),
            ("    scale =", "    mean, var = kept\n    scale ="),
        ),
        "values",
        "running_in_training",
        (*NUMBERS, "training=True"),
    ),
    Slip(
        NORM,
        "swapped",
        changed(
            KEPT,
            ("(1 - momentum) * running", "momentum * running"),
            ("+ momentum *", "+ (1 - momentum) *"),
        ),
        "values",
        "momentum_swapped",
        (*NUMBERS, "share of the new batch"),
    ),
    Slip(
        NORM,
        "biased",
        changed(NORMALISED, (" * n / (n - 1)", "")),
        "values",
        "biased_running",
        (*NUMBERS, "running variance"),
    ),
    Slip(
        NORM,
        "default_variance",
        changed(
            NORMALISED,
            ("(x - mean[:, None, None]).square().mean(dims)", "x.var(dims)"),
            (" * n / (n - 1)", ""),
        ),
        "values",
        "unbiased_output",
        NUMBERS,
    ),
    Slip(
        NORM,
        "eps_later",
        changed(NORMALISED, ("torch.sqrt(var + eps)", "(torch.sqrt(var) + eps)")),
        "values",
        "eps_outside",
        (*NUMBERS, "under the root"),
    ),
    Slip(
        NORM,
        "no_root",
        changed(NORMALISED, ("torch.sqrt(var + eps)", "(var + eps)")),
        "values",
        "root_missing",
        (*NUMBERS, "standard deviation"),
    ),
    Slip(
        NORM,
        "no_weight",
        changed(NORMALISED, ("weight / torch", "1 / torch")),
        "values",
        "no_weight",
        (*NUMBERS, "`weight`"),
    ),
    Slip(
        NORM,
        "along_width",
        changed(
            NORMALISED, ("scale[:, None, None] * x", "x * scale"), ("shift[:, None, None]", "shift")
        ),
        "run",
        "",
        ("x * scale",),
    ),
    Slip(
        NORM,
        "no_scale",
        changed(NORMALISED, ("weight / torch", "1 / torch"), ("bias - mean", "-mean")),
        "values",
        "no_scale",
        NUMBERS,
    ),
    Slip(
        NORM,
        "one_mean",
        changed(
            NORMALISED,
            (".mean(dims)", ".mean().expand(x.shape[1])"),
            ("x.numel() // x.shape[1]", "x.numel()"),
        ),
        "values",
        "one_statistic",
        (*NUMBERS, "Each channel needs its own"),
    ),
    Slip(
        NORM,
        "graph",
        changed(NORMALISED, (".detach()", "")),
        "gradients",
        "graph_kept",
        ("`x`", "Detach them"),
    ),
    Slip(
        NORM,
        "constant",
        changed(NORMALISED, ("x.mean(", "x.detach().mean("), ("(x - mean", "(x.detach() - mean")),
        "gradients",
        "constant_statistics",
        ("go", "`x`"),
    ),
    Slip(
        NORM,
        "in_place",
        changed(
            NORMALISED, ("running_mean = torch.lerp(running_mean,", "running_mean.data.lerp_(")
        ),
        "run",
        says=("in place", "running_mean"),
    ),
    Slip(NORM, "over_images", changed(NORMALISED, ("(0, 2, 3), x", "0, x")), "run", says=("line",)),
    Slip(
        NORM,
        "y_alone",
        changed(NORMALISED, ("return y, running_mean, running_var", "return y")),
        "shape",
        says=("3",),
    ),
    Slip(
        NORM,
        "shortcut",
        "def batch_norm(x, weight, bias, running_mean, running_var, training, "
        "momentum=0.1, eps=1e-5):\n    mean, var = running_mean.detach().clone(), "
        "running_var.detach().clone()\n    y = F.batch_norm(x, mean, var, weight, bias, training, "
        "momentum, eps)\n    return y, mean, var\n",
        "shortcut",
        says=("framework's normalisation", "line 3"),
    ),
    Slip(
        BLOCK,
        "order",
        changed(BLOCKS, ("self.branch3, self.branch4", "self.branch4, self.branch3")),
        "values",
        "other_order",
        (*NUMBERS, "order"),
    ),
    Slip(
        BLOCK,
        "mean_pool",
        changed(BLOCKS, ("MaxPool2d", "AvgPool2d")),
        "values",
        "average_pool",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "no_pool",
        changed(BLOCKS, ("nn.MaxPool2d(3, stride=1, padding=1)", "nn.Identity()")),
        "values",
        "no_pool",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "zero_border",
        changed(
            BLOCKS,
            (
                "nn.MaxPool2d(3, stride=1, padding=1)",
                "nn.Sequential(nn.ZeroPad2d(1), nn.MaxPool2d(3, 1))",
            ),
        ),
        "values",
        "zeros_pooled",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "pool_after",
        changed(
            IN_STEPS,
            ("self.branch4(F.max_pool2d(x, 3, 1, 1))", "F.max_pool2d(self.branch4(x), 3, 1, 1)"),
        ),
        "values",
        "pool_after",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "pool_last",
        changed(
            BLOCKS,
            ("            nn.MaxPool2d(3, stride=1, padding=1),\n", ""),
            (
                "pool_proj, 1),\n",
                "pool_proj, 1),\n            nn.MaxPool2d(3, stride=1, padding=1),\n",
            ),
        ),
        "names",
        says=("not found: `branch4.1.bn.bias`",),
    ),
    Slip(
        BLOCK,
        "pool_stride",
        changed(BLOCKS, ("(3, stride=1, padding=1)", "(3, padding=1)")),
        "run",
        "pool_stride",
        ("shrinks the image", "kernel size"),
    ),
    Slip(
        BLOCK,
        "always_3x3",
        changed(BLOCKS, ("ch5x5, large, padding=large // 2", "ch5x5, 3, padding=1")),
        "parameters",
        "small_kernel",
        ("branch3.1.conv.weight",),
    ),
    Slip(
        BLOCK,
        "one_padding",
        changed(BLOCKS, ("padding=large // 2", "padding=1")),
        "run",
        "always_padded_by_one",
        ("Sizes of tensors", "only a kernel of 3"),
    ),
    Slip(
        BLOCK,
        "no_padding",
        changed(
            BLOCKS, (", padding=1),\n        )", "),\n        )"), (", padding=large // 2", "")
        ),
        "run",
        "no_padding",
        ("half of k",),
    ),
    Slip(
        BLOCK,
        "reductions",
        changed(
            BLOCKS,
            ("ch3x3red", "SWAP"),
            ("ch5x5red", "ch3x3red"),
            ("SWAP", "ch5x5red"),
            (
                "in_channels, ch1x1, ch5x5red, ch3x3, ch3x3red,",
                "in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red,",
            ),
        ),
        "parameters",
        "reductions_swapped",
        ("branch2.0.conv.weight",),
    ),
    Slip(
        BLOCK,
        "added",
        changed(
            BLOCKS,
            (
                "torch.cat([branch(x) for branch in branches], dim=1)",
                "sum(branch(x) for branch in branches)",
            ),
        ),
        "run",
        says=("line",),
    ),
    Slip(
        BLOCK, "wrong_dim", changed(BLOCKS, ("dim=1", "dim=0")), "run", says=("Sizes of tensors",)
    ),
    Slip(
        BLOCK,
        "no_reduction",
        changed(
            BLOCKS,
            (
                "            BasicConv2d(in_channels, ch3x3red, 1),\n"
                "            BasicConv2d(ch3x3red, ch3x3",
                "            BasicConv2d(in_channels, ch3x3",
            ),
        ),
        "names",
        says=("not found: `branch2.1",),
    ),
    Slip(
        NORM,
        "images_counted",
        changed(STEPS, ("x.numel() // x.shape[1]", "len(x)")),
        "values",
        "images_counted",
        ("number of images",),
    ),
    Slip(
        NORM,
        "all_counted",
        changed(STEPS, ("x.numel() // x.shape[1]", "x.numel()")),
        "values",
        "all_counted",
        ("count of all numbers",),
    ),
    Slip(
        NORM,
        "corrected_twice",
        changed(STEPS, (", correction=0", "")),
        "values",
        "corrected_twice",
        ("once more",),
    ),
    Slip(
        NORM,
        "statistics_swapped",
        changed(STEPS, ("return y, new_mean, new_var", "return y, new_var, new_mean")),
        "values",
        "statistics_swapped",
        ("The order is",),
    ),
    Slip(
        NORM,
        "batch_kept",
        changed(
            STEPS,
            ("(1 - momentum) * running_mean + momentum * mean.detach()", "mean.detach()"),
            ("(1 - momentum) * running_var + momentum * unbiased", "var.detach()"),
        ),
        "values",
        "batch_kept",
        ("this batch alone",),
    ),
    Slip(
        NORM,
        "never_updated",
        changed(STEPS, ("return y, new_mean, new_var", "return y, running_mean, running_var")),
        "values",
        "never_updated",
        ("never change",),
    ),
    Slip(
        NORM,
        "nothing_forgotten",
        changed(STEPS, ("(1 - momentum) * ", "")),
        "values",
        "nothing_forgotten",
        ("grow without end",),
    ),
    Slip(
        NORM,
        "momentum_unused",
        changed(STEPS, ("(1 - momentum)", "0.9"), ("momentum * ", "0.1 * ")),
        "values",
        "momentum_unused",
        ("always 0.1",),
    ),
    Slip(
        NORM,
        "eps_unused",
        changed(STEPS, ("+ eps", "+ 1e-5")),
        "values",
        "eps_unused",
        ("always 1e-5",),
    ),
    Slip(NORM, "no_eps", changed(STEPS, (" + eps", "")), "values", "no_eps", ("eps is missing",)),
    Slip(
        NORM,
        "no_shift",
        changed(STEPS, (" + bias[:, None, None]", "")),
        "values",
        "no_shift",
        ("shift is missing",),
    ),
    Slip(
        NORM,
        "shift_scaled",
        changed(
            STEPS,
            (
                "weight[:, None, None] * x_hat + bias[:, None, None]",
                "weight[:, None, None] * (x_hat + bias[:, None, None])",
            ),
        ),
        "values",
        "shift_scaled",
        ("Add it last",),
    ),
    Slip(
        NORM,
        "weight_and_bias",
        changed(
            STEPS,
            (
                "weight[:, None, None] * x_hat + bias[:, None, None]",
                "bias[:, None, None] * x_hat + weight[:, None, None]",
            ),
        ),
        "values",
        "weight_and_bias_swapped",
        ("are swapped",),
    ),
    Slip(
        NORM,
        "not_centred",
        changed(STEPS, ("(x - mean[:, None, None])", "x")),
        "values",
        "not_centred",
        ("not subtracted",),
    ),
    Slip(
        NORM,
        "modes",
        changed(STEPS, ("if training", "if not training")),
        "values",
        "modes_swapped",
        ("Training and evaluation",),
    ),
    Slip(
        NORM,
        "always",
        changed(STEPS, ("if training", "if True")),
        "values",
        "always_training",
        ("In evaluation",),
    ),
    Slip(
        NORM,
        "never",
        changed(STEPS, ("if training", "if False")),
        "values",
        "never_training",
        ("In training",),
    ),
    Slip(
        NORM,
        "updated_used",
        changed(STEPS, ("    x_hat", "    mean, var = new_mean, new_var\n    x_hat")),
        "values",
        "updated_used",
        ("updated running",),
    ),
    Slip(
        BLOCK,
        "large_pool",
        changed(
            BLOCKS,
            (
                "nn.MaxPool2d(3, stride=1, padding=1)",
                "nn.MaxPool2d(large, stride=1, padding=large // 2)",
            ),
        ),
        "values",
        "large_pool",
        ("3 x 3 pixels in every block",),
    ),
    Slip(
        BLOCK,
        "all_pooled",
        changed(
            IN_STEPS,
            ("        branches = ", "        x = F.max_pool2d(x, 3, 1, 1)\n        branches = "),
            ("self.branch4(F.max_pool2d(x, 3, 1, 1))", "self.branch4(x)"),
        ),
        "values",
        "all_pooled",
        ("fourth branch alone",),
    ),
    Slip(
        BLOCK,
        "pool_unpadded",
        changed(BLOCKS, ("nn.MaxPool2d(3, stride=1, padding=1)", "nn.MaxPool2d(3, stride=1)")),
        "run",
        "pool_unpadded",
        ("no padding",),
    ),
    Slip(
        BLOCK,
        "large_unpadded",
        changed(BLOCKS, (", padding=large // 2", "")),
        "run",
        "large_unpadded",
        ("large kernel needs a padding",),
    ),
    Slip(
        BLOCK,
        "padded_by_two",
        changed(BLOCKS, ("large // 2", "2")),
        "run",
        "always_padded_by_two",
        ("only a kernel of 5",),
    ),
    Slip(
        NORM,
        "upside_down",
        changed(STEPS, ("n / (n - 1)", "(n - 1) / n")),
        "values",
        "corrected_upside_down",
        ("upside down",),
    ),
)
