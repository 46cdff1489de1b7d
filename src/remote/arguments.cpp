#include "arguments.hpp"

#include <lagoon/error.hpp>

#include <algorithm>

#include "python_error.hpp"

namespace lagoon::remote {

Arguments::Arguments(std::string_view method, Object args, Object kwds)
    : method_(method), args_(std::move(args)), named_(std::move(kwds)) {
  if (args_.kind() != Object::Kind::tuple && args_.kind() != Object::Kind::list)
    raise_type_error("arguments must be a tuple, not " + std::string(args_.type_name()));
  if (named_.kind() != Object::Kind::dict)
    raise_type_error("arguments with names must be a dict, not " + std::string(named_.type_name()));
  rest_ = args_.elements();
  given_ = rest_.size();
}

namespace {

std::string counted(std::size_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

}  // namespace

std::string Arguments::called() const {
  return (takes_.of.empty() ? "" : std::string(takes_.of) + ".") + std::string(method_) + "()";
}

void Arguments::check(const Takes& takes) {
  using How = Takes::How;
  takes_ = takes;
  const auto& [how, of, least, most] = takes;
  if (how == How::any) return;
  const bool takes_names = how == How::function || how == How::parsed;
  if (!takes_names && named_.size() != 0)
    raise_type_error((of.empty() ? "wrapper " : "") + called() + " takes no keyword arguments");
  const std::size_t given = given_ + (takes_names ? named_.size() : 0);
  if (how == How::function) {
    if (given_ > most)
      raise_type_error(called() + " takes " +
                       (least == most ? "" : "from " + std::to_string(least + 1) + " to ") +
                       counted(most + std::size_t{1}, "positional argument") + " but " +
                       std::to_string(given_ + 1) + " were given");
    return;  // what is missing is seen when it is taken
  }
  if (given >= least && given <= most) return;
  const std::string got = std::to_string(given);
  if (how == How::parsed)
    raise_type_error(called() + " takes at most " + counted(most, "argument") + " (" + got +
                     " given)");
  if (how == How::builtin)
    raise_type_error(called() + " takes " + (most == 0 ? "no arguments" : "exactly one argument") +
                     " (" + got + " given)");
  const std::string bound = least == most ? "" : (given < least ? "at least " : "at most ");
  raise_type_error((how == How::slot            ? ""
                    : how == How::unpacked_slot ? " "
                                                : std::string(method_) + " ") +
                   "expected " + bound + counted(given < least ? least : most, "argument") +
                   ", got " + got);
}

const Object* Arguments::find(std::string_view name) {
  if (!rest_.empty()) {
    const Object* const first = rest_.data();
    rest_ = rest_.subspan(1);
    return first;
  }
  if (named_.size() == 0) return nullptr;
  const Object* const found = named_.find(name);
  if (found != nullptr) names_taken_.push_back(name);
  return found;
}

const Object& Arguments::take(std::string_view name) {
  const Object* const found = find(name);
  if (found == nullptr)
    raise_type_error(called() + " missing 1 required positional argument: '" + std::string(name) +
                     "'");
  return *found;
}

Object Arguments::take(std::string_view name, Object otherwise) {
  const Object* const found = find(name);
  return found == nullptr ? std::move(otherwise) : *found;
}

std::optional<Object> Arguments::take_if_given(std::string_view name) {
  const Object* const found = find(name);
  return found == nullptr ? std::nullopt : std::optional(*found);
}

long long Arguments::take_integer(std::string_view name, std::optional<long long> otherwise) {
  const Object* const found = otherwise ? find(name) : &take(name);
  if (found == nullptr) return *otherwise;
  if (found->kind() == Object::Kind::boolean) return found->get<bool>() ? 1 : 0;
  if (found->kind() != Object::Kind::integer)
    raise_type_error("'" + std::string(found->type_name()) +
                     "' object cannot be interpreted as an integer");
  try {
    return found->get<long long>();
  } catch (const OutOfRange&) {
    raise("OverflowError", "Python int too large to convert to C ssize_t");
  }
}

std::span<const Object> Arguments::take_rest() { return std::exchange(rest_, {}); }

Object Arguments::take_named() {
  Object named = std::move(named_);
  named_ = Object::dict();
  return named;
}

void Arguments::end() const {
  if (!rest_.empty())
    raise_type_error(called() + " takes " + counted(given_ - rest_.size(), "positional argument") +
                     " but " + std::to_string(given_) +
                     (given_ == 1 ? " was given" : " were given"));
  if (names_taken_.size() == named_.size()) return;
  for (const Object& name : named_)
    if (std::find(names_taken_.begin(), names_taken_.end(), name.str()) == names_taken_.end())
      raise_type_error(takes_.how == Takes::How::parsed
                           ? "'" + name.str() + "' is an invalid keyword argument for " + called()
                           : called() + " got an unexpected keyword argument '" + name.str() + "'");
}

}  // namespace lagoon::remote
