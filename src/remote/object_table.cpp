#include "object_table.hpp"

#include <lagoon/shared_object.hpp>

#include <lagoon/remote/address.hpp>

#include <utility>

#include "token.hpp"

namespace lagoon::remote {

namespace {

std::string hex(std::uint64_t x) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  do text.insert(text.begin(), digits[x & 15]);
  while ((x >>= 4) != 0);
  return text;
}

std::optional<lagoon::detail::ObjectReference> reference_of(const Object& o) {
  const Object* const shared = shared_in(o);
  if (shared == nullptr) return std::nullopt;
  const auto* const handle = shared->shared_as<lagoon::detail::SharedObject>();
  return handle == nullptr ? std::nullopt : std::optional(handle->reference());
}

}  // namespace

/// Identifiers of another server, or of this one before it was begun anew, are none here.
ObjectTable::ObjectTable() : prefix_(random_text(6) + "-") {}

ObjectTable::Entries::iterator ObjectTable::insert(std::shared_ptr<Served> served) {
  const auto reference = reference_of(served->reference());
  std::string id = prefix_ + hex(next_++);
  if (reference) by_reference_.insert_or_assign(Key{reference->block, reference->id}, id);
  return entries_.emplace(std::move(id), Entry{std::move(served), {}, 0, reference}).first;
}

std::string ObjectTable::add(std::shared_ptr<Served> served, int process) {
  std::string id;
  {
    const std::scoped_lock guard(mutex_);
    const auto at = insert(std::move(served));
    id = at->first;
    ++at->second.kept;
  }
  (void)refer(id, process);
  let_go(id);
  return id;
}

std::string ObjectTable::add_kept(const Object& shared) {
  const auto reference = reference_of(shared);
  const auto kept = [&]() -> std::optional<std::string> {
    if (!reference) return std::nullopt;
    const auto found = by_reference_.find(Key{reference->block, reference->id});
    if (found == by_reference_.end()) return std::nullopt;
    ++entries_.find(found->second)->second.kept;
    return found->second;
  };
  {
    const std::scoped_lock guard(mutex_);
    if (auto id = kept()) return *std::move(id);
  }
  auto served = serve(shared);
  const std::scoped_lock guard(mutex_);
  if (auto id = kept()) return *std::move(id);
  const auto at = insert(std::move(served));
  ++at->second.kept;
  return at->first;
}

std::shared_ptr<Served> ObjectTable::find(std::string_view id) const {
  const std::scoped_lock guard(mutex_);
  const auto found = entries_.find(id);
  return found == entries_.end() ? nullptr : found->second.served;
}

bool ObjectTable::refer(std::string_view id, int process) {
  bool is_new = false;
  {
    const std::scoped_lock guard(mutex_);
    const auto found = entries_.find(id);
    if (found == entries_.end()) return false;
    ++found->second.references[process];
    is_new = ++seen_[process] == 1 && process != 0;
  }
  if (is_new && first_seen_) first_seen_(process);
  return true;
}

std::shared_ptr<Served> ObjectTable::drop_if_free(Entries::iterator at) {
  Entry& entry = at->second;
  if (entry.kept != 0 || !entry.references.empty()) return nullptr;
  std::shared_ptr<Served> served = std::move(entry.served);
  if (entry.reference) {
    const auto found = by_reference_.find(Key{entry.reference->block, entry.reference->id});
    if (found != by_reference_.end() && found->second == at->first) by_reference_.erase(found);
  }
  entries_.erase(at);
  return served;
}

bool ObjectTable::unrefer(std::string_view id, int process) {
  std::shared_ptr<Served> dropped;
  const std::scoped_lock guard(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  auto& references = found->second.references;
  const auto mine = references.find(process);
  if (mine == references.end()) return false;  // others' are not its to give back
  const auto seen = seen_.find(mine->first);
  if (seen != seen_.end() && --seen->second == 0) seen_.erase(seen);
  if (--mine->second == 0) references.erase(mine);
  dropped = drop_if_free(found);
  return true;
}

bool ObjectTable::keep(std::string_view id) {
  const std::scoped_lock guard(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return false;
  ++found->second.kept;
  return true;
}

void ObjectTable::let_go(std::string_view id) {
  std::shared_ptr<Served> dropped;
  const std::scoped_lock guard(mutex_);
  const auto found = entries_.find(id);
  if (found == entries_.end()) return;
  --found->second.kept;
  dropped = drop_if_free(found);
}

void ObjectTable::forget(int process) {
  std::vector<std::shared_ptr<Served>> dropped;
  const std::scoped_lock guard(mutex_);
  seen_.erase(process);
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto next = std::next(at);
    if (at->second.references.erase(process) != 0) dropped.push_back(drop_if_free(at));
    at = next;
  }
}

void ObjectTable::clear() {
  const std::scoped_lock guard(mutex_);
  entries_.clear();
  by_reference_.clear();
  seen_.clear();
}

std::size_t ObjectTable::size() const {
  const std::scoped_lock guard(mutex_);
  return entries_.size();
}

std::string ObjectTable::text() const {
  struct Line {
    std::string id;
    std::uint64_t references;
    std::shared_ptr<Served> served;
  };
  std::vector<Line> lines;
  {
    const std::scoped_lock guard(mutex_);
    for (const auto& [id, entry] : entries_) {
      std::uint64_t sum = entry.kept;
      for (const auto& [process, n] : entry.references) sum += n;
      lines.push_back({id, sum, entry.served});
    }
  }
  std::string text;
  for (const Line& line : lines)
    text += (text.empty() ? "" : "\n") + ("  " + line.id) +
            ":       refcount=" + std::to_string(line.references) + "\n    " +
            line.served->repr().substr(0, 75);
  return text;
}

}  // namespace lagoon::remote
