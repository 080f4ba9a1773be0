# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 00 A convolution is a matrix
#
# Phones that know your face and cars that brake for a child see with networks
# of convolutions. All that a convolution does is multiply the channels of a
# pixel (red, green, blue) by a matrix: a 1x1 convolution once, a 3x3 nine
# times. If you can read that matrix, you can read any network in this course.
#
# **You will be able to** read any convolution as matrices; build one with
# stride, padding and dilation; say what stacked layers return, cost and see.
#
# **Time:** 60 minutes for the core. **Builds on:** matrix products, a little
# PyTorch.
#
# **The lecture's claim:** a 1x1 convolution is one matrix of output by input
# channels, applied at each pixel. Its cost is proportional to their product.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% tags=["define"] slideshow={"slide_type": "skip"}
from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import data, experiments, nets, predict, show, use

# %% student="name" slideshow={"slide_type": "skip"}
# student: the name you hand in under; it draws the numbers of your questions
device = begin("00_convolution", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Left: the one matrix of a 1x1 layer, 6 outputs by 6 inputs. Right: a 3x3
# layer as nine such matrices, one for each pixel that the kernel
# reads.](../figures/00_nine_matrices.svg)
#
# A row is an output channel, a column is an input channel, a cell is the
# weight between them. Left: a 1x1 layer. Right: a 3x3 layer, with one matrix
# for each pixel it reads: the pixel itself ("here") and its eight neighbours.

# %% [markdown] slideshow={"slide_type": "subslide"}
# None of these matrices is drawn by hand. `measure.channel_matrix` **probes**
# a layer: it uses gradients to find how each output depends on each input.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def matrices(layer, x, kernel):
    """Return the matrix of each tap: (pixels down, pixels right) -> matrix."""
    steps = range(-(kernel // 2), kernel // 2 + 1)
    taps = [(dy, dx) for dy in steps for dx in steps]
    return {tap: measure.channel_matrix(layer, x, tap=tap) for tap in taps}


# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run the cell, change `kernel` to 1 or 5, and run it again. Point
# at a cell of the picture to read its weight. (In comments, n, c, h, w are a
# tensor's images, channels, rows and columns.)

# %%
kernel = 3
layer = nn.Conv2d(6, 6, kernel, padding=kernel // 2, bias=False)
image = torch.randn(1, 6, 9, 9)  # n c h w
probed = matrices(layer, image, kernel)
show.draw.taps(probed, title=f"A {kernel}x{kernel} layer")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. A 1x1 convolution is a matrix at each pixel
#
# Take the channels of one pixel as a vector. Multiply it by the matrix, and
# write the result to the same pixel. In code, with a loop, and compared with
# PyTorch, our **framework**:

# %% tags=["nbval-check-output"]
M = torch.randn(6, 8)  # 6 outputs, 8 inputs
x = torch.randn(2, 8, 5, 4)  # n c h w
by_pixel = torch.zeros(2, 6, 5, 4)
for n in range(2):
    for row in range(5):
        for column in range(4):
            by_pixel[n, :, row, column] = M @ x[n, :, row, column]
gap = (by_pixel - F.conv2d(x, M[:, :, None, None])).abs().max().item()
print("same numbers as the framework's:", gap < 1e-5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# 40 pixels need 40 small products in the loop. One large product is faster.
#
# **Exercise (8 minutes).** Write it without a loop. `weight` is a matrix of
# outputs x inputs. With `stride=2` the layer reads only every second row and
# column of pixels, starting with the first: rows 0, 2, 4, ...

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("convolution.conv1x1")` in a
# new cell.

# %% exercise="convolution.conv1x1" tags=["define"] slideshow={"slide_type": "-"}
# exercise: convolution.conv1x1
def conv1x1(x, weight, stride=1):
    """Return a 1x1 convolution of x: the same matrix at every pixel it reads.

    x: (n, c_in, h, w); weight: (c_out, c_in).
    Returns (n, c_out, h', w') with h' = (h - 1) // stride + 1.
    Use no loop, and none of the framework's convolutions.
    """
    ### BEGIN SOLUTION
    read = x[:, :, ::stride, ::stride]
    return torch.einsum("oc,nchw->nohw", weight, read)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("convolution.conv1x1")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Does every output read every input? We probe the layer again.

# %% [markdown] slideshow={"slide_type": "skip"}
# (`use` returns your function if it passed the check, and the framework's if
# not.)

# %%
mix = use("convolution.conv1x1")
matrix = measure.channel_matrix(lambda x: mix(x, M), x)
show.draw.channel_matrix(matrix, title="8 channels in, 6 out")

# %% [markdown] slideshow={"slide_type": "skip"}
# The next cell is a **short question**. Run it to read the question, replace
# the dots with your answer, and run it again.

# %% question="convolution.mixing" slideshow={"slide_type": "skip"}
# question: convolution.mixing
### BEGIN SOLUTION
answer = "a"
### END SOLUTION
ask("convolution.mixing", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **What it costs.** One product of $c_{out} \cdot c_{in}$ multiply-adds (MACs)
# at each of $h \cdot w$ pixels. The counter watches what really runs:

# %% tags=["nbval-check-output"]
cost = measure.cost(mix, torch.randn(1, 8, 14, 14), M)
print("formula:", 14 * 14 * 8 * 6, "  counter:", cost.macs)

# %% question="convolution.parameters" slideshow={"slide_type": "skip"}
# question: convolution.parameters
### BEGIN SOLUTION
answer = 12 * 80
### END SOLUTION
ask("convolution.parameters", answer)

# %% question="convolution.stride" slideshow={"slide_type": "skip"}
# question: convolution.stride
### BEGIN SOLUTION
answer = 5 * 5
### END SOLUTION
ask("convolution.stride", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. A 3x3 convolution is nine matrices
#
# A 3x3 layer reads nine pixels for each output. These are the **taps** of its
# kernel, and each tap has its own matrix: `W[:, :, i, j]` for tap (i, j). A
# border of zeros gives the outermost pixels neighbours, too.

# %%
digits = data.load("digits").normalised()
six = digits.train_x[:6, 0][None]  # six digits as channels
W = torch.randn(6, 6, 3, 3)  # outputs, inputs, rows, columns
padded = F.pad(six, (1, 1, 1, 1))  # zeros: left, right, top, bottom

# %% tags=["nbval-check-output"]
by_tap = torch.zeros(1, 6, 8, 8)
for row in range(8):
    for column in range(8):
        for i in range(3):
            for j in range(3):
                pixel = padded[0, :, row + i, column + j]
                by_tap[0, :, row, column] += W[:, :, i, j] @ pixel
gap = (by_tap - F.conv2d(six, W, padding=1)).abs().max().item()
print("same numbers as the framework's:", gap < 1e-4)

# %% [markdown] slideshow={"slide_type": "-"}
# So a 3x3 layer is the sum of nine 1x1 layers, on nine shifted images.

# %% [markdown] slideshow={"slide_type": "skip"}
# The slider adds them one by one. On the left are the matrices so far, on the
# right the first channel of the sum so far.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
nine = matrices(lambda x: F.conv2d(x, W, padding=1), six, 3)
complete = F.conv2d(six, W, padding=1)


def first_products(count):
    """Return the sum of the first `count` products: `count` of the taps."""
    kept = (torch.arange(9) < count).float().reshape(3, 3)
    return F.conv2d(six, W * kept, padding=1)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def missing(count):
    """Return what is missing as a share of the output (root mean squares)."""
    rest = complete - first_products(count)
    return (rest.square().mean() / complete.square().mean()).sqrt().item()


def products_picture(count):
    title = f"First channel of the sum: {missing(count):.0%} missing"
    name, first = f"{count} of 9 matrices", list(nine)[:count]
    left = show.draw.taps(nine, title=name, shown=first, still=True)
    largest = complete[0, 0].abs().max().item()
    so_far = first_products(count)[0, 0]
    right = show.draw.pixels(so_far, title=title, limit=largest)
    return show.draw.beside(left, right)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_products():
    stops = show.widgets.Stops([1, 2, 3, 5, 7, 8, 9], 8, "products")
    return show.widgets.Explorer(products_picture, count=stops)

predict(
    "convolution.eight_of_nine", explore_products, measured=lambda: missing(8)
)

# %% [markdown] slideshow={"slide_type": "skip"}
# With nine products nothing is missing: the sum *is* the convolution. With
# eight, about a third is missing, not a ninth. The products of random matrices
# are unrelated, so it is their squares that add up, and a ninth of the square
# is a third of the size. This holds on average: your nine matrices were drawn
# once, so your number can be well off 0.33.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. Build a convolution
#
# **Exercise (20 minutes).** Write a convolution without a loop over pixels.
# Three numbers say where the taps read:
#
# - **padding** p: p rows and columns of zeros on each side;
# - **stride** s: the windows start s pixels apart, the first at the top left
#   of the padded image;
# - **dilation** d: neighbouring taps are d pixels apart. In a window that
#   starts at (r, c), tap (i, j) reads (r + i d, c + j d).
#
# So a window is d (kh - 1) + 1 rows high. The output has h' rows: that is how
# many such windows fit into h + 2p rows, s apart.

# %% [markdown] slideshow={"slide_type": "-"}
# There are two ways. Loop over the taps: nine products on nine slices, each of
# h' x w' pixels; your `conv1x1` may help. Or use one product: `F.unfold(x,
# (kh, kw), dilation=d, padding=p, stride=s)` copies everything that an output
# reads into one column, and `@` multiplies.

# %% [markdown] slideshow={"slide_type": "skip"}
# For our image, `F.unfold` returns 6 channels times 9 taps, and 64 positions.
# All nine taps of channel 0 come first, then those of channel 1.

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
shape = tuple(F.unfold(six, 3, padding=1).shape)
print(shape, "  n, channels * taps, positions")

# %% exercise="convolution.conv2d" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: convolution.conv2d
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    """Return the convolution of x with weight, computed by matrix products.

    x: (n, c_in, h, w); weight: (c_out, c_in, kh, kw).
    Returns (n, c_out, h', w') with
    h' = (h + 2 padding - dilation (kh - 1) - 1) // stride + 1.
    Use none of the framework's convolutions, and no loop over pixels.
    """
    ### BEGIN SOLUTION
    h, (kh, kw) = x.shape[2], weight.shape[2:]
    columns = F.unfold(x, (kh, kw), dilation, padding, stride)
    kernels = weight.flatten(1).expand(len(x), -1, -1)  # one for all images
    y = kernels @ columns  # n, c_out, positions
    rows = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    return y.unflatten(2, (rows, -1))
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("convolution.conv2d")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now a layer around it. It holds the weights, and `conv2d` does the work.

# %% [markdown] slideshow={"slide_type": "skip"}
# It uses your function if that passed, and the framework's if not. The line
# below the cell says which.

# %% tags=["define"]
convolve = use("convolution.conv2d")


class Conv2d(nn.Module):
    def __init__(self, c_in, c_out, k, stride=1, padding=0, dilation=1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(c_out, c_in, k, k))
        nn.init.kaiming_normal_(self.weight)
        self.settings = stride, padding, dilation

    def forward(self, x):
        return convolve(x, self.weight, *self.settings)


# %% [markdown] slideshow={"slide_type": "subslide"}
# **What unfolding costs.** Every way needs the same multiply-adds, but the
# copy is not free. Here the `conv2d` above, unfolding and the framework's
# convolution are timed alternately. You see the fastest call and the spread:
# the range of the middle half of the calls, as a share of their median. The
# dashed line is the **floor**: the least time that the multiply-adds and bytes
# take at the highest rates seen here.

# %% slideshow={"slide_type": "-"} tags=["hide-input"] jupyter={"source_hidden": true}
from convzoo.device import describe

print("timed on", describe(device))

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
photo = torch.randn(1, 64, 56, 56, device=device)
weight = torch.randn(64, 64, 3, 3, device=device)
unfolded = F.unfold(photo, 3, padding=1)
ways = {
    "conv2d above": lambda: convolve(photo, weight, padding=1),
    "unfold, product": lambda: (
        weight.flatten(1) @ F.unfold(photo, 3, padding=1)
    ),
    "the framework's": lambda: F.conv2d(photo, weight, padding=1),
}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
from convzoo.measure import roofline

needed = roofline.convolution(56 * 56, 64, 64)  # multiply-adds and bytes


def floor(times):
    """Return the least seconds, at the highest rates that were seen here."""
    works = dict.fromkeys(times, needed)  # the same for all of them
    floors = roofline.floors(works, times, roofline.peaks(device))
    return floors["the framework's"]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
@torch.no_grad()
def race():
    times = measure.bench(ways, seconds=1)
    rows = [("image", 1, f"{photo.numel():,} numbers")]
    ratio = unfolded.numel() / photo.numel()
    rows += [("unfolded", ratio, f"{unfolded.numel():,} numbers")]
    size = show.draw.bars(rows, title="Numbers in memory")
    least = floor(times)
    options = {"reference": (least, f"floor: {show.seconds(least)}")}
    title = f"One call on {device}, minimum"
    speed = show.draw.timings(times, title=title, **options)
    return show.draw.beside(size, speed)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
predict(
    "convolution.unfolded",
    race,
    measured=lambda: unfolded.numel() / photo.numel(),
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Nine outputs read each pixel, so it is copied nine times. Your bars show what
# that does to the time: the copy is written and read again. But the
# framework's code is also tuned in other ways, and this comparison cannot
# separate the two.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. Kernel, stride, padding, dilation
#
# How many outputs read each pixel? Set all weights to 1. Then the gradient of
# the sum of all outputs counts them.

# %% slideshow={"slide_type": "-"}
side = 13  # pixels


def readers(k, stride, padding, dilation):
    """Return each pixel's readers, what the middle output reads, the size."""
    x = torch.zeros(1, 1, side, side, requires_grad=True)
    ones = torch.ones(1, 1, k, k)
    y = convolve(x, ones, stride, padding, dilation)
    counts = torch.autograd.grad(y.sum(), x, retain_graph=True)[0]
    middle = y.shape[-1] // 2
    window = torch.autograd.grad(y[0, 0, middle, middle], x)[0]
    read = [tuple(at) for at in window[0, 0].nonzero().tolist()]
    return counts[0, 0], read, y.shape[-1]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
eight = torch.zeros(1, 8, side, side)
plain = measure.cost(Conv2d(8, 8, 3, padding=1), eight)


def size_bars(k, size, settings):
    own = measure.cost(Conv2d(8, 8, k, *settings), eight)
    rows = [
        ("output", size / side, f"{size} x {size}"),
        ("weights", own.params / plain.params, f"{own.params:,}"),
        ("multiply-adds", own.macs / plain.macs, f"{own.macs:,}"),
    ]
    scale = {"limit": 3, "reference": (1, "3x3, stride 1, padding 1")}
    return show.draw.bars(rows, title="8 channels to 8", **scale)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def size_picture(k, stride, padding, dilation):
    counts, read, size = readers(k, stride, padding, dilation)
    unread = (counts == 0).double().mean().item()
    left = show.draw.pixels(
        counts,
        title=f"Outputs that read a pixel; {unread:.0%} unread",
        outlined=read,
        note="outlined: what the middle output reads",
        limit=k * k,
    )
    right = size_bars(k, size, (stride, padding, dilation))
    return show.draw.beside(left, right)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_sizes():
    stops = show.widgets.Stops
    return show.widgets.Explorer(
        size_picture,
        stride=stops([1, 2, 3, 4], 2, "stride"),
        k=stops([1, 2, 3, 5], 3, "kernel size"),
        padding=stops([0, 1, 2, 3], 2, "padding"),
        dilation=stops([1, 2, 3], 2, "dilation"),
    )


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def unread():
    counts = readers(3, stride=2, padding=2, dilation=2)[0]
    return (counts == 0).double().mean().item()


predict("convolution.unread", explore_sizes, measured=unread)

# %% [markdown] slideshow={"slide_type": "skip"}
# The sliders start at the layer that you were asked about. With stride 2 and
# dilation 2 every window starts on an even row, and every tap is an even
# number of rows further on. No odd row or column is ever read. At stride 1 or
# 3 every pixel is. Then try:
#
# - kernel 1, stride 2, padding 0: 49 of the 169 pixels are read, the others
#   not at all. A stride averages nothing.
# - the same with padding 1: now the 36 pixels in odd rows and columns are
#   read. Padding adds outputs at the border. With a stride, it also decides
#   which pixels are read.
# - a larger dilation: the taps spread out, but each output costs the same.

# %% [markdown] slideshow={"slide_type": "subslide"}
# The multiply-adds in one line, and then what the counter says:
#
# $$h' \cdot w' \cdot k_h \cdot k_w \cdot c_{in} \cdot c_{out}$$

# %% tags=["nbval-check-output"]
strided = Conv2d(8, 16, 5, stride=2, padding=2)
out = strided(eight)
print("output:", tuple(out.shape))
macs = measure.cost(strided, eight).macs
print("formula:", 7 * 7 * 5 * 5 * 8 * 16, "  counter:", macs)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. A stack of layers
#
# An output depends on some pixels of the image. How many there are along one
# axis is its **receptive field**. Without any layer it is 1. Each layer adds
# the distance between its outermost taps, dilation (kernel - 1), but in pixels
# of *its own input*. After layers with strides, neighbours there are several
# image pixels apart.
#
# **Exercise (12 minutes).** Compute two numbers: the output size, by the
# formula of `conv2d` at each layer, and the receptive field. A loop over the
# layers is fine here.

# %% exercise="convolution.stack" tags=["define"] slideshow={"slide_type": "-"}
# exercise: convolution.stack
def stack(size, layers):
    """Return the output size and receptive field of a stack, on one axis.

    size: pixels of the image.
    layers: a list of [kernel, stride, padding, dilation], first layer first.
    Returns the output size and the receptive field, two whole numbers. The
    field is that of an output far from every border.
    """
    ### BEGIN SOLUTION
    field, apart = 1, 1  # apart: pixels of the image between two neighbours
    for kernel, stride, padding, dilation in layers:
        reach = dilation * (kernel - 1)
        size = (size + 2 * padding - reach - 1) // stride + 1
        field += reach * apart
        apart *= stride
    return size, field
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("convolution.stack")

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
told = use("convolution.stack")


def row_of_layers(depth, stride, dilation):
    """Return 3x3 layers: stride in the first, dilation in the others."""
    later = [[3, 1, dilation, dilation]] * (depth - 1)
    return [[3, stride, 1, 1], *later]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def field_picture(depth, stride, dilation):
    layers = row_of_layers(depth, stride, dilation)
    parts = [Conv2d(1, 1, k, s, p, d) for k, s, p, d in layers]
    for part in parts:
        nn.init.ones_(part.weight)
    blank = torch.zeros(1, 1, 41, 41)
    net = nn.Sequential(*parts)
    depends = measure.effective_receptive_field(net, blank)
    across = depends.sum(0).nonzero()
    probed = int(across[-1] - across[0]) + 1
    size, field = told(41, layers)
    title = f"formula {field}, probed {probed} pixels; output {size} x {size}"
    return show.draw.pixels(depends, title=title)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_field():
    stops = show.widgets.Stops
    return show.widgets.Explorer(
        field_picture,
        depth=stops([1, 2, 3, 4, 5], 4, "layers"),
        stride=stops([1, 2], 2, "stride of the first"),
        dilation=stops([1, 2], 1, "dilation of the others, if any"),
    )

predict("convolution.field", explore_field)

# %% [markdown] slideshow={"slide_type": "skip"}
# At dilation 1 a 3x3 layer adds 2 pixels, or 4 after a stride of 2. And the
# field is not read evenly: many paths lead to the pixels in the middle, but
# only one to each corner. Lesson 04 asks how far a network sees.

# %% [markdown] tags=["lecture"] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** A 1x1 convolution is one matrix at each pixel: the numbers are
#   the same, and the counter agrees: $h \cdot w \cdot c_{in} \cdot c_{out}$.
#   The image size does not change its parameters.
# - **Held.** A k x k convolution is the sum of k x k such matrices on shifted
#   images. So it costs k x k times as much as a 1x1 with the same output size.
# - **What the claim leaves out.** Equal multiply-adds are not equal time.
#   Unfolding makes a copy nine times as large as the image, and the bars of
#   section 3 show the times.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. Two 1x1 layers in a row, with nothing between them: which single layer
#    does the same? And with a ReLU between them?
# 2. Which nine matrices leave an image as it is? Which shift it by one pixel?
# 3. A fully connected layer over a whole image is a convolution, too. With
#    which kernel size?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says: "A
# 1x1 convolution is useless, it looks at a single pixel." In three or four
# sentences: what is right about that, and what is missing?

# %% [markdown] free="convolution.explain" slideshow={"slide_type": "skip"}
# ### BEGIN SOLUTION
# It does look at a single pixel, so it finds no edges and no shapes. But it
# looks at all channels of that pixel: every output is a weighted sum of all of
# them, and the weights are learned. So it combines what earlier layers found.
# It can also increase or reduce the number of channels, at a ninth of the cost
# of a 3x3. Many later networks have most of their multiply-adds in such
# layers.
# ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Lin, Chen, Yan: *Network In Network*, 2013,
# [1312.4400](https://arxiv.org/abs/1312.4400), for the 1x1 convolution.
# Szegedy et al.: *Going Deeper with Convolutions*, 2014,
# [1409.4842](https://arxiv.org/abs/1409.4842). Ioffe, Szegedy: *Batch
# Normalization*, 2015, [1502.03167](https://arxiv.org/abs/1502.03167).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. Batch norm
#
# The idea: layers learn more easily when their input keeps its scale. In each
# channel, batch norm subtracts the mean and divides by the root of the
# variance; a small $\varepsilon$ (`eps`) keeps the root above zero. Then come
# a learned scale $\gamma$ (`weight`) and shift $\beta$ (`bias`):
#
# $$y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta$$
#
# The lecture: batch norm **regularises**, so it helps on images outside the
# training set. We build it, look for what could do that, and measure.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **In training** $\mu$ and $\sigma^2$ come from the batch, over images, height
# and width. **In evaluation** they are *running* statistics, kept from
# training: a result must not depend on the other images in the batch.
#
# Two details, as in torch. A running statistic keeps a share of 1 - `momentum`
# and takes a share of `momentum` from the batch (TensorFlow's is the share
# kept). The variance that normalises divides by the count of numbers, the
# running one by the count minus one (unbiased).
#
# **Exercise (20 minutes).** Write batch norm as a function.

# %% exercise="convolution.batch_norm" tags=["define"] slideshow={"slide_type": "-"}
# exercise: convolution.batch_norm
def batch_norm(
    x, weight, bias, running_mean, running_var, training,
    momentum=0.1, eps=1e-5,
):
    """Batch norm (Ioffe and Szegedy 2015) over n, h and w of each channel.

    x: (n, c, h, w); weight, bias, running_mean, running_var: (c,).
    Returns y, and the running mean and variance after the call: in training
    new tensors, detached from the graph; in evaluation those passed in.
    Change nothing in place; use none of the framework's normalisations.
    """
    ### BEGIN SOLUTION
    mean, var = running_mean, running_var
    if training:
        dims, n = (0, 2, 3), x.numel() // x.shape[1]  # n numbers a channel
        mean = x.mean(dims)
        var = (x - mean[:, None, None]).square().mean(dims)
        unbiased = var.detach() * n / (n - 1)
        running_mean = torch.lerp(running_mean, mean.detach(), momentum)
        running_var = torch.lerp(running_var, unbiased, momentum)
    scale = weight / torch.sqrt(var + eps)
    shift = bias - mean * scale
    y = scale[:, None, None] * x + shift[:, None, None]
    return y, running_mean, running_var
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("convolution.batch_norm")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Again a layer around it. `weight` and `bias` are parameters: they are
# trained. The running statistics are **buffers**: they are saved with the
# network and move with it to the GPU, but no gradient reaches them.

# %% tags=["define"] slideshow={"slide_type": "skip"}
normalise = use("convolution.batch_norm")

# %% tags=["define"] slideshow={"slide_type": "-"}
class BatchNorm(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.settings = {"momentum": momentum, "eps": eps}

    def forward(self, x):
        state = self.weight, self.bias, self.running_mean, self.running_var
        y, self.running_mean, self.running_var = normalise(
            x, *state, self.training, **self.settings
        )
        return y


# %% [markdown] slideshow={"slide_type": "subslide"}
# **How fast do the running statistics follow?** Each batch has 8 numbers
# around 3, with standard deviation 2. The running mean starts at 0.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
batches = 3 + 2 * torch.randn(60, 8, 1, 1, 1)


def follow(momentum):
    layer, seen = BatchNorm(1, momentum=momentum), []
    for batch in batches:
        layer(batch)
        seen.append(layer.running_mean.item())
    return seen


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def follow_picture(momentum):
    seen = follow(momentum)
    count = list(range(1, 61))
    lines = [show.draw.Line("running mean", count, seen)]
    lines += [show.draw.Line("mean", count, [3] * 60, dashed=True)]
    late = (torch.tensor(seen[30:]) - 3).square().mean().sqrt().item()
    title = f"momentum {momentum}: off by {late:.2f} in the last half"
    labels = {"x_label": "batches seen", "y_label": "running mean"}
    return show.draw.curves(
        lines, title=title, y_limits=(0, 5), points=False, **labels
    )


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
momenta = [0.01, 0.03, 0.1, 0.3, 1.0]
followed = {share: follow_picture(share) for share in momenta}  # drawn once
show.widgets.Explorer(
    lambda momentum: followed[momentum],
    momentum=show.widgets.Stops(momenta, 0.1, "momentum"),
)

# %% [markdown] slideshow={"slide_type": "skip"}
# A large momentum follows at once but never settles; a small one is smooth but
# late. After 60 batches at 0.01 the mean is still far off. So a network that
# was trained for only a few steps is evaluated with statistics that fit no
# data.

# %% question="convolution.running_mean" slideshow={"slide_type": "skip"}
# question: convolution.running_mean
### BEGIN SOLUTION
answer = 0.9 * 40 + 0.1 * 80
### END SOLUTION
ask("convolution.running_mean", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **The same image in another batch.** In training, an image's output depends
# on the rest of its batch, drawn anew in each epoch. So batch norm adds noise,
# and this may be what regularises. How large is it?

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
crowd = digits.train_x[1:]
features = Conv2d(1, 8, 3, padding=1)


@torch.no_grad()
def differs(company, tries=60):
    """Return how far one image's output differs among `company` others."""
    layer, seen = BatchNorm(8), []
    for _ in range(tries):
        others = crowd[torch.randperm(len(crowd))[:company]]
        batch = torch.cat([digits.train_x[:1], others])
        seen.append(layer(features(batch))[0])
    apart = torch.stack(seen[::2]) - torch.stack(seen[1::2])
    return apart.square().mean().sqrt().item()


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def company_picture():
    sizes = [2, 4, 8, 16, 32, 64, 128]
    noise = [differs(size - 1) for size in sizes]
    line = show.draw.Line("difference", sizes, noise)
    title = "The same image in two batches, in training mode"
    words = {"x_label": "images in the batch", "y_label": "difference"}
    scale = {"log_x": True, "log_y": True, "x_ticks": sizes}
    scale["size"] = (900, 350)  # pixels
    return show.draw.curves([line], title=title, **words, **scale)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
predict(
    "convolution.company", company_picture, measured=lambda: differs(3)
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The more images, the less each of them matters. In large batches the
# difference falls roughly as one over the root of their number. And in
# evaluation there is none:

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
norm = BatchNorm(8).eval()
with torch.no_grad():
    alone = norm(features(digits.train_x[:1]))[0]
    among = norm(features(digits.train_x[:64]))[0]
gap = (alone - among).abs().max().item()
print("in evaluation, the same in any batch:", gap < 1e-5)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Does it regularise?** Five networks that differ only in the norm learn 200
# digits until they know them all, with five seeds each. The norm of each image
# has no such noise; batch norms over 10 and over 4 images have more of it.

# %% [markdown] slideshow={"slide_type": "skip"}
# (The norm of each image uses that image's statistics: it is a group norm with
# one group. Batch norm takes all 40 images of the batch; the other two take 10
# and 4 of them at a time.)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
learned = experiments.load("convolution_norm")


def norms_now():
    """Train one seed now, and draw it over the shipped ones."""
    quiet = {"seed": 5, "on_epoch": lambda history: None}  # no curve
    history = experiments.one("convolution_norm", "batch norm", **quiet)
    live = {"batch norm": history.test_accuracy[-1]}
    title = "200 digits, all learned: test accuracy"
    return show.draw.seeds(experiments.summary(learned), live, title=title)


def norm_gap():
    found = experiments.gap(learned, "batch norm", "no norm")
    return round(100 * found["gap"], 1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
predict("convolution.regularises", norms_now, measured=norm_gap)

# %% tags=["nbval-check-output"] slideshow={"slide_type": "skip"}
for one, other in (
    ("batch norm", "no norm"),
    ("batch norm", "norm of each image"),
    ("over 4 images", "batch norm"),
):
    found = experiments.gap(learned, one, other)
    apart = f"{found['gap']:+.1%}, seeds {found['spread']:.1%} apart"
    print(f"{one} minus {other}: {apart}, visible: {found['visible']}")

# %% [markdown] slideshow={"slide_type": "skip"}
# - **Held here.** With batch norm the test accuracy is higher by more than the
#   seeds differ, although all networks know every training image.
# - **Not shown.** That the noise is the reason. Statistics of 4 images instead
#   of 40 make more noise, but no visible difference. Batch norm also beats the
#   norm of each image. The noise could explain that, or what the two keep: a
#   norm of each image removes how bright the image is, and batch norm keeps
#   it.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. Inception
#
# Which kernel size is right for a layer? Inception (2014) does not choose. It
# runs a 1x1, a 3x3, a 5x5 and a max pool in parallel, and concatenates their
# channels. The lecture: it mixes and matches convolutions of different kinds.
#
# ![A 12 x 12 matrix whose rows belong to four branches: four rows of a 1x1,
# four of a 3x3, two of a 5x5, two after a max pool. Every row reads all
# twelve inputs.](../figures/00_inception.svg)
#
# In the matrix, each row belongs to one of four branches.

# %% tags=["define"] slideshow={"slide_type": "skip"}
class BasicConv2d(nn.Module):
    """Convolution, batch norm, ReLU: torchvision's name, your layers."""

    def __init__(self, c_in, c_out, k, stride=1, padding=0):
        super().__init__()
        self.conv = Conv2d(c_in, c_out, k, stride, padding)
        self.bn = BatchNorm(c_out, eps=1e-3)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


# %% [markdown] slideshow={"slide_type": "subslide"}
# A 5x5 over many channels is expensive. So a 1x1 first reduces the number of
# channels: the **reduction**. Each layer here is a `BasicConv2d(c_in, c_out,
# k, stride, padding)`: convolution, batch norm, ReLU.
#
# | branch | layers | channels out |
# |---|---|---|
# | `branch1` | 1x1 | `ch1x1` |
# | `branch2` | 1x1 to `ch3x3red`, then 3x3 | `ch3x3` |
# | `branch3` | 1x1 to `ch5x5red`, then `large` x `large` | `ch5x5` |
# | `branch4` | max pool 3x3, stride 1, padding 1, then 1x1 | `pool_proj` |
#
# **Exercise (15 minutes).** Build it: all four branches keep height and width.
# Why `large`? The paper has a 5x5 there. torchvision's copy has a 3x3, a known
# mistake that was never corrected (pytorch/vision issue 906).

# %% exercise="convolution.inception" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: convolution.inception
class Inception(nn.Module):
    """Inception's block (Szegedy 2014, figure 2b), with batch norm.

    (n, in_channels, h, w) -> (n, ch1x1 + ch3x3 + ch5x5 + pool_proj, h, w),
    the channels of branch 1 first, those of branch 4 last.
    Names: branch1, a BasicConv2d; branch2, branch3, branch4, each an
    nn.Sequential of two layers.
    """

    def __init__(
        self, in_channels, ch1x1, ch3x3red, ch3x3, ch5x5red, ch5x5,
        pool_proj, large=5,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.branch1 = BasicConv2d(in_channels, ch1x1, 1)
        self.branch2 = nn.Sequential(
            BasicConv2d(in_channels, ch3x3red, 1),
            BasicConv2d(ch3x3red, ch3x3, 3, padding=1),
        )
        self.branch3 = nn.Sequential(
            BasicConv2d(in_channels, ch5x5red, 1),
            BasicConv2d(ch5x5red, ch5x5, large, padding=large // 2),
        )
        self.branch4 = nn.Sequential(
            nn.MaxPool2d(3, stride=1, padding=1),
            BasicConv2d(in_channels, pool_proj, 1),
        )
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        branches = self.branch1, self.branch2, self.branch3, self.branch4
        return torch.cat([branch(x) for branch in branches], dim=1)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("convolution.inception")

# %% question="convolution.branches" slideshow={"slide_type": "skip"}
# question: convolution.branches
### BEGIN SOLUTION
answer = 128 + 136 + 48 + 40
### END SOLUTION
ask("convolution.branches", answer)

# %% tags=["define"] slideshow={"slide_type": "skip"}
Block = use("convolution.inception")

# %% [markdown] slideshow={"slide_type": "skip"}
# **Share out the rows.** Twelve channels go in, twelve come out, and you
# decide which branch gets the rows. Two sliders set the rows of the 3x3 and
# the 5x5. The pool always has two, and the 1x1 gets the rest. A third slider
# sets the width of the reductions.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
kinds = ("1x1", "3x3", "5x5", "pool")
tints = dict(zip(kinds, ("#E69F00", "#56B4E9", "#CC79A7", "#555555")))
patch = torch.randn(1, 12, 7, 7)
full = measure.cost(Conv2d(12, 12, 3, padding=1), patch).macs


def shared(counts, narrow):
    """Return the block with all its ReLUs open, so that every row shows."""
    one, middle, wide, pool = counts.values()
    block = Block(12, one, narrow, middle, narrow, wide, pool)
    for name, value in block.named_parameters():
        if name.endswith("bn.bias"):  # so large that no ReLU closes
            nn.init.constant_(value, 6.0 if ".0." in name else 60.0)
    return block.eval()


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def rows_picture(block, counts):
    names = [kind for kind in kinds for _ in range(counts[kind])]
    said = ", ".join(f"{counts[kind]} {kind} rows" for kind in kinds)
    return show.draw.channel_matrix(
        measure.channel_matrix(block, patch),
        title="Rows by branch: 12 channels in, 12 out",
        row_names=names,
        row_colours=[tints[name] for name in names],
        describe=said,
    )


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def branch_bars(block, counts):
    branches = block.branch1, block.branch2, block.branch3, block.branch4
    parts = [measure.cost(branch, patch).macs for branch in branches]
    names = [f"{kind}, {counts[kind]} rows" for kind in kinds]
    rows = [*zip(names, parts), ("all", sum(parts))]
    rows = [(name, macs / full, f"{macs:,}") for name, macs in rows]
    look = {"limit": 2, "colours": [*tints.values(), "#000000"]}
    line = (1, "one full 3x3")
    return show.draw.bars(rows, line, title="Multiply-adds", **look)


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def budget_picture(middle, wide, narrow):
    counts = dict(zip(kinds, (10 - middle - wide, middle, wide, 2)))
    block = shared(counts, narrow)
    left = rows_picture(block, counts)
    return show.draw.beside(left, branch_bars(block, counts))


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def times_fewer():
    """Return the ratio of MACs in block 3a: 192 to 32, direct or via 16."""
    seen = torch.zeros(1, 192, 28, 28, device="meta")
    straight = BasicConv2d(192, 32, 5, padding=2).to("meta")
    through = nn.Sequential(
        BasicConv2d(192, 16, 1), BasicConv2d(16, 32, 5, padding=2)
    ).to("meta")
    macs = [measure.cost(way, seen).macs for way in (straight, through)]
    return macs[0] / macs[1]


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_budget():
    stops = show.widgets.Stops
    return show.widgets.Explorer(
        budget_picture,
        middle=stops([1, 2, 3, 4, 5, 6], 4, "3x3 rows"),
        wide=stops([1, 2, 3], 2, "5x5 rows"),
        narrow=stops([1, 2, 4, 8, 12], 4, "reduced to"),
    )

predict("convolution.reduced", explore_budget, measured=times_fewer)

# %% [markdown] slideshow={"slide_type": "skip"}
# For block 3a: $25 \cdot 192 \cdot 32$ multiply-adds at each pixel, against
# $192 \cdot 16 + 25 \cdot 16 \cdot 32$. Now set "reduced to" to 1. In the
# matrix all 3x3 rows are then multiples of one row, and all 5x5 rows of
# another: only one channel is left to read. That is the price of a reduction.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. GoogLeNet
#
# Nine blocks, three layers before them, a linear layer after them. The widths
# are those of the paper's table 1: channels in, then the six of a block.

# %% tags=["define"] slideshow={"slide_type": "-"}
table_1 = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}
pools = {"3a": ("maxpool2", 3), "4a": ("maxpool3", 3), "5a": ("maxpool4", 2)}

# %% tags=["define"] slideshow={"slide_type": "skip"}
def pooled(kernel):  # an odd row or column at the end counts, too
    return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)


def begun():
    """Return the layers before the blocks, with torchvision's names."""
    first = BasicConv2d(3, 64, 7, stride=2, padding=3)
    second = BasicConv2d(64, 64, 1)
    third = BasicConv2d(64, 192, 3, padding=1)
    names = ("conv1", "maxpool1", "conv2", "conv3")
    return OrderedDict(zip(names, (first, pooled(3), second, third)))


# %% tags=["define"] slideshow={"slide_type": "skip"}
def googlenet(num_classes=1000, large=5, dropout=0.2):
    layers = begun()
    for name, widths in table_1.items():
        if name in pools:
            pool, kernel = pools[name]
            layers[pool] = pooled(kernel)
        layers[f"inception{name}"] = Block(*widths, large=large)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["dropout"] = nn.Dropout(dropout)
    layers["fc"] = nn.Linear(1024, num_classes)
    return nn.Sequential(layers)


# %% [markdown] slideshow={"slide_type": "subslide"}
# Now we count it, with the paper's 5x5 and with torchvision's 3x3. (The paper
# had no batch norm yet, and two more classifiers for training.)

# %% tags=["nbval-check-output"] slideshow={"slide_type": "-"}
scene = torch.zeros(1, 3, 224, 224, device="meta")
for large in (5, 3):
    with torch.device("meta"):
        own = measure.cost(googlenet(large=large).eval(), scene)
    print(f"{large}x{large}: {own.params:,} parameters, {own.macs:,} MACs")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Weight for weight.** We load torchvision's weights into this network. The
# names are the same; only a counter in torchvision's batch norms has no place
# in ours. We compare in training mode, where every batch norm is at work, and
# without dropout.

# %% slideshow={"slide_type": "-"}
import torchvision

settings = {"aux_logits": False, "init_weights": False, "dropout": 0.0}
theirs = torchvision.models.googlenet(**settings).double()
ours = googlenet(large=3, dropout=0.0).double()
names, state = ours.state_dict().keys(), theirs.state_dict()
print("left out:", {name.split(".")[-1] for name in state.keys() - names})
weights = {name: state[name] for name in names if name in state}
nets.load_torchvision(ours, weights)

# %% slideshow={"slide_type": "-"}
x = torch.randn(4, 3, 64, 64, dtype=torch.float64)
with torch.no_grad():
    gap = (ours(x) - theirs(x)).abs().max() / theirs(x).abs().max()
print("largest difference, relative:", f"{gap:.0e}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **What held in the further parts.** Inception does mix convolutions of
# different kinds: the rows of one matrix have different kernels, and
# reductions pay for the large ones. Batch norm helped on digits outside the
# training set. Our experiment does not show that its noise is the reason.
