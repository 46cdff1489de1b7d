#include "deadlocks.hpp"

#include <lagoon/error.hpp>
#include <lagoon/inspection.hpp>

#include <algorithm>
#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <thread>
#include <utility>

namespace tool {

namespace {

using lagoon::Inspection;
using Thread = std::uint32_t;

struct Edge {
  std::string object;
  Thread holder;
  bool is_its_holders;
  bool operator==(const Edge&) const = default;
};
/// Of each thread that waits. It does so for one thing at a time.
using Graph = std::map<Thread, Edge>;

/// Of RLocks and of turns to change something; not of a Lock, or what may be guarded by one.
bool only_its_holder_gives_back(const std::string& type) {
  const std::size_t lock = type.find("Lock");
  return !type.starts_with("Condition") &&
         (lock == std::string::npos || (lock != 0 && type[lock - 1] == 'R'));
}

Graph graph_of(const std::vector<Examined>& examined) {
  Graph graph;
  for (const auto& [segment, processes] : examined)
    for (const auto& entry : segment.objects()) try {
        const auto object = Inspection::of(segment, entry.name);
        if (!object) continue;
        const auto holder = object->holder();
        if (!holder || holder->is_dead || process_of(holder->thread, processes) == nullptr)
          continue;
        for (const auto& [thread, has_deadline] : object->waits().waiting)
          if (!has_deadline && process_of(thread, processes) != nullptr)
            graph.insert_or_assign(thread, Edge{segment.name() + "/" + entry.name, holder->thread,
                                                only_its_holder_gives_back(object->type())});
      } catch (const lagoon::Gone&) {  // erased meanwhile
      }
  return graph;
}

}  // namespace

std::vector<Circle> deadlocks_among(const std::vector<Examined>& examined) {
  constexpr unsigned looks = 20;
  constexpr auto between = std::chrono::milliseconds(5);
  Graph graph = graph_of(examined);
  for (unsigned i = 1; i < looks && !graph.empty(); ++i) {
    std::this_thread::sleep_for(between);
    const Graph now = graph_of(examined);
    std::erase_if(graph, [&](const auto& edge) {
      const auto same = now.find(edge.first);
      return same == now.end() || !(same->second == edge.second);
    });
  }
  std::vector<Circle> circles;
  std::set<Thread> seen;  // by an earlier walk too
  for (const auto& [first, unused] : graph) {
    std::vector<Thread> walk;
    Thread thread = first;
    for (auto edge = graph.find(thread); edge != graph.end() && seen.insert(thread).second;
         edge = graph.find(thread)) {
      walk.push_back(thread);
      thread = edge->second.holder;
    }
    Circle circle;
    for (auto at = std::find(walk.begin(), walk.end(), thread); at != walk.end(); ++at)
      circle.push_back({*at, graph.at(*at).object, graph.at(*at).is_its_holders});
    if (!circle.empty()) circles.push_back(std::move(circle));
  }
  return circles;
}

}  // namespace tool
