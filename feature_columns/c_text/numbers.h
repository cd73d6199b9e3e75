/* From cells to numbers. */

/* Return the nearest float; what is beyond the largest is infinite, as IEEE 754 has it. */
static float to_float(double number)
{
    if (number >= 3.4028235677973366e38) return HUGE_VALF;
    if (number <= -3.4028235677973366e38) return -HUGE_VALF;
    return (float)number;
}

/* Read a number, NaN where the cell is missing. */
static int read_number(const model_cell *cell, double *number)
{
    *number = NAN;
    if (cell->kind == MODEL_LIST) return MODEL_BAD_LIST;
    if (cell->kind < MODEL_MISSING || cell->kind > MODEL_TEXT) return MODEL_BAD_CELL;
    if (is_missing(cell)) return MODEL_FINE;
    if (cell->kind == MODEL_NUMBER) {
        *number = cell->number;
    } else if (cell->kind == MODEL_TEXT) {
        decimal read;
        if (!cell->text) return MODEL_BAD_CELL;
        if (!read_decimal(cell->text, cell->length, &read)) return MODEL_NOT_A_NUMBER;
        *number = decimal_value(&read);
    } else {
        *number = cell->kind == MODEL_BOOLEAN ? cell->integer != 0 : (double)cell->integer;
    }
    return fabs(*number) <= DBL_MAX ? MODEL_FINE : MODEL_NOT_A_NUMBER;
}

/* Read as many numbers as a column has, all of them NaN where the cell is missing. */
static int read_numbers(const model_cell *cell, size_t width, double *numbers)
{
    if (cell->kind != MODEL_LIST) {
        for (size_t i = 1; i < width; i++) numbers[i] = NAN;
        return width == 1 || is_missing(cell) ? read_number(cell, numbers) : MODEL_BAD_LIST;
    }
    if (cell->length != width) return MODEL_BAD_LIST;
    if (!cell->values) return MODEL_BAD_CELL;
    for (size_t i = 0; i < width; i++) {
        int status = read_number(&cell->values[i], &numbers[i]);
        if (status < 0) return status;
    }
    return MODEL_FINE;
}

static int any_missing(const double *numbers, size_t width)
{
    for (size_t i = 0; i < width; i++) {
        if (numbers[i] != numbers[i]) return 1;
    }
    return 0;
}

static double signed_log(double number)
{
    return number < 0 ? -log1p(-number) : log1p(number);
}

/* Interpolate linearly between the points (at[i], rank[i]); beyond them, take the nearest. A single
 * point is near to anything, as in numpy. */
static double interpolate(double x, const double *at, const double *rank, size_t count)
{
    size_t low = 0, high = count - 1;
    double found;
    if (x != x && high) return x;
    if (x <= at[0] || !high) return rank[0];
    if (x >= at[high]) return rank[high];
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (x < at[middle]) {
            high = middle;
        } else {
            low = middle;
        }
    }
    found = (rank[low + 1] - rank[low]) / (at[low + 1] - at[low]);
    return found * (x - at[low]) + rank[low];
}

static float finite_float(double number)
{
    float found = to_float(number);
    if (found != found) return 0.0f;
    return found > FLT_MAX ? FLT_MAX : found < -FLT_MAX ? -FLT_MAX : found;
}
