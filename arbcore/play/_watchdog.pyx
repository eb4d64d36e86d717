"""Counts signals, and ends a process that should stop but whose loop no longer turns. POSIX only.

A Python signal handler never runs during a call into C, so a strategy's hook that hangs there would keep the
bot from reacting. Here a C handler counts the signals, and a thread that needs no interpreter checks the
counts, the time and the kill switch (its file and its line in ``.env``) twenty times a second. It closes the
connection, which makes the exchange cancel every order, and ends the process:

* with exit code 130, ``HURRY_NS`` after a second SIGINT;
* with exit code 1, if the loop has not turned for ``STUCK_NS`` since a stop or the kill switch was due, or if
  the run is not over ``STOP_NS`` after a stop was due.

All times are sums of the thread's own short sleeps: time in which the process was paused does not count.
"""

import os

from libc.stdint cimport int64_t

from arbcore.trading._session cimport Session
from arbcore.trading._strategy cimport RunningHook

from arbcore.errors import RunError, UsageError

cdef extern from *:
    """
    #if defined(_WIN32)
      #define ARBCORE_CAN_WATCH 0
      static int watch_interrupts, watch_stops, watch_hang_ups;
      static int watch_start(const char* kill_path, const char* dotenv, long long end_ns, const void* hook)
      { (void)kill_path; (void)dotenv; (void)end_ns; (void)hook; return 1; }
      static int watch_dotenv(const char* path) { (void)path; return 0; }
      static void watch_stop(void) {}
      static void watch_turn(void) {}
      static void watch_link(int fd) { (void)fd; }
      static void watch_over(void) {}
    #else
      #define ARBCORE_CAN_WATCH 1
      #include <errno.h>
      #include <fcntl.h>
      #include <poll.h>
      #include <pthread.h>
      #include <signal.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>
      #include <strings.h>
      #include <sys/socket.h>
      #include <sys/stat.h>
      #include <time.h>
      #include <unistd.h>

      #define WATCH_TICK_NS 50000000LL
      #define WATCH_TICK_MAX_NS 200000000LL
      #define WATCH_HURRY_NS 1200000000LL
      #define WATCH_STUCK_NS 4000000000LL
      #define WATCH_LOOK_NS 1000000000LL
      #define WATCH_STOP_NS 5200000000LL
      #define WATCH_SIGNALS 3
      #define WATCH_DOTENV_BYTES_MAX (1 << 20)
      #define LOAD(place) __atomic_load_n(&(place), __ATOMIC_ACQUIRE)
      #define STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELEASE)

      typedef struct { const char* strategy; const char* hook; } watch_hook_t;

      static int watch_interrupts, watch_stops, watch_hang_ups;
      static unsigned long long watch_turns;
      static int watch_fd = -1;
      static int watch_playing, watch_quit;
      static long long watch_end_ns;
      static char watch_kill_path[4096], watch_dotenv_path[4096];
      static const watch_hook_t* watch_hook;
      static pthread_t watch_thread;
      static const int watch_numbers[WATCH_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
      static struct sigaction watch_before[WATCH_SIGNALS];

      static void watch_on_signal(int number)
      {
          if (number == SIGHUP)
              __atomic_add_fetch(&watch_hang_ups, 1, __ATOMIC_ACQ_REL);
          __atomic_add_fetch(number == SIGINT ? &watch_interrupts : &watch_stops, 1, __ATOMIC_ACQ_REL);
      }

      /* A program that was started to survive its terminal (nohup) must still survive it. */
      static int watch_wants(int index)
      {
          return watch_numbers[index] != SIGHUP || watch_before[index].sa_handler != SIG_IGN;
      }

      static void watch_handle(int index)
      {
          struct sigaction action;
          memset(&action, 0, sizeof action);
          action.sa_handler = watch_on_signal;
          action.sa_flags = SA_RESTART;
          sigemptyset(&action.sa_mask);
          sigaction(watch_numbers[index], &action, NULL);
      }

      /* A hook that sets its own signal handler must not keep the bot from stopping. */
      static void watch_keep_handlers(void)
      {
          for (int index = 0; index < WATCH_SIGNALS; index++) {
              struct sigaction now;
              if (watch_wants(index) && sigaction(watch_numbers[index], NULL, &now) == 0
                      && now.sa_handler != watch_on_signal)
                  watch_handle(index);
          }
      }

      static long long watch_clock_ns(void)
      {
          struct timespec now;
          clock_gettime(CLOCK_MONOTONIC, &now);
          return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
      }

      static void watch_end(int code, const char* why, long long waited_ns)
      {
          char text[700];
          int fd = LOAD(watch_fd);
          const char* strategy = watch_hook != NULL ? LOAD(watch_hook->strategy) : NULL;
          const char* hook = watch_hook != NULL ? LOAD(watch_hook->hook) : NULL;
          double waited_s = (double)waited_ns / 1e9;
          struct pollfd output = {2, POLLOUT, 0};
          int length;
          if (fd >= 0)
              shutdown(fd, SHUT_RDWR);
          if (strategy != NULL && hook != NULL)
              length = snprintf(text, sizeof text,
                  "\\narbcore: %s of strategy %.200s has not returned %.1f s after %s; the connection is "
                  "closed, which cancels all orders, and the run ends without a summary.\\n",
                  hook, strategy, waited_s, why);
          else
              length = snprintf(text, sizeof text,
                  "\\narbcore: The run has not ended %.1f s after %s; the connection is closed, which "
                  "cancels all orders, and the run ends without a summary.\\n", waited_s, why);
          if (length >= (int)sizeof text)
              length = (int)sizeof text - 1;
          /* A pipe that nobody reads must not delay the end. */
          if (poll(&output, 1, 0) == 1 && (output.revents & POLLOUT)) {
              ssize_t written = write(2, text, (size_t)length);
              (void)written;
          }
          _exit(code);
      }

      static int watch_blank(char byte) { return byte == ' ' || (byte >= '\\t' && byte <= '\\r'); }

      /* Whether the value of one NAME=VALUE is anything but "off"; the value ends at `end`. */
      static int watch_value_trips(const char* at, const char* end)
      {
          static const char* const off[] = {"", "0", "false", "no", "off"};
          size_t length;
          if (at < end && (*at == '"' || *at == '\\'')) {
              const char* close = memchr(at + 1, *at, (size_t)(end - at - 1));
              const char* rest = close == NULL ? end : close + 1;
              while (rest < end && watch_blank(*rest))
                  rest++;
              if (close != NULL && (rest == end || *rest == '#')) {
                  at++;
                  end = close;
              }
          } else {
              for (const char* mark = at; mark < end; mark++)
                  if (*mark == '#' && (mark == at || watch_blank(mark[-1])))
                      end = mark;
          }
          while (at < end && watch_blank(*at))
              at++;
          while (at < end && watch_blank(end[-1]))
              end--;
          length = (size_t)(end - at);
          for (size_t index = 0; index < sizeof off / sizeof *off; index++)
              if (strlen(off[index]) == length && strncasecmp(at, off[index], length) == 0)
                  return 0;
          return 1;
      }

      /* Returns the start of the value if a line is KILL_SWITCH=..., else NULL. */
      static const char* watch_value(const char* at, const char* end)
      {
          static const char name[] = "KILL_SWITCH", export_word[] = "export";
          while (at < end && watch_blank(*at))
              at++;
          if ((size_t)(end - at) > sizeof export_word - 1
                  && memcmp(at, export_word, sizeof export_word - 1) == 0
                  && watch_blank(at[sizeof export_word - 1])) {
              at += sizeof export_word - 1;
              while (at < end && watch_blank(*at))
                  at++;
          }
          if ((size_t)(end - at) < sizeof name - 1 || memcmp(at, name, sizeof name - 1) != 0)
              return NULL;
          at += sizeof name - 1;
          while (at < end && watch_blank(*at))
              at++;
          if (at == end || *at != '=')
              return NULL;
          at++;
          while (at < end && watch_blank(*at))
              at++;
          return at;
      }

      /* Whether a .env file switches trading off, by the rules of system/configuration.py and kill_switch.py:
         the last KILL_SWITCH counts, and a file that cannot be read counts as a tripped switch. */
      static int watch_dotenv(const char* path)
      {
          struct stat status;
          char* text;
          const char *at, *end;
          size_t count = 0;
          int trips = 0, fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
          if (fd < 0)
              return errno != ENOENT;
          text = malloc(WATCH_DOTENV_BYTES_MAX + 1);
          if (text == NULL || fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
              free(text);
              close(fd);
              return 1;
          }
          while (count <= WATCH_DOTENV_BYTES_MAX) {
              ssize_t got = read(fd, text + count, WATCH_DOTENV_BYTES_MAX + 1 - count);
              if (got < 0 && errno == EINTR)
                  continue;
              if (got < 0)
                  trips = 1;
              if (got <= 0)
                  break;
              count += (size_t)got;
          }
          close(fd);
          at = text;
          end = text + count;
          if (count >= 3 && memcmp(text, "\\xef\\xbb\\xbf", 3) == 0)
              at += 3;
          if (count > WATCH_DOTENV_BYTES_MAX)
              trips = 1;
          else
              while (at < end && trips != 1) {
                  const char *line_end = at, *value;
                  while (line_end < end && *line_end != '\\n' && *line_end != '\\r')
                      line_end++;
                  value = watch_value(at, line_end);
                  if (value != NULL)
                      trips = watch_value_trips(value, line_end) ? 2 : 0;
                  at = line_end + 1;
              }
          free(text);
          return trips != 0;
      }

      static int watch_killed(long long stuck_ns)
      {
          struct stat status;
          /* A loop that turns reads .env itself, so the thread reads it only if the loop does not turn. */
          return lstat(watch_kill_path, &status) == 0
              || (stuck_ns >= WATCH_LOOK_NS && watch_dotenv(watch_dotenv_path));
      }

      static void* watch_run(void* unused)
      {
          unsigned long long seen = LOAD(watch_turns);
          long long before_ns = watch_clock_ns(), stuck_ns = 0, stop_ns = 0, kill_ns = 0, hurry_ns = 0;
          const char* stop_why = "a stop was due";
          sigset_t ours;
          (void)unused;
          sigemptyset(&ours);
          for (int index = 0; index < WATCH_SIGNALS; index++)
              sigaddset(&ours, watch_numbers[index]);
          /* A hook may have blocked these signals for its thread. */
          pthread_sigmask(SIG_UNBLOCK, &ours, NULL);
          while (!LOAD(watch_quit)) {
              struct timespec nap = {0, WATCH_TICK_NS};
              long long now_ns, passed_ns;
              unsigned long long turns;
              nanosleep(&nap, NULL);
              now_ns = watch_clock_ns();
              passed_ns = now_ns - before_ns;
              if (passed_ns > WATCH_TICK_MAX_NS)
                  passed_ns = WATCH_TICK_MAX_NS;
              before_ns = now_ns;
              watch_keep_handlers();
              if (LOAD(watch_interrupts) > 1) {
                  hurry_ns += passed_ns;
                  if (hurry_ns >= WATCH_HURRY_NS)
                      watch_end(130, "the second Ctrl-C", hurry_ns);
              }
              if (!LOAD(watch_playing)) {
                  stuck_ns = stop_ns = kill_ns = 0;
                  continue;
              }
              turns = LOAD(watch_turns);
              stuck_ns = turns == seen ? stuck_ns + passed_ns : 0;
              seen = turns;
              if (stop_ns > 0) {
                  stop_ns += passed_ns;
              } else if (LOAD(watch_interrupts) || LOAD(watch_stops)) {
                  stop_ns = 1;
                  stop_why = LOAD(watch_interrupts) ? "Ctrl-C" : "a signal asked it to stop";
              } else if (watch_end_ns && now_ns >= watch_end_ns) {
                  stop_ns = 1;
                  stop_why = "its --duration was over";
              }
              kill_ns = watch_killed(stuck_ns) ? kill_ns + passed_ns : 0;
              if (stop_ns >= WATCH_STOP_NS || (stop_ns >= WATCH_STUCK_NS && stuck_ns >= WATCH_STUCK_NS))
                  watch_end(1, stop_why, stop_ns);
              if (kill_ns >= WATCH_STUCK_NS && stuck_ns >= WATCH_STUCK_NS)
                  watch_end(1, "the kill switch was tripped", kill_ns);
          }
          return NULL;
      }

      static int watch_start(const char* kill_path, const char* dotenv, long long end_ns, const void* hook)
      {
          sigset_t all, before;
          int error;
          if (strlen(kill_path) >= sizeof watch_kill_path || strlen(dotenv) >= sizeof watch_dotenv_path)
              return ENAMETOOLONG;
          strcpy(watch_kill_path, kill_path);
          strcpy(watch_dotenv_path, dotenv);
          watch_end_ns = end_ns;
          watch_hook = (const watch_hook_t*)hook;
          watch_interrupts = watch_stops = watch_hang_ups = watch_quit = 0;
          watch_playing = 1;
          watch_fd = -1;
          for (int index = 0; index < WATCH_SIGNALS; index++) {
              sigaction(watch_numbers[index], NULL, &watch_before[index]);
              if (watch_wants(index))
                  watch_handle(index);
          }
          /* The new thread must receive no other signals. */
          sigfillset(&all);
          pthread_sigmask(SIG_SETMASK, &all, &before);
          error = pthread_create(&watch_thread, NULL, watch_run, NULL);
          pthread_sigmask(SIG_SETMASK, &before, NULL);
          return error;
      }

      static void watch_stop(void)
      {
          STORE(watch_quit, 1);
          pthread_join(watch_thread, NULL);
          for (int index = 0; index < WATCH_SIGNALS; index++)
              if (watch_wants(index))
                  sigaction(watch_numbers[index], &watch_before[index], NULL);
          watch_hook = NULL;
      }

      static void watch_turn(void) { __atomic_add_fetch(&watch_turns, 1, __ATOMIC_RELAXED); }
      static void watch_link(int fd) { STORE(watch_fd, fd); }
      static void watch_over(void) { STORE(watch_playing, 0); }
    #endif
    """
    const bint ARBCORE_CAN_WATCH
    int watch_interrupts, watch_stops, watch_hang_ups
    int watch_start(const char* kill_path, const char* dotenv, long long end_ns, const void* hook)
    int watch_dotenv(const char* path) nogil
    void watch_stop() nogil
    void watch_turn()
    void watch_link(int fd)
    void watch_over()

