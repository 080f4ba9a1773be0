# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% slideshow={"slide_type": "skip"}
# The lecture, from its first question to its summary: `python -m convzoo lecture` makes its deck.
# A cell's value is a part of the slide. `at="left"` puts it on the left, where the matrix is;
# "fragment" shows it at the next click. Numbers are computed here, or come from figures/data or
# from the lessons' cells with the tag `lecture`; none is typed.
import runpy
from datetime import date

import torch
from convzoo import device, experiments, measure, nets, photographs, place, show
from convzoo.count import definitions
from convzoo.ideas.resnext import cutting
from convzoo.ideas.senet import experiments as clue
from convzoo.ideas.zoo import networks as networks_of_the_zoo
from convzoo.ideas.zoo.experiments import LARGE, WIDTHS
from convzoo.measure import curves, masks, storage
from convzoo.show import Picture, palette
from convzoo.teach import lecture_parts as parts
from convzoo.teach.lecture_parts import (
    Answered,
    Asked,
    Lesson,
    Text,
    answer_lines,
    at_each,
    bare,
    captioned,
    code,
    formula,
    in_row,
    lead,
    measured,
    quoted,
    slider,
    spot,
    verdict,
)
from torch import nn
from torch.nn import functional as F


# %% slideshow={"slide_type": "skip"}
def cells_of(name: str):
    """Execute the cells of a lesson that the lecture takes, with the same random numbers at each
    build."""
    device.seed(0)
    source = place.root() / "solutions" / f"{name}.py"
    return definitions(source, also=parts.TAG, given={"device": torch.device("cpu")})


convolution = Lesson("00_convolution", cells_of)
resnet = Lesson("01_resnet", cells_of)
resnext = Lesson("02_resnext", cells_of)
densenet = Lesson("03_densenet", cells_of)
senet = Lesson("04_senet", cells_of)
shufflenet = Lesson("05_shufflenet", cells_of)
separable = Lesson("06_separable", cells_of)
zoo = Lesson("07_zoo", cells_of)
figures = runpy.run_path(str(place.root() / "figures" / "make.py"))
counted = parts.counted(date.today())
device.seed(0)

# %% slideshow={"slide_type": "skip"}
C, CELL = 12, 34  # channels of the matrix on the spot; pixels of its cells
pixel = torch.zeros(1, C, 1, 1)
verdicts: dict[int, list[Answered]] = {}


def matrix(source, title: str, x=pixel, cell: float = CELL, **more) -> Picture:
    """Draw the matrix of a layer, or one that is given, where all of them are."""
    found = source if isinstance(source, torch.Tensor) else measure.channel_matrix(source, x)
    more = {"limit": 1, "still": True, "key": False, "size": cell * max(found.shape)} | more
    return spot(show.draw.channel_matrix(found, title=title, **more))


def small(found: torch.Tensor, words: str) -> Picture:
    """Draw a matrix for a row of several, with words below it."""
    size = {"size": 22 * max(found.shape), "limit": 1, "still": True, "key": False}
    return bare(show.draw.channel_matrix(found, title=words, **size), words)


def answer(claim: int, text: str, said: str, source: str, picture: Picture | None = None):
    """Answer a claim, and keep its verdict for the last slide."""
    verdicts.setdefault(claim, []).append(Answered(claim, text, said, source, picture))
    return verdicts[claim][-1]


def percent(share: float) -> str:
    return f"{share:+.1%}"


def in_points(gap: float) -> str:
    """A difference of two shares, in percentage points."""
    return f"{100 * gap:+.1f} points"


def nearest(value: float, *stops: float) -> str:
    """Return the stop of a question that a measured number is nearest to, as a ratio."""
    return f"{min(stops, key=lambda stop: abs(stop / value - value / stop)):g}"


# %% [markdown] layout="spot title" slideshow={"slide_type": "slide"}
# # What comes after ResNet?
#
# Seven ideas, and one matrix that shows what each of them does.
#
# Before every answer you guess, with a show of hands. Then we look at what was measured.

# %% at="left"
torch.manual_seed(12)
plain = nn.Conv2d(C, C, 1, bias=False)
nn.init.uniform_(plain.weight, -1, 1)
matrix(plain, "a plain layer")

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Say.** Last time we got as far as ResNet. The obvious question today is what came after it.
# There is a whole zoo of networks, and most of them change one thing: which channel reads which.
#
# **Say how it works.** I make a claim as a question, you raise your hand for A, B or C, and then
# we look at a measurement. Some claims of this lecture turn out to be wrong, or to depend on the
# machine.
#
# The matrix on the left stays at its place for the whole hour. Watch what happens to it.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## One matrix at each pixel
#
# At one pixel, the channels are a vector. A 1x1 convolution multiplies it by one matrix, the same
# at every pixel. A 3x3 has nine such matrices.
#
# - a **row** is an output channel
# - a **column** is an input channel
# - a **cell** is the weight between the two: orange above zero, blue below, white for no
#   connection

# %% at="left"
matrix(plain, "a plain layer: full")

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Say.** Take a single pixel and look down through the stack: twelve numbers. The layer turns
# these twelve numbers into twelve others. That is a matrix, and this is it. Nobody drew it: it is
# probed from a real layer with gradients.
#
# **Ask.** Which cell says how output 3 depends on input 7? *Expect:* row 3, column 7.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## ResNet, once more
#
# A stack of 1x1, 3x3, 1x1. Its input is added to its result.
#
# In the matrix: the same full layer, and **the identity on top of it**.

# %% at="left"
matrix(resnet.Residual(plain, 0.5), "a residual layer: x + branch(x)")

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Say.** ResNet is a stack of 1x1 and 3x3 layers, and each block adds its input to its output.
# You see it on the diagonal: one is added to each of its cells. Everything else is still a full
# matrix, and the full matrix is what costs.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## What width costs
#
# A 1x1 layer: one product with this matrix at every pixel.

# %% slideshow={"slide_type": "skip"}
half = C  # the narrow layer; the other one is twice as wide
on_maps = torch.zeros(1, 2 * half, 14, 14)
torch.manual_seed(7)
narrow, twice_as_wide = (nn.Conv2d(n, n, 1, bias=False) for n in (half, 2 * half))
for layer in (narrow, twice_as_wide):
    nn.init.uniform_(layer.weight, -1, 1)
cost_of = {
    layer.in_channels: measure.cost(layer, on_maps[:, : layer.in_channels]).macs
    for layer in (narrow, twice_as_wide)
}
times = cost_of[2 * half] / cost_of[half]
fine = {"cell": CELL / 2}

# %% at="left"
Asked(
    2,
    "Twice the channels, in and out: how many times as many multiply-adds?",
    ("2 times", "4 times", "8 times"),
    right=f"{times:g} times",
    teaser=matrix(narrow, f"{half} channels: {show.si(cost_of[half])} multiply-adds", **fine),
)

