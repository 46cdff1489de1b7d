#pragma once
/// What the report says of itself, of how it was measured, of what the figures do not show, and of
/// the machine.

#include <string>

#include "results.hpp"

namespace contention {

/// What this is about, for who has never heard of it.
std::string intro_html();
/// What the strategies' names mean.
std::string names_html();
std::string method_html(const Results& results);
std::string limits_html(const Results& results);
std::string machine_html(const Results& results);

}  // namespace contention
