"""What students write in lesson 03: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import Slip, changed, defined

GROW, LAYER, BLOCK = "densenet.grow", "densenet.layer", "densenet.block"
KEPT, BUFFER, WIDTHS = "densenet.kept_maps", "densenet.buffer", "densenet.channels"

# --- the growing matrix ----------------------------------------------------------

STACKED = """
def grow(matrix, weight):
    new = weight @ matrix
    return torch.cat([matrix, new])
"""

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

ROW_BY_ROW = """
def grow(matrix, weight):
    rows = list(matrix)
    for w in weight:
        rows.append(w @ matrix)
    return torch.stack(rows)
"""

# --- the layer -------------------------------------------------------------------

DENSE_LAYER = """
class DenseLayer(nn.Module):
    def __init__(self, in_channels, growth_rate, bn_size=4):
        super().__init__()
        width = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, growth_rate, 3, padding=1, bias=False)

    def forward(self, x):
        y = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(y)))
"""

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
    ("        y = self.conv1(F.relu(self.norm1(x)))\n        return self.conv2(F.relu(self.norm2(y)))",
     "        for norm, conv in ((self.norm1, self.conv1), (self.norm2, self.conv2)):\n"
     "            x = conv(F.relu(norm(x)))\n        return x"),
)  # fmt: skip

# --- the block -------------------------------------------------------------------

DENSE_BLOCK = """
class DenseBlock(nn.Module):
    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__()
        for i in range(num_layers):
            layer = Layer(in_channels + i * growth_rate, growth_rate, bn_size)
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x):
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x
"""

COUNTING = changed(
    DENSE_BLOCK,
    ("Layer(in_channels + i * growth_rate, growth_rate, bn_size)",
     "Layer(in_channels, growth_rate, bn_size)\n            in_channels += growth_rate"),
)  # fmt: skip

IN_PIECES = changed(
    DENSE_BLOCK,
    ("        for layer in self.children():\n            x =",
     "        pieces = [x]\n        for layer in self.children():\n            new ="),
    ("torch.cat([x, layer(x)], dim=1)",
     "layer(torch.cat(pieces, dim=1))\n            pieces.append(new)"),
    ("return x", "return torch.cat(pieces, dim=1)"),
)  # fmt: skip

NAMED = changed(DENSE_BLOCK, ("self.children()", "dict(self.named_children()).values()"))

# --- what is kept ----------------------------------------------------------------

SUMMED = """
def kept_maps(in_channels, growth_rate, num_layers, bn_size):
    read = [in_channels + i * growth_rate for i in range(num_layers)]
    inside = num_layers * bn_size * growth_rate
    pieces = in_channels + (num_layers - 1) * growth_rate
    return 2 * sum(read) + 2 * inside, sum(read), pieces
"""

CLOSED = """
def kept_maps(in_channels, growth_rate, num_layers, bn_size):
    inputs = num_layers * in_channels + growth_rate * num_layers * (num_layers - 1) // 2
    naive = 2 * inputs + 2 * bn_size * growth_rate * num_layers
    return naive, inputs, in_channels + (num_layers - 1) * growth_rate
"""

LOOPED = """
def kept_maps(in_channels, growth_rate, num_layers, bn_size):
    naive = inputs = 0
    c = in_channels
    for _ in range(num_layers):
        naive += c + c + 2 * bn_size * growth_rate
        inputs += c
        c += growth_rate
    return [naive, inputs, c - growth_rate]
"""

# --- one buffer ------------------------------------------------------------------

BUFFERED = """
class BufferBlock(Block):
    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__(num_layers, in_channels, growth_rate, bn_size)
        self.num_layers, self.growth_rate = num_layers, growth_rate

    @torch.no_grad()
    def forward(self, x):
        n, filled, h, w = x.shape
        total = filled + self.num_layers * self.growth_rate
        buffer = x.new_empty(n, total, h, w)
        buffer[:, :filled] = x
        for layer in self.children():
            end = filled + self.growth_rate
            buffer[:, filled:end] = layer(buffer[:, :filled])
            filled = end
        return buffer
