/// Redis' dict, list and queue, where redis-server is installed and this was built with hiredis.

#include "machine.hpp"
#include "strategy.hpp"
#ifdef LAGOON_HAS_HIREDIS
#include "containers.hpp"
#include "redis_peer.hpp"
#endif

namespace contention {

void add_redis(Strategies& to) {
  const std::string name = "Redis";
#ifdef LAGOON_HAS_HIREDIS
  // A server is started for each cell.
  constexpr Overhead starts_a_server{0.02, 0.0008};
  constexpr Overhead starts_and_fills_it{0.02, 0.0008, 2e-6};
  const std::size_t first = to.size();
  add_dict<peers::Redis>(name, Family::peer, to, starts_and_fills_it);
  add_list<peers::RedisList<double>>(name, Family::peer, to, starts_a_server);
  add_queue<peers::RedisQueue<detail::Message>>(name, Family::peer, to, max_children,
                                                starts_a_server);
  if (first_line_of("redis-server --version 2>&-").empty())
    for (std::size_t i = first; i < to.size(); ++i)
      to[i].unavailable = "no redis-server on this machine (Debian's package: redis-server)";
#else
  const auto takes = [](const Place& place) {
    const Workload& workload = place.workload;
    return workload.is_of_a_dict() || workload.is_of_a_list() ||
           workload.operation == Operation::pass;
  };
  to.push_back({name,
                Family::peer,
                takes,
                {},
                "this was built without hiredis (Debian's package: libhiredis-dev)",
                {}});
#endif
}

}  // namespace contention
