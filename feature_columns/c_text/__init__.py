"""Columns as C: what a raw row becomes, without Python."""
