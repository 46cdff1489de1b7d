#pragma once
/// What a method was called with: taken in order, or by name.
///
///   Arguments a("get", args, kwds);
///   const bool block = a.take("block", true).get<bool>();
///   const Object timeout = a.take("timeout", nullptr);
///   a.end();

#include <lagoon/object.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagoon::remote {

/// How many arguments a method takes, without self, and in whose words it refuses others: those of
/// Python's functions, or of one of the ways in which its C code looks at them.
struct Takes {
  enum class How : std::uint8_t { any, function, builtin, unpacked, slot, unpacked_slot, parsed };

  How how = How::any;
  std::string_view of = {};  // the class that it is called after
  std::uint8_t least = 0, most = 0;

  static constexpr Takes function(std::string_view of, std::uint8_t least, std::uint8_t most) {
    return {How::function, of, least, most};
  }
  static constexpr Takes builtin(std::string_view of, std::uint8_t exactly) {
    return {How::builtin, of, exactly, exactly};
  }
  static constexpr Takes unpacked(std::string_view of, std::uint8_t least, std::uint8_t most) {
    return {How::unpacked, of, least, most};
  }
  static constexpr Takes slot(std::uint8_t exactly) { return {How::slot, {}, exactly, exactly}; }
  static constexpr Takes unpacked_slot(std::uint8_t exactly) {
    return {How::unpacked_slot, {}, exactly, exactly};
  }
  static constexpr Takes parsed(std::uint8_t most) { return {How::parsed, {}, 0, most}; }
};

class Arguments {
 public:
  /// A tuple, and a dict.
  Arguments(std::string_view method, Object args, Object kwds);

  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  [[nodiscard]] std::string_view method() const noexcept { return method_; }
  /// TypeError if these are more than it takes, or fewer; before any is taken.
  void check(const Takes& takes);
  /// TypeError if it was not given.
  const Object& take(std::string_view name);
  Object take(std::string_view name, Object otherwise);
  std::optional<Object> take_if_given(std::string_view name);
  /// One of `take` as an int.
  long long take_integer(std::string_view name, std::optional<long long> otherwise = {});
  /// All that stand in order.
  std::span<const Object> take_rest();
  /// All that have names.
  Object take_named();
  /// TypeError if more was given.
  void end() const;

 private:
  const Object* find(std::string_view name);
  [[nodiscard]] std::string called() const;

  std::string_view method_;
  Takes takes_;
  Object args_, named_;
  std::span<const Object> rest_;  // of args_
  std::size_t given_;
  std::vector<std::string_view> names_taken_;
};

}  // namespace lagoon::remote
