/* The least that a backtest of quotes can do: a file with one fixed spelling, or columns, to its trades.
 *
 * A floor and no backtest: times have six decimals and a Z, prices two decimals, the columns are in one order,
 * nothing is checked, nothing is marked or summed but the trades' net. It pays for the same exponentials. The
 * factor is a number, or with a half-life the level that runs through the rows, of one contract. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef MAP_POPULATE
#define MAP_POPULATE 0
#endif

/* A New York date: until when it lasts, and the day on which its trades are paid. */
typedef struct { int64_t end_ns, settled; } Date;
typedef struct {
    double r, d, factor, wanted_bps, exit_bps, cost_bps, notional;
    int64_t expiry_ns;
    double half_life_s;  /* 0: the factor */
    const Date *dates;
} Params;
typedef struct { int64_t entry_ns, exit_ns; double side, net; } Trade;
typedef struct { const Date *date; int64_t last_ns, settled; double f, w, gap_s; } Level;
typedef struct {
    int side;
    int64_t entry_ns;
    double es, spy, shares;
    int64_t count, room;
    Trade *out;
    Level level;
} State;

static inline double exponential(double x) {
    union { double value; uint64_t bits; } shifted, scale;
    shifted.value = x * 1.4426950408889634 + 6755399441055744.0;
    double k = shifted.value - 6755399441055744.0;
    double r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10, s = r * r;
    double even = 0.5 + s * (1.0 / 24 + s * (1.0 / 720 + s * (1.0 / 40320 + s * (1.0 / 3628800
        + s * (1.0 / 479001600)))));
    double odd = 1.0 / 6 + s * (1.0 / 120 + s * (1.0 / 5040 + s * (1.0 / 362880 + s * (1.0 / 39916800
        + s * (1.0 / 6227020800.0)))));
    scale.bits = (shifted.bits - 0x4338000000000000ULL + 1023) << 52;
    return (1.0 + (r + s * (even + r * odd))) * scale.value;
}

/* What a row is decided with, no number while it warms up; the level then learns from the row. */
static inline double level(Level *s, const Params *p, int64_t ts, double x) {
    double dt = 0, decided = NAN, y = x;
    if (!s->date) s->date = p->dates;
    while (ts >= s->date->end_ns) s->date++;
    if (s->last_ns == 0) {
        s->f = x, s->w = 0, s->gap_s = 0;
    } else {
        double gap_s = (double)(ts - s->last_ns) / 1e9, years = gap_s / 31536000.0;
        double settled = (double)(s->date->settled - s->settled) / 365.0;
        s->f *= exponential(-p->d * years - p->r * (settled - years));
        dt = s->gap_s > 60 ? s->gap_s : 60;
        dt = gap_s < dt ? gap_s : dt;
        s->gap_s = gap_s;
    }
    s->last_ns = ts, s->settled = s->date->settled;
    if (s->w >= p->half_life_s) {
        double low = s->f * (1 - 0.001), high = s->f * (1 + 0.001);
        decided = s->f;
        y = x < low ? low : x > high ? high : x;
    }
    s->w += dt;
    if (s->w > 0) {
        double gain = 1 - exponential(-0.6931471805599453 * (dt / p->half_life_s)), part = dt / s->w;
        s->f += (part > gain ? part : gain) * (y - s->f);
    }
    return decided;
}

