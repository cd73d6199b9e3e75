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


@pytest.fixture(autouse=True)
def fresh_names():
    tf.reset_default_graph()
    yield
    tf.reset_default_graph()


def test_the_linear_regression_that_every_tutorial_had():
    """Placeholders of no shape, fed one by one and in a row; weights drawn by numpy."""
    generator = np.random.default_rng(0)
    train_x = np.linspace(0.0, 2.0, 17)
    train_y = 1.5 * train_x - 0.5
    x, y = tf.placeholder("float"), tf.placeholder("float")
    weight = tf.Variable(generator.normal(), name="weight")
    bias = tf.Variable(generator.normal(), name="bias")
    prediction = tf.add(tf.multiply(x, weight), bias)
    cost = tf.reduce_sum(tf.pow(prediction - y, 2)) / (2 * len(train_x))
    optimizer = tf.train.GradientDescentOptimizer(0.5).minimize(cost)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(60):
            for one_x, one_y in zip(train_x, train_y, strict=True):
                session.run(optimizer, feed_dict={x: one_x, y: one_y})
        assert session.run(cost, feed_dict={x: train_x, y: train_y}) < 1e-4
        assert session.run(weight) == pytest.approx(1.5, abs=0.05)


def test_a_network_with_shared_variables():
    def layer(x, units, name):
        with tf.variable_scope(name, reuse=tf.AUTO_REUSE):
            kernel = tf.get_variable("kernel", [x.shape[-1], units])
            bias = tf.get_variable("bias", [units], initializer=np.zeros(units, "float32"))
        return tf.matmul(x, kernel) + bias

    x = tf.placeholder(tf.float32, [None, 3])
    once, twice = layer(x, 2, "dense"), layer(x, 2, "dense")
    assert once is twice
    assert [v.name for v in tf.trainable_variables()] == ["dense/kernel", "dense/bias"]
    with tf.Session() as session:
        assert session.run(once, {x: np.ones((5, 3))}).shape == (5, 2)


def test_names_of_variables():
    first, second = tf.Variable(1.0), tf.Variable(2.0)
    assert [first.name, second.name] == ["Variable", "Variable_1"]
    kept = tf.get_variable("w", [2])
    with pytest.raises(InvalidValue, match=r"variable 'w': exists already.*reuse=True"):
        tf.get_variable("w", [2])
    with tf.variable_scope("", reuse=True):
        assert tf.get_variable("w") is kept
        with pytest.raises(InvalidValue, match="has the shape"):
            tf.get_variable("w", [3])
        with pytest.raises(InvalidValue, match="does not exist"):
            tf.get_variable("v", [3])


def test_initial_values():
    drawn = tf.Variable(tf.truncated_normal([100, 2], stddev=0.1))
    zeros = tf.Variable(tf.zeros([2]), name="zeros")
    x = tf.placeholder(tf.float32, [])
    with pytest.raises(InvalidValue, match="a variable starts at a number"):
        tf.Variable(x * 2.0)
    with tf.Session() as session:
        first, nothing = session.run([drawn, zeros])
        assert 0 < np.abs(first).max() <= 0.2
        assert nothing.tolist() == [0.0, 0.0]


def test_the_initializer_starts_afresh():
    total = tf.Variable(1.0)
    session = tf.Session()
    session.run(g.TrainingOp({total: total + 1.0}))
    assert session.run(total) == 2.0
    session.run(tf.global_variables_initializer())
    assert session.run(total) == 1.0


def test_the_seed_decides_what_is_drawn():
    drawn = tf.Variable(tf.random_normal([3]))
    values = []
    for seed in (1, 2, 1):
        tf.set_random_seed(seed)
        values.append(tf.Session().run(drawn).tolist())
    tf.set_random_seed(0)
    assert values[0] == values[2] != values[1]


def test_weights_of_zero_are_not_counted():
    labels, predictions = np.zeros(4, "float32"), g.constant([1.0, 2.0, 3.0, 4.0])
    weights = np.array([1.0, 0.0, 2.0, 0.0], "float32")
    losses = [
        tf.losses.mean_squared_error(labels, predictions),
        tf.losses.mean_squared_error(labels=labels, predictions=predictions, weights=weights),
        tf.losses.mean_squared_error(labels, predictions, 0.0),
        tf.losses.sigmoid_cross_entropy(multi_class_labels=labels, logits=predictions * 0.0),
    ]
    found = tf.Session().run(losses)
    assert found == pytest.approx([7.5, (1 + 2 * 9) / 2, 0.0, np.log(2)])


def test_gradients_can_be_changed_on_their_way():
    weight = tf.Variable(4.0)
    optimizer = tf.train.GradientDescentOptimizer(1.0)
    pairs = optimizer.compute_gradients(weight * weight)
    train = optimizer.apply_gradients([(tf.clip_by_value(s, -1.0, 1.0), v) for s, v in pairs])
    session = tf.Session()
    session.run(train)
    assert session.run(weight) == 3.0


def test_arguments_by_place_reach_the_optimizer():
    made = tf.train.FtrlOptimizer(0.1, -0.5, 0.2, 0.01, 0.02, use_locking=False).optimizer
    assert made.l1_regularization_strength == 0.01
    assert made.l2_regularization_strength == 0.02
    with pytest.raises(InvalidValue, match="give the others by name"):
        tf.train.GradientDescentOptimizer(0.1, True)


def test_feeds_of_the_wrong_shape_are_refused():
    x, y = tf.placeholder(tf.float32, [None, 2]), tf.placeholder(tf.float32, [None])
    session = tf.Session()
    for feed in ({x: [1.0], y: [1.0]}, {x: [[1.0, 2.0]] * 3, y: [1.0, 2.0]}):
        with pytest.raises(InvalidValue, match="must have shape"):
            session.run([x, y], feed)
    with pytest.raises(InvalidType, match="must be numbers"):
        session.run(x, {x: [["a", "b"]]})
    with pytest.raises(InvalidType, match="tensors as keys"):
        session.run(x, {"x": [[1.0, 2.0]]})


def test_what_is_fetched_is_no_window_on_the_session():
    total = tf.Variable([1.0, 2.0])
    session = tf.Session()
    session.run(total)[:] = 7.0
    assert session.run(total).tolist() == [1.0, 2.0]


def test_two_new_values_for_one_variable_are_refused():
    total = tf.Variable(1.0)
    session = tf.Session()
    with pytest.raises(InvalidValue, match="two new values"):
        session.run([g.TrainingOp({total: total + 1.0}), g.TrainingOp({total: total * 2.0})])
