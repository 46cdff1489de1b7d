#include <lagoon/text.hpp>

#include <limits>

#include "object_node.hpp"
#include "object_number.hpp"
#include "unicode.hpp"

namespace lagoon {

namespace detail {

namespace {

using Kind = Object::Kind;

void append_hex(std::string& out, char32_t c, int digits) {
  while (digits-- > 0) out += "0123456789abcdef"[(c >> (4 * digits)) & 15];
}

void append_escaped(std::string& out, char32_t c) {
  out += '\\';
  if (c == '\\' || c == '\'' || c == '"')
    out += static_cast<char>(c);
  else if (c == '\t')
    out += 't';
  else if (c == '\n')
    out += 'n';
  else if (c == '\r')
    out += 'r';
  else if (c < 0x100)
    append_hex(out += 'x', c, 2);
  else if (c < 0x10000)
    append_hex(out += 'u', c, 4);
  else
    append_hex(out += 'U', c, 8);
}

/// Writes a repr, or about as much of it as the limit allows.
class Repr {
 public:
  explicit Repr(std::size_t limit) : limit_(limit) {}

  void write(const Object& o, int depth) {
    switch (o.kind()) {
      case Kind::none:
        out += "None";
        return;
      case Kind::boolean:
        out += Inside::boolean(o) ? "True" : "False";
        return;
      case Kind::integer:
        write_integer(o);
        return;
      case Kind::real:
        out += text_of_number(Inside::real(o));
        return;
      case Kind::str:
        write_str(Inside::bytes(o));
        return;
      case Kind::bytes:
        out += text_of_bytes(Inside::bytes(o).substr(0, limit_));
        return;
      case Kind::opaque:
        ((out += '<') += Inside::node<OpaqueNode>(o).kind) += " object>";
        return;
      case Kind::shared:
        out += handle_in(o)->repr();
        return;
      default:
        break;
    }
    if (depth > Object::max_depth) too_deep(" while getting the repr of an object");
    write_items(o, depth + 1);
  }

  std::string out;

 private:
  [[nodiscard]] bool is_full() const { return out.size() > limit_; }

  void write_integer(const Object& o) {
    const std::size_t bits = bits_of(o);
    if (bits / 4 > limit_)  // its digits would take long, for nothing
      out += "<an int of " + std::to_string(bits) + " bits>";
    else
      out += digits_of(o);
  }

  void write_str(std::string_view text) {
    const auto has = [&](char c) { return text.find(c) != std::string_view::npos; };
    const char quote = has('\'') && !has('"') ? '"' : '\'';
    out += quote;
    for (std::size_t i = 0; i < text.size() && !is_full();) {
      const std::size_t begin = i;
      const char32_t c = next_character(text, i);
      if (c == static_cast<char32_t>(quote) || c == '\\' || !is_printable(c))
        append_escaped(out, c);
      else
        out += text.substr(begin, i - begin);
    }
    out += quote;
  }

  void write_items(const Object& o, int depth) {
    if (o.kind() == Kind::dict) {
      const char* between = "{";
      for (const auto& [key, value] : o.items()) {
        if (is_full()) break;
        out += std::exchange(between, ", ");
        write(key, depth);
        out += ": ";
        write(value, depth);
      }
      out += o.size() == 0 ? "{}" : "}";
      return;
    }
    if (is_set(o) && o.size() == 0) {
      (out += o.type_name()) += "()";
      return;
    }
    const bool is_frozen = o.kind() == Kind::frozenset;
    out += is_frozen                 ? "frozenset({"
           : o.kind() == Kind::set   ? "{"
           : o.kind() == Kind::tuple ? "("
                                     : "[";
    const char* between = "";
    for (const Object& x : o) {
      if (is_full()) break;
      out += std::exchange(between, ", ");
      write(x, depth);
    }
    if (o.kind() == Kind::tuple && o.size() == 1) out += ',';
    out += is_frozen ? "})" : o.kind() == Kind::set ? "}" : o.kind() == Kind::tuple ? ")" : "]";
  }

  std::size_t limit_;
};

}  // namespace

std::string shown(const Object& o) {
  constexpr std::size_t limit = 60;
  Repr repr(limit);
  repr.write(o, 0);
  std::string& text = repr.out;
  if (text.size() <= limit) return text;
  std::size_t cut = limit - 3;
  while ((text[cut] & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

std::string in_quotes(std::string_view type_name) {
  return ((std::string("'") += type_name) += '\'');
}

Object object_of_text(std::string_view text) {
  if (text.size() <= Inside::short_length) {
    Object o = Inside::of_bytes(Kind::str, text);
    constexpr std::uint64_t not_ascii = 0x8080808080808080;  // nor a tag or length of a short text
    if (((Inside::head(o) | Inside::word(o)) & not_ascii) == 0) return o;
  }
  const Utf8Error error = check_utf8(text);
  if (error.reason != nullptr) {
    std::string byte;
    append_hex(byte, static_cast<unsigned char>(text[error.position]), 2);
    throw InvalidArgument("UnicodeDecodeError: 'utf-8' codec can't decode byte 0x" + byte +
                          " in position " + std::to_string(error.position) + ": " + error.reason +
                          ". A str is UTF-8; other bytes go into Object::bytes");
  }
  return Inside::of_bytes(Kind::str, text);
}

void refuse_null() {
  throw InvalidArgument("ValueError: a str of a null pointer; None is nullptr itself");
}

}  // namespace detail

std::string Object::repr() const {
  detail::Repr repr(std::numeric_limits<std::size_t>::max());
  repr.write(*this, 0);
  return std::move(repr.out);
}

std::string Object::str() const {
  if (kind() == Kind::str) return std::string(detail::Inside::bytes(*this));
  if (kind() == Kind::shared) return detail::handle_in(*this)->str();
  return repr();
}

Object Object::bytes(std::string_view bytes) {
  return detail::Inside::of_bytes(Kind::bytes, bytes);
}

Object Object::bytes(std::span<const std::byte> bytes) {
  return Object::bytes({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace lagoon
