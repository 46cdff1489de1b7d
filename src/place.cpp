#include <lagoon/place.hpp>

#include "mapping.hpp"

namespace lagoon::detail {

MappingRef::MappingRef(const MappingRef& other) noexcept : mapping_(other.mapping_) {
  if (mapping_ != nullptr) mapping_->references_.fetch_add(1, std::memory_order_relaxed);
}
MappingRef::~MappingRef() {
  if (mapping_ != nullptr && mapping_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
    Mapping::unused(mapping_);
}

Handle::Handle(MappingRef mapping, Block* block)
    : Handle((mapping->opened(block), std::move(mapping)), block, IsOpen{}) {}
Handle::Handle(MappingRef mapping, Block* block, IsOpen)
    : payload_(block->payload()),
      mapping_(std::move(mapping)),
      block_(block),
      id_(block->id.load(boost::memory_order_relaxed)),
      is_nameless_(block->is_nameless()) {}

void Handle::release() noexcept { mapping_->closed(block_, id_); }

std::uint64_t Handle::count() const noexcept { return block_->count; }
std::size_t Handle::payload_bytes() const noexcept { return block_->payload_bytes; }
Stamp Handle::stamp() const { return block_->stamp(); }
bool Handle::is_findable() const noexcept { return !is_nameless_ || block_->is_stored(); }
ObjectReference Handle::reference() const noexcept { return mapping_->reference_to(block_); }
unsigned Handle::copies() const noexcept { return block_->copies; }

std::string Handle::describe() const {
  if (block_ == nullptr) return "an object that was moved from";
  const std::string type = block_->stamp().text();
  // "an Array", "an RLock"
  if (block_->is_nameless()) return (type[0] == 'A' || type[0] == 'R' ? "an " : "a ") + type;
  return "'" + std::string(block_->name()) + "' (" + type + ") in " + mapping_->describe();
}

void Handle::throw_gone() const {
  throw Gone(describe() +
             " was erased; what its name stands for now, if anything, must be opened "
             "anew");
}

core::Participants& participants_of(const Segment& segment) {
  if (segment.read_only())
    throw ReadOnly(segment.mapping()->describe() + " is attached read-only: nothing is made in it");
  return segment.mapping()->participants();
}

core::Participants& Handle::participants() const noexcept { return mapping_->participants(); }

bool Handle::is_read_only() const noexcept { return mapping_->read_only(); }

Memory Handle::add_part(std::size_t bytes) { return mapping_->add_part(block_, bytes); }
Memory Handle::newest_part() const { return mapping_->newest_part(block_); }

Handle make_or_find(const Place& place, const Stamp& stamp, std::size_t bytes, Fill fill) {
  if (place.mapping()) return place.mapping()->make_or_find(place.name(), stamp, bytes, fill);
  return Mapping::heap()->make_or_find({}, stamp, bytes, fill);
}

std::optional<Handle> find(const MappingRef& mapping, std::string_view name, const Stamp& stamp,
                           bool read_only) {
  return mapping->find(name, stamp, read_only);
}

}  // namespace lagoon::detail
