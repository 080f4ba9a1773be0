"""What students write in lesson 00: right in other ways, and wrong by one line."""

from __future__ import annotations

from slips import NUMBERS, Slip, answer, changed

ONE, CONV, STACK = "convolution.conv1x1", "convolution.conv2d", "convolution.stack"
NAMES: dict = {}

# --- the 1x1 --------------------------------------------------------------------

EINSUM = answer(ONE)

PRODUCT = """
def conv1x1(x, weight, stride=1):
    x = x[..., ::stride, ::stride]
    n, c, h, w = x.shape
    return (weight @ x.reshape(n, c, h * w)).reshape(n, -1, h, w)
"""

LAST = """
def conv1x1(x, weight, stride=1):
    pixels = x[:, :, ::stride, ::stride].movedim(1, -1)
    return (pixels @ weight.T).movedim(-1, 1)
"""

LINEAR = """
def conv1x1(x, weight, stride=1):
    pixels = x[:, :, ::stride, ::stride].permute(0, 2, 3, 1)
    return F.linear(pixels, weight).permute(0, 3, 1, 2).contiguous()
"""

SUMMED = """
def conv1x1(x, weight, stride=1):
    x = x[:, None, :, ::stride, ::stride]
    return (weight[:, :, None, None] * x).sum(2)
"""

ONE_BATCH = """
def conv1x1(x, weight, stride=1):
    x = x[:, :, ::stride, ::stride].transpose(0, 1)
    c, n, h, w = x.shape
    y = weight @ x.reshape(c, -1)
    return y.reshape(-1, n, h, w).transpose(0, 1)
"""

PIXEL_LOOP = """
def conv1x1(x, weight, stride=1):
    x = x[:, :, ::stride, ::stride]
    n, c, h, w = x.shape
    rows = [[weight @ x[:, :, i, j].T for j in range(w)] for i in range(h)]
    return torch.stack([torch.stack(row, -1) for row in rows], -2).transpose(0, 1)
"""

# --- the k x k -------------------------------------------------------------------

UNFOLDED = answer(CONV)

SHIFTED = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    kh, kw = weight.shape[2:]
    x = F.pad(x, (padding, padding, padding, padding))
    high = x.shape[2] - dilation * (kh - 1)
    wide = x.shape[3] - dilation * (kw - 1)
    total = 0
    for i in range(kh):
        for j in range(kw):
            top, left = i * dilation, j * dilation
            seen = x[:, :, top : top + high : stride, left : left + wide : stride]
            total = total + torch.einsum("oc,nchw->nohw", weight[:, :, i, j], seen)
    return total
"""

PLACED = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    n, _, h, w = x.shape
    c_out, _, kh, kw = weight.shape
    h2 = (h + 2 * padding - dilation * (kh - 1) - 1) // stride + 1
    w2 = (w + 2 * padding - dilation * (kw - 1) - 1) // stride + 1
    padded = F.pad(x, (padding, padding, padding, padding))
    y = torch.zeros(n, c_out, h2, w2, dtype=x.dtype)
    for i in range(kh):
        for j in range(kw):
            rows = padded[:, :, i * dilation : i * dilation + (h2 - 1) * stride + 1 : stride]
            seen = rows[..., j * dilation : j * dilation + (w2 - 1) * stride + 1 : stride]
            y = y + torch.einsum("oc,nchw->nohw", weight[:, :, i, j], seen)
    return y
"""

WINDOWS = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    kh, kw = weight.shape[2:]
    x = F.pad(x, [padding] * 4)
    windows = x.unfold(2, dilation * (kh - 1) + 1, stride)
    windows = windows.unfold(3, dilation * (kw - 1) + 1, stride)
    windows = windows[..., ::dilation, ::dilation]
    return torch.einsum("nchwij,ocij->nohw", windows, weight)
