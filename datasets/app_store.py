"""App-store impressions whose click probabilities are known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from .sampling import Floats, Integers, check_count, draw, generator, zipf

__all__ = ["make_app_store"]

APPS, DEVELOPERS, TASTES, FACTORS = 600, 90, 12, 2
CATEGORIES = (
    "puzzle arcade strategy sports music photo video social messaging news books education "
    "finance shopping travel maps health weather food tools"
).split()
COUNTRIES = (
    "US IN BR ID DE JP GB FR MX RU TR IT ES KR PL VN TH CA AR EG NL AU CO UA SE PT CZ GR CH NZ"
).split()
LANGUAGES = (
    "en hi pt id de ja en fr es ru tr it es ko pl vi th en es ar nl en es uk sv pt cs el de en"
).split()
DEVICES = ("phone", "large_phone", "tablet", "laptop", "television", "watch")
POPULAR = 25  # exceptions concern apps seen often enough to be memorised


@dataclass(frozen=True)
class Store:
    """What is true of the apps: their attributes and what drives clicks on them."""

    category: Integers  # (APPS,)
    developer: Integers  # (APPS,)
    popularity: Floats  # (APPS,), sums to one
    factors: Floats  # (APPS, FACTORS): what an app is like
    audience: Floats  # (APPS,): the age it appeals to most
    peak: Floats  # (APPS,): the hour at which it is wanted most
    quality: Floats  # (APPS,)
    device_fit: Floats  # (devices, APPS)
    pair_exceptions: Floats  # (APPS, APPS): installed app, shown app
    country_exceptions: Floats  # (countries, APPS)


@dataclass(frozen=True)
class Users:
    """One entry per user; the apps installed by user u are flat[start[u]:start[u + 1]]."""

    country: Integers
    language: Integers
    device: Integers
    age: Integers
    taste: Integers
    flat: Integers
    start: Integers

    def installed(self, users: Integers) -> tuple[Integers, Integers]:
        """Return, for `users` one after another, each installed app and whose position it is."""
        lengths = self.start[users + 1] - self.start[users]
        owner = np.repeat(np.arange(len(users)), lengths)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        return self.flat[self.start[users][owner] + offset], owner


def make_app_store(
    n_impressions: int = 100_000, random_state: Any = None
) -> tuple[pd.DataFrame, np.ndarray, np.ndarray]:
    """Make impressions of apps in a store, the clicks on them and their true probabilities.

    An impression is a user who is shown an app, as in the task Wide & Deep was made for [1]_. The
    logit of a click is the sum of

    - what *generalises*: the scalar product of the shown app's latent factors with the mean of
      those of the user's installed apps, how near the user's age is to the app's audience and
      the hour to the one it is wanted most, how its kind fits the device, and its quality;
    - what can only be *memorised*: exceptions without structure, one number for each of many
      (installed app, shown app) and (country, shown app) pairs of popular apps.

    Parameters
    ----------
    n_impressions : int, default=100_000
        Number of rows. There is one user for every ten.
    random_state : int, RandomState instance or None, default=None
        Determines the store, its users and the clicks.

    Returns
    -------
    frame : DataFrame of shape (n_impressions, 9)
        `country`, `device`, `language`, `age`, `hour`, `installed_apps` (each cell a list of
        names), and the shown `app` with its `category` and `developer`.
    clicks : ndarray of shape (n_impressions,), dtype int64
        1 where the user clicked.
    probabilities : ndarray of shape (n_impressions,), dtype float64
        The probability each click was drawn with: no model can do better than to know it.

    Raises
    ------
    InvalidValue
        `n_impressions` is not a whole number of at least 1.

    References
    ----------
    .. [1] Cheng et al., "Wide & Deep Learning for Recommender Systems", DLRS 2016.

    Examples
    --------
    >>> from cannery.datasets import make_app_store
    >>> frame, clicks, probabilities = make_app_store(1000, random_state=0)
    >>> frame.columns.tolist()[:6]
    ['country', 'device', 'language', 'age', 'hour', 'installed_apps']
    >>> frame.columns.tolist()[6:]
    ['app', 'category', 'developer']
    >>> bool(((probabilities > 0) & (probabilities < 1)).all())
    True
    """
    n_impressions = check_count("n_impressions", n_impressions)
    random = generator(random_state)
    store = _make_store(random)
    users = _make_users(random, store, count=max(1, n_impressions // 10))
    user = random.integers(len(users.age), size=n_impressions)
    shown = _choose_apps(random, store, users.taste[user], share=0.5)
    hour = random.integers(24, size=n_impressions)
    logit = _generalisable(store, users, user, shown, hour)
    logit += _memorisable(store, users, user, shown)
    probabilities = 1 / (1 + np.exp(-logit))
    clicks = (random.random(n_impressions) < probabilities).astype(np.int64)
    return _frame(store, users, user, shown, hour), clicks, probabilities


def _make_store(random: np.random.Generator) -> Store:
    category = draw(random, zipf(len(CATEGORIES), 0.5)[None], np.zeros(APPS, np.int64))
    centres = random.normal(size=(len(CATEGORIES), FACTORS))
    pairs = np.zeros((APPS, APPS))
    pairs[:POPULAR, :POPULAR] = _exceptions(random, (POPULAR, POPULAR), share=0.3, size=2.5)
    countries = np.zeros((len(COUNTRIES), APPS))
    countries[:, :POPULAR] = _exceptions(random, (len(COUNTRIES), POPULAR), share=0.4, size=1.5)
    fit = random.normal(size=(len(DEVICES), 1)) * random.normal(size=len(CATEGORIES))[category]
    return Store(
        category=category,
        developer=draw(random, zipf(DEVELOPERS, 0.7)[None], np.zeros(APPS, np.int64)),
        popularity=zipf(APPS, 1.0),
        factors=0.9 * centres[category] + 0.3 * random.normal(size=(APPS, FACTORS)),
        audience=random.uniform(15, 60, len(CATEGORIES))[category] + random.normal(0, 6, APPS),
        peak=random.uniform(0, 24, len(CATEGORIES))[category] + random.normal(0, 2, APPS),
        quality=random.normal(0, 0.4, APPS),
        device_fit=0.6 * fit,
        pair_exceptions=pairs,
        country_exceptions=countries,
    )


def _exceptions(
    random: np.random.Generator, shape: tuple[int, int], share: float, size: float
) -> Floats:
    """Most entries 0, a share of them plus or minus `size`: a matrix of full rank."""
    signs = random.choice([-size, size], size=shape)
    return np.where(random.random(shape) < share, signs, 0.0)


def _choose_apps(
    random: np.random.Generator, store: Store, taste: Integers, share: float
) -> Integers:
    """Draw an app for each entry: a share of them by the user's taste, the rest by popularity."""
    # The taste of a user is a direction in the space of the factors, the same in every store.
    angles = np.linspace(0, 2 * np.pi, TASTES, endpoint=False)
    directions = np.stack([np.cos(k * angles + k) for k in range(1, FACTORS + 1)], axis=1)
    liked = store.popularity * np.exp(1.5 * directions @ store.factors.T)
    liked /= liked.sum(axis=1, keepdims=True)
    return draw(random, share * liked + (1 - share) * store.popularity, taste)


