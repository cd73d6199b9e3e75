"""Support vector machines: the problems, their solvers, and the certificate of a solution."""

from .design import Design
from .problem import Problem
from .solve import Solution, solve

__all__ = ["Design", "Problem", "Solution", "solve"]