# %%
answer(
    2,
    f"**{times:g} times.** The cost is the product of inputs and outputs. So the width that you "
    "can afford and the price hang together.",
    verdict("00_convolution", "A 1x1 convolution is one matrix"),
    counted,
    matrix(
        twice_as_wide,
        f"{2 * half} channels: {show.si(cost_of[2 * half])} multiply-adds",
        torch.zeros(1, 2 * half, 1, 1),
        **fine,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Ask** for hands: two, four or eight times? *Expect:* most say two or four. Those who say two
# have doubled only one side.
#
# **Say.** Width times width. So you have one knob, and it turns two things at once: how many
# numbers you compute with, and how much you pay. It would be nice to turn them separately.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## ResNeXt: keep the blocks
#
# Inside a block everything is connected, outside nothing is.
#
# **Two knobs** where there was one:
#
# - how many weights there are
# - how many channels there are

# %% at="left"
torch.manual_seed(2)
grouped = resnext.GroupedConv2d(C, C, 1, groups=4)
nn.init.uniform_(grouped.weight, -1, 1)
matrix(grouped, "4 groups: block-diagonal")

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Say.** Same twelve channels, four groups of three. Each output reads only the three inputs of
# its group. Three quarters of the weights are gone, and we know in advance which ones: nothing has
# to be stored to say where they were.
#
# **Say.** What is saved can be spent: add two more blocks, and the layer is wider for the same
# number of weights.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## Turn the knob

# %% slideshow={"slide_type": "skip"}
groups_at = [1, 2, 3, 4, 6, 12]
patch = torch.randn(1, C, 14, 14)
by_groups = {g: resnext.GroupedConv2d(C, C, 1, groups=g) for g in groups_at}
for layer in by_groups.values():
    nn.init.uniform_(layer.weight, -1, 1)
group_costs = {g: measure.cost(layer, patch) for g, layer in by_groups.items()}


def group_bars(g: int) -> Picture:
    full, own = group_costs[1], group_costs[g]
    wide = resnext.affordable(g)
    rows = [
        ("weights", own.params / full.params, f"{own.params}"),
        ("multiply-adds", own.macs / full.macs, f"{own.macs:,}"),
        ("bytes moved", own.bytes / full.bytes, f"{own.bytes:,}"),
        (f"width for {resnext.budget}", wide / C, f"{wide} channels"),
    ]
    return show.draw.bars(rows, title="against the full layer", limit=3, width=520)


# %% slideshow={"slide_type": "skip"}
CAT = photographs.NAMES.index("cat")
CLASSES = [name.split(",")[0][:20] for name in resnext.NAMES]


def names_of(network: nn.Module) -> torch.Tensor:
    """Return the shares of the 1000 classes that a network gives the cat."""
    with torch.no_grad():
        return network(resnext.photos[CAT : CAT + 1]).softmax(1)[0]


def cat_row(shares: torch.Tensor, words: str) -> Picture:
    """Draw the cat next to the three classes with the largest shares."""
    photo = bare(show.draw.photograph(resnext.photos[CAT], title="the cat"))
    guesses = show.draw.guesses(shares, CLASSES, title="its best guesses", number=3, width=375)
    return captioned(in_row(photo, guesses, shares="190px 1fr"), words)


cat_in_groups = {
    g: names_of(resnext.trained if g == 1 else cutting.in_blocks(resnext.trained, g))
    for g in groups_at
}

# %% at="left"
at_each("groups", [matrix(by_groups[g], f"groups = {g}") for g in groups_at], 0)

# %%
slider("groups", "groups", [str(g) for g in groups_at], 0)

# %%
at_each("groups", [group_bars(g) for g in groups_at], 0)

# %%
cuts = [f"a trained network, cut to {g} groups" for g in groups_at]
cuts[0] = "a trained network, not cut"
at_each("groups", [cat_row(cat_in_groups[g], cuts[k]) for k, g in enumerate(groups_at)], 0)

# %% [markdown] minutes=3 slideshow={"slide_type": "notes"}
# **Do.** Move the slider slowly from 1 to 12. The matrix breaks into blocks, weights and
# multiply-adds fall, the bytes hardly move: most of them are the image.
#
# **Ask**, before you leave 1: below is a real network, EfficientNet-Lite0, trained on ImageNet. If
# I cut its 1x1 layers to two groups, will it still see the cat? *Expect:* a divided hall.
#
# **Do.** Go to 2. It does not. **Say.** Blocks are a structure to train with. You cannot cut them
# out of a network that has learned to use all its connections.

# %% [markdown] layout="spot tight" slideshow={"slide_type": "slide"}
# ## What groups buy
#
# $$h\,w\cdot k_h\,k_w\cdot\frac{c_{in}}{b}\cdot\frac{c_{out}}{b}\cdot b$$

# %% slideshow={"slide_type": "skip"}
wider = resnext.affordable(4)
torch.manual_seed(3)
wide_layer = resnext.GroupedConv2d(wider, wider, 1, groups=4)
nn.init.uniform_(wide_layer.weight, -1, 1)
wide_weights = wide_layer.weight.numel()

# %% at="left"
Asked(
    3,
    f"{resnext.budget} weights pay for {C} channels in a full layer. For how many do they pay in 4 "
    "groups?",
    ("12", "24", "48"),
    right=f"{wider}",
    teaser=matrix(plain, f"full: {plain.weight.numel()} weights"),
)

# %%
answer(
    3,
    f"**{wider} channels**, for {wide_weights} weights: {wider / C:g} times the width at the same "
    "cost. The time may not follow.",
    verdict("02_resnext", "Groups divide parameters and computation"),
    counted,
    matrix(
        wide_layer,
        f"4 groups: {wide_weights} weights",
        x=torch.zeros(1, wider, 1, 1),
        cell=CELL * C / wider,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Ask** for hands. *Expect:* 48, from those who divide by four and think that is all. The width
# comes in twice, so the square root of four is what you gain.
#
# **Say.** Count the coloured cells: the same number as before. Only the matrix got larger. And a
# caveat that comes back all the time today: fewer multiply-adds is not the same as less time. A
# device may be worse at 32 small blocks than at one large one.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## ResNet's budget, twice the width

# %% slideshow={"slide_type": "skip"}
shapes = ("1x64d", "32x4d")
stage_costs = {name: resnext.first_stage(name) for name in shapes}


def coarse(name: str) -> Picture:
    """Draw a 3x3 layer of the first stage, two by two channels in a cell."""
    conv = stage_costs[name].conv2
    width = conv.weight.shape[0]
    probed = measure.channel_matrix(conv, torch.zeros(1, width, 3, 3))
    cells = F.avg_pool2d(probed.abs()[None], 2)[0]
    size = {"size": 330 * width // stage_costs["32x4d"].conv2.weight.shape[0]}
    drawn = show.draw.channel_matrix(cells, title=name, still=True, key=False, **size)
    return bare(drawn, f"{name}: {width} channels")


fifty, next_fifty = resnext.resnet, resnext.resnext
ratio = {what: getattr(next_fifty, what) / getattr(fifty, what) for what in ("params", "macs")}
width_ratio = (
    stage_costs["32x4d"].conv2.weight.shape[0] / stage_costs["1x64d"].conv2.weight.shape[0]
)

# %%
Asked(
    4,
    f"ResNeXt-50: 3x3 layers {width_ratio:g} times as wide as ResNet-50's, in 32 groups. And the "
    "multiply-adds of the whole network?",
    ("about the same", "2 times", "4 times"),
    right="about the same" if abs(ratio["macs"] - 1) < 0.05 else None,
    teaser=in_row(coarse("1x64d"), coarse("32x4d")),
)

# %%
answer(
    4,
    f"{percent(ratio['params'] - 1)} parameters, {percent(ratio['macs'] - 1)} "
    "multiply-adds. The error on ImageNet is the paper's (Xie 2016, table 3).",
    verdict("02_resnext", "ResNeXt-50 has the parameters"),
    counted,
    show.draw.bars(
        [
            ("width of the 3x3", width_ratio, f"{width_ratio:g} times"),
            ("parameters", ratio["params"], show.si(next_fifty.params)),
            ("multiply-adds", ratio["macs"], show.si(next_fifty.macs)),
            (
                "top-1 error",
                resnext.row["32x4d"] / resnext.row["1x64d"],
                f"{resnext.row['32x4d']} %, from {resnext.row['1x64d']} %",
            ),
        ],
        (1, "ResNet-50"),
        title="ResNeXt-50 against ResNet-50",
        limit=2.2,
        width=820,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The two papers share an author, and it shows: ResNeXt was built to have ResNet's budget.
#
# **Ask** for hands. *Expect:* some say twice. Then click.
#
# **Say.** We counted both networks from the layers of the lesson. A little fewer parameters, a
# little more computing, twice the width, and a smaller error on ImageNet. The error is quoted:
# measuring it takes weeks of computing.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From the hall: why not any sparse matrix?

# %% slideshow={"slide_type": "skip"}
device.seed(4)
quarter = masks.mask("random", C, 0.25)
blocks_on = masks.mask("block-diagonal", C, 0.25)
scattered = torch.rand(C, C) * 2 - 1


def pattern(mask, words: str) -> Picture:
    return small(mask * scattered, words)


layouts = {"CSR": palette.WEIGHT, "BSR": palette.INPUT, "block-diagonal": palette.OUTPUT}
TENTH = 0.1
reports = [r for r in curves.load_all() if curves.curve(r, "CSR", 1024, 256)]
report = max(reports, key=lambda r: r["kind"] != "cpu")  # the claim is about GPUs
recorded = {name: curves.curve(report, name, 1024, 256) for name in layouts}
crossings = {r["device"]: curves.crossovers(r) for r in reports}


def dense_wins_above(device_name: str) -> float:
    """Return the density above which dense is faster than CSR on a recorded device."""
    own = {"n": 1024, "columns": 256, "layout": "CSR", "dtype": "float32"}
    found = [c for c in crossings[device_name] if own.items() <= c.items()]
    return found[0]["density"] or (1.0 if found[0].get("faster") == "CSR" else 0.0)


def at_density(layout: str, density: float) -> float:
    return min(recorded[layout], key=lambda p: abs(p["density"] - density))["speedup"]


met = {r["device"]: dense_wins_above(r["device"]) for r in reports}
beaten = [name for name, where in met.items() if where > TENTH]
crossing_said = "Depends on the device."
if len(beaten) in (0, len(met)):
    crossing_said = "Did not hold here." if beaten else "Held."
if crossing_said == "Did not hold here." and all(r["kind"] == "cpu" for r in reports):
    crossing_said = "Not on this CPU."
no_gpu = " The lecture meant a GPU; none is measured yet."
if any(r["kind"] != "cpu" for r in reports):
    no_gpu = ""


def speed_curves(marks=(), size=(900, 400), title="Times as fast as dense (1: equal)") -> Picture:
    lines = [
        show.draw.Line(
            name.replace("block-diagonal", "blocks"),
            [p["density"] for p in points],
            [p["speedup"] for p in points],
            colour=layouts[name],
        )
        for name, points in recorded.items()
    ]
    low, high = min(min(line.x) for line in lines), max(max(line.x) for line in lines)
    lines.append(show.draw.Line("dense", [low, high], [1, 1], dashed=True, colour="#000000"))
    return show.draw.curves(
        lines,
        title=title,
        x_label="density: share of entries that are not zero",
        y_label="times as fast",
        log_x=True,
        log_y=True,
        x_ticks=(0.001, 0.01, 0.1, 1),
        marks=marks,
        size=size,
        sharp=True,
    )


# %%
Asked(
    5,
    "One entry in ten is not zero, at random places. Which product is faster?",
    ("dense, with all its zeros", "sparse, with an index"),
    right="sparse, with an index" if len(beaten) == len(met) else "dense, with all its zeros",
    teaser=in_row(
        pattern(quarter, f"any sparse matrix: {int(quarter.sum())} cells"),
        pattern(blocks_on, f"block-diagonal: {int(blocks_on.sum())} cells"),
    ),
)

# %%
answer(
    5,
    f"At {TENTH:.0%} sparse (CSR) is {at_density('CSR', TENTH):.1f} times as fast; dense wins "
    f"above {met[report['device']]:.0%}.{no_gpu}",
    crossing_said,
    measured(report),
    speed_curves(
        [show.draw.Mark(met[report["device"]], "CSR = dense")],
        (820, 244),
        "A matrix of 1024 x 1024 times 256 columns: times as fast as dense",
    ),
)

# %% [markdown] minutes=3 slideshow={"slide_type": "notes"}
# **Say.** This was asked in the lecture: a block-diagonal matrix is a special sparse one. Why not
# a general one? The answer given: a GPU is bad at looking up where the numbers belong. Even with
# 10% non-zeros, write down the zeros and multiply everything. Whether the limit is at one, ten or
# thirty percent depends on the device.
#
# **Ask** for hands. *Expect:* dense, since that is what they have just heard. Then click.
#
# **Say.** The dashed line is the dense product; where a curve is above it, the sparse one is
# faster. So the "10%" is not a law: read the crossing off the curve, and ask for the device. What
# does hold: blocks in known places (green) stay above dense all the way.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## Turn the other knob

# %% slideshow={"slide_type": "skip"}
densities = [1.0, 0.9, 0.7, 0.5, 0.3, 0.1, 0.03, 0.01]
density_names = [f"{d:.0%}" for d in densities]
real = cutting.pointwise(resnext.trained)[1].weight.detach()[:C, :C, 0, 0]
real = real / real.abs().max()


def thinned(weight: torch.Tensor, density: float) -> torch.Tensor:
    """Return a matrix with only its largest entries, as `cutting.pruned` does for a network."""
    kept = torch.zeros(weight.numel())
    kept[weight.abs().flatten().topk(max(1, round(density * weight.numel()))).indices] = 1
    return weight * kept.reshape(weight.shape)


cat_thinned = {d: names_of(cutting.pruned(resnext.trained, d)) for d in densities}

# %% at="left"
at_each(
    "density",
    [matrix(thinned(real, d), f"the largest {d:.0%} of the weights") for d in densities],
    0,
)

# %%
slider("density", "density", density_names, 0)

# %%
at_each(
    "density",
    [
        speed_curves([show.draw.Mark(d, f"{d:.0%}")], (500, 205), "a product of 1024 x 1024")
        for d in densities
    ],
    0,
)

# %%
of_weights = [f"{name} of the weights of its 1x1 layers" for name in density_names]
at_each("density", [cat_row(cat_thinned[d], of_weights[k]) for k, d in enumerate(densities)], 0)

# %% [markdown] minutes=3 slideshow={"slide_type": "notes"}
# **Say.** The same network, cut in another way: in each 1x1 layer the smallest weights become
# zero, wherever they are.
#
# **Ask**, at 100%: at which density does the cat stop being a cat? *Expect:* very low numbers, "it
# has so many weights".
#
# **Do.** Go down slowly. Most people guess far too low. Now look at the curves: at the density
# where the cat is still a cat, the sparse product (orange) is slower than dense.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What has to be looked up

# %% slideshow={"slide_type": "skip"}
tenth = masks.mask("random", 1024, 0.1)
tiles = masks.mask("blocks", 1024, 0.1)
eighth = masks.mask("block-diagonal", 1024, 0.125)
stored = {
    "COO: row and column": ("COO", tenth),
    "CSR: column": ("CSR", tenth),
    "BSR: tiles of 32 x 32": ("BSR", tiles),
    "block-diagonal": ("block-diagonal", eighth),
}
per_number = {
    name: storage.index_bytes(layout, mask) / storage.stored_values(layout, mask)
    for name, (layout, mask) in stored.items()
}
known = dense_wins_above(report["device"]), at_density("block-diagonal", 0.125)

# %%
Asked(
    6,
    "A number takes 4 bytes. How many bytes does a sparse matrix store to say where it belongs?",
    ("none", "about 1", "8 or more"),
    right="8 or more" if per_number["CSR: column"] >= 8 else None,
    teaser=in_row(
        pattern(quarter, "where is each number?"), pattern(blocks_on, "the place says it")
    ),
)

# %%
answer(
    6,
    f"Blocks whose place is known store nothing, and at a density of "
    f"{eighth.double().mean():.1%} they are {known[1]:.1f} "
    "times as fast as dense.",
    "Held." if per_number["block-diagonal"] == 0 and known[1] > 1 else "Did not hold here.",
    measured(report) + " Bytes are counted, for torch's indices.",
    show.draw.bars(
        [(name, value, f"{value:.2g} bytes") for name, value in per_number.items()],
        title="Bytes of index for each number that is stored",
        width=900,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Ask** for hands. *Expect:* "none" from those who think of a file of zeros.
#
# **Say.** The index is larger than the number. That is the price of a surprise: before it can
# multiply, the device has to read where to. If you know the pattern in advance, there is nothing
# to read. That is why it has to be blocks, and not just any zeros.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A project: a few blocks off the diagonal

# %% slideshow={"slide_type": "skip"}
large_text = {"width": 1300, "text": 26, "key": False}
off = experiments.load("off_diagonal")
neighbours = experiments.gap(off, "plus neighbours", "block-diagonal")
to_next = [[0, 1], [1, 2], [2, 3], [3, 0]]
torch.manual_seed(5)
three = (torch.rand(4, 3, 3) * 2 - 1, torch.rand(4, 3, 3) * 2 - 1)
with_neighbours = resnext.off_diagonal(*three, to_next)
xor_rows = [row for row in experiments.summary(off) if "random" not in row["variant"]]

# %%
Asked(
    7,
    "The label: is a bit of group 0 unlike a bit of group 2? How often are block-diagonal layers "
    "right?",
    ("50%, like a coin", "75%", "100%"),
    right="50%, like a coin" if xor_rows[0]["mean"] < 0.6 else None,
    teaser=in_row(
        pattern(blocks_on, "only the diagonal"),
        small(with_neighbours, "and each group's neighbour"),
    ),
)

# %%
answer(
    7,
    f"Four more blocks lift the mean by {100 * neighbours['gap']:.0f} points, at the same number "
    f"of parameters ({xor_rows[0]['params']:,}).",
    "Held." if neighbours["visible"] else "Not seen here.",
    measured(off),
    show.draw.seeds(
        xor_rows, title="XOR of two groups: mean, and range of five seeds", chance=0.5, **large_text
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The lecturer's idea for a project: add a few more blocks next to the diagonal. Then
# groups can talk to each other, and the index stays small. So here is a task that needs two groups
# at once.
#
# **Ask** for hands. *Expect:* 75%, "it can get three of four cases". It could; but the loss is
# lowest if the network always says one half. So training ends at a coin.
#
# **Say.** Keep the third line in mind, the shuffled one. It has no extra blocks at all. We come
# back to it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Into the notebooks: matrices and groups

# %%
lead(
    "00_convolution",
    "1. A 1x1 convolution is a matrix at each pixel",
    "Write the loop over pixels and the one product next to each other: the same numbers.",
)

# %%
lead(
    "02_resnext",
    "4. What groups buy",
    "Ask for the guess in the form, then move the slider: matrix, cost and width in one view.",
)

# %%
lead(
    "02_resnext",
    "8. Is the grouped layer faster?",
    "Time it on the machine in this hall: an eighth of the multiply-adds, and how much of the "
    "time?",
)

# %%
lead(
    "02_resnext",
    "Further A. Why not any sparse matrix?",
    "Run the crossover on this device. It takes a quarter of a minute.",
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Do** one of these live, and leave the others for the exercises. The timing in section 8 is the
# one that surprises: on most laptops the grouped layer is not eight times as fast.
#
# **Ask** first: how many times as fast? *Expect:* eight. What comes out is often between one and
# two.

# %% [markdown] layout="spot tight" slideshow={"slide_type": "slide"}
# ## Why not go further?
#
# Two residual layers, a bit like a Taylor series:
#
# $$x + s\,(W_1 + W_2)\,x + s^2\,W_2 W_1\,x$$

# %% slideshow={"slide_type": "skip"}
blank = nn.Conv2d(C, C, 1, bias=False)
nn.init.zeros_(blank.weight)
identity = measure.channel_matrix(resnet.Residual(blank), pixel)
is_identity = torch.equal(identity, torch.eye(C, dtype=identity.dtype))

# %% at="left"
Asked(
    1,
    "All weights of a new layer are zero. What does a residual one do?",
    ("it returns zero", "it changes nothing"),
    right="it changes nothing" if is_identity else None,
    teaser=matrix(resnet.Residual(plain, 0.5), "x + branch(x)"),
)

# %%
answer(
    1,
    "A plain layer starts at $f(x) = 0$, a residual one at $f(x) = x$: what was there stays there.",
    verdict("01_resnet", "With zero weights a plain layer"),
    counted,
    matrix(identity, "residual, its weights at zero"),
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Say.** What does a layer do that has learned nothing? That is where training starts, and where
# weight decay pulls it back to.
#
# **Ask** for hands. *Expect:* most get it. Click.
#
# **Say.** So adding a residual block never takes a function away. The lecture calls it the first
# step of a Taylor expansion. Careful: it is one in the branches, not in $x$. The remainder falls
# with the square of the scale.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Deeper should never be worse

# %% slideshow={"slide_type": "skip"}
depths = (8, 20, 32, 56)


def depth_lines():
    for kind, colour in resnet.colours.items():
        last = [resnet.accuracies(f"{kind} {d}", "train")[:, -1] for d in depths]
        yield resnet.band(kind, depths, torch.stack(last, 1), colour)


trained_plain = {d: resnet.accuracies(f"plain {d}", "train")[:, -1].mean().item() for d in depths}
trained_added = resnet.accuracies("residual 56", "train")[:, -1].mean().item()

# %%
Asked(
    1,
    "Plain networks with 20 and with 56 layers: which is better on the images it was trained on?",
    ("20 layers", "56 layers", "no difference"),
    right="20 layers" if trained_plain[20] > trained_plain[56] + 10 else None,
    teaser=in_row(
        small(measure.channel_matrix(plain, pixel), "plain"),
        small(measure.channel_matrix(resnet.Residual(plain, 0.5), pixel), "residual"),
    ),
)

# %%
answer(
    1,
    f"20 layers learn {trained_plain[20]:.0f}% of their own training images, 56 learn "
    f"{trained_plain[56]:.0f}%. With the addition: {trained_added:.0f}%.",
    verdict("01_resnet", "On the digits 56 plain layers"),
    measured(resnet.record),
    show.draw.curves(
        list(depth_lines()),
        title="Accuracy on the training images, mean and range of five seeds",
        x_label="layers with weights",
        y_label="accuracy, %",
        x_ticks=depths,
        y_limits=(0, 102),
        size=(860, 242),
        sharp=True,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Ask** for hands, and stress "on the images it was trained on". *Expect:* "56, because it
# overfits". That is the point: overfitting would be *good* on the training images.
#
# **Say.** The deep plain network could do all that the shallow one does: its extra layers only
# have to pass the image on. It does not find that. With the addition it does, and the number of
# parameters is exactly the same.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## DenseNet: append
#
# $$x_{i+1} = [\,x_i,\; f_i(x_i)\,]$$
#
# On top the identity: what was there stays there.
#
# Below it new rows, a few for each layer. **The matrix grows.**

# %% at="left"
device.seed(2)
grown = densenet.DenseBlock(3, C, 4)
nets.initialise(grown)
image = torch.randn(1, C, 3, 3)
after_three = measure.channel_matrix(grown, image)
matrix(after_three[: C + 4], "[x, f(x)]: 4 new channels")

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Say.** ResNet went from $f(x) = 0$ to $f(x) = x$. DenseNet wants the higher orders, too. It
# does not add the new result to the old one, it puts it next to it. Nothing is ever overwritten.
#
# **Do.** Go back and forth between this slide and the one before: the diagonal stays where it is.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The rows of the expansion

# %% slideshow={"slide_type": "skip"}
terms = ["x"]
for number in (1, 2, 3):
    terms.append(f"f_{number}({', '.join(terms)})")
functions = [term.count("f") for term in terms]
rows_of = [C + 4 * k for k in range(4)]


def written(k: int) -> Picture:
    """Write the k-th line of the expansion, and how its matrix grows."""
    inner = ",\\; ".join(terms[: k + 1] if k < 3 else ["x", "\\ldots", terms[3]])
    return formula(f"x_{k + 1} = [\\,{inner}\\,]", f"{rows_of[k]} rows", wide=True)


# %%
written(0)

# %% slideshow={"slide_type": "fragment"}
written(1)

# %% slideshow={"slide_type": "fragment"}
written(2)

# %% slideshow={"slide_type": "fragment"}
written(3)

# %% slideshow={"slide_type": "fragment"}
Text(
    f"The last term has {functions[3]} functions in it, the one before it {functions[2]}, then "
    f"{functions[1]}. **The formula doubles; the matrix gets four more rows.**"
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Do.** Write the lines one click at a time. In the lecture the third line had a mistake in it
# and the fourth was never written: it gets tedious.
#
# **Ask** before the last click: how many rows does the matrix get for the next line? *Expect:*
# "twice as many". No: the growth rate, here four, at every layer.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What growing costs

# %% slideshow={"slide_type": "skip"}
ways = {"as it is": densenet.Block, "pieces kept": densenet.PiecesKept}
kept = {name: densenet.kept(way) for name, way in ways.items()}
deeper = densenet.depths[-1] / densenet.depths[0]
more_memory = kept["as it is"][-1] / kept["as it is"][0]


def memory_lines():
    for name, found in kept.items():
        yield show.draw.Line(name, densenet.depths, [value / 2**10 for value in found])
    straight = [kept["as it is"][0] * d / densenet.depths[0] / 2**10 for d in densenet.depths]
    yield show.draw.Line("a line", densenet.depths, straight, dashed=True, colour="#555555")


# %%
Asked(
    8,
    f"{deeper:g} times the layers: how many times as much must a block keep for its backward pass?",
    ("8 times", "32 times", "64 times"),
    right=f"{nearest(more_memory, 8, 32, 64)} times",
    teaser=in_row(
        *[small(after_three[:rows], f"a layer that reads {rows}") for rows in rows_of[:3]]
    ),
)

# %%
answer(
    8,
    f"**{more_memory:.1f} times**: every layer keeps a copy of all channels so far. Keep the "
    "pieces instead, and it is nearly a line.",
    verdict("03_densenet", "The memory of a naive block"),
    counted,
    show.draw.curves(
        list(memory_lines()),
        title="Kept for the backward pass, one image of 8 x 8 pixels",
        x_label="layers",
        y_label="KiB",
        x_ticks=densenet.depths,
        size=(860, 242),
        sharp=True,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Ask** for hands. *Expect:* eight. The claim itself, that the vector keeps growing, holds: the
# growth rate at each layer. But layer $i$ reads all channels so far, and each concatenation is a
# new copy of them. Summed up, that is the square of the depth.
#
# **Say.** It can be fixed: keep each piece once and concatenate again in the backward pass. That
# costs some more computing.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The network, or how it was trained?

# %% slideshow={"slide_type": "skip"}
recipes = densenet.record
by_network = [
    abs(experiments.gap(recipes, f"DenseNet, {r}", f"ResNet, {r}")["gap"])
    for r in ("plain", "careful")
]
by_recipe = [
    experiments.gap(recipes, f"{n}, careful", f"{n}, plain") for n in ("ResNet", "DenseNet")
]
recipe_wins = all(g["visible"] for g in by_recipe) and min(g["gap"] for g in by_recipe) > max(
    by_network
)
careful = experiments.gap(recipes, "ResNet, careful", "DenseNet, careful")

# %%
Asked(
    9,
    "ResNet or DenseNet; trained plainly or with care. Which choice changes the accuracy more?",
    ("the network", "the training"),
    right="the training" if recipe_wins else "the network",
    teaser=in_row(
        small(measure.channel_matrix(resnet.Residual(plain, 0.5), pixel), "ResNet adds"),
        small(after_three[: rows_of[1]], "DenseNet appends"),
    ),
)

# %%
answer(
    9,
    f"The training: {100 * min(g['gap'] for g in by_recipe):.0f} points or more. The network: at "
    f"most {100 * max(by_network):.1f}. That a well-trained ResNet beats DenseNet was not seen "
    f"({in_points(careful['gap'])}).",
    "Half of it held." if recipe_wins and careful["gap"] <= 0 else "Held.",
    measured(densenet.recipes["careful"]),
    show.draw.seeds(
        experiments.summary(recipes),
        title="Few noisy digits: mean, and range of five seeds",
        **large_text,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** DenseNet won a best paper prize. The lecture says: its training was better, and a ResNet
# that is trained well beats it. Sometimes it is not the network, it is how you train it, and
# papers are vague about that. Often you have to read the code.
#
# **Ask** for hands. *Expect:* split.
#
# **Say.** One half held: the recipe is worth many times the choice of network. The other half did
# not: trained with the same care, ResNet is not ahead here. On ImageNet there is no fair
# comparison that we know of: torchvision's ResNet-50 gained several points from a new recipe
# alone.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Into the notebooks: adding and appending

# %%
lead(
    "01_resnet",
    "3. Deeper plain nets get worse",
    "Move the depth slider, then train one network now: half a minute, drawn over the five seeds.",
)

# %%
lead(
    "01_resnet",
    "5. Start at the identity",
    "The slider of the branch's scale: at 0 only the diagonal is left, and the gradient still "
    "arrives.",
)

# %%
lead(
    "03_densenet",
    "3. The dense block",
    "Move the growth rate: rows are added below, none above ever changes.",
)

# %%
lead(
    "03_densenet",
    "Further D. The network, or its training?",
    "Train one seed with care while you talk, and see where it lands among the shipped ones.",
)

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Do** the depth slider if there is time for one thing. It is the picture that students remember.
#
# **Say.** Every network from here on has the addition in it somewhere.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## If only you knew that it is a cat

# %% slideshow={"slide_type": "skip"}
portrait = photographs.photograph("cat").square(512)
with torch.no_grad():
    maps = resnext.trained.features(portrait)[0]  # 1280 channels
animals = {"cat": "Egyptian cat", "dog": "golden retriever", "dinosaur": "triceratops"}


def channel_for(name: str) -> int:
    """Return the channel that adds most to the score of a class, for this photo."""
    weight = resnext.trained.fc.weight[resnext.NAMES.index(name)]
    return int((weight * maps.mean((1, 2))).argmax())


strongest = {animal: channel_for(name) for animal, name in animals.items()}
brightest = max(maps[k].max() for k in strongest.values()).item()

# %%

in_row(
    bare(
        show.draw.photograph(portrait, title="the cat", size=420),
        f"Photo: {photographs.photograph('cat').credit}",
    ),
    *[
        bare(
            show.draw.pixels(maps[k] / brightest, title=animal, limit=1),
            f"a {animal} channel? It adds most to “{animals[animal]}”",
        )
        for animal, k in strongest.items()
    ],
)

# %%
Text(
    "Turn up the cat channel, turn down the others: easy. **But then you must know the answer "
    "first.** So who turns the knobs?"
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Say.** Maybe there is a cat channel, a dog channel, a dinosaur channel. If you knew that this
# is a cat, you would turn up the cat channel and turn down the rest. But that is silly: once you
# know the answer, the question is easy.
#
# **Say.** These are real channels of a real network, the last ones before its classifier: those
# with the largest weight for the class. They are not cat detectors, whatever their title says.
#
# **Ask.** What in a photo tells you "cat" without showing the cat? *Expect:* a sofa, a bowl of
# milk, a basket.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## From this corner to that corner

# %% slideshow={"slide_type": "skip"}
side = senet.side
most = [senet.sizes_of([[3, 1, 1]] * n)[-1] for n in range(1, 2 * side)]
across = 1 + sum(size < 2 * side - 1 for size in most)
halving = senet.sizes_of([[3, 2, 1]] * 8)
with_stride = 1 + sum(size < 2 * side - 1 for size in halving)
field_stops = (4, 6, across)
torch.manual_seed(8)
blank_image = torch.rand(1, 1, side, side)


def field_of(layers: int) -> Picture:
    stack = nn.Sequential(*senet.plain[:layers])
    found = measure.effective_receptive_field(stack, blank_image, (0, 0))
    share = found[-1, -1] / found.sum()
    words = f"one part in {round(1 / share.item(), -5):,.0f}" if share else "nothing"
    drawn = show.draw.pixels(found / found.max(), title=f"{layers} layers")
    return bare(drawn, f"{layers} layers, far corner: {words}")


# %%
corners = torch.zeros(side, side)
corners[0, 0], corners[-1, -1] = 1, -1
Asked(
    10,
    f"Plain 3x3 layers, {side} x {side} pixels: after how many does one corner see the opposite "
    "one?",
    tuple(str(n) for n in field_stops),
    right=str(across),
    teaser=bare(show.draw.pixels(corners / 1.001, title="corners"), "from orange to blue"),
)

# %%
answer(
    10,
    f"**{across} layers**, and even then next to nothing arrives. “4 to 6” is right if every layer "
    f"halves the image: then {with_stride} are enough.",
    verdict("04_senet", "Then 4 to 6 layers go from corner"),
    counted,
    in_row(*[field_of(n) for n in field_stops]),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The bowl of milk is in one corner, the cat in the other. In a convolutional network,
# information travels slowly: a few pixels per layer.
#
# **Ask** for hands. *Expect:* four or six, because the lecture says "four, five, six layers".
#
# **Say.** That is right if each layer halves the image. With stride 1 it takes one layer for each
# pixel of the way. And "is seen" says little: many paths lead to the pixels nearby, a single one
# leads to the far corner.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## The clue in the corner

# %% slideshow={"slide_type": "skip"}
twin_images, place_of_animal = clue.twins(9)
far = experiments.load("senet_far_clue")
far_rows = [row for row in experiments.summary(far) if "dilations" not in row["variant"]]
without, with_gate = "no gate", "the paper's gate"
clue_gap = experiments.gap(far, with_gate, without)

# %%
Asked(
    11,
    "Cat or dog, at the outlined pixel? The far stripes say it; a pixel sees 9 x 9. How often is "
    "the network right?",
    ("50%, like a coin", "75%", "100%"),
    right="50%, like a coin" if far_rows[0]["mean"] < 0.6 else None,
    teaser=in_row(
        *[
            bare(
                show.draw.pixels(image[0], title=name, limit=1, outlined=[place_of_animal]),
                f"{way} stripes: a {name}",
            )
            for name, way, image in zip(
                ("cat", "dog"), ("vertical", "horizontal"), twin_images, strict=True
            )
        ]
    ),
)

# %%
answer(
    11,
    f"A gate that has seen the whole image: {100 * clue_gap['gap']:+.0f} points. The lecture's "
    "gate and the paper's both solve it.",
    verdict("04_senet", "With either gate the clue"),
    measured(far),
    show.draw.seeds(
        far_rows,
        title="The clue is 9 away: mean, and range of five seeds",
        chance=0.5,
        **large_text,
    ),
)

# %% [markdown] minutes=2.5 slideshow={"slide_type": "notes"}
# **Say.** The bowl of milk as an experiment. Two images that differ in nothing but the stripes in
# the far corner: vertical means cat, horizontal means dog. The network must answer at the square,
# which is outlined.
#
# **Ask** for hands, for the network without any gate. *Expect:* most say 50%: it cannot see the
# clue. Right.
#
# **Say.** Now give it one number per channel, computed from the whole image. That is all it takes.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## “Let me write that out”: the gate on the board

# %%
formula(
    r"x,\; W \in \mathbb{R}^{C\times H\times W}",
    "the image, and a learned weight of the same shape",
)

# %% slideshow={"slide_type": "fragment"}
formula(r"y_c = \sum_{h,w} x_{chw}\, W_{chw}", "one inner product for each channel")

# %% slideshow={"slide_type": "fragment"}
formula(r"y \leftarrow \mathrm{softmax}(y)", "shares that sum to one: the channels compete")

# %% slideshow={"slide_type": "fragment"}
formula(r"x_{chw} \leftarrow y_c\, x_{chw}", "the same factor at every pixel of a channel")

# %% slideshow={"slide_type": "fragment"}
formula(
    r"y = \sigma(W_2\,\mathrm{relu}(W_1 z + b_1) + b_2)",
    "the paper instead: from the channels' means z, and no competition",
)

# %% [markdown] minutes=3 slideshow={"slide_type": "notes"}
# **Do.** One line per click, slowly; or write it on the board.
#
# **Expect the question:** one such function for each layer? *Yes*, computed next to the
# convolution, and the two results are multiplied. And: are the $W$ learned? *Yes.*
#
# **Say.** The lecture wrote this gate from memory. The paper's is a bit different: the mean of
# each channel, two small fully connected layers, a sigmoid. Both do the same job. We built both,
# and the next slides compare them.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## A diagonal from the image

# %% slideshow={"slide_type": "skip"}
torch.manual_seed(5)
gate = senet.SqueezeExcitation(C, 3)
for weight in gate.parameters():
    nn.init.normal_(weight)
images = torch.rand(2, C, 5, 5) * 3 * torch.rand(2, C, 1, 1) ** 2
still = figures["held_still"]
gate_pictures = {
    "image A, held still": (still(gate, images[:1]), images[:1]),
    "image B, held still": (still(gate, images[1:]), images[1:]),
    "image B, live": (gate, images[1:]),
}

# %% at="left"
at_each("gate", [matrix(g, name, x=x) for name, (g, x) in gate_pictures.items()], 0)

# %%
slider("gate", "the gate", ["image A", "image B", "B, live"], 0)

# %%
Text(
    "Held still, it mixes nothing: it only turns channels up and down.\n\n"
    "**Another image, another diagonal,** with the same weights.\n\nLive, every channel takes "
    "part in every gate. The matrix is full: everything reaches everything at once."
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Do.** Move from A to B: the diagonal changes, although no weight did. Then "live".
#
# **Ask.** Is the gate fixed once training is over? *Expect:* many say yes. No: training fixes the
# two small layers that compute it. It is a new gate for every image.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Two gates that are not the same

# %% slideshow={"slide_type": "skip"}
spreads = senet.spreads
shrinks = spreads["the image"] / spreads["the lecture's"]
first_channels, shrunk_by = senet.stages[0]
at_first = 224 // shrunk_by
weights = {
    "lecture": senet.weights_of(senet.LectureGate, first_channels, at_first, at_first),
    "paper": senet.weights_of(senet.SqueezeExcitation, first_channels),
}

# %%
Asked(
    11,
    f"{first_channels} channels, start of training: how many times smaller does the lecture's "
    "softmax make the image?",
    ("2 times", "16 times", "256 times"),
    right=f"{nearest(shrinks, 2, 16, 256)} times",
    teaser=formula(r"x_{chw} \leftarrow \mathrm{softmax}(y)_c\; x_{chw}"),
)

# %%
answer(
    11,
    f"{shrinks:.0f} times: shares of {first_channels} channels sum to one. Also: "
    f"{weights['lecture']:,} weights against the paper's {weights['paper']:,}, and they fit one "
    "image size only.",
    verdict("04_senet", "The lecture's sum to one"),
    counted,
    show.draw.bars(
        [(name, value, f"{value:.3g}") for name, value in spreads.items()],
        title="How large the image is after the gate (standard deviation)",
        width=900,
    ),
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Ask** for hands. *Expect:* two, from those who think of the sigmoid.
#
# **Say.** A softmax over 256 channels hands out shares of 1/256 on average. In a network with
# batch norm behind it that would not matter; in a residual block the addition comes right after.
# Multiply by the number of channels and both gates work.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is that not just a convolution?

# %% slideshow={"slide_type": "skip"}
added = {what: senet.growth(what) for what in ("macs", "params", "bytes", "launches")}
gated = senet.costs["with the gate"]
words = {"macs": "multiply-adds", "params": "parameters", "bytes": "bytes moved"}
most_added = max(("macs", "params", "bytes"), key=added.get)

# %%
Asked(
    12,
    "A gate: one number per channel, times the image. What grows most in a ResNet block?",
    tuple(words.values()),
    right=words[most_added],
    teaser=formula(
        r"z_c = \frac{1}{HW}\sum_{h,w} x_{chw} \qquad x_{chw} \leftarrow g_c(z)\, x_{chw}"
    ),
)

# %%
answer(
    12,
    "An inner product, a reduction: a convolution only if its kernel is as large as the image. "
    "Next to no multiply-adds, but the image is read again.",
    verdict("04_senet", "The gate adds next to no multiply-adds"),
    counted,
    show.draw.bars(
        [
            (
                (words | {"launches": "operations started"})[what],
                value,
                f"+{value:.0f}%" if value >= 1 else f"+{value:.1g}%",
            )
            for what, value in added.items()
        ],
        title="What the paper's gate adds to a block of ResNet-50",
        width=860,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** This was asked, too. Not quite: a convolution slides, this does not. If it were an
# ordinary convolution over everything, you would get a single number and scale the whole image by
# it. That prefers no channel to any other.
#
# **Ask** for hands. *Expect:* parameters. Click.
#
# **Say.** "The overall cost is benign", says the lecture. In multiply-adds, yes. But it must read
# the image for its means before it can scale anything.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Into the notebook: the gate

# %%
lead(
    "04_senet",
    "7. The clue in the far corner",
    "Trains three networks in front of the hall, half a minute. Then move the clue from 3 to 9.",
)

# %%
lead(
    "04_senet",
    "4. Another image, another matrix",
    "Choose a digit, then another: the same weights, another diagonal. Untick “held still”.",
)

# %%
lead(
    "04_senet",
    "Further A. Is it the gate, or is it the reach?",
    "The control without a gate solves the task as well. Ask the hall what follows from that.",
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Do.** Section 7 is worth its minute: at a distance of 5 the answer without a gate stops
# changing, and everybody can see why from the 9 x 9 pixels.
#
# **Say**, if asked: a network with dilated layers solves it as well. So what the task needs is
# reach, and a gate is a cheap way to get it.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## Stovepipes

# %% slideshow={"slide_type": "skip"}
torch.manual_seed(6)
pipes = [shufflenet.GroupedConv2d(C, C, 1, groups=4) for _ in range(3)]
for layer in pipes:
    nn.init.uniform_(layer.weight, -1, 1)
between = shufflenet.Shuffle(4)
steps = [measure.channel_matrix(layer, pixel) for layer in pipes]
dealt = measure.channel_matrix(between, pixel)
no_shuffle = nn.Sequential(*pipes)
with_shuffle = nn.Sequential(pipes[0], between, pipes[1], between, pipes[2])


def wires(matrices, names) -> Picture:
    title = "where input 0 goes"
    return show.draw.lines(matrices, title=title, names=names, follow=0, gap=20, width=460)


# %% at="left"
matrix(no_shuffle, "three layers in 4 groups")

# %%
wires(steps, ["layer 1", "layer 2", "layer 3"])

# %%
Text("Blocks times blocks are blocks: **what enters in a group leaves in that group.**")

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Say.** Back to ResNeXt. Its groups are stovepipes: features mix inside each, never across. We
# gave up mixing to save computing.
#
# **Ask.** How many layers until input 0 reaches output 11? *Expect:* "never", after a moment.
#
# **Say.** ResNeXt gets away with it because its 1x1 layers are full. But these are what costs.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## ShuffleNet: deal them out

# %% slideshow={"slide_type": "skip"}
mixed = measure.channel_matrix(with_shuffle, pixel)
reached = int((mixed != 0).sum(1).min())

# %% at="left"
matrix(mixed, "with two shuffles")

# %%
wires(
    [steps[0], dealt, steps[1], dealt, steps[2]], ["layer", "shuffle", "layer", "shuffle", "layer"]
)

# %%
Text(
    f"A fixed permutation, no weights. After three layers **every output sees {reached} of {C} "
    "inputs.**"
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Say.** Take one channel from the red group, one from the green, one from the blue, and make a
# new group of them. Like dealing cards. Nothing is computed, the channels only change their
# places.
#
# **Do.** Go back one slide and forward again: same layers, same weights, and the matrix fills.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## A reshape and a transpose

# %%
code(answer_lines("05_shufflenet", "shufflenet.channel_shuffle"))

# %%
in_row(
    show.draw.lines(
        [dealt],
        title="12 channels, 4 groups",
        names=["the shuffle"],
        groups=4,
        gap=21,
        width=430,
        right=[str(j) for j in dealt.argmax(1).tolist()],
    ),
    show.draw.channel_matrix(
        dealt, title="a permutation", still=True, key=False, limit=1, size=21 * C
    ),
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Say.** This is the only code of the hour, because here the line *is* the idea. Write the
# channels into a table, one row for each group. Read it column by column.
#
# **Ask.** With 4 groups of 3: where does channel 1 go? *Expect:* to place 4. Check it on the left.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is one permutation enough?

# %% slideshow={"slide_type": "skip"}
xor = experiments.load("shuffle_xor")
xor_gap = experiments.gap(xor, "shuffle", "no shuffle")

# %%
Asked(
    13,
    "XOR of two groups again; grouped layers are at best a coin. Now with a shuffle, which has no "
    "weights: how often is it right?",
    ("50%", "75%", "100%"),
    right="100%" if experiments.summary(xor)[1]["mean"] > 0.98 else None,
    teaser=in_row(
        small(measure.channel_matrix(no_shuffle, pixel), "without"),
        small(mixed, "with the shuffle"),
    ),
)

# %%
answer(
    13,
    f"{100 * xor_gap['gap']:+.0f} points from a permutation: no weights, no multiply-adds, "
    "nothing to learn. But it takes depth, and groups of more than one channel.",
    verdict("05_shufflenet", "A fixed permutation restores the mixing"),
    measured(xor),
    show.draw.seeds(
        experiments.summary(xor),
        title="XOR of two groups: mean, and range of five seeds",
        chance=0.5,
        **large_text,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** Remember the project with a few blocks off the diagonal? This is the same task.
#
# **Ask** for hands. *Expect:* 100% by now.
#
# **Say.** From chance to certainty, and the two networks have exactly the same parameters and
# multiply-adds. Each layer multiplies the number of inputs that an output sees by the width of a
# group, until it sees all of them.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## “Does it learn how to shuffle?”

# %% slideshow={"slide_type": "skip"}
copies = experiments.load("shuffle_copies")
copy_rows = [
    row
    for row in experiments.summary(copies)
    if row["variant"] not in ("identity", "3 permutations")
]
device.seed(9)
permutations = [torch.eye(C)[torch.randperm(C)] for _ in range(2)]
two = experiments.gap(copies, "2 permutations", "shuffle")

# %%
Asked(
    14,
    "No. Could it be learned, or be two, three, log C copies? Eight groups of two channels: what "
    "is needed?",
    ("one shuffle", "two permutations", "a learned mix"),
    right="two permutations" if two["visible"] else None,
    teaser=in_row(
        small(dealt, "one shuffle"),
        small(sum(permutations) / 2**0.5, "two permutations, added"),
        small(measure.channel_matrix(plain, pixel), "a learned mix"),
    ),
)

# %%
answer(
    14,
    f"Where groups are that narrow, two permutations are enough ({100 * two['gap']:+.0f} "
    "points). More copies, or a learned mix, win nothing more here.",
    "Held for narrow groups." if two["visible"] else "Not seen here.",
    measured(copies),
    show.draw.seeds(
        copy_rows, title="One mix: mean, and range of five seeds", chance=0.5, **large_text
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The hall asked: does it learn how to shuffle? No. Its matrix has ones in it and nothing
# to learn. The lecturer's guess: two, three, maybe log C copies could help, and there is not much
# to gain when you have 32 channels. A good project. We tried it.
#
# **Ask** for hands. *Expect:* the learned mix.
#
# **Say.** One shuffle fails by design here: it brings groups 0 and 1 together, and the label needs
# 0 and 2. One random permutation is a lottery. Two are enough. The learned one is as good and has
# weights to learn and to store.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Put it into the other networks

# %% slideshow={"slide_type": "skip"}
blocks = experiments.load("shuffle_blocks")
on_digits = experiments.load("shuffle_blocks_digits")
kinds = ("ResNet", "ResNeXt", "SE")
block_rows = [
    row
    for row in experiments.summary(blocks)
    if row["variant"].endswith((", identity", ", shuffle"))
]
for row in block_rows:
    row["variant"] = row["variant"].replace(", identity", ", no shuffle")
on_xor = {k: experiments.gap(blocks, f"{k}, shuffle", f"{k}, identity") for k in kinds}
seen_on_digits = [
    k for k in kinds if experiments.gap(on_digits, f"{k}, shuffle", f"{k}, identity")["visible"]
]
unmoved = [k for k in kinds if not on_xor[k]["visible"]]
lost = {g: shufflenet.unshuffled[g] - shufflenet.errors[g] for g in sorted(shufflenet.unshuffled)}

# %%
Asked(
    15,
    "ResNet, ResNeXt and SE blocks, all layers in groups, on the XOR: where does the shuffle "
    "change nothing?",
    kinds,
    right=unmoved[0] if len(unmoved) == 1 else None,
    teaser=in_row(
        small(measure.channel_matrix(no_shuffle, pixel), "all layers in groups"),
        small(dealt, "the shuffle"),
        small(mixed, "the shuffle between them"),
    ),
)

# %%
answer(
    15,
    f"SE's gate has connected the groups already. On digits "
    f"{'no gap is' if not seen_on_digits else 'gaps are'} larger than the seeds' spread. The "
    f"paper, on ImageNet: {' and '.join(f'{points:.1f}' for points in lost.values())} points at "
    f"{' and '.join(map(str, lost))} groups.",
    verdict("07_zoo", "That the shuffle helps"),
    measured(on_digits),
    show.draw.seeds(
        block_rows,
        title="XOR: mean, range of five seeds",
        chance=0.5,
        width=1620,
        text=31,
        key=False,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The authors put the shuffle into ResNet, ResNeXt and SE-Net, "and it helps".
#
# **Ask** for hands. *Expect:* nobody knows; let them think about what the gate reads.
#
# **Say.** Where the answer needs two groups, the shuffle decides everything, except where a gate
# has already seen all channels. On digits, whose first layer mixes everything anyway, we saw
# nothing either way. The paper's gain on ImageNet is quoted.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Into the notebook: the shuffle

# %%
lead(
    "05_shufflenet",
    "3. How far does a stack reach?",
    "Three controls: layers, groups, shuffle. Let the hall say how many layers are enough.",
)

# %%
lead(
    "05_shufflenet",
    "4. A task that needs two groups at once",
    "Trains both networks in a second or two, and draws them over the five seeds.",
)

# %%
lead(
    "05_shufflenet",
    "Further B. Why this permutation? Why only one?",
    "The lottery of one random permutation, live.",
)

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Do** section 3: take the shuffle away and give it back with the tick box.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Accuracy against cost

# %% slideshow={"slide_type": "skip"}
zoo_record = experiments.load("zoo")
zoo_rows = {row["variant"]: row for row in experiments.summary(zoo_record)}
zoo_names = [name for name in zoo_rows if not name.startswith("no shuffle")]
zoo_counts = {
    name: networks_of_the_zoo.counted(
        name.split(",")[0], WIDTHS[name.split(",")[0]][name.endswith(f"{LARGE // 1000}k")]
    )
    for name in zoo_names
}
costs = {"multiply-adds": "macs", "parameters": "params", "bytes": "bytes"}


def zoo_front(label: str) -> Picture:
    price = [float(getattr(zoo_counts[name], costs[label])) for name in zoo_names]
    means = [zoo_rows[name]["mean"] for name in zoo_names]
    kept = zoo.pareto_front(torch.tensor(price), torch.tensor(means)).tolist()
    spots = [
        show.draw.Spot(
            name.split(",")[0], cost, *(zoo_rows[name][k] for k in ("mean", "low", "high")), on
        )
        for name, cost, on in zip(zoo_names, price, kept, strict=True)
    ]
    size = {"size": (915, 336)}
    title = f"test accuracy against {label}; dashed: the front"
    return show.draw.front(spots, title=title, x_label=label, x_text=show.si, **size)


# %%
slider("cost", "against", list(costs), 0)

# %%
at_each("cost", [zoo_front(label) for label in costs], 0)

# %%
answer(
    18,
    "There is a curve for each cost. **Another cost, another front.**",
    verdict("07_zoo", "There is a curve of accuracy against cost"),
    measured(zoo_record),
)

# %% [markdown] minutes=2.5 slideshow={"slide_type": "notes"}
# **Say.** There is a curve: for more computing you get more accuracy. You can push to one end and
# win the benchmark, or to the other and run on a phone.
#
# **Ask**, at "multiply-adds": who wins? *Expect:* ShuffleNet, it is on top. Then move to "bytes".
#
# **Say.** The multiply-adds were made equal, so there are only two columns. Count bytes instead,
# and the same networks spread over a factor of several, and plain ones join the front.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Is ShuffleNet faster than MobileNet?

# %% slideshow={"slide_type": "skip"}
arm = [
    quoted("05_shufflenet", "{} ms for ShuffleNet"),
    quoted("05_shufflenet", "{} ms for MobileNet"),
]
gpu = [
    quoted("05_shufflenet", "{} batches a second for ShuffleNet V1"),
    quoted("05_shufflenet", "for ShuffleNet V1 and {} for MobileNet V1"),
]
device.seed(12)
depthwise = separable.DepthwiseConv2d(C, 3, padding=1)
small_image = torch.randn(1, C, 5, 5)
shufflenet.race()
here = [shufflenet.times[k].minimum for k in ("ShuffleNet's unit", "MobileNet's unit")]
slower = {
    "an ARM core": arm[0] / arm[1],
    "a GPU": gpu[1] / gpu[0],
    "here, one unit": here[0] / here[1],
}

# %%
Asked(
    18,
    "At the same number of multiply-adds: is ShuffleNet faster than MobileNet?",
    ("yes, somewhat", "no", "it depends on the device"),
    right="it depends on the device" if max(slower.values()) / min(slower.values()) > 1.2 else None,
    teaser=in_row(
        small(measure.channel_matrix(nn.Sequential(depthwise), small_image), "MobileNet: filters"),
        small(measure.channel_matrix(plain, pixel), "and a full 1x1"),
        small(measure.channel_matrix(pipes[0], pixel), "ShuffleNet: groups"),
        small(dealt, "a shuffle"),
        small(measure.channel_matrix(pipes[1], pixel), "groups again"),
    ),
)

# %%
answer(
    18,
    f"A tie on an ARM core ({arm[0]} and {arm[1]} ms), about half the speed on a GPU, "
    f"{slower['here, one unit']:.1f} times the time here.",
    verdict("05_shufflenet", "Somewhat faster than MobileNet"),
    "ARM: Zhang 2017; GPU: Ma 2018; table 8 in both. Here: a CPU, while this deck was made, "
    f"{parts.in_words(date.today())}.",
    show.draw.bars(
        [(name, value, f"{value:.2f} times") for name, value in slower.items()],
        (1, "MobileNet"),
        title="ShuffleNet's time",
        limit=max(2.2, 1.1 * max(slower.values())),
        width=820,
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The lecture: ShuffleNet tends to be a little faster than MobileNet.
#
# **Ask** for hands. *Expect:* "depends" by now; they have learned.
#
# **Say.** Multiply-adds do not say how long it takes. More channels have to be read and written,
# and three grouped layers have to be started. The second ShuffleNet paper was written about
# exactly that.

# %% [markdown] layout="spot tight" slideshow={"slide_type": "slide"}
# ## Every channel for itself

# %% slideshow={"slide_type": "skip"}
TWENTY = 20
view = torch.zeros(1, TWENTY, 5, 5)
scale = {"1: dense": 1, "5: ResNeXt": 5, "5, shuffled": 5, "20: separable": TWENTY}


def twenty(name: str) -> nn.Module:
    device.seed(7)
    layer = nn.Conv2d(TWENTY, TWENTY, 3, padding=1, groups=scale[name], bias=False)
    nn.init.uniform_(layer.weight, -1, 1)
    return nn.Sequential(layer, nn.ChannelShuffle(5)) if "shuffled" in name else layer


twenties = {name: twenty(name) for name in scale}
twenty_costs = {name: measure.cost(layer, view) for name, layer in twenties.items()}
finer = {"cell": CELL * C / TWENTY, "x": view}

# %% at="left"
at_each("scale", [matrix(layer, name, **finer) for name, layer in twenties.items()], 0)

# %%
slider("scale", "groups", list(scale), 0)

# %%
Asked(
    16,
    f"{TWENTY} channels, each filtered by itself: how many times fewer weights than a dense 3x3?",
    ("5 times", "9 times", "20 times"),
    right=f"{twenty_costs['1: dense'].params // twenty_costs['20: separable'].params} times",
)

# %%
answer(
    16,
    f"{TWENTY} channels, {TWENTY} convolutions. ResNeXt: {scale['5: ResNeXt']} groups of "
    f"{TWENTY // scale['5: ResNeXt']}. ShuffleNet: that, and a shuffle. "
    f"{twenty_costs['1: dense'].params:,}, {twenty_costs['5: ResNeXt'].params:,} and "
    f"{twenty_costs['20: separable'].params:,} weights: stops of one scale.",
    verdict("06_separable", "Separable convolutions treat each channel"),
    counted,
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Do.** Move the slider from dense to separable: one block, five blocks, five blocks in another
# order, a diagonal. The matrix shows the middle of the nine, or rather their sum.
#
# **Ask** for hands. *Expect:* twenty.
#
# **Say.** And then a full 1x1 must mix them, or nothing ever meets. That is MobileNet: filter each
# channel, then mix.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Who was first?

# %% slideshow={"slide_type": "skip"}
timeline = separable.timeline()

# %%
Asked(
    17,
    "“MobileNet's separable convolutions are a precursor of ResNeXt.” Which paper came first?",
    ("MobileNet", "ResNeXt", "Xception"),
    right="Xception",
    teaser=in_row(
        small(measure.channel_matrix(depthwise, small_image), "MobileNet's filters"),
        small(measure.channel_matrix(grouped, pixel), "ResNeXt's groups"),
        small(measure.channel_matrix(depthwise, small_image), "Xception's filters"),
    ),
)

# %%
answer(
    17,
    "The idea is older than ResNeXt, whose authors cite it. MobileNet's paper is younger.",
    verdict("06_separable", "MobileNet is a precursor of ResNeXt"),
    "The dates of the first versions on arXiv, and of Sifre's thesis.",
    timeline,
)

# %% [markdown] minutes=1 slideshow={"slide_type": "notes"}
# **Ask** for hands. *Expect:* MobileNet, because the lecture says so.
#
# **Say.** Half right. Separable layers are an idea of 2014, and ResNeXt cites it as a special case
# of its groups. The MobileNet paper came out five months after ResNeXt.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## Into the notebooks: separable, and the zoo

# %%
lead(
    "06_separable",
    "4. From dense to depthwise, timed",
    "One slider from dense to depthwise, timed on this machine in two memory layouts.",
)

# %%
lead(
    "06_separable",
    "7. Your layer names what is in a photo",
    "The network with a student's own depthwise layer in it, on six photos or on one of yours.",
)

# %%
lead(
    "07_zoo",
    "6. The Pareto front",
    "Choose another axis, also the time on this machine, and see who is on the front now.",
)

# %% [markdown] minutes=1.5 slideshow={"slide_type": "notes"}
# **Do** section 7 of lesson 06 if you have a photo of your own: drop it on the page.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## And before ResNet? Mix, match, normalise

# %% slideshow={"slide_type": "skip"}
norms = experiments.load("convolution_norm")
norm_gap = experiments.gap(norms, "batch norm", "no norm")
norm_rows = [
    row
    for row in experiments.summary(norms)
    if row["variant"] in ("no norm", "norm of each image", "batch norm")
]
(inception,) = figures["inception"](convolution)

# %%
Asked(
    19,
    "Inception mixes kernel sizes, here by rows. And batch norm: does it help on images that "
    "were not trained on?",
    ("yes", "no"),
    right="yes" if norm_gap["gap"] > 0 else "no",
    teaser=bare(inception, "a colour for each kind of row: 1x1, 3x3, 5x5, pool"),
)

# %%
answer(
    19,
    f"{in_points(norm_gap['gap'])} on new images, although all networks know every training "
    "image. That its noise is the reason was not shown.",
    "Held." if norm_gap["visible"] else "Not seen here.",
    measured(norms),
    show.draw.seeds(
        norm_rows, title="200 digits, all learned: mean, and range of five seeds", **large_text
    ),
)

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Say.** The summary starts further back. Inception: different convolutions side by side, and you
# concatenate. In the matrix each row has its own kernel size. And batch norm, which we need
# everywhere.
#
# **Ask** for hands. *Expect:* yes.
#
# **Say.** Yes, here by more than the seeds differ. But careful with the explanation: we could not
# show that it is the noise of the batches.

# %% [markdown] layout="spot" slideshow={"slide_type": "slide"}
# ## The zoo, on one spot

# %% slideshow={"slide_type": "skip"}
ideas = {
    "plain": (plain, pixel, "full"),
    "ResNet": (resnet.Residual(plain, 0.5), pixel, "the identity, and a full one"),
    "ResNeXt": (grouped, pixel, "blocks on the diagonal"),
    "DenseNet": (after_three[: C + 4], pixel, "the identity, and new rows"),
    "SE, still": (still(gate, images[:1]), images[:1], "a diagonal from the image"),
    "SE, live": (gate, images[:1], "full, for a few weights"),
    "Shuffle": (shufflenet.Shuffle(4), pixel, "a permutation"),
    "Separable": (depthwise, small_image, "a diagonal; then a full 1x1"),
}

# %% at="left"
at_each("zoo", [matrix(m, f"{name}: {w}", x=x) for name, (m, x, w) in ideas.items()], 0)

# %%
slider("zoo", "idea", list(ideas), 0)

# %% [markdown]
# - **ResNet**: start at the identity
# - **ResNeXt**: the same with groups, so a bit more control
# - **DenseNet**: useful, but memory-hungry
# - **SE-Net** and **ShuffleNet**: the two most interesting ones
# - **MobileNet**: separable, and cheap to multiply
#
# Every idea is one pattern in one matrix.

# %% [markdown] minutes=2 slideshow={"slide_type": "notes"}
# **Do.** Walk through all of them once with the slider. Let the hall name each before you move on.
#
# **Say.** By next year there will be more of them. If you can say what a new layer does to this
# matrix, you have understood it.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## What held, and what did not

# %% slideshow={"slide_type": "skip"}
CLAIMS = {
    1: "residual: f(x) = x",
    2: "a 1x1 is a matrix",
    3: "groups: two knobs",
    4: "ResNeXt, same budget",
    5: "at 10% dense wins",
    6: "known zeros are fast",
    7: "blocks off the diagonal",
    8: "DenseNet grows",
    9: "it was the training",
    10: "corner to corner: 4 to 6",
    11: "a gate brings the clue",
    12: "a reduction, and cheap",
    13: "one shuffle restores it",
    14: "several, or learned",
    15: "it helps elsewhere",
    16: "20 channels, 20 filters",
    17: "MobileNet came first",
    18: "accuracy against speed",
    19: "batch norm regularises",
}

# %%
parts.scoreboard({claim: (CLAIMS[claim], found) for claim, found in sorted(verdicts.items())})

# %% [markdown] minutes=3 slideshow={"slide_type": "notes"}
# **Say.** These were the claims of the lecture. Most held, some with a caveat, and a few depend on
# the machine or were not seen. None of that was visible from the slides of the original lecture:
# it had to be measured.
#
# **Ask.** Which one surprised you most? And: any questions so far on the theory?
