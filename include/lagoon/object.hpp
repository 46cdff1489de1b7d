#pragma once
/// `Object`: a value of any of Python's types, which behaves as Python's would.
///
///   Object o = Object::dict({{"name", "tick"}, {"prices", Object::list(1, 2.5)}});
///   o["prices"].append("x");   o["n"] = 3;   o["n"] += 1;   int(o["n"]);   o["n"] == 4;
///   for (auto [key, value] : o.items()) std::cout << key << ' ' << value << '\n';   // print.hpp
///
///   Into it, implicitly                              Out of it, explicitly: T(o), o.get<T>()
///   None       nullptr, nullopt, an empty optional   nullptr_t; optional: get only
///   bool       bool                                  bool: get only; bool(o) is its truth
///   int        every integer type; integer()         those that can hold it, else OutOfRange
///   float      float, double, long double            those; of an int too
///   str        const char*, string(_view), char      string, string_view, char
///   bytes      ranges of std::byte; bytes()          vector, span of const std::byte
///   list       ranges of these; list(), list_of()    vector, array, …; of a tuple too
///   tuple      tuple, pair; tuple(), tuple_of()      tuple, pair, …; of a list too
///   dict       maps; dict()                          maps
///   set        sets; set(), set_of()                 sets
///   frozenset  frozenset(), frozenset_of()           sets
///   opaque     opaque()                              opaque_kind(), opaque_bytes(), elements()
///   shared     Dict, List, …; shared<H>()            Dict, List, …; shared_as<H>()
///
/// Equality, order, hash, truth, arithmetic, repr and the words of the errors are Python's (3.11),
/// with these differences:
///  - It is a value: nothing can contain itself or see another's change, and there is no identity,
///    so a NaN is equal to nothing, not even within containers.
///  - A set keeps the order of insertion, as a dict does; Python's own is an accident of its table.
///  - A str is UTF-8 in which lone surrogates may stand as three bytes, as in Python's pickles.
///    Other bytes are InvalidArgument. What has surrogates is printed with them.
///  - A str has a size() in characters, but neither items nor an iterator.
///  - An int of any size has a str. An opaque one hashes by structure, even with a list in it.
///  - Nested deeper than max_depth, it cannot be compared, hashed or shown (UsageError; up to there
///    that takes 256 KiB of stack or less); it can be made, copied, changed and destroyed.
///
/// One of Kind::shared refers to a container in shared memory (shared_object.hpp), and its copies
/// to the same: what changes it (set_item, append, …) changes that, for all. What would look into
/// it (a const at(), items(), a walk) is a TypeMismatch; open it: Dict<>(o), List<>(o).
///
/// 16 bytes. What fits is inside: None, bool, float, an int of 64 bits, a str or bytes of up to 14.
/// The rest is shared by its copies, counted, and copied when one that has copies is changed: so a
/// copy is O(1), the first change of one O(n). Copies may be used in different threads; one Object
/// as a const one in many, else by one at a time. Moving and destroying never throw or recurse.
///
/// Errors say Python's name and words: a TypeMismatch is its TypeError or AttributeError,
/// OutOfRange IndexError, KeyError or OverflowError, InvalidArgument ValueError, UsageError
/// RecursionError. What throws changes nothing.

#include <lagoon/object_concepts.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace lagoon {

namespace detail {

struct ObjectInside;
template <class>
struct ObjectFrom;
class TheDead;

/// What Objects share, and count.
class SharedNode {
 public:
  SharedNode() = default;
  SharedNode(const SharedNode&) noexcept {}
  SharedNode& operator=(const SharedNode&) = delete;
  virtual ~SharedNode() = default;

 private:
  friend ObjectInside;
  friend TheDead;
  /// Hands on what it holds, so that no destructor calls another.
  virtual void give_up(TheDead&) noexcept {}
  std::uintptr_t word_ = 1;  // how many Objects hold it; then, where the next dead one is
};

/// The first half of an Object. A short text goes on in the second. What is not used is zero.
struct ObjectHead {
  unsigned char tag = 0;
  unsigned char length = 0;
  char text[6] = {};
};

}  // namespace detail

class Object {
 public:
  /// Which of Python's types it is of; real is float.
  enum class Kind : unsigned char {
    none,
    boolean,
    integer,
    real,
    str,
    bytes,
    list,
    tuple,
    dict,
    set,
    frozenset,
    opaque,
    shared
  };
  /// Values within values: what lies deeper cannot be compared, hashed or shown.
  static constexpr int max_depth = 1000;

  class Element;
  class Handle;
  template <bool of_pairs>
  class IteratorOf;
  /// Forward, over const Objects; good until what it walks over changes.
  using Iterator = IteratorOf<false>;
  struct Items;

