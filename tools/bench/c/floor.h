/* The least that a bot on this protocol can do for a message: find the fields, keep the book, the
 * five-trade average and the position, take one trivial decision, write the order.
 *
 * It is a floor and no bot: it takes the compact spelling in the exchange's key order for granted,
 * tells symbols apart by length and first letter, and checks no range. */
#ifndef ARBCORE_BENCH_FLOOR_H
#define ARBCORE_BENCH_FLOOR_H

#include <stdint.h>
#include <string.h>

enum { N_SYMBOLS = 7, LEVELS = 16, WINDOW = 5, POSITION_LIMIT = 100 };

typedef struct { int32_t price, size; } Level;

typedef struct {
    Level bids[LEVELS], asks[LEVELS];
    int n_bids, n_asks;
    int32_t prices[WINDOW];
    int at, n;
    int64_t sum;
    int64_t position;
} Instrument;

typedef struct {
    Instrument instruments[N_SYMBOLS];
    int64_t order_id, acks, fills, others;
} Desk;

static const char SYMBOL_TEXT[N_SYMBOLS][8] = {"BOND", "VALBZ", "VALE", "GS", "MS", "WFC", "XLF"};
static const int SYMBOL_LENGTH[N_SYMBOLS] = {4, 5, 4, 2, 2, 3, 3};

/* Id of the symbol at p; *end is moved to its closing quote. */
static inline int symbol_at(const char *p, const char **end)
{
    if (p[2] == '"') { *end = p + 2; return p[0] == 'G' ? 3 : 4; }
    if (p[3] == '"') { *end = p + 3; return p[0] == 'W' ? 5 : 6; }
    if (p[4] == '"') { *end = p + 4; return p[0] == 'B' ? 0 : 2; }
    *end = p + 5;
    return 1;
}

static inline const char *integer_at(const char *p, int32_t *value)
{
    int32_t x = *p++ - '0';
    unsigned digit;
    while ((digit = (unsigned)(*p - '0')) < 10u) { x = x * 10 + (int32_t)digit; p++; }
    *value = x;
    return p;
}

/* One side of a book, p at its '['; returns the place after its ']'. */
static inline const char *levels_at(const char *p, Level *levels, int *count)
{
    int n = 0;
    p++;
    while (*p == '[') {
        Level *level = &levels[n++ & (LEVELS - 1)];
        p = integer_at(p + 1, &level->price);
        p = integer_at(p + 1, &level->size) + 1;
        p += *p == ',';
    }
    *count = n;
    return p + 1;
}

static inline char *put_unsigned(char *out, uint64_t value)
{
    char digits[20];
    int n = 0;
    do { digits[n++] = (char)('0' + value % 10); value /= 10; } while (value);
    while (n) *out++ = digits[--n];
    return out;
}

#define STARTS(p, text) (memcmp(p, text, sizeof(text) - 1) == 0)
#define PUT(out, text) (memcpy(out, text, sizeof(text) - 1), (out) += sizeof(text) - 1)

static inline char *put_add(char *out, Desk *desk, int symbol, int buy, int32_t price)
{
    PUT(out, "{\"type\":\"add\",\"order_id\":");
    out = put_unsigned(out, (uint64_t)++desk->order_id);
    PUT(out, ",\"symbol\":\"");
    memcpy(out, SYMBOL_TEXT[symbol], 8);
    out += SYMBOL_LENGTH[symbol];
    if (buy) PUT(out, "\",\"dir\":\"BUY\",\"price\":");
    else PUT(out, "\",\"dir\":\"SELL\",\"price\":");
    out = put_unsigned(out, (uint64_t)price);
    PUT(out, ",\"size\":1}\n");
    return out;
}

static inline char *on_book(Desk *desk, const char *p, char *out)
{
    const char *end;
    int symbol = symbol_at(p, &end);
    Instrument *it = &desk->instruments[symbol];
    end = levels_at(end + 8, it->bids, &it->n_bids);
    levels_at(end + 8, it->asks, &it->n_asks);
    if (it->n == WINDOW && it->n_asks && it->asks[0].price * WINDOW < it->sum - WINDOW
        && it->position < POSITION_LIMIT)
        out = put_add(out, desk, symbol, 1, it->asks[0].price);
    return out;
}

static inline char *on_trade(Desk *desk, const char *p, char *out)
{
    const char *end;
    int symbol = symbol_at(p, &end);
    Instrument *it = &desk->instruments[symbol];
    int32_t price;
    integer_at(end + 10, &price);
    if (it->n == WINDOW) it->sum -= it->prices[it->at];
    else it->n++;
    it->prices[it->at] = price;
    it->sum += price;
    if (++it->at == WINDOW) it->at = 0;
    if (it->n == WINDOW) {
        int64_t above = (int64_t)price * WINDOW - it->sum;
        if (above < 0 && it->position < POSITION_LIMIT) out = put_add(out, desk, symbol, 1, price);
        else if (above > 0 && it->position > -POSITION_LIMIT) out = put_add(out, desk, symbol, 0, price);
    }
    return out;
}

static inline void on_fill(Desk *desk, const char *p)
{
    int32_t order_id, price, size;
    const char *end = integer_at(p, &order_id);
    int symbol = symbol_at(end + 11, &end);
    int buy = end[9] == 'B';
    end = integer_at(end + (buy ? 22 : 23), &price);
    integer_at(end + 8, &size);
    desk->instruments[symbol].position += buy ? size : -size;
    desk->fills++;
}

/* One line in; returns the end of what was written to out. */
static inline char *on_line(Desk *desk, const char *p, char *out)
{
    if (!STARTS(p, "{\"type\":\"")) { desk->others++; return out; }
    p += 9;
    switch (*p) {
    case 'b':
        if (STARTS(p, "book\",\"symbol\":\"")) return on_book(desk, p + 16, out);
        break;
    case 't':
        if (STARTS(p, "trade\",\"symbol\":\"")) return on_trade(desk, p + 17, out);
        break;
    case 'a':
        if (STARTS(p, "ack\",\"order_id\":")) {
            int32_t order_id;
            integer_at(p + 16, &order_id);
            desk->acks += order_id;
            return out;
        }
        break;
    case 'f':
        if (STARTS(p, "fill\",\"order_id\":")) { on_fill(desk, p + 17); return out; }
        break;
    }
    desk->others++;
    return out;
}

#endif
