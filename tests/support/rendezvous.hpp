#pragma once
/// How the processes of one test wait for each other: by what happened, never by time.
///
/// Make these before the fork; children share them. Every wait has a deadline after which it
/// throws, which fails the test (in a Child: its exit code is 1) instead of hanging it.

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <climits>
#include <cstddef>
#include <cstdint>
#include <new>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace lagoon::test {

inline constexpr std::chrono::seconds patience{60};

/// A T in memory that children forked later share. It is not destroyed, only unmapped.
template <class T>
class Shared {
  static_assert(std::is_trivially_destructible_v<T>);

 public:
  template <class... Args>
  explicit Shared(Args&&... args) {
    void* memory =
        mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
    object_ = new (memory) T(std::forward<Args>(args)...);
  }
  ~Shared() { munmap(object_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T& operator*() const noexcept { return *object_; }
  T* operator->() const noexcept { return object_; }

 private:
  T* object_;
};

/// Waits until `condition()` holds, for what tells nobody when it changes: the state of a process,
/// a word that the code under test writes.
template <class Condition>
void wait_until(Condition&& condition, const std::string& what,
                std::chrono::nanoseconds deadline = patience) {
  const auto end = std::chrono::steady_clock::now() + deadline;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end)
      throw std::runtime_error("waited in vain until " + what);
    sched_yield();
  }
}

/// Counters that processes raise and wait for.
class SharedFlags {
 public:
  static constexpr std::size_t size = 64;

  /// Adds one and wakes who waits; the new count.
  std::uint32_t raise(std::size_t flag = 0) {
    const std::uint32_t count = words_->at(flag).fetch_add(1) + 1;
    futex(words_->at(flag), FUTEX_WAKE, INT_MAX, nullptr);
    return count;
  }
  /// Returns when the flag was raised `times` times, by whomever.
  void await(std::size_t flag = 0, std::uint32_t times = 1,
             std::chrono::nanoseconds deadline = patience) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    std::atomic<std::uint32_t>& word = words_->at(flag);
    for (;;) {
      const std::uint32_t count = word.load();
      if (count >= times) return;
      const std::chrono::nanoseconds left = end - std::chrono::steady_clock::now();
      if (left.count() <= 0)
        throw std::runtime_error("process " + std::to_string(getpid()) +
                                 " waited in vain for flag " + std::to_string(flag) + " to reach " +
                                 std::to_string(times) + "; it is " + std::to_string(count));
      const timespec timeout{left.count() / 1'000'000'000, left.count() % 1'000'000'000};
      futex(word, FUTEX_WAIT, count, &timeout);
    }
  }
  [[nodiscard]] std::uint32_t count(std::size_t flag = 0) const { return words_->at(flag).load(); }

 private:
  struct Words {
    std::atomic<std::uint32_t> word[size] = {};
    std::atomic<std::uint32_t>& at(std::size_t flag) {
      if (flag >= size) throw std::out_of_range("flag " + std::to_string(flag) + " of 64");
      return word[flag];
    }
  };
  static void futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
                    const timespec* timeout) {
    syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
  }

  Shared<Words> words_;
};

/// A barrier: meet() returns when as many processes as there are parties have called it; then it
/// can be used again.
class Rendezvous {
 public:
  explicit Rendezvous(std::uint32_t parties) : parties_(parties) {}
  void meet(std::chrono::nanoseconds deadline = patience) {
    const std::uint32_t round = (arrived_.raise() - 1) / parties_;
    arrived_.await(0, (round + 1) * parties_, deadline);
  }

 private:
  std::uint32_t parties_;
  SharedFlags arrived_;
};

}  // namespace lagoon::test
