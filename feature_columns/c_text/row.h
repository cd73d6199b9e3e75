/* A raw cell. Zero bytes are a missing one. */
enum {
    MODEL_MISSING = 0, /* nothing */
    MODEL_NUMBER = 1,  /* `number`; NaN is missing */
    MODEL_INTEGER = 2, /* `integer` */
    MODEL_BOOLEAN = 3, /* `integer`, 0 or 1 */
    MODEL_TEXT = 4,    /* `text` of `length` bytes, UTF-8; an empty one is missing */
    MODEL_LIST = 5,    /* `values`, `length` of them */
    MODEL_ENTRY = 6    /* in the list of a sparse row: column `integer` holds `number` */
};

/* What is wrong with a row: negative where it has no prediction. */
enum {
    MODEL_FINE = 0,
    MODEL_DROPPED = 1,       /* more values in a list than there is room for: the last are left out */
    MODEL_BAD_ARGUMENT = -1, /* a null pointer */
    MODEL_BAD_CELL = -2,     /* no such kind of cell, or not in this column */
    MODEL_NOT_A_NUMBER = -3, /* a text that is no number, or an infinite number */
    MODEL_NOT_A_DATE = -4,   /* not an ISO 8601 date */
    MODEL_BAD_LIST = -5,     /* a list where one value belongs, or one of another length */
    MODEL_BAD_WEIGHTS = -6,  /* not as many weights as values */
    MODEL_NO_NUMBER = -7,    /* missing, and the column says to refuse that */
    MODEL_UNSEEN = -8        /* strict, and not seen in training */
};

typedef struct model_cell {
    int kind;
    const char *text;
    const struct model_cell *values;
    size_t length;
    int64_t integer;
    double number;
} model_cell;

/* The raw columns of a row, at the places that MODEL_COLUMN_... name. */
typedef struct {
    model_cell cells[MODEL_COLUMNS > 0 ? MODEL_COLUMNS : 1];
} model_row;
