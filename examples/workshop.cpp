// Python's locks between processes: a buffer with a Condition, a start with a Barrier, a limit with
// a BoundedSemaphore; and what is left when one who has a lock is killed.
#include <unistd.h>
#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <chrono>
#include <iostream>
#include <mutex>
#include <vector>

using namespace std::chrono_literals;

namespace {

/// A few numbers on their way from those who put to the one who takes.
class Buffer {
 public:
  void put(int x) {
    const std::scoped_lock guard(changed_);
    changed_.wait_for([&] { return count_ < static_cast<int>(numbers_.size()); });
    numbers_[static_cast<std::size_t>(count_)] = x;
    count_ += 1;
    changed_.notify_all();
  }
  int take() {
    const std::scoped_lock guard(changed_);
    changed_.wait_for([&] { return count_ > 0; });
    count_ -= 1;
    changed_.notify_all();
    return numbers_[static_cast<std::size_t>(count_.get())];
  }

 private:
  lagoon::Condition changed_;
  lagoon::Value<int> count_{0};
  lagoon::Array<int> numbers_{3};
};

void numbers_go_through_a_buffer() {
  constexpr int producers = 4, each = 100;
  Buffer buffer;
  lagoon::Barrier start{producers};
  std::vector<lagoon::Process> children;
  for (int p = 0; p < producers; ++p) {
    children.emplace_back([&] {
      start.wait();  // all begin together
      for (int i = 1; i <= each; ++i) buffer.put(i);
    });
    children.back().start();
  }
  int sum = 0;
  for (int i = 0; i < producers * each; ++i) sum += buffer.take();
  for (lagoon::Process& child : children) child.join();
  std::cout << "through the buffer: " << sum << '\n';
}

void two_at_a_time() {
  lagoon::BoundedSemaphore rooms{2};
  lagoon::Value<int> inside{0};
  lagoon::Value<int> most{0};
  std::vector<lagoon::Process> children;
  for (int c = 0; c < 6; ++c) {
    children.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) {
        const std::scoped_lock guard(rooms);
        const int now = inside.fetch_add(1) + 1;
        most.update([now](int m) { return std::max(m, now); });
        inside -= 1;
      }
    });
    children.back().start();
  }
  for (lagoon::Process& child : children) child.join();
  std::cout << "in two rooms at most: " << (most <= 2 ? "two" : "too many") << '\n';
}

void killed_with_a_lock_and_a_permit() {
  lagoon::Lock lock;
  lagoon::BoundedSemaphore rooms{2};
  lagoon::Event has_them;
  lagoon::Process holder([&] {
    lock.lock();
    (void)rooms.acquire();
    has_them.set();
    for (;;) pause();
  });
  holder.start();
  has_them.wait();
  std::cout << "while it lives: lock " << (lock.try_lock() ? "free" : "taken") << ", "
            << rooms.get_value() << " of 2 rooms free\n";
  holder.kill();  // SIGKILL
  holder.join();
  const std::scoped_lock guard(lock);  // waits for nobody
  std::cout << "then: " << (lock.owner_died() ? "its owner died" : "it was given back") << ", "
            << rooms.get_value() << " of 2 rooms free\n";
  lock.mark_consistent();
}

void killed_at_a_barrier() {
  lagoon::Barrier barrier{2};
  lagoon::Process party([&] { barrier.wait(); });
  party.start();
  while (barrier.n_waiting() == 0) usleep(1000);
  party.kill();
  party.join();
  try {
    barrier.wait(10s);
  } catch (const lagoon::BrokenBarrier& broken) {
    std::cout << "at the barrier: " << broken.what() << '\n';
  }
}

}  // namespace

int main() {
  numbers_go_through_a_buffer();
  two_at_a_time();
  killed_with_a_lock_and_a_permit();
  killed_at_a_barrier();
}
