"""Random forests: trees grown on binned columns, by C or by numpy, the same trees either way."""
