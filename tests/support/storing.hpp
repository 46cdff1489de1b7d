#pragma once
/// A child process that stops after its n-th store to shared memory, and runs at full speed between
/// them: for operations that wait, or that do much that others cannot see.
///
///     Storing child{"memfd:lagoon-test", 3, [&] { table.self(); }, [&] { write(record); }};
///     child.wait();
///     look(record);
///     child.kill();
///
/// The child takes its own right to write to that memory. Each store faults, is let through alone
/// (the processor's trap flag stops it behind it) and counted; a `rep movsb` or `rep stosb` is as
/// many stores as it has turns, and a compare-and-swap that fails is one too. Before the child
/// stops it has its rights back, since the kernel will mark its death in that memory. x86-64.

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <limits>
#include <numeric>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "rendezvous.hpp"

namespace lagoon::test {

namespace detail {

/// What the handlers know; in the child only.
class CountedStores {
 public:
  struct Told {
    unsigned made = 0;
    /// After which stores, of the first ones, another instruction stored than before.
    std::array<unsigned, 1000> changes{};
    std::size_t changed = 0;
  };

  static void begin(const std::string& mapping, unsigned stop_after, Told* told) {
    find(mapping);
    stop_after_ = stop_after;
    told_ = told;
    struct sigaction action {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = before_a_store;
    sigaction(SIGSEGV, &action, nullptr);
    action.sa_sigaction = after_a_store;
    sigaction(SIGTRAP, &action, nullptr);
    if (stop_after == 0) stop();
    protect_all(PROT_READ);
  }

  static void stop() {
    protect_all(PROT_READ | PROT_WRITE);
    ::kill(getpid(), SIGSTOP);
  }

 private:
  struct Range {
    std::uintptr_t first, last;
  };
  /// Wherever it is mapped for writing.
  static void find(const std::string& mapping) {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
      if (line.find("rw-s") == std::string::npos || line.find(mapping) == std::string::npos)
        continue;
      std::size_t digits = 0;
      const std::uintptr_t first = std::stoull(line, &digits, 16);
      ranges_.push_back({first, std::stoull(line.substr(digits + 1), nullptr, 16)});
    }
    if (ranges_.empty()) throw std::runtime_error(mapping + " is not mapped");
  }
  static void protect(const Range& range, int rights) {
    if (mprotect(reinterpret_cast<void*>(range.first), range.last - range.first, rights) != 0)
      _exit(1);
  }
  static void protect_all(int rights) {
    for (const Range& range : ranges_) protect(range, rights);
  }
  /// The pages of [first, last) can be written, until the store is made. (Of all of them that would
  /// take ten times as long.)
  static void open(std::uintptr_t first, std::uintptr_t last) {
    const auto page = static_cast<std::uintptr_t>(getpagesize());
    opened_[opened_count_++] = {first / page * page, (last + page - 1) / page * page};
    protect(opened_[opened_count_ - 1], PROT_READ | PROT_WRITE);
  }
  static void close() {
    while (opened_count_ != 0) protect(opened_[--opened_count_], PROT_READ);
  }

  static constexpr greg_t trap_flag = 0x100;

  static void before_a_store(int, siginfo_t* info, void* context) {
    const auto at = reinterpret_cast<std::uintptr_t>(info->si_addr);
    if (opened_count_ == opened_.size() ||
        std::ranges::none_of(ranges_, [at](auto& r) { return at >= r.first && at < r.last; })) {
      // A fault of its own: let it happen.
      signal(SIGSEGV, SIG_DFL);
      return;
    }
    greg_t* const registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    if (made_by_rep(registers)) return;
    open(at, at + 1);  // of a store to two pages this is one, and the next fault opens the other
    registers[REG_EFL] |= trap_flag;
  }
  static void after_a_store(int, siginfo_t*, void* context) {
    static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_EFL] &= ~trap_flag;
    made_one(static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP]);
    close();
  }
  /// One more store, by the instruction before this one.
  static void made_one(greg_t next) {
    if (next != last_ && told_->changed < told_->changes.size())
      told_->changes[told_->changed++] = told_->made;
    last_ = next;
    if (++told_->made == stop_after_) stop();
  }
  /// Done here byte by byte: a thousand faults would take their time.
  static bool made_by_rep(greg_t* registers) {
    std::array<unsigned char, 2> code;
    std::memcpy(code.data(), reinterpret_cast<const void*>(registers[REG_RIP]), code.size());
    const bool moves = code == std::array<unsigned char, 2>{0xf3, 0xa4};  // rep movsb
    const bool fills = code == std::array<unsigned char, 2>{0xf3, 0xaa};  // rep stosb
    if (!moves && !fills) return false;
    const auto count = static_cast<std::uintptr_t>(registers[REG_RCX]);
    const auto target = static_cast<std::uintptr_t>(registers[REG_RDI]);
    open(target, target + count);
    auto* to = reinterpret_cast<volatile unsigned char*>(target);
    const auto* from = reinterpret_cast<const volatile unsigned char*>(registers[REG_RSI]);
    for (std::uintptr_t i = 0; i < count; ++i) {
      to[i] = moves ? from[i] : static_cast<unsigned char>(registers[REG_RAX]);
      made_one(registers[REG_RIP]);
    }
    close();
    registers[REG_RDI] += registers[REG_RCX];
    if (moves) registers[REG_RSI] += registers[REG_RCX];
    registers[REG_RCX] = 0;
    registers[REG_RIP] += static_cast<greg_t>(code.size());
    return true;
  }

