#pragma once
/// What clients refer to, each object by an identifier, and which process refers to it how often.
///
/// An identifier is never used again for another object. That of one in shared memory says where it
/// lies, so as long as a container keeps that, it is good, whether a client refers to it or not.

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
  explicit ObjectTable(lagoon::detail::MappingRef memory);

  /// f(process), when that one is to be forgotten at its end.
  void when_first_seen(std::function<void(int process)> f) { first_seen_ = std::move(f); }

  /// One that this process refers to, once. (Process 0 is nobody who is known.)
  std::string add(std::shared_ptr<Served> served, int process);
  /// The one that stands for what this Object refers to, made if there is none; to be kept until
  /// `let_go`.
  std::string add_kept(const Object& shared);
  /// Null if there is none.
  [[nodiscard]] std::shared_ptr<Served> find(std::string_view id);
  /// Whether a client refers to it, or it is kept.
  [[nodiscard]] bool has(std::string_view id) const;

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
  };
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view id) const noexcept {
      return std::hash<std::string_view>()(id);
    }
  };
  using Entries = std::unordered_map<std::string, Entry, Hash, std::equal_to<>>;
  using Reference = lagoon::detail::ObjectReference;

  [[nodiscard]] std::string id_of(const Object& reference);
  [[nodiscard]] std::optional<Reference> reference_in(std::string_view id) const;
  /// What lies where an identifier says, and a name or a container keeps.
  [[nodiscard]] std::optional<Object> object_at(std::string_view id) const noexcept;
  /// The same, to be called; null if there is none.
  [[nodiscard]] std::shared_ptr<Served> at(std::string_view id) noexcept;
  /// With the mutex: what is to have this identifier gets the state of who had it before.
  void give_state(const std::string& id, Served& served);
  void forget_states();
  /// f(entry) of what has this identifier, put in if it lies in memory; false if there is none.
  template <class F>
  bool with_entry(std::string_view id, F&& f);
  /// Takes it out, if nobody refers to it: to be destroyed without the mutex.
  std::shared_ptr<Served> drop_if_free(Entries::iterator at);

  mutable std::mutex mutex_;
  std::function<void(int)> first_seen_;
  lagoon::detail::MappingRef memory_;
  std::string prefix_;
  std::uint64_t next_ = 1;
  Entries entries_;
  std::unordered_map<std::string, std::shared_ptr<Served::State>> states_;
  std::size_t forget_states_at_ = 64;
  std::map<int, std::uint64_t> seen_;  // references of each process
};

}  // namespace lagoon::remote