/* Prices in any one unit (`unit` of them are a point), for edges are ratios. */
static inline void step(State *s, const Params *p, int64_t ts, double es_bid, double es_ask, double spy_bid,
                        double spy_ask, double unit) {
    double t = p->expiry_ns > ts ? (double)(p->expiry_ns - ts) / 31536000000000000.0 : 0.0;
    double growth = exponential((p->r - p->d) * t), factor = p->factor;
    if (p->half_life_s > 0)
        factor = level(&s->level, p, ts, (es_bid + es_ask) / 2 / ((spy_bid + spy_ask) / 2 * growth));
    double c = factor * growth;
    if (s->side == 0) {
        if (ts >= p->expiry_ns) return;
        double dear = spy_ask * c, cheap = spy_bid * c;
        if (1e4 * (es_bid - dear) / dear >= p->wanted_bps) {
            s->side = -1, s->es = es_bid / unit, s->spy = spy_ask / unit;
        } else if (1e4 * (cheap - es_ask) / cheap >= p->wanted_bps) {
            s->side = 1, s->es = es_ask / unit, s->spy = spy_bid / unit;
        } else {
            return;
        }
        double shares = (double)(int64_t)(p->notional * s->es / s->spy + 0.5);
        s->shares = shares > 1 ? shares : 1;
        s->entry_ns = ts;
        return;
    }
    double fair = (spy_bid + spy_ask) * 0.5 * c;
    double x = -s->side * (1e4 * ((es_bid + es_ask) * 0.5 - fair) / fair);
    if (ts < p->expiry_ns && x > p->exit_bps) return;
    double es = (s->side < 0 ? es_ask : es_bid) / unit, spy = (s->side < 0 ? spy_bid : spy_ask) / unit;
    double gross = s->side * p->notional * (es - s->es) - s->side * s->shares * (spy - s->spy);
    double net = gross - p->cost_bps * 1e-4 * p->notional * s->es;
    if (s->count < s->room) s->out[s->count] = (Trade){s->entry_ns, ts, s->side, net};
    s->count++;
    s->side = 0;
}

static inline int two(const char *p) { return (p[0] - '0') * 10 + p[1] - '0'; }

static inline int64_t days(int y, int m, int d) {
    y -= m <= 2;
    int era = y / 400;
    unsigned yoe = y - era * 400, doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return (int64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

typedef struct { char date[10]; int64_t day; } Day;

/* Microseconds since 1970 of a time with six decimals. */
static inline int64_t instant(Day *last, const char *p) {
    if (memcmp(p, last->date, 10)) {
        memcpy(last->date, p, 10);
        last->day = days(two(p) * 100 + two(p + 2), two(p + 5), two(p + 8));
    }
    return ((last->day * 24 + two(p + 11)) * 60 + two(p + 14)) * 60000000LL + two(p + 17) * 1000000LL
        + two(p + 20) * 10000 + two(p + 22) * 100 + two(p + 24);
}

static inline const char *price(const char *p, double *value) {
    int64_t x = *p++ - '0';
    unsigned digit;
    while ((digit = (unsigned)(*p - '0')) < 10u) x = x * 10 + digit, p++;
    *value = (double)(x * 100 + (p[1] - '0') * 10 + (p[2] - '0'));
    return p + 3;
}

/* Trades of a file; -1 where it cannot be mapped. With `parse_only` the sum of its cells instead. */
int64_t floor_csv(const char *path, const Params *params, Trade *out, int64_t room, int parse_only) {
    int fd = open(path, O_RDONLY);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) return -1;
    char *map = mmap(0, st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED) return -1;
    const char *p = memchr(map, '\n', st.st_size), *end = map + st.st_size;
    State s = {.room = room, .out = out};
    const Params held = *params;
    Day day = {{0}, 0};
    int64_t sum = 0;
    for (p++; p < end;) {
        double a, b, c, d;
        int64_t ts = instant(&day, p);
        p = price(p + 28, &a) + 1;
        p = price(p, &b) + 1;
        p = price(p, &c) + 1;
        p = price(p, &d) + 1;
        if (parse_only) sum += ts + (int64_t)(a + b + c + d);
        else step(&s, &held, ts * 1000, a, b, c, d, 100.0);
    }
    munmap(map, st.st_size);
    return parse_only ? sum : s.count;
}

/* Trades of columns; times are `stride` bytes of text each. */
int64_t floor_columns(const char *ts, const double *es_bid, const double *es_ask, const double *spy_bid,
                      const double *spy_ask, int64_t rows, int64_t stride, const Params *params,
                      Trade *out, int64_t room) {
    State s = {.room = room, .out = out};
    const Params held = *params;
    Day day = {{0}, 0};
    for (int64_t i = 0; i < rows; i++)
        step(&s, &held, instant(&day, ts + i * stride) * 1000, es_bid[i], es_ask[i], spy_bid[i], spy_ask[i],
             1.0);
    return s.count;
}
