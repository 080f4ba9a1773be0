# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 02 ResNeXt: a block-diagonal convolution
#
# If everybody in a team talks to everybody, twice the people need four times
# the talks. So large teams split into groups. Twice the channels of a layer
# cost four times as much, too. So in ResNeXt an output channel reads only the
# inputs of its group. The layer's matrix keeps only blocks on the diagonal.
#
# **You will be able to** read a convolution as a matrix; build grouped
# convolutions and the ResNeXt block; say what groups save, and what that buys.
#
# **Time:** 60 minutes for the core. **Builds on:** convolutions, matrix
# products, batch norm, a little PyTorch.
#
# **The lecture's claim:** with groups, the same width costs less, so at equal
# cost you can afford more channels. We count it, and we time it.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% tags=["define"] slideshow={"slide_type": "skip"}
import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import nets, predict, show, use

# %% student="name" slideshow={"slide_type": "skip"}
# student: the name you hand in under; it draws the numbers of your questions
device = begin("02_resnext", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Two 12 x 12 matrices. Left: every cell is coloured, because each of 12
# output channels reads each of 12 input channels. Right: only four 3 x 3
# blocks on the diagonal are coloured.](../figures/02_block_diagonal.svg)
#
# A row is an output channel, a column is an input channel, a cell is the
# weight between them. Left: a plain 1x1 convolution. Right: the same with
# `groups=4`. The empty cells are zero, and stay zero.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell, change `groups` to 2, 6 or 12, and run it again.

# %% [markdown] slideshow={"slide_type": "subslide"}
# This is the matrix of a real layer, measured. Point at a cell to read its
# weight and its term in the sum.

# %%
groups = 4
layer = nn.Conv2d(12, 12, 1, groups=groups, bias=False)
x = torch.randn(1, 12, 5, 5)
matrix = measure.channel_matrix(layer, x)
show.draw.channel_matrix(matrix, title=f"groups={groups}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. A 1x1 convolution is a matrix at each pixel
#
# At one pixel, the channels form a vector. A 1x1 convolution multiplies this
# vector by its weight matrix. It uses the same matrix at every pixel.

# %%
conv = nn.Conv2d(8, 6, 1, bias=False)
x = torch.randn(1, 8, 14, 14)  # n c h w
M = conv.weight[:, :, 0, 0].detach()  # 6 outputs, 8 inputs
y = conv(x).detach()

pixel = x[0, :, 3, 5]
print("by the matrix     ", M @ pixel)
print("by the convolution", y[0, :, 3, 5])

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now the same matrix for all pixels at once. `einsum` names the dimensions and
# sums over those that are missing on the right: here c, the input channel.

# %% tags=["nbval-check-output"]
by_matrix = torch.einsum("oc,nchw->nohw", M, x)
gap = (by_matrix - y).abs().max().item()
print("the same numbers:", gap < 1e-5)

# %% [markdown]
# So the cost is one matrix product for each pixel:
# $h \cdot w \cdot c_{in} \cdot c_{out}$ multiply-adds (MACs). The counter
# watches what really runs:

# %% tags=["nbval-check-output"]
cost = measure.cost(conv, x)
print("formula:", 14 * 14 * 8 * 6, "  counter:", cost.macs)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. Groups: keep the blocks, drop the rest
#
# Split 12 channels into 4 groups of 3. Each group of outputs reads only its
# own group of inputs: 4 blocks of 3 x 3 instead of one matrix of 12 x 12.
#
# **Exercise (8 minutes).** Build this matrix from its blocks.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("resnext.block_diagonal")` in
# a new cell.

# %% exercise="resnext.block_diagonal" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: resnext.block_diagonal
def block_diagonal(blocks):
    """Return the matrix with these blocks on its diagonal, zeros elsewhere.

    blocks: (g, r, c): g blocks of r rows and c columns.
    Returns (g * r, g * c). Do not use torch.block_diag.
    """
    ### BEGIN SOLUTION
    g, r, c = blocks.shape
    matrix = blocks.new_zeros(g * r, g * c)
    for i, block in enumerate(blocks):
        matrix[i * r : (i + 1) * r, i * c : (i + 1) * c] = block
    return matrix
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnext.block_diagonal")

# %% [markdown] slideshow={"slide_type": "subslide"}
# A grouped 1x1 convolution in two ways: with your matrix at every pixel, and
# group by group, with a small product for each.

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
# The loop never touches a zero. Compare the two costs:

# %% tags=["nbval-check-output"]
weight = torch.randn(12, 3, 1, 1)
full = measure.cost(F.conv2d, x, torch.randn(12, 12, 1, 1))
grouped = measure.cost(F.conv2d, x, weight, groups=4)
print(f"full:     {full.macs:6,} MACs")
print(f"4 groups: {grouped.macs:6,} MACs")
print(f"{full.macs // grouped.macs} times fewer")

# %% [markdown]
# Four groups need a quarter of the multiply-adds: each output reads a quarter
# of the inputs. The lecture writes $b$ for the number of groups. With a kernel
# of $k_h \times k_w$ the cost is:
#
# $$h \cdot w \cdot k_h \cdot k_w \cdot \frac{c_{in}}{b} \cdot
# \frac{c_{out}}{b} \cdot b$$

# %% question="resnext.group_width" slideshow={"slide_type": "skip"}
# question: resnext.group_width
### BEGIN SOLUTION
answer = 40 / 8
### END SOLUTION
ask("resnext.group_width", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. Build a grouped convolution
#
# Now with kernel, stride and padding. The weight of a grouped convolution is
# `(c_out, c_in / groups, k, k)`: an output reads only the inputs of its group.
#
# **Exercise (20 minutes).** First write a loop, with a plain `F.conv2d` for
# each group. The check will say that the numbers are right, and how many
# operations it took. Then do all groups in one batched product. `F.unfold`
# copies the patches into columns, `(n, c_in * kh * kw, positions)`: first all
# taps of channel 0, then all of channel 1, and so on. `@` multiplies batches
# of matrices.

# %% exercise="resnext.grouped_conv2d" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: resnext.grouped_conv2d
def grouped_conv2d(x, weight, groups, stride=1, padding=0):
    """Return a grouped convolution of x: one batched product over groups.

    x: (n, c_in, h, w); weight: (c_out, c_in / groups, kh, kw).
    Returns (n, c_out, h', w') with h' = (h + 2 padding - kh) // stride + 1.
    Do not use the framework's groups=.
    """
    ### BEGIN SOLUTION
    n, _, h, w = x.shape
    c_out, _, kh, kw = weight.shape
    columns = F.unfold(x, (kh, kw), padding=padding, stride=stride)
    columns = columns.reshape(n, groups, -1, columns.shape[-1])
    y = weight.reshape(groups, c_out // groups, -1) @ columns
    h = (h + 2 * padding - kh) // stride + 1
    w = (w + 2 * padding - kw) // stride + 1
    return y.reshape(n, c_out, h, w)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnext.grouped_conv2d")

# %% question="resnext.weights" slideshow={"slide_type": "skip"}
# question: resnext.weights
### BEGIN SOLUTION
answer = 72 * 48 // 8 * 9
### END SOLUTION
ask("resnext.weights", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now a layer around it, so that networks can use it. It runs your function if
# that passed, and the framework's if not.

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
# With groups, the same width costs less. Now turn this around: at the same
# cost, how much wider can the layer be?

# %% tags=["lecture"]
C = 12
budget = C * C  # weights of the full 1x1 layer
divisors = [g for g in range(1, C + 1) if C % g == 0]


def affordable(groups):
    """Return the largest width, a multiple of groups, within the budget."""
    width = groups
    while (width + groups) ** 2 // groups <= budget:
        width += groups
    return width


# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw; open them if you are curious. The matrix is not
# copied from the weight but probed: for each output, one gradient shows how it
# reacts to each input. So a wrong layer shows a wrong picture.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
patch = torch.randn(1, C, 14, 14)
dense = measure.cost(GroupedConv2d(C, C, 1), patch)


def shares(own, width):
    """Return a layer's costs as shares of the full one's, and its width."""
    return [
        ("parameters", own.params / dense.params, f"{own.params}"),
        ("multiply-adds", own.macs / dense.macs, f"{own.macs:,}"),
        ("bytes moved", own.bytes / dense.bytes, f"{own.bytes:,}"),
        (f"width for {budget}", width / C, f"{width} channels"),
    ]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def groups_picture(groups):
    layer = GroupedConv2d(C, C, 1, groups=groups)
    rows = shares(measure.cost(layer, patch), affordable(groups))
    matrix = measure.channel_matrix(layer, patch)
    left = show.draw.channel_matrix(matrix, title=f"groups={groups}")
    scale = {"limit": 3, "reference": (1, "the full layer")}
    return show.draw.beside(left, show.draw.bars(rows, title="Cost", **scale))


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_groups():
    stops = show.widgets.Stops(divisors, 4, "groups")
    return show.widgets.Explorer(groups_picture, groups=stops)

predict("resnext.budget_width", explore_groups)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move the slider from 1 to 12. Three things to see:
#
# - Parameters and multiply-adds fall as 1 / groups.
# - The bytes hardly change: most of them are the image, and the image is still
#   there. So the layer's *time* may fall less than its multiply-adds do.
# - The width for the same budget grows with the square root of the groups, but
#   in steps: it is rounded down to whole groups. A layer twice as wide in 4
#   groups costs the same: $\frac{24 \cdot 24}{4} = 144$.

# %% question="resnext.more_groups" slideshow={"slide_type": "skip"}
# question: resnext.more_groups
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
ask("resnext.more_groups", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. The ResNeXt block
#
# ResNet's bottleneck goes down to few channels, works there, and comes back:
#
# `1x1 - BN - ReLU - 3x3 - BN - ReLU - 1x1 - BN - add the input - ReLU`
#
# ResNeXt changes one thing: the 3x3 has groups, and what that saves makes it
# wider. The 3x3 has padding 1, and the stride, if there is one.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (15 minutes).** Build the block. `planes` is ResNet's width for
# the stage. One group is `int(planes * width_per_group / 64)` channels wide,
# and the 3x3 has `groups` of them. The output has `4 * planes` channels. Use
# `GroupedConv2d` for the 3x3, and `nn.Conv2d` without bias for the rest. If
# input and output differ in shape (channels or stride), `downsample` adapts
# the input before the addition: a 1x1 with the same stride, then a batch norm.
# Weights are compared by name, so keep the names.

# %% exercise="resnext.block" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: resnext.block
class Bottleneck(nn.Module):
    """ResNeXt's block (Xie 2016, figure 3c), in the order given above.

    (n, in_channels, h, w) -> (n, 4 * planes, h / stride, w / stride)
    Names: conv1 bn1 conv2 bn2 conv3 bn3, and downsample: nn.Sequential(1x1,
    batch norm) if input and output differ in shape, else None.
    """

    expansion = 4

    def __init__(
        self, in_channels, planes, stride=1, groups=1, width_per_group=64
    ):
        super().__init__()
        ### BEGIN SOLUTION
        width = int(planes * width_per_group / 64) * groups
        out = planes * self.expansion
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = GroupedConv2d(width, width, 3, stride, 1, groups)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out)
        self.downsample = None
        if stride != 1 or in_channels != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, out, 1, stride, bias=False),
                nn.BatchNorm2d(out),
            )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        identity = x if self.downsample is None else self.downsample(x)
        return F.relu(y + identity)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnext.block")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The paper's table: one budget, five shapes
#
# ResNeXt's table 3 trades the number of groups against their width. At one end
# is ResNet-50: its 3x3 layers have a single group. At the other end is
# ResNeXt-50, with 32 groups. Three more are in between, and all five cost
# about the same. How wide can the layer be?

# %% tags=["lecture"] slideshow={"slide_type": "skip"}
Block = use("resnext.block")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next four cells only count and draw: your guess comes first.

# %% tags=["lecture"] slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
row = {"1x64d": 23.9, "2x40d": 23.0, "4x24d": 22.6, "8x14d": 22.3}
row["32x4d"] = 22.2  # top-1 error in %, ResNeXt (1611.05431), table 3
features = torch.randn(1, 256, 56, 56, device="meta")  # counted, not run


def first_stage(name):
    """Return a block of ResNet's first stage, in one of the five shapes."""
    groups, wide = (int(part) for part in name.rstrip("d").split("x"))
    return Block(256, 64, groups=groups, width_per_group=wide)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
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


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def row_matrix(name):
    """Draw the 3x3 layer's matrix, probed; a cell is 2 x 2 channels."""
    conv = first_stage(name).conv2
    width = conv.weight.shape[0]
    matrix = measure.channel_matrix(conv, torch.zeros(1, width, 3, 3))
    coarse = F.avg_pool2d(matrix.abs()[None], 2)[0]
    title = f"{name}: {width} channels, a cell is 2 x 2"
    return show.draw.channel_matrix(coarse, title=title)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
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
# Move the slider to 32x4d. The matrix breaks into blocks, and the cost stays
# about the same. A cell is 2 x 2 channels. The last bar is the paper's top-1
# error: how often the network's first guess on an ImageNet picture is wrong.

# %% [markdown] slideshow={"slide_type": "skip"}
# The block stays near its budget while its 3x3 layer gets twice as wide. The
# error falls at every step of the paper's table. To measure those errors takes
# ImageNet and weeks of GPU time, so we quote them. Parameters and
# multiply-adds are counted here.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7. The whole network, counted
#
# The lecture: ResNeXt was built to have ResNet's parameters and multiply-adds,
# but more channels. Here are both networks, built from the block above.

# %% tags=["nbval-check-output", "lecture"] slideshow={"slide_type": "-"}
photo = torch.randn(1, 3, 224, 224, device="meta")


def network(groups, width_per_group):
    settings = {"groups": groups, "width_per_group": width_per_group}
    with torch.device("meta"):
        return nets.ResNet(Block, [3, 4, 6, 3], **settings)


resnet = measure.cost(network(1, 64), photo)
resnext = measure.cost(network(32, 4), photo)
for name, own in (("ResNet-50", resnet), ("ResNeXt-50", resnext)):
    print(f"{name:10}: {own.params:,} parameters, {own.macs:,} MACs")

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
print(f"parameters: {resnext.params / resnet.params - 1:+.1%}")
print(f"MACs:       {resnext.macs / resnet.macs - 1:+.1%}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8. Is the grouped layer faster?
#
# Here we time a full 3x3 layer with 64 channels, and one with 128 channels in
# 32 groups: twice the channels for an eighth of the multiply-adds. Both are
# the framework's. `GroupedConv2d` is the second one, as you built it.

# %%
from convzoo.measure import roofline

few = nn.Conv2d(64, 64, 3, padding=1).to(device)
many = nn.Conv2d(128, 128, 3, padding=1, groups=32).to(device)
built = GroupedConv2d(128, 128, 3, padding=1, groups=32).to(device)
x_few = torch.randn(4, 64, 56, 56, device=device)
x_many = torch.randn(4, 128, 56, 56, device=device)
times = {}


# %% slideshow={"slide_type": "-"}
@torch.no_grad()
def race():
    runs = {"64, full": lambda: few(x_few)}
    runs["128 in 32 groups"] = lambda: many(x_many)
    runs["GroupedConv2d"] = lambda: built(x_many)
    runs["a copy of the 128"] = lambda: x_many.clone()
    times.update(measure.bench(runs, seconds=2))
    costs = {name: measure.cost(run) for name, run in runs.items()}
    floors = roofline.floors(costs, times, roofline.peaks(device))
    title = f"One call on {device}, minimum"
    return show.draw.timings(times, floors, title=title)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def speed_up():
    full, grouped, *_ = (t.minimum for t in times.values())
    return round(full / grouped, 2)


predict("resnext.time", race, measured=speed_up)

# %% [markdown] slideshow={"slide_type": "skip"}
# If only multiplying took time, an eighth of the multiply-adds would take an
# eighth of the time. But two other things take time. The image of 128 channels
# must be read and written, however little is multiplied: the copy's bar shows
# how long that alone takes. And a device may be less efficient at 32 small
# blocks than at one large one. Your bars show which matters more.
#
# The *floor* is the least time in which this device could multiply and move
# the bytes. With `F.unfold` it is higher: the image is written nine times, and
# read again (Further F).
#
# The paper saw this too. Its ResNeXt-101 took 0.95 s for a minibatch, and the
# ResNet-101 of similar cost took 0.70 s (section 5.1 of 1611.05431).

# %% [markdown] tags=["lecture"] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** A 1x1 convolution is a matrix at each pixel: the numbers are the
#   same. Its cost is proportional to $c_{in} \cdot c_{out}$: the counter
#   agrees with the formula.
# - **Held, with a caveat.** Groups divide parameters and computation by their
#   number. The time may not follow: see the bars of section 8.
# - **Held within 4%.** ResNeXt-50 has the parameters and the computation of
#   ResNet-50, and 3x3 layers twice as wide: 2.1% fewer parameters, 3.5% more
#   multiply-adds.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. Take two grouped layers in a row, with the same groups. Which inputs can
#    reach which outputs? What does a 1x1 between them change?
# 2. If `groups` equals the number of channels, what is left of the mixing?
# 3. The budget of section 4 counted parameters. What would the slider show for
#    a budget of bytes?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says:
# "Groups make a network more powerful." In three or four sentences: what is
# right about that, and what is missing?

# %% [markdown] free="resnext.explain" slideshow={"slide_type": "skip"}
# ### BEGIN SOLUTION
# At a fixed width, groups only remove connections, so the layer can represent
# fewer functions. But what they save can be spent on more channels. At an
# equal budget the wider, sparser layer did better on ImageNet (ResNeXt, table
# 3). So the gain comes from the groups together with the extra width, at the
# same cost, and not from the groups alone.
# ### END SOLUTION

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
# not a general one? Its answer: a GPU is slow at looking up where the numbers
# belong. Even with only 10% non-zeros, a dense product is still faster. Where
# the two cross depends on the device, so we measure it.

# %% tags=["define"] slideshow={"slide_type": "skip"}
from convzoo.measure import curves, sparse
from convzoo.measure.replay import replay
from convzoo.show import sparsity

# %% [markdown] slideshow={"slide_type": "-"}
# What is looked up is the index: the bytes that say where each number belongs.
# There are three ways to store it, in torch's 8-byte integers:
#
# - **COO**: the row and the column of each entry.
# - **CSR**: the column of each entry, and n + 1 numbers: where each row
#   begins, and where the last one ends.
# - **BSR**: like CSR, but for tiles of block x block. A tile with at least one
#   entry is stored whole.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (12 minutes).** Count the bytes of the index.

# %% exercise="resnext.index_bytes" tags=["define"] slideshow={"slide_type": "skip"}
# exercise: resnext.index_bytes
def index_bytes(mask, block):
    """Return a pattern's density, and the bytes of its index in 3 layouts.

    mask: (n, n) bool, true where an entry is stored; block divides n.
    Returns four numbers: density, and the bytes of COO, CSR and BSR.
    Only count; build nothing.
    """
    ### BEGIN SOLUTION
    n, entries = len(mask), mask.sum()
    tiles = mask.reshape(n // block, block, n // block, block)
    full_tiles = tiles.any(dim=3).any(dim=1).sum()
    coo = 8 * 2 * entries
    csr = 8 * (n + 1 + entries)
    bsr = 8 * (n // block + 1 + full_tiles)
    return mask.float().mean(), int(coo), int(csr), int(bsr)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnext.index_bytes")

# %% question="resnext.csr_bytes" slideshow={"slide_type": "skip"}
# question: resnext.csr_bytes
### BEGIN SOLUTION
answer = 8 * (256 + 1 + 8192)
### END SOLUTION
ask("resnext.csr_bytes", answer)

# %% [markdown] slideshow={"slide_type": "-"}
# **The crossover.** We multiply a 1024 x 1024 matrix by 256 columns. For CSR
# the entries are in random places, for BSR in whole tiles of 32 x 32. Below
# some density each is faster than dense, above it slower. Each is timed
# alternately with dense, in the same run.

# %% [markdown] slideshow={"slide_type": "skip"}
# If a curve jumps up and down instead of falling, the machine was busy. Run
# the cell again, or trust the recorded curve, which is dashed.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
densities = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5]
patterns = {"CSR": "random", "BSR, in tiles": "blocks"}
speed = {}


def against_dense(layout, density):
    """Return (density reached, times as fast as dense), timed now."""
    step = sparse.sweep(1024, 256, patterns[layout], density, device, 0.2)
    dense, own = step.times["dense"], step.times[layout.split(",")[0]]
    return step.density, dense.minimum / own.minimum


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def crossing(layout):
    """Return the density above which dense is faster, or None."""
    x, faster = [p[0] for p in speed[layout]], [p[1] for p in speed[layout]]
    return sparse.crossover(x, [1.0] * len(x), [1 / f for f in faster])


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
# other devices, measured by `make report`
reports = curves.load_all(part="sparse")


def own_curves():
    for layout in patterns:
        points = [against_dense(layout, d) for d in densities]
        speed[layout] = [p for p in points if p[1] == p[1]]  # not nan
    there = [
        (f"CSR, {r['device']}", curves.curve(r, "CSR", 1024, 256))
        for r in reports
    ]
    marks = {name: crossing(name) for name in speed}
    title = sparsity.at_a_tenth(device, speed["CSR"])
    return sparsity.speed_ups(speed, there, marks, title)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("resnext.crossover", own_curves, measured=lambda: crossing("CSR"))

# %% [markdown] slideshow={"slide_type": "skip"}
# **Play.** Choose a density and a pattern. Every step is timed on your device,
# and each product checked against the dense one. (A permutation has one entry
# in each row: the density slider does nothing there.) "Recorded" shows a
# device that was measured while idle, on three of the patterns. Choose it if
# your machine is busy (a large spread). The 1024 x 1024 matrix is drawn as 32
# x 32 cells. The darker a cell, the more of its 32 x 32 entries are not zero.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
recordings = {f"recorded: {r['device']}": r for r in reports}


def sparse_picture(density, pattern, times):
    if times in recordings:
        record = recordings[times]
        step = replay(record, pattern, density, 1024, 256)
    else:
        step = sparse.sweep(1024, 256, pattern, density, device, 0.4)
    return sparsity.panel(step)


# %% slideshow={"slide_type": "skip"} tags=["hide-input"] jupyter={"source_hidden": true}
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
# So the lecture's "at 10% dense is still faster" depends on the device. It
# holds on some and not on others; the title of your curves says what holds on
# yours. So far, one thing holds on all of them: a pattern that is known in
# advance (blocks, the block diagonal) needs little index or none, and crosses
# at a higher density.

# %% question="resnext.ninety_zeros" slideshow={"slide_type": "skip"}
# question: resnext.ninety_zeros
### BEGIN SOLUTION
answer = "c"
### END SOLUTION
ask("resnext.ninety_zeros", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. A few blocks off the diagonal
#
# The lecturer's idea for a project: why not add a few blocks next to the
# diagonal? Then groups could exchange information, and the index would stay
# small.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (10 minutes).** First, build the matrix.

# %% exercise="resnext.off_diagonal" tags=["define"] slideshow={"slide_type": "skip"}
# exercise: resnext.off_diagonal
def off_diagonal(blocks, extra, places):
    """Return a block-diagonal matrix with more blocks off its diagonal.

    blocks: (g, r, c), on the diagonal; extra: (m, r, c).
    places: m pairs [i, j]: block row i (outputs), block column j (inputs).
    Returns (g * r, g * c). Do not use torch.block_diag or torch.kron.
    """
    ### BEGIN SOLUTION
    g, r, c = blocks.shape
    matrix = blocks.new_zeros(g * r, g * c)
    diagonal = [[i, i] for i in range(g)]
    for block, (i, j) in zip([*blocks, *extra], diagonal + places):
        matrix[i * r : (i + 1) * r, j * c : (j + 1) * c] = block
    return matrix
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnext.off_diagonal")

# %% slideshow={"slide_type": "-"}
with_extra = use("resnext.off_diagonal")
beside = [[0, 1], [1, 2], [2, 3], [3, 0]]  # each group also reads the next one
matrix = with_extra(torch.randn(4, 3, 3), torch.randn(4, 3, 3), beside)
show.draw.channel_matrix(matrix, title="the diagonal and its neighbours")

# %% [markdown] slideshow={"slide_type": "skip"}
# Does it help? Here is a task that no stack of separate groups can solve: the
# label is the XOR of a bit in group 0 and a bit in group 2. Five networks with
# the same number of parameters (2,242) were trained once, with five seeds
# each. Their results are shipped. One seed of one network is trained here,
# now.

# %% slideshow={"slide_type": "skip"}
from convzoo import experiments


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def train_one(name, variant, **options):
    """Train one seed now, and draw it over the shipped ones."""
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
# is not such a sum. The best such sums are right in three of the four cases:
# "label 1 if $b_0 + b_2 > \frac{1}{2}$" fails only at (1, 1). Yet training
# does not end there. The four cases are equally likely. Among all such sums,
# the cross entropy is lowest if the answer is always one half: chance.
#
# Four blocks off the diagonal are enough for 100%. So is a permutation between
# the layers: that is lesson 05.
#
# On the digits, the first layer mixes all groups anyway, so none of this can
# matter as much. The next picture shows that.

# %% slideshow={"slide_type": "skip"}
digits = experiments.load("off_diagonal_digits")
title = "Digits: test accuracy, five seeds"
show.draw.seeds(experiments.summary(digits), title=title)

# %% slideshow={"slide_type": "skip"}
seen = experiments.gap(digits, "plus neighbours", "block-diagonal")
print(f"mean of neighbours minus mean of diagonal: {seen['gap']:+.2%}")
print(f"the seeds of one network differ by:        {seen['spread']:.2%}")
print("a visible gap:", seen["visible"])

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. The real ResNeXt
#
# We build ResNeXt-50 from your own layers and compare it with torchvision's.
# The same weights by name, the same image: the same answer?

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
# And the paper's five shapes, each as a whole network:

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
for groups, wide in ((1, 64), (2, 40), (4, 24), (8, 14), (32, 4)):
    own = measure.cost(network(groups, wide), photo)
    print(f"{groups}x{wide}d: {own.params:,} parameters, {own.macs:,} MACs")

# %% [markdown] slideshow={"slide_type": "skip"}
# How did the paper find 40, 24, 14 and 4? It kept the number of weights in a
# block close to that of 1x64d. The block has two 1x1 layers between 256
# channels and the width, and a grouped 3x3.
#
# **Exercise (12 minutes).** Find the widest group that a budget allows.

# %% exercise="resnext.group_width_for" tags=["define"] slideshow={"slide_type": "skip"}
# exercise: resnext.group_width_for
def group_width(budget, channels, groups):
    """Return the widest group that keeps a block within a budget.

    A block of `groups` groups of width d has, without biases: a 1x1 layer
    from `channels` to groups * d, a grouped 3x3, and a 1x1 back.
    Returns the largest whole d with at most `budget` weights.
    """
    ### BEGIN SOLUTION
    d = 1
    while groups * (2 * channels * d + 9 * d * d) <= budget:
        d += 1
    return d - 1
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnext.group_width_for")

# %% [markdown] slideshow={"slide_type": "skip"}
# Which budget? By the count of the exercise, a block of 1x64d has 69,632
# weights, and one of 32x4d has 70,144. The paper says about 70 thousand. With
# 69,632 only the first width would come out. We allow 70,200.

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
widest = use("resnext.group_width_for")
for groups in (1, 2, 4, 8, 32):
    print(f"{groups:2} groups: {widest(70200, 256, groups)} channels each")

# %% [markdown] slideshow={"slide_type": "skip"}
# With that budget, four of the paper's five widths come out. With 8 groups it
# allows 13. The paper took 14, which makes 71,456 weights. That network is the
# one with the most parameters: 25.6 million.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. Does the wider network learn better?
#
# On ImageNet it did (section 6). Here are the five shapes at half the width,
# on 1,797 digits of 8 x 8 pixels.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
record = experiments.load("resnext_equal_budget")
found = experiments.gap(record, "32x4d", "1x64d")


def equal_budget():
    title = "Digits at an equal budget: test accuracy"
    return show.draw.seeds(experiments.summary(record), title=title)


# %% slideshow={"slide_type": "-"} tags=["hide-input"]
predict("resnext.digits", equal_budget, measured=100 * found["gap"])

# %% slideshow={"slide_type": "skip"}
print(f"mean of 32x4d minus mean of 1x64d:  {found['gap']:+.2%}")
print(f"the seeds of one network differ by: {found['spread']:.2%}")
print("a visible gap:", found["visible"])

# %% [markdown] slideshow={"slide_type": "skip"}
# If the gap is smaller than the spread of the seeds, the experiment says
# nothing about the idea. The digits are too easy: every shape solves nearly
# all of them. You need a harder task to see what ImageNet showed. To train a
# seed of your own, in about 15 seconds:
#
#     experiments.one("resnext_equal_budget", "32x4d", seed=5)

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further E. Cut a trained network
#
# If blocks and zeros are so cheap, why not train a dense network first, and
# cut it afterwards? Here is one: EfficientNet-Lite0, trained on ImageNet (you
# build it in lesson 06). We cut its 1x1 layers alone, and ask it about six
# photos.

# %% tags=["lecture"] slideshow={"slide_type": "skip"}
from torchvision.models import ResNet50_Weights

from convzoo import photographs
from convzoo.ideas.resnext import cutting
from convzoo.ideas.separable import efficientnet

NAMES = ResNet50_Weights.DEFAULT.meta["categories"]  # of the 1000 classes
trained = efficientnet.pretrained()
photos = photographs.batch()  # 6 3 224 224

# %% slideshow={"slide_type": "skip"}
def shares_of(net):
    with torch.no_grad():
        return net(photos).softmax(1)  # 6 1000


uncut = shares_of(trained)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def looked_at(photo, shares, title):
    """Draw a photo, and the five largest shares."""
    place = photographs.NAMES.index(photo)
    picture = show.draw.photograph(photos[place], title=photo, size=220)
    look = {"title": title, "width": 470}
    return picture, show.draw.guesses(shares[place], NAMES, **look)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def one_product(net, seconds=0.15):
    """Time the last 1x1 layer, 320 channels to 1280, stored in two ways."""
    weight = cutting.pointwise(net)[-1].weight.detach()[:, :, 0, 0].to(device)
    pixels = torch.randn(320, 7 * 7, device=device)
    stored = sparse.layouts(weight, weight != 0, names=["dense", "CSR"])
    same = dict.fromkeys(stored, weight)
    times = sparse.timed(stored, pixels, same, seconds).values()
    entries = int((weight != 0).sum())
    index = sparse.index_bytes("CSR", weight != 0)
    return [t.minimum for t in times], 4 * entries, index, 4 * weight.numel()


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
stops = [1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.1]
cut_nets = {d: cutting.pruned(trained, d) for d in stops}
pruned = {d: shares_of(net) for d, net in cut_nets.items()}
products = {d: one_product(net) for d, net in cut_nets.items()}


def against_dense_bars(density):
    (dense, own), values, index, whole = products[density]
    slow = own / dense if own == own else 0  # nan: no CSR on this device
    rows = [("time", slow, f"{slow:.1f} times" if slow else "no CSR here"),
            ("values", values / whole, f"{values:,} B"),
            ("index", index / whole, f"{index:,} B")]
    title = "Last 1x1 as CSR / dense"
    scale = {"limit": 4, "reference": (1, "dense"), "width": 360}
    return show.draw.bars(rows, title=title, **scale)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}

def look_at_density(density, photo):
    title = f"{density:.0%} of the weights"
    seen = looked_at(photo, pruned[density], title)
    return show.draw.beside(*seen, against_dense_bars(density))


def explore_density():
    names = [f"{d:.0%}" for d in stops]
    return show.widgets.Explorer(
        look_at_density,
        density=show.widgets.Stops(stops, 0.5, "density", names),
        photo=show.widgets.Choice(photographs.NAMES, "cat", "photo"))

# %% [markdown] slideshow={"slide_type": "subslide"}
# First the density. In each 1x1 layer the smallest weights become zero.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
predict("resnext.cat_density", explore_density)

# %% [markdown] slideshow={"slide_type": "skip"}
# One photo can be lucky. So here are all six: how many keep their first
# guess, and how much of the shares moves to other classes. The last number is
# the bytes of the 1x1 layers: 4 for a value, and 8 for its column (CSR).

# %% slideshow={"slide_type": "skip"}
weights = sum(w.weight.numel() for w in cutting.pointwise(trained))
print(f"dense: {4 * weights:,} bytes")
for density in stops[1:-1]:
    cut = pruned[density]
    same = (cut.argmax(1) == uncut.argmax(1)).sum().item()
    print(f"{density:.0%}: {same} of 6 keep their first guess,", end=" ")
    print(f"{measure.changed(cut, uncut):4.0%} of the shares move,", end=" ")
    print(f"{12 * round(density * weights):,} bytes")

# %% [markdown] slideshow={"slide_type": "skip"}
# A tenth of the weights is hardly missed, and half of them are. The layers
# become smaller than dense ones below a third, and there the answers are gone.
# Is one product faster? The slider's first bar says it, for one layer on your
# device: multiplying by CSR only gets fast when little is left.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now the blocks. Each 1x1 layer keeps only the blocks on its diagonal.

# %% slideshow={"slide_type": "-"} tags=["hide-input"] jupyter={"source_hidden": true}
in_groups = {g: shares_of(cutting.in_blocks(trained, g)) for g in (1, 2, 4, 8)}
in_groups[1] = uncut


def cut_to_blocks(groups, photo):
    seen = looked_at(photo, in_groups[groups], f"groups = {groups}")
    return show.draw.beside(*seen)


show.widgets.Explorer(
    cut_to_blocks,
    groups=show.widgets.Stops([1, 2, 4, 8], 2, "groups"),
    photo=show.widgets.Choice(photographs.NAMES, "cat", "photo"))

# %% [markdown] slideshow={"slide_type": "skip"}
# Two groups are enough: the network gives one and the same answer to all six
# photos. Half of the weights are gone, as at a density of 50%, but now the
# large ones go too. **Block-diagonal is a structure to train with. It is not
# one to cut out afterwards.**
#
# Would another *order* of the channels save more? The blocks do not have to be
# neighbours: a permutation of the rows and columns of each layer could gather
# the heavy weights in the blocks (lesson 05 is about permutations). We look
# for a good one, layer by layer; this takes some seconds.

# %% slideshow={"slide_type": "skip"}
found, inside = [], []
for layer in cutting.pointwise(trained):
    matrix = layer.weight.detach()[:, :, 0, 0]
    found.append(cutting.best_halves(matrix))
    orders = cutting.best_halves(matrix, rounds=0), found[-1]
    inside.append([cutting.share_inside(matrix, *o) for o in orders])
kept = torch.tensor(inside).mean(0)
best = shares_of(cutting.in_groups(trained, found))
same = (best.argmax(1) == uncut.argmax(1)).sum().item()
print(f"squares in the blocks: {kept[0]:.0%} in order, {kept[1]:.0%} at best")
print(f"in the better order, {same} of 6 photos keep their first guess")

# %% [markdown] slideshow={"slide_type": "skip"}
# The better order keeps more of the weight, but not nearly enough. A dense
# network has learned to use all its connections. (The search finds a good
# order, not provably the best one.)

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further F. One kernel for the blocks
#
# A GPU runs a layer as one or more *kernels*: small programs that many workers
# execute at once, each for its own piece of the result. Here is a product with
# a block-diagonal matrix as one kernel, in Triton, a language for GPUs inside
# Python. A worker computes one group's rows at 64 positions.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
KERNEL = "convzoo.ideas.resnext.kernel"
show.source(f"{KERNEL}._block_diagonal")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Which lines make the matrix block-diagonal? `blocks`, `x` and `y` are
# addresses. `x + 5` is the sixth number from there, and `tl.load` reads it.
#
# - `group * rows + row`: the rows of the matrix that this worker computes.
# - `group * columns + column`: the columns that it reads, and no others.
#
# These two sums are the picture at the top of the lesson. The group's number
# says where the block is, so there is no index to look up (Further A), and no
# zero of the matrix is ever read.

# %% [markdown] slideshow={"slide_type": "skip"}
# A grouped 3x3 is nine such products, one for each tap, of a shifted image.
# That is the second kernel:

# %% slideshow={"slide_type": "skip"} tags=["hide-input"]
show.source(f"{KERNEL}._grouped_3x3")

# %% [markdown] slideshow={"slide_type": "skip"}
# It does what your `grouped_conv2d` and `F.conv2d` do. So we compare the
# three: the layer of section 8, with 32 images.

# %% slideshow={"slide_type": "skip"}
def layer_of_128(where):
    x = torch.randn(32, 128, 56, 56, device=where)
    return x, torch.randn(128, 4, 3, 3, device=where), 32


ways = {
    "grouped_conv2d": lambda x, weight, g: convolve(x, weight, g, 1, 1),
    "F.conv2d": lambda x, weight, g: F.conv2d(x, weight, None, 1, 1, 1, g),
}
compared = {}


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def compare_kernel():
    name = f"{KERNEL}.grouped_conv2d"
    report = measure.kernel_report(name, ways, layer_of_128, device)
    compared.update(report=report)
    return show.draw.kernel_report(report)


def times_the_bytes():
    report = compared["report"]
    return round(report.framework[0].bytes / report.kernel.bytes, 1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("resnext.kernel", compare_kernel, measured=times_the_bytes)

# %% [markdown] slideshow={"slide_type": "skip"}
# (Until your `grouped_conv2d` passes, the framework's runs in its place, and
# all three are equal.) `F.unfold` writes each number of the image nine times,
# and the product reads all of that again: about 20 images' worth of traffic
# instead of two. The framework's layer moves no more than the kernel does. It
# is a kernel, too.
#
# Is the kernel as fast as it could be? No. It multiplies tiles of 16 x 16, the
# smallest that a GPU's matrix unit takes here. So a block of 4 x 4 is filled
# up with zeros, and only a sixteenth of the products are of use. That is one
# more reason why the time need not fall as the multiply-adds do.
