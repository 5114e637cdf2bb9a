#!/usr/bin/env bash
# glibc 2.36: memory that another thread frees slowly is paid for at once, by the thread that allocated it.
#
# It seems natural that many small values which a thread of its own frees, in steps, cost the threads that serve requests
# nothing. Seen: glibc keeps freed chunks of up to 128 bytes apart (fastbins, in the arena of the thread that allocated
# them), and merges all of them in the next allocation of 1 KiB or more from that arena: one `malloc` takes tens of
# milliseconds. `GLIBC_TUNABLES=glibc.malloc.mxfast=0` has each freed at once, and the pause is gone.
#
# Output of a run (the times differ):
#   as it is: the slowest malloc took 14.0 ms
#   mxfast=0: the slowest malloc took 0.54 ms
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/pause.c" <<'C'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { COUNT = 1000000 };
static void *values[COUNT];

static void *free_all(void *unused) {
    (void)unused;
    /* Every second one, so that neighbours do not make large chunks. */
    for (int i = 0; i < COUNT; i += 2) free(values[i]);
    return NULL;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

int main(void) {
    for (int i = 0; i < COUNT; i++) values[i] = malloc(64);
    pthread_t thread;
    pthread_create(&thread, NULL, free_all, NULL);
    pthread_join(thread, NULL);
    double slowest = 0;
    for (int i = 0; i < 100; i++) {
        double start = now();
        void *volatile one = malloc(2000 + 16 * i);
        double time = now() - start;
        if (time > slowest) slowest = time;
        if (!one) return 1;
    }
    printf("the slowest malloc took %.*f ms\n", slowest < 1 ? 2 : 1, slowest);
}
C
cc -O1 -pthread -o "$work/pause" "$work/pause.c"
printf 'as it is: '
"$work/pause"
printf 'mxfast=0: '
GLIBC_TUNABLES=glibc.malloc.mxfast=0 "$work/pause"
