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
# # 06 Separable: a filter for each channel, then a 1x1
#
# How do you run a network on a phone? A 3x3 convolution looks at neighbouring
# pixels and mixes channels at once. MobileNet saves work by doing one after
# the other: a filter for each channel (*depthwise*), then a 1x1 (*pointwise*).
#
# **You will be able to** build a depthwise convolution and MobileNet's block
# from scratch; say what the pair can compute and what it cannot; predict its
# multiply-adds, and know when they do not predict its time.
#
# **Time:** 60 minutes for the core. **Builds on:** groups (lesson 02).
#
# **The lecture's claim:** separable convolutions treat each channel
# separately. They are one end of a scale, with ResNeXt's groups in the middle.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% slideshow={"slide_type": "skip"} tags=["define"]
import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import nets, predict, show, use

# %% slideshow={"slide_type": "skip"} student="name"
# student: the name you hand in under; it draws the numbers of your questions
device = begin("06_separable", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Left: a depthwise 3 x 3 convolution of 12 channels as nine 12 x 12
# matrices, one for each tap; each of them is a diagonal. Right: the 1 x 1
# convolution after it, one full 12 x 12 matrix.](../figures/06_separable.svg)
#
# A row is an output channel, a column is an input channel. A 3x3 kernel has
# nine *taps*, the nine pixels that it reads, so it has nine matrices. Left,
# depthwise: each matrix is a diagonal, so no channel reads another. Right,
# pointwise: one full matrix, at one tap.

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here a layer is *probed* at one tap, the pixel to the right. Gradients show
# how much each output channel changes with each input channel. With one group
# for each channel, the matrix is a diagonal.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell. Then change `tap` to `(-1, 0)`, the pixel above.
# After that, change `groups` to 4 and to 1.

# %%
groups, tap = 12, (0, 1)  # tap: rows down, columns to the right
layer = nn.Conv2d(12, 12, 3, padding=1, groups=groups, bias=False)
x = torch.randn(1, 12, 5, 5)
matrix = measure.channel_matrix(layer, x, tap=tap)
show.draw.channel_matrix(matrix, title=f"groups={groups}, tap {tap}")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. One filter for each channel
#
# The lecture's example has 20 channels. In a dense layer, every output reads
# all 20. ResNeXt has 5 groups of 4. Depthwise has 20 groups of 1: 20 small
# convolutions, each from one channel to one.

# %% tags=["nbval-check-output"]
twenty = torch.randn(1, 20, 14, 14)  # channels
for name, groups in (("dense", 1), ("ResNeXt", 5), ("depthwise", 20)):
    layer = nn.Conv2d(20, 20, 3, padding=1, groups=groups, bias=False)
    cost = measure.cost(layer, twenty)
    print(f"{name:9} {groups:2} groups: {cost.params:5,} weights,", end=" ")
    print(f"{cost.macs:7,} multiply-adds")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here are those 20 convolutions one after the other, and the framework's
# layer, which does all of them in one operation. Each operation that the
# device has to run is a *launch*, and each launch costs some time.

# %% tags=["nbval-check-output"]
depthwise = nn.Conv2d(20, 20, 3, padding=1, groups=20, bias=False)


def one_by_one(image):
    filters = zip(image.split(1, dim=1), depthwise.weight.split(1))
    return torch.cat([F.conv2d(c, w, padding=1) for c, w in filters], dim=1)


gap = (one_by_one(twenty) - depthwise(twenty)).abs().max().item()
print("the same numbers:", gap < 1e-5)
print("launches in a loop:", measure.cost(one_by_one, twenty).launches)
print("launches at once:  ", measure.cost(depthwise, twenty).launches)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Exercise (18 minutes).** Write a depthwise convolution without a loop over
# the channels. `F.unfold(x, (kh, kw))` copies the patch at each position into
# a column. It returns (n, c · kh · kw, positions), the positions row by row.
# In a column, all taps of channel 0 come first, then those of channel 1, and
# so on. Pass `padding=` and `stride=` by name.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and
# `hint("separable.depthwise_conv2d")` in a new cell.

# %% exercise="separable.depthwise_conv2d" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: separable.depthwise_conv2d
def depthwise_conv2d(x, weight, stride=1, padding=0):
    """Return x with each channel convolved by its own filter, none mixed.

    x: (n, c, h, w); weight: (c, 1, kh, kw), filter i for channel i.
    Returns (n, c, h', w') with h' = (h + 2 padding - kh) // stride + 1.
    Do all channels at once, without the framework's groups=.
    """
    # your code here
    raise NotAttempted("separable.depthwise_conv2d")


# %% slideshow={"slide_type": "skip"}
check("separable.depthwise_conv2d")

# %% [markdown] slideshow={"slide_type": "skip"}
# Now a layer around it, so that networks can use it. It runs your function if
# it passed the check, and the framework's if not.

# %% slideshow={"slide_type": "skip"} tags=["define"]
filter_channels = use("separable.depthwise_conv2d")


class DepthwiseConv2d(nn.Module):
    def __init__(self, channels, k, stride=1, padding=0):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, 1, k, k))
        nn.init.kaiming_normal_(self.weight)
        self.stride, self.padding = stride, padding

    def forward(self, x):
        return filter_channels(x, self.weight, self.stride, self.padding)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The 1x1 mixes the channels
#
# The depthwise layer keeps the channels apart, and the 1x1 mixes them. Here
# are the depthwise layer, a 1x1 layer, and the two in a row. Each is probed at
# all taps, and the matrices are added up.

# %% slideshow={"slide_type": "-"}
by_channel = DepthwiseConv2d(12, 3, padding=1)
mixer = nn.Conv2d(12, 12, 1, bias=False)
pair = nn.Sequential(by_channel, mixer)

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
panels = []
for name, part in (("3x3", by_channel), ("1x1", mixer), ("pair", pair)):
    probed = measure.channel_matrix(part, torch.zeros(1, 12, 5, 5))
    panels.append(show.draw.channel_matrix(probed, title=name, size=300))
show.draw.beside(*panels)

# %% question="separable.mixing" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: separable.mixing
answer = ...  # your answer in place of the dots
ask("separable.mixing", answer)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Two linear layers in a row are one linear layer. So there is one dense
# convolution that does the work of both. What is its kernel?
#
# **Exercise (8 minutes).** Compute it. Follow one path through the pair: from
# input channel i, through a tap of its filter and one weight of the 1x1, to
# output channel o.

