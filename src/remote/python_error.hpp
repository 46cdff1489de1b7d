#pragma once
/// Python's exceptions, by name and arguments.

#include <lagoon/object.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace lagoon::remote {

/// What a Python program is to get as its own exception.
class PythonError : public std::runtime_error {
 public:
  /// ("builtins", "KeyError", Object::tuple(key))
  PythonError(std::string_view module, std::string_view name, Object arguments);
  /// Of `current_exception`.
  explicit PythonError(Object exception);
  [[nodiscard]] const Object& exception() const noexcept { return exception_; }

 private:
  Object exception_;  // as it goes into a pickle
};

[[noreturn]] void raise(std::string_view name, const std::string& text);  // of builtins
[[noreturn]] void raise_type_error(const std::string& text);
[[noreturn]] void raise_key_error(const Object& key);

/// The exception that is being handled, as Python's nearest with the same text: one of this library
/// by the name that its text begins with, or else by its type; of this library's own, without what
/// it says beside Python's words.
enum class WhoseWords : bool { lagoon, application };
[[nodiscard]] Object current_exception(WhoseWords words = WhoseWords::lagoon);
/// f(), code of the application's, which may throw anything: a PythonError in its own words.
template <class F>
auto in_its_words(F&& f) {
  try {
    return f();
  } catch (...) {
    throw PythonError(current_exception(WhoseWords::application));
  }
}
/// Throws what a Python program has raised, as this library's own that says so, or RemoteError.
[[noreturn]] void throw_as_own(const Object& exception);
/// "KeyError: 'x'", for who gets text only.
[[nodiscard]] std::string text_of_exception(const Object& exception);

}  // namespace lagoon::remote
