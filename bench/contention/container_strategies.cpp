/// Dicts, lists and queues that processes share.

#include "containers.hpp"

namespace contention {
namespace {

template <class K, class V>
using OrderedMap = peers::UnderMutex<peers::OrderedMap, K, V>;
template <class K, class V>
using HashMap = peers::UnderMutex<peers::HashMap, K, V>;
using Message = detail::Message;

}  // namespace

void add_containers(Strategies& to) {
  add_dict<peers::Lagoon>("Dict", Family::lagoon, to);
  add_dict<OrderedMap>("Boost.Interprocess map", Family::peer, to);
  add_dict<HashMap>("Boost.Unordered map", Family::peer, to);
#ifdef LAGOON_HAS_LMDB
  add_dict<peers::Lmdb>("LMDB", Family::peer, to);
#endif
  add_list<peers::LagoonList<double>>("List", Family::lagoon, to);
  add_list<peers::GuardedVector<double>>("Boost.Interprocess vector", Family::peer, to);
  add_queue<peers::LagoonQueue<Message>>("Queue", Family::lagoon, to);
  add_queue<peers::LagoonTaskQueue<Message>>("JoinableQueue", Family::lagoon, to);
  add_queue<peers::SpscQueue<Message>>("Boost.Lockfree spsc", Family::peer, to, 2);
  add_queue<peers::MpmcQueue<Message>>("Boost.Lockfree queue", Family::peer, to);
  add_queue<peers::InterprocessQueue<Message>>("Boost.Interprocess queue", Family::peer, to);
}

}  // namespace contention
