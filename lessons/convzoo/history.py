"""A training's numbers: what `train` fills in and a picture or a file shows."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass
class History:
    """What happened, a number for each epoch: losses, accuracies in 0..1; seconds in all.

    Train figures are those of the batches as they were trained on; test figures are taken
    after the epoch, in eval mode.
    """

    epochs: int
    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def done(self) -> int:
        """Epochs that are over."""
        return len(self.test_loss)

    def add(
        self, train_loss: float, train_accuracy: float, test_loss: float, test_accuracy: float
    ) -> None:
        """An epoch's numbers."""
        self.train_loss.append(train_loss)
        self.train_accuracy.append(train_accuracy)
        self.test_loss.append(test_loss)
        self.test_accuracy.append(test_accuracy)

    def as_dict(self) -> dict:
        """Plain numbers, for a file."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.done:
            return f"epoch 0 of {self.epochs}"
        return (
            f"epoch {self.done} of {self.epochs}: loss {self.train_loss[-1]:.3f}, accuracy "
            f"{self.train_accuracy[-1]:.1%} train, {self.test_accuracy[-1]:.1%} test"
        )
