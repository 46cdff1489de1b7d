/// 1 to 64 processes at once.

#include <cstdlib>
#include <string>
#include <unordered_map>
#include <vector>

#include "contest.hpp"
#include "questions.hpp"
#include "queues.hpp"
#include "stores.hpp"

namespace growth {
namespace {

constexpr std::size_t keys_there = 1000;
constexpr std::size_t message_bytes = 64;
constexpr std::size_t messages_there = 1024;

Way way(Question& question, const char* title, Whose whose, const char* name, int processes,
        std::function<void(Turns&)> body) {
  Panel& panel = question.panel(title);
  panel.has_shares = true;
  return {panel, whose, name, [=](double seconds) { return contest(processes, seconds, body); }};
}

constexpr const char* get_title = "Dict: get, of 1000 keys";
constexpr const char* update_title = "Dict: update_value of one key, += 1";
constexpr const char* queue_title = "Queue: put and get of 64 bytes";

template <class Store>
void add_dict(std::vector<Way>& ways, Question& question, Store& store, Whose whose,
              const char* name, int processes) {
  ways.push_back(way(question, get_title, whose, name, processes, [&store](Turns& turns) {
    using peers::in_child;
    auto&& mine = in_child(store);
    Random random(static_cast<std::uint64_t>(turns.number()) + 1);
    std::uint64_t value = 0;
    turns.take([&] {
      if (!mine.get(key_of(random.below(keys_there)), value)) std::abort();
      benchmark::DoNotOptimize(value);
    });
  }));
  ways.push_back(way(question, update_title, whose, name, processes, [&store](Turns& turns) {
    using peers::in_child;
    auto&& mine = in_child(store);
    turns.take([&] { mine.update(key_of(0), [](std::uint64_t& value) { ++value; }); });
  }));
}

/// What the machine can do: each process reads a map of its own, all add to one word.
void add_bare(std::vector<Way>& ways, Question& question, int processes) {
  ways.push_back(
      way(question, get_title, Whose::bare, "bare std::unordered_map", processes, [](Turns& turns) {
        std::unordered_map<Key, std::uint64_t> map;
        for (std::uint64_t i = 0; i < keys_there; ++i) map[key_of(i)] = i;
        Random random(static_cast<std::uint64_t>(turns.number()) + 1);
        turns.take([&] { benchmark::DoNotOptimize(map.find(key_of(random.below(keys_there)))); });
      }));
  const auto word = std::make_shared<Mapped<boost::ipc_atomic<std::uint64_t>>>();
  ways.push_back(way(question, update_title, Whose::bare, "bare fetch_add", processes,
                     [word](Turns& turns) { turns.take([&] { (*word)->fetch_add(1); }); }));
}

template <class Queue>
void add_queue(std::vector<Way>& ways, Question& question, Queue& queue, Whose whose,
               const char* name, int processes) {
  ways.push_back(way(question, queue_title, whose, name, processes, [&queue](Turns& turns) {
    std::string message(message_bytes, 'x');
    turns.take([&] {
      queue.put(message);
      queue.get(message);
    });
  }));
}

void measure(Run& run, Question& question, int processes, double seconds) {
  Stores<std::uint64_t> dicts(keys_there, 0, sizeof(std::uint64_t));
  LagoonQueue queue(messages_there, message_bytes);
  InterprocessQueue message_queue(messages_there, message_bytes);
  Pipe pipe(messages_there, message_bytes * messages_there);

  std::vector<Way> ways;
  dicts.each([&](auto& dict, Whose whose, const char* name) {
    add_dict(ways, question, dict, whose, name, processes);
  });
  add_bare(ways, question, processes);
  add_queue(ways, question, queue, Whose::lagoon, "lagoon", processes);
  add_queue(ways, question, message_queue, Whose::interprocess, "Boost.Interprocess", processes);
  add_queue(ways, question, pipe, Whose::pipe, "pipe", processes);
  run.measure(processes, seconds, ways);
}

constexpr int ways_at_a_size = 13;
constexpr double as_long = 2;  // as the samples of one process: the scheduler's turns are long

}  // namespace

Question processes(const Effort& effort) {
  Question question{
      "processes",
      "With more processes at once: time from one operation to the next, of all together",
      "processes",
      Question::Sizes::number,
      {}};
  const int most = effort.quick ? 8 : most_processes;
  for (int size = 1; size <= most; size *= 2) question.sizes.push_back(size);
  return question;
}

void add_processes(Run& run, Question& question) {
  const double seconds = run.effort().seconds * as_long;
  for (const int size : question.sizes)
    run.add(std::to_string(size) + (size == 1 ? " process" : " processes"),
            seconds_of_contest(size, seconds) * ways_at_a_size * run.effort().repetitions,
            [&run, &question, size, seconds] { measure(run, question, size, seconds); });
}

}  // namespace growth
