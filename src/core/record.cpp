#include <lagoon/core/record.hpp>

#include <optional>

namespace lagoon::core {

Record::Made Record::make_far(Slab& slab, std::uint32_t tag, const Size& size,
                              std::size_t more_near) {
  const std::optional<Words> row = Words::of_bytes(slab, size.far);
  if (!row) return {};
  const Slab::Made made = slab.make(sizeof(Way) + size.near_bytes + more_near, tag | is_far);
  if (made.node == nullptr) return {};
  auto& way = *reinterpret_cast<Way*>(made.node->payload());
  way.root.store(row->root().word(), relaxed);
  way.bytes.store(size.far.size(), relaxed);
  return {made.reference, made.node->payload() + sizeof way};
}

void Record::drop_far(Slab& slab, const Slab::Node& node) {
  const Far far = near(node).far;
  Words(far.root, Far::words(far.bytes)).drop(slab);
}

}  // namespace lagoon::core
