# ---
# jupyter:
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown] slideshow={"slide_type": "slide"}
# # 07 The whole zoo: accuracy against cost
#
# You need a network for a phone or a server. Seven lessons had seven ideas:
# which is the best? Best *at what cost*? Here they all get the same task, the
# same skeleton, the same training and the same number of multiply-adds.
#
# **You will be able to** give every network the same budget; write a training
# recipe; find the Pareto front on any axis; tell a gap from mere noise.
#
# **Time:** 60 minutes for the core. **Builds on:** any of lessons 01 to 06;
# what you have not built is ready-made.
#
# **The lecture's claims:** there is a curve of accuracy against speed;
# ShuffleNet is somewhat faster than MobileNet; the shuffle helps elsewhere.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Away from the course's folder**, on Colab for example, first run
# `%pip install "PATH[lessons]"`. PATH is your clone, its archive or the wheel.

# %% tags=["define"] slideshow={"slide_type": "skip"}
from itertools import combinations

import torch
from torch import nn
from torch.nn import functional as F

from convzoo import NotAttempted, ask, begin, check, measure
from convzoo import predict, show, tables, train, use
from convzoo.ideas.zoo import clutter
from convzoo.ideas.zoo import networks as zoo

# %% student="name" slideshow={"slide_type": "skip"}
# student: the name you hand in under; it draws the numbers of your questions
device = begin("07_zoo", student="")

# %% [markdown] slideshow={"slide_type": "subslide"}
# ## The picture first
#
# ![Accuracy against multiply-adds and against bytes, eight networks at two
# budgets each. Against multiply-adds they are in two columns, and ShuffleNet
# is above all others; against bytes it is the last on a long
# front.](../figures/07_front.svg)
#
# A circle is the mean of five seeds of a network. The bar goes from the worst
# seed to the best, the thin line to the network's other budget. Filled
# circles, joined by the dashed line: no other network is as good and as cheap.
# Left: against the multiply-adds, which were made equal. Right: against the
# bytes that the network reads and writes.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Try it.** Run the cell. Then replace `"plain"` by another kind, and look
# for the width at which that costs about as much. The kinds: `plain`,
# `residual`, `SE`, `ResNeXt`, `DenseNet`, `separable`, `inverted`,
# `ShuffleNet`.

# %%
kind, width = "plain", 20
found = zoo.counted(kind, width)
print(f"{kind} {width}: {found.macs:,} MACs, {found.params:,} parameters")

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 1. One skeleton for all
#
# A 3x3 layer and a max pool; three stages of blocks; a global pool and a
# linear layer. Stages two and three halve the image. The stages have a
# quarter, half and all of the *width* in channels, rounded to fit the groups.
# Each has four 3x3 layers, whatever the block: all networks see equally far.
#
# - **plain**, **residual**: two blocks of two 3x3 (lesson 01); **SE**: the
#   residual one with a gate (04)
# - **ResNeXt**: 1x1, 3x3 in 4 groups, 1x1 (02); **DenseNet**: four layers that
#   each add channels (03)
# - **separable**: depthwise, 1x1: MobileNet's block; **inverted**: 1x1 to four
#   times the channels, depthwise, 1x1 back: MobileNetV2's block (06)
# - **ShuffleNet**: its unit with 2 groups; **no shuffle**: the same unit, with
#   its channels left where they are (05)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Only the width is left to choose. It decides the cost, so each kind needs its
# own. No network has to run for that: `zoo.macs(kind, width)` counts the
# multiply-adds.
#
# **Exercise (10 minutes).** Find the widest network within a budget.

# %% [markdown] slideshow={"slide_type": "skip"}
# Stuck? Run `from convzoo import hint` and `hint("zoo.width_for_budget")` in a
# new cell.

# %% exercise="zoo.width_for_budget" tags=["define"] slideshow={"slide_type": "-"}
# exercise: zoo.width_for_budget
def width_for_budget(kind, budget, step):
    """Return the largest width, a multiple of `step`, within the budget.

    zoo.macs(kind, width) counts the multiply-adds of a network of width 1
    or more; a wider one never has fewer. A network of exactly `budget`
    multiply-adds is within it. Returns 0 if even the width `step` is not.
    Try few widths: each count takes some milliseconds.
    """
    ### BEGIN SOLUTION
    fits, too_much = 0, 1  # in steps
    while zoo.macs(kind, too_much * step) <= budget:
        fits, too_much = too_much, 2 * too_much
    while too_much - fits > 1:
        middle = (fits + too_much) // 2
        within = zoo.macs(kind, middle * step) <= budget
        fits, too_much = (middle, too_much) if within else (fits, middle)
    return fits * step
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("zoo.width_for_budget")

# %% question="zoo.twice" slideshow={"slide_type": "skip"}
# question: zoo.twice
### BEGIN SOLUTION
answer = 5 * 5
### END SOLUTION
ask("zoo.twice", answer)

# %% [markdown] slideshow={"slide_type": "subslide"}
# Two budgets and nine kinds make eighteen networks. The shipped results were
# trained at the widths that such a search finds.