  Object() noexcept : word_(0) {}  // None
  template <class T>
  requires(!std::same_as<std::remove_cvref_t<T>, Object> &&
           !std::same_as<std::remove_cvref_t<T>, Element> && IntoObject<T>)
      Object(T&& x)  // NOLINT: converts by design
  noexcept(detail::goes_in_noexcept<std::remove_cvref_t<T>>)
      : Object(detail::ObjectFrom<std::remove_cvref_t<T>>::make(std::forward<T>(x))) {}
  Object(const Object& other) noexcept : head_(other.head_), word_(other.word_) {
    if (is_counted()) count();
  }
  Object(Object&& other) noexcept
      : head_(std::exchange(other.head_, {})), word_(std::exchange(other.word_, 0)) {}
  Object& operator=(const Object& other) noexcept { return *this = Object(other); }
  Object& operator=(Object&& other) noexcept {
    Object old(std::move(*this));  // which may hold `other`
    head_ = std::exchange(other.head_, {});
    word_ = std::exchange(other.word_, 0);
    return *this;
  }
  ~Object() {
    if (is_counted()) release();
  }

  /// Of these items: list(1, "a") is [1, 'a'], list(v) is [v].
  template <std::convertible_to<Object>... T>
  static Object list(T&&... items);
  template <std::convertible_to<Object>... T>
  static Object tuple(T&&... items);
  template <std::convertible_to<Object>... T>
  static Object set(T&&... items);
  template <std::convertible_to<Object>... T>
  static Object frozenset(T&&... items);
  /// Of the items of a range, or of an Object that has some.
  template <detail::Iterable R>
  static Object list_of(R&& range);
  template <detail::Iterable R>
  static Object tuple_of(R&& range);
  template <detail::Iterable R>
  static Object set_of(R&& range);
  template <detail::Iterable R>
  static Object frozenset_of(R&& range);
  static Object dict(std::initializer_list<std::pair<Object, Object>> items = {});
  static Object bytes(std::string_view bytes);
  static Object bytes(std::span<const std::byte> bytes);
  /// Of decimal digits, with a sign or not. O(n²).
  static Object integer(std::string_view digits);
  /// Of two's complement, the lowest byte first: as Python pickles it; none is 0.
  static Object integer(std::span<const std::byte> bytes);
  /// A value of a type that only its owner knows: called `kind`, compared and hashed by structure.
  static Object opaque(std::string kind, std::string bytes, std::vector<Object> children = {});
  /// A reference to what lies elsewhere: an H, which is a Handle, made of the arguments.
  template <std::derived_from<Handle> H, class... Args>
  static Object shared(Args&&... args);

  /// Python's type(), of those that there are here.
  [[nodiscard]] Kind kind() const noexcept { return static_cast<Kind>(tag() & ~counted); }
  /// Python's `is None`.
  [[nodiscard]] bool is_none() const noexcept { return kind() == Kind::none; }
  /// 'int', 'NoneType', …; of an opaque one its kind, of a shared one what its handle says.
  [[nodiscard]] std::string_view type_name() const noexcept;
  [[nodiscard]] std::string repr() const;
  [[nodiscard]] std::string str() const;
  /// The same in every process. TypeMismatch for a list, dict, set, and for what holds one.
  [[nodiscard]] std::size_t hash() const;
  /// Python's len(). O(1), but for a str.
  [[nodiscard]] std::size_t size() const;
  /// Python's truth.
  explicit operator bool() const;

  template <class T>
  requires(OutOfObject<T> && !std::same_as<T, bool> && !std::same_as<T, Object>)  //
      explicit
      operator T() const& {
    return get<T>();
  }
  template <detail::ViewOfObject T>
  explicit operator T() const&& = delete;  // it would look into what is about to go
  /// A T of it, or TypeMismatch; OutOfRange where a T cannot hold it.
  template <OutOfObject T>
  [[nodiscard]] T get() const&;
  template <detail::ViewOfObject T>
  T get() const&& = delete;  // it would look into what is about to go

  /// By an index from either end, or by a key.
  const Object& operator[](const Object& key) const& { return at(key); }
  Object operator[](const Object& key) && { return std::move(*this).at(key); }
  /// For writing and reading: o["k"] = x, o["k"] += x, o["k"][0] = x.
  Element operator[](const Object& key) &;
  [[nodiscard]] const Object& at(const Object& key) const&;
  [[nodiscard]] Object at(const Object& key) &&;  // of what is shared too
  /// In a dict: what lies under the key, or null, until the dict changes. O(1).
  [[nodiscard]] const Object* find(const Object& key) const&;
  const Object* find(const Object& key) const&& = delete;
  [[nodiscard]] Object get(const Object& key, Object otherwise = {}) const;
  /// Python's `x in o`. O(1) in a dict, set or frozenset.
  [[nodiscard]] bool contains(const Object& x) const;
  /// Over the items of a list, tuple, set or frozenset, and the keys of a dict.
  [[nodiscard]] Iterator begin() const;
  [[nodiscard]] Iterator end() const;
  /// Over the pairs of a dict, which must not be a temporary.
  [[nodiscard]] Items items() const&;
  Items items() const&& = delete;
  /// Of a list, a tuple or an opaque one.
  [[nodiscard]] std::span<const Object> elements() const&;
  std::span<const Object> elements() const&& = delete;

