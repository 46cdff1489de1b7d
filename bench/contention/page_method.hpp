#pragma once
/// What the report says of how it was measured, of what the figures do not show, and of the
/// machine.

#include <string>

#include "results.hpp"

namespace contention {

std::string method_html(const Results& results);
std::string limits_html(const Results& results);
std::string machine_html(const Results& results);

}  // namespace contention
