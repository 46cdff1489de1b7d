#pragma once
/// Dicts that processes share: lagoon's, and what it is measured beside, each with
///
///   bool get(key, value&)    void set(key, value)    void update(key, f)    f(value&), as one step
///
/// V is a number, a plain struct, or std::string. Children that are forked later use the one that
/// they inherit, but for LMDB's and Redis': in_child(store) is theirs.

#include <boost/interprocess/containers/map.hpp>
#include <boost/interprocess/containers/string.hpp>
#include <boost/unordered_map.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <lagoon/lagoon.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "peers_memory.hpp"
#ifdef LAGOON_HAS_LMDB
#include "lmdb_peer.hpp"
#endif

namespace peers {

template <class K, class V>
class Lagoon {
 public:
  explicit Lagoon(Room) {}
  bool get(K key, V& value) const { return dict_.find_into(key, value); }
  void set(K key, const V& value) { dict_.set(key, value); }
  template <class F>
  void update(K key, F&& f) {
    dict_.update_value(key, f);
  }

 private:
  lagoon::Dict<K, V> dict_;
};

/// How a V lies in Boost.Interprocess's memory.
template <class V>
struct Kept {
  using Type = V;
  static const V& made(const V& value, Manager*) { return value; }
  static void assign(V& to, const V& from) { to = from; }
};
template <>
struct Kept<std::string> {
  using Type = bip::basic_string<char, std::char_traits<char>, Allocator<char>>;
  static Type made(const std::string& value, Manager* manager) {
    return {value.data(), value.size(), Allocator<char>(manager)};
  }
  static void assign(Type& to, const std::string& from) { to.assign(from.data(), from.size()); }
  static void assign(std::string& to, const Type& from) { to.assign(from.data(), from.size()); }
};

template <class K, class V>
using ItemAllocator = Allocator<std::pair<const K, typename Kept<V>::Type>>;
template <class K, class V>
struct OrderedMap : bip::map<K, typename Kept<V>::Type, std::less<K>, ItemAllocator<K, V>> {
  explicit OrderedMap(const ItemAllocator<K, V>& a) : OrderedMap::map(std::less<K>(), a) {}
};
template <class K, class V>
struct HashMap : boost::unordered_map<K, typename Kept<V>::Type, boost::hash<K>, std::equal_to<K>,
                                      ItemAllocator<K, V>> {
  explicit HashMap(const ItemAllocator<K, V>& a)
      : HashMap::unordered_map(16, boost::hash<K>(), std::equal_to<K>(), a) {}
};

template <template <class, class> class Map, class K, class V>
class UnderMutex {
 public:
  explicit UnderMutex(Room room) : map_(room.bytes()) {}
  bool get(K key, V& value) {
    const Guard guard(map_.mutex());
    const auto found = map_->find(key);
    if (found == map_->end()) return false;
    Kept<V>::assign(value, found->second);
    return true;
  }
  void set(K key, const V& value) {
    const Guard guard(map_.mutex());
    const auto found = map_->find(key);
    if (found != map_->end())
      Kept<V>::assign(found->second, value);
    else
      map_->emplace(key, Kept<V>::made(value, map_->get_allocator().get_segment_manager()));
  }
  template <class F>
  void update(K key, F&& f) {
    const Guard guard(map_.mutex());
    f(map_->find(key)->second);
  }

 private:
  Guarded<Map<K, V>> map_;
};

/// The i-th key: each is another one, in no order that a tree or a hash could take advantage of.
template <class K>
constexpr K nth_key(std::uint64_t i) {
  return static_cast<K>((i + 1) * 0x9e37'79b9'7f4a'7c15);
}

/// key(i) with that value, for each i up to n; now and then check(), which may throw.
template <class Store, class MakeKey, class V, class Check>
void fill(Store& store, std::size_t n, MakeKey&& key, const V& value, Check&& check) {
  if constexpr (requires { store.fill(n, key, value); }) {
    store.fill(n, key, value);
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      if (i % 4096 == 0) check();
      store.set(key(i), value);
    }
  }
}

template <class Store>
Store& in_child(Store& store) {
  return store;
}

}  // namespace peers
