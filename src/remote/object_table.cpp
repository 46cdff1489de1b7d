#include "object_table.hpp"

#include <lagoon/shared_object.hpp>

#include <lagoon/remote/address.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <exception>
#include <utility>

#include "token.hpp"

namespace lagoon::remote {

namespace {

std::string hex(std::uint64_t x) {
  std::array<char, 16> digits{};
  return {digits.data(), std::to_chars(digits.begin(), digits.end(), x, 16).ptr};
}
/// All of it.
std::optional<std::uint64_t> number_of_hex(std::string_view text) {
  std::uint64_t x = 0;
  const char* const end = text.data() + text.size();
  const auto [behind, error] = std::from_chars(text.data(), end, x, 16);
  return error == std::errc{} && behind == end ? std::optional(x) : std::nullopt;
}

}  // namespace

/// Identifiers of another server, or of this one before it was begun anew, are none here.
ObjectTable::ObjectTable(lagoon::detail::MappingRef memory)
    : memory_(std::move(memory)), prefix_(random_text(6) + "-") {}

/// Its place and its birth; with a mark, if that is not all of it (token.hpp), so that it is not
/// found by these.
std::string ObjectTable::id_of(const Object& reference) {
  const Object* const shared = shared_in(reference);
  const auto* const refers =
      shared == nullptr ? nullptr : shared->shared_as<lagoon::detail::SharedObject>();
  if (refers == nullptr) return prefix_ + hex(next_++);
  const Reference at = refers->reference();
  return prefix_ + (shared == &reference ? "" : "+") + hex(at.block) + "." + hex(at.id);
}

std::optional<ObjectTable::Reference> ObjectTable::reference_in(std::string_view id) const {
  if (!id.starts_with(prefix_)) return std::nullopt;
  id.remove_prefix(prefix_.size());
  const auto dot = id.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto block = number_of_hex(id.substr(0, dot)), birth = number_of_hex(id.substr(dot + 1));
  if (!block || !birth) return std::nullopt;
  return Reference{*block, *birth};
}

void ObjectTable::give_state(const std::string& id, Served& served) {
  const auto own = served.state();
  if (own == nullptr) return;
  if (states_.size() >= forget_states_at_) forget_states();
  const auto [at, is_new] = states_.try_emplace(id, own);
  if (!is_new) served.adopt(at->second);
}

/// Those that nobody uses, if they say nothing, or their object has gone. When there are twice as
/// many as were left: it costs each little.
void ObjectTable::forget_states() {
  std::erase_if(states_, [&](const auto& each) {
    const auto& [id, state] = each;
    return state.use_count() == 1 && (state->is_as_new() || !object_at(id));
  });
  forget_states_at_ = std::max<std::size_t>(2 * states_.size(), 64);
}

/// What nobody else keeps has gone with who referred to it, though its memory may not have been
/// used again yet.
std::optional<Object> ObjectTable::object_at(std::string_view id) const noexcept {
  const auto reference = reference_in(id);
  if (!reference) return std::nullopt;
  try {
    Object shared = lagoon::detail::shared_object(memory_, *reference);
    const auto& handle = shared.shared_as<lagoon::detail::SharedObject>()->handle();
    return handle.payload() != nullptr && handle.is_findable() ? std::optional(std::move(shared))
                                                               : std::nullopt;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::shared_ptr<Served> ObjectTable::at(std::string_view id) noexcept {
  const auto shared = object_at(id);
  if (!shared) return nullptr;
  try {
    auto served = serve(*shared);
    const std::scoped_lock guard(mutex_);
    give_state(std::string(id), *served);
    return served;
  } catch (const std::exception&) {  // it has gone
    return nullptr;
  }
}

template <class F>
bool ObjectTable::with_entry(std::string_view id, F&& f) {
  {
    const std::scoped_lock guard(mutex_);
    if (const auto found = entries_.find(id); found != entries_.end()) {
      f(found->second);
      return true;
    }
  }
  auto served = at(id);  // which may take a while
  if (served == nullptr) return false;
  const std::scoped_lock guard(mutex_);
  f(entries_.try_emplace(std::string(id), Entry{std::move(served), {}}).first->second);
  return true;
}

std::string ObjectTable::add(std::shared_ptr<Served> served, int process) {
  std::string id;
  {
    const Object reference = served->reference();
    const std::scoped_lock guard(mutex_);
    id = id_of(reference);
    give_state(id, *served);
    ++entries_.try_emplace(id, Entry{std::move(served), {}}).first->second.kept;
  }
  (void)refer(id, process);
  let_go(id);
  return id;
}

std::string ObjectTable::add_kept(const Object& shared) {
  std::string id;
  {
    const std::scoped_lock guard(mutex_);
    id = id_of(shared);
    if (const auto found = entries_.find(id); found != entries_.end()) {
      ++found->second.kept;
      return id;
    }
  }
  auto served = serve(shared);
  const std::scoped_lock guard(mutex_);
  give_state(id, *served);
  ++entries_.try_emplace(id, Entry{std::move(served), {}}).first->second.kept;
  return id;
}

std::shared_ptr<Served> ObjectTable::find(std::string_view id) {
  {
    const std::scoped_lock guard(mutex_);
    if (const auto found = entries_.find(id); found != entries_.end()) return found->second.served;
  }
  return at(id);
}

bool ObjectTable::has(std::string_view id) const {
  const std::scoped_lock guard(mutex_);
  return entries_.find(id) != entries_.end();
}

bool ObjectTable::refer(std::string_view id, int process) {
  bool is_new = false;
  const bool is_there = with_entry(id, [&](Entry& entry) {
    ++entry.references[process];
    is_new = ++seen_[process] == 1 && process != 0;
  });
  if (is_new && first_seen_) first_seen_(process);
  return is_there;
}

std::shared_ptr<Served> ObjectTable::drop_if_free(Entries::iterator at) {
  Entry& entry = at->second;
  if (entry.kept != 0 || !entry.references.empty()) return nullptr;
  std::shared_ptr<Served> served = std::move(entry.served);
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
  return with_entry(id, [](Entry& entry) { ++entry.kept; });
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
  states_.clear();
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
