/// The C interface: errors and segments.
#include "c_interface.hpp"

#include <lagoon/core/latch.hpp>
#include <lagoon/error.hpp>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <system_error>

namespace lagoon::c_interface {

namespace {

struct LastError {
  std::string kept;
  const char* text = "";
};
thread_local LastError last_error;

lagoon_status failed(lagoon_status status, const char* message) noexcept {
  try {
    last_error.kept = message;
    last_error.text = last_error.kept.c_str();
  } catch (...) {
    last_error.text = "no memory, not even to say what went wrong";
  }
  return status;
}

template <class E>
bool is(const std::exception& e) noexcept {
  return dynamic_cast<const E*>(&e) != nullptr;
}

struct Kind {
  bool (*is_of)(const std::exception&) noexcept;
  lagoon_status status;
};
/// The first that it is.
constexpr Kind kinds[] = {
    {is<InvalidArgument>, lagoon_invalid_argument},
    {is<OutOfRange>, lagoon_out_of_range},
    {is<TypeMismatch>, lagoon_type_mismatch},
    {is<LayoutMismatch>, lagoon_layout_mismatch},
    {is<NotFound>, lagoon_not_found},
    {is<AlreadyExists>, lagoon_already_exists},
    {is<Gone>, lagoon_gone},
    {is<ReadOnly>, lagoon_read_only},
    {is<UsageError>, lagoon_usage_error},
    {is<BrokenBarrier>, lagoon_broken_barrier},
    {is<Full>, lagoon_full},
    {is<Empty>, lagoon_empty},
    {is<TimeoutError>, lagoon_timed_out},
    {is<std::system_error>, lagoon_system_error},
    {is<std::bad_alloc>, lagoon_out_of_memory},
    {is<std::length_error>, lagoon_out_of_memory},
};

constexpr const char* names[] = {"ok",
                                 "invalid_argument",
                                 "out_of_range",
                                 "type_mismatch",
                                 "layout_mismatch",
                                 "not_found",
                                 "already_exists",
                                 "gone",
                                 "read_only",
                                 "usage_error",
                                 "broken_barrier",
                                 "full",
                                 "empty",
                                 "timed_out",
                                 "system_error",
                                 "out_of_memory",
                                 "too_small",
                                 "other_error"};
static_assert(std::size(names) == lagoon_other_error + 1);

}  // namespace

lagoon_status status_of_current_exception() noexcept {
  try {
    throw;
  } catch (const std::exception& e) {
    const Kind* const kind =
        std::find_if(std::begin(kinds), std::end(kinds), [&](const Kind& k) { return k.is_of(e); });
    const lagoon_status status = kind == std::end(kinds) ? lagoon_other_error : kind->status;
    failed(status, e.what());
    if (const auto* refused = dynamic_cast<const std::system_error*>(&e))
      errno = refused->code().value();
    return status;
  } catch (...) {
    return failed(lagoon_other_error, "an exception of an unknown type");
  }
}

void throw_null(const char* what) { throw InvalidArgument(std::string(what) + " is NULL"); }

void throw_not_in_mode(const Handle& handle, const char* what) {
  throw UsageError(handle.describe() + " is kept in a mode that has no " + what);
}

core::Deadline deadline_in(double seconds) {
  if (std::isnan(seconds)) throw InvalidArgument("a time to wait is not a number (NaN)");
  if (seconds < 0) return core::Deadline::never();
  return core::Deadline::after(std::chrono::duration<double>(seconds));
}

Place place_of(const lagoon_segment* segment, const char* name) {
  if (segment != nullptr)
    return name != nullptr ? segment->segment[name] : segment->segment.nameless();
  if (name == nullptr) return Place();
  throw InvalidArgument("'" + std::string(name) +
                        "' is a name in no segment: the segment is NULL, where nothing has a name");
}

Handle found(const lagoon_segment* segment, const char* name, const Stamp& asked,
             bool will_only_read) {
  const Segment& where = there(segment, "the segment").segment;
  const std::string_view what = &there(name, "the name");
  auto handle = detail::find(where.mapping(), what, asked, will_only_read);
  if (handle) return *std::move(handle);
  throw NotFound("there is nothing called '" + std::string(what) + "' in segment '" + where.name() +
                 "'; asked for was " + asked.text());
}

void throw_other(const Handle& handle, const std::string& asked) {
  throw TypeMismatch(handle.describe() + " is there; asked for was " + asked);
}

void check_lock(const Handle& handle) {
  const Stamp stamp = handle.stamp();
  if (stamp.mode != Stamp::Mode::locked) return;
  if (stamp.guard != LockName::of(type_name<RLock>))
    throw_other(handle, "one whose lock, if it has one, is an RLock");
  if (handle.is_read_only())
    throw ReadOnly(handle.describe() +
                   " has a lock, which cannot be taken where the segment was opened read-only");
}

char code_in(const Handle& handle, char asked) {
  const ElementType is = handle.stamp().element;
  const auto is_of = [&](char code) {
    ElementType known;
    with_type(code, [&]<class T>(T*) { known = ElementType::of<T>(); });
    return known.kind == is.kind && known.size == is.size;
  };
  for (const char code : std::string_view("cbBuhHiIqQfd?")) {
    if (!is_of(code)) continue;
    if (asked == 0 || is_of(asked)) return code;
    throw_other(handle, "typecode '" + std::string(1, asked) + "'");
  }
  throw_other(handle, "what has a typecode");
}

void throw_type(const Typed& typed, char asked) {
  std::string type;
  with_type(asked, [&]<class T>(T*) { type = ElementType::of<T>().text(); });
  throw_other(typed.handle(), "it by a function of " + type);
}

void throw_read_only(const Typed& typed) {
  throw ReadOnly(typed.handle().describe() + " is in a segment that was opened read-only");
}

void check_still_there(const Typed& typed) {
  core::acquire_fence();
  if (typed.handle().gone()) typed.handle().throw_gone();
}

namespace {

SegmentOptions options_in(const lagoon_options* options) {
  SegmentOptions all;
  if (options == nullptr) return all;
  lagoon_options given{};
  const std::size_t known = std::min(options->size, sizeof given);
  const auto* const bytes = reinterpret_cast<const char*>(options);
  if (known < sizeof given.size ||
      std::any_of(bytes + known, bytes + options->size, [](char byte) { return byte != 0; }))
    throw InvalidArgument("lagoon_options say that their size is " + std::to_string(options->size) +
                          "; this library knows of " + std::to_string(sizeof given) +
                          " bytes: what comes after them must be zero");
  std::memcpy(&given, options, known);
  constexpr unsigned flags = lagoon_prefault | lagoon_huge_pages | lagoon_any_owner;
  if ((given.flags & ~flags) != 0)
    throw InvalidArgument("lagoon_options have flags that are unknown: " +
                          std::to_string(given.flags & ~flags));
  if (given.reserve != 0) all.reserve = given.reserve;
  if (given.participants != 0) all.participants = given.participants;
  if (given.directory != nullptr) all.directory = given.directory;
  if (given.access != 0) all.mode = static_cast<mode_t>(given.access);
  all.prefault = (given.flags & lagoon_prefault) != 0;
  all.huge_pages = (given.flags & lagoon_huge_pages) != 0;
  all.any_owner = (given.flags & lagoon_any_owner) != 0;
  return all;
}

lagoon_status opened(Segment (*open)(std::string_view, const SegmentOptions&), const char* name,
                     const lagoon_options* options, lagoon_segment** segment) {
  return give(segment, [&] {
    return new lagoon_segment{open(&there(name, "the segment's name"), options_in(options))};
  });
}

}  // namespace

}  // namespace lagoon::c_interface

