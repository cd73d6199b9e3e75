"""A fitted model as C that needs neither cannery nor Python."""

from .answer import Answer, answer_of
from .exported import Exported
from .folder import export_c

__all__ = ["Answer", "Exported", "answer_of", "export_c"]
