#include <bit>
#include <charconv>
#include <cstring>
#include <limits>
#include <map>
#include <utility>

#include <lagoon/error.hpp>

#include "pickle.hpp"

namespace lagoon::remote {

namespace {

using Kind = Object::Kind;

class Pickler {
 public:
  Pickler(std::string& to, const ProxyOf& proxy_of) : to_(to), proxy_of_(proxy_of) {}

  void put_all(const Object& o) {
    put_op(0x80);
    to_ += '\4';
    put(o, 0);
    to_ += '.';
  }

 private:
  static constexpr std::size_t batch = 1000;  // as CPython has it

  void put_op(unsigned char op) { to_ += static_cast<char>(op); }
  /// The lowest byte first.
  template <class T>
  void put_number(T x) {
    char bytes[sizeof x];
    std::memcpy(bytes, &x, sizeof x);
    to_.append(bytes, sizeof x);
  }
  /// By the shortest of three opcodes; none is zero.
  void put_counted(std::string_view bytes, unsigned char op1, unsigned char op4,
                   unsigned char op8) {
    if (bytes.size() <= 0xff) {
      put_op(op1);
      put_number(static_cast<std::uint8_t>(bytes.size()));
    } else if (bytes.size() <= 0xffff'ffff) {
      put_op(op4);
      put_number(static_cast<std::uint32_t>(bytes.size()));
    } else {
      put_op(op8);
      put_number(static_cast<std::uint64_t>(bytes.size()));
    }
    to_ += bytes;
  }
  void put_text(std::string_view text) { put_counted(text, 0x8c, 'X', 0x8d); }