# %% [markdown] slideshow={"slide_type": "skip"}
# Your search, for three of the kinds:

# %% slideshow={"slide_type": "skip"}
from convzoo import experiments
from convzoo.ideas.zoo.experiments import LARGE, SMALL, WIDTHS

search = use("zoo.width_for_budget")
for kind in ("plain", "DenseNet", "separable"):
    pair = search(kind, SMALL, 1), search(kind, LARGE, 1)
    same = "as shipped" if pair == WIDTHS[kind] else f"not {WIDTHS[kind]}"
    print(kind, pair, same)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
record = experiments.load("zoo")
rows = experiments.summary(record)
budget_rows = []
for kind, pair in WIDTHS.items():
    row = [kind]
    for width, size in zip(pair, ("109k", "174k")):
        counts = record["variants"][f"{kind}, {size}"]
        row += ["/".join(map(str, zoo.widths(kind, width)))]
        row += [f"{counts['macs']:,}", f"{counts['params']:,}"]
    budget_rows.append(row)

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
heads = ["kind", *2 * ["channels", "MACs", "parameters"]]
caption = f"Budgets: {SMALL:,} and {LARGE:,} multiply-adds per image"
show.draw.table(budget_rows, heads, caption)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 2. One task for all
#
# The bundled digits are too easy: in lesson 06, a dense and a separable
# network both reach 96 to 99% on them. Here a digit of 8 to 11 pixels is
# somewhere in an image of 16 x 16, among pieces of other digits and noise.

# %%
task = clutter.cluttered()
print(tuple(task.train_x.shape), "to train,", len(task.test_x), "to test")

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
samples = [
    show.draw.pixels(
        task.train_x[k, 0], title=f"a {task.train_y[k]}", limit=1, size=180
    )
    for k in range(4)
]
show.draw.beside(*samples)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 3. One training recipe for all
#
# It is not always the network: it can be how you train it (lesson 03). So the
# recipe is the same for all: SGD with momentum, 12 epochs of 47 steps, and a
# learning rate that rises over the first tenth of the steps, then falls along
# half a cosine.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (8 minutes).** Compute the learning rate of every step. The first
# `warmup` steps rise evenly, and the last of them has the full `lr`. The step
# after it is the first of the fall, and has the full `lr`, too. Of n steps
# that fall, step t, counted from 0, has `lr` times (1 + cos(pi t / n)) / 2.

# %% exercise="zoo.schedule" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: zoo.schedule
def schedule(steps, warmup, lr):
    """Return the learning rate of each step: a rise, then half a cosine.

    steps: of the whole training. warmup: how many of them rise; may be 0.
    Returns a tensor (steps,): lr / warmup, 2 lr / warmup, ..., lr, and then
    from lr down towards 0. Only a step after the last would reach 0.
    """
    ### BEGIN SOLUTION
    rise = [(i + 1) / warmup for i in range(warmup)]
    over = torch.arange(steps - warmup) / (steps - warmup)  # from 0 to 1
    fall = (1 + torch.cos(torch.pi * over)) / 2
    return lr * torch.cat([torch.tensor(rise), fall])
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("zoo.schedule")

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
rates = use("zoo.schedule")(564, 56, 0.1)
line = show.draw.Line("lr", list(range(564)), [float(r) for r in rates])
show.draw.curves(
    [line], title="One recipe for all", x_label="step",
    y_label="learning rate", points=False, size=(800, 330),
)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 4. How accurate are they?
#
# Eighteen networks were trained with this recipe, five seeds each; the results
# are shipped. One of them, the residual one at 174,000, is trained here with
# a sixth seed, and drawn over the others.

# %% slideshow={"slide_type": "skip"}
kinds = [kind for kind in WIDTHS if kind != "no shuffle"]


def at_budget(budget):
    """Return the shipped rows of one budget, by kind."""
    end = f", {budget // 1000}k"
    chosen = [r for r in rows if r["variant"].endswith(end)]
    return [r | {"variant": r["variant"].removesuffix(end)} for r in chosen]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def trained_now():
    live = experiments.one(
        "zoo", "residual, 174k", seed=5, on_epoch=lambda history: None
    )
    own = {"residual": live.test_accuracy[-1]}
    title = "174,000 multiply-adds: test accuracy"
    return show.draw.seeds(at_budget(LARGE), own, title=title, chance=0.1)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
def apart(source=record):
    """Return how many of the 28 pairs differ by more than their seeds."""
    pairs = combinations([f"{kind}, 174k" for kind in kinds], 2)
    return sum(experiments.gap(source, *pair)["visible"] for pair in pairs)


predict("zoo.apart", trained_now, measured=apart)

# %% [markdown] slideshow={"slide_type": "subslide"}
# A gap counts if it is larger than the spread: the best seed minus the worst,
# of whichever of the two networks varies more.

