/* Loopback programs of the benchmark: an exchange that measures tick to order, the fastest answer
 * to it that C can give, a plain ping-pong, and a sender of lines.
 *
 *   loopback exchange MODE CPU COUNT    measures a client; prints "port N", then the percentiles (the
 *                                       first tenth of the ticks is not counted)
 *   loopback answer PORT MODE CPU       a client that answers every such tick with the same order
 *   loopback ping MODE CPU COUNT        plain ping-pong, measuring side; prints as exchange does
 *   loopback pong PORT MODE CPU         plain ping-pong, answering side
 *   loopback blast CPU FILE             sends FILE to whoever connects, answering orders; prints "port N"
 *
 * MODE is spin or block. CPU is the core to stay on, -1 for any. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER = 1 << 16, SETTLE_SPIN_NS = 30000, SETTLE_BLOCK_NS = 200000 };

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "loopback: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void pin(int cpu)
{
#ifdef __linux__
    cpu_set_t set;
    if (cpu < 0) return;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
#else
    (void)cpu;
#endif
}

static struct sockaddr_in loopback_address(int port)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static void no_delay(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

static int accept_one(void)
{
    struct sockaddr_in address = loopback_address(0);
    socklen_t size = sizeof address;
    int fd, listener = socket(AF_INET, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (void *)&address, sizeof address) || listen(listener, 1)) die("listen");
    getsockname(listener, (void *)&address, &size);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
    fd = accept(listener, NULL, NULL);
    if (fd < 0) die("accept");
    close(listener);
    no_delay(fd);
    return fd;
}

static int dial(int port)
{
    struct sockaddr_in address = loopback_address(port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (void *)&address, sizeof address)) die("connect");
    no_delay(fd);
    return fd;
}

static void put(int fd, const char *data, size_t length)
{
    while (length) {
        ssize_t n = send(fd, data, length, 0);
        if (n < 0) exit(0);
        data += n;
        length -= (size_t)n;
    }
}

static ssize_t get(int fd, char *buffer, size_t size, int spin)
{
    ssize_t n;
    if (!spin) return recv(fd, buffer, size, 0);
    while ((n = recv(fd, buffer, size, MSG_DONTWAIT)) < 0 && errno == EAGAIN) {}
    return n;
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void report(int64_t *taken, int count)
{
    qsort(taken, (size_t)count, sizeof *taken, compare);
    printf("ns %lld %lld %lld %lld %lld %lld\n", (long long)taken[0], (long long)taken[count / 2],
           (long long)taken[(int64_t)count * 9 / 10], (long long)taken[(int64_t)count * 99 / 100],
           (long long)taken[(int64_t)count * 999 / 1000], (long long)taken[count - 1]);
}

/* ---- plain ping-pong ---- */

static const char TRADE[] = "{\"type\":\"trade\",\"symbol\":\"GS\",\"price\":8421,\"size\":3}\n";
static const char ORDER[] =
    "{\"type\":\"add\",\"order_id\":1,\"symbol\":\"BOND\",\"dir\":\"BUY\",\"price\":999,\"size\":10}\n";

static void ping(int spin, int count)
{
    static char buffer[BUFFER];
    int fd = accept_one();
    int64_t *taken = malloc(sizeof *taken * (size_t)count);
    for (int i = -count / 10; i < count; i++) {
        int64_t start = now_ns();
        put(fd, TRADE, sizeof TRADE - 1);
        if (get(fd, buffer, sizeof buffer, spin) <= 0) die("ping: the other side went away");
        if (i >= 0) taken[i] = now_ns() - start;
    }
    report(taken, count);
}

static void pong(int port, int spin)
{
    static char buffer[BUFFER];
    int fd = dial(port);
    while (get(fd, buffer, sizeof buffer, spin) > 0) put(fd, ORDER, sizeof ORDER - 1);
}

/* ---- tick to order ---- */

/* A tick is a book of VALBZ whose touch has moved by one. A bot that quotes VALE off VALBZ then pulls its
 * two quotes and sends the new ones; what is measured ends when the new bid has arrived. */
static const char CLIENT_HELLO[] = "{\"type\":\"hello\",\"team\":\"FLOOR\"}\n";
static const char HELLO[] =
    "{\"type\":\"hello\",\"symbols\":[{\"symbol\":\"BOND\",\"position\":0},{\"symbol\":\"GS\",\"position\":0},"
    "{\"symbol\":\"MS\",\"position\":0},{\"symbol\":\"USD\",\"position\":0},{\"symbol\":\"VALBZ\",\"position\":0},"
    "{\"symbol\":\"VALE\",\"position\":0},{\"symbol\":\"WFC\",\"position\":0},{\"symbol\":\"XLF\",\"position\":0}]}\n"
    "{\"type\":\"open\",\"symbols\":[\"BOND\",\"GS\",\"MS\",\"VALBZ\",\"VALE\",\"WFC\",\"XLF\"]}\n";
