#include "board.hpp"

#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <new>
#include <system_error>

namespace contention {
namespace {

struct Mapping {
  int descriptor = -1;
  Board* board = nullptr;

  Mapping() {
    descriptor = ::memfd_create("contention board", MFD_CLOEXEC);
    if (descriptor < 0 || ::ftruncate(descriptor, sizeof(Board)) != 0) {
      throw std::system_error(errno, std::generic_category(), "memory for the board");
    }
    void* memory =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
      throw std::system_error(errno, std::generic_category(), "mapping the board");
    }
    board = ::new (memory) Board{};
  }
};

Mapping& mapping() {
  static Mapping only;
  return only;
}

}  // namespace

Board& board() { return *mapping().board; }
int board_descriptor() { return mapping().descriptor; }

void take_seat(Seat& seat) {
  auto& phase = board().phase;
  seat.process.store(static_cast<std::uint64_t>(::getpid()), std::memory_order_release);
  while (phase.load(std::memory_order_acquire) == gather) {
    ::syscall(SYS_futex, &phase, FUTEX_WAIT, gather, nullptr, nullptr, 0);
  }
}

void set_phase(Phase next) {
  auto& phase = board().phase;
  phase.store(next, std::memory_order_release);
  ::syscall(SYS_futex, &phase, FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace contention