# %% tags=["nbval-check-output"]
visible = []
for size in ("109k", "174k"):
    for one, other in combinations(kinds, 2):
        names = f"{one}, {size}", f"{other}, {size}"
        if experiments.gap(record, *names)["visible"]:
            visible.append((size, one, other))
    count = sum(pair[0] == size for pair in visible)
    print(f"{size}: {count} of 28 pairs differ by more than their seeds do")

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for size, one, other in visible:
    gap = experiments.gap(record, f"{one}, {size}", f"{other}, {size}")
    numbers = f"{gap['gap']:+6.1%}, spread {gap['spread']:5.1%}"
    print(f"{size} {one:>9} minus {other:10} {numbers}")

# %% [markdown] slideshow={"slide_type": "skip"}
# What five seeds let us say:
#
# - ShuffleNet is the most accurate. At 174,000 multiply-adds, its worst seed
#   is better than any seed of the seven others. (Its unit does as well without
#   the shuffle: section 8.) The rule is strict, and accepts five of the seven
#   gaps: DenseNet and the inverted network have one bad seed each, more than 7
#   points below their other four. Further B has a finer rule.
# - The separable network is last, and the plain one is not far from it.
#   Neither has a shortcut. The inverted block has one around its depthwise
#   layer, and is 17 points ahead of the separable one. That fits lesson 01 (12
#   layers are hard to train without a shortcut). But to test it, the separable
#   block itself needs a shortcut: Further A is the place for that.
# - ResNeXt has shortcuts, and still it is low. We do not know why.
# - Residual, SE, DenseNet, inverted: at 174,000 multiply-adds all four means
#   are within one point. These seeds do not say which of them is better.

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Half the training.** The same networks and seeds, with six epochs instead
# of twelve. What would this lesson have said then?

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
half = experiments.load("zoo_six_epochs")
six = {row["variant"]: row for row in experiments.summary(half)}
half_rows = []
for row in sorted(at_budget(LARGE), key=lambda row: -row["mean"]):
    if row["variant"] in kinds:
        early = six[f"{row['variant']}, 174k"]
        cells = [f"{early['mean']:.1%}", f"{early['high'] - early['low']:.1%}"]
        cells += [f"{row['mean']:.1%}", f"{row['high'] - row['low']:.1%}"]
        gain = f"{100 * (row['mean'] - early['mean']):+.0f} points"
        half_rows.append([row["variant"], *cells, gain])

# %% slideshow={"slide_type": "-"} tags=["hide-input", "nbval-check-output"]
heads = ["kind", "six epochs", "spread", "twelve", "spread", "gained"]
caption = "174,000 multiply-adds. Gaps above the spread: "
caption += f"{apart(half)} of 28, then {apart()}"
show.draw.table(half_rows, heads, caption)

# %% [markdown] slideshow={"slide_type": "skip"}
# Both ends stay the same: ShuffleNet is first, the separable network last. But
# of the others, all except DenseNet gained more than ShuffleNet, so the gaps
# shrink. From the best to the worst it was 40 points; now it is 24. The four
# in the middle were 12 points apart; now it is one. For six of the eight, the
# spread shrinks too, so more of the gaps count. The gaps belong to this task
# and to twelve epochs of this recipe; they are not a law. Section 7 has
# another task.

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 5. What do they cost?
#
# Parameters, multiply-adds and bytes are counted: they are the same on every
# device. Time is measured here: one image alone, as on a phone, and a batch of
# 64, as on a server. All sixteen are timed alternately (the unit without its
# shuffle waits for section 8).

# %%
sizes = [(kind, w) for kind in kinds for w in WIDTHS[kind]]
image = torch.randn(1, 1, 16, 16, device=device)
batch = torch.randn(64, 1, 16, 16, device=device)
nets = {
    f"{kind}, {size}": zoo.network(kind, width).to(device).eval()
    for (kind, width), size in zip(sizes, ["109k", "174k"] * len(kinds))
}

# %%
with torch.no_grad():
    times = {
        "one": measure.bench(nets, image, seconds=2),
        "batch": measure.bench(nets, batch, seconds=4),
    }

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
results = {row["variant"]: row for row in rows}
spots = {}
for name, net in nets.items():
    counts, row = measure.cost(net, image), results[name]
    spots[name] = {
        "parameters": counts.params,
        "multiply-adds": counts.macs,
        "bytes": counts.bytes,
        "seconds for one image": times["one"][name].minimum,
        "images a second": 64 / times["batch"][name].minimum,
        "accuracy": row["mean"], "low": row["low"], "high": row["high"],
    }

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
time_rows = []
for name in nets:
    one, many = times["one"][name], times["batch"][name]
    spot = spots[name]
    row = [name, f"{spot['parameters']:,}", f"{spot['multiply-adds']:,}"]
    row += [show.bytes_(spot["bytes"]), show.seconds(one.minimum)]
    row += [f"{one.spread:.0%}", f"{spot['images a second']:,.0f}"]
    time_rows.append([*row, f"{many.spread:.0%}"])

