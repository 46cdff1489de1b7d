#pragma once
/// How the report looks. Inline styles give a colour for light pages (--l) and one for dark ones
/// (--d), each with writing that is legible on it: the style sheet takes one of them.

#include <string>

#include "strategy.hpp"

namespace contention {

extern const char* const page_style;

/// A background from the page's colour to the family's; `strength` from 0 to 1.
std::string tint(Family family, double strength);
/// One for two families that are level, and for who cannot win.
std::string level_paint();
std::string unfit_paint();
/// A line's colour, of each strategy, the same in all plots.
std::string ink_of(const std::string& strategy);

}  // namespace contention
