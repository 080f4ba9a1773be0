"""The lessons' layers against the framework's, and one network of the zoo in training."""

from __future__ import annotations

import torch

from convzoo.benchmarks import layers
from convzoo.errors import UserError
from convzoo.experiments.runner import find
from convzoo.measure import records
from convzoo.measure.device_report import Part, Settings
from convzoo.train import Recipe, train

NETWORK = "ShuffleNet, 174k"  # of the zoo in lesson 07
FEW = 256  # images in a rehearsal, to train on and to test with


def _layers_settings(device: torch.device, quick: bool) -> list[Settings]:
    return [{"layer": layer.id} for layer in layers.LAYERS[-1 if quick else 0 :]]


def _layer(device: torch.device, point: Settings, seconds: float) -> dict:
    """Compare a layer in each pass, as `bench` does: {pass: its row}."""
    layer = next(layer for layer in layers.LAYERS if layer.id == point["layer"])
    found = {}
    for row in layers.rows(device, seconds, [layer]):
        found[row.pop("pass")] = {
            key: _short(value) for key, value in row.items() if key != "layer"
        }
    return {"passes": found}


def _short(value):
    if isinstance(value, dict):
        return {key: _short(v) for key, v in value.items()}
    return records.short(value) if isinstance(value, float) else value


def layer_line(point: Settings) -> str:
    """Return a layer's point as a line to read."""
    speeds = (f"{name} {row['speed']:.2f}" for name, row in point["passes"].items())
    return f"{point['layer']:<32}{', '.join(speeds)} of the framework's speed"


def _training_settings(device: torch.device, quick: bool) -> list[Settings]:
    return [{"network": NETWORK, "seed": 0, "epochs": "one" if quick else "all"}]


def _training(device: torch.device, point: Settings, seconds: float) -> dict:
    """Train the network as the zoo's experiment does: {"trained": how many epochs,
    "test_accuracy", "train_loss", "seconds"}. Raises UserError if it learned nothing."""
    zoo = find("zoo")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(point["seed"])
        network = zoo.variants[point["network"]]().to(device)
    settings = zoo.settings | {"recipe": Recipe(**zoo.settings["recipe"])}
    images = zoo.images()
    if point["epochs"] == "one":
        settings["epochs"], images = 1, images.limit(FEW, FEW)
    history = train(network, images, seed=point["seed"], on_epoch=lambda history: None, **settings)
    accuracy, chance = history.test_accuracy[-1], 1 / len(images.classes)
    if point["epochs"] == "all" and accuracy < 2 * chance:
        raise UserError(f"It learned nothing: {accuracy:.1%} of the test images are right.")
    return {
        "trained": history.done,
        "test_accuracy": records.short(accuracy),
        "train_loss": records.short(history.train_loss[-1]),
        "seconds": round(history.seconds, 1),
    }


def training_line(point: Settings) -> str:
    """Return a training's point as a line to read."""
    return (
        f"{point['network']}, {point['trained']} epochs: {point['test_accuracy']:.1%} of the test "
        f"images, {point['seconds']} s"
    )


LAYERS = Part("the lessons' layers against the framework's", _layers_settings, _layer, 3.0)
TRAINING = Part("a network of the zoo", _training_settings, _training, 0.0, wait=20.0)
