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
# # 01 ResNet: the identity, and what is learned on top
#
# Almost every large network today, language models included, uses the trick of
# this lesson. More layers should never hurt: they could pass the image on. Yet
# **plain** networks, one layer after another, get worse with depth. ResNet
# adds the input of every few layers to their output, and does not get worse.
#
# **You will be able to** read a residual layer as a matrix; build ResNet's
# block; show that deep plain nets fail at *training*.
#
# **Time:** 60 minutes for the core. **Builds on:** lesson 00, some PyTorch.
#
# **The lecture's claim:** a plain layer is parametrised around $f(x) = 0$, a
# residual one around $f(x) = x$: the first step of a Taylor-like expansion.
# Adding a layer should add functions, not replace them.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% slideshow={"slide_type": "skip"} tags=["define"]
import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import data, nets, predict, show, use

# %% slideshow={"slide_type": "skip"} student="name"
# student: the name you hand in under; it draws the numbers of your questions
device = begin("01_resnet", student="")


# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Three 12 x 12 matrices. Left, a plain layer: every cell is coloured.
# Middle, a residual layer: the same cells, and a strong diagonal. Right, a
# residual layer whose branch has scale zero: only the
# diagonal.](../figures/01_residual.svg)
#
# A row is an output channel, a column an input channel, a cell the weight
# between the two. Left: a 1x1 convolution. Middle: the same, with its input
# added. Right: the convolution times zero, so only the diagonal is left.

# %% [markdown] slideshow={"slide_type": "subslide"}
# A residual layer has a *branch*, which learns, and a *shortcut*, which passes
# the input on. The output of the branch is multiplied by a scale.

# %% slideshow={"slide_type": "-"} tags=["define"]
class Residual(nn.Module):
    """y = x + scale * branch(x)."""

    def __init__(self, branch, scale=1.0):
        super().__init__()
        self.branch, self.scale = branch, scale

    def forward(self, x):
        return x + self.scale * self.branch(x)


# %% [markdown] slideshow={"slide_type": "subslide"}
# In the matrix of such a layer, the branch fills all cells, and the shortcut
# adds one to each cell on the diagonal.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell, change `scale` to 0, 0.1 or 3, and run it again.
# Point at a cell of the picture to read its weight and its term in the sum.

# %% slideshow={"slide_type": "-"}
scale = 1.0
layer = Residual(nn.Conv2d(12, 12, 1, bias=False), scale)
matrix = measure.channel_matrix(layer, torch.randn(1, 12, 5, 5))
show.draw.channel_matrix(matrix, title=f"x + {scale} * branch(x)")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. Where a layer starts: at zero or at the identity
#
# What does a layer do that has learned nothing? Set all its weights to zero.
# (Every layer starts with small weights. In training, weight decay makes each
# a little smaller at every step, which pulls the layer back towards zero.)

# %% tags=["nbval-check-output"]
blank = nn.Conv2d(12, 12, 1, bias=False)
nn.init.zeros_(blank.weight)
image = torch.randn(1, 12, 5, 5)  # n c h w
off = (Residual(blank)(image) - image).abs().max()
print("largest output of the plain layer: ", blank(image).abs().max().item())
print("largest change by the residual one:", off.item())


# %% [markdown] slideshow={"slide_type": "subslide"}
# Two residual layers in a row, with matrices $W_1$, then $W_2$, and scale $s$:
#
# $$y = (I + s W_2)(I + s W_1)\, x = x + s (W_1 + W_2)\, x + s^2 W_2 W_1\, x$$
#
# The first term is the input itself. The next has gone through one branch, the
# last through two: an expansion by the number of branches on a path.
#
# **Exercise (8 minutes).** Compute the matrix of a whole stack.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("resnet.residual_stack")` in
# a new cell.

# %% exercise="resnet.residual_stack" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: resnet.residual_stack
def residual_stack(weights, scale):
    """Return the matrix of a stack, input to output: y = M x at each pixel.

    weights: (layers, c, c), first layer first. Each layer turns its input
    x into x + scale * W x. Returns M: (c, c), rows are outputs, in the dtype
    of `weights`.
    """
    # your code here
    raise NotAttempted("resnet.residual_stack")


# %% slideshow={"slide_type": "skip"}
check("resnet.residual_stack")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now the matrix of six layers in two ways: as a product, by `residual_stack`,
# and probed by gradients from the layers themselves.

# %% tags=["nbval-check-output"]
stack_of = use("resnet.residual_stack")
six = [nn.Conv2d(12, 12, 1, bias=False) for _ in range(6)]
whole = nn.Sequential(*[Residual(conv, 0.3) for conv in six])
probed = measure.channel_matrix(whole, torch.zeros(1, 12, 1, 1))

