#pragma once

#include <string>
#include <string_view>
#include <utility>

struct Plain {
  double x, y;
};
struct Named {
  double x, y;
};
template <>
inline constexpr std::string_view lagoon::type_name<Named> = "Named";
struct WithPointer {
  int before;
  struct {
    char tag[3];
    const char* text;
  } inside;
};
struct WithGaps {
  char c;
  double d;
};
template <>
inline constexpr std::string_view lagoon::type_name<WithGaps> = "WithGaps";
