#include <lagoon/codec.hpp>
#include <lagoon/record_bytes.hpp>

#include <algorithm>

namespace lagoon {

void Encoder::grow(std::size_t n) {
  const std::size_t capacity = std::max(2 * capacity_, size_ + n);
  auto larger = std::make_unique_for_overwrite<std::byte[]>(capacity);
  std::memcpy(larger.get(), begin(), size_);
  far_ = std::move(larger);
  capacity_ = capacity;
}

namespace detail {

void throw_reference_in_message() {
  throw TypeMismatch(
      "a message cannot refer to what lies in shared memory; put a copy() of it, or a name under "
      "which it is found");
}

}  // namespace detail

bool Encoder::list_references() {
  const std::uint64_t count = std::exchange(references_->in_record, 0);
  if (count == 0) return false;
  for (std::size_t i = references_->all.size() - count; i < references_->all.size(); ++i)
    put_bytes(&references_->all[i].reference, sizeof(detail::ObjectReference));
  put_bytes(&count, sizeof count);
  return true;
}

void Encoder::put_record(std::span<const std::byte> bytes, bool refers) {
  put_bytes(bytes.data(), bytes.size());
  if (!refers) return;
  if (references_ == nullptr) references_ = std::make_unique<detail::References>();
  detail::for_each_reference(bytes, [&](const detail::ObjectReference& reference) {
    references_->all.push_back({reference, nullptr});
  });
}

const detail::Handle& Decoder::home() const {
  if (home_ == nullptr) throw UsageError("what is decoded here is in no container");
  return *home_;
}

void Decoder::throw_short(std::size_t wanted) const {
  throw LayoutMismatch(
      "a value in a shared container is damaged, or is read by another codec than "
      "wrote it: it has " +
      std::to_string(left_.size()) + " bytes more, " + std::to_string(wanted) + " were expected");
}

}  // namespace lagoon
