"""A census with the columns of the Adult data set and invented contents."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .sampling import Floats, Integers, check_count, draw, generator, zipf

__all__ = ["make_census"]

WORKCLASSES = (
    "Private Self-emp-not-inc Local-gov ? State-gov Self-emp-inc Federal-gov Without-pay"
).split()
EDUCATIONS = (  # by rising number of years; the number is the position, counted from 1
    "Preschool 1st-4th 5th-6th 7th-8th 9th 10th 11th 12th HS-grad Some-college Assoc-voc "
    "Assoc-acdm Bachelors Masters Prof-school Doctorate"
).split()
OCCUPATIONS = (
    "Prof-specialty Craft-repair Exec-managerial Adm-clerical Sales Other-service "
    "Machine-op-inspct ? Transport-moving Handlers-cleaners Farming-fishing Tech-support "
    "Protective-serv Priv-house-serv Armed-Forces"
).split()
COUNTRIES = (
    "United-States Mexico ? Philippines Germany Puerto-Rico Canada El-Salvador India Cuba England "
    "China South Jamaica Italy Dominican-Republic Japan Guatemala Poland Vietnam Columbia Haiti "
    "Portugal Taiwan Iran Nicaragua Greece Peru Ecuador France Ireland Thailand Hong Cambodia "
    "Trinadad&Tobago Laos Yugoslavia Outlying-US(Guam-USVI-etc) Scotland Honduras Hungary "
    "Holand-Netherlands"
).split()
MARRIED, SINGLE = "Married-civ-spouse", "Never-married"
FORMERLY = "Divorced Separated Widowed Married-spouse-absent Married-AF-spouse".split()
RACES = "White Black Asian-Pac-Islander Amer-Indian-Eskimo Other".split()
YEARS = np.array([1, 1, 2, 4, 5, 8, 10, 4, 100, 70, 14, 12, 55, 18, 6, 4], dtype=float)


def make_census(n_rows: int = 10_000, random_state: Any = None) -> pd.DataFrame:
    """Make a frame shaped like the Adult census data: same columns and dtypes, invented contents.

    Whether `income` is above 50K follows a logistic model of age, education, marriage, hours,
    capital gain and occupation, with an exception for each pair of education and occupation.

    Parameters
    ----------
    n_rows : int, default=10_000
        Number of people.
    random_state : int, RandomState instance or None, default=None
        Determines the frame.

    Returns
    -------
    DataFrame of shape (n_rows, 15)
        Six whole-number columns, nine of text with `"?"` where something is unknown; `income` is
        ``"<=50K"`` or ``">50K"``.

    Raises
    ------
    InvalidValue
        `n_rows` is not a whole number of at least 1.

    Examples
    --------
    >>> from cannery.datasets import make_census
    >>> frame = make_census(100, random_state=0)
    >>> frame.shape
    (100, 15)
    >>> sorted(frame["income"].unique())
    ['<=50K', '>50K']
    """
    n_rows = check_count("n_rows", n_rows)
    random = generator(random_state)
    everyone = np.zeros(n_rows, np.int64)
    age = np.clip(17 + random.gamma(2.3, 9.5, n_rows), 17, 90).astype(np.int64)
    education = draw(random, YEARS[None], everyone)
    occupation = _choose_occupations(random, education)
    gender = draw(random, np.array([[0.67, 0.33]]), everyone)
    marital, relationship = _choose_households(random, age, gender)
    gain = np.where(random.random(n_rows) < 0.08, random.lognormal(8.5, 1.0, n_rows), 0)
    loss = np.where(random.random(n_rows) < 0.05, random.normal(1850, 350, n_rows), 0)
    hours = np.where(random.random(n_rows) < 0.47, 40, random.normal(41, 15, n_rows))
    frame = pd.DataFrame(
        {
            "age": age,
            "workclass": np.array(WORKCLASSES)[draw(random, zipf(8, 1.8)[None], everyone)],
            "fnlwgt": np.clip(random.lognormal(12.0, 0.55, n_rows), 12_000, 1_490_000),
            "education": np.array(EDUCATIONS)[education],
            "educational-num": education + 1,
            "marital-status": marital,
            "occupation": np.array(OCCUPATIONS)[occupation],
            "relationship": relationship,
            "race": np.array(RACES)[draw(random, zipf(5, 2.8)[None], everyone)],
            "gender": np.array(["Male", "Female"])[gender],
            "capital-gain": np.clip(gain, 0, 99_999),
            "capital-loss": np.clip(loss, 0, 4_356),
            "hours-per-week": np.clip(hours, 1, 99),
            "native-country": np.array(COUNTRIES)[draw(random, _country_shares(), everyone)],
        }
    )
    for name in ("fnlwgt", "capital-gain", "capital-loss", "hours-per-week"):
        frame[name] = frame[name].astype(np.int64)
    logit = _income_logit(random, frame, education, occupation)
    rich = random.random(n_rows) < 1 / (1 + np.exp(-logit))
    frame["income"] = np.where(rich, ">50K", "<=50K")
    return frame


def _choose_occupations(random: np.random.Generator, education: Integers) -> Integers:
    """Draw an occupation by education: the learned professions need years of school."""
    schooling = np.array([14, 8, 12, 9, 10, 7, 7, 8, 7, 6, 7, 11, 9, 5, 9])
    share = zipf(len(OCCUPATIONS), 0.6)
    fit = np.exp(-(((np.arange(len(EDUCATIONS))[:, None] - schooling) / 5) ** 2))
    return draw(random, share * fit, education)


def _choose_households(
    random: np.random.Generator, age: Integers, gender: Integers
) -> tuple[np.ndarray, np.ndarray]:
    """Draw marital status and relationship, which agree with each other and with age."""
    size = len(age)
    married = random.random(size) < 0.62 / (1 + np.exp(-(age - 28) / 4))
    formerly = random.random(size) < 0.45 / (1 + np.exp(-(age - 38) / 5))
    ended = np.array(FORMERLY)[draw(random, zipf(len(FORMERLY), 1.8)[None], np.zeros(size, int))]
    marital = np.where(married, MARRIED, np.where(formerly, ended, SINGLE))
    others = np.array(["Not-in-family", "Own-child", "Unmarried", "Other-relative"])
    shares = np.array([[0.6, 0.1, 0.24, 0.06], [0.35, 0.5, 0.1, 0.05]])
    apart = others[draw(random, shares, (age < 26).astype(np.int64))]
    return marital, np.where(married, np.array(["Husband", "Wife"])[gender], apart)


def _country_shares() -> Floats:
    shares = 0.1 * zipf(len(COUNTRIES), 1.0)
    shares[0] = 0.9
    return shares[None]


def _income_logit(
    random: np.random.Generator, frame: pd.DataFrame, education: Integers, occupation: Integers
) -> Floats:
    worth = np.array([0.6, 0.1, 0.9, 0.1, 0.4, -0.9, -0.3, -0.8, 0, -0.7, -0.9, 0.6, 0.5, -2, 0])
    exceptions = random.normal(0, 0.5, (len(EDUCATIONS), len(OCCUPATIONS)))
    prime = -(((frame["age"].to_numpy() - 48) / 14) ** 2)
    return (
        -2.9
        + 0.33 * (education - 8)
        + 2.2 * (frame["marital-status"] == MARRIED).to_numpy()
        + 0.7 * np.maximum(prime, -3)
        + 0.03 * (frame["hours-per-week"].to_numpy() - 40)
        + 3.0 * (frame["capital-gain"].to_numpy() > 5000)
        + 0.9 * (frame["capital-loss"].to_numpy() > 1700)
        + worth[occupation]
        + exceptions[education, occupation]
    )
