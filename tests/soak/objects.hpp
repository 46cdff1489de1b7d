#pragma once
/// What lies in the soak's segment.

#include <lagoon/lagoon.hpp>
#include <lagoon/locks/reader_writer.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace soak {

struct Quote {
  std::uint64_t version;
  std::array<std::uint64_t, 15> copies;
};

}  // namespace soak
template <>
inline constexpr std::string_view lagoon::type_name<soak::Quote> = "soak::Quote";
namespace soak {

namespace mode = lagoon::mode;

constexpr std::size_t length = 100;
constexpr long long permits = 3;
/// Objects that come and go: so many names, so many elements at most.
constexpr std::size_t churned = 8;
constexpr std::size_t churned_length = 20'000;

/// How far the segment may grow: whoever needs more gets OutOfMemory, and the soak fails. What
/// lives are 8 arrays of 160 KB at most; what is erased waits for those who were stopped, for 20 ms
/// at a time, and for handles that are held for some operations. What is made is some MB in that
/// time, and goes past this in seconds if nothing is ever used again.
constexpr std::size_t most_bytes = std::size_t{64} << 20;

struct Objects {
  explicit Objects(const lagoon::Segment& s)
      : scalar(s["scalar"], 0),
        quote(s["quote"], Quote{}),
        array(s["array"], length),
        elements(s["elements"], length),
        locked(s["locked"], length),
        guarded(s["guarded"], length),
        lock(s["lock"]),
        rlock(s["rlock"]),
        in_lock(s["in lock"], 2),
        semaphore(s["semaphore"], permits),
        bounded(s["bounded"], permits),
        event(s["event"]),
        condition(s["condition"]),
        items(s["items"], 3),
        barrier(s["barrier"], 2),
        dict(s["dict"]),
        objects(s["dict of objects"]),
        nested(s["dict of lists"]),
        queue(s["queue"], in_queue),
        tasks(s["tasks"], in_queue) {
    if (dict.empty()) begin();
  }

  lagoon::Value<std::uint64_t> scalar;
  lagoon::Value<Quote> quote;
  lagoon::Array<std::uint64_t> array;
  lagoon::Array<std::uint64_t, mode::atomic> elements;
  lagoon::Array<std::uint64_t, mode::locked> locked;
  lagoon::Array<std::uint64_t, mode::locked_by<lagoon::locks::ReaderWriterLock>> guarded;
  lagoon::Lock lock;
  lagoon::RLock rlock;
  lagoon::Array<std::uint64_t, mode::raw> in_lock;
  lagoon::Semaphore semaphore;
  lagoon::BoundedSemaphore bounded;
  lagoon::Event event;
  lagoon::Condition condition;
  lagoon::Array<std::uint64_t, mode::raw> items;  // under the condition: made, taken, all told
  lagoon::Barrier barrier;
  lagoon::Dict<std::uint64_t, std::uint64_t> dict;  // some stay; all of these are alike
  lagoon::Dict<> objects;                           // "count", and what comes and goes
  lagoon::Dict<> nested;                            // Lists of one number each, and of such Lists
  lagoon::Queue<Quote> queue;
  lagoon::JoinableQueue<std::string> tasks;

  static constexpr std::uint64_t staying = 8;
  static constexpr int in_queue = 64;

 private:
  void begin() {
    std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
    for (std::uint64_t key = 0; key < staying; ++key) all.emplace_back(key, 0);
    dict.update(all);
    objects["count"] = 0;
  }
};

std::uint64_t sum(const auto& of) {
  return std::accumulate(of.begin(), of.end(), std::uint64_t{0});
}
bool all_equal(const auto& of) {
  return std::ranges::all_of(of, [&](auto x) { return x == *std::begin(of); });
}

}  // namespace soak
