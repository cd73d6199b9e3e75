"""An exported model answers what the estimator answers, and its files can be relied upon."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
from sklearn.exceptions import NotFittedError

from cannery import (
    DNNRegressor,
    KMeans,
    LinearClassifier,
    LinearRegressor,
    RandomForestClassifier,
    SVMClassifier,
    WideDeepClassifier,
)
from cannery.datasets import make_app_store, make_census
from cannery.errors import InvalidType, InvalidValue
from cannery.estimators import ESTIMATORS
from cannery.estimators.export_c import Answer, answer_of, export_c
from cannery.feature_columns import (
    categorical_column,
    cluster_column,
    crossed_column,
    embedding_column,
    leaf_column,
    numeric_column,
)
from cannery.feature_columns.c_text.library import piece_names
from cannery.graph.compiler.ahead import library_functions

ROWS = 400
LOSSES = ("squared_error", "absolute_error", "huber", "quantile", "poisson")


@pytest.fixture(scope="module")
def census():
    """Features, an income, an occupation of many, two labels, and two numbers for each person."""
    frame = make_census(ROWS, random_state=0)
    X = frame.drop(columns="income")
    several = np.stack([X["age"] > 40, X["gender"] == "Female"], axis=1).astype(int)
    numbers = np.stack([X["hours-per-week"], X["age"] * 1e3], axis=1).astype(float)
    return X, frame["income"], X["relationship"], several, numbers


def answers(model, folder, command, driver, X):
    """Return what the exported model says of the rows of a frame."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CANNERY_JIT", "0")  # no sizes are measured, which takes a second
        model.export_c(folder)
    keys = [
        name for name in model.columns_.keys if any(name in c.keys for c in model.columns_.cores)
    ]
    rows = driver.rows_of(X, keys) if keys else [()] * len(X)
    return driver.Exported(folder, (*command, "-O0", *driver.STRICT)).predict(rows)


def quickly_fitted(name, X, y, **settings):
    cls = ESTIMATORS[name]
    settings = {"epochs": 2, "n_estimators": 5, **settings}
    known = {key: value for key, value in settings.items() if hasattr(cls, key)}
    return cls(random_state=0, **known).fit(X, y)


@pytest.mark.parametrize("name", [name for name in ESTIMATORS if name.endswith("Classifier")])
@pytest.mark.parametrize("kind", ["binary", "multi_class", "multi_label"])
def test_every_classifier(name, kind, census, driver, compiler, tmp_path):
    X, binary, many, several, _ = census
    y = {"binary": binary, "multi_class": many, "multi_label": several}[kind]
    model = quickly_fitted(name, X, y)
    found = answers(model, tmp_path / "made", compiler, driver, X)
    assert (found.status == 0).all()
    np.testing.assert_allclose(found.values, model.predict_proba(X), atol=1e-5)
    np.testing.assert_array_equal(model.labels_.decode(found.classes), model.predict(X))


