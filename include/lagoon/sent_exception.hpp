#pragma once
/// Exceptions that go from one process to another, as those of a Pool's tasks do.
///
/// They come back as themselves, by type and text (what()): those of the standard library that are
/// made from a text, or from nothing; std::system_error, its errno or system code with it; lagoon's
/// own; and what the application has registered:
///
///   struct NoSuchTown : std::runtime_error { using runtime_error::runtime_error; };
///   lagoon::register_exception<NoSuchTown>();      before the Pool is made
///
/// What else is a std::exception comes as the nearest type that it derives from and that is known,
/// with a text that begins with the name of its own. What is none is UnknownException, whose text
/// has the name of the type and, of a string or an int, what it says. Nested exceptions
/// (std::throw_with_nested) come without what is nested in them.

#include <lagoon/codec.hpp>
#include <lagoon/error.hpp>

#include <concepts>
#include <exception>
#include <string>
#include <typeinfo>

namespace lagoon {

namespace detail {

/// How one type of exception goes and comes. What is asked of the exception that is being handled
/// is asked by catching it, never by dynamic_cast: where its class was compiled with -fno-rtti only
/// what was thrown has a type, not what is caught.
struct SentType {
  const std::type_info* type;
  /// Whether the exception is one or derives from it.
  bool (*is_one)();
  /// What is to be sent of one besides its text.
  void (*put)(Encoder& to);
  /// Throws one with this text. Whether it was of that very type: else it only derived from it.
  void (*raise)(Decoder& from, const std::string& text, bool is_itself);
};

void register_sent_type(const SentType& type);

template <class E>
bool is_a() {
  try {
    throw;
  } catch (const E&) {
    return true;
  } catch (...) {
    return false;
  }
}

/// The exception that is being handled.
void put_current_exception(Encoder& to);
/// Throws what was put.
[[noreturn]] void throw_sent_exception(Decoder& from);

}  // namespace detail

/// From now on an E that a task throws comes back as an E: by its Codec, if it has one, else made
/// from its what(). Of several that one derives from, the one registered last: bases first. To be
/// called before the Pool is made. Threads: any.
template <class E>
void register_exception() {
  static_assert(std::derived_from<E, std::exception>,
                "what is registered as an exception derives from std::exception");
  static_assert(Encodable<E> || std::constructible_from<E, const std::string&>,
                "an exception that is sent needs a constructor that takes its text, a "
                "std::string, or a lagoon::Codec");
  constexpr auto put = []([[maybe_unused]] Encoder& to) {
    if constexpr (Encodable<E>) {
      try {
        throw;
      } catch (const E& e) {
        to.put(e);
      }
    }
  };
  constexpr auto raise = []([[maybe_unused]] Decoder& from,
                            [[maybe_unused]] const std::string& text, bool) {
    if constexpr (Encodable<E>)
      throw from.take<E>();
    else
      throw E(text);
  };
#ifdef __cpp_rtti
  detail::register_sent_type({&typeid(E), detail::is_a<E>, put, raise});
#else
  static_assert(sizeof(E) == 0, "register_exception<E> asks for E's type_info: not with -fno-rtti");
#endif
}

}  // namespace lagoon
