#include "helpers.hpp"

#include <lagoon/core/copies.hpp>

#include <vector>

namespace lagoon::test::model {

namespace {

using core::Copies;
using core::Written;

/// A record whose words add up to its version: each write adds one to one of them.
class Record {
 public:
  Record(Trial& trial, std::size_t bytes, unsigned n) : bytes_(bytes), n_(n) {
    auto& table = trial.make<Participants>();
    memory_ = trial.memory(Copies::bytes_for(bytes, n));
    Copies::make(memory_, bytes, n, table, nullptr);
  }
  [[nodiscard]] Copies copies() const { return {memory_, bytes_, n_}; }

  /// Adds one to the word at `at`.
  void write(std::size_t at) const {
    const Written written = copies().write(at, at + 8, Copies::Replaces::some_bytes,
                                           [&](std::byte* target, const std::byte* published) {
                                             std::uint64_t word = 0;
                                             core::read_shared(&word, published + at, 8);
                                             ++word;
                                             core::write_shared(target + at, &word, 8);
                                           });
    expect(written == Written::yes, "it is written");
  }
  /// Adds one to the first word, and replaces all.
  Written write_all() const {
    return copies().write(0, bytes_, Copies::Replaces::every_byte_of_the_record,
                          [&](std::byte* target, const std::byte* published) {
                            std::vector<std::uint64_t> words(bytes_ / 8);
                            core::read_shared(words.data(), published, bytes_);
                            ++words.front();
                            core::write_shared(target, words.data(), bytes_);
                          });
  }
  core::Version read(std::size_t first, std::size_t last) const {
    std::vector<std::uint64_t> words((last - first) / 8);
    const core::Version v = copies().read(reinterpret_cast<std::byte*>(words.data()), first, last);
    std::uint64_t sum = 0;
    for (const auto w : words) sum += w;
    if (first == 0 && last == bytes_)
      expect(sum == (v & ~core::version_gone), "torn: not what was written together");
    return v & ~core::version_gone;
  }
  void read_all() const {
    const core::Version v = read(0, bytes_);
    expect(read(0, bytes_) >= v, "back in time");
  }
  [[nodiscard]] core::Version version() const { return copies().latch().version(); }
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_;
  unsigned n_;
  std::byte* memory_;
};

Scenario whole_record(unsigned n, unsigned writers, int writes, bool may_die) {
  return [=](Trial& trial) {
    const Record record(trial, 16, n);
    trial.thread([=] { record.read_all(); });
    for (unsigned w = 0; w < writers; ++w)
      trial.thread(
          [=] {
            for (int i = 0; i < writes; ++i)
              expect(record.write_all() == Written::yes, "it is written");
          },
          may_die && w == 0);
    trial.afterwards([=] {
      record.read_all();
      expect(was_disturbed() || record.version() == writers * static_cast<unsigned>(writes),
             "all have written");
    });
  };
}

/// Writes of one line each, which only the log brings together.
Scenario lines_of_a_record(unsigned n, std::size_t lines, unsigned writers, int writes,
                           bool may_die) {
  return [=](Trial& trial) {
    const Record record(trial, 64 * lines, n);
    trial.thread([=] { record.read(0, record.bytes()); });
    for (unsigned w = 0; w < writers; ++w)
      trial.thread(
          [=] {
            for (int i = 0; i < writes; ++i)
              record.write(64 * ((w + static_cast<unsigned>(i)) % lines));
          },
          may_die && w == 0);
    trial.afterwards([=] {
      const core::Version before = record.version();
      for (unsigned i = 0; i < 2 * n; ++i) {
        record.write(8);
        expect(record.read(0, record.bytes()) == before + i + 1, "the next versions follow");
      }
    });
  };
}

/// Erased while it is written: what readers find then is still whole.
Scenario record_ended(bool may_die) {
  return [=](Trial& trial) {
    const Record record(trial, 16, 2);
    trial.thread(
        [=] {
          for (int i = 0; i < 2; ++i)
            if (record.write_all() == Written::erased) return;
        },
        may_die);
    trial.thread([=] { record.copies().latch().end(Deadline::never()); });
    trial.thread([=] { record.read_all(); });
    trial.afterwards([=] {
      record.copies().latch().end(Deadline::now());
      expect((record.version() & core::version_gone) != 0, "readers are told");
      expect(record.write_all() == Written::erased, "and writers");
      record.read_all();
    });
  };
}

}  // namespace

std::vector<Named> of_copies() {
  return {
      {"whole_record_in_2_copies", whole_record(2, 1, 2, false), {3}},
      {"whole_record_in_4_copies", whole_record(4, 1, 5, false)},
      {"whole_record_of_two_writers", whole_record(2, 2, 1, false), {3}},
      {"whole_record_whose_writer_is_killed", whole_record(2, 2, 1, true), {3}},
      {"lines_in_2_copies", lines_of_a_record(2, 4, 1, 2, false)},
      {"lines_in_4_copies", lines_of_a_record(4, 4, 1, 5, false)},
      {"lines_of_two_writers", lines_of_a_record(2, 2, 2, 1, false)},
      {"lines_whose_writer_is_killed", lines_of_a_record(2, 2, 2, 2, true)},
      {"record_ended", record_ended(false), {3}},
      {"record_ended_and_killed", record_ended(true)},
  };
}

}  // namespace lagoon::test::model