using lagoon::Segment;
using lagoon::c_interface::give_if_wanted;
using lagoon::c_interface::guarded;
using lagoon::c_interface::there;

const char* lagoon_last_error() { return lagoon::c_interface::last_error.text; }

const char* lagoon_status_name(int status) {
  const auto i = static_cast<unsigned>(status);
  return i < std::size(lagoon::c_interface::names) ? lagoon::c_interface::names[i]
                                                   : "unknown status";
}

lagoon_status lagoon_segment_create(const char* name, const lagoon_options* options,
                                    lagoon_segment** segment) {
  return lagoon::c_interface::opened(Segment::create, name, options, segment);
}
lagoon_status lagoon_segment_open(const char* name, const lagoon_options* options,
                                  lagoon_segment** segment) {
  return lagoon::c_interface::opened(Segment::open, name, options, segment);
}
lagoon_status lagoon_segment_open_or_create(const char* name, const lagoon_options* options,
                                            lagoon_segment** segment) {
  return lagoon::c_interface::opened(Segment::open_or_create, name, options, segment);
}
lagoon_status lagoon_segment_open_read_only(const char* name, const lagoon_options* options,
                                            lagoon_segment** segment) {
  return lagoon::c_interface::opened(Segment::open_read_only, name, options, segment);
}
lagoon_status lagoon_segment_adopt(int descriptor, const lagoon_options* options,
                                   lagoon_segment** segment) {
  return lagoon::c_interface::give(segment, [&] {
    return new lagoon_segment{Segment::adopt(descriptor, lagoon::c_interface::options_in(options))};
  });
}
void lagoon_segment_close(lagoon_segment* segment) { delete segment; }

