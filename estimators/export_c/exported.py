"""What every fitted estimator gains: a method that writes it as C."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from sklearn.utils.validation import check_is_fitted

from .answer import Answer, answer_of
from .folder import export_c

__all__ = ["Exported"]


class Exported:
    """An estimator whose fit leaves a `Model` in ``model_``."""

    def _answer(self) -> Answer:
        """Return which outputs of the model's program are wanted of the C."""
        fitted: Any = self
        return answer_of(fitted.head_, fitted.labels_)

    def export_c(
        self,
        folder: str | os.PathLike[str],
        name: str = "model",
        *,
        max_values: int | None = None,
        overwrite: bool = False,
    ) -> Path:
        """Write the model as C99 that takes raw rows and needs neither cannery nor Python.

        Parameters
        ----------
        folder : path
            Made where it does not exist; gets ``NAME.h``, ``NAME.c``, ``main.c``,
            ``CMakeLists.txt`` and ``sizes.txt``, written aside and moved there at the end.
        name : str
            What files, functions and types are called: letters, digits and single underscores.
        max_values : int, optional
            How many values of one list are kept; by default as many as a list had in `fit`, and at
            least 64.
        overwrite : bool
            Whether files of these names may be replaced. Others are left alone.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InvalidValue
            A name that cannot be used, or files in the way.
        InvalidType
            A column that has no C, such as one with a ``normalizer_fn``.

        Examples
        --------
        >>> import tempfile
        >>> from cannery import LinearClassifier
        >>> X = {"city": ["Oslo", "Rome", "Oslo", "Lima"], "age": [20, 30, 40, 50]}
        >>> model = LinearClassifier(random_state=0).fit(X, ["no", "yes", "no", "yes"])
        >>> folder = model.export_c(tempfile.mkdtemp(), "visits")
        >>> sorted(path.name for path in folder.iterdir())
        ['CMakeLists.txt', 'main.c', 'sizes.txt', 'visits.c', 'visits.h']
        """
        check_is_fitted(self, "model_")
        fitted: Any = self
        return export_c(
            fitted.model_,
            self._answer(),
            folder,
            name,
            title=type(self).__name__,
            max_values=max_values,
            strict=getattr(self, "strict", False),
            overwrite=overwrite,
        )
