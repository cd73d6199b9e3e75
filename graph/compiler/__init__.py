"""A program as C: compiled in memory, and written out."""
