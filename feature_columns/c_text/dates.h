/* ISO 8601 dates as pandas reads them, in UTC. */

#define SECONDS_PER_DAY 86400

typedef struct {
    int64_t seconds;
    int32_t nanoseconds;
    int fine;
} instant;

typedef struct {
    const char *at, *end;
} cursor;

/* Return the character here, or 0 at the end. */
static int here(const cursor *text)
{
    return text->at < text->end ? (unsigned char)*text->at : 0;
}

static int step_over(cursor *text, int symbol)
{
    if (text->at == text->end || here(text) != symbol) return 0;
    text->at++;
    return 1;
}

static void skip_spaces(cursor *text)
{
    while (text->at < text->end && is_space(here(text))) text->at++;
}

/* Read up to two digits; return how many there were. */
static int read_two(cursor *text, int *number)
{
    int count = 0;
    for (*number = 0; count < 2 && is_digit(here(text)); count++) {
        *number = *number * 10 + here(text) - '0';
        text->at++;
    }
    return count;
}

static int days_in_month(int64_t year, int month)
{
    if (month == 2) return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return 30 + ((month + (month > 7)) & 1);
}

/* Return the days since 1970 of a date in the Gregorian calendar; years begin in March here, so
 * that a leap day is the last one. */
static int64_t days_since_1970(int64_t year, int month, int day)
{
    int64_t shifted = year + 40000 - (month < 3);
    int64_t days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400;
    return days + (153 * ((month + 9) % 12) + 2) / 5 + day - 1 - 15329168;
}

/* Read year, month and day; return whether a time may follow. */
static int read_day(cursor *text, int64_t *days)
{
    int64_t year = 0;
    int month = 1, day = 1, separator = 0, negative;
    const char *start = text->at;
    skip_spaces(text);
    negative = step_over(text, '-') && *start == '-';
    if (text->end - text->at < 4) return 0;
    for (int i = 0; i < 4; i++, text->at++) {
        if (!is_digit(here(text))) return 0;
        year = year * 10 + here(text) - '0';
    }
    if (negative) year = -year;
    if (text->at < text->end) {
        int digits;
        if (!is_digit(here(text))) {
            separator = here(text);
            if (!separator || !strchr("-./\\ ", separator)) return 0;
            text->at++;
        }
        digits = read_two(text, &month);
        if (digits + !!separator < 2 || month < 1 || month > 12) return 0;
        if (text->at < text->end) {
            if (separator && !step_over(text, separator)) return 0;
            digits = read_two(text, &day);
            if (digits + !!separator < 2 || day < 1 || day > days_in_month(year, month)) return 0;
        } else if (!separator) {
            return 0;
        }
    }
    *days = days_since_1970(year, month, day);
    return 1;
}

/* Read hours, minutes and seconds. */
static int read_time(cursor *text, instant *found)
{
    int hour, minute, second, separator, digits = read_two(text, &hour);
    if (!digits || hour > 23) return 0;
    found->seconds += hour * 3600;
    if (text->at == text->end) return digits == 2;
    separator = step_over(text, ':');
    if (!is_digit(here(text))) return !separator && digits == 2;
    digits = read_two(text, &minute);
    if (digits + separator < 2 || minute > 59) return 0;
    found->seconds += minute * 60;
    if (separator) {
        if (!step_over(text, ':')) return 1;
        if (!is_digit(here(text))) return 0;
    } else if (!is_digit(here(text))) {
        return 1;
    }
    digits = read_two(text, &second);
    if (digits + separator < 2 || second > 59) return 0;
    found->seconds += second;
    if (!step_over(text, '.')) return 1;
    for (int32_t place = 100000000, i = 0; is_digit(here(text)) && i < 18; i++, place /= 10) {
        found->nanoseconds += (here(text) - '0') * place;
        found->fine |= i >= 6;
        text->at++;
    }
    return 1;
}

/* Read an offset from UTC and take it away. */
static int read_zone(cursor *text, instant *found)
{
    int hours, minutes = 0, sign = here(text) == '-' ? -1 : 1;
    if (step_over(text, 'Z')) return 1;
    if (!step_over(text, '+') && !step_over(text, '-')) return 1;
    if (!read_two(text, &hours) || hours > 23) return 0;
    if (text->at < text->end) {
        step_over(text, ':');
        if (!read_two(text, &minutes) || minutes > 59) return 0;
    }
    found->seconds -= sign * (hours * 3600 + minutes * 60);
    return 1;
}

static int read_instant(const char *text, size_t length, instant *found)
{
    cursor at;
    int64_t days;
    at.at = text;
    at.end = text + length;
    found->nanoseconds = found->fine = 0;
    if (!read_day(&at, &days)) return 0;
    found->seconds = days * SECONDS_PER_DAY;
    if (at.at == at.end) return 1;
    if (!step_over(&at, 'T') && !step_over(&at, ' ')) return 0;
    if (!read_time(&at, found)) return 0;
    skip_spaces(&at);
    if (!read_zone(&at, found)) return 0;
    skip_spaces(&at);
    /* Nanoseconds since 1970 must fit into 64 bits. */
    if (found->fine && (found->seconds < -9223372036 || found->seconds > 9223372035)) return 0;
    return at.at == at.end;
}

static int read_date(const model_cell *cell, instant *found)
{
    char room[NUMBER_BYTES];
    size_t length;
    const char *text = text_of(cell, room, &length);
    return read_instant(text, length, found);
}

/* Return the whole days since 1970, rounded down, and the seconds of the day. */
static int64_t day_of(const instant *date, int *seconds)
{
    int64_t days = date->seconds / SECONDS_PER_DAY;
    if (date->seconds % SECONDS_PER_DAY < 0) days--;
    *seconds = (int)(date->seconds - days * SECONDS_PER_DAY);
    return days;
}

/* Return the month, from 0, and the day of the month, from 0. */
static int month_of(const instant *date, int *day)
{
    int seconds, month, left;
    int64_t days = day_of(date, &seconds) + 719468 + 100 * INT64_C(146097);
    int64_t of_era = days % 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    left = (int)(of_era - (365 * year + year / 4 - year / 100));
    month = (5 * left + 2) / 153;
    *day = left - (153 * month + 2) / 5;
    return (month + 2) % 12;
}

static double days_elapsed(const instant *date)
{
    if (date->fine) {
        return (double)(date->seconds * 1000000000 + date->nanoseconds) / 86400000000000.0;
    }
    return (double)(date->seconds * 1000000 + date->nanoseconds / 1000) / 86400000000.0;
}

/* Read a date as days, NaN where it is missing. */
static int read_days(const model_cell *cell, double *days)
{
    instant date;
    value x;
    int status = read_value(cell, &x);
    *days = NAN;
    if (status < 0 || !x.cell) return status;
    if (!read_date(cell, &date)) return MODEL_NOT_A_DATE;
    *days = days_elapsed(&date);
    return MODEL_FINE;
}
