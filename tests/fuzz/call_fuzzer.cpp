/// Any bytes as a call: the first says on what, the others are the pickle of (method, args, kwds).
/// An answer that can be pickled, or an exception that can.

#include <lagoon/error.hpp>
#include <lagoon/manager.hpp>
#include <pickle.hpp>
#include <python_error.hpp>
#include <served.hpp>

#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

namespace {

using lagoon::Object;
using namespace lagoon::remote;

/// Of little memory, which has no name any more.
lagoon::Manager small_manager() {
  const std::string name = "lagoon-fuzz-" + std::to_string(::getpid());
  lagoon::Manager manager(name, {.reserve = std::size_t{64} << 20});
  lagoon::Segment::remove(name);
  return manager;
}

struct World {
  lagoon::Manager manager = small_manager();
  std::vector<std::shared_ptr<Served>> all;

  World() {
    const auto make = [&](const char* type, Object arguments) {
      Arguments a(type, std::move(arguments), Object::dict());
      all.push_back(make_served(manager, type, a, [](const Object&) { return nullptr; }));
    };
    make("dict", Object::tuple(Object::dict({{"a", 1}})));
    make("list", Object::tuple(Object::list(1, "b")));
    make("Namespace", Object::tuple());
    make("Queue", Object::tuple(4));
    make("JoinableQueue", Object::tuple());
    make("Value", Object::tuple("i", 1));
    make("Array", Object::tuple("d", Object::list(1.5, 2.5)));
    make("Lock", Object::tuple());
    make("RLock", Object::tuple());
    make("Semaphore", Object::tuple(2));
    make("BoundedSemaphore", Object::tuple(2));
    make("Condition", Object::tuple());
    make("Event", Object::tuple());
    make("Barrier", Object::tuple(2));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto world = std::make_unique<World>();
  static int calls = 0;
  if (++calls % 512 == 0) world = std::make_unique<World>();  // what was put there goes
  static Unpickler unpickler({.objects = 1 << 16, .expanded = 1 << 22, .integer = 1 << 10});
  if (size == 0) return 0;
  Object answer;
  try {
    const Object call = unpickler.load({reinterpret_cast<const char*>(data + 1), size - 1});
    if (call.kind() != Object::Kind::tuple || call.size() != 3) return 0;
    const auto parts = call.elements();
    const std::string method = parts[0].get<std::string>();
    Arguments arguments(method, parts[1], parts[2]);
    const std::atomic<bool> has_gone{true};  // who waits, ends at once
    Caller caller(has_gone);
    Served& served = *world->all[data[0] % world->all.size()];
    if (const auto reply = served.call(method, arguments, caller)) {
      answer = reply->value;
      if (reply->unread) reply->unread(lagoon::core::Deadline::now());
    }
    (void)served.repr();
  } catch (const std::exception&) {
    answer = current_exception();
  }
  (void)pickled(answer, [](const Object&) { return Object(); });
  return 0;
}
