/// Dicts, lists and queues that processes share.

#include "containers.hpp"

namespace contention {
namespace {

template <class K, class V>
using OrderedMap = peers::UnderMutex<peers::OrderedMap, K, V>;
template <class K, class V>
using HashMap = peers::UnderMutex<peers::HashMap, K, V>;
using Message = detail::Message;

/// Without a lock, to show that what is torn or lost is found: a place for each of the keys.
template <class K, class V>
class NoLock {
 public:
  explicit NoLock(peers::Room room) : values_(room.keys) {}
  bool get(K key, V& value) {
    value = place_of(key);
    return true;
  }
  void set(K key, const V& value) { place_of(key) = value; }
  template <class F>
  void update(K key, F&& f) {
    f(place_of(key));
  }

 private:
  /// nth_key backwards.
  V& place_of(K key) {
    asm volatile("" ::: "memory");  // what others have written meanwhile
    constexpr std::uint64_t inverse = 0xf1de'83e1'9937'733d;
    static_assert(inverse * 0x9e37'79b9'7f4a'7c15 == 1);
    return values_.get_obj()[static_cast<std::uint64_t>(key) * inverse - 1];
  }
  lagoon::Array<V, lagoon::mode::raw> values_;
};
class ListWithoutLock {
 public:
  explicit ListWithoutLock(peers::Place elements) : values_(static_cast<std::size_t>(elements)) {}
  double get(peers::Place i) { return at(i); }
  void add(peers::Place i) { at(i) += 1; }
  void append(double x) { at(0) = x; }
  double pop() { return at(0); }

 private:
  double& at(peers::Place i) {
    asm volatile("" ::: "memory");
    return values_.get_obj()[static_cast<std::size_t>(i)];
  }
  lagoon::Array<double, lagoon::mode::raw> values_;
};

}  // namespace

void add_containers(Strategies& to) {
  add_dict<peers::Lagoon>("Dict", Family::lagoon, to);
  add_dict<OrderedMap>("Boost.Interprocess map", Family::peer, to);
  add_dict<HashMap>("Boost.Unordered map", Family::peer, to);
#ifdef LAGOON_HAS_LMDB
  add_dict<peers::Lmdb>("LMDB", Family::peer, to);
#endif
  add_dict_of_records<NoLock>("no lock", Family::control, to);
  add_list<peers::LagoonList<double>>("List", Family::lagoon, to);
  add_list<peers::GuardedVector<double>>("Boost.Interprocess vector", Family::peer, to);
  add_list<ListWithoutLock>("no lock", Family::control, to);
  add_queue<peers::LagoonQueue<Message>>("Queue", Family::lagoon, to);
  add_queue<peers::LagoonTaskQueue<Message>>("JoinableQueue", Family::lagoon, to);
  add_queue<peers::SpscQueue<Message>>("Boost.Lockfree spsc", Family::peer, to, 2);
  add_queue<peers::MpmcQueue<Message>>("Boost.Lockfree queue", Family::peer, to);
  add_queue<peers::InterprocessQueue<Message>>("Boost.Interprocess queue", Family::peer, to);
}

}  // namespace contention