# %% exercise="separable.dense_kernel" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: separable.dense_kernel
def dense_kernel(depthwise, pointwise):
    """Return the one kernel that does what the two do in a row.

    depthwise: (c_in, 1, kh, kw), applied first.
    pointwise: (c_out, c_in, 1, 1), applied to the result.
    Returns the weight of a dense convolution: (c_out, c_in, kh, kw).
    """
    # your code here
    raise NotAttempted("separable.dense_kernel")


# %% slideshow={"slide_type": "skip"}
check("separable.dense_kernel")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Does this kernel do the work of both? And how does it differ from a random
# one? For one input channel, write a kernel as a matrix: outputs as rows, taps
# as columns.

# %% tags=["nbval-check-output"]
kernel_of = use("separable.dense_kernel")
kernel = kernel_of(by_channel.weight, mixer.weight).detach()
image = torch.randn(1, 12, 14, 14)
gap = (F.conv2d(image, kernel, padding=1) - pair(image)).abs().max()
print("the same numbers:", gap.item() < 1e-5)
for name, weight in (("pair", kernel), ("random", torch.randn(12, 12, 3, 3))):
    of_channel_0 = weight[:, 0].flatten(1)  # outputs, taps
    rank = torch.linalg.matrix_rank(of_channel_0).item()
    print(f"{name:6} kernel: rank {rank} for input channel 0")

# %% [markdown] slideshow={"slide_type": "-"}
# Rank 1: all 12 outputs see an input channel through the same filter, each
# with its own factor. In a dense layer, each output has its own filter. So the
# pair is not a cheaper way to compute the same functions. It can compute fewer
# of them.