W = torch.stack([conv.weight[:, :, 0, 0] for conv in six]).double().detach()
gap = (stack_of(W, 0.3) - probed).abs().max().item()
print("the same numbers:", gap < 1e-9)

# %% [markdown] slideshow={"slide_type": "subslide"}
# How much of the stack is the first step, $I + s \sum_i W_i$? The rest goes
# through at least two branches, so it should shrink like $s^2$:

# %%
for s in (0.3, 0.03, 0.003):
    first_step = torch.eye(12, dtype=W.dtype) + s * W.sum(0)
    rest = (stack_of(W, s) - first_step).norm() / (s * W.sum(0)).norm()
    print(f"scale {s}: the rest is {rest:.4f} of s * sum(W)")

# %% [markdown] slideshow={"slide_type": "skip"}
# At a scale ten times smaller, the rest is about ten times smaller compared
# with $s \sum_i W_i$, so in itself it is a hundred times smaller. That is what
# makes it Taylor-like: it is an expansion in the branches, not in $x$.

# %% [markdown] slideshow={"slide_type": "skip"}
# What does a *plain* stack, $W_L \cdots W_2 W_1$, do to twelve directions? A
# direction counts as lost if it comes out with less than a hundredth of the
# strength of the strongest one (a singular value below 1% of the largest). The
# next cells only draw; open them if you are curious.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
dice = torch.Generator().manual_seed(1)
drawn = torch.randn(32, 12, 12, generator=dice, dtype=torch.float64)
drawn = drawn / 12**0.5  # keeps the length of a vector, on average


def plain_stack(layers):
    """W_layers ... W_2 W_1."""
    product = torch.eye(12, dtype=torch.float64)
    for w in drawn[:layers]:
        product = w @ product
    return product


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def directions(matrix):
    """Return how many come out with over 1% of the strongest one."""
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


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
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
# Move both sliders from end to end. In the plain stack the rows become alike:
# soon every output is the same combination of the inputs, only larger or
# smaller. In the residual stack the diagonal survives while the scale is
# small; at scale 1 the stack loses directions almost as fast. These are random
# matrices without ReLU, batch norm or learning: a picture of the start, not
# yet of a network.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The basic block
#
# ResNet's basic block has two 3x3 convolutions with padding 1 and no bias.
# Each is followed by a batch norm: it subtracts each channel's mean, divides
# by its standard deviation, then scales and shifts by two learned numbers. A
# ReLU comes after the first batch norm, and one after the addition. The first
# 3x3 has the stride. `planes` is torchvision's word for the channels inside
# the block, here also those that leave it.
#
# If the output's shape differs from the input's, the shortcut *projects*: a
# 1x1 convolution with the block's stride and without bias, then a batch norm.
#
# **Exercise (15 minutes).** Build it from `nn.Conv2d` and `nn.BatchNorm2d`.
# Keep the names: the weights are compared by name.

# %% exercise="resnet.basic_block" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: resnet.basic_block
class BasicBlock(nn.Module):
    """ResNet's two-layer block (He 2015, figure 2): 3x3, 3x3, add.

    (n, in_channels, h, w) -> (n, planes, h / stride, w / stride)
    Names: conv1 bn1 conv2 bn2, and downsample: nn.Sequential(1x1, batch
    norm) if input and output differ in shape, else None.
    """

    expansion = 1  # output channels for each of the planes

    def __init__(self, in_channels, planes, stride=1):
        super().__init__()
        # your code here
        raise NotAttempted("resnet.basic_block")

    def forward(self, x):
        # your code here
        raise NotAttempted("resnet.basic_block")


# %% slideshow={"slide_type": "skip"}
check("resnet.basic_block")

# %% question="resnet.relu_place" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnet.relu_place
answer = ...  # your answer in place of the dots
ask("resnet.relu_place", answer)

