/// The C interface from C: a program in C11 that says which checks failed. They run in a child: if
/// they crash, or hang until SIGALRM ends them, no segment is left either.
#include "check.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

int failures = 0;
char name[64];
lagoon_segment* segment = NULL;

void fail(const char* file, int line, const char* what) {
  fprintf(stderr, "%s:%d: not so: %s (the last error: %s)\n", file, line, what,
          lagoon_last_error());
  ++failures;
}

static pid_t forked(void) {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid < 0) abort();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    failures = 0;
  }
  return pid;
}

pid_t child_that(void (*does)(void)) {
  int said[2];
  char c = 0;
  if (pipe(said) != 0) abort();
  const pid_t pid = forked();
  if (pid == 0) {
    does();
    if (failures != 0 || write(said[1], "x", 1) != 1) _exit(1);
    for (;;) pause();
  }
  close(said[1]);
  CHECK(read(said[0], &c, 1) == 1);
  close(said[0]);
  return pid;
}
void kill_child(pid_t pid) {
  int status = 0;
  kill(pid, SIGKILL);
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

pid_t child_to(void (*do_it)(void)) {
  const pid_t pid = forked();
  if (pid != 0) return pid;
  do_it();
  _exit(failures != 0);
}
void reap(pid_t pid) {
  int status = -1;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(status == 0);
}

int main(void) {
  int status = 1;
  snprintf(name, sizeof name, "lagoon-test-%ld-c", (long)getpid());
  const pid_t tests = forked();
  if (tests != 0) {
    waitpid(tests, &status, 0);
    lagoon_segment_remove(name, NULL);
    if (WIFSIGNALED(status)) fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
    return status != 0;
  }
  alarm(100);
  test_segments();
  test_scalars();
  test_synchronization();
  test_containers();
  lagoon_segment_close(segment);
  if (failures != 0) fprintf(stderr, "%d checks failed\n", failures);
  return failures != 0;
}
