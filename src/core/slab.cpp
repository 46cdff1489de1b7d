#include <lagoon/core/slab.hpp>

#include <lagoon/core/in_this_order.hpp>
#include <lagoon/error.hpp>

#include <algorithm>
#include <bit>
#include <vector>

namespace lagoon::core {

namespace {

void before_writing_to_a_piece() noexcept {
  boost::atomic_thread_fence(boost::memory_order_release);  // (3)
}

/// f(class) for each in the set.
template <class F>
void each_of(std::uint32_t set, F&& f) {
  for (; set != 0; set &= set - 1) f(static_cast<unsigned>(std::countr_zero(set)));
}

}  // namespace

Slab::Made Slab::make(std::size_t bytes, std::uint32_t tag) {
  const unsigned c = class_of(bytes);
  Class& k = classes_[c];
  if (k.pushed.load(relaxed) - k.popped.load(relaxed) <= kept_back) [[unlikely]]
    return carve(c) ? make(bytes, tag) : Made{};
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

void Slab::drop(Reference r, const Node& its_node) {
  const unsigned c = class_of(its_node.bytes.load(relaxed));
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
  if (plan_.what.load(relaxed) != 0) finish_plan();
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
  const Piece rest(piece_.load(relaxed));
  const Piece added(static_cast<std::uint32_t>(offset / unit),
                    static_cast<std::uint32_t>(end / unit));
  std::uint32_t first = rests_.load(relaxed);
  if (rest.units() != 0) {
    put_before(rest, first, side_.load(relaxed));
    first = rest.next;
  }
  plan_.piece_after.store(added.word(), relaxed);
  plan_.others_after.store(others_.load(relaxed), relaxed);
  plan_.in_others_after.store(in_others_.load(relaxed), relaxed);
  plan_.in_rests_after.store(in_rests_.load(relaxed) + rest.units(), relaxed);
  plan_.link.store(0, relaxed);
  plan_.linked_after.store(first, relaxed);
  plan_.end_of_last_after.store(added.end, relaxed);
  carry_out(Plan::to_add);
}

/// One of the others, or of the rests.
Slab::Piece Slab::piece_at(std::uint32_t at) const {
  const auto within = static_cast<std::uint32_t>(reach() / unit);
  if (at >= within) throw_damaged();
  const std::uint32_t units = head_of(at, side_.load(relaxed)).units.load(relaxed);
  if (units == 0 || units > within - at) throw_damaged();
  return {at, at + units};
}

void Slab::put_before(Piece piece, std::uint32_t next, std::uint32_t side) const noexcept {
  PieceHead& head = head_of(piece.next, side);
  before_writing_to_a_piece();
  head.units.store(piece.units(), relaxed);
  head.next.store(next, relaxed);
}

/// Appends some new nodes to the queue; false if there is no memory for one.
bool Slab::carve(unsigned c) {
  const std::uint32_t units = class_units[c];
  const std::uint32_t side = side_.load(relaxed);
  Piece piece(piece_.load(relaxed));
  std::uint32_t others = others_.load(relaxed), in_others = in_others_.load(relaxed);
  std::uint32_t link = 0, next = rests_.load(relaxed), in_rests = in_rests_.load(relaxed);
  if (piece.units() < units) {
    // Another piece: one of the first rests, or the largest of the others. What is left of this
    // one becomes a rest, in the place of that or as the first.
    constexpr int looks = 8;
    const auto next_of = [&](std::uint32_t at) { return head_of(at, side).next.load(relaxed); };
    Piece found(0);
    std::uint32_t before = 0, at = next;
    for (int i = 0; at != 0 && i < looks; ++i, before = at, at = next_of(at))
      if (const Piece rest = piece_at(at); rest.units() >= units) {
        found = rest;
        link = before;
        next = next_of(at);
        in_rests -= rest.units();
        break;
      }
    if (found.units() == 0) {
      if (others == 0) return false;
      found = piece_at(others);
      if (found.units() < units) return false;
      others = next_of(others);
      in_others -= found.units();
    }
    if (piece.units() != 0) {
      put_before(piece, next, side);
      next = piece.next;
      in_rests += piece.units();
    }
    piece = found;
  }
  const std::uint32_t count =
      std::min<std::uint32_t>(piece.units() / units, std::max<std::uint32_t>(1, 8 / units));
  const std::uint32_t first = piece.next;
  const std::uint32_t last = first + (count - 1) * units;
  before_writing_to_a_piece();
  for (std::uint32_t at = first; at != last; at += units)
    node_at(at)->next.store(at + units, relaxed);
  piece.next = last + units;

  Class& k = classes_[c];
  const std::uint32_t pushed = k.pushed.load(relaxed);
  plan_.first.store(first, relaxed);
  plan_.last.store(last, relaxed);
  plan_.last_before.store(pushed == 0 ? 0 : k.last.load(relaxed), relaxed);
  plan_.pushed_after.store(pushed + count, relaxed);
  plan_.piece_after.store(piece.word(), relaxed);
  plan_.others_after.store(others, relaxed);
  plan_.in_others_after.store(in_others, relaxed);
  plan_.in_rests_after.store(in_rests, relaxed);
  plan_.link.store(link, relaxed);
  plan_.linked_after.store(next, relaxed);
  carry_out(c + 1);
  return true;
}

void Slab::gather() {
  std::vector<Piece> pieces;
  const auto take = [&](Piece piece) {
    if (pieces.size() > reach() / unit) throw_damaged();
    pieces.push_back(piece);
  };
  for (unsigned c = 0; c < classes_.size(); ++c) {
    Class& k = classes_[c];
    const std::uint32_t units = class_units[c];
    const std::uint32_t pushed = k.pushed.load(relaxed);
    std::uint32_t at = k.first.load(relaxed), popped = k.popped.load(relaxed);
    for (; pushed - popped > kept_back; ++popped) {
      if (at == 0 || (std::uint64_t{at} + units) * unit > reach()) throw_damaged();
      take({at, at + units});
      at = node_at(at)->next.load(relaxed);
    }
    k.first_before.store(at, relaxed);
    k.popped_before.store(popped, relaxed);
  }
  if (const Piece piece(piece_.load(relaxed)); piece.units() != 0) take(piece);
  const std::uint32_t side = side_.load(relaxed);
  for (std::uint32_t at : {others_.load(relaxed), rests_.load(relaxed)})
    for (; at != 0; at = head_of(at, side).next.load(relaxed)) take(piece_at(at));

  std::sort(pieces.begin(), pieces.end(), [](Piece a, Piece b) { return a.next < b.next; });
  std::size_t joined = 0;
  for (std::size_t i = 1; i < pieces.size(); ++i)
    if (pieces[i].next == pieces[joined].end)
      pieces[joined].end = pieces[i].end;
    else
      pieces[++joined] = pieces[i];
  if (!pieces.empty())
    pieces.erase(pieces.begin() + static_cast<std::ptrdiff_t>(joined) + 1, pieces.end());
  std::sort(pieces.begin(), pieces.end(), [](Piece a, Piece b) { return a.units() < b.units(); });
  std::uint32_t first = 0, in_others = 0;
  for (const Piece piece : pieces) {
    put_before(piece, first, 1 - side);
    first = piece.next;
    in_others += piece.units();
  }
  plan_.others_after.store(first, relaxed);
  plan_.in_others_after.store(in_others, relaxed);
  plan_.in_rests_after.store(0, relaxed);
  plan_.side_after.store(1 - side, relaxed);
  carry_out(Plan::to_gather);
}

void Slab::carry_out(std::uint32_t what) noexcept {
  in_this_order();
  plan_.what.store(what, relaxed);
  in_this_order();
  finish_plan();
}

void Slab::finish_plan() noexcept {
  const std::uint32_t what = plan_.what.load(relaxed);
  if (what == Plan::to_gather) {
    for (Class& k : classes_) {
      k.first.store(k.first_before.load(relaxed), relaxed);
      k.popped.store(k.popped_before.load(relaxed), relaxed);
    }
    side_.store(plan_.side_after.load(relaxed), relaxed);
    rests_.store(0, relaxed);
    piece_.store(0, relaxed);
  } else {
    if (what == Plan::to_add) {
      end_of_last_.store(plan_.end_of_last_after.load(relaxed), relaxed);
    } else {
      Class& k = classes_[what - 1];
      const std::uint32_t last_before = plan_.last_before.load(relaxed);
      // Of the first ones nobody has taken any: a class keeps some back.
      (last_before == 0 ? k.first : node_at(last_before)->next)
          .store(plan_.first.load(relaxed), relaxed);
      k.last.store(plan_.last.load(relaxed), relaxed);
      k.pushed.store(plan_.pushed_after.load(relaxed), relaxed);
    }
    const std::uint32_t link = plan_.link.load(relaxed);
    (link == 0 ? rests_ : head_of(link, side_.load(relaxed)).next)
        .store(plan_.linked_after.load(relaxed), relaxed);
    piece_.store(plan_.piece_after.load(relaxed), relaxed);
  }
  others_.store(plan_.others_after.load(relaxed), relaxed);
  in_others_.store(plan_.in_others_after.load(relaxed), relaxed);
  in_rests_.store(plan_.in_rests_after.load(relaxed), relaxed);
  in_this_order();
  plan_.what.store(0, relaxed);
}

bool Slab::is_sound(std::uint64_t at, std::uint64_t memory) const noexcept {
  const std::uint64_t end = reach();
  const auto is_within = [&](const Word& place) {
    return std::uint64_t{place.load(relaxed)} * unit + sizeof(Node) <= end;
  };
  const Piece piece(piece_.load(relaxed));
  constexpr std::uint32_t sets = 1U << class_units.size();
  const std::uint32_t what = plan_.what.load(relaxed);
  return is_readable(at, memory) && piece.next <= piece.end &&
         std::uint64_t{piece.end} * unit <= end && made_from_.load(relaxed) < sets &&
         dropped_to_.load(relaxed) < sets && is_within(others_) && is_within(rests_) &&
         side_.load(relaxed) <= 1 && plan_.side_after.load(relaxed) <= 1 &&
         is_within(plan_.others_after) &&
         (what <= class_units.size() || what == Plan::to_add || what == Plan::to_gather) &&
         is_within(plan_.first) && is_within(plan_.last) && is_within(plan_.last_before) &&
         is_within(plan_.link) && is_within(plan_.linked_after) &&
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
  std::uint64_t units = std::uint64_t{Piece(piece_.load(relaxed)).units()} +
                        in_others_.load(relaxed) + in_rests_.load(relaxed);
  for (unsigned c = 0; c < classes_.size(); ++c)
    units += std::uint64_t{classes_[c].pushed.load(relaxed) - classes_[c].popped.load(relaxed)} *
             class_units[c];
  return units * unit;
}

std::uint64_t Slab::scattered_bytes() const noexcept {
  std::uint64_t units = in_rests_.load(relaxed);
  for (unsigned c = 0; c < classes_.size(); ++c) {
    const std::uint32_t free = classes_[c].pushed.load(relaxed) - classes_[c].popped.load(relaxed);
    units += std::uint64_t{free - std::min(free, kept_back)} * class_units[c];
  }
  return units * unit;
}

}  // namespace lagoon::core
