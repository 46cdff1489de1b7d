#include "seen.hpp"

#include <lagoon/error.hpp>
#include <lagoon/slice.hpp>

#include <charconv>
#include <exception>
#include <utility>

namespace tool {

namespace {

using lagoon::Inspection;
using lagoon::Object;

template <class T>
std::optional<T> number_in(std::string_view text) {
  T x{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), x);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return x;
}

/// Under the first of the keys that it may be; the error is that of the likeliest one.
Object lookup(const auto& in, const Subscript& subscript) {
  std::exception_ptr error;
  for (const Object& key : subscript.as_keys()) try {
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

}  // namespace

std::optional<Subscript::Slice> Subscript::as_slice() const {
  Slice slice;
  std::string_view left = text;
  std::optional<std::ptrdiff_t> parts[3];
  std::size_t n = 0;
  for (bool is_last = false; !is_last; ++n) {
    if (n == 3) return std::nullopt;
    const std::size_t colon = left.find(':');
    is_last = colon == std::string_view::npos;
    const std::string_view part = left.substr(0, colon);
    parts[n] = number_in<std::ptrdiff_t>(part);
    if (!part.empty() && !parts[n]) return std::nullopt;
    if (!is_last) left.remove_prefix(colon + 1);
  }
  if (n == 1) return std::nullopt;
  return Slice{parts[0], parts[1], parts[2].value_or(1)};
}

std::vector<Object> Subscript::as_keys() const {
  const bool is_quoted =
      text.size() >= 2 && (text[0] == '\'' || text[0] == '"') && text.back() == text[0];
  if (is_quoted) return {Object(text.substr(1, text.size() - 2))};
  std::vector<Object> keys;
  if (const auto i = number_in<std::int64_t>(text))
    keys.emplace_back(*i);
  else if (const auto x = number_in<double>(text))
    keys.emplace_back(*x);
  else if (text == "True" || text == "False")
    keys.emplace_back(text == "True");
  else if (text == "None")
    keys.emplace_back();
  keys.emplace_back(text);
  return keys;
}

Path path_of(std::string_view text) {
  Path path;
  const std::size_t slash = text.find('/');
  path.segment = text.substr(0, slash);
  if (path.segment.empty())
    throw lagoon::InvalidArgument("the NAME of a segment is expected, not '" + std::string(text) +
                                  "'");
  if (slash == std::string_view::npos) return path;
  std::string_view left = text.substr(slash + 1);
  const std::size_t bracket = left.find('[');
  path.object = left.substr(0, bracket);
  if (bracket == std::string_view::npos) return path;
  left.remove_prefix(bracket);
  while (!left.empty()) {
    // In quotes there may be brackets.
    const bool is_quoted = left.size() > 1 && (left[1] == '\'' || left[1] == '"');
    const std::size_t quote = is_quoted ? left.find(left[1], 2) : 0;
    const std::size_t end = quote == std::string_view::npos ? quote : left.find(']', quote);
    if (left[0] != '[' || end == std::string_view::npos)
      throw lagoon::InvalidArgument("'" + std::string(text) +
                                    "' was not understood: NAME/OBJECT[KEY] is expected, or "
                                    "NAME/OBJECT[START:STOP]");
    path.subscripts.push_back({std::string(left.substr(1, end - 1))});
    left.remove_prefix(end + 1);
  }
  return path;
}

Seen seen_at(const lagoon::Segment& segment, const Path& path) {
  auto found = Inspection::of(segment, path.object);
  if (!found)
    throw lagoon::NotFound("there is no object '" + path.object + "' in segment '" + path.segment +
                           "' (lagoon show " + path.segment + " says which there are)");
  Seen seen = *std::move(found);
  for (const Subscript& subscript : path.subscripts) {
    const auto slice = subscript.as_slice();
    if (const auto* const in = std::get_if<Inspection>(&seen)) {
      seen = slice && in->has_elements() ? slice_of(*in, *slice) : seen_of(lookup(*in, subscript));
    } else if (const auto* const x = std::get_if<Object>(&seen)) {
      seen = slice && is_sequence(*x) ? slice_of(*x, *slice) : seen_of(lookup(*x, subscript));
    } else {
      throw lagoon::InvalidArgument("nothing can follow a slice, but '[" + subscript.text +
                                    "]' does");
    }
  }
  return seen;
}

}  // namespace tool
