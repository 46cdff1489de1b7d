#pragma once
/// `std::chrono::duration` and its clocks, for the functions that take a timeout. <chrono> itself
/// also brings the text of dates, since C++20, and with it streams: a fifth of what it takes to
/// compile <lagoon/value.hpp>. libstdc++ has the one without the other in <mutex>, whose own
/// functions take timeouts.

#include <cstddef>  // says which standard library this is

#ifdef __GLIBCXX__
#include <mutex>
#else
#include <chrono>
#endif