"""

ZEROS = changed(
    BUFFERED,
    ("x.new_empty(n, total, h, w)", "torch.zeros(n, total, h, w, dtype=x.dtype)"),
    ("buffer[:, :filled] = x", "buffer[:, :filled].copy_(x)"),
)

NARROWED = changed(
    BUFFERED,
    ("            end = filled + self.growth_rate\n", ""),
    ("buffer[:, filled:end] = layer(buffer[:, :filled])",
     "new = layer(buffer.narrow(1, 0, filled))\n            end = filled + new.shape[1]\n"
     "            buffer.narrow(1, filled, new.shape[1]).copy_(new)"),
)  # fmt: skip

PADDED = changed(
    BUFFERED,
    ("        buffer = x.new_empty(n, total, h, w)\n        buffer[:, :filled] = x\n",
     "        buffer = F.pad(x, (0, 0, 0, 0, 0, total - filled))\n"),
)  # fmt: skip

# --- the widths ------------------------------------------------------------------

COUNTED = """
def channels(num_init_features, growth_rate, block_config):
    ends, c = [], num_init_features
    for layers in block_config:
        c += layers * growth_rate
        ends.append(c)
        c //= 2
    return ends
"""

CLIMBED = """
def channels(num_init_features, growth_rate, block_config):
    c, ends = 2 * num_init_features, ()
    for layers in block_config:
        c = c // 2
        for _ in range(layers):
            c = c + growth_rate
        ends += (c,)
    return ends
