#pragma once
/// The locks that are compared, by type and name. To add one: a line here.

#include <lagoon/locks/boost_mutex.hpp>
#include <lagoon/locks/futex_mutex.hpp>
#include <lagoon/locks/mcs.hpp>
#include <lagoon/locks/posix_semaphore.hpp>
#include <lagoon/locks/pthread_mutex.hpp>
#include <lagoon/locks/pthread_rwlock.hpp>
#include <lagoon/locks/pthread_spin.hpp>
#include <lagoon/locks/reader_writer.hpp>
#include <lagoon/locks/robust.hpp>
#include <lagoon/locks/seqlock.hpp>
#include <lagoon/locks/ticket.hpp>
#include <lagoon/locks/ttas.hpp>

#include <tuple>

namespace compared {

template <class L>
struct Named {
  using Lock = L;
  const char* name;
};

/// The library's own: what `Lock` and `RLock` are handles to, and the one for readers and writers.
inline constexpr std::tuple ours{Named<lagoon::locks::RobustLock>{"Lock"},
                                 Named<lagoon::locks::RobustRecursiveLock>{"RLock"},
                                 Named<lagoon::locks::ReaderWriterLock>{"ReaderWriterLock"}};

/// What else one would use.
inline constexpr std::tuple peers{
    Named<lagoon::locks::TtasLock>{"TTAS"},
    Named<lagoon::locks::TicketLock>{"ticket"},
    Named<lagoon::locks::McsLock>{"MCS"},
    Named<lagoon::locks::FutexMutex>{"futex mutex"},
    Named<lagoon::locks::SeqLock>{"seqlock"},
    Named<lagoon::locks::PthreadMutex>{"pthread mutex"},
    Named<lagoon::locks::PthreadAdaptiveMutex>{"pthread adaptive"},
    Named<lagoon::locks::PthreadRobustMutex>{"pthread robust"},
    Named<lagoon::locks::PthreadRobustRecursiveMutex>{"pthread robust recursive"},
    Named<lagoon::locks::PthreadPriorityInheritingMutex>{"pthread inheriting"},
    Named<lagoon::locks::PthreadSpinLock>{"pthread spin"},
    Named<lagoon::locks::PthreadRwLock>{"pthread rwlock"},
    Named<lagoon::locks::PosixSemaphore>{"POSIX semaphore"},
    Named<lagoon::locks::BoostMutex>{"Boost.Interprocess"}};

}  // namespace compared