@pytest.mark.parametrize(
    ("name", "loss"),
    [(name, loss) for name in ESTIMATORS if name.endswith("Regressor") for loss in LOSSES[:1]]
    + [("LinearRegressor", loss) for loss in LOSSES[1:]],
)
def test_every_regressor_and_every_loss(name, loss, census, driver, compiler, tmp_path):
    X, *_, numbers = census
    y = numbers if loss == "squared_error" else numbers[:, 0]
    settings = {} if name.startswith("SVM") else {"loss": loss}  # whose losses are others
    model = quickly_fitted(name, X, y, **settings)
    found = answers(model, tmp_path / "made", compiler, driver, X)
    assert found.classes.size == 0
    np.testing.assert_allclose(
        found.values.reshape(y.shape), model.predict(X), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("rows", [0, 5000], ids=["random features", "exact"])
@pytest.mark.parametrize("kind", ["binary", "multi_class"])
def test_kernels(rows, kind, census, driver, compiler, tmp_path):
    X, binary, many, *_ = census
    y = {"binary": binary, "multi_class": many}[kind]
    settings = {"kernel": "rbf", "exact_rows": rows, "n_components": 40, "random_state": 0}
    model = SVMClassifier(probability=kind == "binary", tol=0.01, **settings).fit(X, y)
    found = answers(model, tmp_path / "classes", compiler, driver, X)
    said = model.predict_proba(X) if kind == "binary" else model.decision_function(X)
    np.testing.assert_allclose(found.values, said, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.labels_.decode(found.classes), model.predict(X))


@pytest.mark.parametrize("kind", ["binary", "multi_label"])
def test_scores_where_there_are_no_probabilities(kind, census, driver, compiler, tmp_path):
    X, binary, _, several, _ = census
    model = SVMClassifier(probability=False).fit(X, binary if kind == "binary" else several)
    found = answers(model, tmp_path / "made", compiler, driver, X)
    scores = model.decision_function(X)
    expected = np.stack([-scores, scores], axis=1) if kind == "binary" else scores
    np.testing.assert_allclose(found.values, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.labels_.decode(found.classes), model.predict(X))
    assert "the score of each" in (tmp_path / "made" / "model.h").read_text(encoding="utf-8")


def test_towers_with_normalisation(census, driver, compiler, tmp_path):
    X, *_, numbers = census
    for activation in ("gelu", "tanh"):
        model = DNNRegressor(
            hidden_units=(6, 5), activation=activation, batch_norm=True, dropout=0.1, epochs=1
        ).fit(X, numbers[:, 0])
        found = answers(model, tmp_path / activation, compiler, driver, X[:50])
        np.testing.assert_allclose(found.values[:, 0], model.predict(X[:50]), rtol=1e-5)


def test_adult_as_the_estimator_answers(shared, driver, compiler, tmp_path):
    frame = pd.read_parquet(shared / "data" / "adult.parquet")
    X, y = frame.drop(columns="income"), frame["income"]
    test = np.arange(len(X)) % 3 == 0
    model = WideDeepClassifier(epochs=1, random_state=0).fit(X[~test], y[~test])
    found = answers(model, tmp_path / "made", compiler, driver, X[test])
    assert (found.status == 0).all()
    np.testing.assert_allclose(found.values, model.predict_proba(X[test]), atol=1e-5)
    np.testing.assert_array_equal(model.labels_.decode(found.classes), model.predict(X[test]))


def test_impressions_with_lists_of_apps(driver, compiler, tmp_path):
    frame, clicks, _ = make_app_store(1_500, random_state=0)
    model = WideDeepClassifier(epochs=1, random_state=0).fit(frame, clicks)
    found = answers(model, tmp_path / "made", compiler, driver, frame)
    assert (found.status == 0).all()
    np.testing.assert_allclose(found.values, model.predict_proba(frame), atol=1e-5)


@pytest.fixture(scope="module")
def sink(hostile):
    """A model with every kind of column, and the raw columns in the order of its cells."""
    frame = hostile.clean(600, seed=0)
    wide, deep = hostile.columns()
    model = WideDeepClassifier(
        linear_columns=wide, deep_columns=deep, hidden_units=(8,), epochs=1, random_state=0
    )
    model.fit(frame, hostile.labels(frame))
    return model


def test_every_kind_of_column_over_hostile_rows(sink, hostile, driver, sanitized, tmp_path):
    folder = sink.export_c(tmp_path / "made", max_values=100)
    exported = driver.Exported(folder, (*sanitized, *driver.STRICT))
    keys = list(sink.columns_.keys)
    rows = [[row[key] for key in keys] for row in hostile.rows(3_000, seed=1)]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "overflow encountered in cast")
        found = driver.compare(sink, exported, keys, rows)
    assert found.answered > 1_500 and found.refused > 300 and not found.dropped
    assert found.largest < 1e-5
    assert not found.wrong_classes and not found.wrongly_refused


