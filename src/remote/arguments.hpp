#pragma once
/// What a method was called with: taken in order, or by name.
///
///   Arguments a("get", args, kwds);
///   const bool block = a.take("block", true).get<bool>();
///   const Object timeout = a.take("timeout", nullptr);
///   a.end();

#include <lagoon/object.hpp>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lagoon::remote {

class Arguments {
 public:
  /// A tuple, and a dict.
  Arguments(std::string_view method, Object args, Object kwds);

  Arguments(const Arguments&) = delete;
  Arguments& operator=(const Arguments&) = delete;

  [[nodiscard]] std::string_view method() const noexcept { return method_; }
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

  std::string_view method_;
  Object args_, named_;
  std::span<const Object> rest_;  // of args_
  std::size_t given_;
  std::vector<std::string_view> names_taken_;
};

}  // namespace lagoon::remote