# %% question="separable.same_functions" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: separable.same_functions
answer = ...  # your answer in place of the dots
ask("separable.same_functions", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. What the pair saves
#
# Two layers replace one. How many times fewer multiply-adds do they need?

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only count and draw; open them if you are curious. They use
# the depthwise layer from above. The counter separates products of matrices
# (`macs`) from elementwise products (`products`). If you looped over the taps,
# yours are of the second kind. Here both count.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
from dataclasses import replace


def cost_of(layer, x):
    """Return the cost, with multiply-adds of both kinds in `macs`."""
    found = measure.cost(layer, x)
    return replace(found, macs=found.macs + found.products)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def savings(c_out, k):
    """Draw dense and separable, 64 to c_out channels, counted on 28 x 28."""
    with torch.device("meta"):  # counted, not run
        counted, parts = torch.zeros(1, 64, 28, 28), {}
        parts["dense"] = nn.Conv2d(64, c_out, k, padding=k // 2, bias=False)
        parts["depthwise"] = DepthwiseConv2d(64, k, padding=k // 2)
        parts["1x1"] = nn.Conv2d(64, c_out, 1, bias=False)
        macs = {n: cost_of(p, counted).macs for n, p in parts.items()}
    both = (macs["depthwise"] + macs["1x1"]) / macs["dense"]
    formula = 1 / c_out + 1 / k**2
    rows = [(n, m / macs["dense"], show.si(m)) for n, m in macs.items()]
    rows.append(("both", both, f"{both:.4f}: {1 / both:.2f} times fewer"))
    rows.append(("1/c_out + 1/k²", formula, f"{formula:.4f}"))
    title = f"Multiply-adds, {k}x{k}, 64 to {c_out} channels"
    return show.draw.bars(rows, title=title, limit=1.2)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def explore_savings():
    wider = [8, 16, 32, 64, 128, 256, 512, 1024]
    controls = {"c_out": show.widgets.Stops(wider, 128, "c_out")}
    controls["k"] = show.widgets.Stops([1, 3, 5, 7], 3, "kernel")
    return show.widgets.Explorer(savings, **controls)

predict("separable.ratio", explore_savings)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Where does the last bar come from? Take one pixel and kernels of $k \times k$
# taps. The filters need $k^2 c_{in}$ multiply-adds, the 1x1 needs
# $c_{in} c_{out}$, and the dense layer needs $k^2 c_{in} c_{out}$. Divide:
#
# $$\frac{k^2 c_{in} + c_{in} c_{out}}{k^2 c_{in} c_{out}} =
# \frac{1}{c_{out}} + \frac{1}{k^2}$$

# %% [markdown] slideshow={"slide_type": "skip"}
# The formula and the counter agree at every stop. Two things to see:
#
# - A 3x3 never saves more than a factor of 9, however many channels there are.
#   The 1x1 alone costs a ninth of the dense layer.
# - With many channels, nearly all that is left is the 1x1. Counted in
#   multiply-adds, the filters are nearly free.

# %% question="separable.weights" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: separable.weights
answer = ...  # your answer in place of the dots
ask("separable.weights", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. From dense to depthwise, timed
#
# One layer with 128 channels in and out, 3x3, on a 56 x 56 image, and one
# slider: `groups`. At 1 it is dense. At 32 it is the 3x3 of ResNeXt-50's first
# stage. At 128 it is depthwise. The last stop adds the 1x1 after it.
#
# All stops are timed here alternately, in two *layouts*: the image is in
# memory channel by channel (NCHW, torch's usual one), or pixel by pixel
# (channels_last). The layers are the framework's; the last two stops also time
# yours. A CPU uses one thread: other work on the machine disturbs that least.
#
# The *floor* is the least time that a layer can take here. It is the time for
# its bytes at the highest rate at which the device was seen to move bytes, or
# the time for its multiply-adds at the highest rate seen, whichever is longer.
# In the picture of the matrix, a cell is 2 x 2 channels.

# %% slideshow={"slide_type": "skip"}
from functools import cache, partial

from convzoo.device import one_thread
from convzoo.measure import roofline

C, SIDE = 128, 56
batch = 64 if device.type == "cuda" else 1  # a GPU needs more to do
scale = {"1: dense": 1, "2": 2, "4": 4, "8": 8, "16": 16}
scale |= {"32: ResNeXt": 32, "128: depthwise": 128, "separable": 128}
layouts = {"NCHW": torch.contiguous_format}
layouts["channels_last"] = torch.channels_last


# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells time, count and draw; open them if you are curious. The rates
# are measured in a plain copy, in a matrix product, and in these layers
# themselves.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def layer_at(stop):
    """Return the framework's layer at a stop of the slider."""
    spatial = nn.Conv2d(C, C, 3, padding=1, groups=scale[stop], bias=False)
    if stop != "separable":
        return spatial
    return nn.Sequential(spatial, nn.Conv2d(C, C, 1, bias=False))


def yours_at(stop):
    """Return your depthwise layer, alone or with the 1x1, at a last stop."""
    own = DepthwiseConv2d(C, 3, padding=1)
    mixed = nn.Sequential(own, nn.Conv2d(C, C, 1, bias=False))
    return mixed if stop == "separable" else own


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def works_at(stop):
    """Return multiply-adds and least bytes of each layer at a stop."""
    positions = batch * SIDE * SIDE
    works = [roofline.convolution(positions, C, C, 3, scale[stop])]
    if stop == "separable":
        works.append(roofline.convolution(positions, C, C, 1))
    return works


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@cache
@torch.no_grad()
def race():
    """Time every stop in both layouts, and a copy; this runs only once."""
    source = torch.randn(batch, C, SIDE, SIDE, device=device)
    runs = {("copy", ""): lambda: source.clone()}
    for layout, form in layouts.items():
        image_in = source.to(memory_format=form)
        layers = {stop: layer_at(stop) for stop in scale}
        layers |= {f"{s}, yours": yours_at(s) for s in scale if scale[s] == C}
        for name, timed in layers.items():
            timed = timed.to(device, memory_format=form)
            runs[name, layout] = partial(timed, image_in)
    with one_thread():
        return measure.bench(runs, seconds=4)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def seconds_at(stop, layout):
    return race()[stop, layout].minimum


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@cache
def best_rates():
    """Return the highest rates seen in a copy, a product and the race."""
    with one_thread():
        peaks = roofline.peaks(device)
    copied = 2 * 4 * batch * C * SIDE**2 / seconds_at("copy", "")
    moved, multiplied = [peaks.bandwidth, copied], [peaks.rate]
    for (stop, _), t in race().items():
        if stop in scale and t.available:
            works = works_at(stop)
            moved.append(sum(w.bytes for w in works) / t.minimum)
            multiplied.append(sum(w.macs for w in works) / t.minimum)
    return roofline.Peaks(max(moved), max(multiplied))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def floor_at(stop):
    """Return the least seconds that the layers at a stop can take."""
    works = works_at(stop)
    return sum(roofline.floor_seconds(w, best_rates()) for w in works)


def shares_at(stop, layout):
    """Return MACs, bytes, floor and time, as shares of the dense layer's."""
    dense, own = seconds_at("1: dense", layout), seconds_at(stop, layout)
    macs, moved = (
        sum(getattr(w, what) for w in works_at(stop))
        / getattr(works_at("1: dense")[0], what)
        for what in ("macs", "bytes")
    )
    return macs, moved, floor_at(stop) / dense, own / dense


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@cache
def pattern_at(stop):
    """Draw the layer's matrix (yours at the last two stops), coarsened."""
    probed = yours_at(stop) if scale[stop] == C else layer_at(stop)
    matrix = measure.channel_matrix(probed, torch.zeros(1, C, 3, 3))
    coarse = F.avg_pool2d(matrix.abs()[None], 2)[0]
    title = f"{stop}, 2 x 2 channels a cell"
    return show.draw.channel_matrix(coarse, title=title, size=360)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def time_row(name, run, layout):
    """Return a bar: the time of a run as a share of the dense layer's."""
    seconds = seconds_at(run, layout)
    share = seconds / seconds_at("1: dense", layout)
    faster = f"{1 / share:.2g} x as fast"
    return name, share, f"{show.seconds(seconds)}: {faster}"


def longest():
    """Return the end of the bars: the longest time, as a share of dense."""
    return max(1.1, *(
        t.minimum / seconds_at("1: dense", layout)
        for (_, layout), t in race().items() if layout and t.available))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def stop_picture(stop, layout):
    macs, moved, floor, _ = shares_at(stop, layout)
    works = works_at(stop)
    rows = [
        ("multiply-adds", macs, show.si(sum(w.macs for w in works))),
        ("least bytes", moved, show.bytes_(sum(w.bytes for w in works))),
        ("floor", floor, show.seconds(floor_at(stop))),
        time_row("time", stop, layout),
    ]
    if scale[stop] == C:
        rows.append(time_row("time, yours", f"{stop}, yours", layout))
    options = {"limit": longest(), "reference": (1, "dense")}
    title = f"{stop}, {layout}, on {device}"
    right = show.draw.bars(rows, title=title, width=560, **options)
    return show.draw.beside(pattern_at(stop), right)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def walk():
    stops = show.widgets.Stops(list(scale), "128: depthwise", "groups")
    layout = show.widgets.Choice(list(layouts), "NCHW", "layout")
    return show.widgets.Explorer(stop_picture, stop=stops, layout=layout)

def depthwise_speed_up():
    return round(1 / shares_at("128: depthwise", "NCHW")[3], 2)

predict("separable.time", walk, measured=depthwise_speed_up)


# %% [markdown] slideshow={"slide_type": "skip"}
# Move the slider to dense and back. Then change the layout and do the same
# again. The multiply-adds collapse. Does the time?

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def all_stops():
    named = [s for s in scale if s != "separable"]
    x_groups, Line, lines = [scale[s] for s in named], show.draw.Line, []
    for layout in layouts:
        lines.append((layout, [seconds_at(s, layout) for s in named], False))
    lines.append(("floor", [floor_at(s) for s in named], True))
    dense = seconds_at("1: dense", "NCHW")
    lines.append(("dense / groups", [dense / g for g in x_groups], True))
    lines.append(("yours", [seconds_at(f"{named[-1]}, yours", "NCHW")], False))
    return show.draw.curves(
        [Line(name, x_groups[-len(t):], [1e3 * s for s in t], dashed=dashed)
         for name, t, dashed in lines],
        title=f"128 channels, 3x3, on {device}", x_label="groups",
        y_label="ms", log_x=True, log_y=True, x_ticks=x_groups,
    )


# %% [markdown] slideshow={"slide_type": "subslide"}
# All stops at once. *Dense / groups* is the dense layer's time divided by the
# groups. The time would fall like this if only multiply-adds took time.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
all_stops()

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
print(f"128 times fewer multiply-adds than dense; on {device}:")
for layout in layouts:
    dense = seconds_at("1: dense", layout)
    faster = dense / seconds_at("128: depthwise", layout)
    yours = dense / seconds_at("128: depthwise, yours", layout)
    print(f"  {layout}: {faster:.1f} times as fast (yours {yours:.1f})")
lower = floor_at("1: dense") / floor_at("128: depthwise")
print(f"  the floor is {lower:.1f} times lower")
copied, least = seconds_at("copy", ""), floor_at("128: depthwise")
print(f"  a copy of the image takes {show.seconds(copied)},", end=" ")
print(f"the depthwise floor is {show.seconds(least)}")
shaken = sum(not timing.steady for timing in race().values())
print(f"{shaken} of {len(race())} timings were unsteady.")
if shaken > 5:
    print("The machine was busy; on an idle one these times say more.")

# %% [markdown] slideshow={"slide_type": "-"}
# The multiply-adds collapse. Three things can keep the time from following:
#
# - **Bytes.** The image is read and written, however little is multiplied.
#   When the floor stops falling, the bytes set it.
# - **The code that runs.** If the time is far above the floor, the least bytes
#   are not the reason. The code chosen for that number of groups and that
#   layout moves or computes more than it must, or leaves part of the device
#   idle. The other layout shows how much that matters, and so does your layer:
#   unfolding copies each pixel nine times (Further E).
# - **Launches and noise.** A time of some ten microseconds is mostly the call
#   itself. And on a busy machine, the time includes its other work.

# %% question="separable.half_time" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: separable.half_time
answer = ...  # your answer in place of the dots
ask("separable.half_time", answer)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. MobileNet's block
#
# Depthwise 3x3, batch norm, ReLU; 1x1, batch norm, ReLU: that is all (Howard
# 2017, figure 3). The ReLU between the two makes the pair more than the one
# linear layer of section 2.
#
# **Exercise (12 minutes).** Build it. The depthwise layer is
# `DepthwiseConv2d(channels, 3, stride, 1)`, with a padding of 1 and the
# block's stride. It keeps the number of channels. The 1x1 is an `nn.Conv2d`
# without bias, and changes that number. There is no shortcut. Keep the names.

# %% exercise="separable.block" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: separable.block
class DepthwiseSeparable(nn.Module):
    """MobileNetV1's block (Howard 2017, figure 3, right).

    (n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)
    An odd side is rounded up.
    Names: depthwise bn1 pointwise bn2.
    """

    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        # your code here
        raise NotAttempted("separable.block")

    def forward(self, x):
        # your code here
        raise NotAttempted("separable.block")


# %% slideshow={"slide_type": "skip"}
check("separable.block")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The whole network, counted
#
# MobileNetV1 is a stem (a dense 3x3 layer on the photo) and 13 of these blocks
# in a row. Here it is, from table 1 of the paper. `width_mult` makes all
# layers thinner; the channels are rounded to multiples of 8.

# %% slideshow={"slide_type": "-"} tags=["define"]
PLAN = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)]
PLAN += [(512, 1)] * 5 + [(1024, 2), (1024, 1)]  # channels, stride


def divisible(channels):
    """Return the nearest multiple of 8, never more than 10% below."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near if near >= 0.9 * channels else near + 8


# %% slideshow={"slide_type": "subslide"} tags=["define"]
def mobilenet_v1(block, width_mult=1.0, num_classes=1000):
    c = divisible(32 * width_mult)
    stem = nn.Conv2d(3, c, 3, stride=2, padding=1, bias=False)
    layers = [stem, nn.BatchNorm2d(c), nn.ReLU()]
    for planes, stride in PLAN:
        out = divisible(planes * width_mult)
        layers.append(block(c, out, stride))
        c = out
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, *head, nn.Linear(c, num_classes))


# %% [markdown] slideshow={"slide_type": "skip"}
# Next to it is the same network with a dense 3x3 layer in place of each block.
# The last bar of each is the printed top-1 accuracy on ImageNet: the share of
# photos for which the first guess is right.

# %% slideshow={"slide_type": "skip"}
Block = use("separable.block")
printed = {"dense": 71.7, "separable": 70.6}  # %, 1704.04861, table 4


class DenseBlock(nn.Sequential):
    def __init__(self, c_in, c_out, stride):
        conv = nn.Conv2d(c_in, c_out, 3, stride, padding=1, bias=False)
        super().__init__(conv, nn.BatchNorm2d(c_out), nn.ReLU())


def count_v1(block, width_mult=1.0, side=224):
    view = torch.zeros(1, 3, side, side, device="meta")
    return cost_of(mobilenet_v1(block, width_mult).to("meta"), view)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def against_dense():
    dense, own = count_v1(DenseBlock), count_v1(Block)
    rows = []
    for name, found in (("dense", dense), ("separable", own)):
        rows.append((f"{name}: multiply-adds", found.macs / dense.macs,
                     show.si(found.macs)))
        rows.append((f"{name}: parameters", found.params / dense.params,
                     show.si(found.params)))
        rows.append((f"{name}: top-1", printed[name] / 100,
                     f"{printed[name]} %"))
    return show.draw.bars(rows, title="MobileNetV1 at 224 x 224", limit=1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("separable.network", against_dense)

# %% [markdown] slideshow={"slide_type": "skip"}
# 1.1 points of accuracy for 8.5 times fewer multiply-adds: that is the paper's
# trade. The accuracies are quoted, the counts are yours. (Its table 4 prints
# 4866 and 569 million multiply-adds, 29.3 and 4.2 million parameters.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Where do the multiply-adds go now? We count the layers of all 13 blocks:

# %% tags=["nbval-check-output"]
side, c = 112, 32  # after the stem
parts = {"depthwise": 0, "1x1": 0}
for planes, stride in PLAN:
    side //= stride
    parts["depthwise"] += side**2 * 9 * c
    parts["1x1"] += side**2 * c * planes
    c = planes
all_of_it = count_v1(Block)
print(f"MobileNetV1: {all_of_it.params:,} parameters,", end=" ")
print(f"{all_of_it.macs:,} multiply-adds")
for name, macs in parts.items():
    print(f"{name:9}: {macs / all_of_it.macs:.1%} of the multiply-adds")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7. Your layer names what is in a photo
#
# The counts are small. Can such a network see anything? EfficientNet-Lite0 is
# MobileNetV2 with a few 5x5 kernels. Its weights were trained on ImageNet, and
# they are on your disk already. We build it with *your* depthwise layer in all
# sixteen blocks, load the weights by name, and show it six photos.

# %% slideshow={"slide_type": "skip"}
from torchvision.models import ResNet50_Weights

from convzoo import photographs
from convzoo.ideas.separable import efficientnet, framework

CLASSES = ResNet50_Weights.DEFAULT.meta["categories"]  # of the 1000 classes
lite = efficientnet.load_bundled(efficientnet.EfficientNetLite0(
    framework.InvertedResidual, DepthwiseConv2d))  # you build it in Further B
found = cost_of(lite, torch.zeros(1, 3, 224, 224))
print(f"{found.params:,} parameters, {found.macs:,} multiply-adds")

# %% slideshow={"slide_type": "skip"}
shares = {}
for name in photographs.NAMES:
    square = photographs.photograph(name).square()  # 1 3 224 224
    with torch.no_grad():
        shares[name] = lite(square).softmax(1)[0]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def explore_photos():
    def look(photo):
        seen = photographs.photograph(photo)
        picture = show.draw.photograph(
            seen.square(), title=photo, note=seen.credit)
        guesses = show.draw.guesses(
            shares[photo], CLASSES, title="what the network says")
        return show.draw.beside(picture, guesses)
    return show.widgets.Explorer(
        look, photo=show.widgets.Stops(list(shares), "cat", "photo"))


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("separable.photograph", explore_photos,
        measured=lambda: round(100 * shares["cat"].max().item()))


# %% [markdown] slideshow={"slide_type": "skip"}
# The shares of all 1000 classes add up to 100%. ImageNet has no class for an
# astronaut, so the largest share goes to what her photo resembles most: a
# bobsled, with about 20%. That is not "one in five such photos is a bobsled".
# It only says that this class got the highest score, and that no class got a
# high one.
#
# **A photo of yours.** Choose a file with the button. (Or drop a file on
# JupyterLab's list of files: `photographs.photograph("mine.jpg")` reads it.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def name_yours(file):
    if file is None:
        return show.notice_picture("No photo yet", "Choose a JPEG or PNG.")
    yours = photographs.uploaded(*file).square()
    with torch.no_grad():
        said = lite(yours).softmax(1)[0]
    return show.draw.beside(
        show.draw.photograph(yours, title=file[0]),
        show.draw.guesses(said, CLASSES, title="what the network says"))


show.widgets.Explorer(name_yours, file=show.widgets.Upload("your photo"))

# %% [markdown] slideshow={"slide_type": "subslide"}
# What did the depthwise layers learn? Each tile is one 3x3 filter of the
# second block: edges in all directions, and blobs. Random filters look like
# noise.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
learned = lite.blocks[1].depthwise.conv.weight
note = "blue: below zero, orange: above, each scaled to its largest"
show.draw.beside(*[
    show.draw.kernels(w, title=t, columns=12, size=560, note=note)
    for t, w in (("96 filters, trained", learned),
                 ("96 filters, random", torch.randn_like(learned)))])

# %% [markdown] slideshow={"slide_type": "skip"}
# And a 1x1 layer: the matrix of the first block, from 32 channels to 16. In
# the trained one, four columns are empty, up to rounding: no output reads
# these channels.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
mix = lite.blocks[0].project.weight[:, :, 0, 0]
mix = mix * (mix.abs() > 1e-6 * mix.abs().max())  # else: rounding
chance = torch.randn_like(mix) * mix.std()
show.draw.beside(*[
    show.draw.channel_matrix(w, title=t, size=380)
    for t, w in (("trained", mix), ("random", chance))])


# %% [markdown] slideshow={"slide_type": "slide"} tags=["lecture"]
# ## What held, and what did not
#
# - **Held.** Separable convolutions treat each channel separately. ResNeXt's 5
#   groups of 4 and the 20 single channels are two stops on one scale, counted
#   in section 1. (ShuffleNet is ResNeXt's stop plus a permutation: lesson 05.)
# - **Held.** The pair needs $\frac{1}{c_{out}} + \frac{1}{k^2}$ of the dense
#   layer's multiply-adds. But it is not the same layer made cheaper: for each
#   input channel its kernel has rank 1.
# - **Depends.** Fewer multiply-adds do not always mean less time. The lines
#   that section 4 printed say what holds on the device that they name.
# - **Half right.** "MobileNet is a precursor of ResNeXt": the idea is (2014),
#   the paper is not (2017, five months later). Further D has the dates.
# - **Seen.** A network of your layers names a cat and a cup of coffee.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. The 1x1 layers do nearly all of MobileNet's multiply-adds. How could they
#    be made cheaper? (Lesson 05 has one answer.)
# 2. Xception puts the 1x1 first and the depthwise layer after it. Does the
#    argument about rank 1 change?
# 3. Where would you put a depthwise 7x7, and how much more than a 3x3 would it
#    cost?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A colleague
# replaces every 3x3 layer of their network with a separable one. It should run
# eight times as fast on their graphics card. It does not, and it is a little
# less accurate. In three or four sentences: explain both to them.

# %% [markdown] free="separable.explain" slideshow={"slide_type": "skip"}
# *Your answer here.*

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Howard and others: *MobileNets*, 2017,
# [1704.04861](https://arxiv.org/abs/1704.04861). Sandler and others:
# *MobileNetV2: Inverted Residuals and Linear Bottlenecks*, 2018,
# [1801.04381](https://arxiv.org/abs/1801.04381). Chollet: *Xception*, 2016,
# [1610.02357](https://arxiv.org/abs/1610.02357). Sifre: *Rigid-motion
# scattering for image classification*, PhD thesis, 2014.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. Separable layers of higher rank
#
# One filter for each input channel is rank 1. For rank r, give each input
# channel r filters, and mix the r · c_in results by the 1x1. At rank 9, every
# dense 3x3 layer can be written like this, exactly. How good is a small rank,
# and what does it cost?
#
# **Exercise (15 minutes).** For each input channel, the kernels are a matrix
# (c_out, kh · kw). Replace it by the nearest matrix of rank r: compute its
# singular value decomposition, and keep only the r largest singular values.
# `torch.linalg.svd` with `full_matrices=False` takes many matrices at once,
# the last two dimensions of a tensor, and returns U, S and Vh.

# %% exercise="separable.rank" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: separable.rank
def best_separable(weight, rank):
    """Return the nearest kernel that a separable layer of this rank has.

    weight: (c_out, c_in, kh, kw); rank: filters for each input channel, at
    most the smaller of c_out and kh * kw.
    Returns the kernel, of the same shape as weight. Gradients flow through
    it, so change no tensor in place.
    """
    # your code here
    raise NotAttempted("separable.rank")


# %% slideshow={"slide_type": "skip"}
check("separable.rank")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here a small dense network is trained on the digits, for a few seconds. Then
# its three 3x3 layers are replaced by the nearest ones of each rank. Nothing
# is trained again.

# %% slideshow={"slide_type": "-"}
from copy import deepcopy

from convzoo import data, experiments
from convzoo.ideas.separable import experiments as small_nets
from convzoo.train import evaluate, train

WIDTH = 24
digits = data.load("digits").normalised().to(device)
torch.manual_seed(0)
trained = small_nets.network(small_nets.dense, WIDTH).to(device)

# %% slideshow={"slide_type": "subslide"}
with one_thread():  # a small network is as fast on one
    history = train(trained, digits, epochs=5, title="24 channels")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells replace, count and draw; open them if you are curious.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
nearest = use("separable.rank")


def middle(network):
    """Return the 3x3 layers between the stem and the head."""
    return [m for m in network if getattr(m, "in_channels", 1) == WIDTH]


def error_of(weights, rank):
    """Return how far the nearest kernels are, relative to the kernels."""
    off = [(nearest(w, rank) - w).norm() ** 2 for w in weights]
    return (sum(off) / sum(w.norm() ** 2 for w in weights)).sqrt().item()


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@cache
def at_rank(rank):
    """Return cost, errors (trained, random) and accuracy at a rank."""
    network = deepcopy(trained)
    weights = [m.weight.detach().cpu() for m in middle(trained)]
    for old, new in zip(weights, middle(network)):
        new.weight.data = nearest(old, rank).to(device)
    found = evaluate(network, digits.test_x, digits.test_y)[1]
    cost = rank * (9 * WIDTH + WIDTH**2) / (9 * WIDTH**2)
    gen = torch.Generator().manual_seed(0)
    drawn = [torch.randn(w.shape, generator=gen) for w in weights]
    return cost, error_of(weights, rank), error_of(drawn, rank), found


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def rank_picture(rank):
    cost, own, drawn, accuracy = at_rank(rank)
    rows = [
        ("multiply-adds", cost, f"{cost:.2f} of the dense layer's"),
        ("error, trained", own, f"{own:.0%} of the kernel"),
        ("error, random", drawn, f"{drawn:.0%} of the kernel"),
        ("test accuracy", accuracy, f"{accuracy:.1%}"),
    ]
    options = {"limit": 1.3, "reference": (1, "dense")}
    filters = "1 filter" if rank == 1 else f"{rank} filters"
    title = f"Rank {rank}: {filters} for each input channel"
    return show.draw.bars(rows, title=title, **options)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_rank():
    ranks = show.widgets.Stops([1, 2, 3, 4, 6, 7, 8, 9], 1, "rank")
    return show.widgets.Explorer(rank_picture, rank=ranks)

predict(
    "separable.rank",
    explore_rank,
    measured=lambda: round(at_rank(1)[3], 3),
)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def error_against_cost():
    points = [at_rank(r) for r in range(1, 10)]
    costs = [p[0] for p in points]
    return show.draw.curves(
        [show.draw.Line("trained", costs, [p[1] for p in points]),
         show.draw.Line("random", costs, [p[2] for p in points])],
        title="Ranks 1 to 9: the error that is left",
        x_label="multiply-adds / the dense layer's", y_label="error",
        marks=[show.draw.Mark(1.0, "dense")],
    )


# %% [markdown] slideshow={"slide_type": "subslide"}
# All nine ranks, against their cost. To the right of the dotted line, the
# separable form costs more than the dense layer that it replaces.

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
error_against_cost()

# %% [markdown] slideshow={"slide_type": "skip"}
# Three things to see:
#
# - From rank 7 on, the separable form costs more than the dense layer of 24
#   channels that it replaces.
# - Trained kernels are nearer to a small rank than random ones. The distance
#   between your two curves shows by how much: not by much.
# - So no formula makes a trained dense layer separable. (When this was
#   written, rank 1 left between a tenth and a third of the answers right,
#   depending on the seed, and rank 6 left 98%. The batch norms still expect
#   the old numbers, so part of the loss may come from them.) A separable
#   network is *trained* as one. What it loses then is another question:
#   Further C.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. Two MobileNets at any width
#
# MobileNet has two knobs: the width multiplier makes every layer thinner, and
# the resolution makes the photo smaller.

# %% slideshow={"slide_type": "skip"}
import torchvision

from convzoo.ideas.separable.framework import DepthwiseSeparable as FastBlock

at_width = {1.0: 70.6, 0.75: 68.4, 0.5: 63.7, 0.25: 50.6}  # %, table 6
at_side = {224: 70.6, 192: 69.1, 160: 67.2, 128: 64.4}  # %, table 7


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def size_picture(width_mult, side):
    own, full_size = count_v1(Block, width_mult, side), count_v1(Block)
    known = at_width.get(width_mult) if side == 224 else None
    known = at_side.get(side) if width_mult == 1.0 else known
    said = f"{known} %, as printed" if known else "not in tables 6 and 7"
    rows = [
        ("multiply-adds", own.macs / full_size.macs, f"{own.macs:,}"),
        ("parameters", own.params / full_size.params, f"{own.params:,}"),
        ("top-1", (known or 0) / 100, said),
    ]
    title = f"MobileNetV1, width {width_mult}, {side} x {side}"
    options = {"limit": 1, "reference": (1, "full size")}
    return show.draw.bars(rows, title=title, **options)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def explore_size():
    widths = [0.25, 0.35, 0.5, 0.75, 1.0]
    controls = {"width_mult": show.widgets.Stops(widths, 0.5, "width")}
    sides = [96, 128, 160, 192, 224]
    controls["side"] = show.widgets.Stops(sides, 224, "resolution")
    return show.widgets.Explorer(size_picture, **controls)

predict("separable.half_width", explore_size)

# %% [markdown] slideshow={"slide_type": "skip"}
# The cost of the 1x1 layers scales with the square of the width, that of the
# depthwise layers and the stem with the width itself. The number of parameters
# does not depend on the resolution.

# %% question="separable.width" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: separable.width
answer = ...  # your answer in place of the dots
ask("separable.width", answer)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **A curve of accuracy against speed.** The lecture says that there is one.
# Here is MobileNet's part: the printed accuracies against the time that one
# photo takes here. (ShuffleNet's part is in lesson 05.)

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@torch.no_grad()
def accuracy_against_time():
    view = torch.randn(1, 3, 224, 224, device=device)
    runs = {"V2": torchvision.models.mobilenet_v2()}
    for w in at_width:
        runs["V1", w] = mobilenet_v1(FastBlock, w)
        runs["V1, yours", w] = mobilenet_v1(Block, w)
    runs = {n: net.eval().to(device) for n, net in runs.items()}
    with one_thread():
        ms = {n: 1e3 * t.minimum for n, t in measure.bench(runs, view).items()}
    return ms


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def time_picture(ms):
    Line, widths = show.draw.Line, sorted(at_width)
    top1 = [at_width[w] for w in widths]
    lines = [Line(name, [ms[name, w] for w in widths], top1)
             for name in ("V1", "V1, yours")]
    lines.append(Line("V2, width 1", [ms["V2"]], [72.0]))
    title = f"MobileNet on {device}: widths 0.25, 0.5, 0.75, 1"
    names = {"x_label": "ms for one photo", "y_label": "printed top-1, %"}
    return show.draw.curves(lines, title=title, log_x=True, **names)


# %% slideshow={"slide_type": "-"} tags=["hide-input"]
time_picture(accuracy_against_time())


# %% [markdown] slideshow={"slide_type": "skip"}
# *Yours* has the same layers, with your depthwise convolution. If it is
# slower, it is not because of its multiply-adds: Further E shows the reason.
# `python -m convzoo bench --parts layers` times an unfolded layer against the
# framework's.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## MobileNetV2: thin, wide, thin
#
# V2 turns ResNet's bottleneck inside out: the shortcut connects the thin ends.
# In between, a 1x1 *expands* to `expand_ratio` times the channels, and the
# depthwise layer works on those. The last 1x1 *projects* back, with no ReLU
# after it: on so few channels, a ReLU would throw information away.
#
# **Exercise (15 minutes).** Build the block. ReLU6, min(max(x, 0), 6), follows
# the first two batch norms. The stride is in the depthwise layer. The input is
# added if the stride is 1 and the channels stay the same; nothing follows the
# addition. If expand_ratio is 1, `expand` and `bn1` are None.

# %% exercise="separable.inverted_residual" slideshow={"slide_type": "subslide"} tags=["define", "raises-exception"]
# exercise: separable.inverted_residual
class InvertedResidual(nn.Module):
    """MobileNetV2's block (Sandler 2018, table 1).

    (n, in_channels, h, w) -> (n, out_channels, h / stride, w / stride)
    Names: expand bn1 (1x1), depthwise bn2 (3x3), project bn3 (1x1).
    """

    def __init__(self, in_channels, out_channels, stride=1, expand_ratio=6):
        super().__init__()
        # your code here
        raise NotAttempted("separable.inverted_residual")

    def forward(self, x):
        # your code here
        raise NotAttempted("separable.inverted_residual")


# %% slideshow={"slide_type": "skip"}
check("separable.inverted_residual")

# %% [markdown] slideshow={"slide_type": "skip"}
# Section 7 borrowed this block. Now the whole network is made of your layers;
# it must say the same, to rounding.

# %% slideshow={"slide_type": "skip"}
whole = efficientnet.load_bundled(efficientnet.EfficientNetLite0(
    use("separable.inverted_residual"), DepthwiseConv2d))
with torch.no_grad():
    own = whole(photographs.photograph("cat").square()).softmax(1)[0]
print(CLASSES[own.argmax()], f"{own.max():.0%}")
print("largest difference:", f"{(own - shares['cat']).abs().max():.0e}")

# %% slideshow={"slide_type": "skip"} tags=["define"]
STAGES = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)]
STAGES += [(6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]  # table 2
PLAN_V2 = [  # expand_ratio, channels, stride of each block
    (ratio, planes, stride if first else 1)
    for ratio, planes, depth, stride in STAGES
    for first in [True] + [False] * (depth - 1)
]


def conv_bn_relu6(c_in, c_out, k, stride):
    conv = nn.Conv2d(c_in, c_out, k, stride, k // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(c_out), nn.ReLU6())


# %% slideshow={"slide_type": "skip"} tags=["define"]
def mobilenet_v2(block, width_mult=1.0, num_classes=1000):
    c, network = divisible(32 * width_mult), nn.Sequential()
    features = [conv_bn_relu6(3, c, 3, stride=2)]
    for ratio, planes, stride in PLAN_V2:
        out = divisible(planes * width_mult)
        features.append(block(c, out, stride, ratio))
        c = out
    last = divisible(1280 * max(1.0, width_mult))  # the head is never thinned
    features.append(conv_bn_relu6(c, last, 1, stride=1))
    head = [nn.Dropout(0.2), nn.Linear(last, num_classes)]
    network.add_module("features", nn.Sequential(*features))
    network.add_module("pool", nn.AdaptiveAvgPool2d(1))
    network.add_module("flat", nn.Flatten())
    network.add_module("classifier", nn.Sequential(*head))
    return network


# %% [markdown] slideshow={"slide_type": "subslide"}
# **Weight for weight.** torchvision numbers the layers of a block, and we name
# them. Its first block does not expand, so there the numbers begin at the
# depthwise layer.

# %% slideshow={"slide_type": "skip"} tags=["define"]
import re

NAMES = {"0.0": "expand", "0.1": "bn1", "1.0": "depthwise", "1.1": "bn2"}
NAMES |= {"2": "project", "3": "bn3"}
FIRST = {"0.0": "depthwise", "0.1": "bn2", "1": "project", "2": "bn3"}


def our_name(theirs):
    """features.2.conv.0.0.weight -> features.2.expand.weight"""
    found = re.match(r"features\.(\d+)\.conv\.(.+)\.(\w+)$", theirs)
    if not found:
        return theirs  # stem, head and classifier have the same names
    block, place, kind = found.groups()
    names = FIRST if block == "1" else NAMES
    return f"features.{block}.{names[place]}.{kind}"


# %% slideshow={"slide_type": "skip"}
V2Block = use("separable.inverted_residual")

# %% slideshow={"slide_type": "-"}
theirs = torchvision.models.mobilenet_v2().double().eval()
ours = mobilenet_v2(V2Block).double().eval()
nets.load_torchvision(ours, theirs.state_dict(), our_name)
view = torch.randn(1, 3, 32, 32, dtype=torch.float64)
with torch.no_grad():
    expected = theirs(view)
    gap = (ours(view) - expected).abs().max() / expected.abs().max()
print("largest difference, relative:", f"{gap:.1e}")

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
view = torch.zeros(1, 3, 224, 224, device="meta")
for width_mult in (1.0, 0.75, 0.5, 0.35):
    made = mobilenet_v2(V2Block, width_mult).to("meta").eval()
    own = cost_of(made, view)
    print(f"V2 at {width_mult:4}: {own.params:9,} parameters,", end=" ")
    print(f"{own.macs:11,} multiply-adds")

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. Dense against separable, trained
#
# Four networks on the digits, five seeds each: a stem, three layers, a pool.
# Dense and separable with 48 channels; a dense one thinned to 18 channels, so
# that it costs the same as the separable one; and one with 48 channels and no
# 1x1 after its depthwise layers. One seed is trained here, now.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
record = experiments.load("separable_digits")
rows = {row["variant"]: row for row in experiments.summary(record)}


def digits_now():
    told = {"seed": 5, "on_epoch": lambda history: None}  # no curve
    live = experiments.one("separable_digits", "separable", **told)
    own = {"separable": live.test_accuracy[-1]}
    title = "Digits: test accuracy"
    return show.draw.seeds(list(rows.values()), own, title=title)


def points_lost():
    lost = rows["dense"]["mean"] - rows["separable"]["mean"]
    return round(100 * lost, 1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("separable.digits", digits_now, measured=points_lost)

# %% slideshow={"slide_type": "skip"}
for name, row in rows.items():
    print(f"{name:15}: {row['macs']:9,} multiply-adds")
others = ("dense", "dense, as cheap", "depthwise alone")
for other in others:
    found = experiments.gap(record, "separable", other)
    print(f"separable minus {other:15}: {found['gap']:+.1%},", end=" ")
    print(f"seeds differ by {found['spread']:.1%};", end=" ")
    print("visible" if found["visible"] else "no visible gap")


# %% [markdown] slideshow={"slide_type": "skip"}
# What this shows, and what it does not:
#
# - The separable network is about a point worse than the dense one of the same
#   width, with a seventh of the multiply-adds. The seeds differ by more than
#   that, so this point shows nothing.
# - There is no visible gap to the thinner dense network of the same cost,
#   either: on these digits, there is no reason to prefer one. The paper's
#   trade on ImageNet (section 6) is with the dense network of equal width.
# - Without the 1x1 the loss is visible: the channels never meet before the
#   last layer.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. Which paper came first?
#
# The lecture calls MobileNet's separable convolutions a precursor of ResNeXt.
# The dates decide.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input", "lecture"]
def timeline():
    rows = [
        ("2014", "the idea: Sifre's thesis", "separable convolutions"),
        ("7 Oct 2016", "Xception (1610.02357)", "groups = channels, 1x1"),
        ("16 Nov 2016", "ResNeXt (1611.05431)", "groups between 1 and all"),
        ("17 Apr 2017", "MobileNet (1704.04861)", "groups = channels, 1x1"),
    ]
    heads = ("date", "where", "its layer")
    return show.draw.table(rows, heads, "The idea, and the three papers")

predict("separable.first_paper", timeline)

# %% [markdown] slideshow={"slide_type": "skip"}
# That is right about the idea: it is older than ResNeXt, whose authors cite
# Sifre's layer as a special case of grouped convolution, with one channel in
# each group. It is not right about the papers: Xception came forty days before
# ResNeXt, and MobileNet five months after it.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further E. One kernel
#
# Your layer and the framework's do the same multiply-adds. But if yours
# unfolds, it writes each pixel nine times to memory, and reads it again. A
# *kernel* (here: the code that a GPU runs in one launch) can leave that out.
# This one is in Triton, Python that is compiled for a GPU. Many programs run
# it at once, each for some pixels of one channel of one image (`plane`).

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
KERNEL = "convzoo.ideas.separable.kernel"
show.source(f"{KERNEL}._depthwise_3x3")

# %% [markdown] slideshow={"slide_type": "skip"}
# How to read it:
#
# - `x`, `weight` and `y` are addresses. A number added to them says which
#   element is meant: a plane has `height * width` of them, row by row.
# - In the matrix of a tap, a program has one row, its channel. The row has one
#   entry, on the diagonal: `weight + channel * 9 + tap`. So nothing is read
#   from any other channel: `plane` is the same in `tl.load` and `tl.store`.
# - A tap shifts the pixel that is read. Outside of the image (`inside` is
#   false), a zero is read: that is the padding.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
ways = {
    "yours": lambda x, weight: filter_channels(x, weight, padding=1),
    "F.conv2d": lambda x, weight: F.conv2d(x, weight, padding=1, groups=C),
}


def image_and_filters(place):
    images = torch.randn(batch, C, SIDE, SIDE, device=place)
    return images, torch.randn(C, 1, 3, 3, device=place)


@cache
def kernel_report():
    name = f"{KERNEL}.depthwise_conv2d"
    return measure.kernel_report(name, ways, image_and_filters, device)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def times_the_bytes():
    report = kernel_report()
    return round(report.framework[0].bytes / report.kernel.bytes, 1)


predict(
    "separable.kernel_bytes",
    lambda: show.draw.kernel_report(kernel_report()),
    measured=times_the_bytes,
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Each way is counted operation by operation: what it reads and what it writes.
# The kernel moves the image once in and once out. No depthwise layer moves
# less. Is that enough to keep the device busy with multiply-adds?

# %% slideshow={"slide_type": "skip"}
depthwise_work = works_at("128: depthwise")[0]
print(f"depthwise: {depthwise_work.intensity:.1f} multiply-adds a byte")
print(f"dense: {works_at('1: dense')[0].intensity:.0f}")
print(f"{device}, at its best rates: {best_rates().ridge:.1f}")

# %% [markdown] slideshow={"slide_type": "skip"}
# A layer below the last number waits for its bytes, and one above it for its
# multiply-adds. With nine multiply-adds for a number read and a number
# written, depthwise is the lowest of all. Where it is below, its best kernel
# is only as fast as a copy of the image, and even fewer multiply-adds would
# not make it faster.
