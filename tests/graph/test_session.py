"""TensorFlow 1's habits work: sessions, feeds by tensor, training ops."""

from __future__ import annotations

import numpy as np
import pytest

from cannery import graph as g
from cannery.errors import InvalidType, InvalidValue
from cannery.graph import v1 as tf


def test_fetches_come_back_in_their_structure():
    x = g.placeholder("x", ())
    with g.Session() as session:
        found = session.run({"a": x + 1.0, "b": [x, (x * 2.0,)]}, feed_dict={x: 3.0})
    assert found["a"] == 4.0
    assert found["b"][0] == 3.0
    assert found["b"][1] == (6.0,)


def test_all_fetches_of_a_run_see_the_values_before_it():
    a, b = g.Variable(1.0, "a"), g.Variable(2.0, "b")
    swap = g.TrainingOp({a: b, b: a})
    session = g.Session()
    assert session.run([swap, a + 0.0, b + 0.0])[1:] == [1.0, 2.0]
    assert session.run([a, b]) == [2.0, 1.0]


def test_sessions_do_not_share_values():
    a = g.Variable(1.0, "a")
    first, second = g.Session(), g.Session()
    first.run(g.TrainingOp({a: a + 1.0}))
    assert (first.run(a), second.run(a)) == (2.0, 1.0)


def test_what_cannot_be_fetched_or_run_is_named():
    x = g.placeholder("x", ())
    session = g.Session()
    with pytest.raises(InvalidType, match="must be a tensor"):
        session.run("x")
    with pytest.raises(InvalidValue, match="feed 'x': is missing"):
        session.run(x)
    session.close()
    with pytest.raises(InvalidValue, match="is closed"):
        session.run(x, {x: 1.0})


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.train.GradientDescentOptimizer(0.1),
        lambda: tf.train.MomentumOptimizer(0.05, 0.9),
        lambda: tf.train.AdagradOptimizer(0.5),
        lambda: tf.train.AdamOptimizer(0.1),
        lambda: tf.train.FtrlOptimizer(1.0),
        lambda: tf.train.RMSPropOptimizer(0.05),
    ],
)
def test_a_linear_regression_as_tensorflow_1_wrote_it(make):
    generator = np.random.default_rng(0)
    data = generator.normal(size=(64, 2)).astype("float32")
    target = data @ np.array([[2.0], [-1.0]], "float32") + 0.5
    x, y = tf.placeholder(tf.float32, (None, 2)), tf.placeholder(tf.float32, (None, 1))
    weights, bias = tf.Variable(np.zeros((2, 1), "float32")), tf.Variable(np.zeros(1, "float32"))
    loss = tf.losses.mean_squared_error(y, tf.matmul(x, weights) + bias)
    train = make().minimize(loss)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        first = session.run(loss, feed_dict={x: data, y: target})
        for _ in range(150):
            session.run(train, feed_dict={x: data, y: target})
        assert session.run(loss, feed_dict={x: data, y: target}) < 0.05 * first


def test_two_placeholders_without_a_name_are_two():
    assert tf.placeholder(tf.float32, ()) is not tf.placeholder(tf.float32, ())
