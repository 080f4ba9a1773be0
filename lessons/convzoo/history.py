"""The numbers of a training run: `train` fills them in, a picture or a file shows them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field


@dataclass
class History:
    """One number for each epoch: losses, accuracies in 0..1; and the total seconds.

    Train numbers are those of the batches while they were trained on; test numbers are measured
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
        """The number of finished epochs."""
        return len(self.test_loss)

    def add(
        self, train_loss: float, train_accuracy: float, test_loss: float, test_accuracy: float
    ) -> None:
        """Add an epoch's numbers."""
        self.train_loss.append(train_loss)
        self.train_accuracy.append(train_accuracy)
        self.test_loss.append(test_loss)
        self.test_accuracy.append(test_accuracy)

    def as_dict(self) -> dict:
        """Return plain numbers, for a file."""
        return asdict(self)

    def __str__(self) -> str:
        if not self.done:
            return f"epoch 0 of {self.epochs}"
        return (
            f"epoch {self.done} of {self.epochs}: loss {self.train_loss[-1]:.3f}, accuracy "
            f"{self.train_accuracy[-1]:.1%} train, {self.test_accuracy[-1]:.1%} test"
        )