lagoon_status lagoon_segment_remove(const char* name, const lagoon_options* options) {
  return guarded([&] {
    if (!Segment::remove(&there(name, "the segment's name"),
                         lagoon::c_interface::options_in(options)))
      throw lagoon::NotFound("there is no segment '" + std::string(name) + "'");
  });
}
lagoon_status lagoon_segment_exists(const char* name, const lagoon_options* options, int* exists) {
  return guarded([&] {
    there(exists, "the place for the answer") = Segment::exists(
        &there(name, "the segment's name"), lagoon::c_interface::options_in(options));
  });
}
lagoon_status lagoon_segment_list(const lagoon_options* options,
                                  int (*each)(void* context, const char* name), void* context) {
  return guarded([&] {
    there(each, "the function to call for each");
    for (const std::string& name : Segment::list(lagoon::c_interface::options_in(options)))
      if (each(context, name.c_str()) != 0) return;
  });
}

lagoon_status lagoon_segment_sizes(const lagoon_segment* segment, size_t* size, size_t* capacity,
                                   size_t* used) {
  return guarded([&] {
    const Segment& it = there(segment, "the segment").segment;
    if (used != nullptr) *used = it.used();
    give_if_wanted(size, it.size());
    give_if_wanted(capacity, it.capacity());
  });
}
lagoon_status lagoon_segment_objects(const lagoon_segment* segment,
                                     int (*each)(void* context, const char* name, const char* type,
                                                 size_t bytes),
                                     void* context) {
  return guarded([&] {
    there(each, "the function to call for each");
    for (const Segment::Entry& entry : there(segment, "the segment").segment.objects())
      if (each(context, entry.name.c_str(), entry.type.c_str(), entry.bytes) != 0) return;
  });
}
lagoon_status lagoon_segment_erase(const lagoon_segment* segment, const char* name) {
  return guarded([&] {
    const Segment& it = there(segment, "the segment").segment;
    if (!it.erase(&there(name, "the name")))
      throw lagoon::NotFound("there is nothing called '" + std::string(name) + "' in segment '" +
                             it.name() + "'");
  });
}
lagoon_status lagoon_segment_acknowledge_erased(const lagoon_segment* segment) {
  return guarded([&] { there(segment, "the segment").segment.acknowledge_erased(); });
}
