#pragma once
/// What is done with dicts, lists and queues that processes share, over and over.
///
/// To add one: a class as those of bench/dict_peers.hpp, list_peers.hpp or queue_peers.hpp, and a
/// line with its name in container_strategies.cpp.

#include <array>
#include <cstring>
#include <span>
#include <string>

#include "dict_peers.hpp"
#include "list_peers.hpp"
#include "queue_peers.hpp"
#include "random.hpp"
#include "strategy.hpp"

namespace contention {

namespace detail {

using Key = std::int64_t;
using peers::in_child;

constexpr Key nth_key(std::uint64_t i) { return peers::nth_key<Key>(i); }

/// What a dict holds: 64 bytes as they are, of any other size as a text. All of it is the same x.
struct Record {
  double values[8];
};
template <class V>
struct Content;
template <>
struct Content<Record> {
  static Record made(std::size_t, double x) {
    Record record;
    std::ranges::fill(record.values, x);
    return record;
  }
  static bool is_whole(const Record& record) { return all_equal(record.values); }
};
template <>
struct Content<std::string> {
  static std::string made(std::size_t doubles, double x) {
    return std::string(8 * doubles, static_cast<char>('a' + static_cast<int>(x)));
  }
  static bool is_whole(const std::string& text) {
    return !text.empty() && std::memcmp(text.data(), text.data() + 1, text.size() - 1) == 0;
  }
};

template <class Store, class V>
struct LookUp {
  Store& store;
  std::size_t keys;
  Random random;
  V found = {};
  bool was_there = true;
  void operate() { was_there = store.get(nth_key(random.below(keys)), found); }
  [[nodiscard]] bool intact() const { return was_there && Content<V>::is_whole(found); }
};

template <class Store, class V>
struct Replace {
  Store& store;
  std::size_t keys;
  Random random;
  std::array<V, 2> values;  // in turn
  std::size_t next = 0;
  void operate() { store.set(nth_key(random.below(keys)), values[next ^= 1]); }
  static constexpr bool intact() { return true; }
};

struct AddOneToEach {
  void operator()(Record& record) const {
    for (double& value : record.values) value += 1;
  }
  /// The same for Redis' server, which runs it.
  static constexpr const char* script =
      "local d = {struct.unpack('dddddddd', redis.call('GET', KEYS[1]))}\n"
      "for i = 1, 8 do d[i] = d[i] + 1 end\n"
      "redis.call('SET', KEYS[1], struct.pack('dddddddd', unpack(d, 1, 8)))";
};

template <class Store>
struct Change {
  Store& store;
  std::size_t keys;
  Random random;
  void operate() { store.update(nth_key(random.below(keys)), AddOneToEach{}); }
  static constexpr bool intact() { return true; }
};

inline Random random_of(const Seat& seat) {
  return Random(static_cast<std::uint64_t>(&seat - board().seats.data()) + 2);
}

template <template <class, class> class Dict, class V>
Outcome run_dict(const Plan& plan) {
  using Store = Dict<Key, V>;
  const auto& [operation, doubles, think_ns, writes_per_s, keys] = plan.workload;
  Store store(peers::Room{keys, 8 * doubles});
  peers::fill(store, keys, nth_key, Content<V>::made(doubles, 0), [] {
    if (interrupted()) throw std::runtime_error("interrupted");
  });
  const auto replace = [&](auto& mine, Seat& seat) {
    return Replace<std::remove_reference_t<decltype(mine)>, V>{
        mine, keys, random_of(seat), {Content<V>::made(doubles, 1), Content<V>::made(doubles, 2)}};
  };
  clear_board();
  Crew crew;
  fork_children(crew, plan, [&](Seat& seat, auto&& operate) {
    auto&& mine = in_child(store);
    using Mine = std::remove_reference_t<decltype(mine)>;
    switch (plan.workload.operation) {
      case Operation::replace:
        return operate(replace(mine, seat));
      case Operation::change:
        if constexpr (std::same_as<V, Record>)
          return operate(Change<Mine>{mine, keys, random_of(seat)});
        break;
      default:
        return operate(LookUp<Mine, V>{mine, keys, random_of(seat)});
    }
  });
  if (plan.workload.has_writer())
    fork_writer(crew, plan, [&](Seat& seat, auto&& operate) {
      auto&& mine = in_child(store);
      operate(replace(mine, seat));
    });
  Outcome outcome = conduct(crew, plan);
  if constexpr (std::same_as<V, Record>) {
    if (operation != Operation::change) return outcome;
    double found = 0;
    Record record{};
    for (std::size_t i = 0; i < keys; ++i) {
      if (!store.get(nth_key(i), record) || !Content<V>::is_whole(record)) ++outcome.torn;
      found += record.values[0];
    }
    outcome.lost = shortfall(static_cast<double>(operations_so_far(plan.children)), found);
  }
  return outcome;
}

template <class List>
struct Index {
  List& list;
  std::size_t elements;
  Random random;
  double found = 0;
  void operate() { found = list.get(static_cast<peers::Place>(random.below(elements))); }
  [[nodiscard]] bool intact() const { return found == 0; }
};
template <class List>
struct IncrementElement {
  List& list;
  std::size_t elements;
  Random random;
  void operate() { list.add(static_cast<peers::Place>(random.below(elements))); }
  static constexpr bool intact() { return true; }
};
template <class List>
struct AppendAndPop {
  List& list;
  double popped = 1;
  void operate() {
    list.append(1);
    popped = list.pop();
  }
  /// There is always one at the end that somebody has appended.
  [[nodiscard]] bool intact() const { return popped == 1; }
};

template <class List>
Outcome run_list(const Plan& plan) {
  const std::size_t elements = plan.workload.keys;
  List list(static_cast<peers::Place>(elements));
  clear_board();
  Crew crew;
  fork_children(crew, plan, [&](Seat& seat, auto&& operate) {
    auto&& mine = in_child(list);
    switch (plan.workload.operation) {
      case Operation::index:
        return operate(Index<List>{mine, elements, random_of(seat)});
      case Operation::increment:
        return operate(IncrementElement<List>{mine, elements, random_of(seat)});
      default:
        return operate(AppendAndPop<List>{mine});
    }
  });
  Outcome outcome = conduct(crew, plan);
  if (plan.workload.operation == Operation::increment) {
    double found = 0;
    for (std::size_t i = 0; i < elements; ++i) found += list.get(static_cast<peers::Place>(i));
    outcome.lost = shortfall(static_cast<double>(operations_so_far(plan.children)), found);
  }
  return outcome;
}

using Message = peers::Message<64>;
inline Message message_of(std::uint64_t x) {
  Message message;
  std::ranges::fill(message.words, x);
  return message;
}
inline bool is_whole(const Message& message) {
  return std::ranges::all_of(message.words,
                             [&](std::uint64_t word) { return word == message.words[0]; });
}

template <class Queue>
struct Put {
  Queue& queue;
  std::uint64_t next = 0;
  void operate() { queue.put(message_of(++next)); }
  static constexpr bool intact() { return true; }
};
/// Until it gets zeros.
template <class Queue>
struct Get {
  Queue& queue;
  Message message = message_of(1);
  void operate() { message = queue.get(); }
  [[nodiscard]] bool intact() const { return is_whole(message); }
  [[nodiscard]] bool is_over() const { return message.words[0] == 0; }
};
template <class Queue>
struct PutAndGet {
  Queue& queue;
  Message message = message_of(1);
  void operate() {
    queue.put(message);
    message = queue.get();
  }
  [[nodiscard]] bool intact() const { return is_whole(message); }
};

/// Half of them get, the others put; one alone does both. When it is over who puts puts an end for
/// each of those who get.
template <class Queue>
Outcome run_queue(const Plan& plan) {
  Queue queue;
  clear_board();
  Crew crew;
  const int getters = (plan.children + 1) / 2, putters = plan.children / 2;
  fork_children(crew, plan, [&](Seat& seat, auto&& operate) {
    auto&& mine = in_child(queue);
    if (putters == 0) return operate(PutAndGet<Queue>{mine});
    if (number_of(seat) < getters) return operate(Get<Queue>{mine});
    operate(Put<Queue>{mine});
    for (int ends = number_of(seat) == getters ? 1 + getters - putters : 1; ends > 0; --ends)
      mine.put(message_of(0));
  });
  Outcome outcome = conduct(crew, plan);
  if (putters == 0) return outcome;
  double put = getters, got = 0;  // the ends are got too
  for (int i = 0; i < plan.children; ++i) {
    const auto done =
        static_cast<double>(board().seats[static_cast<std::size_t>(i)].operations.load());
    (i < getters ? got : put) += done;
  }
  outcome.lost = shortfall(put, got);
  return outcome;
}

}  // namespace detail

/// For each cell a new one is made and filled.
inline constexpr Overhead to_fill_a_dict{0.01, 0.0006, 2e-6};

template <template <class, class> class Dict>
void add_dict_of_records(std::string name, Family family, Strategies& to,
                         Overhead overhead = to_fill_a_dict) {
  const auto takes = [](const Place& place) {
    return place.workload.is_of_a_dict() && 8 * place.workload.doubles == sizeof(detail::Record);
  };
  to.push_back(
      {std::move(name), family, takes, detail::run_dict<Dict, detail::Record>, {}, overhead});
}

template <template <class, class> class Dict>
void add_dict(std::string name, Family family, Strategies& to, Overhead overhead = to_fill_a_dict) {
  add_dict_of_records<Dict>(name, family, to, overhead);
  const auto takes_texts = [](const Place& place) {
    return place.workload.is_of_a_dict() && 8 * place.workload.doubles != sizeof(detail::Record) &&
           place.workload.operation != Operation::change;
  };
  to.push_back(
      {std::move(name), family, takes_texts, detail::run_dict<Dict, std::string>, {}, overhead});
}

template <class List>
void add_list(std::string name, Family family, Strategies& to, Overhead overhead = {}) {
  const auto takes = [](const Place& place) { return place.workload.is_of_a_list(); };
  to.push_back({std::move(name), family, takes, detail::run_list<List>, {}, overhead});
}

template <class Queue>
void add_queue(std::string name, Family family, Strategies& to, int most_children = max_children,
               Overhead overhead = {}) {
  const auto takes = [=](const Place& place) {
    return place.workload.operation == Operation::pass && place.children <= most_children;
  };
  to.push_back({std::move(name), family, takes, detail::run_queue<Queue>, {}, overhead});
}

}  // namespace contention
