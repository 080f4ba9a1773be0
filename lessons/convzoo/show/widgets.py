"""Controls bound to a function that draws: move one, and the picture follows.

The design is the one that measured fastest: a class that observes its sliders and writes into one
HTML view. It works without a kernel and a browser (`explorer.controls["groups"].value = 4`, then
look at `explorer.view.value`); without ipywidgets the controls are plain values and displaying
prints the alt text.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from convzoo.errors import UserError
from convzoo.show.picture import Picture, notice_picture
from convzoo.show.stills import for_any_page
from convzoo.show.stops import MOST, switch

_WIDE = {"description_width": "initial"}  # so that no label is cut off
# Labels and values as large as the notebook's text, in presentation mode too; no value is cut off.
_STYLE = (
    "<style>.convzoo-explorer{--jp-widgets-font-size:var(--jp-content-font-size1)}"
    ".convzoo-explorer .widget-readout{flex:none;max-width:none}</style>"
)


def _ipywidgets():
    """Return the module, or None if it is not installed."""
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets


@dataclass(frozen=True)
class Stops:
    """A slider with only a few values, such as the divisors of a width."""

    values: Sequence
    value: object
    label: str
    names: Sequence[str] | None = None

    def widget(self, kit, live: bool):
        names = self.names or [str(value) for value in self.values]
        return kit.SelectionSlider(
            options=list(zip(names, self.values)),
            value=self.value,
            continuous_update=live,
            layout=kit.Layout(width="26em"),
            **_named(self.label),
        )


@dataclass(frozen=True)
class Range:
    """A slider from lo to hi; with log=True each step multiplies by 10**step."""

    lo: float
    hi: float
    step: float
    value: float
    label: str
    log: bool = False

    def widget(self, kit, live: bool):
        from math import log10

        shared = {
            "value": self.value,
            "step": self.step,
            "continuous_update": live,
            "layout": kit.Layout(width="26em"),
            **_named(self.label),
        }
        if self.log:
            low, high = log10(self.lo), log10(self.hi)
            return kit.FloatLogSlider(base=10, min=low, max=high, **shared)
        whole = all(isinstance(v, int) for v in (self.lo, self.hi, self.step, self.value))
        kind = kit.IntSlider if whole else kit.FloatSlider
        return kind(min=self.lo, max=self.hi, **shared)


@dataclass(frozen=True)
class Choice:
    """A drop-down list: options are values, or a dict from name to value."""

    options: Sequence | dict
    value: object
    label: str

    def widget(self, kit, live: bool):
        options = self.options
        pairs = list(options.items()) if isinstance(options, dict) else list(options)
        return kit.Dropdown(
            options=pairs,
            value=self.value,
            layout=kit.Layout(width="max-content"),
            **_named(self.label),
        )


@dataclass(frozen=True)
class Toggle:
    """A checkbox."""

    value: bool
    label: str

    def widget(self, kit, live: bool):
        return kit.Checkbox(
            value=self.value,
            indent=False,
            layout=kit.Layout(width="max-content"),
            **_named(self.label),
        )


@dataclass(frozen=True)
class Upload:
    """A button that opens a file of the reader's: the picture gets (name, content), or None before
    a file is chosen.

    accept: the files that the browser offers.
    """

    label: str
    accept: str = "image/*"
    value: None = None

    def widget(self, kit, live: bool):
        return kit.FileUpload(
            accept=self.accept,
            multiple=False,
            layout=kit.Layout(width="max-content"),
            description=self.label,
            tooltip=self.label,
        )

    @staticmethod
    def read(value) -> tuple[str, bytes] | None:
        """Return the first file in an ipywidget's value: (its name, its bytes)."""
        return (value[0]["name"], bytes(value[0]["content"])) if value else None


Control = Stops | Range | Choice | Toggle | Upload


def _named(label: str) -> dict:
    return {"description": label, "tooltip": label, "style": dict(_WIDE)}


def _as_it_is(value):
    return value


