#pragma once
/// A copy of all that is in a segment, while others work with it: to keep it, to move it, to look
/// into it in peace.
///
///   const auto market = Segment::open("market");
///   const auto kept = Segment::create("market.kept", {.reserve = market.capacity()});
///   for (const auto& [name, why] : copy_objects(market, kept)) …      what could not be copied
///
/// Each object is copied as it was at one moment: an Array or Value by seqlock, and a Dict, List or
/// Namespace, whole, as any reader sees it; what is behind an RLock or Lock, with that held. But
/// each at its own moment: what a program changes in two objects one after the other may be in the
/// copy of one of them only, except if all who might are stopped meanwhile, which is what
/// `lagoon cp --stop` does. Of Arrays in mode::atomic and mode::raw that holds for each element.
///   Containers within containers are copied with them, each once, also if they refer to each
///   other. Where one refers to what was erased, or cannot be copied, stands None.
///   A Queue has the messages that were in it throughout, of a busy one in their order but not of
///   one moment; a JoinableQueue also the tasks that somebody has and has not done.
///   Locks are free, barriers and conditions without those who wait, bounded semaphores whole;
///   semaphores and events as they were.
/// What cannot be copied is said, and why: what `construct` has made, and `Shared<T>`, about which
/// only programs know that have their type; what lies behind another lock than RLock, Lock or
/// ReaderWriterLock, or behind one whose owner died and which nobody has had since; a Condition
/// whose lock has no name; containers of an application's own types which hold containers.
///
/// Progress: nobody is held up by a copy of what can be read without a lock; of a container that
/// others change without a pause it takes the writers' turn, as copy() does. It waits for a lock's
/// owner for a second (if not told otherwise), and then says so. From a segment that was opened to
/// read only no lock and no turn can be taken: what is behind a lock is not copied, nor the tasks
/// that somebody has, and a container that is never at rest may take for ever. A crash in it leaves
/// the segment that is copied as it was; but if it had a lock just then, who comes next is told
/// that an owner died. The copy has those objects that were finished, of a container perhaps not
/// all of it.

#include <lagoon/core/durations.hpp>
#include <lagoon/segment.hpp>

#include <string>
#include <vector>

namespace lagoon {

/// What `copy_objects` has left out.
struct NotCopied {
  std::string name;  ///< of the object; of one without a name, of the one that led to it
  std::string why;   ///< as the error says it that came of trying
};

/// Copies what is in `from` to `to`, under the same names, which must be free there: AlreadyExists.
/// OutOfMemory. For each lock it waits so long. Returns what could not be copied.
std::vector<NotCopied> copy_objects(
    const Segment& from, const Segment& to,
    std::chrono::nanoseconds lock_timeout = std::chrono::seconds(1));

}  // namespace lagoon
