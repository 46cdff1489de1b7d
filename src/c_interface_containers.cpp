/// The C interface: queues of messages, and dicts.
#include <lagoon/bulk.hpp>
#include <lagoon/dict.hpp>
#include <lagoon/queue.hpp>

#include "c_interface.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

namespace lagoon::c_interface {

namespace {

using Strings = Queue<std::string>;
using StringTasks = JoinableQueue<std::string>;
using BytesOf = detail::Contents<std::vector<std::byte>>;

/// A message is longer than the buffer, and still in its queue.
struct TooSmall {};

std::string_view bytes_of(const void* data, std::size_t size) {
  const auto* const first = static_cast<const char*>(data);
  if (size != 0) there(first, "the bytes");
  if (size > PTRDIFF_MAX)
    throw InvalidArgument("there cannot be " + std::to_string(size) + " bytes");
  return {first, size};
}

/// So many bytes into a buffer of *size, which becomes that many. Whether there was room.
bool copy_out(std::string_view from, void* buffer, std::size_t& size) {
  const bool fits = from.size() <= size;
  if (fits && !from.empty())
    std::memcpy(&there(static_cast<char*>(buffer), "the buffer"), from.data(), from.size());
  size = from.size();
  return fits;
}

}  // namespace

/// A Queue, or a JoinableQueue, of what is kept as a str and bytes are: a count, then bytes.
class Messages : public detail::QueueBase {
 public:
  explicit Messages(Handle handle)
      : QueueBase(std::move(handle)),
        is_joinable_(handle_.stamp().kind == Stamp::Kind::joinable_queue) {}

  [[nodiscard]] bool put(std::string_view message, core::Deadline deadline) {
    const detail::BulkOut<std::string> bulk(message);
    Draft draft;
    begin(draft, bulk.size());
    bulk.write(draft.payload());
    return QueueBase::put(draft, &deadline);
  }
  /// What copy throws leaves the message where it was: it is called before it is had.
  lagoon_status get(void* buffer, std::size_t& size, core::Deadline deadline) {
    std::size_t has = 0;
    bool is_one = false;
    const auto copy = [&](const std::byte* payload, std::size_t bytes) {
      // The count may be changing, how many bytes there are does not.
      std::size_t head = 1;
      while (head < detail::most_count_bytes && head < bytes && (bytes - head) >> (7 * head) != 0)
        ++head;
      has = bytes - std::min(head, bytes);
      if (has > size) throw TooSmall();
      std::array<std::byte, detail::most_count_bytes> count;  // NOLINT: written before it is read
      core::read_shared(count.data(), payload, std::min(head, bytes));
      const detail::Count seen = detail::count_in(std::span(count).first(std::min(head, bytes)));
      is_one = seen.bytes == head && seen.n == has;
      if (has != 0)
        core::read_shared(&there(static_cast<std::byte*>(buffer), "the buffer"), payload + head,
                          has);
    };
    try {
      if (!QueueBase::get(copy, &deadline)) return lagoon_empty;
    } catch (const TooSmall&) {
      size = has;
      return lagoon_too_small;
    }
    if (!is_one) throw_damaged_message();
    size = has;
    return lagoon_ok;
  }
  void task_done() {
    check_joinable();
    do_task_done();
  }
  [[nodiscard]] bool join(core::Deadline deadline) {
    check_joinable();
    return do_join(deadline);
  }

 private:
  void check_joinable() const {
    if (!is_joinable_)
      throw UsageError(handle_.describe() + " is not joinable: what was got is nobody's task");
  }
  bool is_joinable_;
};

namespace {

Messages found_messages(const lagoon_segment* segment, const char* name) {
  Handle handle = found(segment, name, anything);
  const Stamp stamp = handle.stamp();
  const bool is_queue =
      stamp.kind == Stamp::Kind::queue || stamp.kind == Stamp::Kind::joinable_queue;
  const Stamp known = Strings::stamp();
  const bool of_messages =
      (stamp.guard == known.guard && stamp.element.name == known.element.name) ||
      (stamp.guard == BytesOf::hash() && stamp.element.name == BytesOf::element().name);
  if (!is_queue || !of_messages)
    throw_other(handle, "a Queue or JoinableQueue of str, or of bytes (" +
                            std::string(BytesOf::element().name) + ")");
  return Messages(std::move(handle));
}

/// The handle to a queue that is found or made.
template <class Q>
Handle made(const Place& place, std::size_t maxsize) {
  if (maxsize > PTRDIFF_MAX)
    throw InvalidArgument("there cannot be " + std::to_string(maxsize) +
                          " messages in a queue; 0 is no limit");
  const Q queue(place, static_cast<long long>(maxsize));
  return Attach::handle_of(queue).again();
}

}  // namespace

}  // namespace lagoon::c_interface

