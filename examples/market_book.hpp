#pragma once
// What the programs of a market-data feed have in common: see market_feed.cpp.
#include <lagoon/segment.hpp>
#include <lagoon/value.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <string_view>

using Nanoseconds = std::int64_t;

/// CLOCK_MONOTONIC, which is the same for all processes.
inline Nanoseconds now() {
  return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Level {
  std::int32_t price;  // in ticks
  std::int32_t quantity;
};
/// What is shared is a plain struct, without pointers.
struct Book {
  std::uint64_t sequence;  // one more with each update
  std::uint64_t writer;    // the first, the second
  Nanoseconds written_at;
  std::array<Level, 10> bids, asks;  // the best first
  std::uint64_t checksum;            // of all that is above

  [[nodiscard]] std::uint64_t sum() const {
    std::uint64_t h = sequence + 31 * writer + static_cast<std::uint64_t>(written_at);
    for (const auto* side : {&bids, &asks})
      for (const auto& [price, quantity] : *side)
        h = (h + static_cast<std::uint64_t>(price)) * 31 + static_cast<std::uint64_t>(quantity);
    return h;
  }
};
template <>
inline constexpr std::string_view lagoon::type_name<Book> = "Book";

/// What is in the segment: each program finds it there, or makes it.
struct Feed {
  explicit Feed(const lagoon::Segment& segment) : book(segment["book"]), bell(segment["bell"]) {}
  lagoon::Value<Book> book;           // read and written whole
  lagoon::Value<std::uint64_t> bell;  // the last sequence; who has seen that one sleeps here
};
