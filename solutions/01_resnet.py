# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 01 ResNet: the identity, and what is learned on top
#
# More layers should never hurt: they could hand the image on unchanged. Yet
# plain networks get worse with depth. ResNet adds the input of each block to
# its output, and then they do not.
#
# **You will be able to** read a residual layer as a matrix; build ResNet's
# block; show that deep plain nets fail at *training*.
#
# **Time:** 60 minutes for the core. **Builds on:** lesson 00 (a convolution is
# a matrix), a little PyTorch.
#
# **The lecture's claim:** a plain layer is parametrised around $f(x) = 0$, a
# residual one around $f(x) = x$: the first step of a Taylor-like expansion.
# Adding a layer should add functions, not exchange them.

# %% tags=["define"] slideshow={"slide_type": "skip"}
import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import data, nets, predict, show, use

# %% student="name" slideshow={"slide_type": "skip"}
# student: the name you hand in under; your questions' numbers come from it
device = begin("01_resnet", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Three 12 x 12 matrices. Left, a plain layer: every cell is coloured.
# Middle, a residual layer: the same cells, and a strong diagonal. Right, a
# residual layer whose branch has scale zero: the diagonal
# alone.](../figures/01_residual.svg)
#
# A row is an output channel, a column an input channel, a cell the weight
# between the two. Left: a 1x1 convolution. Middle: its input added to it.
# Right: the convolution times zero, so that the diagonal is all there is.

# %% [markdown] slideshow={"slide_type": "subslide"}
# A residual layer is a *branch*, which learns, and a *shortcut*, which hands
# the input on. What leaves the branch is multiplied by a scale.

# %% tags=["define"] slideshow={"slide_type": "-"}
class Residual(nn.Module):
    """y = x + scale * branch(x)."""

    def __init__(self, branch, scale=1.0):
        super().__init__()
        self.branch, self.scale = branch, scale

    def forward(self, x):
        return x + self.scale * self.branch(x)


# %% [markdown] slideshow={"slide_type": "subslide"}
# The matrix of such a layer: the branch fills all cells, and the shortcut adds
# a one to each on the diagonal.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell, change `scale` to 0, 0.1 or 3, and run it again.
# Point at a cell to read its weight and its term in the sum.

# %% slideshow={"slide_type": "-"}
scale = 1.0
layer = Residual(nn.Conv2d(12, 12, 1, bias=False), scale)
matrix = measure.channel_matrix(layer, torch.randn(1, 12, 5, 5))
show.draw.channel_matrix(matrix, title=f"x + {scale} * branch(x)")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. Around zero, or around the identity
#
# Where does a layer stand that has learned nothing? Set all its weights to
# zero. (Small weights are where every layer starts, and where weight decay
# pulls it.)

# %% tags=["nbval-check-output"]
blank = nn.Conv2d(12, 12, 1, bias=False)
nn.init.zeros_(blank.weight)
image = torch.randn(1, 12, 5, 5)  # n c h w
off = (Residual(blank)(image) - image).abs().max()
print("what a plain layer gives:        ", blank(image).abs().max().item())
print("a residual layer, less its input:", off.item())

# %% [markdown] slideshow={"slide_type": "subslide"}
# Two residual layers in a row, with matrices $W_1$, then $W_2$, and scale $s$:
#
# $$y = (I + s W_2)(I + s W_1)\, x = x + s (W_1 + W_2)\, x + s^2 W_2 W_1\, x$$
#
# The input itself, then what passes one branch, then what passes two: an
# expansion by how many branches a path goes through.
#
# **Exercise (8 minutes).** The matrix of a whole stack.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("resnet.residual_stack")` in
# a new cell.

# %% exercise="resnet.residual_stack" tags=["define"] slideshow={"slide_type": "-"}
# exercise: resnet.residual_stack
def residual_stack(weights, scale):
    """The matrix from a stack's input to its output: y = M x at each pixel.

    weights: (layers, c, c), the first layer first. Each layer takes its own
    input x to x + scale * W x. Returns M: (c, c), rows are outputs, in the
    dtype of `weights`.
    """
    ### BEGIN SOLUTION
    matrix = torch.eye(weights.shape[-1], dtype=weights.dtype)
    for w in weights:
        matrix = matrix + scale * (w @ matrix)
    return matrix
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnet.residual_stack")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Six layers two ways: the product of matrices by `residual_stack`, and the
# matrix probed by gradients from the layers themselves.

# %% tags=["nbval-check-output"]
stack_of = use("resnet.residual_stack")
six = [nn.Conv2d(12, 12, 1, bias=False) for _ in range(6)]
whole = nn.Sequential(*[Residual(conv, 0.3) for conv in six])
probed = measure.channel_matrix(whole, torch.zeros(1, 12, 1, 1))

W = torch.stack([conv.weight[:, :, 0, 0] for conv in six]).double().detach()
gap = (stack_of(W, 0.3) - probed).abs().max().item()
print("the same numbers:", gap < 1e-9)

# %% [markdown] slideshow={"slide_type": "subslide"}
# How much of the stack is the first step, $I + s \sum_i W_i$? What is left
# over passes at least two branches, so it should fall with $s^2$:

# %%
for s in (0.3, 0.03, 0.003):
    first_step = torch.eye(12, dtype=W.dtype) + s * W.sum(0)
    rest = (stack_of(W, s) - first_step).norm() / (s * W.sum(0)).norm()
    print(f"scale {s}: the rest is {rest:.4f} of the first step")

# %% [markdown] slideshow={"slide_type": "skip"}
# Ten times smaller branches, a rest about ten times smaller beside the first
# step, and so a hundred times smaller in itself. That is what makes it
# Taylor-like: it is an expansion in the branches, not in $x$.

# %% [markdown] slideshow={"slide_type": "skip"}
# What does a *plain* stack, $W_L \cdots W_2 W_1$, do with twelve directions? A
# direction counts as lost if it comes out at less than a hundredth of the
# strongest one (a singular value below 1% of the largest). The next cells only
# draw; open them if you are curious.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
dice = torch.Generator().manual_seed(1)
drawn = torch.randn(32, 12, 12, generator=dice, dtype=torch.float64)
drawn = drawn / 12**0.5  # keeps the length of a vector, on average


def plain_stack(layers):
    """W_layers ... W_2 W_1."""
    product = torch.eye(12, dtype=torch.float64)
    for w in drawn[:layers]:
        product = w @ product
    return product


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def directions(matrix):
    """How many come out at more than 1% of the strongest one."""
    strengths = torch.linalg.svdvals(matrix)
    return int((strengths > 0.01 * strengths[0]).sum())


def stacks_picture(layers, scale):
    plain = plain_stack(layers)
    added = stack_of(drawn[:layers], scale)
    names = (f"plain, {layers} layers", f"residual, scale {scale:.1f}")
    panels = [
        show.draw.channel_matrix(m, title=f"{name}: {directions(m)} of 12")
        for name, m in zip(names, (plain, added))
    ]
    return show.draw.beside(*panels)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_stacks():
    kit = show.widgets
    stops = kit.Stops([1, 2, 4, 8, 16, 32], 16, "layers")
    scale = kit.Range(0.0, 1.0, 0.1, 0.2, "scale of the branch")
    return kit.Explorer(stacks_picture, layers=stops, scale=scale)


predict(
    "resnet.directions", explore_stacks,
    measured=lambda: directions(plain_stack(16)),
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move both sliders to their ends. In the plain stack rows grow alike: soon all
# outputs are one combination of the inputs, larger or smaller. In the residual
# one the diagonal survives while the scale is small; at scale 1 it loses
# directions almost as fast. These are random matrices without ReLU, batch norm
# or learning: a picture of the start, not yet of a network.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The block
#
# ResNet's basic block: two 3x3 convolutions with padding 1 and no bias, each
# followed by a batch norm: it takes its mean from each channel, divides it by
# its standard deviation, then scales and shifts it by two learned numbers. A
# ReLU after the first batch norm, and one after the addition. The first 3x3
# has the stride. `planes` is torchvision's word for the channels inside the
# block, here also those that leave it.
#
# Where the output's shape is not the input's, the shortcut *projects*: a 1x1
# convolution with the block's stride and without bias, and a batch norm.
#
# **Exercise (15 minutes).** Build it of `nn.Conv2d` and `nn.BatchNorm2d`. Keep
# the names: the weights are compared by name.

# %% exercise="resnet.basic_block" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: resnet.basic_block
class BasicBlock(nn.Module):
    """ResNet's block of two layers (He 2015, figure 2): 3x3, 3x3, add.

    (n, in_channels, h, w) -> (n, planes, h / stride, w / stride)
    Names: conv1 bn1 conv2 bn2, and downsample: nn.Sequential(1x1, batch
    norm) where the input has another shape than the output, else None.
    """

    expansion = 1  # channels that leave the block, for each of its planes

    def __init__(self, in_channels, planes, stride=1):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(in_channels, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = None
        if stride != 1 or in_channels != planes:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, planes, 1, stride, bias=False),
                nn.BatchNorm2d(planes),
            )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnet.basic_block")

# %% question="resnet.relu_place" slideshow={"slide_type": "skip"}
# question: resnet.relu_place
### BEGIN SOLUTION
answer = 8 - 2
### END SOLUTION
ask("resnet.relu_place", answer)

# %% question="resnet.shortcut_weights" slideshow={"slide_type": "skip"}
# question: resnet.shortcut_weights
### BEGIN SOLUTION
answer = 48 * 96 + 2 * 96
### END SOLUTION
ask("resnet.shortcut_weights", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. Deeper, and worse
#
# The plain net has the same layers, and adds nothing. Both are stacks of
# blocks between a first 3x3 and a linear layer: three stages of n blocks, so
# $6n + 2$ layers with weights (He 2015, section 4.2). A stage is a row of
# blocks of one width and image size.

# %%
Block = use("resnet.basic_block")


class Plain(Block):
    """The same two layers, without the addition."""

    def __init__(self, in_channels, planes, stride=1):
        super().__init__(in_channels, planes, stride)
        self.downsample = None  # no shortcut, so no projection

    def forward(self, x):
        y = self.bn1(self.conv1(x)).relu()
        return self.bn2(self.conv2(y)).relu()


# %% slideshow={"slide_type": "subslide"} tags=["nbval-check-output"]
def digits_net(block, depth):
    """For 8 x 8 digits: stages of 8, 16 and 32 channels."""
    blocks = [(depth - 2) // 6] * 3
    widths = {"in_channels": 1, "widths": [8, 16, 32], "stem": "small"}
    return nets.ResNet(block, blocks, 10, **widths)


for depth in (20, 56):
    for block in (Plain, Block):
        size = sum(p.numel() for p in digits_net(block, depth).parameters())
        print(f"{depth} layers, {block.__name__:10}: {size:,} parameters")

# %% [markdown] slideshow={"slide_type": "-"}
# The two projections are all that the shortcuts add: 736 parameters, at either
# depth. The networks of the next picture do without even those (Further A), so
# that plain and residual have the same number to the digit.
#
# Their seeds are shipped: eight networks, five seeds each, trained for six
# epochs on the 1,437 training digits.

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
from convzoo import experiments
from convzoo.show import palette

record = experiments.load("resnet_depth")
colours = dict(zip(("residual", "plain"), reversed(palette.ALTERNATIVES)))


def accuracies(variant, what):
    """Percent, a row for each seed, a column for each epoch."""
    runs = [r for r in record["results"] if r["variant"] == variant]
    return 100 * torch.tensor([run[f"{what}_accuracy"] for run in runs])


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def band(name, x, values, colour, dashed=False):
    """A line through the seeds' mean, and a band over all of them."""
    low, high = values.amin(0).tolist(), values.amax(0).tolist()
    middle = values.mean(0).tolist()
    return show.draw.Line(name, x, middle, low, high, colour, dashed)


epochs = range(1, record["settings"]["epochs"] + 1)
axes = {"y_label": "accuracy, %", "y_limits": (0, 102), "size": (860, 420)}


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def depth_picture(depth):
    lines = []
    for kind, colour in colours.items():
        for what in ("train", "test"):
            values = accuracies(f"{kind} {depth}", what)
            name, dashed = f"{kind}, {what}", what == "test"
            lines.append(band(name, epochs, values, colour, dashed))
    title = f"{depth} layers: mean and range of five seeds"
    return show.draw.curves(
        lines, title=title, x_label="epoch", x_ticks=epochs, **axes
    )


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_depth():
    stops = show.widgets.Stops([8, 20, 32, 56], 56, "depth")
    return show.widgets.Explorer(depth_picture, depth=stops)


def deep_training():
    return round(accuracies("plain 56", "train")[:, -1].mean().item(), 1)


predict("resnet.depth", explore_depth, measured=deep_training)

# %% [markdown] slideshow={"slide_type": "subslide"}
# All depths in one picture: the accuracy after six epochs.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
depths = (8, 20, 32, 56)
lines = []
for kind, colour in colours.items():
    for what in ("train", "test"):
        last = [accuracies(f"{kind} {d}", what)[:, -1] for d in depths]
        ends = torch.stack(last, 1)
        name, dashed = f"{kind}, {what}", what == "test"
        lines.append(band(name, depths, ends, colour, dashed))
title = "Deeper plain nets are worse on the images they train on"
x_axis = {"x_label": "layers with weights", "x_ticks": depths}
show.draw.curves(lines, title=title, **x_axis, **axes)

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for name in [f"{kind} {d}" for kind in colours for d in (20, 32, 56)]:
    for what in ("train", "test"):
        ends = accuracies(name, what)[:, -1]
        span = f"{ends.min():.1f} to {ends.max():.1f}"
        print(f"{name:11} {what:5}: {ends.mean():.1f}%  ({span})")

# %% [markdown] slideshow={"slide_type": "skip"}
# Whoever overfits is good on the training images and bad on others. The plain
# net of 56 layers is bad on both, by far more than its seeds differ: it was
# not *optimised*. (At 32 each seed is worse than any at 20, if not by more
# than they differ among themselves.) Yet it could do whatever the shallow one
# does, by handing the image on through the rest of its layers. It does not
# find that solution. With patience, or by smaller steps? Five seeds of each:

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
cures = {
    "18 epochs, not 6": "resnet_patience",
    "a fifth of the learning rate": "resnet_small_steps",
}
for cure, file in cures.items():
    runs = experiments.load(file)["results"]
    ends = [100 * run["train_accuracy"][-1] for run in runs]
    span = f"{min(ends):.1f} to {max(ends):.1f}"
    print(f"plain 56 train, {cure:28}: {sum(ends) / 5:.1f}%  ({span})")

# %% [markdown] slideshow={"slide_type": "skip"}
# Time helps, and does not cure: the best of the seeds is far from what 20
# layers reach in a third of it. The paper saw the same on CIFAR-10: 56 plain
# layers had the higher *training* error (He 2015, figure 1).

# %% question="resnet.overfit" slideshow={"slide_type": "skip"}
# question: resnet.overfit
### BEGIN SOLUTION
answer = "d"
### END SOLUTION
ask("resnet.overfit", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Train one now:** 32 plain layers from a seed that is not among the shipped
# ones.

# %% [markdown] slideshow={"slide_type": "skip"}
# It takes 5 to 15 seconds. Try `Block` instead, or another depth of the four.

# %% slideshow={"slide_type": "-"}
from convzoo.train import train

own_kind, own_depth = Plain, 32
images = data.load("digits").normalised()
torch.manual_seed(5)
own = digits_net(own_kind, own_depth).to(device)
history = train(own, images, seed=5, **record["settings"])

# %% [markdown] slideshow={"slide_type": "subslide"}
# The new one, drawn over the five shipped seeds. One seed says little: at 32
# layers plain nets differ from seed to seed far more than residual ones do.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
def over_the_seeds(done, name, depth, kinds=("residual", "plain")):
    """One training's accuracy on its training images, over the seeds'."""
    bands = []
    for k in kinds:
        shipped = accuracies(f"{k} {depth}", "train")
        bands.append(band(f"{k}, shipped", epochs, shipped, colours[k]))
    percent = [100 * a for a in done.train_accuracy]
    bands.append(show.draw.Line(name, epochs, percent, colour=palette.WEIGHT))
    title = f"{depth} layers: accuracy on the training images"
    x_axis = {"x_label": "epoch", "x_ticks": epochs}
    return show.draw.curves(bands, title=title, **x_axis, **axes)


over_the_seeds(history, "trained now", own_depth)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. Does the gradient vanish?
#
# That is the reason most often given. So measure it, before the first step:
# the norm of the loss's gradient at the output of each block.

# %%
def block_gradients(network, x, y):
    """The gradient's norm at each block's output, from first to last."""
    kept = []

    def keep(module, inputs, output):  # torch calls it after each block
        output.retain_grad()
        kept.append(output)

    for stage in network.stages:
        for block in getattr(network, stage):
            block.register_forward_hook(keep)
    F.cross_entropy(network(x), y).backward()
    return [output.grad.norm().item() for output in kept]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
batch = images.train_x[:64], images.train_y[:64]
fresh = {
    "plain, 56 layers": (Plain, 56),
    "residual, 56": (Block, 56),
    "plain, 20": (Plain, 20),
}


def gradients_of(name, seed):
    """From block to block, before the first step."""
    torch.manual_seed(seed)
    return block_gradients(digits_net(*fresh[name]), *batch)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
norms = {name: gradients_of(name, seed=0) for name in fresh}


def growth(found):
    """The gradient at the first block, in that at the last."""
    return found[0] / found[-1]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def gradient_picture():
    inks = (colours["plain"], colours["residual"], palette.NEUTRAL)
    lines = [
        show.draw.Line(name, range(1, len(n) + 1), n, colour=colour)
        for (name, n), colour in zip(norms.items(), inks)
    ]
    labels = {"x_label": "block, from the image on", "y_label": "norm"}
    title = "The gradient at each block, before the first step"
    return show.draw.curves(
        lines, title=title, log_y=True, size=(860, 420), **labels
    )


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict(
    "resnet.gradient", gradient_picture,
    measured=lambda: round(growth(norms["plain, 56 layers"])),
)

# %% slideshow={"slide_type": "skip"}
for name in fresh:
    grown = [growth(gradients_of(name, seed)) for seed in range(5)]
    span = f"{min(grown):5.0f} to {max(grown):5.0f}"
    print(f"{name:17}: {span} times from last to first, in five seeds")


# %% [markdown] slideshow={"slide_type": "skip"}
# It does not vanish. With batch norm it *grows* from block to block on its way
# back, and in the plain net of 56 layers by more than a thousand times. In the
# residual one of 56 it grows tens of times, nearer to the plain one of 20. He
# 2015 (section 4.1) rules out that gradients vanish in its plain nets, as they
# have batch norm. Yang 2019 (1902.08129) derives the growth from batch norm.
#
# Is the growth *the* reason why the deep net trains badly? This measurement
# cannot tell. If steps too large for the first blocks were all, smaller steps
# should have helped, and the seeds of section 3 say otherwise.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. Start at the identity
#
# The last thing in the branch is a batch norm, and a batch norm ends with a
# scale for each channel: `bn2.weight`. Start it at zero, and each block *is*
# the identity. But what is zero stays zero, some say. Does it?
#
# **Exercise (10 minutes).** By hand, without autograd. `upstream` is the
# gradient of the loss for y; find it for the scale, the branch and x.

# %% exercise="resnet.scale_gradients" tags=["define"] slideshow={"slide_type": "-"}
# exercise: resnet.scale_gradients
def scale_gradients(branch, scale, upstream):
    """The gradients at y = x + scale * branch, a scale for each channel.

    branch: (n, c, h, w), what the branch gives; scale: (c,);
    upstream: (n, c, h, w), the gradient of the loss for y.
    Returns three: for scale (c,), for branch and for x (n, c, h, w).
    """
    ### BEGIN SOLUTION
    for_scale = (upstream * branch).sum(dim=(0, 2, 3))
    for_branch = upstream * scale[:, None, None]
    return for_scale, for_branch, upstream
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnet.scale_gradients")

# %% question="resnet.zero_scale" slideshow={"slide_type": "skip"}
# question: resnet.zero_scale
### BEGIN SOLUTION
answer = 5 * 2 + -2 * -3
### END SOLUTION
ask("resnet.zero_scale", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now in a network of 20 layers: every block's last scale at zero, then three
# steps of plain gradient descent.

# %%
def zero_start(network):
    """Every block's last scale to zero."""
    for stage in network.stages:
        for block in getattr(network, stage):
            nn.init.zeros_(block.bn2.weight)
    return network


def reached(network):
    """Of the blocks' 3x3 layers and scales: how many get a gradient."""
    blocks = [b for s in network.stages for b in getattr(network, s)]
    convs = [c.weight for b in blocks for c in (b.conv1, b.conv2)]
    scales = [b.bn2.weight for b in blocks]
    some = lambda weights: sum(bool(w.grad.any()) for w in weights)
    return some(scales), some(convs)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def three_steps():
    """(step, loss, scales reached, 3x3 layers reached) for three steps."""
    torch.manual_seed(0)
    network, rows = zero_start(digits_net(Block, 20)), []
    descent = torch.optim.SGD(network.parameters(), lr=0.05)
    for step in (1, 2, 3):
        loss = F.cross_entropy(network(batch[0]), batch[1])
        descent.zero_grad()
        loss.backward()
        scales, convs = reached(network)
        rows.append((step, f"{loss.item():.3f}", scales, convs))
        descent.step()
    return rows


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def steps_table():
    header = ("step", "loss", "of 9 scales", "of 18 3x3 layers")
    caption = "How many get a gradient that is not zero"
    return show.draw.table(three_steps(), header, caption)


predict("resnet.zero_start", steps_table, measured=lambda: three_steps()[0][3])

# %% [markdown] slideshow={"slide_type": "skip"}
# In the first step the zero stands in the way of the gradient to the layers
# behind it, and to none of the scales: so the scales move, and from the second
# step on everything learns.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Play.** One block with twelve channels: its matrix, probed at a positive
# image, and the gradients that arrive in it, for one scale in all channels. A
# white row is a channel that the last ReLU has closed.

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
torch.manual_seed(3)
one_block = Block(12, 12)
positive = torch.rand(4, 12, 5, 5) + 0.2
arriving = torch.randn(4, 12, 5, 5)


def arrivals(scale):
    """The norm of the gradient at four places of the block."""
    nn.init.constant_(one_block.bn2.weight, scale)
    one_block.zero_grad()
    x = positive.clone().requires_grad_()
    one_block.train()(x).backward(arriving)
    weights = one_block.bn2, one_block.conv2, one_block.conv1
    found = [x.grad, *(layer.weight.grad for layer in weights)]
    return [g.norm().item() for g in found]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
full = arrivals(1.0)


def scale_picture(scale):
    places = ("input", "scale", "second 3x3", "first 3x3")
    rows = [
        (place, now / at_one, f"{now:.2f}")
        for place, now, at_one in zip(places, arrivals(scale), full)
    ]
    matrix = measure.channel_matrix(one_block, positive)
    left = show.draw.channel_matrix(matrix, title=f"scale {scale:g}")
    options = {"limit": 2, "reference": (1, "at scale 1")}
    right = show.draw.bars(rows, title="The gradient that arrives", **options)
    return show.draw.beside(left, right)


# %% slideshow={"slide_type": "-"} tags=["hide-input"]
steps = [0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0]
slider = show.widgets.Stops(steps, 0.0, "scale")
show.display(show.widgets.Explorer(scale_picture, scale=slider))

# %% [markdown] slideshow={"slide_type": "skip"}
# So a new block can be put into any network and change nothing at first: the
# new network can do all that the old one could, and more. Is that so for a
# plain block?

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
torch.manual_seed(0)
network = digits_net(Block, 20).eval()
with torch.no_grad():
    before = network(batch[0])
    for kind in (Block, Plain):
        extra = kind(32, 32).eval()
        nn.init.zeros_(extra.bn2.weight)
        network.layer3.append(extra)
        moved = (network(batch[0]) - before).abs().max().item()
        print(f"one more {kind.__name__}: outputs the same: {moved == 0}")
        del network.layer3[-1]

# %% [markdown] slideshow={"slide_type": "skip"}
# And it learns all the same: 20 layers of your blocks, with all scales at zero
# at the start. 5 to 15 seconds.

# %% slideshow={"slide_type": "skip"}
torch.manual_seed(5)
from_zero = zero_start(digits_net(Block, 20)).to(device)
quiet = train(from_zero, images, seed=5, **record["settings"])

# %% slideshow={"slide_type": "skip"}
over_the_seeds(quiet, "scale from 0, now", 20, ["residual"])

# %% [markdown] slideshow={"slide_type": "skip"}
# It learns, but on these digits later than with the usual start, the shipped
# nets' (whose shortcut is that of Further A): the zero is a safe beginning,
# not a fast one. (Goyal 2017 uses it to train ResNet-50 with very large
# batches.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The real thing
#
# ResNet-34 is such a stack: a 7x7 convolution and a pool, then stages of 3, 4,
# 6 and 3 blocks. Plain-34 is the same without the addition. Counted on a photo
# of 224 x 224 pixels:

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
photo = torch.randn(1, 3, 224, 224, device="meta")  # counted, not computed
with torch.device("meta"):
    resnet = measure.cost(nets.ResNet(Block, [3, 4, 6, 3]), photo)
    plain = measure.cost(nets.ResNet(Plain, [3, 4, 6, 3]), photo)
for name, own in (("plain-34", plain), ("ResNet-34", resnet)):
    print(f"{name:9}: {own.params:,} parameters, {own.macs:,} MACs")
print(f"the shortcuts are {resnet.params / plain.params - 1:.1%} of it")

# %% [markdown] slideshow={"slide_type": "skip"}
# Is it the paper's network? ResNet-18 out of the block above, torchvision's
# beside it: the same weights by name, the same image.

# %% slideshow={"slide_type": "skip"}
import torchvision

theirs = torchvision.models.resnet18().double().eval()
ours = nets.ResNet(Block, [2, 2, 2, 2]).double().eval()
nets.load_torchvision(ours, theirs.state_dict())
view = torch.randn(1, 3, 64, 64, dtype=torch.float64)
with torch.no_grad():
    expected = theirs(view)
    apart = (ours(view) - expected).abs().max() / expected.abs().max()
print(f"largest difference, relative: {apart:.1e}")
print("built of", f"{Block.__module__}.{Block.__name__}")

# %% [markdown] slideshow={"slide_type": "skip"}
# `__main__` in the last line is this notebook: the network is your own. Where
# it says `convzoo.framework`, the framework's block ran, because yours has not
# passed yet.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** A plain layer stands around $f(x) = 0$, a residual one around
#   $f(x) = x$. With its last scale at zero a block is the identity.
# - **Held.** A scale of zero gets a gradient at once, and what stands behind
#   it from the second step on.

# %% [markdown] slideshow={"slide_type": "skip"}
# - **Held.** A network with one more block, its scale at zero, gives the same
#   outputs, to the last digit. Started with all scales at zero a net learns;
#   on the digits, not faster.

# %% [markdown] slideshow={"slide_type": "-"}
# - **Held.** On the digits 56 plain layers *train* worse than 20, by more than
#   twice what their seeds differ; residual ones do not, at equal parameters.
# - **Held, with a caveat.** It is the beginning of an expansion in the scale
#   of the branches: small branches make a small rest. Taylor's is in $x$.
# - **Did not hold.** "The gradient vanishes in deep plain nets": with batch
#   norm it grows on its way back.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. The last ReLU stands on the shortcut's way. What can no block ever do to a
#    channel because of it? (He 2016, 1603.05027, moves it into the branch.)
# 2. In section 4 take the batch norms out (`nn.Identity()` in their places).
#    Which way does the gradient go now, and how does it depend on the weights'
#    start?
# 3. With every scale at zero the 20 layers start as how many?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says: "A
# plain net of 56 layers is worse than one of 20 because it has so many
# parameters that it overfits; ResNet mends that." In three or four sentences:
# what does the experiment say to that?

# %% [markdown] free="resnet.explain" slideshow={"slide_type": "skip"}
# ### BEGIN SOLUTION
# A net that overfits is good on its training images. The deep plain net is as
# bad on them as on the test images: about 33% against 98% of the shallow one.
# So it was not optimised, though it could represent what the shallow one does,
# with identities in its further layers. The residual net has the same number
# of parameters and trains to 100%: what changed is the start and the way of
# the gradient, not the size.
# ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** He, Zhang, Ren, Sun: *Deep Residual Learning for Image
# Recognition*, 2015, [1512.03385](https://arxiv.org/abs/1512.03385). Goyal and
# others: *Accurate, Large Minibatch SGD*, 2017,
# [1706.02677](https://arxiv.org/abs/1706.02677), where the last scale starts
# at zero (section 5.1). Yang and others: *A Mean Field Theory of Batch
# Normalization*, 2019, [1902.08129](https://arxiv.org/abs/1902.08129).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. A shortcut without parameters
#
# Where the shape changes, the paper's small networks do not project: they keep
# every second pixel, and fill the new channels with zeros (He 2015, section
# 4.2, option A). So plain and residual have equally many parameters.
#
# **Exercise (8 minutes).** Keep pixel 0 and every `stride`-th one after it, in
# height and width; channels of zeros come behind those of `x`.

# %% exercise="resnet.pad_shortcut" tags=["define"] slideshow={"slide_type": "-"}
# exercise: resnet.pad_shortcut
def pad_shortcut(x, out_channels, stride):
    """The input, thinned out and with channels of zeros behind its own.

    x: (n, c, h, w), with c at most out_channels.
    Returns (n, out_channels, h', w'), h' = (h - 1) // stride + 1. No
    convolution.
    """
    ### BEGIN SOLUTION
    missing = out_channels - x.shape[1]
    return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, missing))
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnet.pad_shortcut")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Its matrix is the identity, and rows of zeros below it, for the branch to
# fill.

# %% slideshow={"slide_type": "-"}
padded = use("resnet.pad_shortcut")
grid = torch.rand(1, 8, 4, 4)
matrix = measure.channel_matrix(lambda x: padded(x, 12, 2), grid)
show.draw.channel_matrix(matrix, title="8 channels to 12, no weights")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The networks of section 3 had this shortcut:

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
for depth in (20, 56):
    plain, added = (
        record["variants"][f"{kind} {depth}"]["params"]
        for kind in ("plain", "residual")
    )
    print(f"{depth} layers: {plain:,} plain, {added:,} residual")

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. The bottleneck, and where its stride sits
#
# From ResNet-50 on a block has three layers: a 1x1 to `planes` channels, a 3x3
# there, a 1x1 to 4 * `planes`, all without bias. A batch norm after each, a
# ReLU after the first two and after the addition; the shortcut as before.
#
# Where is the stride? In the paper, in the first 1x1. In torchvision and most
# code since ("v1.5"), in the 3x3. The projection has it in both.
#
# **Exercise (15 minutes).** Both layouts, by `stride_in_1x1`.

# %% exercise="resnet.bottleneck" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: resnet.bottleneck
class Bottleneck(nn.Module):
    """ResNet's block of three layers (He 2015, figure 5): 1x1, 3x3, 1x1, add.

    (n, in_channels, h, w) -> (n, 4 * planes, h / stride, w / stride)
    stride_in_1x1: the stride in conv1, as in the paper; else in conv2.
    Names: conv1 bn1 conv2 bn2 conv3 bn3, and downsample as in BasicBlock.
    """

    expansion = 4

    def __init__(self, in_channels, planes, stride=1, stride_in_1x1=False):
        super().__init__()
        ### BEGIN SOLUTION
        first, second = (stride, 1) if stride_in_1x1 else (1, stride)
        out = planes * self.expansion
        self.conv1 = nn.Conv2d(in_channels, planes, 1, first, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, second, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out, 1, bias=False)
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
        shortcut = x if self.downsample is None else self.downsample(x)
        return F.relu(y + shortcut)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("resnet.bottleneck")

# %% question="resnet.seen_pixels" slideshow={"slide_type": "skip"}
# question: resnet.seen_pixels
### BEGIN SOLUTION
answer = 7 * 7
### END SOLUTION
ask("resnet.seen_pixels", answer)

# %% [markdown] slideshow={"slide_type": "skip"}
# ResNet-50 in both layouts, counted. The next cell only counts and draws.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
Deep = use("resnet.bottleneck")
LAYOUTS = {"the paper's": True, "v1.5": False}


def fifty(in_1x1, **settings):
    layers = [3, 4, 6, 3]
    return nets.ResNet(Deep, layers, stride_in_1x1=in_1x1, **settings)


with torch.device("meta"):
    costs = {n: measure.cost(fifty(v), photo) for n, v in LAYOUTS.items()}


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def layouts_table():
    rows = [(n, f"{c.params:,}", f"{c.macs:,}") for n, c in costs.items()]
    header = ("layout", "parameters", "multiply-adds")
    return show.draw.table(rows, header, "ResNet-50 at 224 x 224")


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def saving():
    share = costs["the paper's"].macs / costs["v1.5"].macs
    return round(100 * (1 - share), 2)


predict("resnet.stride", layouts_table, measured=saving)

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper prints 3.8 billion for ResNet-50 (table 1): that is its layout, and
# who counts 4.1 has counted the other.

# %% [markdown] slideshow={"slide_type": "subslide"}
# What is bought for the difference? Below are the pixels of an 8 x 8 image
# that the branch reads in a block with stride 2: the darker one is, the more
# it moves what the branch gives.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
def read_by_branch(in_1x1):
    """How strongly each pixel of an 8 x 8 image moves the branch."""
    torch.manual_seed(0)
    block = Deep(8, 4, stride=2, stride_in_1x1=in_1x1)
    x = torch.rand(1, 8, 8, 8, requires_grad=True)
    y = block.bn3(block.conv3(block.bn2(block.conv2(block.conv1(x)))))
    (y * torch.randn(y.shape)).sum().backward()
    return x.grad[0].abs().sum(0)


panels = [
    show.draw.pixels(read_by_branch(v), title=f"{n} layout", size=340)
    for n, v in LAYOUTS.items()
]
show.display(show.draw.beside(*panels))

# %% [markdown] slideshow={"slide_type": "subslide"}
# Same parameters, same names: so weights of one layout load into the other
# without a complaint. Do they give the same answer? (`view` is an image of
# 64 x 64 pixels.)

# %% slideshow={"slide_type": "-"}
theirs = torchvision.models.resnet50().double().eval()
with torch.no_grad():
    expected = theirs(view)
    for name, in_1x1 in LAYOUTS.items():
        ours = fifty(in_1x1).double().eval()
        nets.load_torchvision(ours, theirs.state_dict())
        apart = (ours(view) - expected).abs().max() / expected.abs().max()
        print(f"{name:11}: differs from torchvision's by {apart:.1e}")

# %% [markdown] slideshow={"slide_type": "skip"}
# So the layout is part of the model, and a file of weights does not say which
# it is. Which of the two does better on ImageNet is not tested here. Where the
# solutions are at hand, a terminal counts the paper's:
# `python -m convzoo count resnet50 --set stride_in_1x1=true`.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
shapes = {"18": [2, 2, 2, 2], "34": [3, 4, 6, 3]}
shapes |= {"50": [3, 4, 6, 3], "101": [3, 4, 23, 3], "152": [3, 8, 36, 3]}
with torch.device("meta"):
    for name, layers in shapes.items():
        block = Block if name in ("18", "34") else Deep
        own = measure.cost(nets.ResNet(block, layers), photo)
        print(f"ResNet-{name:3}: {own.params:,} parameters, {own.macs:,} MACs")
