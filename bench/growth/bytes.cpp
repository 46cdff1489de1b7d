/// Values and messages of 8 bytes to 1 MiB, one process.

#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "questions.hpp"
#include "queues.hpp"
#include "stores.hpp"

namespace growth {
namespace {

constexpr std::size_t keys_there = 64;
constexpr std::size_t messages_there = 4;

/// As many bytes in as many places, copied and nothing else: what the machine can do.
class Memcpy {
 public:
  explicit Memcpy(std::size_t bytes) : values_(keys_there, std::string(bytes, 'x')) {}
  bool get(std::uint64_t i, std::string& to) {
    std::memcpy(to.data(), values_[i].data(), to.size());
    return true;
  }
  void set(std::uint64_t i, const std::string& from) {
    std::memcpy(values_[i].data(), from.data(), from.size());
  }

 private:
  std::vector<std::string> values_;
};

/// `name_of(i)` is how the store calls its i-th value.
template <class Store, class NameOf>
void add_dict(std::vector<Way>& ways, Question& question, Store& store, Whose whose,
              const char* name, std::size_t bytes, NameOf name_of) {
  ways.push_back({question.panel("Dict: get"), whose, name, [&store, bytes, name_of](double s) {
                    Random random = another();
                    std::string value(bytes, '\0');
                    return time_of(s, [&] {
                      if (!store.get(name_of(random.below(keys_there)), value)) std::abort();
                      benchmark::DoNotOptimize(value.data());
                      benchmark::ClobberMemory();
                    });
                  }});
  ways.push_back({question.panel("Dict: set"), whose, name, [&store, bytes, name_of](double s) {
                    Random random = another();
                    std::string value(bytes, 'y');
                    return time_of(s, [&] {
                      ++value.front();
                      store.set(name_of(random.below(keys_there)), value);
                      benchmark::ClobberMemory();
                    });
                  }});
}

template <class Queue>
void add_queue(std::vector<Way>& ways, Question& question, Queue& queue, Whose whose,
               const char* name, std::size_t bytes) {
  ways.push_back(
      {question.panel("Queue: put and get"), whose, name, [&queue, bytes](double seconds) {
         std::string message(bytes, 'x');
         return time_of(seconds, [&] {
           queue.put(message);
           queue.get(message);
           benchmark::DoNotOptimize(message.data());
         });
       }});
}

/// What a message through any memory costs at least: a copy in, and one out.
class TwoCopies {
 public:
  explicit TwoCopies(std::size_t bytes) : between_(bytes, 'x') {}
  void put(const std::string& m) { std::memcpy(between_.data(), m.data(), m.size()); }
  void get(std::string& m) {
    benchmark::ClobberMemory();
    std::memcpy(m.data(), between_.data(), m.size());
  }

 private:
  std::string between_;
};

void measure(Run& run, Question& question, int size) {
  const auto bytes = static_cast<std::size_t>(size);
  Stores<std::string> dicts(keys_there, std::string(bytes, 'x'), bytes);
  Memcpy copied(bytes);
  LagoonQueue queue(messages_there, bytes);
  InterprocessQueue message_queue(messages_there, bytes);
  Pipe pipe(messages_there, bytes);
  TwoCopies two_copies(bytes);

  std::vector<Way> ways;
  dicts.each([&](auto& dict, Whose whose, const char* name) {
    add_dict(ways, question, dict, whose, name, bytes, key_of);
  });
  add_dict(ways, question, copied, Whose::bare, "bare memcpy", bytes,
           [](std::uint64_t i) { return i; });
  add_queue(ways, question, queue, Whose::lagoon, "lagoon", bytes);
  add_queue(ways, question, message_queue, Whose::interprocess, "Boost.Interprocess", bytes);
  if (pipe.capacity() >= bytes) add_queue(ways, question, pipe, Whose::pipe, "pipe", bytes);
  add_queue(ways, question, two_copies, Whose::bare, "bare memcpy, twice", bytes);
  run.measure(size, run.effort().seconds, ways);
}

constexpr int ways_at_a_size = 14;

}  // namespace

Question bytes(const Effort& effort) {
  Question question{
      "bytes", "With larger values: time of one operation", "bytes", Question::Sizes::bytes, {}};
  const int largest = effort.quick ? 32 << 10 : 1 << 20;
  for (int size = 8; size < largest; size *= 8) question.sizes.push_back(size);
  question.sizes.push_back(largest);
  return question;
}

void add_bytes(Run& run, Question& question) {
  const double each = run.effort().seconds * 1.2 * ways_at_a_size * run.effort().repetitions;
  for (const int size : question.sizes)
    run.add("values of " + question.text_of(size), each,
            [&run, &question, size] { measure(run, question, size); });
}

}  // namespace growth
