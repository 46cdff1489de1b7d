#pragma once
/// What all commands do with their command lines.

#include <CLI/CLI.hpp>
#include <optional>

namespace tool {

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
