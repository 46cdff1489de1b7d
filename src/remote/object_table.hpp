#pragma once
/// What clients refer to: each object by an identifier that is never used again, and which process
/// refers to it how often.

#include <lagoon/place.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "served.hpp"

namespace lagoon::remote {

class ObjectTable {
 public:
  ObjectTable();

  /// f(process), when that one is to be forgotten at its end.
  void when_first_seen(std::function<void(int process)> f) { first_seen_ = std::move(f); }

  /// One that this process refers to, once. (Process 0 is nobody who is known.)
  std::string add(std::shared_ptr<Served> served, int process);
  /// The one that stands for what this Object refers to, made if there is none; to be kept until
  /// `let_go`.
  std::string add_kept(const Object& shared);
  /// Null if there is none.
  [[nodiscard]] std::shared_ptr<Served> find(std::string_view id) const;

  /// One more, one less. False if there is none.
  bool refer(std::string_view id, int process);
  bool unrefer(std::string_view id, int process);
  /// Until it is let go, so often. False if there is none.
  bool keep(std::string_view id);
  void let_go(std::string_view id);
  /// All that this process referred to.
  void forget(int process);
  void clear();

  [[nodiscard]] std::size_t size() const;
  /// A line for each, with its references and its repr.
  [[nodiscard]] std::string text() const;

 private:
  struct Entry {
    std::shared_ptr<Served> served;
    std::map<int, std::uint64_t> references;  // by process
    std::uint64_t kept = 0;
    std::optional<lagoon::detail::ObjectReference> reference;
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const noexcept {
      return std::hash<std::string_view>()(id);
    }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  using Key = std::pair<std::uint64_t, std::uint64_t>;

  Entries::iterator insert(std::shared_ptr<Served> served);
  /// Takes it out, if nobody refers to it: to be destroyed without the mutex.
  std::shared_ptr<Served> drop_if_free(Entries::iterator at);

  mutable std::mutex mutex_;
  std::function<void(int)> first_seen_;
  std::string prefix_;
  std::uint64_t next_ = 1;
  Entries entries_;
  std::map<Key, std::string> by_reference_;
  std::map<int, std::uint64_t> seen_;  // references of each process
};

}  // namespace lagoon::remote
