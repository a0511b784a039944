"""Long steps that go on where they stood: loops and call-backs that checkpoint, for what users train with.

    from motet.training import epochs

    @task(retries=3)
    def train(X, y):
        for epoch, model in epochs(30, SGDClassifier(random_state=0)):
            model.partial_fit(X, y, classes=[0, 1])
        return model

`motet.training.lightning` and `motet.training.transformers` have call-backs for the trainers of these. Nothing of any
library is imported before it is used. `motet.checkpoint` and `motet.last_checkpoint` are what all of it is made of.
"""

from motet import app as app  # puts the parts together, so that tasks find where to run
from motet.training.loops import epochs

__all__ = ["epochs"]
