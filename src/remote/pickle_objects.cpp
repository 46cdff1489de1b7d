#include <algorithm>
#include <limits>
#include <utility>

#include <lagoon/error.hpp>

#include "pickle.hpp"

namespace lagoon::remote {

namespace {

/// "datetime.datetime" of a global, else "object".
std::string name_of(const Object& callable) {
  if (callable.kind() != Object::Kind::opaque || callable.opaque_kind() != "global")
    return "object";
  std::string name(callable.opaque_bytes());
  name[name.find('\n')] = '.';
  return name;
}

}  // namespace

Object global(std::string_view module, std::string_view name) {
  return Object::opaque("global", std::string(module) + '\n' + std::string(name));
}

Object reduced(Object callable, Object arguments) {
  std::string kind = name_of(callable);
  return Object::opaque(std::move(kind), "R", {std::move(callable), std::move(arguments)});
}

const Object* arguments_of(const Object& o, std::string_view kind) {
  if (o.kind() != Object::Kind::opaque || o.opaque_kind() != kind || o.opaque_bytes() != "R")
    return nullptr;
  return &o.elements()[1];
}

struct Unpickler::Made {
  Object object;
  std::size_t bytes;  // expanded
  Index lowest;       // of those around it that it contains: their number; more than any, if none
};

Object Unpickler::convert_items(const Node& node, std::vector<Object>&& items) {
  switch (node.what) {
    case What::tuple:
      return Object::tuple_of(std::move(items));
    case What::list:
      return Object::list_of(std::move(items));
    case What::set:
      return Object::set_of(std::move(items));
    case What::frozenset:
      return Object::frozenset_of(std::move(items));
    case What::dict: {
      Object dict = Object::dict();
      for (std::size_t i = 0; i < items.size(); i += 2)
        dict.set_item(items[i], std::move(items[i + 1]));
      return dict;
    }
    default: {
      Object made = Object::opaque(name_of(items[0]), node.done, items);
      if (*resolve_ && made.opaque_kind() == "multiprocessing.managers.RebuildProxy")
        return (*resolve_)(std::move(made));
      return made;
    }
  }
}

Unpickler::Made Unpickler::convert(Index i, int depth) {
  constexpr Index none = std::numeric_limits<Index>::max();
  if (const int most = std::min(limits_.nesting, Object::max_depth); depth > most)
    refuse("it is nested deeper than " + std::to_string(most));
  // (nodes_ does not grow any more.)
  Node& node = nodes_[i];
  if (node.what == What::atom) {
    const auto kind = node.object.kind();
    std::size_t bytes = 8;
    if (kind == Object::Kind::str)
      bytes += node.object.get<std::string_view>().size();
    else if (kind == Object::Kind::bytes)
      bytes += node.object.size();
    return {node.object, bytes, none};
  }
  if (node.state == State::done) return {node.object, node.bytes, none};
  if (node.state == State::in_progress) {
    node.contains_itself = true;
    return {Object::opaque("recursion", std::to_string(node.number)), 8, node.number};
  }
  // What contains itself several times over may be met more often than it has nodes.
  if (++converted_ > 2 * limits_.objects) refuse("it contains itself too often");

  const bool is_mutable = node.what != What::tuple && node.what != What::frozenset;
  if (is_mutable) {
    node.state = State::in_progress;
    node.number = open_++;
  }
  std::vector<Object> items;
  items.reserve(node.items.size());
  std::size_t bytes = 8;
  Index lowest = none;
  for (const Index item : node.items) {
    Made made = convert(item, depth + 1);
    items.push_back(std::move(made.object));
    bytes += made.bytes;
    lowest = std::min(lowest, made.lowest);
    if (bytes > limits_.expanded)
      refuse("it is more than " + std::to_string(limits_.expanded) +
             " bytes, where what it has once and refers to often counts each time");
  }
  Object made = convert_items(node, std::move(items));
  if (is_mutable) {
    --open_;
    node.state = State::as_read;
    if (node.contains_itself) {
      node.contains_itself = false;
      made = Object::opaque("recursive", std::to_string(node.number), {std::move(made)});
      if (lowest == node.number) lowest = none;
    }
  }
  if (lowest == none) {
    node.state = State::done;
    node.object = made;
    node.bytes = bytes;
  }
  return {std::move(made), bytes, lowest};
}

Object Unpickler::load(std::string_view pickle, const Resolve& resolve) {
  pickle_ = pickle;
  at_ = 0;
  used_ = 0;
  stack_.clear();
  memo_.clear();
  marks_.clear();
  pushed_ = converted_ = 0;
  open_ = 0;
  resolve_ = &resolve;
  struct Forget {  // or what was made would stay, and be copied when it is changed
    Unpickler& self;
    ~Forget() {
      for (std::size_t i = 0; i < self.used_; ++i) self.nodes_[i].object = Object();
      constexpr std::size_t kept = 4096;
      if (self.nodes_.size() > kept) self.nodes_.resize(kept);
    }
  } const forget{*this};
  if (pickle.empty() || static_cast<unsigned char>(pickle[0]) != 0x80)
    refuse("it does not begin as one of protocol 3 to 5 does");
  while (step()) {
  }
  if (stack_.size() != 1 || !marks_.empty())
    refuse("it ends with " + std::to_string(stack_.size()) + " objects on the stack");
  return convert(stack_[0], 0).object;
}

}  // namespace lagoon::remote
