"""What students write in lesson 03's core: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed, names

GROW, LAYER, BLOCK = "densenet.grow", "densenet.layer", "densenet.block"
STACKED, DENSE_LAYER, DENSE_BLOCK = answer(GROW), answer(LAYER), answer(BLOCK)
NAMES = names("densenet", "Layer", "Block")  # what the lesson defines between its exercises

# --- the growing matrix ----------------------------------------------------------

PLACED = """
def grow(matrix, weight):
    c, c0 = matrix.shape
    whole = matrix.new_zeros(c + len(weight), c0)
    whole[:c] = matrix
    whole[c:] = weight @ matrix
    return whole
"""

ONE_PRODUCT = """
def grow(matrix, weight):
    eye = torch.eye(len(matrix), dtype=matrix.dtype)
    return torch.vstack([eye, weight]) @ matrix
"""

AS_LAYER = changed(STACKED, ("weight @ matrix", "F.linear(weight, matrix.T)"))

BROADCAST = changed(STACKED, ("weight @ matrix", "(weight[:, :, None] * matrix).sum(1)"))

ROW_BY_ROW = """
def grow(matrix, weight):
    rows = list(matrix)
    for w in weight:
        rows.append(w @ matrix)
    return torch.stack(rows)
"""

# --- the layer -------------------------------------------------------------------

WITH_RELUS = changed(
    DENSE_LAYER,
    ("        width =", "        self.relu = nn.ReLU(inplace=True)\n        width ="),
    ("F.relu(", "self.relu("),
)

BY_CLAMP = changed(
    DENSE_LAYER,
    ("F.relu(self.norm1(x))", "self.norm1(x).clamp(min=0)"),
    ("F.relu(self.norm2(y))", "self.norm2(y).clamp(min=0)"),
)

IN_STEPS = changed(
    DENSE_LAYER,
    (
        "        y = self.conv1(F.relu(self.norm1(x)))\n"
        "        return self.conv2(F.relu(self.norm2(y)))",
        "        for norm, conv in ((self.norm1, self.conv1), (self.norm2, self.conv2)):\n"
        "            x = conv(F.relu(norm(x)))\n        return x",
    ),
)

PADDED_SAME = changed(DENSE_LAYER, ("padding=1", "padding='same'"))

BY_FUNCTION = changed(
    DENSE_LAYER,
    (
        "self.conv2(F.relu(self.norm2(y)))",
        "F.conv2d(self.norm2(y).relu(), self.conv2.weight, None, 1, 1)",
    ),
)

# --- the block -------------------------------------------------------------------

COUNTING = changed(
    DENSE_BLOCK,
    (
        "channels_read = in_channels + i * growth_rate\n"
        "            layer = Layer(channels_read, growth_rate, bn_size)",
        "layer = Layer(in_channels, growth_rate, bn_size)\n            in_channels += growth_rate",
    ),
)

IN_PIECES = changed(
    DENSE_BLOCK,
    (
        "        for layer in self.children():\n            x =",
        "        pieces = [x]\n        for layer in self.children():\n            new =",
    ),
    (
        "torch.cat([x, layer(x)], dim=1)",
        "layer(torch.cat(pieces, dim=1))\n            pieces.append(new)",
    ),
    ("return x", "return torch.cat(pieces, dim=1)"),
)

BY_SUM = changed(
    DENSE_BLOCK,
    ("in_channels + i * growth_rate", "sum([growth_rate] * i, in_channels)"),
    ("dim=1", "dim=-3"),
)

NAMED = changed(DENSE_BLOCK, ("self.children()", "dict(self.named_children()).values()"))

RIGHT = {
    GROW: {
        "placed": PLACED,
        "one_product": ONE_PRODUCT,
        "as_layer": AS_LAYER,
        "broadcast": BROADCAST,
    },
    LAYER: {
        "relus": WITH_RELUS,
        "clamp": BY_CLAMP,
        "in_steps": IN_STEPS,
        "padded_same": PADDED_SAME,
        "by_function": BY_FUNCTION,
    },
    BLOCK: {"counting": COUNTING, "in_pieces": IN_PIECES, "named": NAMED, "by_sum": BY_SUM},
}

SLIPS = (
    Slip(
        GROW,
        "new_on_top",
        changed(STACKED, ("[matrix, weight @ matrix]", "[weight @ matrix, matrix]")),
        "values",
        "new_on_top",
        NUMBERS,
    ),
    Slip(
        GROW,
        "weight_as_it_is",
        changed(STACKED, ("weight @ matrix", "weight")),
        "values",
        "as_they_are",
        ("multiply the weight by the matrix",),
    ),
    Slip(
        GROW,
        "reads_x",
        changed(STACKED, ("weight @ matrix", "weight[:, : matrix.shape[1]]")),
        "values",
        "as_they_are",
        NUMBERS,
    ),
    Slip(
        GROW,
        "only_new",
        changed(STACKED, ("torch.cat([matrix, weight @ matrix])", "weight @ matrix")),
        "shape",
        "only_new",
        ("keeps the old ones",),
    ),
    Slip(
        GROW,
        "beside",
        changed(STACKED, ("weight @ matrix])", "weight @ matrix], dim=1)")),
        "shape",
        "beside",
        ("expected (8, 4)",),
    ),
    Slip(
        GROW,
        "identity_on_top",
        changed(
            STACKED,
            ("torch.cat([matrix", "torch.cat([torch.eye(*matrix.shape, dtype=matrix.dtype)"),
        ),
        "values",
        "from_the_identity",
        NUMBERS,
    ),
    Slip(
        GROW,
        "turned",
        changed(STACKED, ("weight @ matrix", "matrix @ weight")),
        "values",
        "turned",
        (*NUMBERS, "weight comes first"),
    ),
    Slip(
        GROW,
        "transposed",
        changed(STACKED, ("weight @ matrix", "weight.T @ matrix")),
        "values",
        "transposed",
        NUMBERS,
    ),
    Slip(
        GROW,
        "matrix_transposed",
        changed(STACKED, ("weight @ matrix", "weight @ matrix.T")),
        "values",
        "matrix_transposed",
        NUMBERS,
    ),
    Slip(
        GROW,
        "entry_by_entry",
        changed(STACKED, ("weight @ matrix", "weight * matrix")),
        "values",
        "entry_by_entry",
        ("matrix product",),
    ),
    Slip(
        GROW,
        "cut_off",
        changed(STACKED, ("weight @ matrix", "weight.data @ matrix")),
        "gradients",
        "cut_off",
        ("no gradient", "`weight`"),
    ),
    Slip(
        GROW, "row_by_row", ROW_BY_ROW, "launches", says=("Right, but slow", "One matrix product")
    ),
    Slip(
        LAYER,
        "no_first_relu",
        changed(DENSE_LAYER, ("F.relu(self.norm1(x))", "self.norm1(x)")),
        "values",
        "no_first_relu",
        (*NUMBERS, "evaluation mode"),
    ),
    Slip(
        LAYER,
        "no_second_relu",
        changed(DENSE_LAYER, ("F.relu(self.norm2(y))", "self.norm2(y)")),
        "values",
        "no_second_relu",
        NUMBERS,
    ),
    Slip(
        LAYER,
        "relu_first",
        changed(
            DENSE_LAYER,
            ("F.relu(self.norm1(x))", "self.norm1(F.relu(x))"),
            ("F.relu(self.norm2(y))", "self.norm2(F.relu(y))"),
        ),
        "values",
        "relu_first",
        NUMBERS,
    ),
    Slip(
        LAYER,
        "no_norms",
        changed(DENSE_LAYER, ("self.norm1(x)", "x"), ("self.norm2(y)", "y")),
        "values",
        "no_norms",
        NUMBERS,
    ),
    Slip(LAYER, "no_relus", changed(DENSE_LAYER, ("F.relu(", "(")), "values", "no_relus", NUMBERS),
    Slip(
        LAYER,
        "relu_last",
        changed(
            DENSE_LAYER,
            (
                "return self.conv2(F.relu(self.norm2(y)))",
                "return F.relu(self.conv2(F.relu(self.norm2(y))))",
            ),
        ),
        "values",
        "relu_last",
        NUMBERS,
    ),
    Slip(
        LAYER,
        "norm_late",
        changed(
            DENSE_LAYER,
            ("self.conv1(F.relu(self.norm1(x)))", "F.relu(self.norm1(self.conv1(x)))"),
            ("self.conv2(F.relu(self.norm2(y)))", "F.relu(self.norm2(self.conv2(y)))"),
        ),
        "run",
        "norm_late",
        ("does not fit",),
    ),
    Slip(
        LAYER,
        "first_norm_of_the_narrow",
        changed(DENSE_LAYER, ("BatchNorm2d(in_channels)", "BatchNorm2d(width)")),
        "run",
        "",
        ("`norm1.weight` has shape (8,), expected (6,)",),
    ),
    Slip(
        LAYER,
        "always_four",
        changed(DENSE_LAYER, ("bn_size * growth_rate", "4 * growth_rate")),
        "parameters",
        "always_four",
        ("conv1.weight",),
    ),
    Slip(
        LAYER,
        "added",
        changed(DENSE_LAYER, ("return self.conv2(", "return x + self.conv2(")),
        "run",
        "added",
        ("residual block",),
    ),
    Slip(
        LAYER,
        "conv_first",
        changed(
            DENSE_LAYER,
            ("BatchNorm2d(in_channels)", "BatchNorm2d(width)"),
            ("norm2 = nn.BatchNorm2d(width)", "norm2 = nn.BatchNorm2d(growth_rate)"),
            ("self.conv1(F.relu(self.norm1(x)))", "F.relu(self.norm1(self.conv1(x)))"),
            ("self.conv2(F.relu(self.norm2(y)))", "F.relu(self.norm2(self.conv2(y)))"),
        ),
        "parameters",
        "conv_first",
        ("norm comes first",),
    ),
    Slip(
        LAYER,
        "narrow",
        changed(DENSE_LAYER, ("bn_size * growth_rate", "growth_rate")),
        "parameters",
        "narrow",
        ("bn_size",),
    ),
    Slip(
        LAYER,
        "of_the_input",
        changed(DENSE_LAYER, ("bn_size * growth_rate", "bn_size * in_channels")),
        "parameters",
        "factor_of_input",
        ("conv1.weight", "stays narrow"),
    ),
    Slip(
        LAYER,
        "no_padding",
        changed(DENSE_LAYER, ("3, padding=1", "3")),
        "shape",
        "no_padding",
        ("loses its border",),
    ),
    Slip(
        LAYER,
        "joined",
        changed(
            DENSE_LAYER,
            (
                "return self.conv2(F.relu(self.norm2(y)))",
                "return torch.cat([x, self.conv2(F.relu(self.norm2(y)))], 1)",
            ),
        ),
        "shape",
        "joined",
        ("new ones alone",),
    ),
    Slip(
        LAYER,
        "with_bias",
        changed(DENSE_LAYER, ("width, 1, bias=False", "width, 1")),
        "names",
        says=("not expected: `conv1.bias`", "has a bias unless"),
    ),
    Slip(
        LAYER,
        "exchanged",
        changed(
            DENSE_LAYER,
            ("in_channels, width, 1, bias", "in_channels, width, 3, padding=1, bias"),
            ("growth_rate, 3, padding=1", "growth_rate, 1"),
        ),
        "parameters",
        "kernels_exchanged",
        ("conv1.weight", "are swapped"),
    ),
    Slip(
        BLOCK,
        "multiplied",
        changed(DENSE_BLOCK, ("in_channels + i * growth_rate", "in_channels * growth_rate**i")),
        "run",
        "multiplied",
        ("adds that many",),
    ),
    Slip(
        BLOCK,
        "one_too_early",
        changed(DENSE_BLOCK, ("i * growth_rate", "(i + 1) * growth_rate")),
        "run",
        "too_early",
        ("denselayer1.norm1.weight",),
    ),
    Slip(
        BLOCK,
        "never_grows",
        changed(DENSE_BLOCK, ("in_channels + i * growth_rate", "in_channels")),
        "run",
        "never_grows",
        ("denselayer2",),
    ),
    Slip(
        BLOCK,
        "multiples",
        changed(DENSE_BLOCK, ("in_channels + i * growth_rate", "in_channels * (i + 1)")),
        "run",
        "multiples",
        ("the growth rate",),
    ),
    Slip(
        BLOCK,
        "unassigned",
        changed(DENSE_BLOCK, ("x = torch.cat", "torch.cat")),
        "run",
        "unassigned",
        ("line", "lost"),
    ),
    Slip(
        BLOCK,
        "added",
        changed(DENSE_BLOCK, ("torch.cat([x, layer(x)], dim=1)", "x + layer(x)")),
        "run",
        "added",
        ("nothing is added",),
    ),
    Slip(
        BLOCK,
        "first_alone",
        changed(DENSE_BLOCK, ("        return x", "            return x")),
        "shape",
        "first_alone",
        ("after the loop",),
    ),
    Slip(
        BLOCK,
        "same_input",
        changed(
            DENSE_BLOCK,
            ("in_channels + i * growth_rate", "in_channels"),
            (
                "        for layer in self.children():\n"
                "            x = torch.cat([x, layer(x)], dim=1)",
                "        x = torch.cat([x] + [layer(x) for layer in self.children()], dim=1)",
            ),
        ),
        "parameters",
        "same_input",
        ("as many channels as x has",),
    ),
    Slip(
        BLOCK,
        "chain",
        changed(
            IN_PIECES,
            ("in_channels + i * growth_rate", "growth_rate if i else in_channels"),
            ("layer(torch.cat(pieces, dim=1))", "layer(pieces[-1])"),
        ),
        "parameters",
        "chain",
        ("only the newest channels",),
    ),
    Slip(
        BLOCK,
        "new_first",
        changed(DENSE_BLOCK, ("[x, layer(x)]", "[layer(x), x]")),
        "values",
        "new_first",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "last_first",
        changed(IN_PIECES, ("return torch.cat(pieces,", "return torch.cat(pieces[::-1],")),
        "values",
        "last_first",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "only_new",
        changed(IN_PIECES, ("return torch.cat(pieces,", "return torch.cat(pieces[1:],")),
        "shape",
        "only_new",
        ("x itself is missing",),
    ),
    Slip(
        BLOCK,
        "only_the_layer",
        changed(DENSE_BLOCK, ("x = torch.cat([x, layer(x)], dim=1)", "x = layer(x)")),
        "run",
        "replaced",
        ("line", "replaces all channels"),
    ),
    Slip(
        BLOCK,
        "wrong_dim",
        changed(DENSE_BLOCK, ("dim=1", "dim=0")),
        "run",
        "along_images",
        ("line", "dimension 1"),
    ),
    Slip(
        BLOCK,
        "no_bn_size",
        changed(DENSE_BLOCK, ("growth_rate, bn_size)", "growth_rate)")),
        "parameters",
        "no_bn_size",
        ("conv1.weight",),
    ),
    Slip(
        BLOCK,
        "width_for_factor",
        changed(DENSE_BLOCK, ("growth_rate, bn_size)", "growth_rate, bn_size * growth_rate)")),
        "parameters",
        "width_for_factor",
        ("a factor",),
    ),
    Slip(
        BLOCK,
        "x_and_newest",
        changed(
            IN_PIECES,
            ("in_channels + i * growth_rate", "in_channels + (growth_rate if i else 0)"),
            ("layer(torch.cat(pieces, dim=1))", "layer(torch.cat([x, *pieces[1:][-1:]], dim=1))"),
        ),
        "parameters",
        "x_and_newest",
        ("those of the layers in between",),
    ),
    Slip(
        BLOCK,
        "without_x",
        changed(
            IN_PIECES,
            ("in_channels + i * growth_rate", "i * growth_rate or in_channels"),
            ("layer(torch.cat(pieces, dim=1))", "layer(torch.cat(pieces[1:] or [x], dim=1))"),
        ),
        "parameters",
        "without_x",
        ("Only the first layer is made to read x",),
    ),
    Slip(
        BLOCK,
        "x_last",
        changed(IN_PIECES, ("return torch.cat(pieces,", "return torch.cat(pieces[1:] + [x],")),
        "values",
        "x_last",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "relu_each",
        changed(DENSE_BLOCK, ("layer(x)]", "F.relu(layer(x))]")),
        "values",
        "relu_each",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "relu_all",
        changed(
            DENSE_BLOCK,
            ("torch.cat([x, layer(x)], dim=1)", "F.relu(torch.cat([x, layer(x)], dim=1))"),
        ),
        "values",
        "relu_all",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "relu_last",
        changed(DENSE_BLOCK, ("return x", "return F.relu(x)")),
        "values",
        "relu_last",
        NUMBERS,
    ),
    Slip(
        BLOCK,
        "new_detached",
        changed(DENSE_BLOCK, ("layer(x)]", "layer(x).detach()]")),
        "gradients",
        "unlearned",
        ("none of them learns",),
    ),
    Slip(
        BLOCK,
        "no_grad",
        changed(DENSE_BLOCK, ("    def forward", "    @torch.no_grad()\n    def forward")),
        "gradients",
        "no_grad",
        ("still have to learn",),
    ),
    Slip(
        BLOCK,
        "detached",
        changed(DENSE_BLOCK, ("layer(x)]", "layer(x.detach())]")),
        "gradients",
        "cut_off",
        ("learn nothing",),
    ),
    Slip(
        GROW,
        "one_step",
        changed(
            STACKED,
            ("[matrix, weight @ matrix]", "[torch.eye(len(matrix), dtype=matrix.dtype), weight]"),
        ),
        "values",
        "one_step",
        (*NUMBERS, "this layer alone"),
    ),
    Slip(
        GROW,
        "all_multiplied",
        changed(
            STACKED,
            ("torch.cat([matrix, weight @ matrix])", "torch.cat([matrix, weight]) @ matrix"),
        ),
        "values",
        "all_multiplied",
        (*NUMBERS, "stay as they are"),
    ),
    Slip(
        GROW,
        "added_as_well",
        changed(STACKED, ("weight @ matrix", "matrix + weight @ matrix")),
        "values",
        "added_as_well",
        (*NUMBERS, "residual"),
    ),
    Slip(
        GROW,
        "whole_transposed",
        changed(STACKED, ("matrix])", "matrix]).T")),
        "shape",
        "whole_transposed",
        ("a channel is a row",),
    ),
    Slip(
        GROW,
        "relu",
        changed(STACKED, ("weight @ matrix", "F.relu(weight @ matrix)")),
        "values",
        "relu",
        (*NUMBERS, "ReLU"),
    ),
    Slip(
        GROW,
        "old_detached",
        changed(STACKED, ("[matrix,", "[matrix.detach(),")),
        "gradients",
        "old_cut_off",
        ("The old rows",),
    ),
    Slip(
        GROW,
        "new_detached",
        changed(STACKED, ("weight @ matrix", "weight @ matrix.detach()")),
        "gradients",
        "new_cut_off",
        ("In the product",),
    ),
    Slip(
        LAYER,
        "no_norm1",
        changed(DENSE_LAYER, ("self.norm1(x)", "x")),
        "values",
        "no_norm1",
        (*NUMBERS, "`norm1`"),
    ),
    Slip(
        LAYER,
        "no_norm2",
        changed(DENSE_LAYER, ("self.norm2(y)", "y")),
        "values",
        "no_norm2",
        (*NUMBERS, "`norm2`"),
    ),
    Slip(
        LAYER,
        "first_relu_first",
        changed(DENSE_LAYER, ("F.relu(self.norm1(x))", "self.norm1(F.relu(x))")),
        "values",
        "first_relu_first",
        (*NUMBERS, "The first ReLU"),
    ),
    Slip(
        LAYER,
        "second_relu_first",
        changed(DENSE_LAYER, ("F.relu(self.norm2(y))", "self.norm2(F.relu(y))")),
        "values",
        "second_relu_first",
        (*NUMBERS, "The second ReLU"),
    ),
    Slip(
        LAYER,
        "factor_for_width",
        changed(DENSE_LAYER, ("bn_size * growth_rate", "bn_size")),
        "parameters",
        "factor_for_width",
        ("conv1.weight", "a factor"),
    ),
    Slip(
        LAYER,
        "joined_in_front",
        changed(
            DENSE_LAYER,
            (
                "return self.conv2(F.relu(self.norm2(y)))",
                "return torch.cat([self.conv2(F.relu(self.norm2(y))), x], 1)",
            ),
        ),
        "shape",
        "joined_in_front",
        ("new ones alone",),
    ),
    Slip(
        LAYER,
        "padded_twice",
        changed(DENSE_LAYER, ("width, 1, bias", "width, 1, padding=1, bias")),
        "shape",
        "padded_twice",
        ("without any padding",),
    ),
    Slip(
        BLOCK,
        "all_at_once",
        changed(DENSE_BLOCK, ("i * growth_rate", "num_layers * growth_rate")),
        "run",
        "all_at_once",
        ("at the end of the block",),
    ),
    Slip(
        BLOCK,
        "relu_before",
        changed(DENSE_BLOCK, ("layer(x)]", "layer(F.relu(x))]")),
        "values",
        "relu_before",
        (*NUMBERS, "before a layer reads"),
    ),
    Slip(
        BLOCK,
        "input_detached",
        changed(DENSE_BLOCK, ("[x, ", "[x.detach(), ")),
        "gradients",
        "input_cut_off",
        ("short way",),
    ),
)