static const char VALE_BOOK[] =
    "{\"type\":\"book\",\"symbol\":\"VALE\",\"buy\":[[3998,5],[3995,9]],\"sell\":[[4002,5],[4005,9]]}\n";
static const char *const TICKS[2] = {
    "{\"type\":\"book\",\"symbol\":\"VALBZ\",\"buy\":[[3990,4],[3989,7],[3987,2],[3986,11],[3984,6]],"
    "\"sell\":[[4010,4],[4011,7],[4013,2],[4014,11],[4016,6]]}\n",
    "{\"type\":\"book\",\"symbol\":\"VALBZ\",\"buy\":[[3991,4],[3990,7],[3988,2],[3987,11],[3985,6]],"
    "\"sell\":[[4011,4],[4012,7],[4014,2],[4015,11],[4017,6]]}\n"};
/* The bid for VALE that each tick calls for, at any edge: the touch decides its distance from the other's. */
enum { TOUCH_BID = 3990, EDGE_MAX = 20, VALE_BOOK_EVERY = 256 };

typedef struct {
    int fd, spin;
    char buffer[BUFFER];
    size_t held;
    int tick, waiting;             /* a tick is out and its order has not come */
    int edge;                      /* of the bot's bid below the touch; -1 until its first */
    char answer[BUFFER];
    size_t answered;
} Exchange;

static long long number_after(const char *line, const char *key)
{
    const char *at = strstr(line, key);
    return at ? atoll(at + strlen(key)) : -1;
}

/* One request, without its newline: a cancel is out, an order rests. */
static void on_request(Exchange *x, const char *line)
{
    const char *form = NULL;
    if (strstr(line, "\"cancel\"")) {
        form = "{\"type\":\"out\",\"order_id\":%lld}\n";
    } else if (strstr(line, "\"add\"")) {
        form = "{\"type\":\"ack\",\"order_id\":%lld}\n";
        if (strstr(line, "\"VALE\"") && strstr(line, "\"BUY\"")) {
            int below = TOUCH_BID + x->tick - (int)number_after(line, "\"price\":");
            if (x->edge < 0 && below >= 0 && below <= EDGE_MAX) x->edge = below;
            if (below == x->edge) x->waiting = 0;
        }
    }
    if (form)
        x->answered += (size_t)snprintf(x->answer + x->answered, sizeof x->answer - x->answered, form,
                                        number_after(line, "\"order_id\":"));
}

/* Takes what has arrived apart into lines. */
static void on_bytes(Exchange *x, size_t n)
{
    char *start = x->buffer, *end = x->buffer + x->held + n, *newline;
    while ((newline = memchr(start, '\n', (size_t)(end - start)))) {
        *newline = 0;
        on_request(x, start);
        start = newline + 1;
    }
    x->held = (size_t)(end - start);
    memmove(x->buffer, start, x->held);
    if (x->held == sizeof x->buffer) die("a request too long");
}

static void send_answers(Exchange *x)
{
    put(x->fd, x->answer, x->answered);
    x->answered = 0;
}

/* Lets the client work off the answers, taking in what it sends meanwhile. */
static void settle(Exchange *x)
{
    int64_t until = now_ns() + (x->spin ? SETTLE_SPIN_NS : SETTLE_BLOCK_NS);
    do {
        ssize_t n = recv(x->fd, x->buffer + x->held, sizeof x->buffer - x->held, MSG_DONTWAIT);
        if (n > 0) {
            on_bytes(x, (size_t)n);
            send_answers(x);
            until = now_ns() + (x->spin ? SETTLE_SPIN_NS : SETTLE_BLOCK_NS);
        } else if (n == 0) {
            exit(0);
        }
        if (!x->spin) {
            struct timespec nap = {0, SETTLE_BLOCK_NS / 4};
            nanosleep(&nap, NULL);
        }
    } while (now_ns() < until);
}

/* Sends one tick and waits for its order; nanoseconds between the two. */
static int64_t one_tick(Exchange *x, int tick)
{
    int64_t start, arrived;
    x->tick = tick;
    x->waiting = 1;
    start = now_ns();
    put(x->fd, TICKS[tick], strlen(TICKS[tick]));
    do {
        ssize_t n = get(x->fd, x->buffer + x->held, sizeof x->buffer - x->held, x->spin);
        arrived = now_ns();
        if (n <= 0) die("the client went away");
        on_bytes(x, (size_t)n);
    } while (x->waiting);
    return arrived - start;
}