def _make_users(random: np.random.Generator, store: Store, count: int) -> Users:
    country = draw(random, zipf(len(COUNTRIES), 0.8)[None], np.zeros(count, np.int64))
    foreign = draw(random, zipf(len(COUNTRIES), 0.8)[None], np.zeros(count, np.int64))
    taste = random.integers(TASTES, size=count)
    owner = np.repeat(np.arange(count), random.integers(3, 13, size=count))
    apps = _choose_apps(random, store, taste[owner], share=0.7)
    flat = np.unique(owner * APPS + apps)  # nobody installs an app twice
    return Users(
        country=country,
        language=np.where(random.random(count) < 0.12, foreign, country),
        device=draw(random, zipf(len(DEVICES), 1.0)[None], np.zeros(count, np.int64)),
        age=np.clip(12 + random.gamma(3.0, 8.0, count), 12, 85).astype(np.int64),
        taste=taste,
        flat=flat % APPS,
        start=np.searchsorted(flat, np.arange(count + 1) * APPS),
    )


def _generalisable(
    store: Store, users: Users, user: Integers, shown: Integers, hour: Integers
) -> Floats:
    sums = np.add.reduceat(store.factors[users.flat], users.start[:-1])
    profile = sums / np.diff(users.start)[:, None]
    affinity = np.einsum("ij,ij->i", profile[user], store.factors[shown])
    distance = (users.age[user] - store.audience[shown]) / 12
    daytime = np.cos((hour - store.peak[shown]) / 24 * 2 * np.pi)
    return (
        -2.4
        + 1.0 * affinity
        + 2.4 * np.exp(-(distance**2))
        + store.device_fit[users.device[user], shown]
        + store.quality[shown]
        + 0.8 * daytime
    )


def _memorisable(store: Store, users: Users, user: Integers, shown: Integers) -> Floats:
    installed, owner = users.installed(user)
    exceptions = store.pair_exceptions[installed, shown[owner]]
    return (
        np.bincount(owner, weights=exceptions, minlength=len(user))
        + store.country_exceptions[users.country[user], shown]
    )


def _frame(
    store: Store, users: Users, user: Integers, shown: Integers, hour: Integers
) -> pd.DataFrame:
    apps = np.array([f"{CATEGORIES[c]}_{number}" for number, c in enumerate(store.category)])
    developers = np.array([f"studio_{number}" for number in range(DEVELOPERS)])
    names = apps[users.flat].tolist()
    ends = users.start.tolist()
    lists = np.empty(len(users.age), dtype=object)
    lists[:] = [names[first:last] for first, last in pairwise(ends)]
    return pd.DataFrame(
        {
            "country": np.array(COUNTRIES)[users.country[user]],
            "device": np.array(DEVICES)[users.device[user]],
            "language": np.array(LANGUAGES)[users.language[user]],
            "age": users.age[user],
            "hour": hour,
            "installed_apps": lists[user],
            "app": apps[shown],
            "category": np.array(CATEGORIES)[store.category[shown]],
            "developer": developers[store.developer[shown]],
        }
    )
