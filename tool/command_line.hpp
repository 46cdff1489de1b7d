#pragma once
/// What all commands do with their command lines.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <optional>
#include <string>

namespace tool {

/// Between two looks: no less than a thousandth of a second, no more than a year.
inline CLI::Validator seconds_validator() {
  return CLI::Validator(
      [](const std::string& text) {
        char* end = nullptr;
        const double seconds = std::strtod(text.c_str(), &end);
        const bool is_one = *end == '\0' && seconds >= 1e-3 && seconds <= 366 * 86400.0;
        return is_one ? std::string() : "seconds, from 0.001 on, are expected, not '" + text + "'";
      },
      "SECONDS");
}

/// CLI11 takes -1 for the largest number that there is.
inline CLI::Validator not_negative() {
  return CLI::Validator(
      [](const std::string& text) {
        return text.starts_with('-') ? "a number from 0 on is expected, not '" + text + "'"
                                     : std::string();
      },
      "");
}

/// The exit code if there is nothing to be done: --help, or what cannot be understood, was
/// answered.
inline std::optional<int> answered(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
}

}  // namespace tool
