#pragma once
/// What is in shared memory, for programs.

#include <lagoon/inspection.hpp>
#include <lagoon/object.hpp>

#include <nlohmann/json.hpp>
#include <string>

namespace tool {

using Json = nlohmann::ordered_json;  // as dicts are

/// What JSON has no word for is as Python's repr() has it; a dict whose keys are not all strs is a
/// list of pairs.
Json json_of(const lagoon::Object& x);
/// So many of its elements or items at most.
Json json_of(const lagoon::Inspection& object, std::size_t most);

/// Of an Object that refers to something, what: such as "<List<>>".
std::string type_of_shared(const lagoon::Object& x);

/// As it is printed. Names are bytes; what is no UTF-8 of them becomes U+FFFD.
std::string dumped(const Json& all);

}  // namespace tool
