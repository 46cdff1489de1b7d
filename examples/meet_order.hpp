#pragma once
// What meet_trader and meet_exchange have in common.
#include <lagoon/typecode.hpp>

#include <cstdint>
#include <string_view>

struct Order {
  std::int32_t id;
  std::int32_t quantity;
  double price;
};
template <>
inline constexpr std::string_view lagoon::type_name<Order> = "Order";
