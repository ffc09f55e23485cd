#include "config/param_near.h"

#include <string.h>

enum { LONGEST = 100 };

/* One row of the table of distances between the first I letters of A and the first J of B. */
static size_t next_row(const char *a, const char *b, size_t b_len, size_t i,
                       size_t rows[3][LONGEST + 1])
{
    size_t *row = rows[i % 3], *before = rows[(i + 2) % 3], *earlier = rows[(i + 1) % 3];
    size_t least = row[0] = i;
    for (size_t j = 1; j <= b_len; j++) {
        row[j] = MIN(MIN(before[j], row[j - 1]) + 1, before[j - 1] + (a[i - 1] != b[j - 1]));
        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
            row[j] = MIN(row[j], earlier[j - 2] + 1);
        least = MIN(least, row[j]);
    }
    return least;
}

size_t param_near_distance(const char *a, const char *b, size_t limit)
{
    size_t a_len = strlen(a), b_len = strlen(b), rows[3][LONGEST + 1];
    if (a_len > LONGEST || b_len > LONGEST)
        return limit;
    if ((a_len > b_len ? a_len - b_len : b_len - a_len) >= limit)
        return limit;
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    size_t least_before = 0;
    for (size_t i = 1; i <= a_len; i++) {
        size_t least = next_row(a, b, b_len, i, rows);
        if (MIN(least, least_before) >= limit) /* a swap reaches back two rows */
            return limit;
        least_before = least;
    }
    return MIN(rows[a_len % 3][b_len], limit);
}

void param_near_init(struct param_near *near, const char *wanted)
{
    *near = (struct param_near){.wanted = wanted};
}

/* Does NAME end with "_" and TAIL? Short tails fit too many names. */
static bool lacks_front(const char *tail, const char *name)
{
    size_t tail_len = strlen(tail), len = strlen(name);
    return tail_len >= 8 && len > tail_len && name[len - tail_len - 1] == '_' &&
           strcmp(name + len - tail_len, tail) == 0;
}

void param_near_try(struct param_near *near, const char *candidate)
{
    /* one slip for each five letters, at most three: more is another name */
    size_t limit = MIN(strlen(near->wanted) / 5 + 1, (size_t)3) + 1;
    size_t distance = param_near_distance(near->wanted, candidate, limit);
    if (distance == limit && !lacks_front(near->wanted, candidate))
        return;
    size_t at = near->count;
    while (at > 0 && near->distances[at - 1] > distance)
        at--;
    if (at == PARAM_NEAR_MOST)
        return;
    if (near->count < PARAM_NEAR_MOST)
        near->count++;
    for (size_t i = near->count - 1; i > at; i--) {
        near->names[i] = near->names[i - 1];
        near->distances[i] = near->distances[i - 1];
    }
    near->names[at] = candidate;
    near->distances[at] = distance;
}
