/* Preloaded into a daemon: its wall clock is an hour ahead once the file named by CHIMERA_STEP_FILE exists. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    const char *file = getenv("CHIMERA_STEP_FILE");
    if (!failed && clock == CLOCK_REALTIME && file != NULL && access(file, F_OK) == 0) {
        now->tv_sec += 3600;
    }
    return failed;
}
