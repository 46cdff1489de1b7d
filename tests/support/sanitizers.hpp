#pragma once
/// Which sanitizer the tests are built with.

namespace lagoon::test {

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool with_asan = true;
#elif defined(__has_feature)
inline constexpr bool with_asan = __has_feature(address_sanitizer);
#else
inline constexpr bool with_asan = false;
#endif

#if defined(__SANITIZE_THREAD__)
inline constexpr bool with_tsan = true;
#elif defined(__has_feature)
inline constexpr bool with_tsan = __has_feature(thread_sanitizer);
#else
inline constexpr bool with_tsan = false;
#endif

}  // namespace lagoon::test