# %% slideshow={"slide_type": "skip"} tags=["hide-input"]
heads = ["network", "parameters", "MACs", "bytes", "one image", "spread"]
heads += ["images a second", "spread"]
shaky = sum(not t.steady for kind in times.values() for t in kind.values())
caption = f"On {device}, minimum of the repeats; unsteady: {shaky} of 32"
show.draw.table(time_rows, heads, caption)

# %% [markdown] slideshow={"slide_type": "skip"}
# A large spread means that something else was running: then a timing is
# *unsteady*. If more than a few of the 32 are, run this section's cells again
# before you go on: the rest of the lesson depends on them.

# %% slideshow={"slide_type": "skip"}
from convzoo.measure import roofline

alone = LARGE / roofline.peaks(device).rate  # as fast as in a large product
quickest = min(t.minimum for n, t in times["one"].items() if "174k" in n)
print(f"{LARGE:,} multiply-adds alone: {show.seconds(alone)}")
print(f"the fastest network with them: {show.seconds(quickest)}")

# %% question="zoo.half" slideshow={"slide_type": "skip"}
# question: zoo.half
### BEGIN SOLUTION
answer = "b"
### END SOLUTION
ask("zoo.half", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 6. The Pareto front
#
# A network is beaten if another one is at least as good *and* at least as
# cheap, and better in one of the two. A network that no other network beats is
# on the **Pareto front**: a better one costs more, a cheaper one is worse.
#
# **Exercise (12 minutes).** Find the networks on the front.

# %% exercise="zoo.pareto_front" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: zoo.pareto_front
def pareto_front(cost, accuracy, less_is_better=True):
    """Return which of n points no other point beats.

    cost, accuracy: tensors (n,). More accuracy is always better. Less cost is
    better, or more if less_is_better=False (for images a second, say).
    Point j beats point i if it is at least as good in both and better in at
    least one. Two equal points do not beat each other.
    Returns a tensor (n,) of booleans, on the device of `cost`: True on the
    front.
    """
    ### BEGIN SOLUTION
    price = cost if less_is_better else -cost
    as_cheap = price[:, None] <= price  # row j beats column i?
    as_good = accuracy[:, None] >= accuracy
    unequal = (price[:, None] != price) | (accuracy[:, None] != accuracy)
    beaten = (as_cheap & as_good & unequal).any(dim=0)
    return ~beaten
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("zoo.pareto_front")

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
on_front = use("zoo.pareto_front")
axes = ["multiply-adds", "parameters", "bytes"]
axes += ["seconds for one image", "images a second"]
accuracies = torch.tensor([s["accuracy"] for s in spots.values()])


def front_of(axis):
    """Return the names on the front of an axis."""
    cost = torch.tensor([float(s[axis]) for s in spots.values()])
    mask = on_front(cost, accuracies, axis != "images a second")
    return [name for name, kept in zip(spots, mask) if kept]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
texts = {"seconds for one image": show.seconds}


def front_picture(axis):
    kept = front_of(axis)
    points = [
        show.draw.Spot(
            name.split(",")[0], s[axis], s["accuracy"], s["low"], s["high"],
            name in kept,
        )
        for name, s in spots.items()
    ]
    title = f"Accuracy against {axis}"
    text = texts.get(axis, show.si)
    return show.draw.front(points, title=title, x_label=axis, x_text=text)


# %% [markdown] slideshow={"slide_type": "skip"}
# At each budget, all networks have about the same number of multiply-adds. Do
# they take the same time?

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"] jupyter={"source_hidden": true}
def explore_fronts():
    kit = show.widgets
    choice = kit.Stops(axes, "multiply-adds", "axis")
    return kit.Explorer(front_picture, axis=choice)

def as_long():
    one = times["one"]
    ratio = one["ShuffleNet, 174k"].minimum / one["plain, 174k"].minimum
    return round(ratio, 1)

predict("zoo.latency", explore_fronts, measured=as_long)

# %% [markdown] slideshow={"slide_type": "subslide"}
# **Choose another axis, and another network wins.** The most accurate one is
# on every front; the others change. The fronts, as measured here:

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
front_rows = []
for axis in axes:
    stand = [name.split(", ") for name in front_of(axis)]
    small = [name for name, size in stand if size == "109k"]
    large = [name for name, size in stand if size == "174k"]
    front_rows.append([axis, ", ".join(small), ", ".join(large)])
heads = ["axis", "at 109,000", "at 174,000"]
show.draw.table(front_rows, heads, f"On the front, on {device}")

# %% [markdown] slideshow={"slide_type": "skip"}
# The three counted axes are the same for everybody. Against the
# **parameters**, ShuffleNet is alone on the front, with both its sizes.
# Against the **multiply-adds** there is hardly a front, only two columns: the
# budgets were made equal. ResNeXt and DenseNet are on it only because their
# widths leave 5% of the budget unspent. Against the **bytes**, the plain, the
# residual and the SE network join in: full 3x3 layers on few channels move the
# fewest bytes. The **times** depend on your device. If it multiplies for only
# a small part of the time (section 5 printed both), they follow bytes and
# launches more than multiply-adds.
#
# The front is drawn through the means. If two bars overlap, other seeds might
# draw it differently.

# %% question="zoo.front_of" slideshow={"slide_type": "skip"}
# question: zoo.front_of
### BEGIN SOLUTION
answer = "c"
### END SOLUTION
ask("zoo.front_of", answer)

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 7. The front in the papers
#
# The same picture, **as published**: top-1 accuracy on ImageNet (how often the
# first guess is right) against the multiply-adds that the papers print. Each
# point is one row of a paper's table; nothing here was measured by us.

# %% tags=["lecture"] slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
families = {
    "resnext50_32x4d": "ResNeXt-50", "mobilenet_v1": "MobileNet",
    "mobilenet_v2": "MobileNet V2", "shufflenet_v1": "ShuffleNet",
    "seresnet50": "SE-ResNet-50",
}
published = {}
for row in tables.ROWS:
    if row.error:
        macs = float(row.macs[:-1]) * {"G": 1e9, "M": 1e6}[row.macs[-1]]
        name = families.get(row.name, row.name)
        point = (name, macs, round(1 - row.error / 100, 4))
        published[point] = row.table

# %% slideshow={"slide_type": "-"} tags=["hide-input"]
paper_costs = torch.tensor([macs for _, macs, _ in published])
paper_accuracies = torch.tensor([top1 for _, _, top1 in published])
mask = map(bool, on_front(paper_costs, paper_accuracies))
points = [
    show.draw.Spot(name, macs, top1, on_front=kept)
    for (name, macs, top1), kept in zip(published, mask)
]
show.draw.front(
    points, title="As published: ImageNet", x_text=show.si,
    x_label="multiply-adds, as printed", y_label="top-1 accuracy",
)

# %% [markdown] slideshow={"slide_type": "skip"}
# The points, each with its table:

# %% slideshow={"slide_type": "skip"} tags=["nbval-check-output"]
for (name, macs, top1), table in published.items():
    print(f"{name:13} {show.si(macs):>7} {top1:.1%}  {table}")

# %% [markdown] slideshow={"slide_type": "skip"}
# ResNeXt's five points share one budget, "about 4.1G", from 1 group (that is
# ResNet-50) to 32. Each paper trained its networks in its own way. So two
# papers' points differ in the recipe, too, and no paper prints the spread of
# its seeds. And this is only one axis. The V2 paper of ShuffleNet was written
# to say that this axis is the wrong one: it measures speed, on an ARM core and
# on a GPU, and the order changes (lesson 05).

# %% [markdown] slideshow={"slide_type": "slide"}
# ## 8. Two claims about ShuffleNet
#
# **"ShuffleNet tends to be somewhat faster than MobileNet."** We compare it
# with the separable and the inverted network (the blocks of MobileNet and
# MobileNetV2) at the same number of multiply-adds, measured here:

# %% slideshow={"slide_type": "-"}
ours = "ShuffleNet, 174k"
for mobile in ("separable, 174k", "inverted, 174k"):
    one = times["one"][ours].minimum / times["one"][mobile].minimum
    many = times["batch"][ours].minimum / times["batch"][mobile].minimum
    better = experiments.gap(record, ours, mobile)["gap"]
    said = " and ".join(
        f"{ratio:.2f} times as long with {what}"
        for what, ratio in (("one image", one), ("a batch", many))
    )
    print(f"ShuffleNet takes {said}")
    print(f"    as {mobile}; its accuracy: {better:+.1%}")

# %% [markdown] slideshow={"slide_type": "subslide"}
# **"The shuffle goes into other networks, and helps."** ShuffleNet's unit with
# and without it, on this lesson's task; and lesson 05's blocks of ResNet,
# ResNeXt and SE, with all convolutions in groups, on the plain digits.

# %% slideshow={"slide_type": "-"} tags=["nbval-check-output"]
blocks = experiments.load("shuffle_blocks_digits")
tried = [(record, f"ShuffleNet, {s}", f"no shuffle, {s}")
         for s in ("109k", "174k")]
tried += [(blocks, f"{b}, shuffle", f"{b}, identity")
          for b in ("ResNet", "ResNeXt", "SE")]
for source, one, other in tried:
    gap = experiments.gap(source, one, other)
    told = "visible" if gap["visible"] else "within the noise"
    numbers = f"{gap['gap']:+z.1%}, spread {gap['spread']:.1%}"
    print(f"{one:16} minus {other:16} {numbers}: {told}")

# %% [markdown] slideshow={"slide_type": "skip"}
# No gap is visible, for or against. Here a dense first layer has mixed all
# channels before a group sees them, and there are few groups. On ImageNet, the
# paper saw 1.9 points with 3 groups and 5.2 with 8 (table 3). If the answer
# needs two groups at once, the shuffle decides (lesson 05).

# %% [markdown] tags=["lecture"] slideshow={"slide_type": "slide"}
# ## What held, and what did not
#
# - **Held.** There is a curve of accuracy against cost. But each cost has its
#   own curve, and a network on one of them need not be on another.
# - **Depends on the device.** ShuffleNet against MobileNet: see section 8. The
#   published numbers differ, too: a tie on an ARM core, about half of
#   MobileNet's speed on a GPU (lesson 05).
# - **Not seen here.** That the shuffle helps. All five gaps are within the
#   noise: they speak neither for the claim nor against it. If the answer needs
#   two groups at once, the shuffle decides everything (lesson 05).
# - **Depends on the recipe.** How far apart are the networks? After half the
#   training, the best was 40 points ahead of the worst; at the end, 24.

# %% [markdown] slideshow={"slide_type": "skip"}
# **To think about**
#
# 1. From six epochs to twelve, the separable network gained 24 points, and
#    ShuffleNet 9. What do you expect from sixty? And what of the order then?
# 2. Nine tenths of the residual network's multiply-adds are in 3x3 layers.
#    More than half of ShuffleNet's and of the separable network's are in 1x1
#    layers. Why do these two move so many more bytes?
# 3. Somebody reports a network that is on the front of accuracy against
#    parameters. What else would you ask before you use it on a phone?

# %% [markdown] slideshow={"slide_type": "skip"}
# **In your own words** (2 points, marked by your teacher). A paper's abstract
# says: "Our network beats ResNet-50 with half the multiply-adds." In three or
# four sentences: which three things would you want to know before you believe
# that it is the better network for you?

# %% [markdown] free="zoo.explain" slideshow={"slide_type": "skip"}
# ### BEGIN SOLUTION
# First, the time on my device: multiply-adds are one cost among several.
# Networks with the same number of them can differ in time by factors, because
# of bytes and launches. Second, the recipe: was ResNet-50 trained as long and
# as well, or is an old published number compared with a new training? Third,
# the spread: how many seeds, and is the gap larger than the differences
# between seeds? A front on one axis also says nothing about the others, such
# as parameters and memory.
# ### END SOLUTION

# %% [markdown] slideshow={"slide_type": "skip"}
# **Papers.** Ma, Zhang, Zheng, Sun: *ShuffleNet V2: Practical Guidelines for
# Efficient CNN Architecture Design*, 2018,
# [1807.11164](https://arxiv.org/abs/1807.11164), on speed against
# multiply-adds. He, Zhang, Zhang, Zhang, Xie, Li: *Bag of Tricks for Image
# Classification with Convolutional Neural Networks*, 2018,
# [1812.01187](https://arxiv.org/abs/1812.01187), on recipes. The papers of the
# ideas are in their lessons.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further A. A design of your own
#
# A block has two jobs: it looks at neighbouring pixels, and it lets the
# channels meet. Do both for half of what a full 3x3 layer costs. How is up to
# you: the check looks only at what comes out.
#
# - The output has `planes` channels; with stride 2, half the rows and columns.
# - The block needs at most half the multiply-adds of a full 3x3 layer from
#   `in_channels` to `planes` at the output's size. Both numbers are multiples
#   of 4. `planes` is equal or larger, with stride 1 and with stride 2.
# - Every output channel depends on every input channel.
# - An output pixel sees at least 3 x 3 pixels.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Exercise (20 minutes).** Use batch norms, ReLUs, gates, shortcuts,
# shuffles: whatever you like.

# %% exercise="zoo.design" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: zoo.design
class Design(nn.Module):
    """A block of your own within half a full 3x3 layer's multiply-adds.

    (n, in_channels, h, w) -> (n, planes, h / stride, w / stride), rounded
    up; `planes` equals `in_channels` or is larger, with either stride.
    Every output channel depends on every input channel, and a pixel of
    the output on 3 x 3 pixels of the input or more.
    """

    def __init__(self, in_channels, planes, stride):
        super().__init__()
        ### BEGIN SOLUTION
        self.first = nn.Conv2d(
            in_channels, planes, 3, stride, 1, groups=4, bias=False
        )
        self.bn1 = nn.BatchNorm2d(planes)
        self.gate = nn.Linear(planes, planes)
        self.keeps_shape = stride == 1 and in_channels == planes
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        y = self.bn1(self.first(x))
        gates = torch.sigmoid(self.gate(y.mean((2, 3))))
        y = y * gates[:, :, None, None]
        return F.relu(x + y if self.keeps_shape else y)
        ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("zoo.design")

# %% [markdown] slideshow={"slide_type": "subslide"}
# Now it joins the zoo: at the small budget, with the width that your search
# finds, trained once and drawn over the others.

# %% slideshow={"slide_type": "-"}
zoo.enter("yours", use("zoo.design"))
own_width = search("yours", SMALL, 4)
torch.manual_seed(0)
own_net = zoo.network("yours", own_width).to(device)
own_cost = zoo.counted("yours", own_width)
print(f"width {own_width}: {own_cost.macs:,} MACs")

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
settings = experiments.find("zoo").settings
settings = settings | {"recipe": train.Recipe(**settings["recipe"])}
own_history = train.train(
    own_net, task.normalised(), on_epoch=lambda h: None, **settings
)
reached = own_history.test_accuracy[-1]
own_row = {"variant": "yours", "seeds": 1}
own_row |= dict.fromkeys(("mean", "low", "high"), reached)
title = "109,000 multiply-adds: test accuracy, yours from one seed"
compared = [*at_budget(SMALL), own_row]
show.draw.seeds(compared, {"yours": reached}, title=title, chance=0.1)

# %% [markdown] slideshow={"slide_type": "skip"}
# And what does it cost in time? Your network and the eight small ones are
# timed alternately, with one image. Is yours on the front?

# %% slideshow={"slide_type": "skip"}
smaller = {f"{kind}, 109k": nets[f"{kind}, 109k"] for kind in kinds}
with torch.no_grad():
    raced = measure.bench(smaller | {"yours": own_net.eval()}, image)

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def yours_among_them():
    of_all = results | {"yours": own_row}
    shown = [of_all[name] for name in raced]
    lasted = [timing.minimum for timing in raced.values()]
    means = torch.tensor([row["mean"] for row in shown])
    kept = map(bool, on_front(torch.tensor(lasted), means))
    points = [
        show.draw.Spot(name.split(",")[0], time, row["mean"], row["low"],
                       row["high"], best)
        for name, time, row, best in zip(raced, lasted, shown, kept)
    ]
    title = f"109,000 multiply-adds, one image on {device}"
    return show.draw.front(points, title=title, x_text=show.seconds,
                           x_label="seconds for one image")


# %% slideshow={"slide_type": "skip"} tags=["hide-input"]
yours_among_them()

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further B. Is the gap due to chance?
#
# Ten numbers: five seeds of one network, five of another. Suppose that the two
# are equally good. Then chance decided which five got which name, and every
# way to split them is equally likely. In what share of the splits is the gap
# between the two means, in either direction, at least as large as the one you
# saw? A small share speaks against chance.
#
# **Exercise (12 minutes).** Compute that share, by trying all splits.

# %% exercise="zoo.chance" tags=["define"] slideshow={"slide_type": "subslide"}
# exercise: zoo.chance
def chance(one, other):
    """Return how often chance alone makes a gap at least this large.

    one, other: (s,) float64 each, for two networks: how many test images
    each of the s seeds got right. Two seeds may have the same number. There
    are many ways to split the 2s seeds into s and s. Returns the share of
    them, from 0 to 1, in which the two means differ, in either direction,
    by at least as much as those of `one` and `other`: one number.
    """
    ### BEGIN SOLUTION
    hits, s = torch.cat([one, other]).tolist(), len(one)
    splits = list(combinations(hits, s))
    differences = [abs(2 * sum(part) - sum(hits)) for part in splits]
    seen = abs((one.sum() - other.sum()).item())
    return sum(d >= seen for d in differences) / len(splits)
    ### END SOLUTION


# %% slideshow={"slide_type": "skip"}
check("zoo.chance")

# %% question="zoo.splits" slideshow={"slide_type": "skip"}
# question: zoo.splits
### BEGIN SOLUTION
answer = 252 // 2
### END SOLUTION
ask("zoo.splits", answer)

# %% slideshow={"slide_type": "subslide"} tags=["nbval-check-output"]
by_chance = use("zoo.chance")


def hits(source, variant):
    found = [r for r in source["results"] if r["variant"] == variant]
    right = [round(1000 * r["test_accuracy"][-1]) for r in found]
    return torch.tensor(right, dtype=torch.float64)


asked = [(record, f"{one}, 174k", f"{other}, 174k") for one, other in (
    ("ShuffleNet", "DenseNet"), ("ShuffleNet", "residual"),
    ("residual", "plain"), ("SE", "residual"))]
for source, one, other in asked + tried[:2]:
    share = by_chance(hits(source, one), hits(source, other))
    print(f"{one:17} and {other:18}: chance does it in {share:6.1%}")

# %% [markdown] slideshow={"slide_type": "skip"}
# This gets more out of the same ten numbers than the rule "larger than the
# spread". ShuffleNet's lead over DenseNet and the residual network's over the
# plain one are within the spread, and yet only 2 of the 252 splits have such a
# gap. But do not ask too often: of twenty gaps that are nothing but chance,
# one is expected below 5%. The share of 4% above, of the unit with and
# *without* its shuffle at 109,000, is one of six.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further C. The papers' tables
#
# What the papers print, next to what this course's layers count, and the
# reason if the two differ. `python -m convzoo tables` prints all of them.
# Three of the reasons, counted now:

# %% slideshow={"slide_type": "-"} tags=["hide-input", "nbval-check-output"]
heads = ["network", "ours, in MACs", "printed"]
shown = tables.cells("googlenet", "resnet50", "shufflenet_v1")
show.draw.table(shown, heads, "One image of 224 x 224")

# %% [markdown] slideshow={"slide_type": "skip"}
# Add a name to `shown` and look for another reason: try `mobilenet_v2`.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further D. The lecture's open questions
#
# *A few more blocks off the diagonal?* (Lesson 02, Further B.) *More than one
# permutation, log C of them, or a learned one?* (Lesson 05, Further B.) Both
# lessons tried them at equal parameters; here are all results on one page.

# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
open_rows = []
for name, what, base in (
    ("off_diagonal", "XOR of two groups", "block-diagonal"),
    ("off_diagonal_digits", "digits", "block-diagonal"),
    ("shuffle_copies", "XOR, narrow groups", "identity"),
):
    shipped = experiments.load(name)
    for row in experiments.summary(shipped):
        gap = experiments.gap(shipped, row["variant"], base)
        told = "visible" if gap["visible"] else "within the noise"
        told = "-" if row["variant"] == base else told
        seen = f"{row['low']:.1%} to {row['high']:.1%}"
        cells = [row["variant"], what, f"{row['params']:,}"]
        open_rows.append([*cells, f"{row['mean']:.1%}", seen, told])

# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
heads = ["pattern", "task", "parameters", "mean", "seeds", "gap to the first"]
show.draw.table(open_rows, heads, "Test accuracy, five seeds each")

# %% [markdown] slideshow={"slide_type": "skip"}
# - **A few blocks off the diagonal** are all it takes if the answer needs two
#   groups at once: from chance to 100%. The shuffle does the same, for
#   nothing. On digits, which a dense first layer mixes anyway, no pattern
#   differs from the block-diagonal one by more than its seeds do, not even the
#   dense one.
# - **One permutation or more.** With groups as narrow as two channels, one
#   fixed permutation is too few, and two are enough. Four (the logarithm of
#   the 16 channels) or a learned mix are as good as two: there is nothing left
#   to win on this task.

# %% [markdown] slideshow={"slide_type": "skip"}
# **Your own mix.** 16 channels in eight groups of two, two grouped layers, and
# between them a matrix that you write. It has no weights, so the budget is the
# same as for the others. Change it: another `shift`, three terms, a random
# one.

# %% slideshow={"slide_type": "skip"}
shift = 4


def my_mix(channels):
    """Return (c, c): row i says which channels place i reads, how much."""
    same = torch.eye(channels)
    further = same.roll(shift, dims=1)  # place i reads channel i + shift
    return (same + further) / 2**0.5


show.draw.channel_matrix(my_mix(16), title=f"shift = {shift}", size=330)

# %% slideshow={"slide_type": "skip"}
from convzoo.ideas.shufflenet import experiments as shufflenet

copies = experiments.find("shuffle_copies")


class Mix(nn.Module):
    def __init__(self, channels, groups):
        super().__init__()
        self.register_buffer("matrix", my_mix(channels))

    def forward(self, x):
        return torch.einsum("oc,nchw->nohw", self.matrix, x)


# %% slideshow={"slide_type": "skip"}
def mixed(seed):
    torch.manual_seed(seed)
    net = shufflenet.short(Mix, 12).to(device)
    history = train.train(
        net, copies.images(), seed=seed, on_epoch=lambda h: None,
        **copies.settings,
    )
    return history.test_accuracy[-1]


# %% slideshow={"slide_type": "skip"} jupyter={"source_hidden": true}
def mixed_now():
    found = [mixed(seed) for seed in range(3)]
    mean = sum(found) / len(found)
    own = {"variant": "yours, 3 seeds", "seeds": 3, "mean": mean}
    own |= {"low": min(found), "high": max(found)}
    all_rows = [*experiments.summary(experiments.load(copies.name)), own]
    title = "One mix: test accuracy"
    return show.draw.seeds(all_rows, title=title, chance=0.5)


# %% slideshow={"slide_type": "subslide"} tags=["hide-input"]
predict("zoo.own_mix", mixed_now)

# %% [markdown] slideshow={"slide_type": "skip"}
# A group of the second layer reads two places, $2r$ and $2r + 1$. With shift 4
# these hold channels $2r$, $2r + 1$, $2r + 4$ and $2r + 5$: groups $r$ and
# $r + 2$. For $r = 0$, that is the pair that the label needs. Try shifts 2 and
# 3.

# %% [markdown] slideshow={"slide_type": "slide"}
# # Further E. The whole experiment, and a larger one
#
# Run the whole grid on your machine. Stop it whenever you like: the same line
# continues from there. The shipped results stay until yours are complete.
#
# ```
# python -m convzoo experiments zoo --again
# ```
#
# Or run it twice as wide, on photographs, best with a GPU. This downloads 170
# MB once; the results go to a separate file, `figures/data/zoo_cifar10.json`:
#
# ```
# python -m convzoo experiments zoo --data cifar10 --seeds 3
# ```

# %% [markdown] slideshow={"slide_type": "skip"}
# When it is done, or stopped halfway, draw it. Does the order stay the same?
#
#     cifar = experiments.load("zoo_cifar10")
#     show.draw.seeds(experiments.summary(cifar), title="CIFAR-10")
#
# `experiments.gap(cifar, "ShuffleNet, 174k", "residual, 174k")` compares two.
# A single seed has no spread, so none of its gaps is called visible.