cdef bint running = False


def can_watch() -> bool:
    """Whether this platform can run a watchdog: it needs POSIX signals and threads."""
    return ARBCORE_CAN_WATCH


def dotenv_trips(path) -> bool:
    """Whether the watchdog's thread finds trading switched off in the ``.env`` file at ``path``."""
    cdef bytes name = os.fsencode(path)
    cdef const char* text = name
    cdef int found
    with nogil:
        found = watch_dotenv(text)
    return found != 0


cdef class Watchdog:
    """Watches one run of ``session``; at most one at a time in a process.

    ``kill_path`` is the kill switch's file, ``dotenv_path`` the settings file that may contain the switch.
    ``duration_s`` is the time after which the run is to stop, None for never.
    Raises RunError if the platform or the system cannot do it, UsageError if another watchdog runs.
    """

    cdef Session _session
    cdef bint _mine

    def __init__(self, Session session not None, *, kill_path, dotenv_path, duration_s=None, start_ns=0):
        global running
        cdef int64_t end_ns = 0
        cdef bytes path = os.fsencode(kill_path), dotenv = os.fsencode(dotenv_path)
        cdef const RunningHook* hook
        if not ARBCORE_CAN_WATCH:
            raise RunError("A watchdog needs a POSIX system.")
        if running:
            raise UsageError("One run of this process is watched already; play one after the other.")
        if duration_s is not None:
            end_ns = start_ns + <int64_t>(min(duration_s, 1e9) * 1e9)
        self._session = session
        if session.desk is None:
            raise UsageError("The session was never made; build it with its settings and strategies.")
        hook = &session.desk.running
        error = watch_start(path, dotenv, end_ns, hook)
        if error:
            raise RunError(f"The watchdog of the run cannot be started ({os.strerror(error)}).")
        self._mine = running = True

    @property
    def interrupts(self) -> int:
        """Number of SIGINT signals received."""
        return watch_interrupts

    @property
    def stops(self) -> int:
        """Number of SIGTERM and SIGHUP signals received."""
        return watch_stops

    @property
    def hang_ups(self) -> int:
        """Number of SIGHUP signals among the ``stops``: the terminal was closed."""
        return watch_hang_ups

    def turn(self) -> None:
        """Records that the loop has turned once more."""
        watch_turn()

    def link(self, int fd) -> None:
        """Sets the descriptor of the connection; -1 for none. Call it before the connection is closed."""
        watch_link(fd)

    def over(self) -> None:
        """Ends the watch of the loop: from now on only a second SIGINT ends the process."""
        watch_over()

    def stop(self) -> None:
        """Ends the watch and restores the signal handlers; a second call does nothing."""
        global running
        if self._mine:
            self._mine = running = False
            with nogil:
                watch_stop()
