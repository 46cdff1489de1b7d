#include "seen.hpp"

#include <lagoon/error.hpp>
#include <lagoon/slice.hpp>

#include <algorithm>
#include <charconv>
#include <exception>
#include <utility>

#include "literal.hpp"

namespace tool {

namespace {

using lagoon::Inspection;
using lagoon::Object;

std::optional<std::ptrdiff_t> number_in(std::string_view text) {
  std::ptrdiff_t x{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return x;
}

/// What stands in brackets.
struct Subscript {
  struct Slice {
    std::optional<std::ptrdiff_t> start, stop;
    std::ptrdiff_t step = 1;
  };
  std::string_view text;
  std::optional<Slice> slice;  // if it is "start:stop:step" of numbers or of nothing
  std::vector<Object> keys;    // that it may mean, the likelier one first
};

/// Under the first of the keys that it may be; the error is that of the likeliest one.
Object lookup(const auto& in, const Subscript& subscript) {
  std::exception_ptr error;
  for (const Object& key : subscript.keys) try {
      return in.at(key);
    } catch (const std::exception&) {
      if (!error) error = std::current_exception();
    }
  std::rethrow_exception(error);
}

Seen seen_of(Object x) {
  if (x.kind() == Object::Kind::shared) return Inspection(x);
  return x;
}

Seen slice_of(const Inspection& in, const Subscript::Slice& slice) {
  const auto at = lagoon::detail::Slice::of(in.size(), slice.start, slice.stop, slice.step);
  return Elements{in.elements(slice.start, slice.stop, slice.step), at.start, at.step};
}

Seen slice_of(const Object& in, const Subscript::Slice& slice) {
  const auto all = in.elements();
  const auto at = lagoon::detail::Slice::of(all.size(), slice.start, slice.stop, slice.step);
  Elements some{{}, at.start, at.step};
  for (std::size_t k = 0; k < at.count; ++k) some.elements.push_back(all[at.at(k)]);
  return some;
}

bool is_sequence(const Object& x) {
  return x.kind() == Object::Kind::list || x.kind() == Object::Kind::tuple;
}

std::optional<Subscript::Slice> slice_in(std::string_view text) {
  std::optional<std::ptrdiff_t> parts[3];
  std::size_t n = 0;
  for (bool is_last = false; !is_last; ++n) {
    if (n == 3) return std::nullopt;
    const std::size_t colon = text.find(':');
    is_last = colon == std::string_view::npos;
    const std::string_view part = text.substr(0, colon);
    parts[n] = number_in(part);
    if (!part.empty() && !parts[n]) return std::nullopt;
    if (!is_last) text.remove_prefix(colon + 1);
  }
  if (n == 1) return std::nullopt;
  return Subscript::Slice{parts[0], parts[1], parts[2].value_or(1)};
}

/// Of "text]", which it takes from `left`. What is not in quotes may be a str as well: books[12],
/// books[gold].
std::optional<Subscript> take_subscript(std::string_view& left) {
  Subscript subscript;
  std::string_view rest = left;
  if (auto literal = take_literal(rest); literal && rest.starts_with(']')) {
    subscript.keys.push_back(*std::move(literal));
  } else {
    // Also "'it's'": in quotes there may be brackets.
    const bool is_quoted = left.starts_with('\'') || left.starts_with('"');
    const std::size_t quote = is_quoted ? left.find(left[0], 1) : 0;
    const std::size_t end = quote == std::string_view::npos ? quote : left.find(']', quote);
    if (end == std::string_view::npos) return std::nullopt;
    rest = left.substr(end);
  }
  subscript.text = left.substr(0, left.size() - rest.size());
  left = rest.substr(1);
  std::string_view text = subscript.text;
  subscript.slice = slice_in(text);
  const bool is_quoted =
      text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0];
  if (subscript.keys.empty() && is_quoted) text = text.substr(1, text.size() - 2);
  if (subscript.keys.empty() || !is_quoted) subscript.keys.emplace_back(std::string(text));
  return subscript;
}

std::vector<Subscript> subscripts_in(std::string_view left, const Path& path) {
  std::vector<Subscript> all;
  while (!left.empty()) {
    const bool is_one = left[0] == '[';
    left.remove_prefix(1);
    auto subscript = is_one ? take_subscript(left) : std::nullopt;
    if (!subscript)
      throw lagoon::InvalidArgument("'" + path.segment + "/" + path.object +
                                    "' was not understood: NAME/OBJECT[KEY] is expected, or "
                                    "NAME/OBJECT[START:STOP]");
    all.push_back(*std::move(subscript));
  }
  return all;
}

}  // namespace

Path path_of(std::string_view text) {
  const std::size_t slash = text.find('/');
  Path path{std::string(text.substr(0, slash)), {}};
  if (path.segment.empty())
    throw lagoon::InvalidArgument("the NAME of a segment is expected, not '" + std::string(text) +
                                  "'");
  if (slash != std::string_view::npos) path.object = text.substr(slash + 1);
  return path;
}

Seen seen_at(const lagoon::Segment& segment, const Path& path) {
  // The longest name that there is; brackets may be in it.
  std::size_t end = path.object.size();
  auto found = Inspection::of(segment, path.object);
  while (!found && end != 0 && (end = path.object.rfind('[', end - 1)) != std::string::npos)
    found = Inspection::of(segment, path.object.substr(0, end));
  if (!found)
    throw lagoon::NotFound("there is no object '" + path.object.substr(0, path.object.find('[')) +
                           "' in segment '" + path.segment + "' (lagoon show " + path.segment +
                           " says which there are)");
  const auto subscripts = subscripts_in(std::string_view(path.object).substr(end), path);
  Seen seen = *std::move(found);
  for (const Subscript& subscript : subscripts) {
    const auto& slice = subscript.slice;
    if (const auto* const in = std::get_if<Inspection>(&seen)) {
      seen = slice && in->has_elements() ? slice_of(*in, *slice) : seen_of(lookup(*in, subscript));
    } else if (const auto* const x = std::get_if<Object>(&seen)) {
      seen = slice && is_sequence(*x) ? slice_of(*x, *slice) : seen_of(lookup(*x, subscript));
    } else {
      throw lagoon::InvalidArgument("nothing can follow a slice, but '[" +
                                    std::string(subscript.text) + "]' does");
    }
  }
  return seen;
}

}  // namespace tool
