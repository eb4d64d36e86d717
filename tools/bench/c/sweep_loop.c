/* The plain loop of a sweep: every pair over every row, deviations worked out once a row. The same trades and money
   as the backtest's signal without stop, longest hold and cooldown; one contract that does not expire in the data. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

typedef struct { double r_less_d, factor, notional, cost_rate; int64_t expiry_ns; } Params;
typedef struct { int64_t trades, wins; double net; } Pair;

void columns(const int64_t *ts, const double *es_bid, const double *es_ask, const double *spy_bid,
             const double *spy_ask, int64_t rows, const Params *p, double *dev, double *cc, double *rev) {
    for (int64_t i = 0; i < rows; i++) {
        double c = p->factor * exp(p->r_less_d * ((double)(p->expiry_ns - ts[i]) / 31536e12));
        double mid = (spy_bid[i] + spy_ask[i]) * 0.5 * c, dear = spy_ask[i] * c, cheap = spy_bid[i] * c;
        dev[i] = 1e4 * ((es_bid[i] + es_ask[i]) * 0.5 - mid) / mid;
        cc[i] = 1e4 * (es_bid[i] - dear) / dear;
        rev[i] = 1e4 * (cheap - es_ask[i]) / cheap;
    }
}

/* Pairs `first` to before `last` of all: wanted and exit threshold of each. */
void pairs(const double *es_bid, const double *es_ask, const double *spy_bid, const double *spy_ask, int64_t rows,
           const double *dev, const double *cc, const double *rev, const double *wanted, const double *leave,
           const Params *p, int64_t first, int64_t last, Pair *out) {
    for (int64_t k = first; k < last; k++) {
        const double want = wanted[k], exit_at = leave[k];
        Pair pair = {0, 0, 0.0};
        double side = 0.0, es_in = 0.0, spy_in = 0.0, shares = 0.0;
        for (int64_t i = 0; i < rows; i++) {
            if (side == 0.0) {
                if (cc[i] >= want) side = -1.0, es_in = es_bid[i], spy_in = spy_ask[i];
                else if (rev[i] >= want) side = 1.0, es_in = es_ask[i], spy_in = spy_bid[i];
                else continue;
                shares = floor(p->notional * es_in / spy_in + 0.5);
                shares = shares > 1.0 ? shares : 1.0;
            } else if (-side * dev[i] <= exit_at) {
                double es = side < 0 ? es_ask[i] : es_bid[i], spy = side < 0 ? spy_bid[i] : spy_ask[i];
                double net = side * p->notional * (es - es_in) - side * shares * (spy - spy_in)
                    - p->cost_rate * p->notional * es_in;
                pair.trades++;
                pair.wins += net > 0;
                pair.net += net;
                side = 0.0;
            }
        }
        out[k] = pair;
    }
}
