#include <lagoon/core/slab.hpp>

#include <lagoon/core/in_this_order.hpp>
#include <lagoon/error.hpp>

#include <bit>

namespace lagoon::core {

namespace {

/// f(class) for each in the set.
template <class F>
void each_of(std::uint32_t set, F&& f) {
  for (; set != 0; set &= set - 1) f(static_cast<unsigned>(std::countr_zero(set)));
}

}  // namespace

Slab::Made Slab::make(std::size_t bytes, std::uint32_t tag) {
  const unsigned c = class_of(bytes);
  Class& k = classes_[c];
  while (k.pushed.load(relaxed) - k.popped.load(relaxed) <= kept_back)
    if (!carve(c)) return {};
  const std::uint32_t first = k.first.load(relaxed);
  const std::uint32_t popped = k.popped.load(relaxed);
  const std::uint32_t made_from = made_from_.load(relaxed);
  if ((made_from >> c & 1) == 0) {
    k.first_before.store(first, relaxed);
    k.popped_before.store(popped, relaxed);
    in_this_order();
    made_from_.store(made_from | 1U << c, relaxed);
    in_this_order();
  }
  if (first == 0 || (std::uint64_t{first} + class_units[c]) * unit > reach()) [[unlikely]]
    throw_damaged();
  Node* const n = node_at(first);
  k.first.store(n->next.load(relaxed), relaxed);
  k.popped.store(popped + 1, relaxed);
  const std::uint32_t generation = n->generation.load(relaxed) + 1;
  n->generation.store(generation, relaxed);
  boost::atomic_thread_fence(boost::memory_order_release);  // (1)
  n->bytes.store(static_cast<std::uint32_t>(bytes), relaxed);
  n->tag.store(tag, relaxed);
  return {{first, generation}, n};
}

void Slab::drop(Reference r) {
  const unsigned c = class_of(node(r).bytes.load(relaxed));
  Class& k = classes_[c];
  const std::uint32_t dropped_to = dropped_to_.load(relaxed);
  if ((dropped_to >> c & 1) == 0) {
    k.dropped_first.store(r.unit(), relaxed);
    k.dropped.store(1, relaxed);
    dropped_to_.store(dropped_to | 1U << c, relaxed);
  } else {
    node_at(k.dropped_last.load(relaxed))->next.store(r.unit(), relaxed);
    k.dropped.store(k.dropped.load(relaxed) + 1, relaxed);
  }
  k.dropped_last.store(r.unit(), relaxed);
}

void Slab::seal() noexcept {
  each_of(dropped_to_.load(relaxed), [&](unsigned c) {
    Class& k = classes_[c];
    k.last_before.store(k.last.load(relaxed), relaxed);
    k.pushed_after.store(k.pushed.load(relaxed) + k.dropped.load(relaxed), relaxed);
  });
}

void Slab::settle(bool published) noexcept {
  if (carving_.of.load(relaxed) != 0) finish_carving();
  if (published)
    each_of(dropped_to_.load(relaxed), [&](unsigned c) {
      Class& k = classes_[c];
      node_at(k.last_before.load(relaxed))->next.store(k.dropped_first.load(relaxed), relaxed);
      k.last.store(k.dropped_last.load(relaxed), relaxed);
      k.pushed.store(k.pushed_after.load(relaxed), relaxed);
    });
  else
    each_of(made_from_.load(relaxed), [&](unsigned c) {
      Class& k = classes_[c];
      k.first.store(k.first_before.load(relaxed), relaxed);
      k.popped.store(k.popped_before.load(relaxed), relaxed);
    });
  in_this_order();
  made_from_.store(0, relaxed);
  dropped_to_.store(0, relaxed);
}

void Slab::add(std::uint64_t offset, std::uint64_t bytes) noexcept {
  const std::uint64_t end = offset + bytes;
  if (end > reach_.load(relaxed)) reach_.store(end, relaxed);
  in_this_order();
  Region added(0);
  added.next = static_cast<std::uint32_t>(offset / unit);
  added.end = static_cast<std::uint32_t>(end / unit);
  region_.store(added.word(), relaxed);
}

/// Appends some new nodes to the queue; false if there is no memory for one.
bool Slab::carve(unsigned c) noexcept {
  Class& k = classes_[c];
  Region region(region_.load(relaxed));
  const std::uint32_t units = class_units[c];
  const std::uint32_t count = std::min<std::uint32_t>((region.end - region.next) / units,
                                                      std::max<std::uint32_t>(1, 8 / units));
  if (count == 0) return false;
  const std::uint32_t first = region.next;
  const std::uint32_t last = first + (count - 1) * units;
  for (std::uint32_t at = first; at != last; at += units)
    node_at(at)->next.store(at + units, relaxed);
  region.next = last + units;

  const std::uint32_t pushed = k.pushed.load(relaxed);
  carving_.first.store(first, relaxed);
  carving_.last.store(last, relaxed);
  carving_.last_before.store(pushed == 0 ? 0 : k.last.load(relaxed), relaxed);
  carving_.pushed_after.store(pushed + count, relaxed);
  carving_.region_after.store(region.word(), relaxed);
  in_this_order();
  carving_.of.store(c + 1, relaxed);
  in_this_order();
  finish_carving();
  return true;
}

void Slab::finish_carving() noexcept {
  Class& k = classes_[carving_.of.load(relaxed) - 1];
  const std::uint32_t last_before = carving_.last_before.load(relaxed);
  // Of the first ones nobody has taken any: a class keeps some back.
  (last_before == 0 ? k.first : node_at(last_before)->next)
      .store(carving_.first.load(relaxed), relaxed);
  k.last.store(carving_.last.load(relaxed), relaxed);
  k.pushed.store(carving_.pushed_after.load(relaxed), relaxed);
  region_.store(carving_.region_after.load(relaxed), relaxed);
  in_this_order();
  carving_.of.store(0, relaxed);
}

bool Slab::is_sound(std::uint64_t at, std::uint64_t memory) const noexcept {
  const std::uint64_t end = reach();
  const auto is_within = [&](const Word& place) {
    return std::uint64_t{place.load(relaxed)} * unit + sizeof(Node) <= end;
  };
  const Region region(region_.load(relaxed));
  constexpr std::uint32_t sets = 1U << class_units.size();
  return is_readable(at, memory) && region.next <= region.end &&
         std::uint64_t{region.end} * unit <= end && made_from_.load(relaxed) < sets &&
         dropped_to_.load(relaxed) < sets && carving_.of.load(relaxed) <= class_units.size() &&
         is_within(carving_.first) && is_within(carving_.last) && is_within(carving_.last_before) &&
         std::all_of(classes_.begin(), classes_.end(), [&](const Class& k) {
           return is_within(k.first) && is_within(k.last) && is_within(k.first_before) &&
                  is_within(k.dropped_first) && is_within(k.dropped_last) &&
                  is_within(k.last_before);
         });
}

void Slab::throw_damaged() {
  throw LayoutMismatch(
      "a container is damaged: it leads to where nothing can be; what is in it cannot be trusted, "
      "erase it");
}

std::uint64_t Slab::free_bytes() const noexcept {
  const Region region(region_.load(relaxed));
  std::uint64_t units = region.end - region.next;
  for (unsigned c = 0; c < classes_.size(); ++c)
    units += std::uint64_t{classes_[c].pushed.load(relaxed) - classes_[c].popped.load(relaxed)} *
             class_units[c];
  return units * unit;
}

}  // namespace lagoon::core
