/// What do readers get when a writer is stopped, or killed, in the middle of a write?
///
/// An array of 8 KiB, half of it written when the writer stops (SIGSTOP), then dies (SIGKILL). A
/// reader, in a process of its own, reads all of it as often as it can. Counted are its reads in so
/// many milliseconds, and those that were torn: half of the write was in them. Medians of three. A
/// reader that has a lock of a dead writer to clean up does so, as such programs do.
///
/// writer_stopped [--quick]

#include "figures.hpp"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <lagoon/core/copy.hpp>
#include <lagoon/lagoon.hpp>
#include <lagoon/locks/pthread_mutex.hpp>
#include <lagoon/locks/robust.hpp>
#include <lagoon/locks/seqlock.hpp>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

namespace {

using Elements = std::span<double>;
constexpr std::size_t size = 1024;

/// An array, new for each measurement, and how it is written and read.
struct Way {
  std::function<void(const std::function<void(Elements)>& fill)> write;
  std::function<void(Elements out)> read;
};
struct NamedWay {
  const char* name;
  Way (*make)();
};

struct Counts {
  std::uint64_t reads = 0;
  std::uint64_t torn = 0;
};

enum class Fate { at_rest, stopped, killed };

Counts measure(const Way& way, Fate fate, int milliseconds) {
  way.write([](Elements all) { std::ranges::fill(all, 1.0); });
  figures::Child writer([&] {
    if (fate == Fate::at_rest) {
      raise(SIGSTOP);
      return;
    }
    way.write([](Elements all) {
      std::ranges::fill(all.first(size / 2), 2.0);
      raise(SIGSTOP);
    });
  });
  writer.wait_stopped();
  if (fate == Fate::killed) {
    writer.kill(SIGKILL);
    writer.wait();
  }
  const Mapped<Counts> counts;
  {
    const figures::Child reader([&] {
      std::vector<double> out(size);
      for (;;) {
        way.read(out);
        counts->torn += out.front() != out.back() ? 1 : 0;
        ++counts->reads;
      }
    });
    const timespec time{0, milliseconds * 1'000'000};
    nanosleep(&time, nullptr);
  }
  return *counts;
}

Counts median(const NamedWay& way, Fate fate, int milliseconds) {
  std::array<Counts, 3> all;
  for (Counts& counts : all) counts = measure(way.make(), fate, milliseconds);
  std::ranges::sort(all, {}, &Counts::reads);
  return all[1];
}

Way array_of_lagoon() {
  const auto array = std::make_shared<lagoon::Array<double>>(size);
  return {[array](auto& fill) { array->write(fill); },
          [array](Elements out) { array->snapshot_into(out); }};
}

/// Plain elements beside a lock.
template <class L>
struct Guarded {
  lagoon::Shared<L> lock;
  lagoon::Array<double, lagoon::mode::raw> plain{size};

  void write(const std::function<void(Elements)>& fill) {
    const std::scoped_lock guard(*lock);
    fill(plain.get_obj());
  }
  void copy_to(Elements out) const {
    lagoon::core::read_shared(out.data(), plain.get_obj().data(), out.size_bytes());
  }
};

Way by_seqlock() {
  const auto guarded = std::make_shared<Guarded<lagoon::locks::SeqLock>>();
  return {[guarded](auto& fill) { guarded->write(fill); },
          [guarded](Elements out) { guarded->lock->read([&] { guarded->copy_to(out); }); }};
}

template <class L>
Way by_lock() {
  const auto guarded = std::make_shared<Guarded<L>>();
  return {[guarded](auto& fill) { guarded->write(fill); },
          [guarded](Elements out) {
            const std::scoped_lock guard(*guarded->lock);
            if constexpr (requires { guarded->lock->mark_consistent(); })
              if (guarded->lock->owner_died()) guarded->lock->mark_consistent();
            guarded->copy_to(out);
          }};
}

std::string text(const Counts& counts) {
  return std::to_string(counts.reads) +
         (counts.torn == 0 ? "" : ", " + std::to_string(counts.torn) + " torn");
}

}  // namespace

int main(int argc, char** argv) {
  const bool quick = argc == 2 && std::string(argv[1]) == "--quick";
  if (argc > 1 && !quick) {
    std::fprintf(stderr, "usage: writer_stopped [--quick]; found %s\n", argv[1]);
    return 2;
  }
  const int milliseconds = quick ? 20 : 300;

  namespace locks = lagoon::locks;
  const NamedWay ways[] = {{"Array, seqlocked", array_of_lagoon},
                           {"plain seqlock", by_seqlock},
                           {"lagoon's Lock", by_lock<locks::RobustLock>},
                           {"pthread robust mutex", by_lock<locks::PthreadRobustMutex>},
                           {"pthread mutex", by_lock<locks::PthreadMutex>}};

  std::printf("Reads of 8 KiB in %d ms, by a writer that is\n\n", milliseconds);
  std::printf("%-22s %12s %12s  %s\n", "", "at rest", "stopped", "killed, in the midst of a write");
  for (const NamedWay& way : ways) {
    std::printf("%-22s", way.name);
    for (const Fate fate : {Fate::at_rest, Fate::stopped, Fate::killed}) {
      std::printf(fate == Fate::killed ? "  %s" : " %12s",
                  text(median(way, fate, milliseconds)).c_str());
      std::fflush(stdout);
    }
    std::puts("");
  }
  return 0;
}