  void set_item(const Object& key, Object value);  ///< o[key] = value: a list, a dict
  void erase(const Object& key);                   ///< del o[key], or a set's remove(key)
  void append(Object x);                           ///< a list
  void insert(const Object& index, Object x);      ///< a list
  Object pop();                                    ///< a list's last
  Object pop(const Object& key);                   ///< a list, a dict
  void add(Object x);                              ///< a set
  bool discard(const Object& x);                   ///< a set: whether it was there
  void clear();                                    ///< a list, a dict, a set

  /// A method of a type that was registered (registered_type.hpp): of what is shared.
  template <class... A>
  requires(std::convertible_to<A, Object>&&...)  //
      Object call(std::string_view method, A&&... arguments)
  const;

  friend bool operator==(const Object& a, const Object& b) {
    if (a.tag() == b.tag() && !a.is_counted() && a.kind() != Kind::real)
      return std::bit_cast<std::uint64_t>(a.head_) == std::bit_cast<std::uint64_t>(b.head_) &&
             a.word_ == b.word_;
    return equal(a, b);
  }
  friend bool operator<(const Object& a, const Object& b) { return ordered(a, "<", b); }
  friend bool operator<=(const Object& a, const Object& b) { return ordered(a, "<=", b); }
  friend bool operator>(const Object& a, const Object& b) { return ordered(a, ">", b); }
  friend bool operator>=(const Object& a, const Object& b) { return ordered(a, ">=", b); }

  /// Of numbers; `+` of two strs, bytes, lists or tuples; `*` of one and an int; `-` of sets.
  friend Object operator+(const Object& a, const Object& b) { return sum(a, b, "+"); }
  friend Object operator-(const Object& a, const Object& b) { return difference(a, b, "-"); }
  friend Object operator*(const Object& a, const Object& b) { return product(a, b, "*"); }
  friend Object operator-(const Object& a) { return negative(a); }
  Object& operator+=(const Object& x);  // of a list: O(size of x) while it has no copies
  Object& operator-=(const Object& x) { return *this = difference(*this, x, "-="); }
  Object& operator*=(const Object& x);

  /// What opaque() was given; TypeMismatch of anything else.
  [[nodiscard]] std::string_view opaque_kind() const&;
  /// Likewise. Its children are elements().
  [[nodiscard]] std::string_view opaque_bytes() const&;
  /// Whether it is an int that an int64_t holds.
  [[nodiscard]] bool is_int64() const noexcept {
    return tag() == static_cast<unsigned char>(Kind::integer);
  }
  /// Of an int: two's complement in as few bytes as hold it, the lowest first; none for 0.
  [[nodiscard]] std::vector<std::byte> integer_bytes() const;
  /// The handle, if this is shared and the handle an H; else null.
  template <std::derived_from<Handle> H>
  [[nodiscard]] const H* shared_as() const noexcept;

 private:
  friend detail::ObjectInside;
  template <class>
  friend struct detail::ObjectFrom;

  static constexpr unsigned char counted = 0x80;  // in a tag: word_ is a SharedNode*
  static constexpr unsigned char erased = 0x7F;   // a tag: what was an item of a dict or set
  static constexpr std::size_t short_length = 14;

  Object(Kind kind, std::uint64_t word) noexcept
      : head_{static_cast<unsigned char>(kind)}, word_(word) {}

  [[nodiscard]] unsigned char tag() const noexcept { return head_.tag; }
  [[nodiscard]] bool is_counted() const noexcept { return (tag() & counted) != 0; }
  void count() const noexcept;
  void release() noexcept;
  static bool equal(const Object& a, const Object& b);
  static bool ordered(const Object& a, const char* op, const Object& b);
  static Object sum(const Object& a, const Object& b, const char* op);
  static Object difference(const Object& a, const Object& b, const char* op);
  static Object product(const Object& a, const Object& b, const char* op);
  static Object negative(const Object& a);

  detail::ObjectHead head_;
  std::uint64_t word_;
};
static_assert(sizeof(Object) == 16);

}  // namespace lagoon

template <>
struct std::hash<lagoon::Object> {
  std::size_t operator()(const lagoon::Object& o) const { return o.hash(); }
};

#include <lagoon/object_access.hpp>