def test_every_compiler_takes_it_without_a_warning(sink, driver, compiler, tmp_path):
    folder = sink.export_c(tmp_path / "made")
    languages = {"c99": "c", "c11": "c", "c++17": "c++"}
    tried = 0
    for command in {"gcc": languages, "clang": languages}.items():
        program, standards = command
        if shutil.which(program) is None:
            continue
        for standard, language in standards.items():
            if language == "c++" and shutil.which(program.replace("gcc", "g++")) is None:
                continue
            flags = ["-x", language, f"-std={standard}", *driver.STRICT[1:], "-fsyntax-only"]
            for file in ("model.c", "main.c"):
                done = subprocess.run(
                    [program, *flags, file], cwd=folder, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, (program, standard, done.stderr[:2000])
                tried += 1
    assert tried or compiler[0].endswith("zig")


def test_the_model_allocates_nothing_and_keeps_nothing(sink, tmp_path):
    text = (sink.export_c(tmp_path / "made") / "model.c").read_text(encoding="utf-8")
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    assert not re.search(r"\b(malloc|calloc|realloc|free|printf|FILE|stdio|stdlib)\b", bare)
    # At file scope, what is static is constant or a function.
    lines = re.findall(r"^static (?!const\b|inline\b).*", bare, flags=re.MULTILINE)
    assert lines and all("(" in line and ";" not in line for line in lines)
    assert not re.search(r"^[ \t]+static (?!const\b)", bare, flags=re.MULTILINE)


def test_odd_addresses_serve_and_nonsense_is_refused(census, driver, sanitized, tmp_path):
    X, y, *_ = census
    folder = WideDeepClassifier(epochs=1, random_state=0).fit(X, y).export_c(tmp_path / "made")
    (folder / "odd.c").write_text(ODD, encoding="utf-8")
    command = [*sanitized, *driver.STRICT, "odd.c", "model.c", "-lm", "-o", "odd"]
    subprocess.run(command, cwd=folder, check=True)
    printed = subprocess.run([folder / "odd"], capture_output=True, text=True, check=True).stdout
    assert printed.split() == ["0", "0", "1", "-1", "-1", "<=50K", ">50K", "age", "0", "0"]


ODD = """
#include "model.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
    static unsigned char memory[MODEL_SCRATCH_BYTES + 1];
    static model_row rows[2];
    float out[2][2 * MODEL_OUTPUTS];
    int32_t classes[2];
    rows[0].cells[MODEL_COLUMN_AGE] = model_number(39);
    rows[1].cells[MODEL_COLUMN_EDUCATION] = model_text("Doctorate", strlen("Doctorate"));
    printf("%d ", model_predict(rows, 2, out[0], memory + 1));
    printf("%d ", model_predict_classes(rows, 2, out[1], classes, memory));
    printf("%d ", memcmp(out[0], out[1], sizeof out[0]) == 0 && out[0][0] != out[0][2]);
    printf("%d ", model_predict(NULL, 1, out[0], memory));
    printf("%d ", model_predict(rows, -1, out[0], memory));
    printf("%s %s ", model_class_name(0), model_class_name(1));
    printf("%s ", model_column_name(MODEL_COLUMN_AGE));
    printf("%d ", model_class_name(2) != NULL || model_column_name(-1) != NULL
        || model_abi_version() != MODEL_ABI_VERSION);
    for (int column = 0; column < MODEL_COLUMNS; column++) {
        for (int kind = -1; kind < 9; kind++) {
            model_cell cell = model_number(NAN), list = model_list(&cell, 1);
            if (kind == MODEL_MISSING || kind == MODEL_NUMBER) continue;
            cell.kind = kind;
            cell.length = 3; /* of no text and no list */
            for (int nested = 0; nested < 2; nested++) {
                int refused;
                rows[0].cells[column] = nested ? list : cell;
                refused = model_predict(rows, 1, out[0], memory) < 0;
                if (!refused && kind != MODEL_INTEGER && kind != MODEL_BOOLEAN) printf("%d!", kind);
            }
        }
        rows[0].cells[column] = model_missing();
    }
    printf("%d\\n", model_predict(rows, 1, out[0], memory));
    return 0;
}
"""


@pytest.fixture(scope="module")
def reader(compiler, driver, tmp_path_factory):
    """The program that reads CSV, for a model of a text, a number, a boolean and a list."""
    frame = {
        "ci,ty": ["Oslo", "Rome", 'He said "hi"', None] * 20,
        "level": [1, 2, 3, 4] * 20,
        "old": [True, False, True, True] * 20,
        "tags": [["a", "b"], ["b"], [], ["c", "a"]] * 20,
    }
    columns = [categorical_column(key) for key in frame] + [numeric_column("level")]
    model = LinearClassifier(columns=columns, epochs=20, random_state=0)
    model.fit(frame, ["no, never", "yes", "no, never", "yes"] * 20)
    folder = model.export_c(tmp_path_factory.mktemp("csv") / "made", "visits")
    command = [*compiler, *driver.STRICT, "main.c", "visits.c", "-lm", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    return model, folder / "main"


def run(program, text, *arguments):
    """Return exit status, rows printed as dicts, and errors."""
    done = subprocess.run(
        [program, *arguments], input=text.encode(), capture_output=True, check=False
    )
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    return done.returncode, rows, done.stderr.decode()


def test_csv_with_quotes_missing_cells_and_lists(reader):
    model, program = reader
    text = (
        '\ufefftags,other,"ci,ty",level,old\r\n'
        'a|b,?,Oslo,1,True\r\n"b",?,"He said ""hi""",02.0,false\n'
        "\n,,,,\nnever|seen|,x,line,1e0,TRUE\nc|a,?,Rome,4,False"
    )
    frame = {
        "ci,ty": ["Oslo", 'He said "hi"', None, "line", "Rome"],
        "level": [1, 2, None, 1, 4],
        "old": [True, False, None, True, False],
        "tags": [["a", "b"], ["b"], [], ["never", "seen", None], ["c", "a"]],
    }
    status, rows, errors = run(program, text)
    assert (status, errors) == (0, "")
    assert [row["class"] for row in rows] == model.predict(frame).tolist()
    shown = [[float(row[f"probability of {name}"]) for name in model.classes_] for row in rows]
    np.testing.assert_allclose(shown, model.predict_proba(frame), atol=1e-6)
    assert run(program, text.replace("|", ";"), "--separator", ";", "-")[1] == rows


def test_csv_rows_that_are_refused_are_empty_and_named(reader):
    _, program = reader
    text = "tags,ci,ty,level,old\na,Oslo,Rome,1,True\n"
    assert run(program, text)[0] == 2  # the comma in the name was not quoted
    text = 'tags,"ci,ty",level,old\na,Oslo,one,True\na,Oslo,1,True\na,b\n"a,Oslo,1,True\n'
    status, rows, errors = run(program, text)
    assert status == 2 and "a quote is never closed" in errors
    assert [row["class"] == "" for row in rows] == [True, False, True]
    assert "line 2: level: not a number" in errors
    assert "line 4: 2 fields where the header has 4" in errors
    assert run(program, text.partition('\n"')[0])[0] == 1
    assert run(program, "")[0] == run(program, text, "--nonsense")[0] == 2
    assert 'no column "old"' in run(program, 'tags,"ci,ty",level\n')[2]


def test_cmake_builds_it(reader, tmp_path):
    if shutil.which("cmake") is None:
        pytest.skip("no cmake on this machine")
    folder = shutil.copytree(reader[1].parent, tmp_path / "made")
    subprocess.run(["cmake", "-S", folder, "-B", tmp_path], capture_output=True, check=True)
    subprocess.run(["cmake", "--build", tmp_path], capture_output=True, check=True)
    status, rows, _ = run(tmp_path / "visits_main", 'tags,"ci,ty",level,old\na,Oslo,1,True\n')
    assert status == 0 and len(rows) == 1


def test_the_program_in_the_documentation(compiler, driver):
    page = (Path(__file__).parents[3] / "docs" / "export.md").read_text(encoding="utf-8")
    names: dict[str, object] = {}
    exec(re.search(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1], names)
    program = re.search(r"^```c\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)[1]
    model, folder = names["model"], names["folder"]
    (folder / "program.c").write_text(program, encoding="utf-8")
    command = [*compiler, *driver.STRICT, "program.c", "income.c", "-lm", "-o", "program"]
    subprocess.run(command, cwd=folder, check=True)
    printed = subprocess.run(
        [folder / "program"], capture_output=True, text=True, check=True
    ).stdout
    frame = {key: [None] for key in model.columns_.keys}
    frame |= {"age": [39], "education": ["Bachelors"]}
    frame |= {key: [None] for key in model.feature_names_in_ if key not in frame}
    expected = model.predict_proba(frame)[0, 1]
    name, probability = printed.split(", ")
    assert name == model.predict(frame)[0] and abs(float(probability) - expected) < 1e-5


def test_rows_of_a_sparse_matrix(driver, compiler, tmp_path):
    random = np.random.default_rng(0)
    X = scipy.sparse.random_array((200, 30), density=0.2, format="csr", rng=random)
    model = LinearRegressor(epochs=3, random_state=0).fit(X, X.sum(axis=1))
    folder = model.export_c(tmp_path / "made")
    command = [*compiler, *driver.STRICT, "main.c", "model.c", "-lm", "-o", "main"]
    subprocess.run(command, cwd=folder, check=True)
    entries = [zip(X[[i]].indices, X[[i]].data.tolist(), strict=True) for i in range(X.shape[0])]
    cells = ["|".join(f"{column}:{x!r}" for column, x in row) for row in entries]
    status, found, errors = run(folder / "main", "x\n" + "".join(f'"{cell}"\n' for cell in cells))
    assert (status, errors) == (0, "")
    shown = [float(row["prediction"]) for row in found]
    np.testing.assert_allclose(shown, model.predict(X), rtol=1e-5, atol=1e-6)


def test_a_strict_model_refuses_what_it_has_not_seen(driver, compiler, tmp_path):
    frame = {"city": ["Oslo", "Rome"] * 20, "age": [20, 40] * 20}
    columns = [categorical_column("city"), numeric_column("age")]
    model = LinearClassifier(columns=columns, strict=True, random_state=0).fit(frame, [0, 1] * 20)
    exported = driver.Exported(model.export_c(tmp_path / "made"), (*compiler, *driver.STRICT))
    rows = [("Oslo", 20), ("Rome", True), ("Lima", 20), (None, 20), ("Rome", None), (5, 20)]
    rows += [(["Oslo"], 20), ("Oslo", "20")]
    assert (exported.predict(rows).status < 0).tolist() == [False] * 2 + [True] * 6


def test_names_that_c_could_not_tell_apart(driver, compiler, tmp_path):
    keys = ["a b", "a_b", "token", "ids", "model", "*/", "9", "é", "labels"]
    frame = {key: [["x", "y"], ["z"], []] * 20 for key in keys} | {"number": [1.0, 2.0, 3.0] * 20}
    model = WideDeepClassifier(epochs=1, random_state=0).fit(frame, ["u", "v", 'w"'] * 20)
    found = answers(model, tmp_path / "made", compiler, driver, pd.DataFrame(frame))
    np.testing.assert_allclose(found.values, model.predict_proba(frame), atol=1e-5)


@pytest.fixture(scope="module")
def small():
    """A fitted model of one column."""
    frame = {"city": ["Oslo", "Rome"] * 20}
    return LinearClassifier(random_state=0).fit(frame, [0, 1] * 20)


@pytest.mark.parametrize(
    "name",
    ["", "9lives", "a b", "a__b", "_a", "a-b", "é", "x" * 41, "main", "string", "a.b", "CON"],
)
def test_names_that_cannot_be_used_are_refused(small, name, tmp_path):
    with pytest.raises((InvalidValue, InvalidType), match="name"):
        small.export_c(tmp_path / "made", name)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_the_c_uses_itself_is_refused(small, tmp_path):
    with pytest.raises(InvalidValue, match="which the C has another use for"):
        small.export_c(tmp_path / "made", "same")  # `same_text` compares texts


def test_an_export_in_the_way_stays_unless_told_otherwise(small, tmp_path):
    folder = small.export_c(tmp_path / "made", "income")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "income.c").write_text("mine", encoding="utf-8")
    with pytest.raises(InvalidValue, match="holds files already"):
        small.export_c(folder, "income")
    assert (folder / "income.c").read_text(encoding="utf-8") == "mine"
    small.export_c(folder, "income", overwrite=True)
    assert "income_predict" in (folder / "income.c").read_text(encoding="utf-8")
    assert (folder / "notes.txt").read_text(encoding="utf-8") == "mine"
    with pytest.raises(InvalidValue, match="is a file"):
        small.export_c(folder / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_what_has_no_c_is_named_and_leaves_nothing(tmp_path):
    frame = {"age": [20.0, 40.0] * 20}
    columns = [numeric_column("age", normalizer_fn=np.sqrt)]
    model = LinearClassifier(columns=columns, random_state=0).fit(frame, [0, 1] * 20)
    with pytest.raises(InvalidType, match="column 'age': a normalizer_fn is Python"):
        model.export_c(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_lists_longer_than_the_model_keeps_are_cut_and_said_so(driver, compiler, tmp_path):
    frame = {"tags": [["a", "b"], ["b"]] * 20}
    model = LinearClassifier(random_state=0).fit(frame, [0, 1] * 20)
    folder = model.export_c(tmp_path / "made", max_values=2)
    exported = driver.Exported(folder, (*compiler, *driver.STRICT))
    found = exported.predict([[["b", "a"]], [["b", "a", "c"]], [[]]])
    assert found.status.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(found.values[0], found.values[1])
    for wrong in (0, 1.5, True):
        with pytest.raises((InvalidValue, InvalidType), match="max_values"):
            model.export_c(tmp_path / "other", max_values=wrong)


def test_sizes_are_measured_or_said_not_to_be(small, compiler, tmp_path, monkeypatch):
    text = (small.export_c(tmp_path / "made") / "sizes.txt").read_text(encoding="utf-8")
    assert re.search(r"^scratch memory +[\d,]+ bytes$", text, re.MULTILINE)
    assert f"Measured with {compiler[0]}" in text or "not measured" in text
    monkeypatch.setenv("CANNERY_JIT", "0")
    text = (small.export_c(tmp_path / "other") / "sizes.txt").read_text(encoding="utf-8")
    assert "were not measured: no C compiler was found" in text


def test_an_estimator_has_to_be_fitted_first(tmp_path):
    with pytest.raises(NotFittedError):
        LinearClassifier().export_c(tmp_path / "made")
    assert list(tmp_path.iterdir()) == []


def test_both_libraries_of_c_can_stand_in_one_file():
    assert not library_functions().keys() & piece_names()


def test_a_model_alone_is_enough(small, tmp_path):
    """Whatever solver trained it: columns, a predict program and variables."""
    folder = export_c(small.model_, Answer("logits"), tmp_path / "made", title="A *\u002f title")
    text = (folder / "model.h").read_text(encoding="utf-8")
    assert text.startswith("/* A * / title\n") and "model_class_name" not in text
    assert answer_of(small.head_, small.labels_) == Answer("probabilities", "class_ids", ("0", "1"))


@pytest.mark.parametrize("distance", ["squared_euclidean", "cosine"])
def test_clusters_and_distances(distance, census, driver, compiler, tmp_path):
    X = census[0]
    model = KMeans(n_clusters=4, distance=distance, random_state=0).fit(X)
    found = answers(model, tmp_path / "made", compiler, driver, X)
    np.testing.assert_allclose(found.values, model.transform(X), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found.classes.ravel(), model.predict(X))
    text = (tmp_path / "made" / "model.h").read_text(encoding="utf-8")
    assert "the distance to each class" in text


def test_learners_inside_columns(census, driver, compiler, tmp_path):
    """Two learners, of which one is read twice, and columns that they share with the model."""
    X, y, *_ = census
    age, job = numeric_column("age", normalizer="standard"), categorical_column("occupation")
    kmeans = KMeans(n_clusters=5, columns=[age, job, numeric_column("hours-per-week")])
    cluster = cluster_column(kmeans)
    angles = KMeans(n_clusters=3, columns=[embedding_column(job, 3), age], distance="cosine")
    model = WideDeepClassifier(
        linear_columns=[cluster, crossed_column([cluster, "gender"], 50), job],
        deep_columns=[
            embedding_column(cluster, 2),
            cluster_column(kmeans, "distances", normalizer="standard"),
            cluster_column(angles, "distances", name="angles"),
            age,
        ],
        epochs=1,
        random_state=0,
    ).fit(X, y)
    found = answers(model, tmp_path / "made", compiler, driver, X)
    assert (found.status == 0).all()
    np.testing.assert_allclose(found.values, model.predict_proba(X), atol=1e-5)


def test_forests_inside_columns(census, driver, compiler, tmp_path):
    """Leaves alone, crossed and embedded; the forest's columns are its own."""
    X, y, *_ = census
    age, job = numeric_column("age"), categorical_column("occupation")
    forest = RandomForestClassifier(n_estimators=7, max_leaf_nodes=9, columns=[age, job])
    leaves = leaf_column(forest)
    model = WideDeepClassifier(
        linear_columns=[leaves, crossed_column([leaves, "gender"], 50), job],
        deep_columns=[embedding_column(leaves, 2), numeric_column("hours-per-week")],
        epochs=1,
        random_state=0,
    ).fit(X, y)
    found = answers(model, tmp_path / "made", compiler, driver, X)
    assert (found.status == 0).all()
    np.testing.assert_allclose(found.values, model.predict_proba(X), atol=1e-5)