namespace c = lagoon::c_interface;

struct lagoon_queue {
  c::Messages messages;
};
struct lagoon_dict {
  lagoon::Dict<std::string, std::string> dict;
};

// ---- Queues -------------------------------------------------------------------------------------

lagoon_status lagoon_queue_make(const lagoon_segment* segment, const char* name, int joinable,
                                size_t maxsize, lagoon_queue** queue) {
  return c::give(queue, [&] {
    const lagoon::Place place = c::place_of(segment, name);
    return new lagoon_queue{c::Messages(joinable != 0 ? c::made<c::StringTasks>(place, maxsize)
                                                      : c::made<c::Strings>(place, maxsize))};
  });
}
lagoon_status lagoon_queue_find(const lagoon_segment* segment, const char* name,
                                lagoon_queue** queue) {
  return c::give(queue, [&] { return new lagoon_queue{c::found_messages(segment, name)}; });
}
void lagoon_queue_close(lagoon_queue* queue) { delete queue; }

lagoon_status lagoon_queue_put(lagoon_queue* queue, const void* data, size_t size, double seconds) {
  return c::guarded([&] {
    return c::ok_if(
        c::there(queue, "the queue").messages.put(c::bytes_of(data, size), c::deadline_in(seconds)),
        lagoon_full);
  });
}
lagoon_status lagoon_queue_get(lagoon_queue* queue, void* buffer, size_t* size, double seconds) {
  return c::guarded([&] {
    return c::there(queue, "the queue")
        .messages.get(buffer, c::there(size, "the buffer's size"), c::deadline_in(seconds));
  });
}
lagoon_status lagoon_queue_size(const lagoon_queue* queue, size_t* size, size_t* maxsize) {
  return c::guarded([&] {
    const c::Messages& messages = c::there(queue, "the queue").messages;
    c::give_if_wanted(size, messages.qsize());
    c::give_if_wanted(maxsize, messages.maxsize());
  });
}
lagoon_status lagoon_queue_task_done(lagoon_queue* queue) {
  return c::guarded([&] { c::there(queue, "the queue").messages.task_done(); });
}
lagoon_status lagoon_queue_join(lagoon_queue* queue, double seconds) {
  return c::guarded([&] {
    return c::ok_if(c::there(queue, "the queue").messages.join(c::deadline_in(seconds)),
                    lagoon_timed_out);
  });
}

// ---- Dicts --------------------------------------------------------------------------------------

lagoon_status lagoon_dict_make(const lagoon_segment* segment, const char* name,
                               lagoon_dict** dict) {
  return c::give(dict, [&] {
    return new lagoon_dict{lagoon::Dict<std::string, std::string>(c::place_of(segment, name))};
  });
}
lagoon_status lagoon_dict_find(const lagoon_segment* segment, const char* name,
                               lagoon_dict** dict) {
  return c::give(dict, [&] {
    return new lagoon_dict{c::found<lagoon::Dict<std::string, std::string>>(segment, name)};
  });
}
void lagoon_dict_close(lagoon_dict* dict) { delete dict; }

lagoon_status lagoon_dict_set(lagoon_dict* dict, const char* key, const void* data, size_t size) {
  return c::guarded([&] {
    auto& it = c::there(dict, "the dict").dict;
    it.set(&c::there(key, "the key"), std::string(c::bytes_of(data, size)));
  });
}
lagoon_status lagoon_dict_get(const lagoon_dict* dict, const char* key, void* buffer,
                              size_t* size) {
  return c::guarded([&] {
    const auto& it = c::there(dict, "the dict").dict;
    const auto value = it.find(&c::there(key, "the key"));
    if (!value) return lagoon_not_found;
    return c::ok_if(c::copy_out(*value, buffer, c::there(size, "the buffer's size")),
                    lagoon_too_small);
  });
}
lagoon_status lagoon_dict_erase(lagoon_dict* dict, const char* key) {
  return c::guarded([&] {
    return c::ok_if(c::there(dict, "the dict").dict.discard(&c::there(key, "the key")),
                    lagoon_not_found);
  });
}
lagoon_status lagoon_dict_size(const lagoon_dict* dict, size_t* size) {
  return c::guarded([&] {
    const auto& it = c::there(dict, "the dict").dict;
    c::there(size, "the place for the number") = it.size();
  });
}
lagoon_status lagoon_dict_items(const lagoon_dict* dict,
                                int (*each)(void* context, const char* key, size_t key_size,
                                            const void* data, size_t size),
                                void* context) {
  return c::guarded([&] {
    c::there(each, "the function to call for each");
    for (const auto& [key, value] : c::there(dict, "the dict").dict.items())
      if (each(context, key.c_str(), key.size(), value.data(), value.size()) != 0) return;
  });
}
