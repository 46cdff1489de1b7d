#include "literal.hpp"

#include <array>
#include <charconv>
#include <cstdint>
#include <exception>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace tool {

namespace {

using lagoon::Object;

void append_utf8(std::string& out, std::uint32_t c) {
  const auto add = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) return add(c);
  if (c < 0x800) {
    add(0xC0 | c >> 6);
  } else if (c < 0x10000) {
    add(0xE0 | c >> 12);
    add(0x80 | (c >> 6 & 0x3F));
  } else {
    add(0xF0 | c >> 18);
    add(0x80 | (c >> 12 & 0x3F));
    add(0x80 | (c >> 6 & 0x3F));
  }
  add(0x80 | (c & 0x3F));
}

class Reader {
 public:
  explicit Reader(std::string_view text) : left(text) {}

  std::optional<Object> literal(int depth = 0) {
    for (const auto& [word, value] : words)
      if (takes(word)) return value;
    if (takes("b'")) return bytes('\'');
    if (takes("b\"")) return bytes('"');
    if (takes("'")) return str('\'');
    if (takes("\"")) return str('"');
    if (depth < Object::max_depth && takes("(")) return tuple(depth);
    if (depth < Object::max_depth && takes("frozenset(")) return frozenset(depth);
    return number();
  }

  std::string_view left;

 private:
  using Word = std::pair<std::string_view, Object>;
  const std::array<Word, 6> words{{{"None", Object()},
                                   {"True", Object(true)},
                                   {"False", Object(false)},
                                   {"nan", Object(std::numeric_limits<double>::quiet_NaN())},
                                   {"inf", Object(std::numeric_limits<double>::infinity())},
                                   {"-inf", Object(-std::numeric_limits<double>::infinity())}}};

  bool takes(std::string_view what) {
    if (!left.starts_with(what)) return false;
    left.remove_prefix(what.size());
    return true;
  }

  std::optional<Object> number() {
    const std::string_view digits = left.substr(0, left.find_first_not_of("0123456789+-.eE"));
    const std::size_t sign = digits.starts_with('-') ? 1 : 0;
    if (digits.size() == sign) return std::nullopt;
    if (digits.find_first_not_of("0123456789", sign) == std::string_view::npos) {
      left.remove_prefix(digits.size());
      return Object::integer(digits);
    }
    double x = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), x);
    if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
    left.remove_prefix(digits.size());
    return Object(x);
  }

  struct Items {
    std::vector<Object> items;
    bool has_comma = false;
  };
  /// Up to the bracket that closes them.
  std::optional<Items> items(std::string_view close, int depth) {
    Items all;
    for (skip_blanks(); !takes(close); skip_blanks()) {
      if (!all.items.empty() && !all.has_comma) return std::nullopt;
      const auto item = literal(depth + 1);
      if (!item) return std::nullopt;
      all.items.push_back(*item);
      skip_blanks();
      all.has_comma = takes(",");
    }
    all.has_comma |= all.items.size() != 1;
    return all;
  }
  void skip_blanks() {
    while (takes(" ")) continue;
  }

  std::optional<Object> tuple(int depth) {
    const auto all = items(")", depth);
    // What is in parentheses without a comma is no tuple.
    return all && all->has_comma ? std::optional(Object::tuple_of(all->items)) : std::nullopt;
  }

  std::optional<Object> frozenset(int depth) {
    if (takes(")")) return Object::frozenset();
    if (!takes("{")) return std::nullopt;
    const auto all = items("}", depth);
    return all && takes(")") ? std::optional(Object::frozenset_of(all->items)) : std::nullopt;
  }

  std::optional<Object> bytes(char quote) {
    const auto all = quoted(quote, false);
    if (!all) return std::nullopt;
    return Object::bytes(*all);
  }

  std::optional<Object> str(char quote) {
    const auto all = quoted(quote, true);
    if (!all) return std::nullopt;
    try {
      return Object(*all);
    } catch (const std::exception&) {  // no UTF-8
      return std::nullopt;
    }
  }

  std::optional<std::string> quoted(char quote, bool is_str) {
    std::string out;
    while (!left.empty()) {
      const char c = left.front();
      left.remove_prefix(1);
      if (c == quote) return out;
      if (c != '\\')
        out += c;
      else if (!escaped(out, is_str))
        return std::nullopt;
    }
    return std::nullopt;
  }

  /// What follows a backslash.
  bool escaped(std::string& out, bool is_str) {
    if (left.empty()) return false;
    const char c = left.front();
    left.remove_prefix(1);
    constexpr std::string_view plain = "\\'\"nrtabfv0", meant{"\\'\"\n\r\t\a\b\f\v\0", 11};
    if (const std::size_t at = plain.find(c); at != std::string_view::npos) {
      out += meant[at];
      return true;
    }
    const std::size_t digits = c == 'x' ? 2 : is_str && c == 'u' ? 4 : is_str && c == 'U' ? 8 : 0;
    if (digits == 0) {  // as Python has it, that is a backslash
      (out += '\\') += c;
      return true;
    }
    std::uint32_t code = 0;
    const std::string_view hex = left.substr(0, digits);
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), code, 16);
    if (error != std::errc() || hex.size() != digits || end != hex.data() + digits ||
        code > 0x10FFFF)
      return false;
    left.remove_prefix(digits);
    if (is_str)
      append_utf8(out, code);
    else
      out += static_cast<char>(code);
    return true;
  }
};

}  // namespace

std::optional<Object> take_literal(std::string_view& text) {
  Reader reader(text);
  const auto literal = reader.literal();
  if (literal) text = reader.left;
  return literal;
}

}  // namespace tool