class _Plain:
    """A value that notifies its observers, in place of an ipywidget."""

    def __init__(self, value):
        self._value, self._watchers = value, []

    @property
    def value(self):
        return self._value

    @value.setter
    def value(self, value):
        changed, self._value = value != self._value, value
        if changed:
            for watcher in self._watchers:
                watcher({"new": value})

    def observe(self, watcher, names="value"):
        self._watchers.append(watcher)


class Explorer:
    """A picture with controls.

    picture: called with the value of each control by name; returns a Picture.
    live: follow a slider while it moves; use False for pictures that take over 0.2 s. An error
    inside `picture` is shown in the view and kept in `explorer.error`.
    """

    def __init__(self, picture: Callable[..., Picture], *, live: bool = True, **controls: Control):
        kit = _ipywidgets()
        self._draw = picture
        self._reads = {n: c.read for n, c in controls.items() if isinstance(c, Upload)}
        self.controls = {
            name: control.widget(kit, live) if kit else _Plain(control.value)
            for name, control in controls.items()
        }
        self.view = kit.HTML() if kit else _Plain("")
        self.box = self._box(kit) if kit else None
        self._show()
        self.default, self._start = self.picture, self.values
        self._stops = _few_stops(controls) if live and not self.error else None
        for control in self.controls.values():
            control.observe(self._show, names="value")

    @property
    def values(self) -> dict[str, object]:
        """The current value of each control."""
        return {
            name: self._reads.get(name, _as_it_is)(control.value)
            for name, control in self.controls.items()
        }

    @property
    def alt(self) -> str:
        """The alt text of the current picture."""
        return self.picture.alt

    def _show(self, change=None) -> None:
        self.picture, self.error = self._at(self.values)
        self.view.value = self.picture.html

    def _at(self, values: dict) -> tuple[Picture, Exception | None]:
        """Return the picture at these values, or an error message in its place."""
        try:
            picture = self._draw(**values)
            if not isinstance(picture, Picture):
                raise UserError(
                    f"the picture function returned a {type(picture).__name__}, not a Picture. "
                    "Return what a show.draw function returns."
                )
        except Exception as error:
            return _trouble(error, values), error
        return picture, None

    def _box(self, kit):
        # The gap keeps a slider's value apart from the label of the next control.
        spaced = kit.Layout(flex_flow="row wrap", grid_gap="0 1.5em", width="100%")
        row = kit.HBox(list(self.controls.values()), layout=spaced)
        box = kit.VBox([row, self.view, kit.HTML(_STYLE)], layout=kit.Layout(width="100%"))
        box.add_class("convzoo-explorer")
        return box

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        """Return the widget for a live page, and its stops or its picture for pages without
        widgets."""
        live = self.box._repr_mimebundle_() if self.box else {}
        html = for_any_page(self.page().html, self.default.html)
        return {**live, "text/html": html, "text/plain": self.default.alt}

    def page(self) -> Picture:
        """Return what a page without a kernel shows: each stop of the first control if they are few
        and quick to draw, else the first picture."""
        if not self._stops:
            return self.default
        first, control = self._stops
        drawn = [self._at({**self._start, first: value})[0] for value in control.values]
        names = control.names or [str(value) for value in control.values]
        at = list(control.values).index(self._start[first])
        return switch(control.label, list(zip(names, drawn, strict=True)), at)

    def __repr__(self) -> str:
        return self.alt


def _few_stops(controls: dict[str, Control]) -> tuple[str, Stops] | None:
    name, control = next(iter(controls.items()))
    few = isinstance(control, Stops) and len(control.values) <= MOST
    return (name, control) if few else None


def _trouble(error: Exception, values: dict) -> Picture:
    stand = ", ".join(f"{name} = {_in_words(value)}" for name, value in values.items())
    kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
    return notice_picture(f"No picture at {stand}", f"{kind}{error}", "fail")


def _in_words(value) -> object:
    """Return a control's value as a message shows it: of a file its name alone."""
    return value[0] if isinstance(value, tuple) and isinstance(value[-1], bytes) else value