"""

RECURSIVE = """
def channels(num_init_features, growth_rate, block_config):
    first, *rest = block_config
    end = num_init_features + first * growth_rate
    return [end] + (channels(end // 2, growth_rate, rest) if rest else [])
"""

Layer = defined(DENSE_LAYER, "DenseLayer")
Block = defined(DENSE_BLOCK, "DenseBlock", Layer=Layer)
NAMES = {"Layer": Layer, "Block": Block}  # what the lesson defines between its exercises

RIGHT = {
    GROW: {"stacked": STACKED, "placed": PLACED, "one_product": ONE_PRODUCT},
    LAYER: {"plain": DENSE_LAYER, "relus": WITH_RELUS, "clamp": BY_CLAMP, "in_steps": IN_STEPS},
    BLOCK: {"plain": DENSE_BLOCK, "counting": COUNTING, "in_pieces": IN_PIECES, "named": NAMED},
    KEPT: {"summed": SUMMED, "closed": CLOSED, "looped": LOOPED},
    BUFFER: {"plain": BUFFERED, "zeros": ZEROS, "narrowed": NARROWED, "padded": PADDED},
    WIDTHS: {"counted": COUNTED, "climbed": CLIMBED, "recursive": RECURSIVE},
}

NUMBERS = ("numbers are not", "smallest case", "yours", "expected")

SLIPS = (
    Slip(GROW, "new_on_top", changed(STACKED, ("[matrix, new]", "[new, matrix]")), "values",
         "new_on_top", NUMBERS),
    Slip(GROW, "weight_as_it_is", changed(STACKED, ("new = weight @ matrix", "new = weight")),
         "values", "as_they_are", ("must be multiplied",)),
    Slip(GROW, "reads_x", changed(STACKED, ("weight @ matrix", "weight[:, : matrix.shape[1]]")),
         "values", "as_they_are", NUMBERS),
    Slip(GROW, "only_new", changed(STACKED, ("torch.cat([matrix, new])", "new")), "shape",
         "only_new", ("keeps the old ones",)),
    Slip(GROW, "beside", changed(STACKED, ("torch.cat([matrix, new])",
         "torch.cat([matrix, new], dim=1)")), "shape", says=("expected (8, 4)",)),
    Slip(GROW, "identity_on_top", changed(STACKED, ("torch.cat([matrix",
         "torch.cat([torch.eye(*matrix.shape, dtype=matrix.dtype)")), "values",
         "from_the_identity", NUMBERS),
    Slip(GROW, "turned", changed(STACKED, ("weight @ matrix", "weight @ matrix.T")), "values",
         says=("line 3",)),
    Slip(GROW, "cut_off", changed(STACKED, ("weight @", "weight.data @")), "gradients", "cut_off",
         ("no gradient", "`weight`")),
    Slip(GROW, "row_by_row", ROW_BY_ROW, "launches", says=("Right, but slow", "One matrix product")),

    Slip(LAYER, "no_first_relu", changed(DENSE_LAYER, ("F.relu(self.norm1(x))", "self.norm1(x)")),
         "values", "no_first_relu", (*NUMBERS, "evaluation mode")),
    Slip(LAYER, "no_second_relu", changed(DENSE_LAYER, ("F.relu(self.norm2(y))", "self.norm2(y)")),
         "values", "no_second_relu", NUMBERS),
    Slip(LAYER, "relu_first", changed(DENSE_LAYER, ("F.relu(self.norm1(x))", "self.norm1(F.relu(x))"),
         ("F.relu(self.norm2(y))", "self.norm2(F.relu(y))")), "values",
         says=("numbers are not",)),
    Slip(LAYER, "conv_first", changed(DENSE_LAYER, ("BatchNorm2d(in_channels)", "BatchNorm2d(width)"),
         ("norm2 = nn.BatchNorm2d(width)", "norm2 = nn.BatchNorm2d(growth_rate)"),
         ("self.conv1(F.relu(self.norm1(x)))", "F.relu(self.norm1(self.conv1(x)))"),
         ("self.conv2(F.relu(self.norm2(y)))", "F.relu(self.norm2(self.conv2(y)))")),
         "parameters", "conv_first", ("norm comes first",)),
    Slip(LAYER, "narrow", changed(DENSE_LAYER, ("bn_size * growth_rate", "growth_rate")),
         "parameters", "narrow", ("bn_size",)),
    Slip(LAYER, "of_the_input", changed(DENSE_LAYER, ("bn_size * growth_rate",
         "bn_size * in_channels")), "parameters", says=("conv1.weight",)),
    Slip(LAYER, "no_padding", changed(DENSE_LAYER, ("3, padding=1", "3")), "shape", "no_padding",
         ("loses its border",)),
    Slip(LAYER, "joined", changed(DENSE_LAYER, ("return self.conv2(F.relu(self.norm2(y)))",
         "return torch.cat([x, self.conv2(F.relu(self.norm2(y)))], 1)")), "shape", "joined",
         ("new ones alone",)),
    Slip(LAYER, "with_bias", changed(DENSE_LAYER, ("width, 1, bias=False", "width, 1")), "names",
         says=("not expected: `conv1.bias`",)),
    Slip(LAYER, "exchanged", changed(DENSE_LAYER, ("in_channels, width, 1, bias", "in_channels, width, 3, padding=1, bias"),
         ("growth_rate, 3, padding=1", "growth_rate, 1")), "parameters", says=("conv1.weight",)),

    Slip(BLOCK, "multiplied", changed(DENSE_BLOCK, ("in_channels + i * growth_rate",
         "in_channels * growth_rate**i")), "run", "multiplied", ("adds that many",)),
    Slip(BLOCK, "one_too_early", changed(DENSE_BLOCK, ("i * growth_rate", "(i + 1) * growth_rate")),
         "run", says=("denselayer1.norm1.weight",)),
    Slip(BLOCK, "never_grows", changed(DENSE_BLOCK, ("in_channels + i * growth_rate",
         "in_channels")), "run", says=("denselayer2",)),
    Slip(BLOCK, "same_input", changed(DENSE_BLOCK, ("in_channels + i * growth_rate", "in_channels"),
         ("        for layer in self.children():\n            x = torch.cat([x, layer(x)], dim=1)",
          "        x = torch.cat([x] + [layer(x) for layer in self.children()], dim=1)")),
         "parameters", "same_input", ("reads x alone",)),
    Slip(BLOCK, "chain", changed(IN_PIECES, ("in_channels + i * growth_rate",
         "growth_rate if i else in_channels"), ("layer(torch.cat(pieces, dim=1))",
         "layer(pieces[-1])")), "parameters", "chain", ("newest channels alone",)),
    Slip(BLOCK, "new_first", changed(DENSE_BLOCK, ("[x, layer(x)]", "[layer(x), x]")), "values",
         "new_first", NUMBERS),
    Slip(BLOCK, "last_first", changed(IN_PIECES, ("return torch.cat(pieces,",
         "return torch.cat(pieces[::-1],")), "values", "last_first", NUMBERS),
    Slip(BLOCK, "only_new", changed(IN_PIECES, ("return torch.cat(pieces,",
         "return torch.cat(pieces[1:],")), "shape", "only_new", ("x itself is missing",)),
    Slip(BLOCK, "only_the_layer", changed(DENSE_BLOCK, ("x = torch.cat([x, layer(x)], dim=1)",
         "x = layer(x)")), "run", says=("line",)),
    Slip(BLOCK, "wrong_dim", changed(DENSE_BLOCK, ("dim=1", "dim=0")), "run", says=("line",)),
    Slip(BLOCK, "no_bn_size", changed(DENSE_BLOCK, ("growth_rate, bn_size)", "growth_rate)")),
         "parameters", says=("conv1.weight",)),
    Slip(BLOCK, "detached", changed(DENSE_BLOCK, ("layer(x)]", "layer(x.detach())]")), "gradients",
         "cut_off", ("learn nothing",)),

    Slip(KEPT, "flat", changed(SUMMED, ("in_channels + i * growth_rate", "in_channels")), "values",
         "flat", ("The channels grow",)),
    Slip(KEPT, "after_the_layer", changed(SUMMED, ("i * growth_rate", "(i + 1) * growth_rate")),
         "values", "after_the_layer", ("before its own are added",)),
    Slip(KEPT, "once", changed(SUMMED, ("2 * sum(read) + 2 * inside", "sum(read) + inside")),
         "values", "norms_alone", ("ReLUs",)),
    Slip(KEPT, "no_inside", changed(SUMMED, (" + 2 * inside", "")), "values", "no_bottleneck",
         ("between the 1x1 and the 3x3",)),
    Slip(KEPT, "last_piece", changed(SUMMED, ("(num_layers - 1) * growth", "num_layers * growth")),
         "values", "last_piece", ("last layer",)),
    Slip(KEPT, "all_pieces", changed(SUMMED, ("sum(read), pieces", "sum(read), sum(read)")),
         "values", "pieces_of_each", ("one tensor in memory",)),
    Slip(KEPT, "two_numbers", changed(SUMMED, ("sum(read), pieces", "sum(read)")), "shape",
         says=("a tuple of 2",)),

    Slip(BUFFER, "x_not_written", changed(ZEROS, ("        buffer[:, :filled].copy_(x)\n", "")),
         "values", "emptied", ("before the first layer",)),
    Slip(BUFFER, "does_not_move", changed(BUFFERED, ("            filled = end\n", "")), "run",
         says=("line",)),
    Slip(BUFFER, "too_small", changed(BUFFERED, ("        total = filled + self",
         "        total = self")), "run", says=("line",)),
    Slip(BUFFER, "with_cat", changed(DENSE_BLOCK, ("class DenseBlock(nn.Module)",
         "class BufferBlock(Block)"), ("        super().__init__()\n        for i in range(num_layers):\n"
         "            layer = Layer(in_channels + i * growth_rate, growth_rate, bn_size)\n"
         "            self.add_module(f\"denselayer{i + 1}\", layer)\n",
         "        super().__init__(num_layers, in_channels, growth_rate, bn_size)\n")), "shortcut",
         says=("torch.cat",)),
    Slip(BUFFER, "no_x_in_the_result", changed(BUFFERED, ("return buffer", "return buffer[:, x.shape[1] :]")),
         "shape", "no_x", ("buffer holds x",)),
    Slip(BUFFER, "over_x", changed(BUFFERED, ("buffer[:, filled:end] =", "buffer[:, : end - filled] =")),
         "values", says=("numbers are not",)),

    Slip(WIDTHS, "never_halved", changed(COUNTED, ("        c //= 2\n", "")), "values",
         "never_halved", ("each halves",)),
    Slip(WIDTHS, "rounded_up", changed(COUNTED, ("c //= 2", "c = -(-c // 2)")), "values",
         "rounded_up", ("rounded up",)),
    Slip(WIDTHS, "not_whole", changed(COUNTED, ("c //= 2", "c /= 2")), "values",
         says=("number is not right",)),
    Slip(WIDTHS, "after_transitions", changed(COUNTED, ("        ends.append(c)\n        c //= 2\n",
         "        c //= 2\n        ends.append(c)\n")), "values", says=("smallest case",)),
    Slip(WIDTHS, "once_a_block", changed(COUNTED, ("layers * growth_rate", "growth_rate")), "values",
         "once_a_block", ("each layer that adds",)),
    Slip(WIDTHS, "the_last_alone", changed(COUNTED, ("return ends", "return ends[-1]")), "shape",
         says=("one number",)),
)  # fmt: skip
