"""What students write in lesson 03, Further: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import Slip, answer, changed, line_of

KEPT, BUFFER, WIDTHS = "densenet.kept_maps", "densenet.buffer", "densenet.channels"
SUMMED, BUFFERED, COUNTED = answer(KEPT), answer(BUFFER), answer(WIDTHS)
NAMES: dict = {}

# --- what is kept ----------------------------------------------------------------

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

ZEROS = changed(
    BUFFERED,
    ("x.new_empty(n, total, h, w)", "torch.zeros(n, total, h, w, dtype=x.dtype)"),
    ("buffer[:, :filled] = x", "buffer[:, :filled].copy_(x)"),
)

NARROWED = changed(
    BUFFERED,
    ("            end = filled + self.growth_rate\n", ""),
    (
        "buffer[:, filled:end] = layer(buffer[:, :filled])",
        "new = layer(buffer.narrow(1, 0, filled))\n            end = filled + new.shape[1]\n"
        "            buffer.narrow(1, filled, new.shape[1]).copy_(new)",
    ),
)

PADDED = changed(
    BUFFERED,
    (
        "        buffer = x.new_empty(n, total, h, w)\n        buffer[:, :filled] = x\n",
        "        buffer = F.pad(x, (0, 0, 0, 0, 0, total - filled))\n",
    ),
)

VIEWED = changed(
    BUFFERED, ("layer(buffer[:, :filled])", "layer(x)\n            x = buffer[:, :end]")
)

WRITTEN_LATE = changed(
    ZEROS,
    (
        "        for layer in self.children():\n",
        "        new = []\n        for layer in self.children():\n",
    ),
    (
        "buffer[:, filled:end] = layer(buffer[:, :filled])",
        "new.append((filled, end, layer(buffer[:, :filled])))",
    ),
    (
        "        return buffer",
        "        for begin, end, y in new:\n"
        "            buffer[:, begin:end] = y\n        return buffer",
    ),
)

# --- the widths ------------------------------------------------------------------

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

RIGHT = {
    KEPT: {"closed": CLOSED, "looped": LOOPED},
    BUFFER: {"zeros": ZEROS, "narrowed": NARROWED, "padded": PADDED, "viewed": VIEWED},
    WIDTHS: {"climbed": CLIMBED, "recursive": RECURSIVE},
}

SLIPS = (
    Slip(
        WIDTHS,
        "as_floats",
        changed(answer(WIDTHS), ("append(there)", "append(float(there))")),
        "run",
        says=("a number of channels has to be an int",),
    ),
    Slip(
        KEPT,
        "flat",
        changed(SUMMED, ("in_channels + i * growth_rate", "in_channels")),
        "values",
        "flat",
        ("The channels grow",),
    ),
    Slip(
        KEPT,
        "after_the_layer",
        changed(SUMMED, ("i * growth_rate", "(i + 1) * growth_rate")),
        "values",
        "after_the_layer",
        ("before its own channels are added",),
    ),
    Slip(
        KEPT,
        "once",
        changed(SUMMED, ("2 * sum(read) + 2 * inside", "sum(read) + inside")),
        "values",
        "norms_alone",
        ("ReLUs",),
    ),
    Slip(
        KEPT,
        "no_inside",
        changed(SUMMED, (" + 2 * inside", "")),
        "values",
        "no_bottleneck",
        ("between the 1x1 and the 3x3",),
    ),
    Slip(
        KEPT,
        "narrow_once",
        changed(SUMMED, ("+ 2 * inside", "+ inside")),
        "values",
        "narrow_once",
        ("narrow maps",),
    ),
    Slip(
        KEPT,
        "new_ones",
        changed(SUMMED, ("+ 2 * inside", "+ 2 * inside + num_layers * growth_rate")),
        "values",
        "new_ones",
        ("keeps what it reads",),
    ),
    Slip(
        KEPT,
        "last_alone",
        changed(LOOPED, ("naive +=", "naive ="), ("inputs +=", "inputs =")),
        "values",
        "last_alone",
        ("the counts are sums",),
    ),
    Slip(
        KEPT,
        "last_piece",
        changed(SUMMED, ("(num_layers - 1) * growth", "num_layers * growth")),
        "values",
        "last_piece",
        ("last layer",),
    ),
    Slip(
        KEPT,
        "all_pieces",
        changed(SUMMED, ("sum(read), pieces", "sum(read), sum(read)")),
        "values",
        "pieces_of_each",
        ("one tensor in memory",),
    ),
    Slip(
        KEPT,
        "two_numbers",
        changed(SUMMED, ("sum(read), pieces", "sum(read)")),
        "shape",
        says=("returned 2 numbers, expected 3 numbers",),
    ),
    Slip(
        BUFFER,
        "x_not_written",
        changed(ZEROS, ("        buffer[:, :filled].copy_(x)\n", "")),
        "values",
        "emptied",
        ("before the first layer",),
    ),
    Slip(
        BUFFER,
        "does_not_move",
        changed(BUFFERED, ("            filled = end\n", "")),
        "run",
        "stands_still",
        (line_of(BUFFERED, "buffer[:, filled:end]") + ": `buffer[:, filled:end]",),
    ),
    Slip(
        BUFFER,
        "at_the_end",
        changed(ZEROS, ("buffer[:, filled:end] =", "buffer[:, -self.growth_rate :] =")),
        "values",
        "at_the_end",
        ("the filled part",),
    ),
    Slip(
        BUFFER,
        "written_late",
        WRITTEN_LATE,
        "values",
        "written_late",
        ("before the next one reads",),
    ),
    Slip(
        BUFFER,
        "whole",
        changed(BUFFERED, ("layer(buffer[:, :filled])", "layer(buffer)")),
        "run",
        "whole",
        ("too many channels",),
    ),
    Slip(
        BUFFER,
        "reads_x",
        changed(BUFFERED, ("layer(buffer[:, :filled])", "layer(x)")),
        "run",
        "stands_still",
        ("reads all of it",),
    ),
    Slip(
        BUFFER,
        "float32",
        changed(BUFFERED, ("x.new_empty(", "torch.empty(")),
        "run",
        says=("dtype of the input",),
    ),
    Slip(
        BUFFER,
        "too_small",
        changed(BUFFERED, ("        total = filled + self", "        total = self")),
        "run",
        says=("line",),
    ),
    Slip(
        BUFFER,
        "with_cat",
        changed(
            BUFFERED,
            (
                "buffer[:, filled:end] = layer(buffer[:, :filled])",
                "x = torch.cat([x, layer(x)], dim=1)",
            ),
            ("return buffer", "return x"),
        ),
        "shortcut",
        says=("torch.cat",),
    ),
    Slip(
        BUFFER,
        "no_x_in_the_result",
        changed(BUFFERED, ("return buffer", "return buffer[:, x.shape[1] :]")),
        "shape",
        "no_x",
        ("it holds x",),
    ),
    Slip(
        BUFFER,
        "over_x",
        changed(BUFFERED, ("buffer[:, filled:end] =", "buffer[:, : end - filled] =")),
        "values",
        says=("numbers are not",),
    ),
    Slip(
        WIDTHS,
        "never_halved",
        changed(COUNTED, ("        there = there // 2\n", "")),
        "values",
        "never_halved",
        ("Each halves",),
    ),
    Slip(
        WIDTHS,
        "rounded_up",
        changed(COUNTED, ("there // 2", "-(-there // 2)")),
        "values",
        "rounded_up",
        ("rounded up",),
    ),
    Slip(
        WIDTHS,
        "not_whole",
        changed(COUNTED, ("there // 2", "there / 2")),
        "values",
        "not_rounded",
        ("are not right", "Half channels"),
    ),
    Slip(
        WIDTHS,
        "after_transitions",
        changed(
            COUNTED,
            (
                "        widths.append(there)\n        there = there // 2\n",
                "        there = there // 2\n        widths.append(there)\n",
            ),
        ),
        "values",
        "all_halved",
        ("smallest case",),
    ),
    Slip(
        WIDTHS,
        "once_a_block",
        changed(COUNTED, ("num_layers * growth_rate", "growth_rate")),
        "values",
        "once_a_block",
        ("Every layer of a block",),
    ),
    Slip(
        WIDTHS,
        "the_last_alone",
        changed(COUNTED, ("return widths", "return widths[-1]")),
        "shape",
        says=("one number",),
    ),
    Slip(
        KEPT,
        "relu1_forgotten",
        changed(SUMMED, ("2 * sum(read) +", "sum(read) +")),
        "values",
        "relu1_forgotten",
        ("first ReLUs",),
    ),
    Slip(
        KEPT,
        "inputs_alone",
        changed(SUMMED, ("2 * sum(read) + 2 * inside", "sum(read)")),
        "values",
        "inputs_alone",
        ("Inside a layer",),
    ),
    Slip(
        KEPT,
        "no_bn_size",
        changed(SUMMED, ("num_layers * bn_size * growth_rate", "num_layers * growth_rate")),
        "values",
        "no_bn_size",
        ("bn_size times",),
    ),
    Slip(
        KEPT,
        "narrow_of_one",
        changed(SUMMED, ("num_layers * bn_size * growth_rate", "bn_size * growth_rate")),
        "values",
        "narrow_of_one",
        ("one layer only",),
    ),
    Slip(
        KEPT,
        "result_kept",
        changed(SUMMED, ("+ 2 * inside", "+ 2 * inside + in_channels + num_layers * growth_rate")),
        "values",
        "result_kept",
        ("result of the block",),
    ),
    Slip(
        KEPT,
        "inputs_end",
        changed(SUMMED, ("inside, sum(read)", "inside, pieces + growth_rate")),
        "values",
        "inputs_end",
        ("It should be a sum",),
    ),
    Slip(
        KEPT,
        "inputs_doubled",
        changed(SUMMED, ("inside, sum(read)", "inside, 2 * sum(read)")),
        "values",
        "inputs_doubled",
        ("each input twice",),
    ),
    Slip(
        KEPT,
        "pieces_without_x",
        changed(SUMMED, ("pieces = in_channels + ", "pieces = ")),
        "values",
        "pieces_without_x",
        ("leaves out x",),
    ),
    Slip(
        KEPT,
        "new_pieces",
        changed(SUMMED, ("in_channels + (num_layers - 1)", "num_layers")),
        "values",
        "new_pieces",
        ("but not x",),
    ),
    Slip(
        KEPT,
        "without_x",
        changed(SUMMED, ("in_channels + i *", "i *")),
        "values",
        "without_x",
        ("the first two counts",),
    ),
    Slip(
        KEPT,
        "in_bytes",
        changed(
            SUMMED,
            (
                "return 2 * sum(read) + 2 * inside, sum(read), pieces",
                "return 8 * sum(read) + 8 * inside, 4 * sum(read), 4 * pieces",
            ),
        ),
        "values",
        "in_bytes",
        ("asks for maps",),
    ),
    Slip(
        BUFFER,
        "slices_images",
        changed(BUFFERED, ("layer(buffer[:, :filled])", "layer(buffer[:filled])")),
        "run",
        "whole",
        ("dimension 1",),
    ),
    Slip(
        WIDTHS,
        "starts_again",
        changed(COUNTED, ("there // 2", "num_init_features")),
        "values",
        "starts_again",
        ("Only the first one",),
    ),
    Slip(
        WIDTHS,
        "added_alone",
        changed(COUNTED, ("append(there)", "append(num_layers * growth_rate)")),
        "values",
        "added_alone",
        ("each block adds",),
    ),
    Slip(
        WIDTHS,
        "starts",
        changed(
            COUNTED,
            (
                "        there = there + num_layers * growth_rate\n        widths.append(there)\n",
                "        widths.append(there)\n        there = there + num_layers * growth_rate\n",
            ),
        ),
        "values",
        "starts",
        ("starts with",),
    ),
    Slip(
        WIDTHS,
        "first_halved",
        changed(COUNTED, ("[], num_init_features", "[], num_init_features // 2")),
        "values",
        "first_halved",
        ("before the first block",),
    ),
    Slip(
        WIDTHS,
        "one_layer_more",
        changed(COUNTED, ("num_layers * growth_rate", "(num_layers + 1) * growth_rate")),
        "values",
        "one_layer_more",
        ("one layer too many",),
    ),
    Slip(
        WIDTHS,
        "growth_doubled",
        changed(
            COUNTED,
            (
                "        there = there // 2\n",
                "        there = there // 2\n        growth_rate = 2 * growth_rate\n",
            ),
        ),
        "values",
        "growth_doubled",
        ("is the same",),
    ),
)