"""

AFTERWARDS = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    kh, kw = weight.shape[2:]
    x = F.pad(x, [padding] * 4)
    high = x.shape[2] - dilation * (kh - 1)
    wide = x.shape[3] - dilation * (kw - 1)
    everywhere = torch.einsum("ocij,nchw->ijnohw", weight, x)
    total = 0
    for i in range(kh):
        for j in range(kw):
            top, left = i * dilation, j * dilation
            total = total + everywhere[i, j][..., top : top + high, left : left + wide]
    return total[..., ::stride, ::stride]
"""

GATHERED = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    kh, kw = weight.shape[2:]
    x = F.pad(x, [padding] * 4)
    rows = (x.shape[2] - dilation * (kh - 1) - 1) // stride + 1
    columns = (x.shape[3] - dilation * (kw - 1) - 1) // stride + 1
    r = torch.arange(rows)[:, None] * stride + torch.arange(kh) * dilation
    c = torch.arange(columns)[:, None] * stride + torch.arange(kw) * dilation
    patches = x[:, :, r[:, None, :, None], c[None, :, None, :]]
    return torch.einsum("nchwij,ocij->nohw", patches, weight)
"""

POSITIONS = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    kh, kw = weight.shape[2:]
    x = F.pad(x, [padding] * 4)
    rows = (x.shape[2] - dilation * (kh - 1) - 1) // stride + 1
    columns = (x.shape[3] - dilation * (kw - 1) - 1) // stride + 1
    y = []
    for r in range(rows):
        for c in range(columns):
            top, left = r * stride, c * stride
            patch = x[:, :, top : top + dilation * kh : dilation][..., left : left + dilation * kw]
            y.append(patch[..., :: dilation][..., :kw].flatten(1) @ weight.flatten(1).T)
    return torch.stack(y, -1).unflatten(2, (rows, columns))
"""

FRAMEWORKS = """
def conv2d(x, weight, stride=1, padding=0, dilation=1):
    y = F.conv2d(x, weight, None, stride, padding, dilation)
    return y
"""

# --- the stack -------------------------------------------------------------------

FORWARD = answer(STACK)

BACKWARD = """
def stack(size, layers):
    for kernel, stride, padding, dilation in layers:
        size = (size + 2 * padding - (dilation * (kernel - 1) + 1)) // stride + 1
    field = 1
    for kernel, stride, padding, dilation in reversed(layers):
        field = (field - 1) * stride + dilation * (kernel - 1) + 1
    return size, field
"""

LISTS = """
def stack(size, layers):
    strides = [1]
    for k, s, p, d in layers:
        size = int((size + 2 * p - d * (k - 1) - 1) / s + 1)
        strides.append(strides[-1] * s)
    return size, 1 + sum(d * (k - 1) * s for (k, _, _, d), s in zip(layers, strides))
"""

RECURSIVE = """
def stack(size, layers):
    if not layers:
        return size, 1
    (kernel, stride, padding, dilation), *later = layers
    reach = dilation * (kernel - 1)
    size, field = stack((size + 2 * padding - reach - 1) // stride + 1, later)
    return size, (field - 1) * stride + reach + 1
"""

RIGHT = {
    ONE: {
        "product": PRODUCT,
        "last": LAST,
        "linear": LINEAR,
        "summed": SUMMED,
        "one_batch": ONE_BATCH,
    },
    CONV: {
        "shifted": SHIFTED,
        "placed": PLACED,
        "windows": WINDOWS,
        "afterwards": AFTERWARDS,
        "gathered": GATHERED,
    },
    STACK: {"backward": BACKWARD, "lists": LISTS, "recursive": RECURSIVE},
}

