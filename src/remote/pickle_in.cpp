#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <lagoon/error.hpp>

#include "pickle.hpp"

namespace lagoon::remote {

namespace {

constexpr unsigned lowest_protocol = 3, highest_protocol = 5;

/// The number in these bytes, the lowest first.
template <class T>
T number_in(std::string_view bytes) {
  T x{};
  std::memcpy(&x, bytes.data(), sizeof x);
  return x;
}

std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

std::string hex(unsigned char byte) {
  constexpr const char* digits = "0123456789abcdef";
  return {'0', 'x', digits[byte >> 4], digits[byte & 15]};
}

}  // namespace

void Unpickler::refuse(const std::string& says) const {
  throw InvalidArgument("a pickle of " + std::to_string(pickle_.size()) + " bytes, at byte " +
                        std::to_string(at_) + ": " + says);
}

std::string_view Unpickler::take(std::size_t n) {
  if (n > pickle_.size() - at_)
    refuse("it ends where " + std::to_string(n) + " bytes more were expected");
  const std::string_view taken = pickle_.substr(at_, n);
  at_ += n;
  return taken;
}

template <class T>
T Unpickler::take_number() {
  return number_in<T>(take(sizeof(T)));
}

std::string_view Unpickler::take_counted(std::uint64_t n) {
  if (n > pickle_.size() - at_)
    refuse("it ends where " + std::to_string(n) + " bytes more were expected");
  return take(n);
}

std::string_view Unpickler::take_line() {
  const auto end = pickle_.find('\n', at_);
  if (end == std::string_view::npos) refuse("it ends in the midst of a line");
  const std::string_view line = take(end - at_);
  ++at_;
  return line;
}

Unpickler::Index Unpickler::add(What what) {
  if (used_ == nodes_.size()) nodes_.emplace_back();
  Node& node = nodes_[used_];
  node.what = what;
  node.state = State::as_read;
  node.contains_itself = false;
  node.items.clear();
  node.done.clear();
  return static_cast<Index>(used_++);
}

void Unpickler::push(Index i) {
  // Those that the memo brings again count, too: each may become an item.
  if (++pushed_ > limits_.objects)
    refuse("it has more than " + std::to_string(limits_.objects) + " objects");
  stack_.push_back(i);
}

void Unpickler::push_atom(Object o) {
  const Index i = add(What::atom);
  nodes_[i].object = std::move(o);
  push(i);
}

Unpickler::Index Unpickler::pop() {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("the stack is empty");
  const Index i = stack_.back();
  stack_.pop_back();
  return i;
}

Unpickler::Node& Unpickler::top(What what, const char* wanted) {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("the stack is empty");
  Node& node = nodes_[stack_.back()];
  if (node.what != what && node.what != What::instance)
    refuse(std::string(wanted) + " was expected on the stack");
  return node;
}

/// Where those begin that came after the last mark, which is gone then.
std::size_t Unpickler::since_mark() {
  if (marks_.empty()) refuse("there is no mark");
  const std::size_t from = marks_.back();
  marks_.pop_back();
  return from;
}

/// One of what is on the stack from there on.
void Unpickler::push_items(What what, std::size_t from) {
  if (from > stack_.size() || from < (marks_.empty() ? 0 : marks_.back()))
    refuse("the stack has too few");
  const Index i = add(what);
  nodes_[i].items.assign(stack_.begin() + static_cast<std::ptrdiff_t>(from), stack_.end());
  stack_.resize(from);
  push(i);
}

/// To what stands before these.
void Unpickler::append(const char* wanted, What what, char letter, std::size_t from,
                       bool in_pairs) {
  if (from > stack_.size()) refuse("the stack has too few");
  const std::size_t n = stack_.size() - from;
  if (in_pairs && n % 2 != 0) refuse("a key without a value");
  const std::vector<Index> items(stack_.begin() + static_cast<std::ptrdiff_t>(from), stack_.end());
  stack_.resize(from);
  Node& to = top(what, wanted);
  to.items.insert(to.items.end(), items.begin(), items.end());
  if (to.what == What::instance) to.done += letter + std::to_string(in_pairs ? n / 2 : n) + ';';
}

void Unpickler::memoize() { put_in_memo(memo_.size()); }

void Unpickler::put_in_memo(std::uint64_t i) {
  if (stack_.size() <= (marks_.empty() ? 0 : marks_.back())) refuse("the stack is empty");
  if (i > memo_.size() || memo_.size() >= 2 * limits_.objects)
    refuse("number " + std::to_string(i) + " of the memo comes out of order, which has " +
           std::to_string(memo_.size()));
  if (i == memo_.size()) memo_.emplace_back();
  memo_[i] = stack_.back();
}

void Unpickler::get(std::uint64_t i) {
  if (i >= memo_.size())
    refuse("number " + std::to_string(i) + " of the memo is not there, which has " +
           std::to_string(memo_.size()));
  push(memo_[i]);
}

/// An instance, of so many parts.
void Unpickler::make(char letter, std::size_t parts) {
  const std::size_t bottom = marks_.empty() ? 0 : marks_.back();
  if (stack_.size() - bottom < parts) refuse("the stack has too few");
  const std::size_t from = stack_.size() - parts;
  const Node& arguments = nodes_[stack_[from + 1]];
  if (arguments.what != What::tuple) refuse("arguments that are no tuple");
  // Sets, as protocol 3 has them, and lists, as CPython's managers send what a dict's views hold.
  const Node& callable = nodes_[stack_[from]];
  if (letter == 'R' && callable.what == What::atom &&
      callable.object.kind() == Object::Kind::opaque && arguments.items.size() == 1 &&
      nodes_[arguments.items[0]].what == What::list) {
    const std::string_view name = callable.object.opaque_bytes();
    const auto what = name == "builtins\nset"         ? std::optional(What::set)
                      : name == "builtins\nfrozenset" ? std::optional(What::frozenset)
                      : name == "builtins\nlist"      ? std::optional(What::list)
                                                      : std::nullopt;
    if (what) {
      std::vector<Index> items = nodes_[arguments.items[0]].items;
      stack_.resize(from);
      const Index i = add(*what);
      nodes_[i].items = std::move(items);
      return push(i);
    }
  }
  push_items(What::instance, from);
  nodes_[stack_.back()].done = letter;
}

void Unpickler::build() {
  const Index state = pop();
  Node& node = top(What::instance, "an instance");
  node.items.push_back(state);
  node.done += 'b';
}

bool Unpickler::step() {
  const auto op = static_cast<unsigned char>(take(1)[0]);
  switch (op) {
    case 0x80: {  // PROTO
      const auto protocol = take_number<std::uint8_t>();
      if (protocol < lowest_protocol || protocol > highest_protocol)
        refuse("protocol " + std::to_string(protocol) + "; 3 to 5 are known");
      return true;
    }
    case 0x95:  // FRAME
      if (take_number<std::uint64_t>() > pickle_.size() - at_) refuse("it ends within a frame");
      return true;
    case '.':
      return false;
    case '(':
      if (marks_.size() >= limits_.objects) refuse("too many marks");
      marks_.push_back(stack_.size());
      return true;
    case '0':  // POP
      if (!marks_.empty() && marks_.back() == stack_.size())
        marks_.pop_back();
      else
        (void)pop();
      return true;
    case '1': {  // POP_MARK
      const std::size_t from = since_mark();
      stack_.resize(from);
      return true;
    }
    case '2': {  // DUP
      const Index i = pop();
      push(i);
      push(i);
      return true;
    }
    case 0x94:
      memoize();
      return true;
    case 'q':
      put_in_memo(take_number<std::uint8_t>());
      return true;
    case 'r':
      put_in_memo(take_number<std::uint32_t>());
      return true;
    case 'h':
      get(take_number<std::uint8_t>());
      return true;
    case 'j':
      get(take_number<std::uint32_t>());
      return true;

    case 'N':
      push_atom(nullptr);
      return true;
    case 0x88:
      push_atom(true);
      return true;
    case 0x89:
      push_atom(false);
      return true;
    case 'K':
      push_atom(take_number<std::uint8_t>());
      return true;
    case 'M':
      push_atom(take_number<std::uint16_t>());
      return true;
    case 'J':
      push_atom(take_number<std::int32_t>());
      return true;
    case 0x8a:    // LONG1
    case 0x8b: {  // LONG4
      const std::int64_t n =
          op == 0x8a ? take_number<std::uint8_t>() : std::int64_t{take_number<std::int32_t>()};
      if (n < 0 || static_cast<std::uint64_t>(n) > limits_.integer)
        refuse("an int of " + std::to_string(n) + " bytes; " + std::to_string(limits_.integer) +
               " are allowed");
      push_atom(Object::integer(as_bytes(take_counted(static_cast<std::uint64_t>(n)))));
      return true;
    }
    case 'G': {  // the highest byte first
      const auto bits = take_number<std::uint64_t>();
      push_atom(std::bit_cast<double>(__builtin_bswap64(bits)));
      return true;
    }
    case 0x8c:
      push_atom(take_counted(take_number<std::uint8_t>()));
      return true;
    case 'X':
      push_atom(take_counted(take_number<std::uint32_t>()));
      return true;
    case 0x8d:
      push_atom(take_counted(take_number<std::uint64_t>()));
      return true;
    case 'C':
      push_atom(Object::bytes(take_counted(take_number<std::uint8_t>())));
      return true;
    case 'B':
      push_atom(Object::bytes(take_counted(take_number<std::uint32_t>())));
      return true;
    case 0x8e:
      push_atom(Object::bytes(take_counted(take_number<std::uint64_t>())));
      return true;
    case 0x96: {  // BYTEARRAY8
      const std::string_view bytes = take_counted(take_number<std::uint64_t>());
      push_atom(reduced(global("builtins", "bytearray"), Object::tuple(Object::bytes(bytes))));
      return true;
    }

    case ')':
      push_items(What::tuple, stack_.size());
      return true;
    case 0x85:
    case 0x86:
    case 0x87: {
      const std::size_t n = op - std::size_t{0x84};
      if (stack_.size() < n) refuse("the stack has too few");
      push_items(What::tuple, stack_.size() - n);
      return true;
    }
    case 't':
      push_items(What::tuple, since_mark());
      return true;
    case ']':
      push_items(What::list, stack_.size());
      return true;
    case '}':
      push_items(What::dict, stack_.size());
      return true;
    case 0x8f:
      push_items(What::set, stack_.size());
      return true;
    case 0x91:
      push_items(What::frozenset, since_mark());
      return true;
    case 'l':
      push_items(What::list, since_mark());
      return true;
    case 'd': {
      const std::size_t from = since_mark();
      if (from <= stack_.size() && (stack_.size() - from) % 2 != 0) refuse("a key without a value");
      push_items(What::dict, from);
      return true;
    }
    case 'a':
      if (stack_.empty()) refuse("the stack is empty");
      append("a list", What::list, 'a', stack_.size() - 1, false);
      return true;
    case 'e':
      append("a list", What::list, 'a', since_mark(), false);
      return true;
    case 's':
      if (stack_.size() < 2) refuse("the stack has too few");
      append("a dict", What::dict, 's', stack_.size() - 2, true);
      return true;
    case 'u':
      append("a dict", What::dict, 's', since_mark(), true);
      return true;
    case 0x90:
      append("a set", What::set, 'e', since_mark(), false);
      return true;

    case 'c': {  // GLOBAL
      const std::string_view module = take_line();
      push_atom(global(module, take_line()));
      return true;
    }
    case 0x93: {  // STACK_GLOBAL
      const Object name = nodes_[pop()].object;
      const Object module = nodes_[pop()].object;
      if (name.kind() != Object::Kind::str || module.kind() != Object::Kind::str)
        refuse("the name of a global that is no str");
      push_atom(global(module.get<std::string>(), name.get<std::string>()));
      return true;
    }
    case 'R':
      make('R', 2);
      return true;
    case 0x81:
      make('N', 2);
      return true;
    case 0x92:
      make('X', 3);
      return true;
    case 'b':
      build();
      return true;
    default:
      refuse("opcode " + hex(op) + ", which is unknown or not allowed");
  }
}

}  // namespace lagoon::remote
