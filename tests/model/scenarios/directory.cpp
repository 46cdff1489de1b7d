#include "helpers.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "directory.hpp"

/// What lies in objects is not looked at here: directory_check.cpp knows all kinds of them.
bool lagoon::detail::Directory::is_readable(const Block* /*block*/) const noexcept { return true; }

namespace lagoon::test::model {

namespace {

using detail::Block;
using detail::Directory;
using detail::Header;

struct Nowhere final : Directory::Ground {
  [[nodiscard]] std::string describe() const override { return "the model's memory"; }
  void commit(std::size_t, std::size_t) override {}
  [[nodiscard]] std::size_t page() const noexcept override { return 4096; }
  [[nodiscard]] bool is_reachable(const Block*) override { return false; }
  void sweep_stored() override {}
};

/// A name in the bucket of another: the n-th.
std::string name_beside(std::string_view other, unsigned n) {
  const auto bucket = [](std::string_view name) {
    return detail::hash(name) % Header::bucket_count;
  };
  for (unsigned i = 0;; ++i) {
    std::string name = "n" + std::to_string(i);
    if (name != other && bucket(name) == bucket(other) && n-- == 0) return name;
  }
}

/// A directory of which one bucket has `last`, and before that `first`.
struct Names {
  explicit Names(Trial& trial) : directory(std::make_shared<Directory>(*ground)) {
    const std::size_t bytes = sizeof(Header) + 16 * sizeof(Block);
    directory->set_base(trial.memory(bytes));
    directory->format(bytes, bytes, 1);
    sought = make(last);
    erased = make(first);
    make("behind it");
  }
  /// With the turn.
  Block* make(std::string_view name) const {
    Block* b = directory->allocate(64, name, directory->participants().self()).block;
    b->set(Block::live);
    directory->link(b, name);
    return b;
  }
  void erase(Block* b) const {
    directory->unlink(b);
    b->set(Block::erased);
    directory->set_free(b);
  }

  const std::string last = "last";
  const std::string first = name_beside(last, 0);
  std::shared_ptr<Nowhere> ground = std::make_shared<Nowhere>();
  std::shared_ptr<Directory> directory;
  Block* erased = nullptr;
  Block* sought = nullptr;
};

/// One looks for a name without the turn, while what is before it is erased and its memory becomes
/// something else: by the one who erased it, or by another.
Scenario directory_read_only(bool by_another) {
  return [=](Trial& trial) {
    const Names names(trial);
    const auto is_erased = truth<bool>();
    const auto reuse = [=] {
      const Directory::Turn turn(*names.directory);
      Block* b = names.make("another bucket's");
      expect(b == names.erased, "it is used again");
    };
    trial.thread([=] {
      {
        const Directory::Turn turn(*names.directory);
        names.erase(names.erased);
      }
      *is_erased = true;
      if (!by_another) reuse();
    });
    if (by_another)
      trial.thread([=] {
        wait_until([=] { return *is_erased; });
        reuse();
      });
    trial.thread([=] {
      expect(names.directory->lookup_read_only(names.last) == names.sought, "it is there");
    });
  };
}

}  // namespace

std::vector<Named> of_directories() {
  return {
      {"directory_read_only", directory_read_only(false), {3}},
      {"directory_read_only_beside_two", directory_read_only(true), {3}},
  };
}

}  // namespace lagoon::test::model
