/// What an object is, in words.
#include <lagoon/cell.hpp>
#include <lagoon/place.hpp>

#include <iterator>
#include <string>
#include <string_view>

namespace lagoon::detail {

std::string ElementType::text() const {
  switch (kind) {
    case Kind::none:
      return "";
    case Kind::integer:
      return "int" + std::to_string(size * 8);
    case Kind::natural:
      return "uint" + std::to_string(size * 8);
    case Kind::floating:
      return size == sizeof(double) ? "double" : "float";
    case Kind::character:
      return "char";
    case Kind::wide:
      return "wchar_t";
    case Kind::boolean:
      return "bool";
    case Kind::structure:
    case Kind::enumeration:
      if (!name.empty()) return std::string(name);
      return (kind == Kind::structure ? "struct of " : "enum of ") + std::to_string(size) +
             (size == 1 ? " byte" : " bytes");
  }
  return "unknown";
}

std::string Stamp::text() const {
  const auto in_brackets = [this](const char* what) {
    if (asked == Asked::of_kind) return std::string(what);
    static constexpr const char* modes[] = {"atomic", "seqlocked", "locked", "raw"};
    const auto m = static_cast<std::size_t>(mode);
    std::string t = std::string(what) + "<" + element.text() + ", " +
                    (m < std::size(modes) ? modes[m] : "unknown");
    if (mode == Mode::locked && guard != LockName::of("RLock")) t += "_by<" + guard.text() + ">";
    if (mode == Mode::seqlocked && copies != 0 && count != any_count &&
        copies != default_copies(count * element.size))
      t += "_in<" + std::to_string(copies) + ">";
    return t + ">";
  };
  const auto of_what = [this](const char* what) {
    return what + (asked == Asked::exactly ? "<" + std::string(element.name) + ">" : "");
  };
  const auto of_count = [this] {
    return count == any_count ? "" : "[" + std::to_string(count) + "]";
  };
  const auto of_limit = [&] { return count == 0 || asked != Asked::exactly ? "" : of_count(); };
  if (asked == Asked::anything) return "anything";
  switch (kind) {
    case Kind::value:
      return in_brackets("Value");
    case Kind::array:
      return in_brackets("Array") + (asked == Asked::of_kind ? "" : of_count());
    case Kind::lock:
      return "Lock";
    case Kind::rlock:
      return "RLock";
    case Kind::in_place:
      return element.text();
    case Kind::semaphore:
      return "Semaphore";
    case Kind::bounded_semaphore:
      return "BoundedSemaphore" + of_count();
    case Kind::condition:
      return "Condition" + of_count();
    case Kind::event:
      return "Event";
    case Kind::barrier:
      return "Barrier" + of_count();
    case Kind::dict:
      return of_what("Dict");
    case Kind::list:
      return of_what("List");
    case Kind::namespace_:
      return "Namespace";
    case Kind::queue:
      return of_what("Queue") + of_limit();
    case Kind::joinable_queue:
      return of_what("JoinableQueue") + of_limit();
  }
  return "something of an unknown kind";
}

std::string LockName::text() const {
  // What stands in `type_name` of each; tests/locks/all_test.cpp looks that none is missing.
  static constexpr std::string_view known[] = {
      "Lock",
      "RLock",
      "RobustLock",
      "RobustRecursiveLock",
      "ReaderWriterLock",
      "TtasLock",
      "TicketLock",
      "McsLock",
      "FutexMutex",
      "SeqLock",
      "PthreadMutex",
      "PthreadAdaptiveMutex",
      "PthreadRobustMutex",
      "PthreadRobustRecursiveMutex",
      "PthreadPriorityInheritingMutex",
      "PthreadSpinLock",
      "PthreadRwLock",
      "PosixSemaphore",
      "BoostMutex",
  };
  for (const std::string_view name : known)
    if (*this == of(name)) return std::string(name);
  return "another lock";
}

}  // namespace lagoon::detail
