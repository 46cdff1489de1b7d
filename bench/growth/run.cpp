#include "run.hpp"

#include <algorithm>

#include "contention/crew.hpp"

namespace growth {

void throw_if_interrupted() {
  if (contention::interrupted()) throw Interrupted();
}

void Run::go() {
  for (; at_ < parts_.size(); ++at_) {
    throw_if_interrupted();
    part_began_ = figures::wall_seconds();
    show();
    parts_[at_].run();
    foreseen_ += parts_[at_].seconds;
    took_ += figures::wall_seconds() - part_began_;
  }
  progress_.finish();
}

void Run::measure(int size, double seconds, const std::vector<Way>& ways) {
  std::vector<const Way*> order;
  for (const Way& way : ways) {
    way.panel.line(way.whose, way.name);  // in this order, whichever is measured first
    order.push_back(&way);
  }
  for (int i = 0; i < effort_.repetitions; ++i) {
    std::shuffle(order.begin(), order.end(), order_);
    for (const Way* way : order) {
      throw_if_interrupted();
      show();
      way->panel.line(way->whose, way->name).at[size].add(way->measure(seconds));
    }
  }
}

/// How much longer the parts so far took than was foreseen is believed of the rest.
void Run::show() {
  double rest = 0;
  for (std::size_t i = at_; i < parts_.size(); ++i) rest += parts_[i].seconds;
  const double slower = (took_ + 1) / (foreseen_ + 1);
  const double within = figures::wall_seconds() - part_began_;
  progress_.show(at_ + 1, parts_.size(), std::max(rest * slower - within, 0.0), parts_[at_].name);
}

}  // namespace growth
