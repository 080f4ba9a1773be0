# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 03 DenseNet: a matrix that grows
#
# An edge found by an early layer may help a much later one. ResNet adds each
# new result to the old ones. DenseNet puts it next to them: nothing is
# overwritten, every later layer reads everything. The price is memory.
#
# **You will be able to** read concatenation as a matrix with the identity on
# top; build a dense layer and block; count their channels and memory.
#
# **Time:** 60 minutes for the core. **Builds on:** convolutions, batch norm, a
# little PyTorch.
#
# **The lecture's claims:** $x_{i+1} = [x_i, f_i(x_i)]$, so the vector keeps
# growing. And: DenseNet looked best because it was trained better; a ResNet,
# trained well, beats it (Further D).

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% tags=["define"] slideshow={"slide_type": "skip"}
from functools import cache

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import nets, predict, show, use

# %% student="name" slideshow={"slide_type": "skip"}
# student: the name you hand in under; it draws the numbers of your questions
device = begin("03_densenet", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Two matrices with 12 columns. Left: 16 rows. The first 12 are the identity,
# one cell each on the diagonal; below are 4 full rows. Right: 24 rows, the
# same 16 and 8 more full rows.](../figures/03_growing.svg)
#
# A row is an output channel, a column an input channel. Left: one layer with
# *growth rate* 4, the number of channels that a layer adds. The identity on
# top passes $x$ on unchanged. Right: after three layers.

# %% [markdown] slideshow={"slide_type": "subslide"}
# One such layer and its matrix: on top the 12 channels of $x$, unchanged, and
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
# ## 1. Concatenate instead of adding
#
# $x + f(x)$ needs equal shapes. $[x, f(x)]$ only needs the same image size:
# the channels are joined, and $f$ may return any number of them.

# %% tags=["nbval-check-output"]
x = torch.randn(1, 12, 5, 5)  # n c h w
y = beside(x).detach()
print("channels:", x.shape[1], "->", y.shape[1])
print("x is still there:", torch.equal(y[:, :12], x))

# %% [markdown] slideshow={"slide_type": "subslide"}
# The second layer reads all of this, and the third reads even more:
#
# $$x, \quad f_1(x), \quad f_2(x, f_1(x)), \quad
# f_3(x, f_1(x), f_2(x, f_1(x))), \quad \ldots$$
#
# Let each $f_i$ be a matrix $W_i$, a 1x1 convolution. Then all channels
# together are one matrix times $x$. It starts as the identity, and each layer
# adds `growth_rate` rows.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (8 minutes).** Write one step of it. Row i of `matrix` says what
# channel i is made of, in terms of $x$. The new layer's `weight` reads these
# channels.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("densenet.grow")` in a new
# cell.

# %% exercise="densenet.grow" tags=["define"] slideshow={"slide_type": "-"}
# exercise: densenet.grow
def grow(matrix, weight):
    """Return the matrix of [y, weight @ y], where y = matrix @ x.

    matrix: (c, c0): the c channels so far, in terms of x.
    weight: (k, c): what the new layer makes of them.
    Returns (c + k, c0): the old rows, and the new ones below them.
    """
    ### BEGIN SOLUTION
    return torch.cat([matrix, weight @ matrix])
    ### END SOLUTION


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

# %% question="densenet.unequal" slideshow={"slide_type": "skip"}
# question: densenet.unequal
### BEGIN SOLUTION
answer = "d"
### END SOLUTION
ask("densenet.unequal", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The dense layer
#
# A layer reads more and more channels, but adds only a few. So a 1x1 first
# reduces them to `bn_size * growth_rate` channels (the *bottleneck*; `bn_size`
# is 4 in the paper), and the 3x3 works on those:
#
# `BN - ReLU - 1x1 - BN - ReLU - 3x3`
#
# Unlike in a ResNet, batch norm (BN) and ReLU come *before* each convolution.

# %% tags=["nbval-check-output"] slideshow={"slide_type": "subslide"}
many = torch.randn(1, 512, 14, 14, device="meta")  # counted, not run
direct = nn.Conv2d(512, 32, 3, padding=1, bias=False, device="meta")
narrow = nn.Sequential(
    nn.Conv2d(512, 4 * 32, 1, bias=False, device="meta"),
    nn.Conv2d(4 * 32, 32, 3, padding=1, bias=False, device="meta"),
)
for name, layer in (("3x3 alone", direct), ("via a bottleneck", narrow)):
    own = measure.cost(layer, many)
    print(f"{name:16} {own.params:,} weights, {own.macs:,} multiply-adds")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (12 minutes).** Build the layer. It returns only its new channels;
# the block will append them. The convolutions have no bias, the 3x3 keeps the
# image size. Weights are compared by name, so keep the names.

# %% exercise="densenet.layer" tags=["define"] slideshow={"slide_type": "-"}
# exercise: densenet.layer
class DenseLayer(nn.Module):
    """A dense block's layer (Huang 2016, DenseNet-B), in the order above.

    (n, in_channels, h, w) -> (n, growth_rate, h, w)
    Names: norm1, conv1 (the 1x1), norm2, conv2 (the 3x3).
    """

    def __init__(self, in_channels, growth_rate, bn_size=4):
        super().__init__()
        ### BEGIN SOLUTION
        width = bn_size * growth_rate
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, growth_rate, 3, padding=1, bias=False)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = self.conv1(F.relu(self.norm1(x)))
        return self.conv2(F.relu(self.norm2(y)))
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("densenet.layer")

# %% tags=["define"] slideshow={"slide_type": "skip"}
Layer = use("densenet.layer")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. The dense block
#
# A block is a row of layers. Each one reads everything so far: the block's
# input and what all earlier layers made. Old channels stay in front, and the
# new ones come after them.
#
# **Exercise (15 minutes).** Build the block. `Layer(in_channels, growth_rate,
# bn_size)` makes a dense layer. In `__init__`, make layer `i` for the channels
# it will read (`i` counts from 0), and call it `layer`: the line below gives
# it its name. In `forward`, `layer(x)` returns only the new channels. At the
# end of each pass through the loop, `x` must hold all channels.

# %% [markdown] slideshow={"slide_type": "skip"}
# (`Layer` is yours if it passed, and the framework's if not.)

# %% exercise="densenet.block" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: densenet.block
class DenseBlock(nn.Module):
    """Layers that each read everything so far (Huang 2016, equation 2).

    (n, in_channels, h, w) -> (n, in_channels + num_layers * growth_rate, h, w)
    """

    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__()
        for i in range(num_layers):
            ### BEGIN SOLUTION
            channels_read = in_channels + i * growth_rate
            layer = Layer(channels_read, growth_rate, bn_size)
            ### END SOLUTION
            self.add_module(f"denselayer{i + 1}", layer)

    def forward(self, x):
        for layer in self.children():
            ### BEGIN SOLUTION
            x = torch.cat([x, layer(x)], dim=1)
            ### END SOLUTION
        return x


# %% slideshow={"slide_type": "skip"}
check("densenet.block")

# %% tags=["define"] slideshow={"slide_type": "skip"}
Block = use("densenet.block")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw; open them if you are curious. The matrix is probed
# from the block (yours, once it has passed): for each output channel, one
# gradient shows how it reacts to each input channel. So a wrong block shows a
# wrong picture.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
C, patch = 12, torch.randn(1, 12, 14, 14)
corner = patch[:, :, :3, :3]  # where the matrix is probed
new_colours = ("#E69F00", "#56B4E9", "#CC79A7", "#009E73")


def facts(growth, layers):
    """Return the bars' numbers: channels, parameters, MACs, bytes kept."""
    block = Block(layers, C, growth)
    own, kept = measure.cost(block, patch), measure.saved_bytes(block, patch)
    return C + layers * growth, own.params, own.macs, kept


largest = facts(8, 4)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def growth_bars(growth, layers):
    found = facts(growth, layers)
    names = ("channels", "parameters", "multiply-adds", "kept for backward")
    texts = [show.si(value) for value in found[:3]] + [show.bytes_(found[3])]
    rows = [
        (name, value / most, text)
        for name, value, most, text in zip(names, found, largest, texts)
    ]
    return show.draw.bars(rows, title="Full bar: growth 8, 4 layers", limit=1)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
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


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
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
#   its own colour.
# - Each layer adds the growth rate to the channels: 256 + 24 * 32 = 1,024 in
#   the block of the question. (DenseNet-121 has 121 layers. Further C builds
#   it.)
# - What is kept for the backward pass grows faster than the channels do. See
#   section 5.

# %% question="densenet.width" slideshow={"slide_type": "skip"}
# question: densenet.width
### BEGIN SOLUTION
answer = 40 + 7 * 12
### END SOLUTION
ask("densenet.width", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. The transition
#
# Concatenation needs equal image sizes, so inside a block the size stays the
# same. Between two blocks there is a *transition*: BN, ReLU, a 1x1 that halves
# the channels, and an average over 2 x 2 pixels.

# %% tags=["define"]
class Transition(nn.Sequential):
    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.pool = nn.AvgPool2d(2)


# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
block, transition = Block(4, 12, 4), Transition(28, 14)
dense = block(torch.randn(1, 12, 8, 8))
print("after the block:     ", tuple(dense.shape[1:]))
print("after the transition:", tuple(transition(dense).shape[1:]))

# %% question="densenet.transition" slideshow={"slide_type": "skip"}
# question: densenet.transition
### BEGIN SOLUTION
answer = 160 * 40 * 40 / 8
### END SOLUTION
ask("densenet.transition", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. What is kept for the backward pass
#
# A gradient needs what the layer read. So this is kept until the backward pass
# gets there. `measure.saved_bytes` counts it, without the parameters, and each
# piece of memory once.
#
# In a block, every layer reads all channels so far, and each concatenation is
# a new copy of them.

# %% tags=["lecture"] slideshow={"slide_type": "-"}
depths = (8, 16, 32, 64)  # layers in one block
thumbnail = torch.randn(1, 24, 8, 8)  # one image of 8 x 8 pixels


@cache
def kept(way, growth=12):
    """Return the bytes that blocks of each depth keep for one small image."""
    blocks = [way(layers, 24, growth) for layers in depths]
    return [measure.saved_bytes(block, thumbnail) for block in blocks]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
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


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def times_as_much():
    return round(kept(Block)[-1] / kept(Block)[0], 1)


predict(
    "densenet.memory",
    lambda: memory_curves({"as it is": Block}),
    measured=times_as_much,
)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Eight times the layers take 31.6 times the memory: the curve bends. Layer $i$
# keeps copies of all $c_0 + i k$ channels that it reads. Summed over $L$
# layers, this grows with $L^2$:
#
# $$\sum_{i=0}^{L-1} (c_0 + i k) = L c_0 + \frac{L (L - 1)}{2} k$$
#
# Concatenation computes nothing, but it is not free.

# %% question="densenet.copies" slideshow={"slide_type": "skip"}
# question: densenet.copies
### BEGIN SOLUTION
answer = sum(64 + i * 12 for i in range(1, 6))
### END SOLUTION
ask("densenet.copies", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. From a curve to a line: checkpointing
#
# *Checkpointing*: keep only the inputs of a layer, and run the layer again
# when the backward pass gets there. First try: a layer's input is the tensor
# of all channels, concatenated.

# %% tags=["lecture"]
class InputsKept(Block):
    def forward(self, x):
        pieces = [x]
        for layer in self.children():
            together = torch.cat(pieces, dim=1)  # a copy, and it is kept
            new = checkpoint(layer, together, use_reentrant=False)
            pieces.append(new)
        return torch.cat(pieces, dim=1)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Second try: the concatenation is run again, too. Now a layer's inputs are the
# pieces. Each piece is one tensor, however many layers keep it.

# %% tags=["lecture"]
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


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
ways = {"as it is": Block, "inputs kept": InputsKept}
ways["pieces kept"] = PiecesKept


def three_curves(growth):
    return memory_curves(ways, growth)


stops = show.widgets.Stops([6, 12, 24, 32], 12, "growth rate")
show.display(show.widgets.Explorer(three_curves, growth=stops))

# %% [markdown] slideshow={"slide_type": "-"}
# Keeping the inputs takes less than half of the memory, but the curve still
# bends: the kept inputs are the growing copies. With the pieces it is a line,
# and it hardly rises above the axis.

# %% [markdown] slideshow={"slide_type": "subslide"}
# In numbers, for 8 and for 64 layers:

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
for name, way in ways.items():
    few, most = kept(way)[0], kept(way)[-1]
    sizes = f"{show.bytes_(few):>8} and {show.bytes_(most):>8}"
    print(f"{name:12} {sizes}, {most / few:.1f} times as much")

# %% [markdown] slideshow={"slide_type": "skip"}
# The gradients are the same, up to the last digits. But something has to pay
# for this: the layers run again.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def step_macs(way):
    """Return the multiply-adds of one training step, both passes."""
    own = measure.cost(way(16, 24, 12), thumbnail, backward=True)
    return own.macs + own.backward.macs


def percent_more():
    return round(100 * (step_macs(PiecesKept) / step_macs(Block) - 1), 1)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
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
# A step is one forward pass, and a backward pass with twice its multiply-adds
# (one product for the gradient of the image, one for that of the weight).
# Running the whole forward pass again would add a third. It adds about half of
# that, because the second run stops as soon as it has all it needs: the result
# of a layer's last 3x3 is not needed. We count it:

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
extra = step_macs(PiecesKept) - step_macs(Block)
all_1x1 = sum((24 + 12 * i) * 4 * 12 * 8 * 8 for i in range(16))
print("extra multiply-adds:", f"{extra:,}", "  all 1x1:", f"{all_1x1:,}")

# %% [markdown] tags=["lecture"] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** $x_{i+1} = [x_i, f_i(x_i)]$ is a matrix with the identity on top
#   and new rows below: the probe shows it, and three layers are one matrix.
# - **Held.** The vector keeps growing, by the growth rate at each layer.
#   Transitions halve the channels and the image's sides.
# - **Held, and fixed.** The memory of a naive block grows with the square of
#   its layers: here 31.6 times as much for 8 times the layers. If
#   checkpointing also repeats the concatenation, it is a line, for 17% more
#   multiply-adds (24 channels, growth rate 12).
# - **"It was trained better"**: Further D tests that.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. Layer 3 reads what layer 1 made, without layer 2 between them. What does
#    that do for the gradient of layer 1? Where else have you seen this?
# 2. A layer could read the sum of all pieces instead of their concatenation.
#    What would its matrix look like, and what would be lost?
# 3. Why is there a transition between blocks, and not after every layer?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says:
# "Concatenation is only bookkeeping, so DenseNet is cheap." In three or four
# sentences: what is right about that, and what is missing?

# %% [markdown] free="densenet.explain" slideshow={"slide_type": "skip"}
# ### BEGIN SOLUTION
# Concatenation has no weights and multiplies nothing. Since each layer adds
# few channels, DenseNets have few parameters. But every concatenation copies
# all channels so far, so the bytes moved grow with the square of the layers.
# So does what a naive block keeps for its backward pass. If the pieces are
# joined again in the backward pass, that becomes a line, but this costs
# computation.
# ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Huang, Liu, van der Maaten, Weinberger: *Densely Connected
# Convolutional Networks*, 2016,
# [1608.06993](https://arxiv.org/abs/1608.06993). Pleiss and others:
# *Memory-Efficient Implementation of DenseNets*, 2017,
# [1707.06990](https://arxiv.org/abs/1707.06990).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. Count the kept bytes by hand
#
# Where do the curves come from? Count *maps*: a map is one channel of one
# image, here 8 x 8 numbers of 4 bytes. A layer that reads $c$ channels keeps
# this:
#
# - The first batch norm keeps what it read, $c$ maps. The ReLU after it keeps
#   its output, $c$ more. The 1x1 reads that same tensor: nothing new.
# - The second batch norm and its ReLU do the same with the narrow maps,
#   `bn_size * growth_rate` of them.

# %% [markdown] slideshow={"slide_type": "skip"}
# With *inputs kept*, a layer keeps the one tensor that it is called on. With
# *pieces kept*, a block keeps x and the new channels of each layer, every
# piece once. No layer reads the new channels of the last one.
#
# **Exercise (12 minutes).** Count the maps of a block in these three ways.
# Leave out the one or two numbers that a batch norm keeps for each channel.

# %% exercise="densenet.kept_maps" tags=["define"] slideshow={"slide_type": "skip"}
# exercise: densenet.kept_maps
def kept_maps(in_channels, growth_rate, num_layers, bn_size):
    """Return how many maps a dense block keeps for backward, for one image.

    Returns three whole numbers: as it is, inputs kept, pieces kept.
    Only count; build nothing.
    """
    ### BEGIN SOLUTION
    read = [in_channels + i * growth_rate for i in range(num_layers)]
    inside = num_layers * bn_size * growth_rate
    pieces = in_channels + (num_layers - 1) * growth_rate
    return 2 * sum(read) + 2 * inside, sum(read), pieces
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("densenet.kept_maps")

# %% [markdown] slideshow={"slide_type": "skip"}
# Compare your counts with what was measured. The difference belongs to the
# batch norms: a mean and a deviation for each of their channels.

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
counted = use("densenet.kept_maps")
for layers, *measured in zip(depths, *map(kept, ways.values())):
    maps = counted(24, 12, layers, 4)
    pairs = zip(maps, measured)
    found = [f"{int(m) * 64 * 4:,} of {all_:,}" for m, all_ in pairs]
    print(f"{layers:2} layers:", "; ".join(found), "bytes")

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. One buffer instead of concatenations
#
# At inference nothing needs to be kept, yet each concatenation copies all
# channels again. Instead, take one tensor as wide as the block's output. Each
# layer reads the front of it, as a view, and writes after it.
#
# **Exercise (12 minutes).** Build this for prediction only, so without
# gradients. `x.new_empty(...)` makes a tensor of any shape, of the same kind
# as `x`, with arbitrary numbers in it.

# %% exercise="densenet.buffer" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: densenet.buffer
class BufferBlock(Block):
    """A dense block whose layers write into one tensor, without torch.cat.

    (n, in_channels, h, w) -> (n, in_channels + num_layers * growth_rate, h, w)
    """

    def __init__(self, num_layers, in_channels, growth_rate, bn_size=4):
        super().__init__(num_layers, in_channels, growth_rate, bn_size)
        self.num_layers, self.growth_rate = num_layers, growth_rate

    @torch.no_grad()
    def forward(self, x):
        ### BEGIN SOLUTION
        n, filled, h, w = x.shape
        total = filled + self.num_layers * self.growth_rate
        buffer = x.new_empty(n, total, h, w)
        buffer[:, :filled] = x
        for layer in self.children():
            end = filled + self.growth_rate
            buffer[:, filled:end] = layer(buffer[:, :filled])
            filled = end
        return buffer
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("densenet.buffer")

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
BufferedBlock = use("densenet.buffer")
small_photo = torch.randn(1, 24, 16, 16)


def traffic(way):
    """Return the bytes that 32 layers read and write, without gradients."""
    with torch.no_grad():
        return measure.cost(way(32, 24, 12).eval(), small_photo).bytes


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def traffic_bars():
    with_cat, in_place = traffic(Block), traffic(BufferedBlock)
    rows = [
        (name, value / with_cat, show.bytes_(value))
        for name, value in (("torch.cat", with_cat), ("buffer", in_place))
    ]
    return show.draw.bars(rows, title="Read and written, 32 layers", limit=1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def cat_over_buffer():
    return round(traffic(Block) / traffic(BufferedBlock), 2)


predict("densenet.buffer", traffic_bars, measured=cat_over_buffer)

# %% [markdown] slideshow={"slide_type": "skip"}
# (Until your buffer passes, the framework's block runs in its place, and the
# two bars are equal.) Concatenating moves 1.3 times as many bytes. It is not
# more, because the copies are only a part of the traffic. The rest is the same
# in both: batch norm, ReLU and 1x1 read all channels anyway.
#
# And the time? The next cell runs both blocks on your device, with a larger
# image. The *floor* is the least time in which the device could multiply and
# move the counted bytes.

# %% slideshow={"slide_type": "skip"}
from convzoo.measure import roofline

larger = torch.randn(8, 24, 32, 32, device=device)
both_blocks = {
    "torch.cat": Block(32, 24, 12).eval().to(device),
    "buffer": BufferedBlock(32, 24, 12).eval().to(device),
}


# %% slideshow={"slide_type": "skip"}
@torch.no_grad()
def race_blocks():
    times = measure.bench(both_blocks, larger)
    costs = {k: measure.cost(b, larger) for k, b in both_blocks.items()}
    floors = roofline.floors(costs, times, roofline.peaks(device))
    title = f"32 layers on {device}, minimum"
    return show.draw.timings(times, floors, title=title)


race_blocks()

# %% [markdown] slideshow={"slide_type": "subslide"}
# Why not train with a buffer? A layer's gradient needs what it read. That is
# in the buffer, and the next layer writes into it. PyTorch counts the writes
# to a tensor and refuses, even if they went to another part of it:

# %% slideshow={"slide_type": "-"}
buffer = torch.ones(1, 3, 1, 1)
weight = torch.randn(1, 2, 1, 1, requires_grad=True)
new = F.conv2d(buffer[:, :2], weight)
buffer[:, 2:] = new.detach()  # not what the layer has read
try:
    new.sum().backward()
except RuntimeError as problem:
    print(str(problem).split(":")[0])

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. The real DenseNet
#
# It has a first layer with a pool, four blocks with three transitions, a last
# batch norm and ReLU, an average over the pixels, and a linear layer.
#
# **Exercise (8 minutes).** Compute its widths. A transition halves the
# channels, rounded down; there is none after the last block.

# %% exercise="densenet.channels" tags=["define"] slideshow={"slide_type": "-"}
# exercise: densenet.channels
def channels(num_init_features, growth_rate, block_config):
    """Return how many channels each block ends with.

    num_init_features: the channels that the first block gets.
    block_config: the number of layers of each block.
    Returns a list with one whole number for each block.
    """
    ### BEGIN SOLUTION
    widths, there = [], num_init_features
    for num_layers in block_config:
        there = there + num_layers * growth_rate
        widths.append(there)
        there = there // 2
    return widths
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("densenet.channels")

# %% [markdown] slideshow={"slide_type": "skip"}
# The network, built from your own parts, with torchvision's names:

# %% tags=["define"] slideshow={"slide_type": "skip"}
widths = use("densenet.channels")


# %% tags=["define"] slideshow={"slide_type": "skip"}
def trunk(growth_rate, block_config, num_init_features, bn_size):
    parts, c = nn.Sequential(), num_init_features
    parts.conv0 = nn.Conv2d(3, c, 7, stride=2, padding=3, bias=False)
    parts.norm0, parts.relu0 = nn.BatchNorm2d(c), nn.ReLU()
    parts.pool0 = nn.MaxPool2d(3, stride=2, padding=1)
    ends = map(int, widths(c, growth_rate, list(block_config)))
    for i, (layers, end) in enumerate(zip(block_config, ends), start=1):
        block = Block(layers, c, growth_rate, bn_size)
        parts.add_module(f"denseblock{i}", block)
        if i < len(block_config):
            parts.add_module(f"transition{i}", Transition(end, end // 2))
        c = end // 2
    parts.norm5 = nn.BatchNorm2d(end)
    return parts


# %% tags=["define"] slideshow={"slide_type": "skip"}
class DenseNet(nn.Module):
    """(n, 3, h, w) -> (n, num_classes); h and w at least 29 pixels."""

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
# DenseNet-121 from the blocks and transitions above, next to torchvision's:
# the same weights by name, the same image. The same answer?

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

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
photo = torch.empty(1, 3, 224, 224, device="meta")
layers_of = {121: (6, 12, 24, 16), 169: (6, 12, 32, 32)}
layers_of[201] = (6, 12, 48, 32)
for name, block_config in layers_of.items():
    with torch.device("meta"):
        network = DenseNet(block_config=block_config).eval()
    own = measure.cost(network, photo)
    print(f"DenseNet-{name}: {own.params:,} parameters, {own.macs:,} MACs")

# %% [markdown] slideshow={"slide_type": "skip"}
# Counted in the same way, ResNet-50 has 25,557,032 parameters and
# 4,089,184,256 multiply-adds (MACs). So DenseNet-201 costs about the same,
# with fewer parameters.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. The network, or its training?
#
# The lecture: DenseNet did well because it was trained better; a ResNet or a
# ResNeXt, trained well, beats it. So we train two networks with two recipes.
#
# | | plain | careful |
# |---|---|---|
# | images | as they are | rotated, scaled, shifted a little, anew each time |
# | labels | one of ten | smoothed: 91% for the right one |
# | learning rate | 0.03 throughout | 0.1, down to 0 along a cosine |
# | weight decay | none | 0.0005 |
# | epochs | 20 | 60 |

# %% [markdown] slideshow={"slide_type": "skip"}
# The task: 8 x 8 digits with noise, 200 to learn from and 1,597 to test on.
# The networks: two basic ResNet blocks (16 and 32 channels), and two dense
# blocks of three layers (growth rate 10). They have 19,706 and 16,874
# parameters, 533,824 and 640,978 multiply-adds. Each was trained once from
# five seeds, and the results are shipped. One seed of one network is trained
# now.

# %% tags=["lecture"] slideshow={"slide_type": "skip"}
from convzoo import experiments

recipes = {
    recipe: experiments.load(f"recipe_{recipe}")
    for recipe in ("plain", "careful")
}
record = experiments.together(recipes)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def recipes_now():
    quiet = {"on_epoch": lambda history: None}  # the curve is not the point
    live = experiments.one("recipe_careful", "ResNet", seed=5, **quiet)
    rows = experiments.summary(record)
    own = {"ResNet, careful": live.test_accuracy[-1]}
    title = "Few noisy digits: test accuracy, five seeds"
    return show.draw.seeds(rows, own, title=title)


predict("densenet.recipes", recipes_now)

# %% tags=["nbval-check-output"] slideshow={"slide_type": "subslide"}
rivals = [(f"DenseNet, {r}", f"ResNet, {r}") for r in recipes]
rivals += [(f"{n}, careful", f"{n}, plain") for n in ("ResNet", "DenseNet")]
rivals += [("ResNet, careful", "DenseNet, plain")]
for one, other in rivals:
    found = experiments.gap(record, one, other)
    seen = "visible" if found["visible"] else "not visible"
    numbers = f"{found['gap']:+6.1%}, seeds differ by {found['spread']:.1%}"
    print(f"{one:17} minus {other:15} {numbers}: {seen}")

# %% [markdown] slideshow={"slide_type": "-"}
# A gap counts only if it is larger than the differences between the seeds of
# one network. That is a strict rule. By this rule the recipe counts, with more
# than eleven points for either network. The choice of network does not.

# %% [markdown] slideshow={"slide_type": "skip"}
# But look at the bars: with care, the worst DenseNet (94.7%) is above the best
# ResNet (94.2%), five seeds against five. So DenseNet may well be better here,
# by some 1.5 points. The effect of the recipe is seven times that.

# %% [markdown] slideshow={"slide_type": "skip"}
# One half of the lecturer's claim held on this task. How a network was trained
# mattered far more than which network it was. A paper would print a new
# network with a new recipe next to an old one with the old recipe. Such a pair
# favours whichever was trained with care: here even the ResNet, by 9.7 points.
# The other half did not hold: trained with the same care, the ResNet does not
# beat the DenseNet.
#
# What stays open? The recipe changes five things at once, and we did not test
# which of them did it. The DenseNet has fewer parameters, but more
# multiply-adds. And these are small networks on small images.

# %% [markdown] slideshow={"slide_type": "subslide"}
# The same on ImageNet: top-1 accuracy as published, not measured here.

# %% slideshow={"slide_type": "-"} tags=["hide-input", "lecture"] jupyter={"source_hidden": true}
published = [
    ("ResNet-50", "4.1 G", "76.13", "80.86 (torchvision), 80.38 (timm a1)"),
    ("ResNeXt-50 32x4d", "4.2 G", "77.62", "81.20 (torchvision)"),
    ("DenseNet-121", "2.8 G", "74.43", "75.57 (timm, retrained)"),
    ("DenseNet-201", "4.3 G", "76.90", "none found"),
]
heads = ("network", "MACs", "torchvision's first weights", "later ones")
show.draw.table(published, heads, "Top-1 accuracy in %, as published")

# %% [markdown] slideshow={"slide_type": "skip"}
# At about 4.2 G multiply-adds and with the first weights, DenseNet-201 is
# between ResNet-50 and ResNeXt-50: all within 1.5 points. The later recipe
# lifts ResNet-50 by 4.7 points. DenseNet-121, retrained with another recipe,
# gained 1.1. For DenseNet-201 we found no such number, so the fair comparison
# under one good recipe is missing. DenseNet-121 has 8 million parameters, and
# ResNet-50 has 25.6 million: the table does not show that.

# %% question="densenet.fair" slideshow={"slide_type": "skip"}
# question: densenet.fair
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
ask("densenet.fair", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further E. One kernel that reads the pieces
#
# A 1x1 could read each channel wherever it is: then nothing would have to be
# concatenated. A GPU runs a layer as *kernels*, small programs that many
# workers execute at once. Here is one in Triton, a language for GPUs inside
# Python. A worker computes all rows at 64 pixels of one image.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
KERNEL = "convzoo.ideas.densenet.kernel"
show.source(f"{KERNEL}._conv1x1_of_pieces")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Where is the concatenation? `weight` and `y` are addresses: `y + 5` is the
# sixth number from there, and `tl.load` reads it. `addresses` is a table that
# says where each piece begins.
#
# - The loop goes through the pieces $x, f_1, f_2, \ldots$ one after another.
# - `start` and `end` are the piece's columns in the weight's matrix.
# - `total` adds up the products. So $W [x, f_1, f_2]$ becomes
#   $W_0 x + W_1 f_1 + W_2 f_2$, and the long vector is never in memory.

# %% slideshow={"slide_type": "skip"}
def sixteenth_layer(where):
    widths = [64] + [32] * 15  # the block's input, and 15 pieces
    pieces = [torch.randn(32, c, 28, 28, device=where) for c in widths]
    return pieces, torch.randn(128, sum(widths), 1, 1, device=where)


def cat_and_conv(pieces, weight):
    return F.conv2d(torch.cat(pieces, dim=1), weight)


compared = {}


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def compare_kernel():
    name = f"{KERNEL}.conv1x1_of_pieces"
    ways = {"torch.cat, 1x1": cat_and_conv}
    report = measure.kernel_report(name, ways, sixteenth_layer, device)
    compared.update(report=report)
    return show.draw.kernel_report(report)


def times_the_bytes():
    report = compared["report"]
    return round(report.framework[0].bytes / report.kernel.bytes, 2)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("densenet.kernel", compare_kernel, measured=times_the_bytes)

# %% [markdown] slideshow={"slide_type": "skip"}
# The concatenation reads 544 channels and writes them, and the 1x1 reads them
# once more. The kernel reads them once. Both write 128 channels: 1,760 against
# 672 channels, 2.6 times as many.
#
# What the kernel leaves out: in a dense layer, batch norm and ReLU come before
# the 1x1. At inference they are one product and one sum for each channel,
# which could be done between `tl.load` and `tl.dot`. And a buffer (Further B)
# saves the same copies without any kernel of your own, as long as you do not
# train.