static void exchange(int spin, int count)
{
    static Exchange x;
    int64_t *taken = malloc(sizeof *taken * (size_t)count);
    x.spin = spin;
    x.edge = -1;
    x.fd = accept_one();
    if (get(x.fd, x.buffer, sizeof x.buffer, 0) <= 0) die("no hello");
    put(x.fd, HELLO, sizeof HELLO - 1);
    for (int i = -count / 10; i < count; i++) {
        int64_t one;
        if (i % VALE_BOOK_EVERY == 0 || i == -count / 10) put(x.fd, VALE_BOOK, sizeof VALE_BOOK - 1);
        settle(&x);
        one = one_tick(&x, i & 1);
        if (i >= 0) taken[i] = one;
        send_answers(&x);
    }
    report(taken, count);
}

/* The fastest client: knows a tick by its last bytes and answers with what was written before. A tick is
 * always the last thing sent before the exchange waits, so it ends what was read, whatever is before. */
static void answer(int port, int spin)
{
    static char buffer[BUFFER];
    char quotes[2][256];
    size_t lengths[2];
    int fd = dial(port);
    ssize_t n;
    for (int tick = 0; tick < 2; tick++)
        lengths[tick] = (size_t)snprintf(quotes[tick], sizeof quotes[tick],
            "{\"type\":\"cancel\",\"order_id\":1}\n{\"type\":\"cancel\",\"order_id\":2}\n"
            "{\"type\":\"add\",\"order_id\":3,\"symbol\":\"VALE\",\"dir\":\"BUY\",\"price\":%d,\"size\":3}\n",
            TOUCH_BID + tick - 3);
    put(fd, CLIENT_HELLO, sizeof CLIENT_HELLO - 1);
    while ((n = get(fd, buffer, sizeof buffer, spin)) > 0) {
        for (int tick = 0; tick < 2; tick++) {
            size_t length = strlen(TICKS[tick]);
            if ((size_t)n >= length && !memcmp(buffer + n - length, TICKS[tick], length)) {
                put(fd, quotes[tick], lengths[tick]);
                break;
            }
        }
    }
}

/* ---- lines a second ---- */

/* Answers what the client has asked meanwhile, without waiting for it. */
static void answer_meanwhile(Exchange *x)
{
    ssize_t n = recv(x->fd, x->buffer + x->held, sizeof x->buffer - x->held, MSG_DONTWAIT);
    if (n <= 0) return;
    on_bytes(x, (size_t)n);
    send_answers(x);
}

/* Sends the file as fast as it is taken; between pieces, which end with a line, acks adds and outs cancels. */
static void blast(const char *path)
{
    static Exchange x;
    FILE *file = fopen(path, "rb");
    char *data, *at, *end;
    size_t length;
    if (!file) die(path);
    fseek(file, 0, SEEK_END);
    length = (size_t)ftell(file);
    rewind(file);
    data = malloc(length);
    if (fread(data, 1, length, file) != length) die(path);
    fclose(file);
    x.fd = accept_one();
    for (at = data, end = data + length; at < end;) {
        char *stop = end - at < BUFFER ? end : at + BUFFER;
        while (stop < end && stop[-1] != '\n') stop--;
        put(x.fd, at, (size_t)(stop - at));
        at = stop;
        answer_meanwhile(&x);
    }
    shutdown(x.fd, SHUT_WR);
    while (recv(x.fd, x.buffer, sizeof x.buffer, 0) > 0) {}
}

int main(int argc, char **argv)
{
    const char *role = argc > 1 ? argv[1] : "";
    signal(SIGPIPE, SIG_IGN);
    if ((!strcmp(role, "exchange") || !strcmp(role, "ping")) && argc == 5) {
        int spin = !strcmp(argv[2], "spin");
        pin(atoi(argv[3]));
        if (*role == 'e') exchange(spin, atoi(argv[4]));
        else ping(spin, atoi(argv[4]));
    } else if ((!strcmp(role, "answer") || !strcmp(role, "pong")) && argc == 5) {
        int spin = !strcmp(argv[3], "spin");
        pin(atoi(argv[4]));
        if (*role == 'a') answer(atoi(argv[2]), spin);
        else pong(atoi(argv[2]), spin);
    } else if (!strcmp(role, "blast") && argc == 4) {
        pin(atoi(argv[2]));
        blast(argv[3]);
    } else {
        fprintf(stderr, "loopback: wrong arguments; the roles are described in loopback.c\n");
        return 2;
    }
    return 0;
}
