/* The floor of floor.h over a whole stream, as a shared library that the benchmark calls.
 * With -DHELD_CORE the step of an outside core.h is timed instead, for comparison. */
#include <stdlib.h>

#ifdef HELD_CORE
#include "core.h"
typedef Core Desk;
static inline char *on_line(Desk *desk, const char *p, char *out)
{
    char *end = out;
    step(desk, p, &end, 1);
    return end;
}
#else
#include "floor.h"
#endif

/* Runs every line of data[0:length], each ending in a newline. With keep, the orders are laid one
 * after the other at out (which must hold them all) and their length returned; without, the same
 * place is written again and again, as a socket's buffer would be, and the sum of lengths returned. */
int64_t run_stream(const char *data, int64_t length, char *out, int keep)
{
    Desk *desk = calloc(1, sizeof *desk);
    const char *p = data, *end = data + length;
    char *at = out;
    int64_t written = 0;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        char *after = on_line(desk, p, at);
        written += after - at;
        if (keep) at = after;
        p = newline + 1;
    }
    free(desk);
    return written;
}
