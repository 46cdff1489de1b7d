#include <lagoon/error.hpp>
#include <lagoon/process.hpp>

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/atomic/atomic.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <iostream>
#include <memory>
#include <mutex>

namespace lagoon {

namespace detail {

/// Written by `start` and by the owner of the Process, but for what says otherwise.
struct ProcessState : std::enable_shared_from_this<ProcessState> {
  ProcessState() = default;
  ProcessState(const ProcessState&) = delete;
  ProcessState& operator=(const ProcessState&) = delete;
  ~ProcessState() {
    if (sentinel != -1) ::close(sentinel);
  }

  std::unique_ptr<Target> target;
  std::string identity;  // "3", or "1:2" for a child's child
  std::string name;
  bool daemon = false;
  pid_t maker = ::getpid();
  pid_t pid = 0;      // 0: not started
  int sentinel = -1;  // the pidfd; in the child itself it stays -1

  // Under the registry's mutex:
  bool over = false;             // the child has ended and been reaped, by us or by someone else
  std::optional<int> exit_code;  // once over: nothing if someone else had it
  ProcessState* previous = nullptr;
  ProcessState* next = nullptr;
};

}  // namespace detail

namespace {

using detail::ProcessState;

/// The children that run. Trivially destructible and constant-initialized, so it is there before
/// the first static constructor and after the last destructor. A child begins with an empty one
/// (`in_child`), in whatever state its parent's was.
struct Registry {
  std::mutex mutex;
  ProcessState* first = nullptr;
  const ProcessState* self = nullptr;  // in a child: what runs it
  boost::atomic<unsigned> made{0};     // numbers the names; relaxed, it orders nothing
};
constinit Registry registry;

void link(ProcessState& s) noexcept {
  s.next = registry.first;
  if (s.next != nullptr) s.next->previous = &s;
  registry.first = &s;
}

void unlink(ProcessState& s) noexcept {
  (s.previous != nullptr ? s.previous->next : registry.first) = s.next;
  if (s.next != nullptr) s.next->previous = s.previous;
  s.previous = s.next = nullptr;
}

// glibc has wrappers from 2.36 on only, and P_PIDFD as well.
int open_pidfd(pid_t pid) noexcept { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
int signal_pidfd(int pidfd, int signal) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}
constexpr auto by_pidfd = static_cast<idtype_t>(3);

/// Takes the child's exit code if it has ended; does not wait. The registry's mutex is held.
bool reap(ProcessState& s) noexcept {
  if (s.over) return true;
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(by_pidfd, static_cast<id_t>(s.sentinel), &info, WEXITED | WNOHANG);
  } while (result == -1 && errno == EINTR);
  if (result == 0 && info.si_pid == 0) return false;
  if (result == 0) s.exit_code = info.si_code == CLD_EXITED ? info.si_status : -info.si_status;
  // Otherwise ECHILD: it has ended, and someone else reaped it. To wait on would be for ever.
  s.over = true;
  unlink(s);
  return true;
}

/// Waits for the child's end and reaps it. Threads may wait for the same child: none of them
/// sleeps with the mutex held, and the exit code is taken once.
bool wait(ProcessState& s, core::Deadline until) noexcept {
  bool readable = false;
  for (;;) {
    {
      const std::lock_guard lock(registry.mutex);
      if (reap(s)) return true;
    }
    if (until.passed()) return false;
    // Readable and yet not to be reaped: a debugger has it first. Look again in a while.
    const core::Deadline next = readable ? until.within(core::wait_slice_length) : until;
    const timespec end = next.as_timespec();
    const std::int64_t left = std::max<std::int64_t>(
        0, std::int64_t{end.tv_sec} * 1'000'000'000 + end.tv_nsec - core::Deadline::clock());
    const timespec timeout{static_cast<std::time_t>(left / 1'000'000'000),
                           static_cast<long>(left % 1'000'000'000)};
    pollfd sentinel{s.sentinel, POLLIN, 0};
    readable =
        ::ppoll(&sentinel, readable ? 0 : 1, next.is_never() ? nullptr : &timeout, nullptr) == 1;
  }
}

/// As Python ends a process: its daemons are terminated, all its children joined. It runs at the
/// exit of the main process and at the end of each child.
void end_children() noexcept {
  {
    const std::lock_guard lock(registry.mutex);
    // A child made by the bare system call has not passed through `in_child`: they are not its.
    if (registry.first != nullptr && registry.first->maker != ::getpid()) return;
    for (ProcessState* s = registry.first; s != nullptr; s = s->next)
      if (s->daemon) signal_pidfd(s->sentinel, SIGTERM);
  }
  for (;;) {
    std::shared_ptr<ProcessState> s;
    {
      const std::lock_guard lock(registry.mutex);
      if (registry.first == nullptr) return;
      s = registry.first->shared_from_this();  // another thread may be destroying its Process
    }
    wait(*s, core::Deadline::never());
  }
}

/// The parent's children are not this process's, and another thread of the parent may have held
/// the mutex, which would never be given back here.
void in_child() noexcept {
  std::construct_at(&registry.mutex);
  registry.first = nullptr;
}

/// Once in a process and those forked from it: both registrations are inherited.
void hook_fork_and_exit() {
  static const bool done = [] {
    const int refused = ::pthread_atfork(nullptr, nullptr, in_child);
    if (refused != 0) throw SystemError(refused, "lagoon::Process: pthread_atfork");
    if (std::atexit(end_children) != 0) throw SystemError(ENOMEM, "lagoon::Process: atexit");
    return true;
  }();
  static_cast<void>(done);
}

/// So that a child does not print again what its parent has buffered. (This is what <iostream> is
/// for, and with it the one initializer of this file: the standard library's own.)
void flush_streams() noexcept {
  for (std::ostream* stream : {&std::cout, &std::cerr, &std::clog}) {
    try {
      stream->flush();
    } catch (...) {  // a stream told to throw; a full disk is no reason not to start
    }
  }
  // A thread that waits for input holds stdin's lock, and fflush(nullptr) would wait for it.
  if (::ftrylockfile(stdin) == 0) {
    std::fflush(nullptr);
    ::funlockfile(stdin);
  } else {
    std::fflush(stdout);
    std::fflush(stderr);
  }
}

/// The child's whole life.
[[noreturn]] void run_child(ProcessState& s) noexcept {
  registry.self = &s;
  registry.made.store(0, boost::memory_order_relaxed);
  s.pid = ::getpid();
  int code = 1;
  try {
    code = s.target->run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s: %s\n", s.name.c_str(), e.what());
  } catch (...) {
    std::fprintf(stderr, "%s: unknown exception\n", s.name.c_str());
  }
  end_children();
  flush_streams();
  ::_exit(code & 0xff);
}

[[noreturn]] void refuse(const std::string& who, const char* method, const std::string& why) {
  throw UsageError(who + ": " + method + ": " + why);
}

}  // namespace

int detail::exit_message(std::string_view line) {
  std::string whole(line);
  whole += '\n';
  std::fwrite(whole.data(), 1, whole.size(), stderr);
  return 1;
}

Process::Process(Options options, std::unique_ptr<detail::Target> target, Made)
    : state_(std::make_shared<ProcessState>()) {
  const unsigned number = registry.made.fetch_add(1, boost::memory_order_relaxed) + 1;
  if (registry.self != nullptr) state_->identity = registry.self->identity + ':';
  state_->identity += std::to_string(number);
  state_->name = options.name.empty() ? "Process-" + state_->identity : std::move(options.name);
  state_->daemon = options.daemon;
  state_->target = std::move(target);
}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    finish();
    state_ = std::move(other.state_);
  }
  return *this;
}

Process::~Process() { finish(); }

void Process::finish() noexcept {
  // A copy that was inherited by fork is dropped without ado: the child is another's to wait for.
  if (!state_ || state_->pid == 0 || state_->maker != ::getpid()) return;
  {
    const std::lock_guard lock(registry.mutex);
    if (state_->daemon && !state_->over) signal_pidfd(state_->sentinel, SIGTERM);
  }
  wait(*state_, core::Deadline::never());
}

ProcessState& Process::state(const char* method) const {
  if (!state_)
    refuse("lagoon::Process", method,
           "this one is empty: it was closed or moved from, or made without a target");
  return *state_;
}

ProcessState& Process::own_state(const char* method) const {
  ProcessState& s = state(method);
  if (s.maker != ::getpid())
    refuse(s.name, method,
           "it belongs to process " + std::to_string(s.maker) +
               ", which made it; this is process " + std::to_string(::getpid()));
  return s;
}

void Process::start() {
  ProcessState& s = own_state("start");
  if (s.pid != 0)
    refuse(s.name, "start",
           "it was started before, as process " + std::to_string(s.pid) +
               ": a Process runs once, make another");
  if (registry.self != nullptr && registry.self->daemon)
    refuse(s.name, "start",
           "a daemon may have no children, and " + registry.self->name + " is one");
  hook_fork_and_exit();

  // Whatever may fail should fail before there is a child that has to be killed for it. This
  // finds out whether pidfds exist, and keeps a descriptor for the one to come.
  const int reserved = open_pidfd(::getpid());
  if (reserved == -1) {
    const int error = errno;
    const char* const advice =
        error == ENOSYS ? " is missing; children need Linux 5.4 or later, and a sandbox that lets "
                          "pidfds through"
                        : "";
    throw SystemError(error, s.name + ": pidfd_open" + advice);
  }
  flush_streams();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(reserved);
    // Kept alive, whatever the target does to the Process objects that it has inherited.
    const std::shared_ptr<ProcessState> kept = state_;
    run_child(*kept);
  }
  const int fork_error = errno;
  ::close(reserved);
  if (pid == -1) throw SystemError(fork_error, s.name + ": fork");

  s.sentinel = open_pidfd(pid);
  if (s.sentinel != -1) {
    s.pid = pid;
    const std::lock_guard lock(registry.mutex);
    link(s);
  } else if (errno == ESRCH) {
    // It has ended, and someone has reaped it already. A readable descriptor says the first.
    s.sentinel = ::eventfd(1, EFD_CLOEXEC);
    s.pid = pid;
    s.over = true;
  } else {
    const int error = errno;
    ::kill(pid, SIGKILL);
    while (::waitpid(pid, nullptr, 0) == -1 && errno == EINTR) {
    }
    throw SystemError(error, s.name + ": pidfd_open; its child was killed");
  }
}

bool Process::join_until(core::Deadline until) {
  ProcessState& s = own_state("join");
  if (s.pid == 0) refuse(s.name, "join", "it was not started: call start first");
  return wait(s, until);
}

bool Process::is_alive() const {
  ProcessState& s = own_state("is_alive");
  if (s.pid == 0) return false;
  const std::lock_guard lock(registry.mutex);
  return !reap(s);
}

std::optional<int> Process::exitcode() const {
  ProcessState& s = own_state("exitcode");
  if (s.pid == 0) return std::nullopt;
  const std::lock_guard lock(registry.mutex);
  if (reap(s) && !s.exit_code)
    throw SystemError(ECHILD, s.name +
                                  ": exitcode: someone else reaped it and had the code; do "
                                  "not ignore SIGCHLD, nor wait for any child (waitpid(-1))");
  return s.exit_code;
}

pid_t Process::pid() const {
  const ProcessState& s = state("pid");
  if (s.pid == 0) refuse(s.name, "pid", "it was not started: call start first");
  return s.pid;
}

int Process::sentinel() const {
  const ProcessState& s = state("sentinel");
  if (s.pid == 0) refuse(s.name, "sentinel", "it was not started: call start first");
  if (s.sentinel == -1) refuse(s.name, "sentinel", "the child itself has none");
  return s.sentinel;
}

const std::string& Process::name() const { return state("name").name; }
void Process::set_name(std::string name) { state("set_name").name = std::move(name); }

bool Process::daemon() const { return state("daemon").daemon; }
void Process::set_daemon(bool daemon) {
  ProcessState& s = state("set_daemon");
  if (s.pid != 0) refuse(s.name, "set_daemon", "it was started already: set it before start");
  s.daemon = daemon;
}

void Process::terminate() { send(SIGTERM, "terminate"); }
void Process::kill() { send(SIGKILL, "kill"); }

void Process::send(int signal, const char* method) {
  ProcessState& s = state(method);
  if (s.pid == 0) refuse(s.name, method, "it was not started: call start first");
  const std::lock_guard lock(registry.mutex);
  if (s.over) return;
  if (s.sentinel == -1) refuse(s.name, method, "a child cannot do this to itself");
  if (signal_pidfd(s.sentinel, signal) == -1 && errno != ESRCH)
    throw SystemError(errno, s.name + ": " + method);
}

void Process::close() {
  if (!state_) return;
  if (state_->pid != 0 && state_->maker == ::getpid()) {
    const std::lock_guard lock(registry.mutex);
    if (!reap(*state_))
      refuse(state_->name, "close", "it still runs: join it first, or kill it and join");
  }
  state_.reset();
}

std::string current_process_name() {
  return registry.self != nullptr ? registry.self->name : "MainProcess";
}

std::size_t active_children() {
  const std::lock_guard lock(registry.mutex);
  std::size_t running = 0;
  for (ProcessState* s = registry.first; s != nullptr;) {
    ProcessState* const next = s->next;
    if (!reap(*s)) ++running;
    s = next;
  }
  return running;
}

}  // namespace lagoon
