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
# # 04 SE-Net: a gate that has seen the whole image
#
# Cat or tiger? The sofa in the corner of the photo says cat. But a convolution
# sees only a few pixels: what is far away arrives many layers later, if at
# all. With squeeze-and-excitation (SE) it arrives at once: a number for each
# channel, computed from the whole image, rescales that channel everywhere.
#
# **You will be able to** say how far a stack of layers sees; build the
# lecture's gate and the paper's; say what a gate costs and what it does.
#
# **Time:** 60 minutes for the core. **Builds on:** convolutions, matrix
# products; one part of Further uses lesson 02's block.
#
# **The lecture's claims:** in plain networks information travels slowly, 4 to
# 6 layers from corner to corner. A cheap gate brings it there at once.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% slideshow={"slide_type": "skip"} tags=["define"]
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, data, measure
from convzoo import nets, predict, show, use
from convzoo.ideas.resnext import framework as resnext

# %% slideshow={"slide_type": "skip"} student="name"
# student: the name you hand in under; it draws the numbers of your questions
device = begin("04_senet", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Three 12 x 12 matrices. The first two have values only on the diagonal, and
# they differ between two images. In the third, with the gate live, every cell
# has a value.](../figures/04_gates.svg)
#
# A row is an output channel, a column an input channel. A cell says how much
# that output changes when that input changes a little. A gate multiplies each
# channel by one number. If these numbers are held still, the matrix is
# diagonal, with another diagonal for each image (left, middle). But they are
# computed from all channels: when one channel changes, all gates change. So
# the gate as it really runs, live, has a full matrix (right).

# %% [markdown] slideshow={"slide_type": "subslide"}
# Here is torchvision's SE layer with random weights, and an image of random
# pixels. On the left the gates are held still, as fixed numbers. On the right
# they change with the image.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Try it.** Run both cells. Then write 3 instead of 1 and run the second one
# again: the same weights, a brighter image, another matrix.

# %%
layer = torchvision.ops.SqueezeExcitation(12, 3)
for own_weight in layer.parameters():
    nn.init.normal_(own_weight)
random_image = torch.rand(1, 12, 5, 5) + 0.1  # n c h w

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
picture = 1 * random_image
still = (layer(picture) / picture).detach()  # the gates, as numbers
held_still = measure.channel_matrix(lambda x: still * x, picture)
live = measure.channel_matrix(layer, picture)
same = {"size": 330, "limit": 1}  # one colour scale for both
show.draw.beside(
    show.draw.channel_matrix(held_still, title="held still", **same),
    show.draw.channel_matrix(live, title="live", **same),
)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. How far does a layer see?
#
# The pixels that an output depends on are its **receptive field**. One 3x3
# layer sees 3 pixels across. A second one sees 5: each of its 3 inputs sees 3,
# and these overlap. Two more things make a field grow:
#
# - **stride** 2: after it, neighbours are two pixels of the image apart, so
#   every *later* kernel spans twice as much;
# - **dilation** 2: the taps (weights) of *this* kernel are two of its input's
#   pixels apart, so its 3 taps span 5 of them.
#
# **Exercise (10 minutes).** Compute the size of the field after each layer.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("senet.field_sizes")` in a
# new cell.

# %% exercise="senet.field_sizes" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: senet.field_sizes
def field_sizes(layers):
    """Return how many pixels across an output sees, after each layer.

    layers: a list of [kernel, stride, dilation], first layer first.
    Returns a list, an int for each layer: [3, 5] for two plain 3x3 layers.
    """
    # your code here
    raise NotAttempted("senet.field_sizes")


# %% slideshow={"slide_type": "skip"}
check("senet.field_sizes")

# %% [markdown] slideshow={"slide_type": "skip"}
# The size is theory: it says which pixels *can* matter. How much they really
# matter, we measure with a gradient: how strongly does the output in the top
# left corner react to each pixel? That is the *effective* receptive field. The
# next cells only draw; open them if you are curious.

# %% slideshow={"slide_type": "skip"} tags=["lecture"]
sizes_of = use("senet.field_sizes")
side = 12
plain = [nn.Conv2d(8 if i else 1, 8, 3, padding=1) for i in range(14)]

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
blank = torch.rand(1, 1, side, side)


def field_bars(layers, share):
    """Draw bars of each pixel's share of the gradient (they sum to one)."""
    *_, width = sizes_of([[3, 1, 1]] * layers)
    seen = int((share > 0).sum())
    near, far = share[:4, :4].sum().item(), share[-1, -1].item()
    rows = [
        ("pixels seen", seen / side**2, f"{seen} of {side**2}"),
        ("nearest 4 x 4", near, f"{near:.1%} of the gradient"),
        ("far corner", far, f"{far:.0e} of it" if far else "nothing"),
    ]
    title = f"{layers} layers: a field {width} pixels wide"
    return show.draw.bars(rows, title=title, limit=1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def field_picture(layers):
    stack = nn.Sequential(*plain[:layers])
    found = measure.effective_receptive_field(stack, blank, (0, 0))
    title = f"{layers} layers, from the corner"
    left = show.draw.pixels(found / found.max(), title=title, size=380)
    return show.draw.beside(left, field_bars(layers, found / found.sum()))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_fields():
    stops = show.widgets.Stops([1, 2, 4, 6, 8, 10, 11, 14], 4, "layers")
    return show.widgets.Explorer(field_picture, layers=stops)

predict("senet.layers", explore_fields)

# %% [markdown] slideshow={"slide_type": "skip"}
# White pixels are not seen at all. At 11 layers the far corner is seen, in
# theory. In practice its share of the gradient is next to nothing: many paths
# lead from the output's corner to the pixels near it, but only one leads all
# the way to the opposite corner. So "is seen" alone does not say much.

# %% question="senet.corner" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: senet.corner
answer = ...  # your answer in place of the dots
ask("senet.corner", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# The lecture says 4 to 6 layers from corner to corner. At a corner, half of
# the field's width is outside the image, so the field must be 2 x side - 1
# pixels wide. How many layers does that take? `field_sizes` gives the answer:

# %% tags=["nbval-check-output"]
print("side    stride 1    stride 2 in every layer")
for pixels, most in ((12, 16), (32, 32), (64, 64)):
    slow = sizes_of([[3, 1, 1]] * most)
    fast = sizes_of([[3, 2, 1]] * 7)
    counts = [1 + sum(f < 2 * pixels - 1 for f in s) for s in (slow, fast)]
    print(f"{pixels:4} {counts[0]:8} layers {counts[1]:8} layers")

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output", "lecture"]
resnet50 = [[7, 2, 1], [3, 2, 1]] + [[3, 1, 1]] * 3  # stem, pool, stage 1
for in_stage in (4, 6, 3):  # each later stage begins with a stride of 2
    resnet50 += [[3, 2, 1]] + [[3, 1, 1]] * (in_stage - 1)
print(f"ResNet-50, {len(resnet50)} layers wider than 1x1:", end=" ")
print(f"the last one sees {sizes_of(resnet50)[-1]} pixels across")
print("corner to corner of 224 pixels needs a field of", 2 * 224 - 1)


# %% [markdown] slideshow={"slide_type": "skip"}
# "4 to 6 layers" is right if every layer halves the image. If none does, it
# takes one layer for each pixel on the way. And in ResNet-50 a corner of the
# last layer does not see the opposite corner at all: only the average at the
# very end brings the two together.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. The lecture's gate
#
# For each channel $c$, take the inner product of the whole channel with a
# learned weight $W$ of the same shape. A softmax over the channels turns these
# numbers into shares, and each channel is multiplied by its share:
#
# $$y_c = \sum_{h,w} x_{chw} W_{chw} \qquad
# g = \mathrm{softmax}(y) \qquad x_{chw} \leftarrow g_c \, x_{chw}$$
#
# With `scaled=True` the gates are multiplied by $C$, the number of channels.
# Section 5 shows why.
#
# **Exercise (12 minutes).** Write this gate for a batch: each image has its
# own gates.

# %% exercise="senet.lecture_gate" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: senet.lecture_gate
def lecture_gate(x, weight, scaled=False):
    """Return the image rescaled by the lecture's gate, and the gates.

    x: (n, c, h, w); weight: (c, h, w). With scaled=True the gates are
    multiplied by c. Returns two tensors: (n, c, h, w) and (n, c).
    """
    # your code here
    raise NotAttempted("senet.lecture_gate")


# %% slideshow={"slide_type": "skip"}
check("senet.lecture_gate")

# %% [markdown] slideshow={"slide_type": "skip"}
# Here is your function as a layer. Its weight starts at zero, so at first all
# gates are equal. If your function did not pass, the framework's is used.

# %% slideshow={"slide_type": "skip"} tags=["define"]
by_softmax = use("senet.lecture_gate")


class Gate(nn.Module):
    def forward(self, x):
        return self.both(x)[0]  # the rescaled image, n c h w

    def gates(self, x):
        return self.both(x)[1]  # n c


# %% slideshow={"slide_type": "skip"} tags=["define"]
class LectureGate(Gate):
    def __init__(self, channels, height, width, scaled=True):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, height, width))
        self.scaled = scaled

    def both(self, x):
        return by_softmax(x, self.weight, self.scaled)


# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. The paper's gate
#
# The paper squeezes each channel to its **mean** $z_c$. Two small layers turn
# the $C$ means into $C$ gates (the excitation): down to $C/r$ numbers, ReLU,
# and back up. A **sigmoid** puts each gate between 0 and 1.
#
# $$z_c = \frac{1}{HW}\sum_{h,w} x_{chw} \qquad
# g = \sigma(W_2 \, \mathrm{relu}(W_1 z + b_1) + b_2) \qquad
# x_{chw} \leftarrow g_c \, x_{chw}$$
#
# $r$ is the reduction, 16 in the paper.
#
# **Exercise (12 minutes).** Write this gate. The weights of the two layers are
# given.

# %% exercise="senet.squeeze_excite" slideshow={"slide_type": "-"} tags=["define", "raises-exception"]
# exercise: senet.squeeze_excite
def squeeze_excite(x, w1, b1, w2, b2):
    """Return x rescaled by its gates (Hu 2017, eq. 2-4), and the gates.

    x: (n, c, h, w); w1: (m, c), b1: (m,), w2: (c, m), b2: (c,).
    Returns two tensors: (n, c, h, w) and (n, c). Do not use torchvision.
    """
    # your code here
    raise NotAttempted("senet.squeeze_excite")


# %% slideshow={"slide_type": "skip"}
check("senet.squeeze_excite")

# %% [markdown] slideshow={"slide_type": "skip"}
# Here it is as a layer. torchvision and timm (a collection of image models)
# store the two small layers as 1x1 convolutions. So do we, under the same
# names, so that their weights fit.

# %% slideshow={"slide_type": "skip"} tags=["define"]
by_sigmoid = use("senet.squeeze_excite")


class SqueezeExcitation(Gate):
    def __init__(self, channels, reduction=16):
        super().__init__()
        middle = max(1, channels // reduction)
        self.fc1 = nn.Conv2d(channels, middle, 1)
        self.fc2 = nn.Conv2d(middle, channels, 1)

    def both(self, x):
        w1, w2 = self.fc1.weight.flatten(1), self.fc2.weight.flatten(1)
        return by_sigmoid(x, w1, self.fc1.bias, w2, self.fc2.bias)


# %% question="senet.sum_of_gates" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: senet.sum_of_gates
answer = ...  # your answer in place of the dots
ask("senet.sum_of_gates", answer)

# %% question="senet.how_many_gates" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: senet.how_many_gates
answer = ...  # your answer in place of the dots
ask("senet.how_many_gates", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. Another image, another matrix
#
# Eight handwritten digits go through one random layer of 12 channels with
# batch norm. After it comes the paper's gate with random weights, held still.

# %% [markdown] slideshow={"slide_type": "skip"}
# Choose the digit, the gate (the lecture's is there too), and whether it is
# held still. The next cells only draw.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
digits = data.load("digits", limit=40)
where = [int((digits.test_y == d).nonzero()[0]) for d in range(8)]
eight = nn.Conv2d(1, 12, 3, padding=1)(digits.test_x[where])
eight = nn.BatchNorm2d(12)(eight).detach()
shown = {
    "the paper's": SqueezeExcitation(12, reduction=3),
    "the lecture's": LectureGate(12, 8, 8, scaled=False),
}
with torch.no_grad():
    shown["the paper's"].fc1.weight.normal_(0, 2)
    shown["the paper's"].fc1.bias.fill_(1)  # the ReLU lets most through
    shown["the paper's"].fc2.weight.normal_(0, 0.7)
    shown["the lecture's"].weight.normal_(0, 0.2)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def gate_bars(gates):
    rows = [(str(c), g, f"{g:.2f}") for c, g in enumerate(gates.tolist())]
    total = f"12 gates, sum {gates.sum().item():.2f}"
    return show.draw.bars(rows, title=total, limit=1, width=420)


def gate_picture(digit, gate, held):
    x, own = eight[digit : digit + 1], shown[gate]
    fixed = own.gates(x).detach()
    frozen = fixed[:, :, None, None]
    probed = (lambda image: frozen * image) if held else own
    matrix = measure.channel_matrix(probed, x)
    title = f"digit {digit}, {'held still' if held else 'live'}"
    left = show.draw.channel_matrix(matrix, title=title, size=360)
    return show.draw.beside(left, gate_bars(fixed[0]))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def explore_gates():
    kit = show.widgets
    return kit.Explorer(
        gate_picture,
        digit=kit.Stops(list(range(8)), 3, "digit"),
        gate=kit.Choice(list(shown), "the paper's", "gate"),
        held=kit.Toggle(True, "held still"),
    )

show.display(explore_gates())

# %% [markdown] slideshow={"slide_type": "skip"}
# - Held still, both matrices are diagonal: a gate does not mix channels.
#   Another digit has another diagonal, with the same weights.
# - The lecture's gates sum to one, so they compete: when one opens, others
#   close. The paper's gates do not.
# - Live, all cells are filled, though faintly with the lecture's small gates.
#   Each channel takes part in every gate, by a sum over the whole image: that
#   is how something far away has an effect here at once.

# %% question="senet.once_trained" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: senet.once_trained
answer = ...  # your answer in place of the dots
ask("senet.once_trained", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. How large are the gates?
#
# Take 256 channels, as in ResNet-50's first stage, and the lecture's gate as
# described, not scaled. At the start of training its weights are zero.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["lecture"]
wide = F.relu(torch.randn(1, 256, 14, 14))
started = {
    "the paper's": SqueezeExcitation(256),
    "the lecture's": LectureGate(256, 14, 14, scaled=False),
    "the lecture's, times C": LectureGate(256, 14, 14, scaled=True),
}
with torch.no_grad():
    spreads = {"the image": wide.std().item()}
    spreads |= {name: g(wide).std().item() for name, g in started.items()}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def scale_bars():
    rows = [(name, std, f"{std:.3g}") for name, std in spreads.items()]
    return show.draw.bars(rows, title="Standard deviation of the output")

def how_much_smaller():
    return round(spreads["the image"] / spreads["the lecture's"], 1)

predict("senet.scale", scale_bars, measured=how_much_smaller)

# %% [markdown] slideshow={"slide_type": "fragment"}
# Shares of $C$ channels sum to one, so on average they are $1/C$, and the
# image becomes small. For a fair comparison we multiply them by $C$.

# %% [markdown] slideshow={"slide_type": "skip"}
# Sigmoid gates begin near one half, softmax gates at 1/256. A batch norm that
# follows takes such a factor out again. In SE-ResNet none follows: the gate
# comes right before the addition.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. How many weights does a gate have?
#
# The lecture's gate has a weight for each pixel of each channel. The paper's
# sees only the means. So only the first depends on the image's size. We make a
# layer of each for 12 channels, the lecture's also for 8 x 8 pixels:

# %% tags=["nbval-check-output"]
for own in (SqueezeExcitation(12, 3), LectureGate(12, 8, 8)):
    for across in (8, 16):
        try:
            own(torch.ones(1, 12, across, across))
            fits = "fits"
        except RuntimeError:
            fits = "does not fit"
        print(f"{type(own).__name__}: {across} x {across} pixels: {fits}")

# %% [markdown] slideshow={"slide_type": "skip"}
# Next, the four stages of ResNet-50, with their channels and image sizes for
# photographs of 224 x 224. The weights are counted from the two layers above;
# the next cells only draw.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["lecture"]
stages = ((256, 4), (512, 8), (1024, 16), (2048, 32))  # channels, shrunk by


def weights_of(make, *shape):
    with torch.device("meta"):  # counted, not computed
        return sum(p.numel() for p in make(*shape).parameters())


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def weigh_picture(reduction, photo):
    rows = []
    for channels, shrunk in stages:
        at = photo // shrunk
        name = f"{channels} at {at} x {at}"
        square = weights_of(LectureGate, channels, at, at)
        small = weights_of(SqueezeExcitation, channels, reduction)
        rows += [(f"lecture, {name}", square, f"{square:,}")]
        rows += [(f"paper, {name}", small, f"{small:,}")]
    title = f"Weights of one gate, reduction {reduction}, {photo} x {photo}"
    colours = ["#E69F00", "#CC79A7"] * len(stages)
    scale = {"limit": 1.7e6, "colours": colours, "width": 820}
    return show.draw.bars(rows, title=title, **scale)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_weights():
    kit = show.widgets
    return kit.Explorer(
        weigh_picture,
        reduction=kit.Stops([8, 16, 32, 64], 16, "reduction"),
        photo=kit.Stops([128, 224, 320], 224, "photograph"),
    )

def weight_ratio():
    lecture = weights_of(LectureGate, 256, 56, 56)
    return round(lecture / weights_of(SqueezeExcitation, 256), 1)

predict("senet.first_stage", explore_weights, measured=weight_ratio)

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output", "lecture"]
in_stages = (3, 4, 6, 3)  # blocks
of_paper = of_lecture = 0
for number, (channels, shrunk) in zip(in_stages, stages):
    at = 224 // shrunk
    of_paper += number * weights_of(SqueezeExcitation, channels)
    of_lecture += number * weights_of(LectureGate, channels, at, at)
print(f"all 16 blocks, the paper's:   {of_paper:,}")
print(f"all 16 blocks, the lecture's: {of_lecture:,}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The two are opposites. The lecture's gate is large where the image is large,
# the paper's where there are many channels. The lecture says "a fairly
# small number of parameters". ResNet-50 has 25.6 million: the paper's gates
# add 10%, the lecture's 22% at this image size, and more at a larger one.

# %% question="senet.weights" slideshow={"slide_type": "skip"} tags=["raises-exception"]
# question: senet.weights
answer = ...  # your answer in place of the dots
ask("senet.weights", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7. The clue in the far corner
#
# Is the square without stripes a cat or a dog? Its own pixels do not say. The
# clue, the stripes in another corner, does: vertical for a cat, horizontal for
# a dog. The network's last layer, a 1x1 called the readout, answers at each
# pixel. We read its answer in the middle of the square, so no pooling brings
# the clue there.

# %% slideshow={"slide_type": "-"}
from convzoo.ideas.senet import experiments as clue
from convzoo.train import Recipe, evaluate, train

pair, _ = clue.twins(9)  # two images that differ in the clue alone
show.draw.beside(*(
    show.draw.pixels(image[0], title=name, size=260)
    for name, image in zip(("cat", "dog"), pair)
))

# %% [markdown] slideshow={"slide_type": "subslide"}
# Three networks of four 3x3 layers with 12 channels; each pixel sees 9 x 9.
# They differ in what follows each of the last two: nothing, the paper's gate
# or the lecture's. They are trained on clues at all distances from 3 to 9.

# %%
gates_for = {
    "no gate": None,
    "the paper's": lambda channels: SqueezeExcitation(channels, 4),
    "the lecture's": lambda channels: LectureGate(channels, 12, 12),
}
recipe = Recipe("adam")
settings = {"epochs": 5, "batch_size": 32, "lr": 0.006, "recipe": recipe}
task = clue.images()


# %% slideshow={"slide_type": "-"}
def trained(name):
    torch.manual_seed(5)
    network = clue.stack(gates_for[name]).to(device)
    quiet = {"seed": 5, "on_epoch": lambda history: None}
    history = train(network, task, **settings, **quiet)
    print(f"{name}: trained in {history.seconds:.0f} s")
    return network.eval()


networks = {name: trained(name) for name in gates_for}


# %% [markdown] slideshow={"slide_type": "skip"}
# The next cells only draw: the two images, which differ only in their clue,
# and what each network says about both.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
@torch.no_grad()
def dog(network, images, animal):
    """Return each image's probability of a dog, at the animal's pixel."""
    answers = network(images.to(device))[:, :, animal[0], animal[1]]
    return answers.softmax(1)[:, 1].tolist()


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def share_right(network, distance):
    asked = clue.clues(distance).to(device)
    return evaluate(network, asked.test_x, asked.test_y)[1]


scores = {
    name: {d: share_right(network, d) for d in range(3, 10)}
    for name, network in networks.items()
}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def answer_bars(images, animal, distance):
    rows = []
    for name, network in networks.items():
        for kind, p in zip(("cat", "dog"), dog(network, images, animal)):
            rows.append((f"{name}, {kind}'s clue", p, f"{p:.1%}"))
    colours = ["#555555"] * 2 + ["#CC79A7"] * 2 + ["#E69F00"] * 2
    title = f"Probability of dog; the clue is {distance} away"
    look = {"limit": 1, "colours": colours, "width": 700}
    return show.draw.bars(rows, title=title, **look)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def clue_picture(distance):
    images, animal = clue.twins(distance)
    pair_shown = show.draw.beside(*(
        show.draw.pixels(image[0], title=name, size=145, outlined=[animal])
        for name, image in zip(("cat's clue", "dog's clue"), images)
    ))
    found = {name: s[distance] for name, s in scores.items()}
    rows = [(name, s, f"{s:.1%}") for name, s in found.items()]
    often = {"limit": 1, "reference": 0.5, "width": 700}
    title = "Right answers in 256 such images; dashed: chance"
    share = show.draw.bars(rows, title=title, **often)
    both = (pair_shown.alt + "\n" + share.alt, pair_shown.html + share.html)
    answers = answer_bars(images, animal, distance)
    return show.draw.beside(show.Picture(*both), answers)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def explore_distance():
    stops = show.widgets.Stops(list(range(3, 10)), 9, "distance of the clue")
    return show.widgets.Explorer(clue_picture, distance=stops)

predict("senet.far_clue", explore_distance)

# %% [markdown] slideshow={"slide_type": "skip"}
# Move the clue from 3 to 9. Without a gate the answers to the two images
# differ up to a distance of 4. At 5 only the nearest corner of the stripes is
# among the 9 x 9 pixels, and it is bright in both images; from 6 on none of
# the stripes is. So from 5 on the two answers are the same. With a gate the
# clue flips the answer wherever it is: in a sum over the whole image, distance
# does not matter.

# %% [markdown] slideshow={"slide_type": "subslide"}
# How can one number per channel carry the clue? Here are the paper's last
# gates for the two images at distance 9:

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
network = networks["the paper's"]
before = network[:-2](pair.to(device))  # the last gate's input
opened = network[-2].gates(before).tolist()
rows = [
    (name, *(f"{g:.2f}" for g in row))
    for name, row in zip(("cat's clue", "dog's clue"), opened)
]
header = ("gate of channel", *map(str, range(12)))
show.draw.table(rows, header, "The same network, two clues, two sets of gates")

# %% [markdown] slideshow={"slide_type": "-"}
# The gates say *that* there are horizontal stripes somewhere. That there is an
# animal, and where, the other layers find. The gate only rescales what they
# found, by the same number at every pixel.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8. The gate as a convolution, and what it costs
#
# The lecture calls the gate an inner product rather than a convolution. In
# fact it is the one convolution that cannot move: a depthwise kernel (one for
# each channel) as large as the image, with only one place to go.

# %% tags=["nbval-check-output"]
image, kernel = torch.randn(2, 12, 8, 8), torch.randn(12, 8, 8) / 8
fixed = F.conv2d(image, kernel[:, None], groups=12)
_, gates = by_softmax(image, kernel)
gap = (fixed.flatten(1).softmax(dim=1) - gates).abs().max().item()
print("output shape:", tuple(fixed.shape), "  the same gates:", gap < 1e-5)


# %% [markdown] slideshow={"slide_type": "subslide"}
# What does the paper's gate cost? We take a block of ResNet-50's first stage
# (1x1, 3x3, 1x1, the addition), without the gate and with it. A launch is one
# operation that the device has to start.

# %% slideshow={"slide_type": "skip"} tags=["lecture"]
def branch(channels, narrow):
    return nn.Sequential(
        nn.Conv2d(channels, narrow, 1, bias=False),
        nn.BatchNorm2d(narrow), nn.ReLU(),
        nn.Conv2d(narrow, narrow, 3, padding=1, bias=False),
        nn.BatchNorm2d(narrow), nn.ReLU(),
        nn.Conv2d(narrow, channels, 1, bias=False),
        nn.BatchNorm2d(channels),
    ).eval()


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["lecture"]
body, valve = branch(256, 64), SqueezeExcitation(256)
runs = {
    "without": lambda x: F.relu(x + body(x)),
    "with the gate": lambda x: F.relu(x + valve(body(x))),
}
stage_one = torch.randn(1, 256, 56, 56)
with torch.no_grad():
    costs = {k: measure.cost(run, stage_one) for k, run in runs.items()}


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["lecture"]
def growth(what):
    without, gated = (getattr(c, what) for c in costs.values())
    return 100 * (gated / without - 1)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def cost_bars():
    gated = costs["with the gate"]
    rows = [
        ("multiply-adds", growth("macs"), f"{show.si(gated.macs)}"),
        ("parameters", growth("params"), f"{gated.params:,}"),
        ("bytes moved", growth("bytes"), show.bytes_(gated.bytes)),
        ("launches", growth("launches"), f"{gated.launches}"),
    ]
    rows = [
        (n, v, f"+{v:.0f}%, to {text}" if v > 1 else f"+{v:.1g}%, to {text}")
        for n, v, text in rows
    ]
    return show.draw.bars(rows, title="What the gate adds to the block")


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
def more_bytes():
    return round(growth("bytes"), 1)

predict("senet.bytes", cost_bars, measured=more_bytes)


# %% [markdown] slideshow={"slide_type": "skip"}
# The gate hardly multiplies. But it must read the whole image for its mean
# before it knows a single gate. Then it reads the image again to rescale it,
# and writes it. (If the layer before took the mean while it writes the image,
# one of the three would be saved.)

# %% [markdown] slideshow={"slide_type": "subslide"}
# And the time? We run both blocks, the gate alone, torchvision's gate, and a
# copy of the image: one read, one write. The *floor* is the least time in
# which this device could multiply and move the bytes:

# %% slideshow={"slide_type": "skip"}
@torch.no_grad()
def race():
    x = stage_one.to(device)
    body.to(device), valve.to(device)
    theirs = torchvision.ops.SqueezeExcitation(256, 16).to(device)
    calls = {name: lambda run=run: run(x) for name, run in runs.items()}
    calls["section 3's"] = lambda: valve(x)
    calls["torchvision's"] = lambda: theirs(x)
    calls["a copy"] = lambda: x.clone()
    timings = measure.bench(calls, seconds=2)
    counted = {name: measure.cost(call) for name, call in calls.items()}
    peaks = measure.roofline.peaks(device)
    return timings, measure.roofline.floors(counted, timings, peaks)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "-"} tags=["hide-input"]
times, floors = race()
alone = {name: times.pop(name) for name in list(times)[2:]}
title = f"The block on {device}, minimum"
show.draw.beside(
    show.draw.timings(times, floors, title=title, width=500),
    show.draw.timings(alone, floors, title="The gate alone", width=500),
)

# %% [markdown] slideshow={"slide_type": "slide"} tags=["lecture"]
# ## What held, and what did not
#
# - **Held if every layer halves the image.** Then 4 to 6 layers go from corner
#   to corner of 12 to 64 pixels. At stride 1 it takes a layer for each pixel.
# - **Held.** With either gate the clue in the far corner decides. Without one,
#   beyond the field, it changes nothing.
# - **Held, with a caveat.** The gate adds next to no multiply-adds to a block.
#   But it moves the image's bytes three times. Its time is in the last bars of
#   section 8, with their spread.
# - **Two different gates.** The lecture's sum to one, and their weights fit
#   only one image size. Neither is true of the paper's.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. Flip all channels of a gate's input upside down. Which of the two gates
#    gives the same numbers as before?
# 2. One image has two clues, one of each kind. What can the paper's gate say?
# 3. If you had to leave out some gates, where in a network would you start?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A friend says: "SE
# learns which pixels matter, and once it is trained it knows which channels
# are the good ones." In three or four sentences: what is wrong with that, and
# what does SE do?

# %% [markdown] free="senet.explain" slideshow={"slide_type": "skip"}
# *Your answer here.*

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Hu, Shen, Albanie, Sun, Wu: *Squeeze-and-Excitation Networks*,
# 2017, [1709.01507](https://arxiv.org/abs/1709.01507). Luo, Li, Urtasun,
# Zemel: *Understanding the Effective Receptive Field in Deep Convolutional
# Neural Networks*, 2016, [1701.04128](https://arxiv.org/abs/1701.04128).

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. Is it the gate, or is it the reach?
#
# If a gate helps because it sees far, then anything that sees far must help.
# The control has no gate: its four layers are dilated by 1, 2, 4 and 8, with
# the same number of weights and multiply-adds. Five seeds of each come with
# the course; one more of the control is trained here, now. The clue is 9 away.

# %% slideshow={"slide_type": "skip"}
from convzoo import experiments

record = experiments.load("senet_far_clue")
control = "no gate, dilations 1-2-4-8"


def control_now():
    quiet = {"seed": 5, "on_epoch": lambda history: None}
    live = experiments.one("senet_far_clue", control, **quiet)
    title = "The clue is 9 away: test accuracy"
    own = {control: live.test_accuracy[-1]}
    summary = experiments.summary(record)
    return show.draw.seeds(summary, own, title=title, chance=0.5, width=1000)


# %% slideshow={"slide_type": "-"} tags=["hide-input"]
control_now()

# %% [markdown] slideshow={"slide_type": "-"}
# The control solves it too. So the task needs reach, and a gate is a cheap way
# to get it.

# %% [markdown] slideshow={"slide_type": "skip"}
# The lecture's gate as described, without the factor, does as well as with it:
# here a batch norm or the readout makes up for the scale.

# %% [markdown] slideshow={"slide_type": "subslide"}
# But the control has a weakness. It was trained on clues at all distances from
# 3 to 9. What if some distances are new to it?

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
elsewhere = experiments.summary(experiments.load("senet_new_distances"))
asked_title = "Trained at distances 3, 4, 6 and 9; tested at 5, 7 and 8"
show.draw.seeds(elsewhere, title=asked_title, width=1000)


# %% [markdown] slideshow={"slide_type": "-"}
# The gates are right with every seed. Of the control's five seeds, one is
# right four times out of five; the others are at chance or below. The control
# has learned stripes at the places it was shown, with other weights for each
# place. A gate adds up a channel over the image, so stripes count anywhere.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. The live matrix by hand
#
# Let all pixels of channel $j$ change by the same small amount. At one pixel,
# output $i$ is $x_i \, g_i$. It changes in two ways: directly, if $i = j$; and
# because the gate $g_i$ changes with the mean of channel $j$:
#
# $$M_{ij} = [i = j] \, g_i + x_i \, \frac{\partial g_i}{\partial z_j}$$
#
# **Exercise (15 minutes).** Work out the second part, through both layers. The
# slope of the sigmoid is $g (1 - g)$; that of a ReLU is 1 above zero, and 0
# elsewhere.

# %% exercise="senet.live_matrix" slideshow={"slide_type": "skip"} tags=["define", "raises-exception"]
# exercise: senet.live_matrix
def live_matrix(pixel, mean, w1, b1, w2, b2):
    """Return the channel matrix of the paper's gate at one pixel, live.

    pixel: (c,), the image there; mean: (c,), the means of its channels.
    w1: (m, c), b1: (m,), w2: (c, m), b2: (c,).
    Returns (c, c): rows are outputs, columns are inputs. Use no autograd.
    """
    # your code here
    raise NotAttempted("senet.live_matrix")


# %% slideshow={"slide_type": "skip"}
check("senet.live_matrix")

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
by_hand = use("senet.live_matrix")
tiny = SqueezeExcitation(6, 2).double()
photo = torch.randn(1, 6, 5, 5).double()
probed = measure.channel_matrix(tiny, photo)  # at the middle pixel
parts = [p.flatten(1) if p.dim() > 1 else p for p in tiny.parameters()]
mine = by_hand(photo[0, :, 2, 2], photo.mean(dim=(2, 3))[0], *parts)
print("the same by hand:", (mine - probed).abs().max().item() < 1e-12)


# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. SE-ResNet-50
#
# The gate goes into ResNet's bottleneck, at the end of the branch:
#
# `1x1 - BN - ReLU - 3x3 - BN - ReLU - 1x1 - BN - gate - add the input - ReLU`
#
# The 3x3 is lesson 02's layer, with groups for SE-ResNeXt.

# %% [markdown] slideshow={"slide_type": "skip"}
# It uses the framework's grouped convolution. If yours from lesson 02 passed,
# paste its cell here and write
# `GroupedConv2d.convolve = staticmethod(grouped_conv2d)` below it.

# %% slideshow={"slide_type": "skip"} tags=["define"]
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
# **Exercise (15 minutes).** Build the block of lesson 02 (or use yours) with
# one more layer. `planes` is ResNet's width for the stage; the middle is
# `int(planes * width_per_group / 64) * groups` wide, and the output has
# `4 * planes` channels. The stride is in the 3x3, which is a
# `GroupedConv2d(c_in, c_out, 3, stride, 1, groups)`. If the input's shape
# differs from the output's (channels or stride), a 1x1 with batch norm
# projects it before the addition: that is `downsample`, and it has the stride
# too. No convolution has a bias.

# %% exercise="senet.block" slideshow={"slide_type": "skip"} tags=["define", "raises-exception"]
# exercise: senet.block
class SEBottleneck(nn.Module):
    """SE-ResNet's block (Hu 2017, figure 3), as in the line above.

    (n, in_channels, h, w) -> (n, 4 * planes, h / stride, w / stride)
    Names: conv1 bn1 conv2 bn2 conv3 bn3; se, a SqueezeExcitation; and
    downsample: None, or nn.Sequential(1x1, batch norm).
    """

    expansion = 4

    def __init__(
        self, in_channels, planes, stride=1, groups=1, width_per_group=64,
        reduction=16,
    ):
        super().__init__()
        # your code here
        raise NotAttempted("senet.block")

    def forward(self, x):
        # your code here
        raise NotAttempted("senet.block")


# %% slideshow={"slide_type": "skip"}
check("senet.block")

# %% [markdown] slideshow={"slide_type": "subslide"}
# We count the whole network. ResNet-50 has 25,557,032 parameters and
# 4,089,184,256 multiply-adds (lesson 02 counts them).

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
Block = use("senet.block")
meta_photo = torch.randn(1, 3, 224, 224, device="meta")  # counted, not run


def counted(**settings):
    with torch.device("meta"):
        network = nets.ResNet(Block, [3, 4, 6, 3], **settings)
    return measure.cost(network, meta_photo)


se_resnet, se_resnext = counted(), counted(groups=32, width_per_group=4)
for name, own in (("ResNet", se_resnet), ("ResNeXt", se_resnext)):
    counts = f"{own.params:,} parameters, {own.macs:,} MACs"
    print(f"SE-{name}-50:".ljust(15), counts)
print(f"the gates add {se_resnet.params - 25_557_032:,} parameters")

# %% [markdown] slideshow={"slide_type": "skip"}
# The paper prints 28.1 M parameters for SE-ResNet-50, and 3.87 G multiply-adds
# with the stride in the first 1x1. A test of this course compares both
# networks with those of timm: the same weights by name, the same answers.
#
# The paper's table 2: ResNet-50 has a top-1 error of 24.80% on ImageNet, and
# 23.29% with the gates. That takes weeks of GPU time, so we quote it.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. Which channels open for a cat?
#
# The lecture's picture of a gate: there is a channel for cats, and when the
# image has a cat, the gate opens it. Is it like that? We read all gates of a
# trained network. A gate multiplies a channel by one number, so output
# divided by input shows it, whatever the gate is made of.

# %% [markdown] slideshow={"slide_type": "skip"}
# First the network with the paper's gate from section 7, on 256 images whose
# clue is 9 away. It has two gates, one after each of the last two layers. The
# next cells compute the mean of each gate over the images with a cat's clue
# and over those with a dog's.

# %% slideshow={"slide_type": "skip"}
from convzoo.ideas.senet.gates import gates_of

KINDS = (Gate, torchvision.ops.SqueezeExcitation)
far = clue.clues(9).to(device)
is_dog = far.test_y.flatten(1).max(1).values == 1  # one label
both = gates_of(networks["the paper's"], far.test_x, KINDS)
by_gate = [g.cpu() for g in both]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def clue_means(gates, dogs):
    """Return each channel's mean gate with each clue, and its spread."""
    cats, others = gates[~dogs], gates[dogs]
    spread = torch.stack([cats.std(0), others.std(0)]).max(0).values
    return cats.mean(0), others.mean(0), spread


of_both = [clue_means(g, is_dog.cpu()) for g in by_gate]
apart = [(cat - dog_).abs() for cat, dog_, _ in of_both]


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
def clue_table():
    heads = [f"{n} gate, {kind}" for n in ("first", "second")
             for kind in ("cat", "dog")]
    columns = [m for cat, dog_, _ in of_both for m in (cat, dog_)]
    lines = [(c, *(f"{m[c]:.2f}" for m in columns)) for c in range(12)]
    return show.draw.table(
        lines, ("channel", *heads), "Mean gate over 256 images, by clue",
        mark=int(apart[1].nan_to_num().argmax()))

clue_table()

# %% slideshow={"slide_type": "skip"}
for which, differ, (_, _, own_) in zip(("first", "second"), apart, of_both):
    best = int(differ.nan_to_num().argmax())
    clear = int((differ > 2 * own_).sum())
    print(f"{which} gate: channel {best} differs most, by {differ[best]:.2f};",
          f"{clear} of 12 differ by more than twice their spread")

# %% [markdown] slideshow={"slide_type": "skip"}
# So there is no single cat channel here. Nearly every gate takes part, most
# are neither open nor closed, and the second layer's react more than the
# first's. "Open for the cat" is a difference in degree.

# %% [markdown] slideshow={"slide_type": "skip"}
# **The same on photos.** SE-ResNet-50 of your own blocks, with weights that
# timm's authors trained on ImageNet. They are a download of 112 MB (4 bytes
# for each parameter), so nothing happens until you write `download=True`.

# %% slideshow={"slide_type": "skip"}
from convzoo import UserError, photographs

no_weights, se_fifty = "", nets.ResNet(Block, [3, 4, 6, 3])
try:
    nets.pretrained("seresnet50", se_fifty, download=False)
except UserError as missing:
    no_weights = str(missing)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def photo_gates():
    """Return the 16 layers' gates for a cat, the cat mirrored, a coffee."""
    cat, coffee = photographs.batch(["cat", "coffee"])
    views = torch.stack([cat, cat.flip(2), coffee])
    return gates_of(se_fifty, photographs.standardised(views), KINDS)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def opened_table(gates, layer):
    cat, mirrored, coffee = gates[layer - 1]
    order = (cat - coffee).nan_to_num().argsort(descending=True).tolist()
    lines = [
        (c, f"{cat[c]:.2f}", f"{mirrored[c]:.2f}", f"{coffee[c]:.2f}")
        for c in order[:4] + order[-4:]
    ]
    heads = ("channel", "cat", "cat, mirrored", "coffee")
    return show.draw.table(lines, heads, f"Gate {layer}: what differs most")


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def by_depth(gates):
    """Draw how far apart the gates of two photos are, layer by layer."""
    far_apart = {"cat and coffee": 2, "cat and mirrored cat": 1}
    drawn = [
        show.draw.Line(name, range(1, len(gates) + 1), [
            (g[0] - g[other]).abs().nanmean().item() for g in gates])
        for name, other in far_apart.items()
    ]
    return show.draw.curves(
        drawn, title="How far apart the gates are", x_label="gate",
        y_label="mean difference", size=(640, 380))


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"} tags=["hide-input"]
def explore_opened():
    if no_weights:
        return show.notice_picture("No weights yet", no_weights)
    gates, kit = photo_gates(), show.widgets
    curve = by_depth(gates)
    return kit.Explorer(
        lambda layer: show.draw.beside(opened_table(gates, layer), curve),
        layer=kit.Stops(list(range(1, len(gates) + 1)), 13, "gate"))


show.display(explore_opened())

# %% [markdown] slideshow={"slide_type": "skip"}
# With the weights you see the four channels that are most open for the cat and
# not for the coffee, and the four the other way round. The mirrored cat is the
# control: it is a cat, too. The paper ("the role of excitation") reports that
# the gates of early layers hardly depend on the class, and those of later ones
# do. Does your curve say the same?

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further E. One kernel
#
# Section 8 found two costs: bytes and launches. Which of them can be saved? A
# *kernel* here means code that a GPU runs in one launch. This one is written
# in Triton, Python that is compiled for a GPU. It does all that comes after
# the mean: the two small layers, the sigmoid and the rescaling. Many programs
# run it at the same time. Each has one channel of one image (`plane`) and a
# block of its pixels.

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
KERNEL = "convzoo.ideas.senet.kernel"
show.source(f"{KERNEL}._gate_and_rescale")

# %% [markdown] slideshow={"slide_type": "skip"}
# How to read it:
#
# - `x`, `means`, `w1` and so on are addresses. A number added to them says
#   which element is meant.
# - Both matrices of this lesson are in it. `squeezed` holds the means of *all*
#   channels of the image: through it, every channel takes part in this gate.
#   That is the full matrix, live.
# - The last three lines are the diagonal: a program reads the pixels of its
#   own channel, multiplies them by one number, and writes them to the same
#   `place`.
# - Each program computes the first small layer again. That adds multiply-adds,
#   but no launch.

# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
from convzoo.ideas.senet import framework as gates_of_torch

ways = {
    "this lesson's": lambda x, *weights: by_sigmoid(x, *weights)[0],
    "torchvision's": lambda *call: gates_of_torch.squeeze_excite(*call)[0],
}


def images_and_weights(place):
    shapes = ((32, 256, 56, 56), (16, 256), (16,), (256, 16), (256,))
    return tuple(torch.randn(shape, device=place) for shape in shapes)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "skip"}
def gate_kernel():
    name = f"{KERNEL}.squeeze_excite"
    return measure.kernel_report(name, ways, images_and_weights, device)


# %% jupyter={"source_hidden": true} slideshow={"slide_type": "subslide"} tags=["hide-input"]
fused = gate_kernel()

def times_the_kernels_bytes():
    return round(fused.framework[1].bytes / fused.kernel.bytes, 2)

predict(
    "senet.kernel",
    lambda: show.draw.kernel_report(fused),
    measured=times_the_kernels_bytes,
)

# %% [markdown] slideshow={"slide_type": "skip"}
# Two launches are left, the means and this kernel. The bytes stay: no gate is
# known before the last pixel of the image has been read for the means. So any
# code for the gate alone reads the image twice and writes it once. (This is
# counted without caches. If the image is still in the GPU's cache, the second
# read costs less.)
#
# Only one of the three can be saved, and not here: the layer *before* the gate
# could add up the means while it writes the image.
