#include "python_error.hpp"

#include <lagoon/error.hpp>
#include <lagoon/remote/proxy.hpp>

#include <array>
#include <exception>
#include <new>

#include "pickle.hpp"

namespace lagoon::remote {

namespace {

Object exception_of(std::string_view module, std::string_view name, Object arguments) {
  return reduced(global(module, name), std::move(arguments));
}

Object of_builtins(std::string_view name, std::string_view text) {
  return exception_of("builtins", name, Object::tuple(text));
}

/// Those that texts of this library's errors begin with.
constexpr std::array<std::string_view, 12> known{
    "KeyError",       "IndexError",   "ValueError",     "TypeError",
    "AttributeError", "RuntimeError", "RecursionError", "OverflowError",
    "StopIteration",  "MemoryError",  "TimeoutError",   "AssertionError"};

/// Without what this library says beside Python's own words.
std::string_view as_python_says(std::string_view text) {
  for (const std::string_view more : {": there are ", ": there is ", ": it is "})
    if (const auto at = text.rfind(more); at != std::string_view::npos) return text.substr(0, at);
  return text;
}

Object of_text(std::string_view otherwise, std::string_view text, WhoseWords words) {
  const auto colon = text.find(": ");
  if (colon == std::string_view::npos) return of_builtins(otherwise, text);
  for (const std::string_view name : known) {
    if (text.substr(0, colon) != name) continue;
    std::string_view says = text.substr(colon + 2);
    if (words == WhoseWords::lagoon) says = as_python_says(says);
    // Of a KeyError Python shows the repr.
    if (name == "KeyError" && says.size() > 1 && says.front() == '\'' && says.back() == '\'')
      says = says.substr(1, says.size() - 2);
    return of_builtins(name, says);
  }
  return of_builtins(otherwise, text);
}

}  // namespace

PythonError::PythonError(std::string_view module, std::string_view name, Object arguments)
    : std::runtime_error(std::string(name)),
      exception_(exception_of(module, name, std::move(arguments))) {}

PythonError::PythonError(Object exception)
    : std::runtime_error(text_of_exception(exception)), exception_(std::move(exception)) {}

void raise(std::string_view name, const std::string& text) {
  throw PythonError("builtins", name, Object::tuple(text));
}
void raise_type_error(const std::string& text) { raise("TypeError", text); }
void raise_key_error(const Object& key) {
  throw PythonError("builtins", "KeyError", Object::tuple(key));
}

Object current_exception(WhoseWords words) {
  try {
    throw;
  } catch (const PythonError& e) {
    return e.exception();
  } catch (const Empty&) {
    return exception_of("_queue", "Empty", Object::tuple());
  } catch (const Full&) {
    return exception_of("queue", "Full", Object::tuple());
  } catch (const BrokenBarrier&) {
    return exception_of("threading", "BrokenBarrierError", Object::tuple());
  } catch (const TypeMismatch& e) {
    return of_text("TypeError", e.what(), words);
  } catch (const OutOfRange& e) {
    return of_text("IndexError", e.what(), words);
  } catch (const InvalidArgument& e) {
    return of_text("ValueError", e.what(), words);
  } catch (const TimeoutError& e) {
    return of_text("TimeoutError", e.what(), words);
  } catch (const std::bad_alloc& e) {
    return of_text("MemoryError", e.what(), words);
  } catch (const std::out_of_range& e) {
    return of_text("IndexError", e.what(), words);
  } catch (const std::invalid_argument& e) {
    return of_text("ValueError", e.what(), words);
  } catch (const std::exception& e) {
    return of_text("RuntimeError", e.what(), words);
  } catch (...) {
    return of_builtins("RuntimeError", "what was thrown is no std::exception");
  }
}

void throw_as_own(const Object& exception) {
  if (exception.kind() != Object::Kind::opaque || exception.elements().size() < 2)
    throw RemoteError("what a server raised is no exception: " + exception.repr());
  const std::string_view kind = exception.opaque_kind();
  const std::string text = text_of_exception(exception);
  if (kind == "_queue.Empty" || kind == "queue.Empty") throw Empty(text);
  if (kind == "queue.Full") throw Full(text);
  if (kind == "threading.BrokenBarrierError") throw BrokenBarrier(text);
  if (kind == "builtins.KeyError" || kind == "builtins.IndexError" ||
      kind == "builtins.OverflowError")
    throw OutOfRange(text);
  if (kind == "builtins.TypeError" || kind == "builtins.AttributeError") throw TypeMismatch(text);
  if (kind == "builtins.ValueError") throw InvalidArgument(text);
  if (kind == "builtins.RuntimeError" || kind == "builtins.AssertionError" ||
      kind == "builtins.RecursionError")
    throw UsageError(text);
  if (kind == "builtins.TimeoutError") throw TimeoutError(text);
  if (kind == "builtins.MemoryError") throw OutOfMemory(text);
  throw RemoteError(text);
}

std::string text_of_exception(const Object& exception) {
  const std::string_view kind = exception.opaque_kind();
  std::string text(kind.starts_with("builtins.") ? kind.substr(9) : kind);
  const auto arguments = exception.elements()[1].elements();
  if (arguments.empty()) return text;
  if (arguments.size() > 1) return text + ": " + exception.elements()[1].repr();
  return text + ": " + (text == "KeyError" ? arguments[0].repr() : arguments[0].str());
}

}  // namespace lagoon::remote