  inline static std::vector<Range> ranges_;
  inline static std::array<Range, 2> opened_;
  inline static std::size_t opened_count_ = 0;
  inline static unsigned stop_after_ = 0;
  inline static greg_t last_ = 0;
  inline static Told* told_ = nullptr;
};

}  // namespace detail

class Storing {
 public:
  static constexpr unsigned all = std::numeric_limits<unsigned>::max();

  /// The child calls enter(), then f(), and stops after so many stores in it; and when f has
  /// returned. `mapping` is a part of the memory's name in /proc/self/maps.
  template <std::invocable Enter, std::invocable F>
  Storing(const std::string& mapping, unsigned stop_after, Enter&& enter, F&& f) {
    const pid_t parent = getpid();
    pid_ = fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != parent) _exit(1);
      try {
        std::forward<Enter>(enter)();
        detail::CountedStores::begin(mapping, stop_after, &*told_);
        std::forward<F>(f)();
        for (;;) detail::CountedStores::stop();
      } catch (...) {
      }
      _exit(1);
    }
  }
  Storing(const Storing&) = delete;
  Storing& operator=(const Storing&) = delete;
  ~Storing() { kill(); }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  /// Returns when it has stopped.
  void wait() {
    while (!look(0)) continue;
  }
  [[nodiscard]] bool has_stopped() { return look(WNOHANG); }
  /// One that has stopped goes on until f has returned.
  void go_on() {
    stopped_ = false;
    ::kill(pid_, SIGCONT);
  }

  /// After how many of its stores one that does the same is to be killed: after each, or, of those
  /// that one instruction makes one after the other (a copy, memory that is zeroed), before and
  /// after the first, in the midst of them, and before the last.
  [[nodiscard]] std::vector<unsigned> moments(bool each) const {
    if (each) {
      std::vector<unsigned> after(told_->made + 1);
      std::iota(after.begin(), after.end(), 0U);
      return after;
    }
    std::set<unsigned> after{0, told_->made};
    const std::span<const unsigned> changes(told_->changes.data(), told_->changed);
    for (std::size_t i = 0; i < changes.size(); ++i) {
      const unsigned first = changes[i];
      const unsigned next = i + 1 < changes.size() ? changes[i + 1] : told_->made;
      for (const unsigned k : {first, first + 1, first + (next - first + 1) / 2, next - 1})
        if (k < told_->made) after.insert(k);
    }
    return {after.begin(), after.end()};
  }
  /// Where it stops.
  void kill_there() {
    wait();
    kill();
  }
  /// SIGKILL; returns when it is dead and reaped. Unless it has stopped, the kernel cannot mark its
  /// death.
  void kill() noexcept {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
  }

 private:
  bool look(int options) {
    if (stopped_) return true;
    int status = 0;
    const pid_t changed = waitpid(pid_, &status, WUNTRACED | options);
    if (changed < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category(), "waitpid");
    if (changed <= 0) return false;
    stopped_ = WIFSTOPPED(status);
    if (stopped_) return true;
    pid_ = -1;
    throw std::runtime_error("the storing child ended with status " + std::to_string(status));
  }

  Shared<detail::CountedStores::Told> told_;
  pid_t pid_ = -1;
  bool stopped_ = false;
};

}  // namespace lagoon::test
