/// 10 to 10 million elements of 8 bytes, one process.

#include <cstdlib>
#include <fstream>
#include <unordered_map>
#include <vector>

#include "list_peers.hpp"
#include "questions.hpp"
#include "stores.hpp"

namespace growth {
namespace {

/// Memory of this process alone, without a lock: what the machine can do.
class BareMap {
 public:
  bool get(Key key, std::uint64_t& value) const {
    const auto found = map_.find(key);
    if (found == map_.end()) return false;
    value = found->second;
    return true;
  }
  void set(Key key, std::uint64_t value) { map_[key] = value; }

 private:
  std::unordered_map<Key, std::uint64_t> map_;
};

class BareVector {
 public:
  explicit BareVector(peers::Place count) : vector_(static_cast<std::size_t>(count)) {}
  [[nodiscard]] std::uint64_t get(peers::Place i) const {
    return vector_[static_cast<std::size_t>(i)];
  }
  void set(peers::Place i, std::uint64_t x) { vector_[static_cast<std::size_t>(i)] = x; }

 private:
  std::vector<std::uint64_t> vector_;
};

template <class Store>
void add_dict(std::vector<Way>& ways, Question& question, Store& store, Whose whose,
              const char* name, std::uint64_t keys) {
  ways.push_back({question.panel("Dict: get"), whose, name, [&store, keys](double seconds) {
                    Random random = another();
                    std::uint64_t value = 0;
                    return time_of(seconds, [&] {
                      if (!store.get(key_of(random.below(keys)), value)) std::abort();
                      benchmark::DoNotOptimize(value);
                    });
                  }});
  ways.push_back({question.panel("Dict: set"), whose, name, [&store, keys](double seconds) {
                    Random random = another();
                    std::uint64_t value = 0;
                    return time_of(seconds,
                                   [&] { store.set(key_of(random.below(keys)), ++value); });
                  }});
}

template <class List>
void add_list(std::vector<Way>& ways, Question& question, List& list, Whose whose, const char* name,
              std::uint64_t count) {
  ways.push_back({question.panel("List: l[i]"), whose, name, [&list, count](double seconds) {
                    Random random = another();
                    std::uint64_t sum = 0;
                    const Sample sample = time_of(seconds, [&] {
                      sum += list.get(static_cast<peers::Place>(random.below(count)));
                    });
                    benchmark::DoNotOptimize(sum);
                    return sample;
                  }});
  ways.push_back({question.panel("List: l[i] = x"), whose, name, [&list, count](double seconds) {
                    Random random = another();
                    std::uint64_t value = 0;
                    return time_of(seconds, [&] {
                      list.set(static_cast<peers::Place>(random.below(count)), ++value);
                    });
                  }});
}

void measure(Run& run, Question& question, int size) {
  const auto keys = static_cast<std::size_t>(size);
  Stores<std::uint64_t> dicts(keys, 0, sizeof(std::uint64_t));
  BareMap bare_map;
  fill(bare_map, keys, std::uint64_t{0});
  peers::LagoonList<std::uint64_t> list(size);
  peers::GuardedVector<std::uint64_t> guarded_vector(size);
  BareVector bare_vector(size);

  std::vector<Way> ways;
  dicts.each([&](auto& dict, Whose whose, const char* name) {
    add_dict(ways, question, dict, whose, name, keys);
  });
  add_dict(ways, question, bare_map, Whose::bare, "bare std::unordered_map", keys);
  add_list(ways, question, list, Whose::lagoon, "lagoon", keys);
  add_list(ways, question, guarded_vector, Whose::interprocess, "Boost.Interprocess vector", keys);
  add_list(ways, question, bare_vector, Whose::bare, "bare std::vector", keys);
  run.measure(size, run.effort().seconds, ways);
}

/// What the kernel believes that one can still have, in bytes.
double available_memory() {
  std::ifstream file("/proc/meminfo");
  for (std::string word; file >> word;) {
    double kilobytes = 0;
    if (word == "MemAvailable:" && file >> kilobytes) return 1024 * kilobytes;
  }
  return 0;
}

constexpr double bytes_of_a_key = 500;  // in all of these together
constexpr double seconds_to_fill_a_key = 6e-6;
constexpr int ways_at_a_size = 16;

}  // namespace

Question keys(const Effort& effort) {
  Question question{
      "keys", "With more elements: time of one operation", "elements", Question::Sizes::number, {}};
  for (int size = 10; size <= effort.most; size *= 10) question.sizes.push_back(size);
  return question;
}

void add_keys(Run& run, Question& question) {
  const double each = run.effort().seconds * 1.2 * ways_at_a_size * run.effort().repetitions;
  for (const int size : question.sizes)
    run.add(question.text_of(size) + " elements", each + size * seconds_to_fill_a_key,
            [&run, &question, size] {
              if (size * bytes_of_a_key < available_memory()) return measure(run, question, size);
              run.say("too little memory for " + question.text_of(size) + " elements: left out");
            });
}

}  // namespace growth
