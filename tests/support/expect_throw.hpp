#pragma once
/// What a call throws, and what it says.
///
///     expect_throw<TypeMismatch>([&] { (void)segment.find<Lock>("x"); }, {"is Value<int32,
///     atomic>"});

#include <lagoon/error.hpp>

#include <gtest/gtest.h>

#include <exception>
#include <initializer_list>
#include <string>
#include <string_view>
#include <typeinfo>

namespace lagoon::test {

/// Runs f, which must throw an E that is a lagoon::Error too and whose message has all of `parts`.
/// Its message.
template <class E, class F>
std::string expect_throw(F&& f, std::initializer_list<std::string_view> parts = {}) {
  try {
    f();
  } catch (const E& e) {
    const std::string what = e.what();
    const auto* error = dynamic_cast<const Error*>(&e);
    EXPECT_NE(error, nullptr);
    if (error != nullptr) {
      EXPECT_EQ(error->message(), what);
    }
    for (const std::string_view part : parts)
      EXPECT_NE(what.find(part), std::string::npos) << "no '" << part << "' in: " << what;
    return what;
  } catch (const std::exception& e) {
    ADD_FAILURE() << "expected " << typeid(E).name() << ", got " << typeid(e).name() << ": "
                  << e.what();
    return e.what();
  }
  ADD_FAILURE() << "expected " << typeid(E).name() << ", nothing was thrown";
  return "";
}

}  // namespace lagoon::test
