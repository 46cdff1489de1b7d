#pragma once
/// The dicts of dict_peers.hpp, filled.

#include <cstdint>
#include <string>
#include <utility>

#include "dict_peers.hpp"
#include "random.hpp"
#include "results.hpp"
#include "run.hpp"

namespace growth {

using Key = std::uint64_t;

constexpr Key key_of(std::uint64_t i) { return peers::nth_key<Key>(i); }

template <class Store, class V>
void fill(Store& store, std::size_t keys, const V& value) {
  peers::fill(store, keys, key_of, value, throw_if_interrupted);
}

/// One of each that processes can share, filled: each is handed to f(store, whose, name).
template <class V>
class Stores {
 public:
  Stores(std::size_t keys, const V& value, std::size_t bytes)
      : lagoon_(room(keys, bytes)),
        map_(room(keys, bytes)),
        unordered_map_(room(keys, bytes))
#ifdef LAGOON_HAS_LMDB
        ,
        lmdb_(room(keys, bytes))
#endif
  {
    each([&](auto& store, Whose, const char*) { fill(store, keys, value); });
  }

  template <class F>
  void each(F&& f) {
    f(lagoon_, Whose::lagoon, "lagoon");
    f(map_, Whose::interprocess, "Boost.Interprocess map");
    f(unordered_map_, Whose::unordered_map, "boost::unordered_map");
#ifdef LAGOON_HAS_LMDB
    f(lmdb_, Whose::lmdb, "LMDB");
#endif
  }

 private:
  static peers::Room room(std::size_t keys, std::size_t bytes) { return {keys, bytes}; }

  peers::Lagoon<Key, V> lagoon_;
  peers::UnderMutex<peers::OrderedMap, Key, V> map_;
  peers::UnderMutex<peers::HashMap, Key, V> unordered_map_;
#ifdef LAGOON_HAS_LMDB
  peers::Lmdb<Key, V> lmdb_;
#endif
};

}  // namespace growth
