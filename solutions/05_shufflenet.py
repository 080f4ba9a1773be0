# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 05 ShuffleNet: the channel shuffle
#
# A phone should know what its camera sees, fast and on a small battery. Layers
# in groups save most of the work. But each group works alone: after ten such
# layers, none knows what another one saw. ShuffleNet deals the channels out
# again between two layers, like cards, and changes nothing else.
#
# **You will be able to** say what a stack of layers can reach; write the
# channel shuffle in one line, and its inverse; build ShuffleNet's unit.
#
# **Time:** 60 minutes for the core. **Builds on:** lesson 02 (groups, matrix).
#
# **The lecture's claim:** grouped convolutions make stovepipes, groups that
# never meet. A fixed permutation between two layers restores the mixing, and
# learns nothing. We test it on a task that needs two groups at once.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% tags=["define"] slideshow={"slide_type": "skip"}
import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, data, measure
from convzoo import predict, show, train, use
from convzoo.ideas.resnext import framework as resnext
from convzoo.ideas.shufflenet import skeleton as shufflenets

# %% student="name" slideshow={"slide_type": "skip"}
# student: the name you hand in under; it draws the numbers of your questions
device = begin("05_shufflenet", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Three 12 x 12 matrices. Two layers in 3 groups: three 4 x 4 blocks on the
# diagonal. The shuffle: one cell in each row and each column. The two layers
# with the shuffle between them: every cell is
# filled.](../figures/05_shuffle.svg)
#
# A row is an output channel, a column an input channel. Left: two layers with
# `groups=3`, one after the other. Middle: the shuffle, with a single 1 in each
# row and each column. Right: the two layers with the shuffle between them.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here is the measured matrix of two layers with `groups=3` and nothing between
# them: what enters in one group leaves in the same group.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell. Then write `nn.ChannelShuffle(groups)` instead of
# `nn.Identity()`, and run it again.

# %%
groups = 3
between = nn.Identity()
first = nn.Conv2d(12, 12, 1, groups=groups, bias=False)
second = nn.Conv2d(12, 12, 1, groups=groups, bias=False)
two_layers = nn.Sequential(first, between, second)
matrix = measure.channel_matrix(two_layers, torch.zeros(1, 12, 1, 1))
show.draw.channel_matrix(matrix, title="two layers, 3 groups")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. Stovepipes: groups that never meet
#
# A 1x1 layer without groups is a matrix at each pixel. With groups that matrix
# is block-diagonal. Two layers are the product of two matrices, and the
# product of two block-diagonal matrices is block-diagonal: the groups never
# meet.
#
# A permutation of the channels is a matrix too. Written as an index, it is
# shorter: `order[i]` is the channel that goes to place `i`.

# %% tags=["nbval-check-output"]
order = torch.tensor([2, 0, 1])
v = torch.tensor([10.0, 20.0, 30.0])  # three channels of one pixel
P = torch.eye(3)[order]  # row i has a one in column order[i]
print("by the index: ", v[order])
print("by the matrix:", P @ v)
print(P)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (10 minutes).** Compute one matrix for a whole stack of layers,
# with the same permutation between every two of them. We leave out ReLUs here.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("shufflenet.stack_matrix")`
# in a new cell.

# %% exercise="shufflenet.stack_matrix" tags=["define"] slideshow={"slide_type": "-"}
# exercise: shufflenet.stack_matrix
def stack_matrix(layers, order):
    """Return the matrix of a stack of linear layers, permuted in between.

    layers: (l, c, c), a matrix for each layer, first layer first; rows
    are outputs. order: (c,) index: between two layers, channel order[i]
    goes to place i. There is no permutation before the first layer, and
    none after the last. Returns (c, c).
    """
    ### BEGIN SOLUTION
    total = layers[0]
    for layer in layers[1:]:
        total = layer @ total[order]
    return total
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("shufflenet.stack_matrix")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Your product of matrices is compared with the real layers.
# `measure.channel_matrix` probes them by gradients: it does not know the
# product.

# %%
product = use("shufflenet.stack_matrix")
mixed = nn.Sequential(first, nn.ChannelShuffle(3), second).double()
pixel = torch.zeros(1, 12, 1, 1)
probed = measure.channel_matrix(mixed, pixel)

weights = [measure.channel_matrix(layer, pixel) for layer in (first, second)]
places = torch.arange(12).reshape(3, 4).T.flatten()
by_product = product(torch.stack(weights), places)
print("the same numbers:", torch.allclose(by_product, probed))

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The channel shuffle
#
# Which permutation? One that sends the channels of each group to all groups.
# Deal them out like cards: first comes the first channel of every group, then
# the second of every group, and so on.

# %%
def dealt_out(x, groups):
    """Return the channels dealt out, slow and plain: one by one."""
    width = x.shape[1] // groups
    dealt = []
    for place in range(width):
        for group in range(groups):
            dealt.append(x[:, group * width + place])
    return torch.stack(dealt, dim=1)


channels = torch.arange(12.0).reshape(1, 12, 1, 1)  # each holds its number
print(dealt_out(channels, 3).flatten().int().tolist())

# %% [markdown] slideshow={"slide_type": "subslide"}
# That makes twelve copies for twelve channels. But it is only a table, read
# the other way: write it row by row (a row is a group), read it column by
# column.
#
# **Exercise (8 minutes).** Do it with a reshape, a transpose and a reshape.

# %% exercise="shufflenet.channel_shuffle" tags=["define"] slideshow={"slide_type": "-"}
# exercise: shufflenet.channel_shuffle
def channel_shuffle(x, groups):
    """Return x with its channels dealt out (Zhang 2017, figure 1).

    x: (n, c, h, w), its channels in `groups` groups of c / groups.
    Returns (n, c, h, w): the first channel of every group, then the
    second of every group, ... Do not use the framework's channel_shuffle.
    """
    ### BEGIN SOLUTION
    n, _, h, w = x.shape
    table = x.reshape(n, groups, -1, h, w)
    return table.transpose(1, 2).reshape(x.shape)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("shufflenet.channel_shuffle")

# %% tags=["define"] slideshow={"slide_type": "skip"}
shuffle = use("shufflenet.channel_shuffle")


class Shuffle(nn.Module):
    def __init__(self, groups):
        super().__init__()
        self.groups = groups

    def forward(self, x):
        return shuffle(x, self.groups)


# %% question="shufflenet.place" slideshow={"slide_type": "skip"}
# question: shufflenet.place
### BEGIN SOLUTION
answer = 17 % 7 * 4 + 17 // 7
### END SOLUTION
ask("shufflenet.place", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Three ways to write one permutation: a reshape, an index, a matrix.

# %%
image = torch.randn(2, 12, 5, 5)  # n c h w
index = shuffle(channels, 3).flatten().long()
as_matrix = measure.channel_matrix(Shuffle(3), pixel)

by_index = image[:, index]
by_matrix = torch.einsum("oc,nchw->nohw", as_matrix.float(), image)
print("index: ", index.tolist())
print("index equals reshape:", torch.equal(by_index, shuffle(image, 3)))
print("matrix equals index: ", torch.equal(by_matrix, by_index))

# %% [markdown] slideshow={"slide_type": "subslide"}
# The shuffle as crossing lines. Each colour is a group; the channels of every
# group are dealt out over all groups.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Play.** Choose the number of groups $g$, and then the other table: with
# $c/g$ rows of $g$ channels it is another permutation, the inverse.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def crossing(groups, inverse):
    rows = 12 // groups if inverse else groups
    step = measure.channel_matrix(Shuffle(rows), pixel)
    arrived = [str(j) for j in step.argmax(1).tolist()]
    title = f"12 channels, {groups} groups: table of {rows} x {12 // rows}"
    names = ["channels on the left, their new order on the right"]
    options = {"groups": groups, "right": arrived, "names": names}
    return show.draw.lines([step], title=title, **options)


# %% slideshow={"slide_type": "-"} tags=["hide-input"] jupyter={"source_hidden": true}
kit = show.widgets
tables = {"g rows, the paper's": False, "c/g rows, the inverse": True}
stops = kit.Stops([2, 3, 4, 6], 3, "groups")
table = kit.Choice(tables, False, "table of")
kit.Explorer(crossing, groups=stops, inverse=table)

# %% [markdown] slideshow={"slide_type": "skip"}
# The two undo each other: after a shuffle in $g$ groups and one in $c/g$
# groups, every channel is back in its place. Both mix. But they are not the
# same, and weights trained with one do not fit the other. The paper and
# `torch.nn.ChannelShuffle` write $g$ rows. The authors' code of ShuffleNet V1
# writes $c/g$ rows: the inverse. If you load their weights, you have to build
# their permutation.

# %% question="shufflenet.undo" slideshow={"slide_type": "skip"}
# question: shufflenet.undo
### BEGIN SOLUTION
answer = 40 / 5
### END SOLUTION
ask("shufflenet.undo", answer)

# %% question="shufflenet.redrawn" slideshow={"slide_type": "skip"}
# question: shufflenet.redrawn
### BEGIN SOLUTION
answer = "d"
### END SOLUTION
ask("shufflenet.redrawn", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. How far does a stack reach?
#
# An output of a grouped layer sees only the inputs of its own group. With
# shuffles it sees more after each layer. How many layers are enough?

# %% [markdown] slideshow={"slide_type": "skip"}
# The layers are lesson 02's. They use the framework's grouped convolution. If
# yours from lesson 02 passed, paste its cell here and write
# `GroupedConv2d.convolve = staticmethod(grouped_conv2d)` below it.

# %% tags=["define"] slideshow={"slide_type": "skip"}
class GroupedConv2d(nn.Module):
    """Lesson 02's layer: a convolution in groups, without bias."""

    convolve = staticmethod(resnext.grouped_conv2d)

    def __init__(self, c_in, c_out, k, stride=1, padding=0, groups=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c_out, c_in // groups, k, k))
        nn.init.kaiming_normal_(self.weight, mode="fan_out")
        self.settings = (groups, stride, padding)

    def forward(self, x):
        return self.convolve(x, self.weight, *self.settings)


# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw; open them if you are curious. Each layer is probed.
# The matrix of the stack is their product, by `stack_matrix`.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def probe(module):
    return measure.channel_matrix(module, pixel)


divisors = [1, 2, 3, 4, 6, 12]
pipes = {
    g: [probe(GroupedConv2d(12, 12, 1, groups=g)) for _ in range(5)]
    for g in divisors
}


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def interleaved(layers, order, shuffled):
    """Return the matrices by name, from input to output."""
    steps = {}
    for number, layer in enumerate(layers, start=1):
        if shuffled and steps:
            steps["shuffle" + " " * number] = torch.eye(12)[order]
        steps[f"layer {number}"] = layer
    return steps


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def reach_picture(layers, groups, shuffled):
    own = pipes[groups][:layers]
    order = shuffle(channels, groups if shuffled else 1).flatten().long()
    whole = product(torch.stack(own), order)
    seen = int((whole != 0).sum(1).min())
    steps = interleaved(own, order, shuffled)
    options = {"names": list(steps), "follow": 0, "gap": 28}
    heading = f"Where input 0 goes: {layers} layers in {groups} groups"
    left = show.draw.lines(list(steps.values()), title=heading, **options)
    title = f"the stack: an output sees {seen} of 12"
    right = show.draw.channel_matrix(whole, title=title, size=300)
    return show.draw.beside(left, right)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_reach():
    return kit.Explorer(
        reach_picture,
        layers=kit.Stops([1, 2, 3, 4, 5], 2, "layers"),
        groups=kit.Stops(divisors, 4, "groups"),
        shuffled=kit.Toggle(True, "shuffle between the layers"),
    )

predict("shufflenet.layers", explore_reach)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move all three controls. You will find:
#
# - Without the shuffle, more layers change nothing: the coloured lines stay in
#   their group.
# - With it, an output sees 3 inputs after one layer of 4 groups, 9 after two,
#   all 12 after three: each layer multiplies their number by a group's width,
#   until all are seen.
# - With 3 groups of 4, two layers are enough. With 6 groups of 2, it takes
#   four.
# - With 12 groups of one channel, no depth helps: there is nothing to mix, and
#   a permutation only moves it elsewhere. A depthwise layer (lesson 06) needs
#   a full 1x1 next to it.

# %% question="shufflenet.depth" slideshow={"slide_type": "skip"}
# question: shufflenet.depth
### BEGIN SOLUTION
answer = 6
### END SOLUTION
ask("shufflenet.depth", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. A task that needs two groups at once
#
# Take 16 channels in 4 groups. Each group carries one bit: a fixed pattern is
# added to its channels, or subtracted, under noise. The label is the XOR of
# two bits: does the bit of group 0 differ from that of group 2? The network
# has three grouped layers, a global pool and a linear layer.

# %%
def network(between):
    parts, wide = [], 16
    for number in (1, 2, 3):
        parts += [GroupedConv2d(wide, 32, 1, groups=4)]
        parts += [nn.BatchNorm2d(32), nn.ReLU()]
        parts += [between] if number < 3 else []
        wide = 32
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 2)]
    return nn.Sequential(*parts, *head)


# %% tags=["nbval-check-output"]
def size(net):
    found = measure.cost(net.eval(), torch.zeros(1, 16, 4, 4))
    return f"{found.params:,} parameters, {found.macs:,} multiply-adds"


print("without:", size(network(nn.Identity())))
print("with:   ", size(network(Shuffle(4))))

# %% [markdown] slideshow={"slide_type": "skip"}
# The same parameters, the same multiply-adds. We train both here, now, in a
# second or two, and draw them over five seeds that come with the course.

# %% slideshow={"slide_type": "skip"}
from convzoo import experiments

xor = data.made("xor_groups", groups=4, width=4).normalised()
names = {"no shuffle": nn.Identity(), "shuffle": Shuffle(4)}


def trained(name):
    torch.manual_seed(5)
    net = network(names[name]).to(device)
    recipe = {"epochs": 6, "lr": 0.05, "seed": 5}
    return train.train(net, xor, on_epoch=lambda history: None, **recipe)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def xor_now():
    rows = experiments.summary(experiments.load("shuffle_xor"))
    live = {name: trained(name) for name in names}
    loss = live["no shuffle"].test_loss[-1]
    title = f"XOR: test accuracy. Loss, no shuffle: {loss:.3f}; a coin: 0.693"
    own = {name: h.test_accuracy[-1] for name, h in live.items()}
    return show.draw.seeds(rows, own, title=title, chance=0.5)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("shufflenet.xor", xor_now)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **One permutation, from chance to certainty.** It has no weights, learns
# nothing, and costs no multiply-adds. The algebra shows what was missing:
# without a shuffle each score is a sum, $f_0(x_0) + f_1(x_1) + f_2(x_2) +
# f_3(x_3)$, one term for each group. We test it on the network, untrained:

# %%
def departure(net):
    """Return how far the scores are from a sum over the four groups."""
    net, x = net.cpu().double().eval(), xor.test_x[:64].double()
    alone = [torch.zeros_like(x) for _ in range(4)]
    for g in range(4):
        alone[g][:, 4 * g : 4 * g + 4] = x[:, 4 * g : 4 * g + 4]
    with torch.no_grad():
        summed = sum(net(part) for part in alone) - 3 * net(0 * x)
        return (net(x) - summed).abs().max().item()


print(f"without: {departure(network(nn.Identity())):.1e}")
print(f"with:    {departure(network(Shuffle(4))):.1e}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Let $f$ be the score of "different" minus that of "equal". As far as it
# depends on the two bits, it is a sum of two terms, one for each bit, so
#
# $$f(0,0) + f(1,1) = f(0,1) + f(1,0).$$
#
# XOR needs a negative left and a positive right side. So at least one of the
# four cases is wrong: at most 75% can be right. A case's margin is $f$, or
# $-f$ if its label is "equal". The four margins add up to zero. The logistic
# loss is convex, so its mean is at least its value at the mean margin, zero: a
# coin's loss, $\log 2 = 0.693$. It is lowest when all margins are zero and the
# network says nothing. The training does not fail; it finds that.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. ShuffleNet's unit
#
# In ResNeXt's block the 3x3 is in groups. The two dense 1x1 layers still cost
# 65,536 of 70,144 multiply-adds a pixel in ResNeXt-50's first stage.
# ShuffleNet groups them too, so something has to mix the groups: the shuffle.
# The 3x3 is depthwise, one group for each channel.
#
# - 1x1 in `first_groups` groups, to `out_channels // 4` channels; batch norm;
#   ReLU; **shuffle** in `groups` groups
# - 3x3 depthwise with the stride, padding 1; batch norm, and no ReLU
# - 1x1 in `groups` groups; batch norm
# - stride 1: add the input. Stride 2: average the input over 3 x 3 pixels with
#   stride 2 and padding 1, and concatenate it with the branch, which makes the
#   other `out_channels - in_channels` channels
# - ReLU, last of all

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (15 minutes).** Build the unit. All three layers are made with
# `GroupedConv2d(c_in, c_out, k, stride, padding, groups)`, the shuffle with
# `shuffle(x, groups)`. In the concatenation the pooled input comes first.
# `first_groups` is 1 in the very first unit of the network, whose input has
# only 24 channels, and `groups` in all others. Keep the names: the weights are
# compared by name.

# %% exercise="shufflenet.unit" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: shufflenet.unit
class ShuffleUnit(nn.Module):
    """ShuffleNet's unit (Zhang 2017, figures 2b and 2c).

    (n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)
    Names: conv1 bn1 conv2 bn2 conv3 bn3.
    """

    def __init__(
        self, in_channels, out_channels, stride, groups, first_groups
    ):
        super().__init__()
        ### BEGIN SOLUTION
        mid = out_channels // 4
        out = out_channels - (in_channels if stride == 2 else 0)
        self.stride, self.groups = stride, groups
        self.conv1 = GroupedConv2d(in_channels, mid, 1, groups=first_groups)
        self.bn1 = nn.BatchNorm2d(mid)
        self.conv2 = GroupedConv2d(mid, mid, 3, stride, 1, groups=mid)
        self.bn2 = nn.BatchNorm2d(mid)
        self.conv3 = GroupedConv2d(mid, out, 1, groups=groups)
        self.bn3 = nn.BatchNorm2d(out)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = shuffle(F.relu(self.bn1(self.conv1(x))), self.groups)
        y = self.bn3(self.conv3(self.bn2(self.conv2(y))))
        if self.stride == 1:
            return F.relu(x + y)
        pooled = F.avg_pool2d(x, 3, 2, 1)
        return F.relu(torch.cat([pooled, y], dim=1))
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("shufflenet.unit")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. One budget, five numbers of groups
#
# What the groups save is spent on channels, as in ResNeXt. We build the
# network of the paper's table 1 from the unit of section 5. To compare its
# multiply-adds with the paper's, leave out the last linear layer.

# %% tags=["lecture"] slideshow={"slide_type": "skip"}
Unit = use("shufflenet.unit")

# %% tags=["lecture"] slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
photo = torch.randn(1, 3, 224, 224, device="meta")  # counted, not run
printed = {1: 143, 2: 140, 3: 137, 4: 133, 8: 137}  # table 1, millions
errors = {1: 33.6, 2: 32.7, 3: 32.6, 4: 32.8, 8: 32.4}  # table 2, top-1 in %
unshuffled = {3: 34.5, 8: 37.6}  # table 3, the same without the shuffle


def counted(groups):
    with torch.device("meta"):
        net = shufflenets.ShuffleNetV1(Unit, groups)
    whole = measure.cost(net.eval(), photo)
    return whole.params, whole.macs - net.fc.weight.numel()


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
table_rows = []
for g in printed:
    params, macs = counted(g)
    wide = "/".join(map(str, shufflenets.v1_widths(g, 1.0)[1]))
    row = [g, wide, f"{params:,}", f"{macs:,}", f"{printed[g]}M"]
    row += [errors[g], unshuffled.get(g, "-")]
    table_rows.append(row)

# %% slideshow={"slide_type": "-"} tags=["hide-input"] jupyter={"source_hidden": true}
heads = ["groups", "channels", "parameters", "MACs without the last layer"]
heads += ["printed", "top-1 error, %", "without shuffle, %"]
show.draw.table(table_rows, heads, "ShuffleNet V1 at width 1 (1707.01083)")

# %% [markdown] slideshow={"slide_type": "skip"}
# The counts are of your unit. The errors are the paper's: they took ImageNet
# and weeks of GPU time. More groups allow more channels, and mostly a smaller
# error. Without the shuffle the error grows, and more so with more groups: by
# 1.9 points at 3 groups, by 5.2 at 8.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7. Is it faster than MobileNet?
#
# The lecture says that ShuffleNet tends to be somewhat faster than MobileNet,
# whose unit is a depthwise 3x3 and a full 1x1 (lesson 06). Here are the two
# with about the same number of multiply-adds, at 28 x 28 pixels: 96 channels
# for MobileNet, 240 for ShuffleNet in 3 groups.

# %% tags=["lecture"]
mobile = nn.Sequential(
    nn.Conv2d(96, 96, 3, padding=1, groups=96, bias=False),
    nn.BatchNorm2d(96), nn.ReLU(),
    nn.Conv2d(96, 96, 1, bias=False),
    nn.BatchNorm2d(96), nn.ReLU(),
).to(device).eval()
unit = Unit(240, 240, 1, 3, 3).to(device).eval()
x_mobile = torch.randn(4, 96, 28, 28, device=device)
x_unit = torch.randn(4, 240, 28, 28, device=device)

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
for name, net, x in (
    ("MobileNet", mobile, x_mobile), ("ShuffleNet", unit, x_unit)
):
    print(f"{name:10}: {measure.cost(net, x).macs:,} MACs for 4 images")

# %% tags=["lecture"] slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
times = {}
narrow = torch.randn(4, 60, 28, 28, device=device)  # what is shuffled


# %% tags=["lecture"] jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@torch.no_grad()
def race():
    runs = {"MobileNet's unit": lambda: mobile(x_mobile)}
    runs["ShuffleNet's unit"] = lambda: unit(x_unit)
    runs["a copy of its input"] = lambda: x_unit.clone()
    runs["section 2's"] = lambda: shuffle(narrow, 3)
    runs["torch's shuffle"] = lambda: torch.channel_shuffle(narrow, 3)
    times.update(measure.bench(runs, seconds=2))
    counts = {name: measure.cost(run) for name, run in runs.items()}
    return measure.roofline.floors(
        counts, times, measure.roofline.peaks(device)
    )


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def race_now():
    floors, timed = race(), list(times.items())
    units, shuffles = dict(timed[:3]), dict(timed[3:])
    title = f"One call on {device}, minimum"
    return show.draw.beside(
        show.draw.timings(units, floors, title=title, width=600),
        show.draw.timings(shuffles, floors, title="Its shuffle", width=440),
    )


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def time_ratio():
    ours, theirs = (times[k].minimum for k in list(times)[1::-1])
    return round(ours / theirs, 2)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("shufflenet.time", race_now, measured=time_ratio)

# %% [markdown] tags=["lecture"] slideshow={"slide_type": "skip"}
# ShuffleNet's unit has more channels to read and write for the same
# multiply-adds, more layers, and three grouped convolutions. The other bars
# show how long it takes to copy its input once, and how much of its time is
# the shuffle. (The *floor* is the least time in which this device could
# multiply and move the bytes.) What matters most depends on the device.
#
# The published figures depend on it too. On one ARM core the two tie: 108.8 ms
# for ShuffleNet at twice the width, 110.0 ms for MobileNet, at 224 x 224
# (table 8 of 1707.01083); ShuffleNet has the smaller error. On a GPU the paper
# of V2 measured 133 batches a second for ShuffleNet V1 and 247 for MobileNet
# V1, at about 550 million multiply-adds (table 8 of 1807.11164).

# %% [markdown] tags=["lecture"] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** Grouped layers make stovepipes: the product of block-diagonal
#   matrices is block-diagonal, both probed and multiplied.
# - **Held, with a caveat.** A fixed permutation restores the mixing: from
#   chance to 100% on the XOR with every seed, with no extra weight. It takes
#   depth: each layer multiplies the inputs that an output sees by the channels
#   of a group, until it sees all. With one channel a group it never does.
# - **Depends.** "Somewhat faster than MobileNet": a tie on an ARM core (108.8
#   against 110.0 ms, the first paper's table 8), about half the speed on a GPU
#   (133 against 247 batches a second, V2's table 8), and here the bars of
#   section 7, for the device they name.
# - **Held in the paper's numbers**, which we quote: the more groups, the more
#   the shuffle is worth.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. The inverse shuffle mixes too. 16 channels in 8 groups: which groups meet
#    after one shuffle, and which after one inverse shuffle?
# 2. Replace the shuffle by a random permutation, drawn once. What can go wrong
#    that cannot go wrong with the shuffle? (Further B.)
# 3. The depthwise 3x3 comes between the shuffle and the last 1x1. Why does it
#    not matter on which side of it the shuffle is?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says:
# "With a shuffle, grouped layers can do whatever dense layers can, for a
# fraction of the cost." In three or four sentences: what is right about that,
# and what is missing?

# %% [markdown] free="shufflenet.explain" slideshow={"slide_type": "skip"}
# ### BEGIN SOLUTION
# With a shuffle between them, enough grouped layers let every output depend on
# every input, and the shuffle has no weights and no multiply-adds. But to
# depend on every input does not mean to compute any function of them: each
# layer still has only 1/g of the weights, and it takes several layers to reach
# what a dense layer reaches in one. The copy costs time too. To come out
# ahead, the savings have to be spent on channels or depth.
# ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Zhang, Zhou, Lin, Sun: *ShuffleNet: An Extremely Efficient
# Convolutional Neural Network for Mobile Devices*, 2017,
# [1707.01083](https://arxiv.org/abs/1707.01083). Ma, Zhang, Zheng, Sun:
# *ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design*,
# 2018, [1807.11164](https://arxiv.org/abs/1807.11164).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. A shuffle that costs nothing
#
# The shuffle multiplies nothing, but it copies the image. If the next layer is
# dense, even that is not needed: $W (P x) = (W P) x$. The permutation moves
# into the weights, once, before anything runs.
#
# **Exercise (10 minutes).** Fold the shuffle into the weight.

# %% exercise="shufflenet.fold" tags=["define"] slideshow={"slide_type": "-"}
# exercise: shufflenet.fold
def fold_shuffle(weight, groups):
    """Return the weight of a dense layer with the shuffle before it folded in.

    weight: (c_out, c, kh, kw), of a convolution that reads
    channel_shuffle(x, groups). Returns a weight of the same shape that
    gives the same output from x itself. Do not loop over images.
    """
    ### BEGIN SOLUTION
    return shuffle(weight, weight.shape[1] // groups)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("shufflenet.fold")

# %% [markdown] slideshow={"slide_type": "subslide"}
# A dense 1x1 after a shuffle, and one with the shuffle folded into it:

# %% tags=["nbval-check-output"]
folded = use("shufflenet.fold")
dense, features = torch.randn(60, 240, 1, 1), torch.randn(1, 240, 28, 28)
ready = folded(dense, 3)  # once, when the network is loaded


def two_steps(x):
    return F.conv2d(shuffle(x, 3), dense)


def one_step(x):
    return F.conv2d(x, ready)


gap = (two_steps(features) - one_step(features)).abs().max().item()
print("the same numbers:", gap < 1e-3)

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
before = measure.cost(two_steps, features)
after = measure.cost(one_step, features)
print(f"shuffle, then 1x1: {before.bytes:,} bytes, {before.macs:,} MACs")
print(f"folded 1x1:        {after.bytes:,} bytes, {after.macs:,} MACs")
print(f"{before.bytes / after.bytes:.1f} times fewer bytes")

# %% [markdown] slideshow={"slide_type": "skip"}
# Fewer bytes, and nothing else changes. With a *grouped* layer after the
# shuffle the trick fails: $W P$ has as few entries as $W$, but they no longer
# form blocks, and something has to look up where they are (lesson 02, Further
# A). ShuffleNet has grouped layers on both sides, and pays for the copy:
# unless it is written as in Further E.

# %% slideshow={"slide_type": "skip"}
grouped = GroupedConv2d(12, 12, 1, groups=3)
scattered = probe(nn.Sequential(Shuffle(3), grouped))
show.draw.channel_matrix(scattered, title="a shuffle, then 3 groups")

# %% question="shufflenet.bytes" slideshow={"slide_type": "skip"}
# question: shufflenet.bytes
### BEGIN SOLUTION
answer = 2 * 4 * 60 * 14 * 14
### END SOLUTION
ask("shufflenet.bytes", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. Why this permutation? Why only one?
#
# The lecture asks: could the shuffle be learned? Could it be two, three or log
# C copies instead of one? Add up $k$ permutations of the channels, and a group
# of the next layer reads from up to $k$ times as many groups, still without a
# weight.
#
# **Exercise (8 minutes).** Compute the matrix of that mix.

# %% exercise="shufflenet.mixing_matrix" tags=["define"] slideshow={"slide_type": "-"}
# exercise: shufflenet.mixing_matrix
def mixing_matrix(orders):
    """Return the matrix that adds up k permutations of c channels.

    orders: (k, c), each row an index: permutation r puts channel
    orders[r, i] at place i. If several do the same, each of them counts.
    Returns (c, c) floats: the sum of the k permutation matrices, divided by
    the square root of k, so that independent channels keep their variance.
    """
    ### BEGIN SOLUTION
    k, c = orders.shape
    matrix = orders.new_zeros(c, c, dtype=torch.float32)
    for order in orders:
        matrix[torch.arange(c), order] += 1
    return matrix / k**0.5
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("shufflenet.mixing_matrix")

# %% slideshow={"slide_type": "subslide"}
mix = use("shufflenet.mixing_matrix")
three = torch.stack([torch.randperm(12) for _ in range(3)])
mixed = torch.as_tensor(mix(three))
show.draw.channel_matrix(mixed, title="three permutations, added up")

# %% [markdown] slideshow={"slide_type": "-"}
# A harder XOR: eight groups of only two channels, two grouped layers, one mix
# between them. We compare seven kinds of mix at the same number of parameters
# (642; 658 for the learned one), five seeds each. One of them is trained here,
# now.

# %% slideshow={"slide_type": "skip"}
def train_one(name, variant, rows, **options):
    """Train one seed now, and draw it over the shipped ones."""
    live = experiments.one(
        name, variant, seed=5, on_epoch=lambda history: None
    )
    own = {variant: live.test_accuracy[-1]}
    return show.draw.seeds(rows, own, **options)


def copies_now():
    rows = experiments.summary(experiments.load("shuffle_copies"))
    options = {"title": "One mix: test accuracy", "chance": 0.5}
    return train_one("shuffle_copies", "2 permutations", rows, **options)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("shufflenet.copies", copies_now)

# %% [markdown] slideshow={"slide_type": "skip"}
# - The shuffle stays at chance with every seed. It must: a group of the second
#   layer reads two channels, and the shuffle brings them from groups 0 and 1,
#   2 and 3, ... Groups 0 and 2 would meet only one layer later. A permutation
#   mixes no more than the width of a group allows.
# - One random permutation is a lottery: the two groups meet, or they do not.
# - Two are enough here, and four, the logarithm of 16, work as well. So the
#   lecturer's copies help exactly when the groups are too narrow for one
#   shuffle, and each copy costs an addition.
# - The mix can be learned, and is as good. It takes 256 of its 658 weights,
#   and more multiply-adds than all the rest.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. The shuffle in other networks
#
# The lecture says that the shuffle can be put into ResNet, ResNeXt and SE-Net,
# and that it helps. We take blocks of all three, with every convolution in
# groups. Between the first 1x1 and the 3x3 we put nothing, the shuffle, a
# random permutation, or a learned mix in a narrower network. Five seeds each,
# on two tasks.
#
# First, a guess about one of them.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def kind(name, block):
    """Return the four rows of one block."""
    rows = experiments.summary(experiments.load(name))
    return [row for row in rows if row["variant"].startswith(block + ",")]


def gate_now():
    options = {"title": "SE blocks on the XOR", "chance": 0.5}
    rows = kind("shuffle_blocks", "SE")
    return train_one("shuffle_blocks", "SE, identity", rows, **options)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("shufflenet.gate", gate_now)

# %% [markdown] slideshow={"slide_type": "skip"}
# The gate of a channel is computed from all channels: two dense layers read
# the pooled image. So it connects the groups, with or without a shuffle. Live,
# its matrix is full, as in lesson 04.

# %% [markdown] slideshow={"slide_type": "subslide"}
# The three blocks on the XOR of two groups.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Play.** Choose the block and the task: the XOR, or digits.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
tasks = {"XOR of two groups": "shuffle_blocks"}
tasks["digits"] = "shuffle_blocks_digits"


def block_picture(block, task):
    title = f"{block} blocks, all layers in groups: test accuracy"
    chance = 0.5 if task == "shuffle_blocks" else None
    return show.draw.seeds(kind(task, block), title=title, chance=chance)


# %% slideshow={"slide_type": "-"} tags=["hide-input"] jupyter={"source_hidden": true}
blocks = kit.Stops(["ResNet", "ResNeXt", "SE"], "ResNet", "block")
either = kit.Choice(tasks, "shuffle_blocks", "task")
kit.Explorer(block_picture, block=blocks, task=either)

# %% slideshow={"slide_type": "skip"}
for name in ("shuffle_blocks", "shuffle_blocks_digits"):
    record = experiments.load(name)
    print("XOR" if name == "shuffle_blocks" else "digits")
    for block in ("ResNet", "ResNeXt", "SE"):
        pair = (f"{block}, shuffle", f"{block}, identity")
        found = experiments.gap(record, *pair)
        verdict = "visible" if found["visible"] else "not visible"
        numbers = f"{found['gap']:+.1%}, seeds differ by {found['spread']:.1%}"
        print(f"  {block:8} shuffle minus nothing {numbers}: {verdict}")

# %% [markdown] slideshow={"slide_type": "skip"}
# If the answer needs two groups, the shuffle decides it, in ResNet's block as
# in ResNeXt's. In the SE block there is nothing left for it to do. On the
# digits a dense first layer mixes all groups before the blocks begin, and no
# gap is larger than the difference between seeds of one network: our
# experiment says nothing there, for or against. The paper saw 1.9 to 5.2
# points on ImageNet, in much deeper networks (table 3).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. ShuffleNet V2, weight for weight
#
# The second paper aims for speed rather than few multiply-adds, and drops the
# grouped 1x1 layers. Half of the channels stay as they are; the layers work on
# the other half. Then the shuffle deals both out, so that each half of the
# next unit's input has channels of both.
#
# - Stride 1: the first half is kept; `branch2` reads the second half.
# - Stride 2: `branch1` and `branch2` both read everything.
# - Then both are joined, the kept half or `branch1` first, and shuffled in 2
#   groups.

# %% [markdown] slideshow={"slide_type": "skip"}
# `branch2`, an `nn.Sequential`: 1x1, batch norm, ReLU, depthwise 3x3 (the
# stride, padding 1), batch norm, 1x1, batch norm, ReLU. `branch1` at stride 2:
# depthwise 3x3 at `in_channels` (the stride, padding 1), batch norm, 1x1,
# batch norm, ReLU; at stride 1 an empty `nn.Sequential()`. Every branch
# returns `out_channels // 2` channels. No biases.
#
# **Exercise (15 minutes).** Build the unit. The names are torchvision's, so
# that its weights fit.

# %% exercise="shufflenet.unit_v2" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: shufflenet.unit_v2
class ShuffleUnitV2(nn.Module):
    """The unit of ShuffleNet V2 (Ma 2018, figures 3c and 3d).

    (n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)
    Names: branch1 and branch2, each an nn.Sequential.
    """

    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        ### BEGIN SOLUTION
        half, self.stride = out_channels // 2, stride
        given = half if stride == 1 else in_channels
        self.branch2 = nn.Sequential(
            *(GroupedConv2d(given, half, 1), nn.BatchNorm2d(half), nn.ReLU()),
            GroupedConv2d(half, half, 3, stride, 1, groups=half),
            nn.BatchNorm2d(half),
            *(GroupedConv2d(half, half, 1), nn.BatchNorm2d(half), nn.ReLU()),
        )
        self.branch1 = nn.Sequential()
        if stride == 2:
            self.branch1 = nn.Sequential(
                GroupedConv2d(given, given, 3, stride, 1, groups=given),
                *(nn.BatchNorm2d(given), GroupedConv2d(given, half, 1)),
                *(nn.BatchNorm2d(half), nn.ReLU()),
            )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        kept, worked_on = x.chunk(2, dim=1) if self.stride == 1 else (x, x)
        joined = [self.branch1(kept), self.branch2(worked_on)]
        return shuffle(torch.cat(joined, dim=1), 2)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("shufflenet.unit_v2")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The network built from these units, with torchvision's weights loaded. Do
# both return the same?

# %%
import torchvision

from convzoo import nets

UnitV2 = use("shufflenet.unit_v2")
theirs = torchvision.models.shufflenet_v2_x0_5().double().eval()
widths = (24, 48, 96, 192, 1024)
own_v2 = shufflenets.ShuffleNetV2(UnitV2, stages_out_channels=widths)
own_v2 = own_v2.double().eval()
nets.load_torchvision(own_v2, theirs.state_dict())
small = torch.randn(1, 3, 64, 64, dtype=torch.float64)
with torch.no_grad():
    gap = (own_v2(small) - theirs(small)).abs().max()
    scale = theirs(small).abs().max()
print("largest difference, relative:", f"{gap / scale:.1e}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# All four widths of the paper's table 5: counted here, and as printed there.

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
v2_widths = {
    0.5: (widths, 41), 1: ((24, 116, 232, 464, 1024), 146),
    1.5: ((24, 176, 352, 704, 1024), 299),
    2: ((24, 244, 488, 976, 2048), 591),
}
for times_wide, (channels_v2, millions) in v2_widths.items():
    with torch.device("meta"):
        net = shufflenets.ShuffleNetV2(UnitV2, (4, 8, 4), channels_v2)
    own = measure.cost(net.eval(), photo)
    counts = f"{own.params:,} parameters, {own.macs:,} MACs"
    print(f"{times_wide:3}x: {counts}, printed {millions}M")

# %% [markdown] slideshow={"slide_type": "skip"}
# The counts are 0.7 to 1.4% below the printed ones. The weights fit by name,
# and the outputs agree: the shuffle is the paper's, and torchvision's.


# %% [markdown] slideshow={"slide_type": "slide"}
# # Further E. One kernel
#
# Before a grouped layer the shuffle cannot move into the weights (Further A).
# But the layer can read each channel where it is *before* the shuffle. Then
# nothing has to be copied. That takes a *kernel* of its own, which here means
# code that a GPU runs in one launch. This one is written in Triton, Python
# that is compiled for a GPU. Many programs run it at the same time. Each has
# one group of one image and a block of pixels.

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
KERNEL = "convzoo.ideas.shufflenet.kernel"
show.source(f"{KERNEL}._shuffled_1x1")

# %% [markdown] slideshow={"slide_type": "skip"}
# How to read it:
#
# - `x`, `weight` and `y` are addresses. A number added to them says which
#   element is meant.
# - `block` is the group's block of the block-diagonal matrix: `rows` outputs,
#   `columns` inputs. The numbers outside of the blocks are zeros, and are
#   stored nowhere.
# - `after` are the places that the block reads after the shuffle. `before` is
#   the shuffle in one line: where the channels for these places are. It is the
#   table of section 2, and `shuffle` is its number of rows: `after % shuffle`
#   is the row, `after // shuffle` the column.
# - `tl.dot` multiplies the block by what was read, for all pixels at once.

# %% [markdown] slideshow={"slide_type": "skip"}
# We take the shuffle and the last 1x1 of the unit of section 7: 60 channels
# in, 240 out, 3 groups. (In the unit, the depthwise 3x3 comes between the two.
# "To think about" 3 asks why the shuffle may just as well come after it.)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def lesson_way(x, weight, groups, tables):
    return GroupedConv2d.convolve(shuffle(x, tables), weight, groups, 1, 0)


def torch_way(x, weight, groups, tables):
    moved = torch.channel_shuffle(x, tables)
    return F.conv2d(moved, weight, groups=groups)


def image_and_weight(place):
    images = torch.randn(64, 60, 28, 28, device=place)
    return images, torch.randn(240, 20, 1, 1, device=place), 3, 3


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def shuffle_kernel():
    name = f"{KERNEL}.shuffled_conv1x1"
    ways = {"this lesson's": lesson_way, "torch's": torch_way}
    return measure.kernel_report(name, ways, image_and_weight, device)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
in_one = shuffle_kernel()

def times_the_kernels_bytes():
    return round(in_one.framework[0].bytes / in_one.kernel.bytes, 2)

predict(
    "shufflenet.kernel",
    lambda: show.draw.kernel_report(in_one),
    measured=times_the_kernels_bytes,
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Torch reads the 60 channels, writes them in the new order, reads them again,
# and writes 240. The kernel leaves out the two steps in the middle, and one
# launch. So the copy does not belong to the idea, only to how a framework
# splits the work. The matrix is the same: $W P$, a block-diagonal matrix whose
# columns are in another order.
