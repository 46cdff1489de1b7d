#pragma once
/// Python's pickles, protocols 3 to 5 in and 4 out, as Objects: nothing is run, and nothing
/// imported.
///
///   Object o = Unpickler(limits).load(bytes);
///   std::string bytes = pickled(o);
///
/// None, bool, int, float, str, bytes, list, tuple, dict, set and frozenset are what they are in
/// Objects. All else is opaque, and goes back as it came, by these conventions:
///
///   opaque_kind()       opaque_bytes()     elements()
///   "global"            module LF name     none: a class or a function, by its name
///   "module.name", or   what was done:     what it was done with, in that order:
///   "object", if its      R                  a callable, its arguments
///   callable is no        N                  a class, its arguments (__new__)
///   global                X                  a class, its arguments, those with names
///                         b                  a state
///                         a3; s3; e3;        three items that were appended; three keys, each with
///                                            its value; three items that were added
///   "recursive"         a number           what contains itself: there stands
///   "recursion"         that number        none
///
/// An Object is a value, so what a pickle has once and refers to twice is there twice, and equal.
///
/// Bad input is InvalidArgument, with what was wrong and where: opcodes that are unknown or ask for
/// objects by other ways (PERSID, EXT, INST, OBJ, out-of-band buffers; protocols 0 to 2), what ends
/// early, has too few on the stack or asks the memo for what it has not. So is what is beyond the
/// limits: all that is made is bounded by them, however small the pickle.

#include <lagoon/object.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace lagoon::remote {

struct PickleLimits {
  std::size_t objects = std::size_t{1} << 22;   // that it has, those it refers to again included
  std::size_t expanded = std::size_t{1} << 30;  // bytes, where what is shared counts each time
  std::size_t integer = std::size_t{1} << 16;   // bytes of one int
  int nesting = Object::max_depth;              // not more than that
};

/// "multiprocessing.managers", "Token": what stands for a global.
Object global(std::string_view module, std::string_view name);
/// What calling it with these arguments makes, which are a tuple.
Object reduced(Object callable, Object arguments);
/// Whether it is what calling that global has made, and nothing else was done to it: then the
/// arguments; else null.
const Object* arguments_of(const Object& o, std::string_view kind);

class Unpickler {
 public:
  /// What takes the place of a proxy that is found in a pickle (of `RebuildProxy`, as it came).
  using Resolve = std::function<Object(Object proxy)>;

  explicit Unpickler(const PickleLimits& limits = {}) : limits_(limits) {}
  Object load(std::string_view pickle, const Resolve& resolve = {});

 private:
  using Index = std::uint32_t;
  enum class What : std::uint8_t { atom, list, tuple, dict, set, frozenset, instance };
  enum class State : std::uint8_t { as_read, in_progress, done };
  /// One that was read; its items are others.
  struct Node {
    What what = What::atom;
    State state = State::as_read;
    bool contains_itself = false;
    Index number = 0;       // of one in progress: how many mutable ones are around it
    std::size_t bytes = 0;  // of one that is done, expanded
    Object object;          // an atom, or one that is done
    std::string done;       // of an instance: what was done to it
    std::vector<Index> items;
  };
  struct Made;

  [[noreturn]] void refuse(const std::string& says) const;
  std::string_view take(std::size_t n);
  template <class T>
  T take_number();
  std::string_view take_counted(std::uint64_t n);
  std::string_view take_line();

  Index add(What what);
  void push(Index i);
  void push_atom(Object o);
  Index pop();
  Node& top(What what, const char* wanted);
  std::size_t since_mark();
  void push_items(What what, std::size_t from);
  void append(const char* op, What what, char letter, std::size_t from, bool in_pairs);
  void memoize();
  void put_in_memo(std::uint64_t i);
  void get(std::uint64_t i);
  void make(char letter, std::size_t parts);
  void build();
  bool step();  // false at the end

  Made convert(Index i, int depth);
  Object convert_items(const Node& node, std::vector<Object>&& items);

  PickleLimits limits_;
  std::string_view pickle_;
  std::size_t at_ = 0;
  std::vector<Node> nodes_;
  std::size_t used_ = 0;
  std::vector<Index> stack_, memo_;
  std::vector<std::size_t> marks_;
  const Resolve* resolve_ = nullptr;
  Index open_ = 0;  // mutable ones in progress
  std::size_t pushed_ = 0, converted_ = 0;
};

/// What takes the place of one of Kind::shared in a pickle; or of what "lagoon" has made, if it is
/// another.
using ProxyOf = std::function<Object(const Object& shared)>;
/// Behind what is in `to`. TypeMismatch for what is shared, if nothing takes its place.
void pickle(std::string& to, const Object& o, const ProxyOf& proxy_of = {});
[[nodiscard]] std::string pickled(const Object& o, const ProxyOf& proxy_of = {});

}  // namespace lagoon::remote