SLIPS = (
    Slip(ONE, "turned", changed(EINSUM, ('"oc,', '"co,')), "values", "transposed", NUMBERS),
    Slip(ONE, "not_turned", changed(LAST, ("weight.T", "weight")), "values", "transposed", NUMBERS),
    Slip(
        ONE,
        "rescaled",
        "def conv1x1(x, weight, stride=1):\n"
        "    scale = torch.eye(*weight.shape, dtype=weight.dtype) * weight\n"
        "    return torch.einsum('oc,nchw->nohw', scale, x[..., ::stride, ::stride])\n",
        "values",
        "rescaled",
        (*NUMBERS, "only rescaled"),
    ),
    Slip(
        ONE,
        "flat_in",
        changed(
            ONE_BATCH,
            ("x.reshape(c, -1)", "x.transpose(0, 1).contiguous().reshape(c, -1)"),
            ("y.reshape(-1, n, h, w).transpose(0, 1)", "y.reshape(n, -1, h, w)"),
        ),
        "values",
        "images_mixed",
        (*NUMBERS, "a reshape alone"),
    ),
    Slip(
        ONE,
        "flat_out",
        changed(ONE_BATCH, ("y.reshape(-1, n, h, w).transpose(0, 1)", "y.reshape(n, -1, h, w)")),
        "values",
        "results_mixed",
        NUMBERS,
    ),
    Slip(
        ONE,
        "pooled",
        changed(EINSUM, ("x[:, :, ::stride, ::stride]", "F.avg_pool2d(x, stride, ceil_mode=True)")),
        "values",
        "averaged",
        (*NUMBERS, "A stride averages nothing"),
    ),
    Slip(
        ONE,
        "late",
        changed(EINSUM, ("::stride, ::stride", "stride - 1::stride, stride - 1::stride")),
        "values",
        "late_start",
        NUMBERS,
    ),
    Slip(
        ONE,
        "no_stride",
        changed(EINSUM, ("[:, :, ::stride, ::stride]", "")),
        "shape",
        "no_stride",
        ("stride is not used", "stride=2"),
    ),
    Slip(
        ONE,
        "one_axis",
        changed(EINSUM, ("::stride, ::stride", "::stride")),
        "shape",
        "one_axis",
        ("both height and width",),
    ),
    Slip(
        ONE,
        "flat_pixels",
        "def conv1x1(x, weight, stride=1):\n    x = x[:, :, ::stride, ::stride]\n"
        "    n, c, h, w = x.shape\n"
        "    return (x.reshape(-1, c) @ weight.T).reshape(n, -1, h, w)\n",
        "values",
        "scrambled",
        (*NUMBERS, "moves nothing"),
    ),
    Slip(
        ONE,
        "channels_last",
        changed(EINSUM, ("->nohw", "->nhwo")),
        "shape",
        "channels_last",
        ("expected (2, 5, 4, 3)",),
    ),
    Slip(
        ONE,
        "channels_first",
        changed(
            EINSUM,
            (
                'torch.einsum("oc,nchw->nohw", weight, read)',
                "torch.tensordot(weight, read, dims=([1], [1]))",
            ),
        ),
        "shape",
        "channels_first",
        ("image first",),
    ),
    Slip(
        ONE,
        "image_multiplied",
        "def conv1x1(x, weight, stride=1):\n    return weight @ x\n",
        "run",
        "image_multiplied",
        ("last two dimensions", "line 2"),
    ),
    Slip(
        ONE,
        "last_channel",
        "def conv1x1(x, weight, stride=1):\n"
        "    x = x[..., ::stride, ::stride]\n"
        "    for c in range(x.shape[1]):\n"
        "        y = weight[:, c, None, None] * x[:, c : c + 1]\n"
        "    return y\n",
        "values",
        "last_channel",
        (*NUMBERS, "Only the last input channel"),
    ),
    Slip(
        ONE,
        "along_the_width",
        "def conv1x1(x, weight, stride=1):\n"
        "    return F.linear(x[:, :, ::stride, ::stride], weight)\n",
        "run",
        "along_the_width",
        ("that is the width", "line 2"),
    ),
    Slip(
        ONE,
        "detached",
        changed(EINSUM, ("weight, read", "weight.detach(), read")),
        "gradients",
        "cut_off",
        ("no gradient", "`weight`"),
    ),
    Slip(
        ONE,
        "item",
        changed(EINSUM, ("torch.einsum", "torch.tensor(1.0) * torch.einsom")),
        "run",
        says=("einsom", "line"),
    ),
    Slip(ONE, "loop", PIXEL_LOOP, "launches", says=("Right, but slow", "pixels")),
    Slip(
        ONE,
        "shortcut",
        "def conv1x1(x, weight, stride=1):\n"
        "    return F.conv2d(x, weight[:, :, None, None], stride=stride)\n",
        "shortcut",
        says=("framework's convolution", "line 2"),
    ),
    Slip(
        CONV,
        "turned",
        changed(SHIFTED, ("weight[:, :, i, j]", "weight[:, :, kh - 1 - i, kw - 1 - j]")),
        "values",
        "flipped",
        (*NUMBERS, "180 degrees"),
    ),
    Slip(
        CONV,
        "exchanged",
        changed(SHIFTED, ("weight[:, :, i, j]", "weight.mT[:, :, i, j]")),
        "values",
        "transposed",
        NUMBERS,
    ),
    Slip(
        CONV,
        "taps_first",
        changed(UNFOLDED, ("weight.flatten(1)", "weight.permute(0, 2, 3, 1).flatten(1)")),
        "values",
        "taps_first",
        (*NUMBERS, "F.unfold"),
    ),
    Slip(
        CONV,
        "not_added",
        changed(SHIFTED, ("total + torch", "torch")),
        "values",
        "last_tap",
        (*NUMBERS, "the ones before"),
    ),
    Slip(
        CONV,
        "repeated",
        changed(SHIFTED, ("padding))", "padding), mode='replicate')")),
        "values",
        "edge_repeated",
        (*NUMBERS, "zeros"),
    ),
    Slip(
        CONV,
        "one_side",
        changed(WINDOWS, ("[padding] * 4", "[0, 2 * padding] * 2")),
        "values",
        "one_side",
        NUMBERS,
    ),
    Slip(
        CONV,
        "images_mixed",
        changed(UNFOLDED, ("return y", "y = y.transpose(0, 1).reshape(y.shape)\n    return y")),
        "values",
        "images_mixed",
        NUMBERS,
    ),
    Slip(
        CONV,
        "no_stride",
        changed(SHIFTED, (" : stride", "")),
        "shape",
        "no_stride",
        ("stride is not used",),
    ),
    Slip(
        CONV,
        "no_padding",
        changed(SHIFTED, ("padding, padding, padding, padding", "0, 0, 0, 0")),
        "shape",
        "no_padding",
        ("padding is not used",),
    ),
    Slip(
        CONV,
        "no_dilation",
        changed(SHIFTED, ("* dilation", "* 1"), ("dilation *", "1 *")),
        "shape",
        "no_dilation",
        ("dilation is not used",),
    ),
    Slip(
        CONV,
        "unfold_order",
        changed(UNFOLDED, ("dilation, padding, stride", "stride, padding, dilation")),
        "shape",
        says=("expected (1, 2, 4, 3)", "unflatten"),
    ),
    Slip(
        CONV,
        "size_without_one",
        changed(UNFOLDED, ("// stride + 1", "// stride")),
        "shape",
        says=("expected (2, 4, 4, 3)",),
    ),
    Slip(
        CONV,
        "width_only",
        changed(SHIFTED, ("padding, padding, padding, padding", "padding, padding")),
        "shape",
        says=("expected",),
    ),
    Slip(
        CONV,
        "square",
        changed(UNFOLDED, ("(rows, -1)", "(-1, rows)")),
        "shape",
        says=("expected (2, 4, 4, 3)",),
    ),
    Slip(
        CONV,
        "slices_uncut",
        changed(
            SHIFTED, (": top + high : stride", "::stride"), (": left + wide : stride", "::stride")
        ),
        "run",
        "",
        ("line", "right with a 1x1 kernel"),
    ),
    Slip(
        CONV,
        "padding_counted",
        changed(
            SHIFTED,
            ("F.pad(x, (padding, padding, padding, padding))", "x"),
            ("x.shape[2] -", "x.shape[2] + 2 * padding -"),
            ("x.shape[3] -", "x.shape[3] + 2 * padding -"),
        ),
        "run",
        "padding_counted",
        ("without it",),
    ),
    Slip(
        CONV,
        "stride_counted",
        changed(
            AFTERWARDS,
            (
                "total[..., ::stride, ::stride]",
                "total[..., : (high - 1) // stride + 1, : (wide - 1) // stride + 1]",
            ),
        ),
        "values",
        "stride_counted",
        (*NUMBERS, "one pixel apart"),
    ),
    Slip(
        CONV,
        "dilation_counted",
        changed(SHIFTED, ("top, left = i * dilation, j * dilation", "top, left = i, j")),
        "values",
        "dilation_counted",
        (*NUMBERS, "side by side"),
    ),
    Slip(
        CONV,
        "positions",
        changed(UNFOLDED, ("y.unflatten(2, (rows, -1))", "y")),
        "shape",
        "positions_in_a_row",
        ("height and width",),
    ),
    Slip(
        CONV,
        "frozen",
        changed(UNFOLDED, ("kernels = weight.", "kernels = weight.data.")),
        "gradients",
        "cut_off",
        ("no gradient", "`weight`"),
    ),
    Slip(CONV, "shortcut", FRAMEWORKS, "shortcut", says=("framework's convolution", "line 3")),
    Slip(CONV, "loop", POSITIONS, "launches", says=("Right, but slow", "not over pixels")),
    Slip(
        STACK,
        "sum",
        changed(
            FORWARD,
            ("    return size, field", "    return size, sum(layer[0] for layer in layers)"),
        ),
        "values",
        "kernels_summed",
        ("kernel minus 1", "yours"),
    ),
    Slip(
        STACK,
        "no_strides",
        changed(FORWARD, ("        apart *= stride\n", "")),
        "values",
        "stride_forgotten",
        ("ignores the strides",),
    ),
    Slip(
        STACK,
        "stride_first",
        changed(
            FORWARD,
            (
                "        field += reach * apart\n        apart *= stride\n",
                "        apart *= stride\n        field += reach * apart\n",
            ),
        ),
        "values",
        "own_stride",
        ("strides before",),
    ),
    Slip(
        STACK,
        "no_dilation",
        changed(FORWARD, ("field += reach", "field += (kernel - 1)")),
        "values",
        "dilation_forgotten",
        ("ignores the dilation",),
    ),
    Slip(
        STACK,
        "no_one",
        changed(FORWARD, ("// stride + 1", "// stride")),
        "values",
        "one_less",
        ("+ 1",),
    ),
    Slip(
        STACK,
        "padded_once",
        changed(FORWARD, ("2 * padding", "padding")),
        "values",
        "padded_once",
        ("both sides",),
    ),
    Slip(
        STACK,
        "up",
        changed(
            FORWARD,
            (
                "(size + 2 * padding - reach - 1) // stride + 1",
                "-((reach + 1 - size - 2 * padding) // stride) + 1",
            ),
        ),
        "values",
        "rounded_up",
        ("round down",),
    ),
    Slip(
        STACK,
        "padding_seen",
        changed(FORWARD, ("field += reach * apart\n", "field += reach * apart - 2 * padding\n")),
        "values",
        "padding_seen",
        ("does not depend on the padding",),
    ),
    Slip(
        STACK,
        "from_zero",
        changed(FORWARD, ("field, apart = 1, 1", "field, apart = 0, 1")),
        "values",
        "from_zero",
        ("yours", "one pixel"),
    ),
    Slip(
        STACK,
        "distances_forgotten",
        changed(FORWARD, ("reach * apart", "kernel - 1")),
        "values",
        "distances_forgotten",
        ("ignores strides and dilations",),
    ),
    Slip(
        STACK,
        "swapped",
        changed(FORWARD, ("return size, field", "return field, size")),
        "values",
        "swapped",
        ("are swapped",),
    ),
    Slip(
        STACK,
        "dilation_nowhere",
        changed(FORWARD, ("dilation * (kernel - 1)", "kernel - 1")),
        "values",
        "dilation_nowhere",
        ("Neither the size nor the field",),
    ),
    Slip(
        STACK,
        "last_stride",
        changed(FORWARD, ("apart *= stride", "apart = stride")),
        "values",
        "last_stride",
        ("Strides multiply", "yours receptive field"),
    ),
    Slip(
        STACK,
        "fractions",
        changed(FORWARD, ("// stride", "/ stride")),
        "values",
        "fractions",
        ("round down", "6.5"),
    ),
    Slip(
        STACK,
        "size_only",
        changed(FORWARD, ("return size, field", "return size")),
        "shape",
        says=("one number, expected 2 numbers",),
    ),
    Slip(
        STACK,
        "inside",
        changed(FORWARD, ("    return size, field", "        return size, field")),
        "values",
        "first_alone",
        ("yours", "first layer"),
    ),
    Slip(
        ONE,
        "reshaped_before",
        changed(
            LAST,
            (
                "pixels = x[:, :, ::stride, ::stride].movedim(1, -1)",
                "x = x[..., ::stride, ::stride]\n    pixels = x.reshape(len(x), *x.shape[2:], -1)",
            ),
        ),
        "values",
        "scrambled_before",
        ("bring the channels to the end",),
    ),
    Slip(
        ONE,
        "reshaped_after",
        changed(
            LAST,
            (
                "return (pixels @ weight.T).movedim(-1, 1)",
                "n, h, w, _ = pixels.shape\n    return (pixels @ weight.T).reshape(n, -1, h, w)",
            ),
        ),
        "values",
        "scrambled_after",
        ("back from the end",),
    ),
    Slip(
        ONE,
        "corner",
        changed(
            EINSUM,
            (
                "x[:, :, ::stride, ::stride]",
                "x[:, :, : (x.shape[2] - 1) // stride + 1, : (x.shape[3] - 1) // stride + 1]",
            ),
        ),
        "values",
        "corner",
        ("one corner",),
    ),
    Slip(
        ONE,
        "largest",
        changed(EINSUM, ("x[:, :, ::stride, ::stride]", "F.max_pool2d(x, stride, ceil_mode=True)")),
        "values",
        "largest",
        ("compares nothing",),
    ),
    Slip(
        ONE,
        "mean",
        changed(SUMMED, (".sum(2)", ".mean(2)")),
        "values",
        "mean_of_channels",
        ("adds them up",),
    ),
    Slip(
        ONE,
        "letters",
        changed(EINSUM, ("nchw->", "nihw->")),
        "values",
        "unmatched_letters",
        ("same letter",),
    ),
    Slip(
        ONE,
        "columns",
        changed(EINSUM, ("::stride, ::stride", ":, ::stride")),
        "shape",
        "columns_thinned",
        ("no rows",),
    ),
    Slip(
        ONE,
        "rounded_down",
        changed(
            EINSUM,
            ("read = x", "high, wide = (n // stride * stride for n in x.shape[2:])\n    read = x"),
            ("::stride, ::stride", ":high:stride, :wide:stride"),
        ),
        "shape",
        "rounded_down",
        ("rounded up",),
    ),
    Slip(
        ONE,
        "width_first",
        changed(EINSUM, ("->nohw", "->nowh")),
        "shape",
        "width_first",
        ("height, then width",),
    ),
    Slip(
        ONE,
        "one_image",
        changed(EINSUM, ("nchw->nohw", "chw->ohw"), ("weight, read", "weight, read[0]")),
        "shape",
        "one_image",
        ("first image",),
    ),
    Slip(
        CONV,
        "positions_mixed",
        changed(
            UNFOLDED,
            (
                "y = kernels @ columns",
                "y = (columns.mT @ kernels.mT).reshape(len(x), len(weight), -1)",
            ),
        ),
        "values",
        "positions_mixed",
        ("transpose before it",),
    ),
    Slip(
        CONV,
        "weight_cut_up",
        changed(UNFOLDED, ("weight.flatten(1)", "weight.reshape(-1, len(weight)).T")),
        "values",
        "weight_cut_up",
        ("keep the first dimension",),
    ),
    Slip(
        CONV,
        "channels_swapped",
        changed(UNFOLDED, ("weight.flatten(1)", "weight.transpose(0, 1).reshape(len(weight), -1)")),
        "values",
        "channels_swapped",
        ("output already comes first",),
    ),
    Slip(
        CONV,
        "letters",
        changed(SHIFTED, ("nchw->", "nihw->")),
        "values",
        "unmatched_letters",
        ("same letter",),
    ),
    Slip(
        CONV,
        "one_channel",
        changed(
            SHIFTED,
            (
                '"oc,nchw->nohw", weight[:, :, i, j], seen',
                '"o,nhw->nohw", weight[:, 0, i, j], seen[:, 0]',
            ),
        ),
        "values",
        "one_channel",
        ("sum over all input channels",),
    ),
    Slip(
        CONV,
        "square_kernel",
        changed(PLACED, ("for j in range(kw)", "for j in range(kh)")),
        "values",
        "square_kernel",
        ("may differ",),
    ),
    Slip(
        CONV,
        "one_image",
        changed(
            SHIFTED,
            (
                '"oc,nchw->nohw", weight[:, :, i, j], seen',
                '"oc,chw->ohw", weight[:, :, i, j], seen[0]',
            ),
            ("total = 0", "total = torch.zeros(len(x), 1, 1, 1)"),
        ),
        "values",
        "one_image",
        ("Each image needs its own",),
    ),
    Slip(
        CONV,
        "plus_one",
        changed(PLACED, ("// stride + 1", "// stride")),
        "shape",
        "one_less",
        ("first position",),
    ),
    Slip(
        CONV,
        "padded_once",
        changed(PLACED, ("2 * padding", "padding")),
        "shape",
        "padded_once",
        ("counted only once",),
    ),
    Slip(
        CONV,
        "long_kernel",
        changed(
            PLACED,
            ("dilation * (kh - 1) - 1", "dilation * kh"),
            ("dilation * (kw - 1) - 1", "dilation * kw"),
        ),
        "shape",
        "long_kernel",
        ("not dilation * k",),
    ),
    Slip(
        CONV,
        "image_multiplied",
        changed(
            PLACED,
            (
                'torch.einsum("oc,nchw->nohw", weight[:, :, i, j], seen)',
                "weight[:, :, i, j] @ seen",
            ),
        ),
        "run",
        "image_multiplied",
        ("last two dimensions",),
    ),
    Slip(
        CONV,
        "unfold_by_place",
        changed(
            UNFOLDED,
            ("dilation, padding, stride)", "stride, padding, dilation)"),
            (
                "rows = (h",
                "wide = x.shape[3] + 2 * padding - dilation * (kw - 1) - 1\n    rows = (h",
            ),
            (
                "y.unflatten(2, (rows, -1))",
                "y.reshape(len(x), len(weight), rows, wide // stride + 1)",
            ),
        ),
        "run",
        "unfold_order",
        ("by name",),
    ),
    Slip(
        STACK,
        "whole_kernels",
        changed(FORWARD, ("reach * apart", "kernel * dilation * apart")),
        "values",
        "whole_kernels",
        ("kernel minus 1",),
    ),
    Slip(
        STACK,
        "half_kernels",
        changed(FORWARD, ("reach * apart", "kernel // 2 * dilation * apart")),
        "values",
        "half_kernels",
        ("both sides",),
    ),
    Slip(
        STACK,
        "times_dilation",
        changed(FORWARD, ("reach * apart", "(kernel * dilation - 1) * apart")),
        "values",
        "kernel_times_dilation",
        ("The field counts",),
    ),
    Slip(
        STACK,
        "long_kernels",
        changed(FORWARD, ("dilation * (kernel - 1)", "dilation * kernel - 1")),
        "values",
        "long_kernels",
        ("Size and field",),
    ),
    Slip(
        STACK,
        "long_in_size",
        changed(FORWARD, ("reach - 1)", "dilation * kernel)")),
        "values",
        "long_kernels_in_size",
        ("The size counts",),
    ),
    Slip(
        STACK,
        "size_without_dilation",
        changed(FORWARD, ("reach - 1)", "kernel)")),
        "values",
        "no_dilation_in_size",
        ("The size ignores",),
    ),
    Slip(
        STACK,
        "one_more",
        changed(FORWARD, ("- reach - 1)", "- reach)")),
        "values",
        "one_more",
        ("one pixel more",),
    ),
    Slip(
        STACK,
        "size_divided",
        changed(FORWARD, ("(size + 2 * padding - reach - 1) // stride + 1", "size // stride")),
        "values",
        "size_divided",
        ("only divided",),
    ),
    Slip(
        STACK,
        "last_size",
        changed(
            FORWARD,
            ("field, apart = 1, 1", "image, field, apart = size, 1, 1"),
            ("(size + 2", "(image + 2"),
        ),
        "values",
        "last_size",
        ("layer before it",),
    ),
    Slip(
        STACK,
        "last_reach",
        changed(FORWARD, ("field += reach", "field = 1 + reach")),
        "values",
        "last_reach",
        ("Only the last layer",),
    ),
    Slip(
        STACK,
        "recurrence",
        changed(FORWARD, ("field += reach * apart", "field = (field - 1) * stride + reach + 1")),
        "values",
        "from_the_last",
        ("reverse order",),
    ),
    Slip(
        STACK,
        "strides_added",
        changed(FORWARD, ("apart *= stride", "apart += stride")),
        "values",
        "strides_added",
        ("added up",),
    ),
    Slip(
        STACK,
        "dilations_multiplied",
        changed(FORWARD, ("apart *= stride", "apart *= stride * dilation")),
        "values",
        "dilations_multiplied",
        ("its own layer",),
    ),
    Slip(
        STACK,
        "own_stride_alone",
        changed(FORWARD, ("reach * apart", "reach * stride")),
        "values",
        "own_stride_alone",
        ("its own stride",),
    ),
    Slip(
        STACK,
        "clamped",
        changed(
            FORWARD,
            ("field, apart = 1, 1", "image, field, apart = size, 1, 1"),
            ("    return size, field", "    return size, min(field, image)"),
        ),
        "values",
        "clamped",
        ("may be larger",),
    ),
    Slip(
        STACK,
        "settings_swapped",
        changed(
            FORWARD,
            ("kernel, stride, padding, dilation in", "kernel, padding, stride, dilation in"),
        ),
        "run",
        "settings_swapped",
        ("The order is",),
    ),
    Slip(
        STACK,
        "no_padding",
        changed(FORWARD, ("2 * padding", "0 * padding")),
        "values",
        "no_padding",
        ("ignores the padding",),
    ),
    Slip(
        STACK,
        "undivided",
        changed(FORWARD, ("// stride + 1", "+ 1")),
        "values",
        "no_stride_in_size",
        ("ignores the strides",),
    ),
)
