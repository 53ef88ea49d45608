"""Views of images: the same in numpy and in the training step, all of them as likely, and the teacher's word goes with the view."""

import numpy as np
import pytest

from fpgacompress import zoo
from fpgacompress.distill import Objective, Term
from fpgacompress.keras_stack import load
from fpgacompress.prune import Nothing
from fpgacompress.train.step import TrainingStep
from fpgacompress.views import AUGMENTS, View


def test_what_a_view_shows():
    x = np.arange(12, dtype=np.float32).reshape(1, 3, 4)
    assert np.array_equal(View("-flip", flip=True).of(x)[0], x[0, :, ::-1])
    assert View(down=1, right=-1).of(x)[0].tolist() == [[1, 2, 3, 3], [1, 2, 3, 3], [5, 6, 7, 7]]
    assert np.array_equal(View().of(x), x) and np.array_equal(View(down=1).of(x[..., None])[..., 0], View(down=1).of(x))
    assert len({v.suffix for v in AUGMENTS["shift"]}) == 9 and all(views[0] == View() for views in AUGMENTS.values())


@pytest.mark.parametrize("augment", ["flip", "shift"])
def test_the_step_draws_all_views_and_what_is_told_of_them(augment):
    """A term compares what is told with what is seen: the number of the view is written into the told array."""
    views, rng = AUGMENTS[augment], np.random.default_rng(0)
    x = rng.uniform(0, 1, (64, 6, 5)).astype(np.float32)
    arrays = {"x": x, "y": np.zeros(64, np.int32)}
    arrays |= {"told" + view.suffix: view.of(x).reshape(64, 30) + np.float32(100 * i) for i, view in enumerate(views)}
    model, seen = zoo.build("mlp", (6, 5), 2, {"hidden": [3]}), []

    def loss(logits, batch):
        tf = load().tf
        number = tf.round((batch["told"][:, :1] - batch["x"][:, :1]) / 100)
        tf.debugging.assert_near(batch["told"] - 100 * number, batch["x"], atol=1e-3)
        return tf.reduce_mean(tf.cast(tf.equal(number, float(len(views) - 1)), tf.float32))

    term = Term("last", 0.0, ("told",), loss)
    rates = {"class_weights": None, "learning_rate": 1e-3, "total_steps": 100, "schedule": "constant", "augment": augment, "seed": 3}
    step = TrainingStep(model, Objective(1.0, (term,)), arrays, pruning=Nothing(), **rates)
    for _ in range(100):
        step.run(np.arange(64, dtype=np.int32)[None])
        seen.append(step.take_means(1)["last"])
    plain = TrainingStep(model, Objective(1.0, (term,)), arrays, pruning=Nothing(), augmented=3, **rates)
    plain.run(np.tile(np.arange(64, dtype=np.int32), (3, 1)))
    assert plain.take_means(3)["last"] > 0
    plain.run(np.tile(np.arange(64, dtype=np.int32), (5, 1)))
    assert plain.take_means(5)["last"] == 0
    assert np.mean(seen) == pytest.approx(1 / len(views), abs=4 * np.sqrt(1 / len(views) / 6400)) and np.std(seen) > 0
