// A market-data feed: one process writes an order book 100,000 times a second, ten read it. Readers
// take no lock: they never hold the writer up, and go on when it is killed in the midst of a write,
// and when another takes its place and goes on from the last whole book.
//
//   market_feed [SECONDS [READERS [UPDATES_PER_SECOND]]]      2 10 100000
//
// It prints what a snapshot takes, how old it is when it is seen, how long there was nothing new,
// the longest time while there was no writer, and that nobody saw a part of one book and a part of
// another. `lagoon top NAME`, with the name that it prints first, looks at the feed from outside.
#include <unistd.h>
#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <functional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "market_book.hpp"

using namespace std::chrono_literals;
void publish(const std::string& name, std::uint64_t writer, double rate) {
  Feed feed(lagoon::Segment::open(name));
  std::minstd_rand random(static_cast<unsigned>(writer));
  const auto some = [&](unsigned n) { return static_cast<std::int32_t>(random() % n); };
  // All that has changed comes from what is shared: so another can go on where this one ends.
  const auto change = [&](Book& book) {
    const int middle = book.sequence == 0 ? 10'000 : book.bids[0].price + some(3);
    for (int i = 0; i < 10; ++i) {
      book.bids[static_cast<std::size_t>(i)] = {middle - 1 - i, 1 + some(1000)};
      book.asks[static_cast<std::size_t>(i)] = {middle + 1 + i, 1 + some(1000)};
    }
    book.sequence += 1;
    book.writer = writer;
    book.written_at = now();
    book.checksum = book.sum();
  };
  const auto between = static_cast<Nanoseconds>(1e9 / rate);
  for (Nanoseconds due = now();;) {
    const Nanoseconds begin = now();  // nobody is woken each 10 µs: do all that is due by now
    for (due = std::max(due, begin - 10'000'000); due <= begin; due += between)
      feed.book.update(change);
    feed.bell = feed.book.get().sequence;
    feed.bell.notify_all();  // a system call only if somebody sleeps
    std::this_thread::sleep_for(std::chrono::nanoseconds(due - now()));
  }
}

/// What the readers say to whoever has started them: nameless, inherited by children.
struct Findings {
  lagoon::Value<bool> over{false};
  lagoon::Value<int> met{0};    // how often one of them saw a book of a writer new to it
  lagoon::Value<int> quiet{0};  // how many have nothing new at present
  lagoon::Value<int> torn{0};
  lagoon::Queue<std::vector<Nanoseconds>> reading, age, silence;  // of each, all that it measured
};

void add(lagoon::Value<int>& count, int n) {
  count += n;
  count.notify_all();
}

void follow(const std::string& name, Findings& found) {
  const Feed feed(lagoon::Segment::open(name));
  std::vector<Nanoseconds> reading, age, silence;
  Book last{};
  std::uint64_t heard = 0;
  bool is_quiet = false;
  for (Nanoseconds end = now(); !found.over;) {
    const bool is_new = feed.bell.wait_for(heard, 20ms);
    if (is_quiet == is_new) add(found.quiet, is_new ? -1 : 1);  // an operator would be told
    is_quiet = !is_new;
    if (is_quiet) continue;

    heard = feed.bell;
    const Nanoseconds begin = now();
    const Book book = feed.book;  // all of it, of one moment
    silence.push_back(begin - std::exchange(end, now()));
    reading.push_back(end - begin);
    age.push_back(end - book.written_at);
    if (book.checksum != book.sum() || book.sequence < last.sequence) found.torn += 1;
    if (book.writer != last.writer) add(found.met, 1);
    last = book;
    std::this_thread::sleep_for(1ms);  // of what comes meanwhile the newest will do
  }
  found.reading.put(reading);
  found.age.put(age);
  found.silence.put(silence);
}

/// Waits until it is n, but not for ever.
void await(const lagoon::Value<int>& value, int n) {
  for (int is = value; is != n; is = value)
    if (!value.wait_for(is, 60s)) throw lagoon::TimeoutError("the readers do not go on");
}

void print(const char* what, lagoon::Queue<std::vector<Nanoseconds>>& measured, int readers) {
  std::vector<Nanoseconds> all;
  for (int i = 0; i < readers; ++i)
    for (const Nanoseconds n : measured.get(60s)) all.push_back(n);
  std::ranges::sort(all);
  std::printf("%-26s", what);
  for (const double part : {0.5, 0.99, 0.999, 1.0}) {
    const double at = part * static_cast<double>(all.size() - 1);
    std::printf("%12.2f", static_cast<double>(all[static_cast<std::size_t>(at)]) / 1000);
  }
  std::printf("\n");
}

int main(int argc, char** argv) try {
  const double seconds = argc > 1 ? std::stod(argv[1]) : 2;
  const int readers = argc > 2 ? std::max(1, std::stoi(argv[2])) : 10;
  const double rate = argc > 3 ? std::stod(argv[3]) : 100'000;
  const struct Named {
    std::string name = "lagoon-market-" + std::to_string(getpid());
    ~Named() { lagoon::Segment::remove(name); }
  } market;
  const Feed feed(lagoon::Segment::create(market.name));
  if (!(seconds > 0) || readers < 1 || !(rate >= 1)) {
    std::fprintf(stderr, "usage: market_feed [SECONDS [READERS [RATE]]], each above 0\n");
    return 2;
  }
  std::printf("%s: %.0f updates a second, %d readers\n", market.name.c_str(), rate, readers);

  Findings found;
  std::vector<lagoon::Process> children;
  for (int i = 0; i < readers; ++i) {
    children.emplace_back(lagoon::Process::Options{.daemon = true}, follow, market.name,
                          std::ref(found));
    children.back().start();
  }
  for (const int writer : {1, 2}) {
    lagoon::Process process({.daemon = true}, publish, market.name, writer, rate);
    process.start();
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds / 2));
    await(found.met, writer * readers);
    process.kill();
    process.join();
    await(found.quiet, readers);  // they go on, and have noticed
    std::printf("writer %d was killed after update %.0f\n", writer,
                static_cast<double>(feed.book.get().sequence));
  }
  found.over = true;
  std::printf("%-27s%12s%12s%12s%12s\n", "µs", "median", "99 %", "99.9 %", "longest");
  print("to take a snapshot", found.reading, readers);
  print("from write to being seen", found.age, readers);
  print("nothing new", found.silence, readers);
  std::printf("torn: %d\n", found.torn.get());
  return found.torn == 0 ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "market_feed: %s\n", error.what());
  return 1;
}