  void put_integer(const Object& o) {
    if (o.is_int64()) {
      const auto x = o.get<std::int64_t>();
      if (x >= 0 && x <= 0xff) {
        to_ += 'K';
        return put_number(static_cast<std::uint8_t>(x));
      }
      if (x >= 0 && x <= 0xffff) {
        to_ += 'M';
        return put_number(static_cast<std::uint16_t>(x));
      }
      if (std::in_range<std::int32_t>(x)) {
        to_ += 'J';
        return put_number(static_cast<std::int32_t>(x));
      }
    }
    const std::vector<std::byte> bytes = o.integer_bytes();
    if (bytes.size() <= 0xff) {
      put_op(0x8a);
      put_number(static_cast<std::uint8_t>(bytes.size()));
    } else {
      put_op(0x8b);
      put_number(static_cast<std::uint32_t>(bytes.size()));
    }
    to_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  /// One that contains itself was begun: it is known from here on.
  void name_it() {
    if (recursive_.empty()) return;
    put_op(0x94);
    memo_[std::exchange(recursive_, {})] = memoized_++;
  }

  /// n items by single(item) or, in batches, by one opcode for several.
  template <class Put>
  void put_batches(std::size_t n, char single, unsigned char several, Put&& put_next) {
    while (n != 0) {
      const std::size_t now = std::min(n, batch);
      n -= now;
      if (now == 1 && single != 0) {
        put_next();
        to_ += single;
        continue;
      }
      to_ += '(';
      for (std::size_t i = 0; i < now; ++i) put_next();
      put_op(several);
    }
  }

  void put_tuple(const Object& o, int depth) {
    const auto items = o.elements();
    if (items.size() > 3) to_ += '(';
    for (const Object& item : items) put(item, depth + 1);
    constexpr unsigned char ops[] = {')', 0x85, 0x86, 0x87};
    put_op(items.size() > 3 ? 't' : ops[items.size()]);
  }

  void put_opaque(const Object& o, int depth) {
    const std::string_view kind = o.opaque_kind(), done = o.opaque_bytes();
    const auto parts = o.elements();
    if (kind == "global") {
      const auto end = done.find('\n');
      if (end == std::string_view::npos) refuse(o);
      put_text(done.substr(0, end));
      put_text(done.substr(end + 1));
      return put_op(0x93);
    }
    if (kind == "recursive") {
      if (parts.size() != 1) refuse(o);
      recursive_ = done;
      return put(parts[0], depth);
    }
    if (kind == "recursion") {
      const auto found = memo_.find(done);
      if (found == memo_.end()) refuse(o);
      to_ += 'j';
      return put_number(found->second);
    }
    put_instance(o, depth);
  }

  /// What was done to it, once more.
  void put_instance(const Object& o, int depth) {
    std::string_view done = o.opaque_bytes();
    auto parts = o.elements();
    const auto put_next = [&] {
      if (parts.empty()) refuse(o);
      put(parts.front(), depth + 1);
      parts = parts.subspan(1);
    };
    const std::string_view name = std::exchange(recursive_, {});
    const char how = done.empty() ? '\0' : done[0];
    if (how != 'R' && how != 'N' && how != 'X') refuse(o);
    done.remove_prefix(1);
    put_next();
    put_next();
    if (how == 'X') put_next();
    put_op(how == 'R' ? 'R' : how == 'N' ? 0x81 : 0x92);
    recursive_ = name;
    name_it();
    while (!done.empty()) {
      const char what = done[0];
      done.remove_prefix(1);
      if (what == 'b') {
        put_next();
        to_ += 'b';
        continue;
      }
      std::size_t n = 0;
      const auto [end, error] = std::from_chars(done.data(), done.data() + done.size(), n);
      if (error != std::errc{} || end == done.data() + done.size() || *end != ';') refuse(o);
      done.remove_prefix(static_cast<std::size_t>(end - done.data()) + 1);
      if (what == 'a') {
        put_batches(n, 'a', 'e', put_next);
      } else if (what == 'e') {
        put_batches(n, 0, 0x90, put_next);
      } else if (what == 's') {
        put_batches(n, 's', 'u', [&] {
          put_next();
          put_next();
        });
      } else {
        refuse(o);
      }
    }
    if (!parts.empty()) refuse(o);
  }

  [[noreturn]] static void refuse(const Object& o) {
    throw TypeMismatch("TypeError: cannot pickle '" + std::string(o.type_name()) + "' object");
  }

  void put(const Object& o, int depth) {
    if (depth > Object::max_depth)
      throw UsageError("RecursionError: maximum recursion depth exceeded while pickling an object");
    switch (o.kind()) {
      case Kind::none:
        to_ += 'N';
        return;
      case Kind::boolean:
        return put_op(o.get<bool>() ? 0x88 : 0x89);
      case Kind::integer:
        return put_integer(o);
      case Kind::real:
        to_ += 'G';
        return put_number(__builtin_bswap64(std::bit_cast<std::uint64_t>(o.get<double>())));
      case Kind::str:
        return put_text(o.get<std::string_view>());
      case Kind::bytes: {
        const auto bytes = o.get<std::span<const std::byte>>();
        return put_counted({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, 'C', 'B',
                           0x8e);
      }
      case Kind::tuple:
        return put_tuple(o, depth);
      case Kind::list: {
        to_ += ']';
        name_it();
        auto item = o.begin();
        return put_batches(o.size(), 'a', 'e', [&] { put(*item++, depth + 1); });
      }
      case Kind::dict: {
        to_ += '}';
        name_it();
        auto item = o.items().begin();
        return put_batches(o.size(), 's', 'u', [&] {
          const auto [key, value] = *item;
          put(key, depth + 1);
          put(value, depth + 1);
          ++item;
        });
      }
      case Kind::set: {
        put_op(0x8f);
        name_it();
        auto item = o.begin();
        return put_batches(o.size(), 0, 0x90, [&] { put(*item++, depth + 1); });
      }
      case Kind::frozenset:
        to_ += '(';
        for (const Object& item : o) put(item, depth + 1);
        return put_op(0x91);
      case Kind::opaque:
        if (proxy_of_ && o.opaque_kind().starts_with("lagoon.")) {
          const Object proxy = proxy_of_(o);
          const bool is_another =
              proxy.kind() != Kind::opaque || proxy.opaque_kind() != o.opaque_kind();
          if (is_another) return put(proxy, depth + 1);
        }
        return put_opaque(o, depth);
      case Kind::shared:
        if (!proxy_of_) refuse(o);
        return put(proxy_of_(o), depth + 1);
    }
  }

  std::string& to_;
  const ProxyOf& proxy_of_;
  std::string_view recursive_;  // what is begun next contains itself, by this number
  std::map<std::string_view, std::uint32_t> memo_;
  std::uint32_t memoized_ = 0;
};

}  // namespace

void pickle(std::string& to, const Object& o, const ProxyOf& proxy_of) {
  Pickler(to, proxy_of).put_all(o);
}

std::string pickled(const Object& o, const ProxyOf& proxy_of) {
  std::string bytes;
  pickle(bytes, o, proxy_of);
  return bytes;
}

}  // namespace lagoon::remote
