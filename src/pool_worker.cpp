#include "pool_worker.hpp"

#include <lagoon/sent_exception.hpp>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <iostream>

namespace lagoon::detail {

namespace {

/// How long a worker that has nothing to do waits before it looks whether its parent lives.
constexpr std::chrono::milliseconds idle_slice{50};

/// What a task has printed is out when its result is there, and not lost if its worker is killed.
void flush_output() noexcept {
  try {
    std::cout.flush();
  } catch (...) {  // a stream that was told to throw
  }
  std::fflush(stdout);
}

}  // namespace

bool Worker::has_parent() const noexcept { return ::getppid() == parent; }

int Worker::live(PoolMemory& memory) const {
  if (ends_with_thread) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (!has_parent()) return 0;  // it was killed before that
  if (*initializer) {
    try {
      (*initializer)();
    } catch (...) {
      flush_output();
      tell(memory, cannot_begin, Outcome::bytes_of_current_exception());
      return 1;
    }
  }
  serve(memory);
  return 0;
}

void Worker::serve(PoolMemory& memory) const {
  tell(memory, has_begun, {});  // (6)
  for (int done = 0; !maxtasks || done < *maxtasks;) {
    auto hint = memory.hints.try_get_for(idle_slice);  // (3)
    if (!has_parent() || (!hint && memory.table->has_ended())) return;
    if (!hint) continue;
    if (hint->ticket() == wakes_only) {
      if (memory.table->has_ended()) return;
      continue;
    }
    if (!memory.table->claim(hint->ticket(), number)) continue;  // (4)
    run(memory, hint->ticket(), hint->own());
    ++done;
  }
}

void Worker::run(PoolMemory& memory, TaskTable::Ticket ticket,
                 std::span<const std::byte> chunk) const {
  const pid_t me = ::getpid();
  Bytes outcome;
  try {
    Decoder from(chunk);
    const auto trampoline = reinterpret_cast<Trampoline>(from.take<std::uintptr_t>());
    Encoder to;
    to.put(Outcome::has_results);
    trampoline(from, to);
    outcome = bytes_of(to);
  } catch (...) {
    outcome = Outcome::bytes_of_current_exception();
  }
  if (::getpid() != me) ::_exit(0);  // a child that the task has forked, and let return
  flush_output();
  try {
    memory.results.put(Packet(ticket, std::span<const std::byte>(outcome)));  // (5)
  } catch (...) {
    // No memory for it, now or ever: that is the outcome then.
    outcome = Outcome::bytes_of_current_exception();
    memory.results.put(Packet(ticket, std::span<const std::byte>(outcome)));
  }
}

void Worker::tell(PoolMemory& memory, TaskTable::Ticket what, const Bytes& outcome) const {
  Encoder to;
  to.put(number).put_bytes(outcome.data(), outcome.size());
  memory.results.put(Packet(what, to.bytes()));
}

}  // namespace lagoon::detail
