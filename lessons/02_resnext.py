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
# # 02 ResNeXt: a block-diagonal convolution
#
# A layer mixes channels: every output channel reads every input channel. That
# full matrix is most of what a network computes. ResNeXt keeps a few blocks of
# it and sets the rest to zero.
#
# **You will be able to** read a convolution as a matrix; build a grouped
# convolution and the ResNeXt block from scratch; say what groups save, and
# what that buys.
#
# **Time:** 60 minutes for the core. **Builds on:** convolutions, matrix
# products, batch norm, a little PyTorch.
#
# **The lecture's claim:** with groups you pay less for the same width, so at
# equal cost you can afford more channels. We count it, and we time it.

# %% slideshow={"slide_type": "skip"} tags=["define"]
import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import nets, predict, show, use

# %% slideshow={"slide_type": "skip"} student="name"
# student: the name you hand in under; your questions' numbers come from it
device = begin("02_resnext", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Two 12 x 12 matrices. On the left every cell is coloured: each of 12 output
# channels reads each of 12 input channels. On the right only four 3 x 3 blocks
# on the diagonal are.](../figures/02_block_diagonal.svg)
#
# A row is an output channel, a column is an input channel, and a cell is the
# weight between the two. Left: a plain 1x1 convolution. Right: the same with
# `groups=4`. The empty cells are zero, and stay zero.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell, change `groups` to 2, 6 or 12, and run it again.

# %% [markdown] slideshow={"slide_type": "subslide"}
# A real layer, probed. Point at a cell to read its weight and its term in the
# sum.

# %%
groups = 4
layer = nn.Conv2d(12, 12, 1, groups=groups, bias=False)
x = torch.randn(1, 12, 5, 5)
matrix = measure.channel_matrix(layer, x)
show.draw.channel_matrix(matrix, title=f"groups={groups}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. A 1x1 convolution is a matrix at each pixel
#
# At one pixel the channels are a vector. A 1x1 convolution multiplies that
# vector by its weight matrix, and does the same at every other pixel.

# %%
conv = nn.Conv2d(8, 6, 1, bias=False)
x = torch.randn(1, 8, 14, 14)  # n c h w
M = conv.weight[:, :, 0, 0].detach()  # 6 outputs, 8 inputs
y = conv(x).detach()

pixel = x[0, :, 3, 5]
print("by the matrix     ", M @ pixel)
print("by the convolution", y[0, :, 3, 5])

# %% [markdown] slideshow={"slide_type": "subslide"}
# The same matrix for all pixels at once. `einsum` names the dimensions and
# sums over those that are missing on the right: here c, the input channel.

# %% tags=["nbval-check-output"]
by_matrix = torch.einsum("oc,nchw->nohw", M, x)
gap = (by_matrix - y).abs().max().item()
print("the same numbers:", gap < 1e-5)

# %% [markdown]
# So its cost is one matrix product for each pixel:
# $h \cdot w \cdot c_{in} \cdot c_{out}$ multiply-adds (MACs). The counter
# watches what really runs.

# %% tags=["nbval-check-output"]
cost = measure.cost(conv, x)
print("formula:", 14 * 14 * 8 * 6, "  counter:", cost.macs)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. Keep the blocks, drop the rest
#
# Split 12 channels into 4 groups of 3. Each group of outputs reads only its
# own group of inputs: 4 blocks of 3 x 3 instead of one matrix of 12 x 12.
#
# **Exercise (8 minutes).** Put the blocks where they belong.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("resnext.block_diagonal")` in
# a new cell.

# %% exercise="resnext.block_diagonal" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: resnext.block_diagonal
def block_diagonal(blocks):
    """The matrix with the given blocks on its diagonal, and zeros elsewhere.

    blocks: (g, r, c): g blocks of r rows and c columns.
    Returns (g * r, g * c). No torch.block_diag.
    """
    # your code here
    raise NotAttempted("resnext.block_diagonal")


# %% slideshow={"slide_type": "skip"}
check("resnext.block_diagonal")

# %% [markdown] slideshow={"slide_type": "subslide"}
# A grouped 1x1 convolution two ways: with your matrix at every pixel, and
# group by group, each with a small product of its own.

# %%
make_matrix = use("resnext.block_diagonal")
blocks = torch.randn(4, 3, 3)  # groups, outputs, inputs of a group
x = torch.randn(1, 12, 14, 14)
whole = torch.einsum("oc,nchw->nohw", make_matrix(blocks), x)

parts = []
for i in range(4):
    own = x[:, 3 * i : 3 * (i + 1)]  # the channels of group i
    parts.append(torch.einsum("oc,nchw->nohw", blocks[i], own))
by_group = torch.cat(parts, dim=1)
print("the same numbers:", (whole - by_group).abs().max().item() < 1e-5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# The loop never touches a zero. Compare what the two cost:

# %% tags=["nbval-check-output"]
weight = torch.randn(12, 3, 1, 1)
full = measure.cost(F.conv2d, x, torch.randn(12, 12, 1, 1))
grouped = measure.cost(F.conv2d, x, weight, groups=4)
print(f"full:     {full.macs:6,} MACs")
print(f"4 groups: {grouped.macs:6,} MACs")
print(f"{full.macs // grouped.macs} times fewer")

# %% [markdown]
# Four groups, a quarter of the multiply-adds: each output reads a quarter of
# the inputs. The lecture writes $b$ for the groups, and with a kernel of
# $k_h \times k_w$:
#
# $$h \cdot w \cdot k_h \cdot k_w \cdot \frac{c_{in}}{b} \cdot
# \frac{c_{out}}{b} \cdot b$$

# %% question="resnext.group_width" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnext.group_width
answer = ...  # your answer in place of the dots
ask("resnext.group_width", answer)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. A grouped convolution
#
# Now with a kernel, stride and padding. The weight of a grouped convolution is
# `(c_out, c_in / groups, k, k)`: an output knows only the inputs of its group.
#
# **Exercise (20 minutes).** In two steps. First a loop: a plain `F.conv2d` for
# each group. The check will say that the numbers are right, and how many
# operations it took. Then all groups in one batched product: `F.unfold` lays
# the patches out as columns, and `@` multiplies a batch of matrices.

# %% exercise="resnext.grouped_conv2d" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: resnext.grouped_conv2d
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    """A grouped convolution, as one batched product over the groups.

    x: (n, c_in, h, w); weight: (c_out, c_in / groups, kh, kw).
    Returns (n, c_out, h', w') with h' = (h + 2 padding - kh) // stride + 1.
    No groups= of the framework's.
    """
    # your code here
    raise NotAttempted("resnext.grouped_conv2d")


# %% slideshow={"slide_type": "skip"}
check("resnext.grouped_conv2d")

# %% question="resnext.weights" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnext.weights
answer = ...  # your answer in place of the dots
ask("resnext.weights", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# A layer around it, to be put into networks. It runs on your function if that
# passed, and on the framework's if not.

# %% tags=["define"]
convolve = use("resnext.grouped_conv2d")


class GroupedConv2d(nn.Module):
    def __init__(self, c_in, c_out, k, stride=1, padding=0, groups=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c_out, c_in // groups, k, k))
        nn.init.kaiming_normal_(self.weight, mode="fan_out")
        self.stride, self.padding, self.groups = stride, padding, groups

    def forward(self, x):
        return convolve(
            x, self.weight, self.groups, self.stride, self.padding
        )


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. What groups buy
#
# With groups the same width costs less. Turn that round: at the same cost, how
# much wider can the layer be?

# %%
C = 12
budget = C * C  # weights of the full 1x1 layer
divisors = [g for g in range(1, C + 1) if C % g == 0]


def affordable(groups):
    """The widest layer, a multiple of groups, within the budget."""
    width = groups
    while (width + groups) ** 2 // groups <= budget:
        width += groups
    return width


# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw; open them if you are curious. The matrix is not
# taken from the weight but probed: one gradient for each output says how it
# reacts to each input. So a wrong layer shows a wrong picture.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
patch = torch.randn(1, C, 14, 14)
dense = measure.cost(GroupedConv2d(C, C, 1), patch)


def shares(own, width):
    """The cost of a layer in the full layer's, and the width it affords."""
    return [
        ("parameters", own.params / dense.params, f"{own.params}"),
        ("multiply-adds", own.macs / dense.macs, f"{own.macs:,}"),
        ("bytes moved", own.bytes / dense.bytes, f"{own.bytes:,}"),
        (f"width for {budget}", width / C, f"{width} channels"),
    ]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def groups_picture(groups):
    layer = GroupedConv2d(C, C, 1, groups=groups)
    rows = shares(measure.cost(layer, patch), affordable(groups))
    matrix = measure.channel_matrix(layer, patch)
    left = show.draw.channel_matrix(matrix, title=f"groups={groups}")
    scale = {"limit": 3, "reference": (1, "the full layer")}
    return show.draw.beside(left, show.draw.bars(rows, title="Cost", **scale))


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_groups():
    stops = show.widgets.Stops(divisors, 4, "groups")
    return show.widgets.Explorer(groups_picture, groups=stops)


predict("resnext.budget_width", explore_groups)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move the slider from 1 to 12. Three things to see:
#
# - Parameters and multiply-adds fall as 1 / groups.
# - The bytes hardly move: they are mostly the image, and the image is still
#   there. So the layer's *time* need not fall as its multiply-adds do.
# - The width for the same budget grows, in steps: as the square root of the
#   groups, rounded down to whole groups. A layer twice as wide in 4 groups
#   costs the same: $\frac{24 \cdot 24}{4} = 144$.

# %% question="resnext.more_groups" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnext.more_groups
answer = ...  # your answer in place of the dots
ask("resnext.more_groups", answer)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. The ResNeXt block
#
# ResNet's bottleneck goes down to a narrow width, works there, and comes back:
#
# `1x1 - BN - ReLU - 3x3 - BN - ReLU - 1x1 - BN - add the input - ReLU`
#
# ResNeXt changes one number: the 3x3 has groups, and what that saves makes it
# wider. The stride, if there is one, sits in the 3x3.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (15 minutes).** The block. `planes` is ResNet's own width for the
# stage. One group is `int(planes * width_per_group / 64)` channels wide, and
# the 3x3 has `groups` of them; the block's output has `4 * planes` channels.
# Use `GroupedConv2d` for the 3x3, and `nn.Conv2d` without bias for the rest.
# Where the input has another shape than the output (channels or stride), a 1x1
# with batch norm takes it there before the addition: that is `downsample`.
# Weights are compared by name: keep the names.

# %% exercise="resnext.block" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: resnext.block
class Bottleneck(nn.Module):
    """ResNeXt's block (Xie 2016, figure 3c), as in the line above.

    (n, in_channels, h, w) -> (n, 4 * planes, h / stride, w / stride)
    Names: conv1 bn1 conv2 bn2 conv3 bn3, and downsample: None, or
    nn.Sequential(1x1, batch norm) where the input has another shape.
    """

    expansion = 4

    def __init__(
        self, in_channels, planes, stride=1, groups=1, width_per_group=64
    ):
        super().__init__()
        # your code here
        raise NotAttempted("resnext.block")

    def forward(self, x):
        # your code here
        raise NotAttempted("resnext.block")


# %% slideshow={"slide_type": "skip"}
check("resnext.block")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The paper's row: one budget, five shapes
#
# ResNeXt's table 3 trades the number of groups against their width. At one end
# stands ResNet-50, whose 3x3 layers have a single group; at the other
# ResNeXt-50, whose have 32; and three stand between. All five cost about the
# same. How wide can the layer be?

# %% slideshow={"slide_type": "skip"}
Block = use("resnext.block")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next four cells only count and draw: the guess comes first.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
row = {"1x64d": 23.9, "2x40d": 23.0, "4x24d": 22.6, "8x14d": 22.3}
row["32x4d"] = 22.2  # top-1 error in %, ResNeXt (1611.05431), table 3
features = torch.randn(1, 256, 56, 56, device="meta")  # counted, not run


def first_stage(name):
    """A block of ResNet's first stage in one of the shapes of the row."""
    groups, wide = (int(part) for part in name.rstrip("d").split("x"))
    return Block(256, 64, groups=groups, width_per_group=wide)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
base = measure.cost(first_stage("1x64d").to("meta"), features)


def row_bars(name):
    block = first_stage(name).to("meta")
    own, width = measure.cost(block, features), block.conv2.weight.shape[0]
    rows = [
        ("3x3 width", width / 64, f"{width} channels"),
        ("parameters", own.params / base.params, f"{own.params:,}"),
        ("multiply-adds", own.macs / base.macs, show.si(own.macs)),
        ("top-1 error", row[name] / row["1x64d"], f"{row[name]} %"),
    ]
    scale = {"limit": 2, "reference": (1, "1x64d")}
    return show.draw.bars(rows, title=f"{name}, one block", **scale)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def row_matrix(name):
    """The 3x3 layer's matrix, probed; a cell stands for 2 x 2 channels."""
    conv = first_stage(name).conv2
    width = conv.weight.shape[0]
    matrix = measure.channel_matrix(conv, torch.zeros(1, width, 3, 3))
    coarse = F.avg_pool2d(matrix.abs()[None], 2)[0]
    title = f"{name}: {width} channels, a cell is 2 x 2"
    return show.draw.channel_matrix(coarse, title=title)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def walk_the_row():
    pictures = {
        name: show.draw.beside(row_matrix(name), row_bars(name))
        for name in row
    }
    stops = show.widgets.Stops(list(row), "1x64d", "shape")
    return show.widgets.Explorer(lambda shape: pictures[shape], shape=stops)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("resnext.equal_budget", walk_the_row)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **The names.** "1x64d" is ResNet-50: one group, 64 channels wide in the first
# stage. "32x4d" is ResNeXt-50: 32 groups, each 4 channels wide.
#
# Move the slider to 32x4d, and see the matrix break into blocks while the
# budget stays. A cell of it stands for 2 x 2 channels. The last bar is the
# paper's top-1 error: how often the first guess on an ImageNet picture is
# wrong.

# %% [markdown] slideshow={"slide_type": "skip"}
# The block stays in its budget while its 3x3 layer doubles in width. The error
# falls at every step of the paper's table. That table is ImageNet and weeks of
# GPU time, so we quote it; the parameters and multiply-adds are counted here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7. The whole network, counted
#
# The lecture: ResNeXt was built to have ResNet's parameters and multiply-adds,
# and more channels. Here are both, made of the block above.

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
photo = torch.randn(1, 3, 224, 224, device="meta")


def network(groups, width_per_group):
    settings = {"groups": groups, "width_per_group": width_per_group}
    with torch.device("meta"):
        return nets.ResNet(Block, [3, 4, 6, 3], **settings)


resnet = measure.cost(network(1, 64), photo)
resnext = measure.cost(network(32, 4), photo)
for name, own in (("ResNet-50", resnet), ("ResNeXt-50", resnext)):
    print(f"{name:10}: {own.params:,} parameters, {own.macs:,} MACs")

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
print(f"parameters: {resnext.params / resnet.params - 1:+.1%}")
print(f"MACs:       {resnext.macs / resnet.macs - 1:+.1%}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8. And the time?
#
# A full 3x3 layer with 64 channels, and one with 128 channels in 32 groups:
# twice the channels for an eighth of the multiply-adds. Both are the
# framework's own convolution, timed here.

# %%
few = nn.Conv2d(64, 64, 3, padding=1).to(device)
many = nn.Conv2d(128, 128, 3, padding=1, groups=32).to(device)
x_few = torch.randn(4, 64, 56, 56, device=device)
x_many = torch.randn(4, 128, 56, 56, device=device)
times = {}


# %% slideshow={"slide_type": "-"}
@torch.no_grad()
def race():
    runs = {"64, full": lambda: few(x_few)}
    runs["128 in 32 groups"] = lambda: many(x_many)
    runs["a copy of the 128"] = lambda: x_many.clone()
    times.update(measure.bench(runs, seconds=2))
    rows = [
        (name, t.minimum, f"{show.seconds(t.minimum)}, spread {t.spread:.0%}")
        for name, t in times.items()
    ]
    return show.draw.bars(rows, title=f"One call on {device}, minimum")


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def speed_up():
    full, grouped, _ = (t.minimum for t in times.values())
    return round(full / grouped, 2)


predict("resnext.time", race, measured=speed_up)

# %% [markdown] slideshow={"slide_type": "skip"}
# An eighth of the multiply-adds would be 8 times as fast, if multiplying were
# all. Two things are left. The image of 128 channels must be read and written,
# whatever is multiplied: the copy's bar says what that alone takes. And a
# device may compute 32 small blocks less well than one large one. Your bars
# say which of the two weighs more here.
#
# The paper met it too. Its ResNeXt-101 took 0.95 s for a minibatch where the
# ResNet-101 of similar cost took 0.70 s (section 5.1 of 1611.05431).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** A 1x1 convolution is a matrix at each pixel, and its cost goes
#   with $c_{in} \cdot c_{out}$: the same numbers, and the counter agrees with
#   the formula.
# - **Held, with a caveat.** Groups divide parameters and computation by their
#   number. The time need not follow: see the bars of section 8.
# - **Held within 4%.** ResNeXt-50 has the parameters and the computation of
#   ResNet-50, and 3x3 layers twice as wide: 2.1% fewer parameters, 3.5% more
#   multiply-adds.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. Two grouped layers in a row, with the same groups: which inputs can reach
#    which outputs? What does the 1x1 between them do about it?
# 2. With `groups` equal to the number of channels, what is left of the mixing?
# 3. The budget of section 4 was one of parameters. What would the slider show
#    for a budget of bytes?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says:
# "Groups make a network more powerful." In three or four sentences: what is
# right about that, and what is missing?

# %% [markdown] free="resnext.explain" slideshow={"slide_type": "skip"}
# *Your answer here.*

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Xie, Girshick, Dollar, Tu, He: *Aggregated Residual
# Transformations for Deep Neural Networks*, 2016,
# [1611.05431](https://arxiv.org/abs/1611.05431). He, Zhang, Ren, Sun: *Deep
# Residual Learning for Image Recognition*, 2015,
# [1512.03385](https://arxiv.org/abs/1512.03385).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. Why not any sparse matrix?
#
# A block-diagonal matrix is a special sparse one. The lecture was asked: why
# not a general one? Its answer: a GPU dislikes looking up where the numbers
# belong, so with as many as 10% non-zeros a dense product is still the faster
# one. Where the two cross depends on the device. So measure it.

# %% slideshow={"slide_type": "skip"} tags=["define"]
from convzoo.measure import curves, sparse
from convzoo.measure.replay import replay
from convzoo.show import sparsity


# %% [markdown] slideshow={"slide_type": "-"}
# What is looked up is the index: the bytes that say where each number stands.
# Three ways to keep one, in torch's 8-byte integers:
#
# - **COO**: the row and the column of each entry.
# - **CSR**: the column of each entry, and where each row begins and ends.
# - **BSR**: CSR again, for whole tiles of block x block.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (12 minutes).** Count those bytes.

# %% exercise="resnext.index_bytes" slideshow={"slide_type": "skip"} tags=["define", "raises-exception"]
# exercise: resnext.index_bytes
def index_bytes(mask, block):
    """The density of a pattern, and the bytes of its index in three layouts.

    mask: (n, n) bool, true where an entry is stored; block divides n.
    Returns four numbers: density, and the bytes of COO, CSR and BSR.
    Count; build nothing.
    """
    # your code here
    raise NotAttempted("resnext.index_bytes")


# %% slideshow={"slide_type": "skip"}
check("resnext.index_bytes")

# %% question="resnext.csr_bytes" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnext.csr_bytes
answer = ...  # your answer in place of the dots
ask("resnext.csr_bytes", answer)

# %% [markdown] slideshow={"slide_type": "-"}
# **The crossover.** A 1024 x 1024 matrix times 256 columns: for CSR with
# entries in random places, for BSR with whole tiles of 32 x 32. Below some
# density each is faster than dense, above it slower. Each point is timed
# against dense in the same run, in turns.

# %% [markdown] slideshow={"slide_type": "skip"}
# Where a curve jumps up and down in place of falling, the machine was busy:
# run the cell again, or trust the recorded one, which is dashed.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
densities = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5]
patterns = {"CSR": "random", "BSR, in tiles": "blocks"}
speed = {}


def against_dense(layout, density):
    """(density reached, times as fast as dense), timed now."""
    step = sparse.sweep(1024, 256, patterns[layout], density, device, 0.2)
    dense, own = step.times["dense"], step.times[layout.split(",")[0]]
    return step.density, dense.minimum / own.minimum


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def crossing(layout):
    """The density above which dense is the faster one, or None."""
    x, faster = zip(*speed[layout])
    return sparse.crossover(x, [1.0] * len(x), [1 / f for f in faster])


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
reports = curves.load_all()  # other devices, measured by `make report`


def own_curves():
    for layout in patterns:
        points = [against_dense(layout, d) for d in densities]
        speed[layout] = [p for p in points if p[1] == p[1]]  # not nan
    there = [
        (f"CSR, {r['device']}", curves.curve(r, "CSR", 1024, 256))
        for r in reports
    ]
    marks = {name: crossing(name) for name in speed if speed[name]}
    tenth = next((f for d, f in speed["CSR"] if d > 0.09), float("nan"))
    title = f"{device}: at 10% CSR is {tenth:.2f} times as fast as dense"
    return sparsity.speed_ups(speed, there, marks, title)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("resnext.crossover", own_curves, measured=lambda: crossing("CSR"))

# %% [markdown] slideshow={"slide_type": "skip"}
# **Play.** Density and pattern, timed on your device at every step, each
# product checked against the dense one. (A permutation has one entry in each
# row: the density does not matter there.) "Recorded" shows a device that was
# measured in peace, on three of the patterns: choose it where your own machine
# is busy (a large spread). The 1024 x 1024 matrix is drawn as 32 x 32 cells:
# the darker a cell, the more of its 32 x 32 entries are not zero.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
recordings = {f"recorded: {r['device']}": r for r in reports}


def sparse_picture(density, pattern, times):
    if times in recordings:
        record = recordings[times]
        step = replay(record, pattern, density, 1024, 256)
    else:
        step = sparse.sweep(1024, 256, pattern, density, device, 0.4)
    return sparsity.panel(step)


# %% slideshow={"slide_type": "skip"} tags=["hide-input"]
controls = show.widgets
explorer = controls.Explorer(
    sparse_picture,
    live=False,
    density=controls.Range(0.001, 1, 0.25, 0.1, "density", log=True),
    pattern=controls.Choice(sparse.PATTERNS, "random", "pattern"),
    times=controls.Choice(["now", *recordings], "now", "times"),
)
show.display(explorer)

# %% [markdown] slideshow={"slide_type": "skip"}
# So the lecture's "at 10% dense is still faster" is a sentence about a device.
# It holds on some and not on others; the title of your curves says how it is
# on yours. What does hold on all of them so far: a pattern that is known
# beforehand (blocks, the block diagonal) needs little index or none, and
# crosses later.

# %% question="resnext.ninety_zeros" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnext.ninety_zeros
answer = ...  # your answer in place of the dots
ask("resnext.ninety_zeros", answer)


# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. A few blocks off the diagonal
#
# The lecturer's idea for a project: why not add a few blocks beside the
# diagonal? Then groups could talk to each other, and the index would stay
# small.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (10 minutes).** The matrix first.

# %% exercise="resnext.off_diagonal" slideshow={"slide_type": "skip"} tags=["define", "raises-exception"]
# exercise: resnext.off_diagonal
def off_diagonal(blocks, extra, places):
    """A block-diagonal matrix with further blocks off its diagonal.

    blocks: (g, r, c), on the diagonal; extra: (m, r, c).
    places: m pairs [i, j]: block row i (outputs), block column j (inputs).
    Returns (g * r, g * c). No torch.block_diag, no torch.kron.
    """
    # your code here
    raise NotAttempted("resnext.off_diagonal")


# %% slideshow={"slide_type": "skip"}
check("resnext.off_diagonal")

# %% slideshow={"slide_type": "-"}
with_extra = use("resnext.off_diagonal")
beside = [[0, 1], [1, 2], [2, 3], [3, 0]]  # each group reads the next one
matrix = with_extra(torch.randn(4, 3, 3), torch.randn(4, 3, 3), beside)
show.draw.channel_matrix(matrix, title="diagonal, and its neighbours")

# %% [markdown] slideshow={"slide_type": "skip"}
# Does it help? A task that no stack of separate groups can solve: the label is
# the XOR of a bit in group 0 and a bit in group 2. Five networks with the same
# number of parameters (2,242), five seeds each, trained once and shipped. One
# seed of one of them is trained here, now.

# %% slideshow={"slide_type": "skip"}
from convzoo import experiments


def train_one(name, variant, **options):
    """One seed now, drawn over the shipped ones."""
    quiet = {"on_epoch": lambda history: None}
    live = experiments.one(name, variant, 5, **quiet).test_accuracy[-1]
    rows = experiments.summary(experiments.load(name))
    return show.draw.seeds(rows, {variant: live}, **options)


def neighbours_now():
    title = "XOR of two groups, 2,242 parameters each: test accuracy"
    options = {"title": title, "chance": 0.5}
    return train_one("off_diagonal", "plus neighbours", **options)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("resnext.neighbours", neighbours_now)

# %% [markdown] slideshow={"slide_type": "skip"}
# The pure block-diagonal stack stays at chance with every seed. It cannot
# solve the task: its output is a sum of one function for each group, and XOR
# is no such sum. The best of them are right in three of the four cases: "label
# 1 where $b_0 + b_2 > \frac{1}{2}$" fails at (1, 1) alone. Yet training does
# not end there. The four cases are equally likely, and over such sums the
# cross entropy is lowest where the answer is always one half: at chance.
#
# Four blocks off the diagonal are enough for 100%, and so is a permutation
# between the layers: that is lesson 05.
#
# On the digits, where the first layer mixes all groups anyway, none of this
# can matter so much. That is the next picture.

# %% slideshow={"slide_type": "skip"}
digits = experiments.load("off_diagonal_digits")
title = "Digits: test accuracy, five seeds"
show.draw.seeds(experiments.summary(digits), title=title)

# %% slideshow={"slide_type": "skip"}
seen = experiments.gap(digits, "plus neighbours", "block-diagonal")
print(f"mean of neighbours less mean of diagonal: {seen['gap']:+.2%}")
print(f"the seeds of one network differ by:       {seen['spread']:.2%}")
print("a visible gap:", seen["visible"])

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. The real ResNeXt
#
# ResNeXt-50 out of your own layers, and torchvision's beside it. The same
# weights by name, the same image: the same answer?

# %% slideshow={"slide_type": "-"}
import torchvision

theirs = torchvision.models.resnext50_32x4d().double().eval()
print("The block is", "your own" if Block is Bottleneck else "the framework's")
ours = nets.ResNet(Block, [3, 4, 6, 3], groups=32, width_per_group=4)
ours = ours.double().eval()
nets.load_torchvision(ours, theirs.state_dict())
x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
with torch.no_grad():
    gap = (ours(x) - theirs(x)).abs().max()
    size = theirs(x).abs().max()
print("largest difference, relative:", f"{gap / size:.1e}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# And the paper's row, each network whole:

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
for groups, wide in ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)):
    own = measure.cost(network(groups, wide), photo)
    print(f"{groups}x{wide}d: {own.params:,} parameters, {own.macs:,} MACs")


# %% [markdown] slideshow={"slide_type": "skip"}
# How did the paper find 40, 24, 14 and 4? It kept a block's weights near those
# of 1x64d: two 1x1 layers between 256 channels and the width, and a grouped
# 3x3.
#
# **Exercise (12 minutes).** The widest group that a budget affords.

# %% exercise="resnext.group_width_for" slideshow={"slide_type": "skip"} tags=["define", "raises-exception"]
# exercise: resnext.group_width_for
def group_width(budget, channels, groups):
    """The widest group that keeps a block within its budget of weights.

    A block of `groups` groups of width d has, without biases: a 1x1 layer
    from `channels` to groups * d, a 3x3 in groups, a 1x1 back.
    Returns the largest whole d with at most `budget` weights.
    """
    # your code here
    raise NotAttempted("resnext.group_width_for")


# %% slideshow={"slide_type": "skip"}
check("resnext.group_width_for")

# %% [markdown] slideshow={"slide_type": "skip"}
# Which budget? By the exercise's count a block of 1x64d has 69,632 weights,
# and one of 32x4d 70,144; the paper speaks of about 70 thousand. With 69,632
# only the first row would come out. We allow 70,200.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
widest = use("resnext.group_width_for")
for groups in (1, 2, 4, 8, 32):
    print(f"{groups:2} groups: {widest(70200, 256, groups)} channels each")

# %% [markdown] slideshow={"slide_type": "skip"}
# With that budget four of the paper's five come out. With 8 groups it affords
# 13; the paper took 14, which makes 71,456 weights, and that row is the one
# with the most parameters: 25.6 million.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. Does the wider network learn better?
#
# On ImageNet it did (section 6). Here are the five shapes at half the width,
# on 1,797 digits of 8 x 8 pixels.

# %% slideshow={"slide_type": "skip"}
record = experiments.load("resnext_equal_budget")
found = experiments.gap(record, "32x4d", "1x64d")


def equal_budget():
    title = "Digits at an equal budget: test accuracy"
    return show.draw.seeds(experiments.summary(record), title=title)


# %% slideshow={"slide_type": "-"} tags=["hide-input"]
predict("resnext.digits", equal_budget, measured=100 * found["gap"])

# %% slideshow={"slide_type": "skip"}
print(f"mean of 32x4d less mean of 1x64d:   {found['gap']:+.2%}")
print(f"the seeds of one network differ by: {found['spread']:.2%}")
print("a visible gap:", found["visible"])

# %% [markdown] slideshow={"slide_type": "skip"}
# Where the gap is smaller than the spread of the seeds, the experiment says
# nothing about the idea. The digits are too easy: every shape solves nearly
# all of them. It takes a harder task to see what ImageNet showed. To train a
# seed of your own, some 15 seconds:
#
#     experiments.one("resnext_equal_budget", "32x4d", seed=5)