# %% question="resnet.shortcut_weights" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnet.shortcut_weights
answer = ...  # your answer in place of the dots
ask("resnet.shortcut_weights", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. Deeper plain nets get worse
#
# The plain net has the same layers, without the addition. Both nets are a
# first 3x3, three stages of n blocks and a linear layer: $6n + 2$ layers with
# weights (He 2015, section 4.2). All blocks of a stage have the same width and
# image size.

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
    """Return a net for 8 x 8 digits: stages of 8, 16 and 32 channels."""
    blocks = [(depth - 2) // 6] * 3
    widths = {"in_channels": 1, "widths": [8, 16, 32], "stem": "small"}
    return nets.ResNet(block, blocks, 10, **widths)


for depth in (20, 56):
    for block in (Plain, Block):
        size = sum(p.numel() for p in digits_net(block, depth).parameters())
        print(f"{depth} layers, {block.__name__:10}: {size:,} parameters")

# %% [markdown] slideshow={"slide_type": "-"}
# The shortcuts add only the two projections: 736 parameters, at either depth.
# The networks of the next picture do without even those (Further A), so plain
# and residual have exactly the same number of parameters.
#
# The results come with the course: eight networks, five seeds each, trained
# for six epochs on the 1,437 training digits.

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["lecture"]
from convzoo import experiments
from convzoo.show import palette

record = experiments.load("resnet_depth")
colours = dict(zip(("residual", "plain"), reversed(palette.ALTERNATIVES)))


def accuracies(variant, what):
    """Return percentages: a row for each seed, a column for each epoch."""
    runs = [r for r in record["results"] if r["variant"] == variant]
    return 100 * torch.tensor([run[f"{what}_accuracy"] for run in runs])


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["lecture"]
def band(name, x, values, colour, dashed=False):
    """Return a line through the seeds' mean, with a band over all of them."""
    low, high = values.amin(0).tolist(), values.amax(0).tolist()
    middle = values.mean(0).tolist()
    return show.draw.Line(name, x, middle, low, high, colour, dashed)


epochs = range(1, record["settings"]["epochs"] + 1)
axes = {"y_label": "accuracy, %", "y_limits": (0, 102), "size": (860, 420)}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
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


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_depth():
    stops = show.widgets.Stops([8, 20, 32, 56], 56, "depth")
    return show.widgets.Explorer(depth_picture, depth=stops)

def deep_training():
    return round(accuracies("plain 56", "train")[:, -1].mean().item(), 1)

predict("resnet.depth", explore_depth, measured=deep_training)

# %% [markdown] slideshow={"slide_type": "subslide"}
# All depths in one picture: the accuracy after six epochs.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
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
# A network that overfits does well on the images it was trained on, and badly
# on others. The plain net of 56 layers does badly on both, by far more than
# its seeds differ: its training failed. (At 32 layers each seed is worse than
# any at 20, though not by more than they differ among themselves.) Yet it
# could do whatever the shallow one does: its extra layers only have to pass
# the image on. It does not find that solution. Would more time help, or
# smaller steps? Five seeds of each:

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
# Longer training helps, but does not fix it: even the best seed is far from
# what 20 layers reach in a third of the epochs. The paper saw the same on
# CIFAR-10: 56 plain layers had the higher *training* error (He 2015, figure
# 1).

# %% question="resnet.overfit" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnet.overfit
answer = ...  # your answer in place of the dots
ask("resnet.overfit", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Train one now:** 32 plain layers, with a new seed.

# %% [markdown] slideshow={"slide_type": "skip"}
# It takes 5 to 15 seconds. Try `Block` instead, or another of the four depths.

# %% slideshow={"slide_type": "-"}
from convzoo.train import train

own_kind, own_depth = Plain, 32
images = data.load("digits").normalised()
torch.manual_seed(5)
own = digits_net(own_kind, own_depth).to(device)
history = train(own, images, seed=5, **record["settings"])


# %% [markdown] slideshow={"slide_type": "subslide"}
# The new net, drawn over the five seeds from before. One seed says little: at
# 32 layers, plain nets differ from seed to seed far more than residual ones.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def over_the_seeds(done, name, depth, kinds=("residual", "plain")):
    """Draw the training accuracy of one run over that of the seeds."""
    bands = []
    for k in kinds:
        before = accuracies(f"{k} {depth}", "train")
        bands.append(band(f"{k}, 5 seeds", epochs, before, colours[k]))
    percent = [100 * a for a in done.train_accuracy]
    bands.append(show.draw.Line(name, epochs, percent, colour=palette.WEIGHT))
    title = f"{depth} layers: accuracy on the training images"
    x_axis = {"x_label": "epoch", "x_ticks": epochs}
    return show.draw.curves(bands, title=title, **x_axis, **axes)


over_the_seeds(history, "trained now", own_depth)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. Does the gradient vanish?
#
# A vanishing gradient is the reason most often given. So we measure it before
# the first step: the norm of the loss's gradient at the output of each block.

# %%
def block_gradients(network, x, y):
    """Return the gradient's norm at each block's output, first to last."""
    kept = []

    def keep(module, inputs, output):  # torch calls it after each block
        output.retain_grad()
        kept.append(output)

    for stage in network.stages:
        for block in getattr(network, stage):
            block.register_forward_hook(keep)
    F.cross_entropy(network(x), y).backward()
    return [output.grad.norm().item() for output in kept]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
batch = images.train_x[:64], images.train_y[:64]
fresh = {
    "plain, 56 layers": (Plain, 56),
    "residual, 56": (Block, 56),
    "plain, 20": (Plain, 20),
}


def gradients_of(name, seed):
    """Return the norm at each block, before the first step."""
    torch.manual_seed(seed)
    return block_gradients(digits_net(*fresh[name]), *batch)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
norms = {name: gradients_of(name, seed=0) for name in fresh}


def growth(found):
    """Return the gradient at the first block over that at the last."""
    return found[0] / found[-1]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def gradient_picture():
    inks = (colours["plain"], colours["residual"], palette.NEUTRAL)
    lines = [
        show.draw.Line(name, range(1, len(n) + 1), n, colour=colour)
        for (name, n), colour in zip(norms.items(), inks)
    ]
    labels = {"x_label": "block, counted from the image", "y_label": "norm"}
    title = "The gradient at each block, before the first step"
    return show.draw.curves(
        lines, title=title, log_y=True, size=(860, 420), **labels
    )


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict(
    "resnet.gradient", gradient_picture,
    measured=lambda: round(growth(norms["plain, 56 layers"])),
)

# %% slideshow={"slide_type": "skip"}
for name in fresh:
    grown = [growth(gradients_of(name, seed)) for seed in range(5)]
    span = f"{min(grown):5.0f} to {max(grown):5.0f}"
    print(f"{name:17}: {span} times from last to first block, five seeds")


# %% [markdown] slideshow={"slide_type": "skip"}
# It does not vanish. With batch norm the gradient *grows* from block to block
# on its way back: in the plain net of 56 layers to more than a thousand times
# its size. In the residual net of 56 it grows to tens of times its size,
# closer to the plain net of 20. He 2015 (section 4.1) rules out vanishing
# gradients in its plain nets, because they have batch norm. Yang 2019
# (1902.08129) derives the growth from batch norm.
#
# Is the growth *the* reason why the deep net trains badly? This measurement
# cannot say. If steps too large for the first blocks were the only problem,
# smaller steps should have helped. The seeds of section 3 say otherwise.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. Start at the identity
#
# The branch ends with a batch norm, and a batch norm has a scale for each
# channel: `bn2.weight`. Start it at zero, and each block *is* the identity.
# But what is zero stays zero, some say. Does it?
#
# **Exercise (10 minutes).** Work by hand, without autograd. `upstream` is the
# loss's gradient with respect to y. Find those for the scale, the branch, x.

# %% exercise="resnet.scale_gradients" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: resnet.scale_gradients
def scale_gradients(branch, scale, upstream):
    """Return the gradients of y = x + scale * branch, a scale per channel.

    branch: (n, c, h, w), the branch's output; scale: (c,);
    upstream: (n, c, h, w), the gradient of the loss with respect to y.
    Returns three gradients: for scale (c,), for branch and for x (n, c, h, w).
    """
    # your code here
    raise NotAttempted("resnet.scale_gradients")


# %% slideshow={"slide_type": "skip"}
check("resnet.scale_gradients")

# %% question="resnet.zero_scale" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnet.zero_scale
answer = ...  # your answer in place of the dots
ask("resnet.zero_scale", answer)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Now a network of 20 layers: set every block's last scale to zero, then take
# three steps of plain gradient descent.

# %%
def zero_start(network):
    """Set every block's last scale to zero."""
    for stage in network.stages:
        for block in getattr(network, stage):
            nn.init.zeros_(block.bn2.weight)
    return network


def reached(network):
    """Return how many scales, and how many 3x3 layers, get a gradient."""
    blocks = [b for s in network.stages for b in getattr(network, s)]
    convs = [c.weight for b in blocks for c in (b.conv1, b.conv2)]
    scales = [b.bn2.weight for b in blocks]
    some = lambda weights: sum(bool(w.grad.any()) for w in weights)
    return some(scales), some(convs)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def three_steps():
    """Return (step, loss, scales reached, 3x3 layers reached), three rows."""
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


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def steps_table():
    header = ("step", "loss", "of 9 scales", "of 18 3x3 layers")
    caption = "How many get a gradient that is not zero"
    return show.draw.table(three_steps(), header, caption)


predict("resnet.zero_start", steps_table, measured=lambda: three_steps()[0][3])

# %% [markdown] slideshow={"slide_type": "skip"}
# In the first step the zeros block the gradient's way to the 3x3 layers, but
# not to the scales. So the scales move, and from the second step on everything
# learns.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Play.** One block with twelve channels: its matrix, probed at a positive
# image, and the gradients that arrive in it. All channels have the same scale.
# A white row is a channel that the last ReLU has set to zero.

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
torch.manual_seed(3)
one_block = Block(12, 12)
positive = torch.rand(4, 12, 5, 5) + 0.2
arriving = torch.randn(4, 12, 5, 5)


def arrivals(scale):
    """Return the norm of the gradient at four places of the block."""
    nn.init.constant_(one_block.bn2.weight, scale)
    one_block.zero_grad()
    x = positive.clone().requires_grad_()
    one_block.train()(x).backward(arriving)
    weights = one_block.bn2, one_block.conv2, one_block.conv1
    found = [x.grad, *(layer.weight.grad for layer in weights)]
    return [g.norm().item() for g in found]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
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


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
steps = [0.0, 0.05, 0.1, 0.2, 0.5, 1.0, 1.5, 2.0]
slider = show.widgets.Stops(steps, 0.0, "scale")
show.display(show.widgets.Explorer(scale_picture, scale=slider))

# %% [markdown] slideshow={"slide_type": "skip"}
# So you can put a new block into any network, and at first it changes nothing:
# the new network can do all that the old one could, and more. Is this true of
# a plain block?

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
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
# And it still learns: 20 layers of your blocks, with all scales at zero at the
# start. This takes 5 to 15 seconds.

# %% slideshow={"slide_type": "skip"}
torch.manual_seed(5)
from_zero = zero_start(digits_net(Block, 20)).to(device)
quiet = train(from_zero, images, seed=5, **record["settings"])

# %% slideshow={"slide_type": "skip"}
over_the_seeds(quiet, "scale from 0, now", 20, ["residual"])

# %% [markdown] slideshow={"slide_type": "skip"}
# It learns, but on these digits later than with the usual start, that of the
# nets of section 3 (their shortcut is that of Further A). Zero is a safe
# start, not a fast one. (Goyal 2017 uses it to train ResNet-50 with very large
# batches.)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The real ResNet
#
# ResNet-34 is such a stack: a 7x7 convolution and a pool, then stages of 3, 4,
# 6 and 3 blocks. Plain-34 is the same without the addition. We count both on a
# photo of 224 x 224 pixels:

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
photo = torch.randn(1, 3, 224, 224, device="meta")  # counted, not computed
with torch.device("meta"):
    resnet = measure.cost(nets.ResNet(Block, [3, 4, 6, 3]), photo)
    plain = measure.cost(nets.ResNet(Plain, [3, 4, 6, 3]), photo)
for name, own in (("plain-34", plain), ("ResNet-34", resnet)):
    print(f"{name:9}: {own.params:,} parameters, {own.macs:,} MACs")
print(f"the shortcuts add {resnet.params / plain.params - 1:.1%} parameters")

# %% [markdown] slideshow={"slide_type": "skip"}
# Is it the paper's network? We build ResNet-18 from the block above and
# compare it with torchvision's: the same weights by name, the same image.

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
print("built from", f"{Block.__module__}.{Block.__name__}")


# %% [markdown] slideshow={"slide_type": "skip"}
# `__main__` in the last line is this notebook: the network is yours. If it
# says `convzoo.ideas.resnet.framework`, the framework's block ran, because
# yours has not passed yet.

# %% [markdown] slideshow={"slide_type": "slide"} tags=["lecture"]
# ## What held, and what did not
#
# - **Held.** With zero weights a plain layer is $f(x) = 0$, a residual one
#   $f(x) = x$. With its last scale at zero, a block is the identity.
# - **Held.** A scale of zero gets a gradient at once, and the layers before it
#   get one from the second step on.

# %% [markdown] slideshow={"slide_type": "skip"}
# - **Held.** A network with one more block, its scale at zero, returns exactly
#   the same outputs. A net that starts with all scales at zero learns, but on
#   the digits not faster.

# %% [markdown] slideshow={"slide_type": "-"} tags=["lecture"]
# - **Held.** On the digits 56 plain layers *train* worse than 20, by more than
#   twice what their seeds differ. Residual ones do not, at equal parameters.
# - **Held, with a caveat.** A residual stack is an expansion in the scale of
#   its branches: small branches leave a small rest. Taylor's is in $x$.
# - **Did not hold.** "The gradient vanishes in deep plain nets": with batch
#   norm it grows on its way back.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. The last ReLU is also on the shortcut's path. What can no block ever do to
#    a channel because of it? (He 2016, 1603.05027, moves it into the branch.)
# 2. In section 4, replace the batch norms by `nn.Identity()`. Which way does
#    the gradient go now, and how does that depend on the initial weights?
# 3. With every scale at zero, how deep is the net of 20 layers at first?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says: "A
# plain net of 56 layers is worse than one of 20 because it has so many
# parameters that it overfits; ResNet fixes that." In three or four sentences:
# what does the experiment say about that?

# %% [markdown] free="resnet.explain" slideshow={"slide_type": "skip"}
# *Your answer here.*

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
# When the shape changes, the paper's small nets do not project. They keep
# every second pixel and fill new channels with zeros (He 2015, section 4.2,
# option A). So plain and residual nets have the same number of parameters.
#
# **Exercise (8 minutes).** Keep pixel 0 and every `stride`-th one after it, in
# height and width. The channels of zeros come after those of `x`.

# %% exercise="resnet.pad_shortcut" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: resnet.pad_shortcut
def pad_shortcut(x, out_channels, stride):
    """Return x thinned out, with channels of zeros after its own.

    x: (n, c, h, w), with c at most out_channels.
    Returns (n, out_channels, h', w'), h' = (h - 1) // stride + 1. Use
    no convolution.
    """
    # your code here
    raise NotAttempted("resnet.pad_shortcut")


# %% slideshow={"slide_type": "skip"}
check("resnet.pad_shortcut")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Its matrix is the identity, with rows of zeros below it for the branch to
# fill.

# %% slideshow={"slide_type": "-"}
padded = use("resnet.pad_shortcut")
grid = torch.rand(1, 8, 4, 4)
matrix = measure.channel_matrix(lambda x: padded(x, 12, 2), grid)
show.draw.channel_matrix(matrix, title="8 channels to 12, no weights")

# %% [markdown] slideshow={"slide_type": "subslide"}
# The networks in the pictures of section 3 have this shortcut:

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
for depth in (20, 56):
    plain, added = (
        record["variants"][f"{kind} {depth}"]["params"]
        for kind in ("plain", "residual")
    )
    print(f"{depth} layers: {plain:,} plain, {added:,} residual")


# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. The bottleneck, and where its stride is
#
# From ResNet-50 on, a block is a 1x1 to `planes` channels, a 3x3 there and a
# 1x1 to 4 * `planes`, each without bias and with a batch norm after it. A ReLU
# follows the first two norms and the addition. The shortcut is as before.
#
# Where is the stride? In the paper, in the first 1x1. In torchvision and most
# code since ("v1.5"), in the 3x3. The projection has it in both.
#
# **Exercise (15 minutes).** Build both layouts; `stride_in_1x1` says which.

# %% exercise="resnet.bottleneck" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: resnet.bottleneck
class Bottleneck(nn.Module):
    """ResNet's three-layer block (He 2015, figure 5): 1x1, 3x3, 1x1, add.

    (n, in_channels, h, w) -> (n, 4 * planes, h / stride, w / stride)
    stride_in_1x1: whether conv1 has the stride, as in the paper, or conv2.
    Names: conv1 bn1 conv2 bn2 conv3 bn3, and downsample as in BasicBlock.
    """

    expansion = 4

    def __init__(self, in_channels, planes, stride=1, stride_in_1x1=False):
        super().__init__()
        # your code here
        raise NotAttempted("resnet.bottleneck")

    def forward(self, x):
        # your code here
        raise NotAttempted("resnet.bottleneck")


# %% slideshow={"slide_type": "skip"}
check("resnet.bottleneck")

# %% question="resnet.seen_pixels" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: resnet.seen_pixels
answer = ...  # your answer in place of the dots
ask("resnet.seen_pixels", answer)

# %% [markdown] slideshow={"slide_type": "skip"}
# We count ResNet-50 in both layouts. The next cells only count and draw.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
Deep = use("resnet.bottleneck")
LAYOUTS = {"the paper's": True, "v1.5": False}


def fifty(in_1x1, **settings):
    layers = [3, 4, 6, 3]
    return nets.ResNet(Deep, layers, stride_in_1x1=in_1x1, **settings)


with torch.device("meta"):
    costs = {n: measure.cost(fifty(v), photo) for n, v in LAYOUTS.items()}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def layouts_table():
    rows = [(n, f"{c.params:,}", f"{c.macs:,}") for n, c in costs.items()]
    header = ("layout", "parameters", "multiply-adds")
    return show.draw.table(rows, header, "ResNet-50 at 224 x 224")


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def saving():
    share = costs["the paper's"].macs / costs["v1.5"].macs
    return round(100 * (1 - share), 2)


predict("resnet.stride", layouts_table, measured=saving)


# %% [markdown] slideshow={"slide_type": "skip"}
# The paper prints 3.8 billion for ResNet-50 (table 1). That is its own layout;
# if you read 4.1 billion elsewhere, the other layout was counted.

# %% [markdown] slideshow={"slide_type": "subslide"}
# What do the extra multiply-adds buy? Below are the pixels of an 8 x 8 image
# that the branch reads in a block with stride 2. The darker a pixel, the more
# it changes the output of the branch.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def read_by_branch(in_1x1):
    """Return how strongly each pixel of an 8 x 8 image changes the branch."""
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
# The parameters and their names are the same, so weights of one layout load
# into the other without an error. Do the two give the same answer? (`view` is
# an image of 64 x 64 pixels.)

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
# it is. We do not test which of the two does better on ImageNet. If you have
# the solutions, you can count the paper's layout in a terminal: `python -m
# convzoo count resnet50 --set stride_in_1x1=true`.

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
shapes = {"18": [2, 2, 2, 2], "34": [3, 4, 6, 3]}
shapes |= {"50": [3, 4, 6, 3], "101": [3, 4, 23, 3], "152": [3, 8, 36, 3]}
with torch.device("meta"):
    for name, layers in shapes.items():
        block = Block if name in ("18", "34") else Deep
        own = measure.cost(nets.ResNet(block, layers), photo)
        print(f"ResNet-{name:3}: {own.params:,} parameters, {own.macs:,} MACs")

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. Switch off a trained branch
#
# In section 5 a block begins as the identity. How far from it does training
# lead? We take a trained network, EfficientNet-Lite0 (you build it in lesson
# 06), and multiply the branch of one block by a number from 1 to 0. Its
# shortcut stays. Nothing is trained again.

# %% slideshow={"slide_type": "skip"}
from torchvision.models import ResNet50_Weights

from convzoo import photographs
from convzoo.ideas.resnet import branches
from convzoo.ideas.separable import efficientnet

CLASSES = ResNet50_Weights.DEFAULT.meta["categories"]
lite = efficientnet.pretrained()
photos = photographs.batch()  # 6 3 224 224
adding = branches.with_identity(lite, photos[:1])
print(f"{len(adding)} of {len(lite.blocks)} blocks add their input")


# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells compute (for some seconds) and draw.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def shares_of(network):
    with torch.no_grad():
        return network(photos).softmax(1)  # 6 1000


scales = [1, 0.75, 0.5, 0.25, 0]
intact = shares_of(lite)
weakened = {(name, 1): intact for name in adding}
weakened |= {
    (name, s): shares_of(branches.scaled(lite, [name], s))
    for name in adding for s in scales[1:]
}

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
kept_first = {
    key: int((found.argmax(1) == intact.argmax(1)).sum())
    for key, found in weakened.items()
}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def moved_bars(rows, title, colours):
    bars = [(name.replace("blocks.", "block "), v, f"{v:.0%}")
            for name, v in rows]
    scale = {"limit": 1, "colours": colours, "width": 400}
    return show.draw.bars(bars, title=title, **scale)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def weakened_picture(scale, block, photo):
    place = photographs.NAMES.index(photo)
    title = f"the branch times {scale}"
    look = {"title": title, "width": 440}
    moved = [(n, measure.changed(weakened[n, scale], intact)) for n in adding]
    marked = ["#D55E00" if n == block else "#56B4E9" for n in adding]
    return show.draw.beside(
        show.draw.photograph(photos[place], title=photo, size=220),
        show.draw.guesses(weakened[block, scale][place], CLASSES, **look),
        moved_bars(moved, "Shares that move, 6 photos", marked))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def explore_branch():
    kit = show.widgets
    named = {n.replace("blocks.", "block "): n for n in adding}
    return kit.Explorer(
        weakened_picture,
        scale=kit.Stops(scales, 0, "the branch times"),
        block=kit.Choice(named, adding[0], "block"),
        photo=kit.Choice(photographs.NAMES, "cat", "photo"))


def still_the_same():
    return sum(kept_first[name, 0] for name in adding)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("resnet.branch", explore_branch, measured=still_the_same)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move the branch from 1 to 0: the shares change slowly, and most first guesses
# survive. Even without its branch, a block passes on what it got. The bars on
# the right are the mean over all six photos: how much of the shares has moved
# to other classes. No block is worth much alone.
#
# Now the other seven blocks, which change the size or the number of channels
# and so have no shortcut here. And all nine branches switched off together.

# %% slideshow={"slide_type": "skip"}
block_names = branches.blocks(lite)
silent = {
    n: shares_of(branches.scaled(lite, [n], 0)) for n in block_names}
moved_by = {n: measure.changed(found, intact) for n, found in silent.items()}
together = shares_of(branches.scaled(lite, adding, 0))
kept_together = int((together.argmax(1) == intact.argmax(1)).sum())
one_by_one = [moved_by[n] for n in adding]
print(f"one of nine: {min(one_by_one):.0%} to {max(one_by_one):.0%} move")
print(f"all nine: {measure.changed(together, intact):.0%} of the shares move,",
      f"{kept_together} of 6 keep their first guess")

# %% [markdown] slideshow={"slide_type": "subslide"}
# One branch off, block by block. Orange: without a shortcut.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
halves = [
    moved_bars([(n, moved_by[n]) for n in part],
               "Shares that move, 6 photos",
               ["#56B4E9" if n in adding else "#D55E00" for n in part])
    for part in (block_names[:8], block_names[8:])
]
show.draw.beside(*halves)

# %% [markdown] slideshow={"slide_type": "skip"}
# Without a shortcut the branch is all there is: at zero, nothing of the photo
# gets through, and the answer is lost. With one, the block's input gets
# through. Which of the nine matter most? None by far: each alone moves a
# little, but all nine together most of it. So these blocks are not the
# identity, they are small steps away from it. Veit and others saw the same in
# ResNet in 2016 ([1605.06431](https://arxiv.org/abs/1605.06431)).

# %% [markdown] slideshow={"slide_type": "skip"}
# **Your own ResNet-50 on the cat.** Its trained weights are a download of 98
# MB, so nothing happens until you write `download=True`. They are kept. (These
# networks take colours minus ImageNet's mean, divided by its deviation.)

# %% slideshow={"slide_type": "skip"}
from convzoo import UserError

try:
    own_fifty = nets.pretrained("resnet50", fifty(False), download=False)
    with torch.no_grad():
        said = own_fifty(photographs.standardised(photos)).softmax(1)[0]
    answer_50 = show.draw.guesses(said, CLASSES, title="ResNet-50, the cat")
except UserError as reason:
    answer_50 = show.notice_picture("No weights yet", str(reason))
show.display(answer_50)

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. One kernel for the end of a block
#
# A GPU runs an operation as a *kernel* (not that of a convolution): a small
# program that many workers execute at once, each for its own piece of the
# result. A block ends with three operations: batch norm, addition, ReLU. Each
# reads its input from memory and writes its result back, and computes little
# in between. Here all three are in one kernel, in Triton, a language for GPUs
# inside Python.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
KERNEL = "convzoo.ideas.resnet.kernel"
show.source(f"{KERNEL}._norm_add_relu")


# %% [markdown] slideshow={"slide_type": "subslide"}
# Where is the identity? `x`, `shortcut` and `y` are addresses: `x + 5` is the
# sixth number from there, and `tl.load` reads it. A worker computes some
# pixels of one `plane`, which is one channel of one image.
#
# - `place` is the same for `x`, `shortcut` and `y`. An output reads its own
#   place and no other channel: that is the diagonal at the top of the lesson.
# - `channel` picks one scale and one shift, those of one row. In evaluation
#   these two are all that a batch norm does.
#
# All mixing of channels was done before, by the convolutions of the branch.

# %% [markdown] slideshow={"slide_type": "skip"}
# (The mask `inside` leaves out the places after the last pixel.) In evaluation
# the kernel does what the end of your `forward` does. So we compare the two,
# on 32 images with 64 channels.

# %% slideshow={"slide_type": "skip"}
def end_of_block(where):
    x = torch.randn(32, 64, 56, 56, device=where)
    return x, torch.randn_like(x), Block(64, 64).bn2.to(where).eval()


in_three = {"one by one": lambda x, added, norm: F.relu(norm(x) + added)}

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
fused = measure.kernel_report(
    f"{KERNEL}.norm_add_relu", in_three, end_of_block, device
)


def times_the_bytes():
    return round(fused.framework[0].bytes / fused.kernel.bytes, 2)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict(
    "resnet.kernel", lambda: show.draw.kernel_report(fused),
    measured=times_the_bytes,
)

# %% [markdown] slideshow={"slide_type": "skip"}
# One by one, the image passes through memory seven times: batch norm reads and
# writes it, the addition reads two and writes one, ReLU reads and writes. The
# kernel reads two and writes one. The arithmetic is the same. On a GPU, a
# third chart shows the times, next to that of a copy.
#
# In training it is not so simple: batch norm needs the mean over all images
# before it can normalise the first pixel. And you need not write such a kernel
# by hand: `torch.compile` writes similar ones for you.
