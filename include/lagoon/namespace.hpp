#pragma once
/// `Namespace`: Python's, attributes by name, each an Object, in shared memory.
///
///   Namespace config{segment["config"]};
///   config["rate"] = 0.5;   config["rate"] += 1;   double rate = double(config["rate"]);
///
/// It is a dict of Objects under names, with the errors of attributes: one that is not there is
/// OutOfRange, "AttributeError". What a dict promises (dict.hpp) it does too.

#include <lagoon/dict.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lagoon {

class Namespace {
 public:
  /// What it is made of.
  using Attributes = Dict<std::string, Object>;
  using is_shared_container = void;

  /// In this process's heap, for its children.
  Namespace() : Namespace(Place{}) {}
  explicit Namespace(const Place& place) : attributes_(place, stamp()) {}

  /// For reading and writing: n["x"], n["x"] = 1, n["x"] += 1.
  [[nodiscard]] auto operator[](std::string_view name) {
    return detail::DictElement<Namespace, std::string, Object>(*this, name);
  }
  [[nodiscard]] Object operator[](std::string_view name) const { return at(name); }
  /// AttributeError if it is not there.
  [[nodiscard]] Object at(std::string_view name) const;
  [[nodiscard]] Object get(std::string_view name, Object otherwise = {}) const {
    return attributes_.get(name, std::move(otherwise));
  }
  template <OutOfObject T>
  [[nodiscard]] T get(std::string_view name) const {
    const Object found = at(name);
    return found.get<T>();
  }
  [[nodiscard]] bool contains(std::string_view name) const { return attributes_.contains(name); }
  void set(std::string_view name, const Object& x) { attributes_.set(name, x); }
  /// AttributeError if it is not there.
  void erase(std::string_view name);
  /// Whether it was there.
  bool discard(std::string_view name) { return attributes_.discard(name); }
  /// x = f(x), or f(x&), as one step; the new one. AttributeError if it is not there.
  template <class F>
  Object update_value(std::string_view name, F&& f) {
    return attributes_.update_or(name, f, [&] { throw_missing(name); });
  }
  /// f(x&) as one step: false from it changes nothing. Its answer. AttributeError if it is not
  /// there.
  template <class F>
  bool change_value(std::string_view name, F&& f) {
    typename Attributes::Edit edit(attributes_, name, true);
    if (!edit.found()) throw_missing(name);
    return edit.change_if(edit.value(), f);
  }
  /// Name and value of each, in the order in which they came, as of one time.
  [[nodiscard]] std::vector<Attributes::Item> items() const { return attributes_.items(); }
  [[nodiscard]] std::size_t size() const { return attributes_.size(); }
  /// Whether it was erased.
  [[nodiscard]] bool gone() const noexcept { return attributes_.gone(); }

  static constexpr bool is_read_only = false;
  static detail::Stamp stamp(std::uint64_t = 1) {
    detail::Stamp stamp = Attributes::stamp();
    stamp.kind = detail::Stamp::Kind::namespace_;
    return stamp;
  }

 private:
  friend struct detail::Attach;
  explicit Namespace(detail::Handle handle) noexcept : attributes_(std::move(handle)) {}
  [[noreturn]] static void throw_missing(std::string_view name);

  Attributes attributes_;
};

}  // namespace lagoon
