# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 03 DenseNet: a matrix that grows
#
# ResNet adds what a layer has found to what was there. DenseNet puts it
# beside: nothing is overwritten, and every later layer reads everything.
#
# **You will be able to** read concatenation as a matrix with the identity on
# top; build a dense layer and a dense block; say how many channels there are
# at any point, and what the growing costs in memory.
#
# **Time:** 60 minutes for the core. **Builds on:** convolutions, batch norm, a
# little PyTorch.
#
# **The lecture's claims:** $x_{i+1} = [x_i, f_i(x_i)]$, so the vector keeps
# growing. And: DenseNet looked best because it was trained better; a ResNet,
# trained well, beats it (Further D).

# %% slideshow={"slide_type": "skip"} tags=["define"]
from functools import cache

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import nets, predict, show, use

# %% slideshow={"slide_type": "skip"} student="name"
# student: the name you hand in under; your questions' numbers come from it
device = begin("03_densenet", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Two matrices with 12 columns. On the left 16 rows: the first 12 are the
# identity, one cell each on the diagonal, and 4 full rows stand below. On the
# right 24 rows: the same 16, and 8 full rows more.](../figures/03_growing.svg)
#
# A row is a channel that comes out, a column one that went in. Left: one layer
# with *growth rate* 4, the number of channels that a layer adds. The identity
# on top hands on $x$ as it is. Right: after three layers.

# %% [markdown] slideshow={"slide_type": "subslide"}
# One such layer, and its matrix: the 12 channels of $x$ as they were, and
# below them what $f$ makes of them.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell, change `growth_rate` to 1, 7 or 12, and run it
# again. Point at a cell to read its weight and its term in the sum.

# %%
growth_rate = 4
f = nn.Conv2d(12, growth_rate, 1, bias=False)
beside = lambda x: torch.hstack((x, f(x)))  # along the channels
matrix = measure.channel_matrix(beside, torch.randn(1, 12, 5, 5))
show.draw.channel_matrix(matrix, title=f"[x, f(x)], growth {growth_rate}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. Beside, not on top
#
# $x + f(x)$ asks for equal shapes. $[x, f(x)]$ asks for equal pixels only:
# the channels stand in a row, and $f$ may give any number of them.

# %% tags=["nbval-check-output"]
x = torch.randn(1, 12, 5, 5)  # n c h w
y = beside(x).detach()
print("channels:", x.shape[1], "->", y.shape[1])
print("x is still there:", torch.equal(y[:, :12], x))


# %% [markdown] slideshow={"slide_type": "subslide"}
# The second layer reads all of that, the third one more:
#
# $$x, \quad f_1(x), \quad f_2(x, f_1(x)), \quad
# f_3(x, f_1(x), f_2(x, f_1(x))), \quad \ldots$$
#
# Let each $f_i$ be a matrix $W_i$, a 1x1 convolution. Then all channels
# together are one matrix times $x$, which begins as the identity and gets
# `growth_rate` rows more with each layer.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (8 minutes).** One step of it. Row i of `matrix` says what the
# channel i that is there by now is made of. The new layer's `weight` reads
# those channels.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("densenet.grow")` in a new
# cell.

# %% exercise="densenet.grow" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: densenet.grow
def grow(matrix, weight):
    """The matrix of [y, weight @ y], where y = matrix @ x.

    matrix: (c, c0): the c channels that are there, in terms of x.
    weight: (k, c): what the new layer makes of them.
    Returns (c + k, c0): the old rows, and below them the new ones.
    """
    # your code here
    raise NotAttempted("densenet.grow")


# %% slideshow={"slide_type": "skip"}
check("densenet.grow")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Three layers as one matrix, and the same three as convolutions:

# %% tags=["nbval-check-output"]
step = use("densenet.grow")
weights = [torch.randn(4, c) for c in (12, 16, 20)]  # 4 new rows each
grown, image = torch.eye(12), x
for W in weights:
    grown = step(grown, W)
    image = torch.hstack((image, F.conv2d(image, W[:, :, None, None])))
at_once = torch.einsum("oc,nchw->nohw", grown, x)
gap = (at_once - image).abs().max() / image.abs().max()
print("rows:", len(grown), "  the same numbers:", gap.item() < 1e-5)

# %% question="densenet.unequal" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: densenet.unequal
answer = ...  # your answer in place of the dots
ask("densenet.unequal", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The layer
#
# The number of channels that a layer reads gets large, what it makes stays
# small. So a 1x1 first brings the many channels down to `bn_size *
# growth_rate` (the *bottleneck*; `bn_size` is 4 in the paper), and the 3x3
# works there:
#
# `BN - ReLU - 1x1 - BN - ReLU - 3x3`
#
# Batch norm (BN) and ReLU come *before* each convolution, other than in a
# ResNet.

# %% slideshow={"slide_type": "subslide"} tags=["nbval-check-output"]
many = torch.randn(1, 512, 14, 14, device="meta")  # counted, not run
direct = nn.Conv2d(512, 32, 3, padding=1, bias=False, device="meta")
narrow = nn.Sequential(
    nn.Conv2d(512, 4 * 32, 1, bias=False, device="meta"),
    nn.Conv2d(4 * 32, 32, 3, padding=1, bias=False, device="meta"),
)
for name, layer in (("3x3 alone", direct), ("by a bottleneck", narrow)):
    own = measure.cost(layer, many)
    print(f"{name:16} {own.params:,} weights, {own.macs:,} multiply-adds")


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (12 minutes).** The layer. It returns its new channels alone; the
# block will put them beside the old ones. The convolutions have no bias, the
# 3x3 keeps the image's size. Weights are compared by name: keep the names.

# %% exercise="densenet.layer" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: densenet.layer
class DenseLayer(nn.Module):
    """What a dense block adds (Huang 2016, DenseNet-B), as in the line above.

    (n, in_channels, h, w) -> (n, growth_rate, h, w)
    Names: norm1, conv1 (the 1x1), norm2, conv2 (the 3x3).
    """

    def __init__(self, in_channels, growth_rate, bn_size=4):
        super().__init__()
        # your code here
        raise NotAttempted("densenet.layer")

    def forward(self, x):
        # your code here
        raise NotAttempted("densenet.layer")


# %% slideshow={"slide_type": "skip"}
check("densenet.layer")

# %% slideshow={"slide_type": "skip"} tags=["define"]
Layer = use("densenet.layer")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. The block
#
# Layers in a row, and each reads everything that is there: the block's input
# and what all layers before it have made. Old channels stay in front, the new
# ones come behind them.
#
# **Exercise (15 minutes).** The block. `Layer(in_channels, growth_rate,
# bn_size)` makes a dense layer. In `__init__`, make layer `i` for the channels
# that it will read (`i` counts from 0) and call it `layer`: the line below
# gives it its name. In `forward`, `layer(x)` gives that layer's new channels
# alone; at the end of the loop `x` has to be all channels.

# %% [markdown] slideshow={"slide_type": "skip"}
# (`Layer` is your own, or the framework's until yours passes.)

# %% exercise="densenet.block" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: densenet.block
class DenseBlock(nn.Module):
    """Layers that read all that is there (Huang 2016, equation 2).

    (n, in_channels, h, w) -> (n, in_channels + num_layers * growth_rate, h, w)
    """

    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__()
        for i in range(num_layers):
            # your code here
            raise NotAttempted("densenet.block")
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x):
        for layer in self.children():
            # your code here
            raise NotAttempted("densenet.block")
        return x


# %% slideshow={"slide_type": "skip"}
check("densenet.block")

# %% slideshow={"slide_type": "skip"} tags=["define"]
Block = use("densenet.block")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw; open them if you are curious. The matrix is probed
# from the block (yours, once it has passed): one gradient for each channel
# that comes out says how it reacts to each that went in. So a wrong block
# would show a wrong picture.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
C, patch = 12, torch.randn(1, 12, 14, 14)
corner = patch[:, :, :3, :3]  # where the matrix is probed
new_colours = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73")


def facts(growth, layers):
    """The four bars' numbers: channels, parameters, MACs, bytes kept."""
    block = Block(layers, C, growth)
    own, kept = measure.cost(block, patch), measure.saved_bytes(block, patch)
    return C + layers * growth, own.params, own.macs, kept


largest = facts(8, 4)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def growth_bars(growth, layers):
    found = facts(growth, layers)
    names = ("channels", "parameters", "multiply-adds", "kept for backward")
    texts = [show.si(value) for value in found[:3]] + [show.bytes_(found[3])]
    rows = [
        (name, value / most, text)
        for name, value, most, text in zip(names, found, largest, texts)
    ]
    return show.draw.bars(rows, title="Full bar: growth 8, 4 layers", limit=1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@cache
def growth_picture(growth, layers):
    block = Block(layers, C, growth)
    torch.manual_seed(1)  # the same first layers, however many there are
    nets.initialise(block)
    matrix = measure.channel_matrix(block, corner)
    marks = ["#555555"] * C
    for colour in new_colours[:layers]:
        marks += [colour] * growth
    title = f"growth rate {growth}, {layers} layers"
    more = {"row_colours": marks, "limit": 1}
    left = show.draw.channel_matrix(matrix, title=title, **more)
    return show.draw.beside(left, growth_bars(growth, layers))


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_growth():
    stops = show.widgets.Stops
    return show.widgets.Explorer(
        growth_picture,
        layers=stops([1, 2, 3, 4], 2, "layers"),
        growth=stops([2, 4, 6, 8], 4, "growth rate"),
    )


predict("densenet.width_121", explore_growth)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move both sliders. Three things to see:
#
# - The rows that are there never change. A new layer only adds rows below, in
#   a colour of its own.
# - The channels go up by the growth rate at each layer: 256 + 24 * 32 = 1,024
#   in the block of the question. DenseNet-121 is the network of 121 layers,
#   built in Further C.
# - What is kept for the backward pass grows faster than the channels do. That
#   is section 5.

# %% question="densenet.width" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: densenet.width
answer = ...  # your answer in place of the dots
ask("densenet.width", answer)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. The transition
#
# Concatenation needs equal pixels, so inside a block the image keeps its size.
# Between two blocks stands a *transition*: BN, ReLU, a 1x1 that halves the
# channels, and an average over 2 x 2 pixels.

# %% tags=["define"]
class Transition(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.pool = nn.AvgPool2d(2)


# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
block, transition = Block(4, 12, 4), Transition(28, 14)
dense = block(torch.randn(1, 12, 8, 8))
print("after the block:     ", tuple(dense.shape[1:]))
print("after the transition:", tuple(transition(dense).shape[1:]))

# %% question="densenet.transition" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: densenet.transition
answer = ...  # your answer in place of the dots
ask("densenet.transition", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. What waits for the backward pass
#
# A gradient needs what the layer read: it is kept until the backward pass gets
# there. `measure.saved_bytes` counts that, parameters left out, each piece of
# memory once.
#
# In a block every layer reads all channels, and its concatenation is a copy
# of its own.

# %% slideshow={"slide_type": "-"}
depths = (8, 16, 32, 64)  # layers in one block
thumbnail = torch.randn(1, 24, 8, 8)  # one image of 8 x 8 pixels


@cache
def kept(way, growth=12):
    """Bytes that a block of each depth keeps for one small image."""
    blocks = [way(layers, 24, growth) for layers in depths]
    return [measure.saved_bytes(block, thumbnail) for block in blocks]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def memory_curves(ways, growth=12):
    lines = [
        show.draw.Line(name, depths, [v / 2**10 for v in kept(way, growth)])
        for name, way in ways.items()
    ]
    first = kept(Block, growth)[0] / 2**10
    straight = [first * layers / depths[0] for layers in depths]
    lines.append(
        show.draw.Line(
            "a straight line", depths, straight, dashed=True, colour="#555555"
        )
    )
    title = f"Kept for backward, 24 channels and growth rate {growth}"
    axes = {"x_label": "layers", "y_label": "KiB", "x_ticks": depths}
    return show.draw.curves(lines, title=title, **axes)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def times_as_much():
    return round(kept(Block)[-1] / kept(Block)[0], 1)


predict(
    "densenet.memory",
    lambda: memory_curves({"as it is": Block}),
    measured=times_as_much,
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Eight times the layers, 31.6 times the memory: the curve bends. Layer
# $i$ keeps copies of all $c_0 + i k$ channels that it reads, and the sum of
# that over $L$ layers goes with $L^2$:
#
# $$\sum_{i=0}^{L-1} (c_0 + i k) = L c_0 + \frac{L (L - 1)}{2} k$$
#
# Concatenation computes nothing, and it is not free.

# %% question="densenet.copies" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: densenet.copies
answer = ...  # your answer in place of the dots
ask("densenet.copies", answer)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The bend made straight
#
# *Checkpointing*: keep only what a layer was called on, and run the layer a
# second time when the backward pass gets there. First try: each layer is
# called on all channels, concatenated.

# %%
class InputsKept(Block):
    def forward(self, x):
        pieces = [x]
        for layer in self.children():
            together = torch.cat(pieces, dim=1)  # a copy, and it is kept
            new = checkpoint(layer, together, use_reentrant=False)
            pieces.append(new)
        return torch.cat(pieces, dim=1)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Second try: the concatenation belongs to what is run again. Then a layer is
# called on the pieces, and a piece is one tensor, whoever keeps it.

# %%
def join_and_run(layer, *pieces):
    return layer(torch.cat(pieces, dim=1))


class PiecesKept(Block):
    def forward(self, x):
        pieces = [x]
        for layer in self.children():
            new = checkpoint(
                join_and_run, layer, *pieces, use_reentrant=False
            )
            pieces.append(new)
        return torch.cat(pieces, dim=1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
ways = {"as it is": Block, "inputs kept": InputsKept}
ways["pieces kept"] = PiecesKept


def three_curves(growth):
    return memory_curves(ways, growth)


stops = show.widgets.Stops([6, 12, 24, 32], 12, "growth rate")
show.display(show.widgets.Explorer(three_curves, growth=stops))

# %% [markdown] slideshow={"slide_type": "-"}
# Keeping the inputs takes less than half of the memory, and it still bends:
# the kept inputs are the growing copies. With the pieces it is a line, and
# hardly lifts off the axis.

# %% [markdown] slideshow={"slide_type": "subslide"}
# In numbers, for 8 and for 64 layers:

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
for name, way in ways.items():
    few, most = kept(way)[0], kept(way)[-1]
    sizes = f"{show.bytes_(few):>8} and {show.bytes_(most):>8}"
    print(f"{name:12} {sizes}, {most / few:.1f} times as much")


# %% [markdown] slideshow={"slide_type": "skip"}
# The gradients are the same to the last digits, and something must pay for
# it: the layers run again.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def step_macs(way):
    """Multiply-adds of a whole training step, forward and backward."""
    own = measure.cost(way(16, 24, 12), thumbnail, backward=True)
    return own.macs + own.backward.macs


def percent_more():
    return round(100 * (step_macs(PiecesKept) / step_macs(Block) - 1), 1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def step_bars():
    base = step_macs(Block)
    rows = [
        (name, step_macs(way) / base, show.si(step_macs(way)))
        for name, way in ways.items()
    ]
    scale = {"limit": 1.5, "reference": (1, "as it is")}
    return show.draw.bars(rows, title="Multiply-adds of one step", **scale)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("densenet.price", step_bars, measured=percent_more)

# %% [markdown] slideshow={"slide_type": "skip"}
# A step is one forward pass and a backward pass of twice its multiply-adds
# (one product for the gradient of the image, one for the weight's). Running
# all of the forward pass again would be a third more. It is about half of
# that, since the second run stops where it has all that it needs: nobody asks
# for the result of the last 3x3 of a layer. Counted:

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
extra = step_macs(PiecesKept) - step_macs(Block)
all_1x1 = sum((24 + 12 * i) * 4 * 12 * 8 * 8 for i in range(16))
print("multiply-adds more:", f"{extra:,}", "  all 1x1:", f"{all_1x1:,}")


# %% [markdown] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** $x_{i+1} = [x_i, f_i(x_i)]$ is a matrix with the identity on top
#   and new rows below: the probe shows it, and three layers are one matrix.
# - **Held.** The vector keeps growing, by the growth rate at each layer.
#   Transitions halve the channels and the image's sides.
# - **Held, and mended.** The memory of a naive block goes with the square of
#   its layers: 31.6 times as much for 8 times the layers here. With
#   checkpointing that joins the pieces again it is a line, for 17% more
#   multiply-adds (24 channels, growth rate 12).
# - **"It was trained better"**: Further D puts that to the test.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. Layer 3 reads what layer 1 has made without layer 2 between them. What
#    does that do for the gradient of layer 1? Where else have you met it?
# 2. A layer could read the sum of all pieces instead of their concatenation.
#    What would its matrix look like, and what would be lost?
# 3. Why does the transition come between blocks, and not behind every layer?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says:
# "Concatenation is only bookkeeping, so DenseNet is cheap." In three or four
# sentences: what is right about that, and what is missing?

# %% [markdown] free="densenet.explain" slideshow={"slide_type": "skip"}
# *Your answer here.*

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Huang, Liu, van der Maaten, Weinberger: *Densely Connected
# Convolutional Networks*, 2016,
# [1608.06993](https://arxiv.org/abs/1608.06993). Pleiss and others:
# *Memory-Efficient Implementation of DenseNets*, 2017,
# [1707.06990](https://arxiv.org/abs/1707.06990).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. The bytes, by hand
#
# Where do the curves come from? Count *maps*: a map is one channel of one
# image, and here weighs 8 x 8 numbers of 4 bytes. What a layer keeps, if it
# reads $c$ channels:
#
# - the first batch norm keeps what it read, $c$ maps; the ReLU behind it keeps
#   what it gives, $c$ more. The 1x1 reads that same tensor: nothing new.
# - the second batch norm and its ReLU do the same with the narrow maps,
#   `bn_size * growth_rate` of them.

# %% [markdown] slideshow={"slide_type": "skip"}
# With *inputs kept* a layer keeps the one tensor that it is called on. With
# *pieces kept* there are x and the new channels of each layer, every piece
# once; nobody reads the last layer's.
#
# **Exercise (12 minutes).** Count the maps for a block, three ways. The one or
# two numbers that a batch norm keeps for each channel are left out.

# %% exercise="densenet.kept_maps" slideshow={"slide_type": "skip"} tags=["define", "raises-exception"]
# exercise: densenet.kept_maps
def kept_maps(in_channels, growth_rate, num_layers, bn_size):
    """Maps that a dense block keeps for its backward pass, for one image.

    Returns three whole numbers: as it is, inputs kept, pieces kept.
    Count; build nothing.
    """
    # your code here
    raise NotAttempted("densenet.kept_maps")


# %% slideshow={"slide_type": "skip"}
check("densenet.kept_maps")

# %% [markdown] slideshow={"slide_type": "skip"}
# Beside what was measured. What is left over is the batch norms': a mean and
# a deviation for each of their channels.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
counted = use("densenet.kept_maps")
for layers, *measured in zip(depths, *map(kept, ways.values())):
    maps = counted(24, 12, layers, 4)
    pairs = zip(maps, measured)
    found = [f"{int(m) * 64 * 4:,} of {all_:,}" for m, all_ in pairs]
    print(f"{layers:2} layers:", "; ".join(found), "bytes")


# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. One buffer
#
# Who does not train keeps nothing, and yet each concatenation copies all
# channels once more. Instead: one tensor as wide as the end of the block. Each
# layer reads the front of it, as a view, and writes its channels behind.
#
# **Exercise (12 minutes).** For prediction alone, so without gradients.
# `x.new_empty(...)` makes a tensor of x's kind, of any shape, with any numbers
# in it.

# %% exercise="densenet.buffer" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: densenet.buffer
class BufferBlock(Block):
    """A dense block whose layers write into one tensor; no torch.cat.

    (n, in_channels, h, w) -> (n, in_channels + num_layers * growth_rate, h, w)
    """

    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__(num_layers, in_channels, growth_rate, bn_size)
        self.num_layers, self.growth_rate = num_layers, growth_rate

    @torch.no_grad()
    def forward(self, x):
        # your code here
        raise NotAttempted("densenet.buffer")


# %% slideshow={"slide_type": "skip"}
check("densenet.buffer")

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
BufferedBlock = use("densenet.buffer")
small_photo = torch.randn(1, 24, 16, 16)


def traffic(way):
    """Bytes read and written by a block of 32 layers, without gradients."""
    with torch.no_grad():
        return measure.cost(way(32, 24, 12).eval(), small_photo).bytes


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def traffic_bars():
    with_cat, in_place = traffic(Block), traffic(BufferedBlock)
    rows = [
        (name, value / with_cat, show.bytes_(value))
        for name, value in (("torch.cat", with_cat), ("buffer", in_place))
    ]
    return show.draw.bars(rows, title="Read and written, 32 layers", limit=1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def cat_over_buffer():
    return round(traffic(Block) / traffic(BufferedBlock), 2)


predict("densenet.buffer", traffic_bars, measured=cat_over_buffer)

# %% [markdown] slideshow={"slide_type": "skip"}
# (Where your buffer has not passed yet, the framework's block runs in its
# place, and the two bars are equal.) The copies are a part of the traffic. The
# rest is the same in both: batch norm, ReLU and 1x1 read all channels anyway.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Why not train with a buffer? A layer's gradient needs what it read, and that
# stands in the buffer, which the next layer writes to. PyTorch counts the
# writes of a tensor and refuses, even where they went elsewhere:

# %% slideshow={"slide_type": "-"}
buffer = torch.ones(1, 3, 1, 1)
weight = torch.randn(1, 2, 1, 1, requires_grad=True)
new = F.conv2d(buffer[:, :2], weight)
buffer[:, 2:] = new.detach()  # not where the layer has read
try:
    new.sum().backward()
except RuntimeError as problem:
    print(str(problem).split(":")[0])


# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. The real DenseNet
#
# A first layer with a pool, four blocks, three transitions, a last batch norm
# and ReLU, an average over the pixels, a linear layer.
#
# **Exercise (8 minutes).** Its widths, as arithmetic. A transition halves the
# channels, rounded down; there is none behind the last block.

# %% exercise="densenet.channels" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: densenet.channels
def channels(num_init_features, growth_rate, block_config):
    """How many channels each block ends with.

    num_init_features: the channels that the first block is given.
    block_config: the number of layers of each block.
    Returns one whole number for each block, in a list.
    """
    # your code here
    raise NotAttempted("densenet.channels")


# %% slideshow={"slide_type": "skip"}
check("densenet.channels")

# %% [markdown] slideshow={"slide_type": "skip"}
# The network out of your own parts, with torchvision's names.

# %% slideshow={"slide_type": "skip"} tags=["define"]
widths = use("densenet.channels")


# %% slideshow={"slide_type": "skip"} tags=["define"]
def trunk(growth_rate, block_config, num_init_features, bn_size):
    parts, c = nn.Sequential(), num_init_features
    parts.conv0 = nn.Conv2d(3, c, 7, stride=2, padding=3, bias=False)
    parts.norm0, parts.relu0 = nn.BatchNorm2d(c), nn.ReLU()
    parts.pool0 = nn.MaxPool2d(3, stride=2, padding=1)
    ends = widths(c, growth_rate, list(block_config))
    for i, (layers, end) in enumerate(zip(block_config, ends), start=1):
        block = Block(layers, c, growth_rate, bn_size)
        parts.add_module(f"denseblock{i}", block)
        if i < len(block_config):
            parts.add_module(f"transition{i}", Transition(end, end // 2))
        c = end // 2
    parts.norm5 = nn.BatchNorm2d(end)
    return parts


# %% slideshow={"slide_type": "skip"} tags=["define"]
class DenseNet(nn.Module):
    """(n, 3, h, w) -> (n, num_classes); h and w of 29 pixels or more."""

    def __init__(self, growth_rate=32, block_config=(6, 12, 24, 16),
                 num_init_features=64, bn_size=4, num_classes=1000):
        super().__init__()
        sizes = growth_rate, block_config, num_init_features, bn_size
        self.features = trunk(*sizes)
        width = self.features.norm5.num_features
        self.classifier = nn.Linear(width, num_classes)
        self.smallest_image = 4 * 2 ** (len(block_config) - 1) - 3

    def forward(self, x):
        return self.classifier(F.relu(self.features(x)).mean(dim=(2, 3)))


# %% [markdown] slideshow={"slide_type": "subslide"}
# DenseNet-121 out of the blocks and transitions above, and torchvision's
# beside it. The same weights by name, the same image: the same answer?

# %% slideshow={"slide_type": "-"}
import torchvision

theirs = torchvision.models.densenet121().double().eval()
ours = DenseNet().double().eval()
nets.load_torchvision(ours, theirs.state_dict())
x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
with torch.no_grad():
    gap = (ours(x) - theirs(x)).abs().max()
    size = theirs(x).abs().max()
print("largest difference, relative:", f"{gap / size:.1e}")

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
photo = torch.empty(1, 3, 224, 224, device="meta")
layers_of = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32)}
layers_of[201] = (6, 12, 48, 32)
for name, block_config in layers_of.items():
    with torch.device("meta"):
        network = DenseNet(block_config=block_config).eval()
    own = measure.cost(network, photo)
    print(f"DenseNet-{name}: {own.params:,} parameters, {own.macs:,} MACs")

# %% [markdown] slideshow={"slide_type": "skip"}
# ResNet-50 has 25,557,032 parameters and 4,089,184,256 multiply-adds (MACs),
# counted the same way: DenseNet-201 costs about as much with fewer parameters.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. The network, or its training?
#
# The lecture: DenseNet did well because it was trained better; a ResNet or a
# ResNeXt, trained well, beats it. So train two networks by two recipes.
#
# | | plain | careful |
# |---|---|---|
# | images | as they are | turned, scaled and moved a little, anew each time |
# | labels | one of ten | smoothed: 91% for the right one |
# | learning rate | 0.03 throughout | 0.1, down to 0 along a cosine |
# | weight decay | none | 0.0005 |
# | epochs | 20 | 60 |

# %% [markdown] slideshow={"slide_type": "skip"}
# The task: the 8 x 8 digits under noise, 200 to learn from and 1,597 to be
# tested on. The networks: two basic ResNet blocks (16 and 32 channels), and
# two dense blocks of three layers (growth rate 10): 19,706 and 16,874
# parameters, 533,824 and 640,978 multiply-adds. Each was trained from five
# seeds, once, and the results shipped. One seed of one is trained here, now.

# %% slideshow={"slide_type": "skip"}
from convzoo import experiments

recipes = {
    recipe: experiments.load(f"recipe_{recipe}")
    for recipe in ("plain", "careful")
}
record = experiments.together(recipes)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def recipes_now():
    quiet = {"on_epoch": lambda history: None}  # the curve is not the point
    live = experiments.one("recipe_careful", "ResNet", seed=5, **quiet)
    rows = experiments.summary(record)
    own = {"ResNet, careful": live.test_accuracy[-1]}
    title = "Few noisy digits: test accuracy, five seeds"
    return show.draw.seeds(rows, own, title=title)


predict("densenet.recipes", recipes_now)

# %% slideshow={"slide_type": "subslide"} tags=["nbval-check-output"]
rivals = [(f"DenseNet, {r}", f"ResNet, {r}") for r in recipes]
rivals += [(f"{n}, careful", f"{n}, plain") for n in ("ResNet", "DenseNet")]
rivals += [("ResNet, careful", "DenseNet, plain")]
for one, other in rivals:
    found = experiments.gap(record, one, other)
    seen = "visible" if found["visible"] else "not visible"
    numbers = f"{found['gap']:+6.1%}, seeds differ by {found['spread']:.1%}"
    print(f"{one:17} less {other:16} {numbers}: {seen}")

# %% [markdown] slideshow={"slide_type": "-"}
# A gap counts only where it is wider than what the seeds of one network differ
# by. That is a strict rule. By it the recipe counts, with more than eleven
# points for either network, and which network it is does not.

# %% [markdown] slideshow={"slide_type": "skip"}
# But look at the bars: with care, the worst DenseNet (94.7%) lies above the
# best ResNet (94.2%), five against five. So DenseNet may well be the better
# one here, by some 1.5 points; what the recipe does is seven times that.

# %% [markdown] slideshow={"slide_type": "skip"}
# One half of the lecturer's claim held on this task. How a network was trained
# did far more than which one it was, and the pair that a paper would print, a
# new network with a new recipe beside an old one with the old, comes out for
# whichever was trained with care: here even for the ResNet, by 9.7 points.
# The other half did not: trained as well as the DenseNet, the ResNet does not
# beat it.
#
# What stays open: the recipe changes five things at once, and which of them
# did it was not tried. The DenseNet has fewer parameters, and more
# multiply-adds. And these are small networks on small images.

# %% [markdown] slideshow={"slide_type": "subslide"}
# The same on ImageNet, in top-1 accuracy as published, not measured here.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
published = [
    ("ResNet-50", "4.1 G", "76.13", "80.86 (torchvision), 80.38 (timm a1)"),
    ("ResNeXt-50 32x4d", "4.2 G", "77.62", "81.20 (torchvision)"),
    ("DenseNet-121", "2.8 G", "74.43", "75.57 (timm, retrained)"),
    ("DenseNet-201", "4.3 G", "76.90", "none found"),
]
heads = ("network", "MACs", "torchvision's first weights", "later ones")
show.draw.table(published, heads, "Top-1 accuracy in %, as published")

# %% [markdown] slideshow={"slide_type": "skip"}
# At about 4.2 G multiply-adds and with the first weights DenseNet-201 lies
# between ResNet-50 and ResNeXt-50: all within 1.5 points. The later recipe
# lifts ResNet-50 by 4.7; DenseNet-121, retrained by another one, gained 1.1.
# For DenseNet-201 we found no such number, so the fair comparison under one
# good recipe is missing. DenseNet-121 has 8 million parameters against
# ResNet-50's 25.6 million: the table does not count that.

# %% question="densenet.fair" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: densenet.fair
answer = ...  # your answer in place of the dots
ask("densenet.fair", answer)
