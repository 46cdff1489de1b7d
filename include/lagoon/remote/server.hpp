#pragma once
/// `Server`: a Manager for unmodified Python programs, over CPython's own protocol.
///
///   lagoon::Manager manager{"trading"};
///   lagoon::remote::Server server(manager, remote::Address::parse("/run/trading"), "the key");
///   server.start();                             or serve_forever()
///
/// and in Python (3.8 to 3.13)
///
///   m = multiprocessing.managers.SyncManager('/run/trading', b'the key'); m.connect()
///   d = m.dict(); d['k'] = 1
///
/// A proxy that comes out of a container (d['inner']) connects by the process's own key, as with
/// CPython's server: multiprocessing.current_process().authkey = b'the key'.
///
/// What Python makes lies in the manager's shared memory, where C++ processes reach it at memory
/// speed. What C++ has put there under a name Python gets by that name:
///
///   class M(SyncManager): pass
///   M.register('prices', proxytype=DictProxy); … ; m.prices()['gold']
///
/// Typed containers, values and arrays of all modes, and locks too, as what they are, if they hold
/// what any_container.hpp knows. A type of the application's (Manager::register_type) is made by
/// its id in the same way. A dict, list, Namespace or queue that is stored in another is the same
/// for both sides.
///
/// Each connection has a thread here, which is the client's thread: what it holds (locks, permits,
/// places at a barrier, tasks of a JoinableQueue) is given back when the connection ends, however
/// it does. So are, on a Unix socket, references of a client's process that died, and an item that
/// it had got from a queue and never read. A client's call that waits ends with it.
///
/// Differences from CPython's server. Python's own classes are compared here by what they were made
/// of, and not by their `__eq__`: of a subclass of str, an IntEnum, a namedtuple, a Decimal or a
/// complex a key is another than that of the str, int or tuple that it is equal to; give the plain
/// one as a key. A NaN is found again. They have no order (sort() is a TypeError), and their repr,
/// that of complex, bytearray, range and slice too, is the name of their class. A Value
/// that was made as a number stays one, of its typecode: to set it to 2.5, or 2**40, of an 'i', is
/// a TypeError, an OverflowError. An Array keeps its length. A char of C++ is a str in a container,
/// and of bytes in a Value or Array. A lock is its thread's: when that has ended, or its
/// connection, it is free. A value that is stored twice in another one is stored as two, and equal.
/// What would run Python's functions here (sort(key=…), Barrier(action=…), Pool) is a TypeError
/// that says what to do instead.
///
/// Nothing of what a client sends is ever run or imported. Who has not the key gets nothing; bounds
/// on what others may send, and on how long they may take, are in ServerOptions.

#include <lagoon/core/durations.hpp>
#include <lagoon/manager.hpp>
#include <lagoon/object.hpp>
#include <lagoon/remote/address.hpp>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace lagoon::remote {

/// Bounds on what others may send, and on how long they may take.
struct ServerOptions {
  std::size_t connections = 4096;                   ///< at a time; more are closed at once
  std::size_t message = std::size_t{1} << 30;       ///< bytes
  std::size_t objects = std::size_t{1} << 22;       ///< in a message
  std::size_t integer = std::size_t{1} << 16;       ///< bytes of an int
  int nesting = Object::max_depth;                  ///< of values within values; not more than that
  std::chrono::milliseconds authentication{10000};  ///< until who connects has proved its key
};

class Server {
 public:
  /// Listens from now on. InvalidArgument for an empty key; SystemError if the address is taken.
  Server(const lagoon::Manager& manager, const Address& address, std::string_view authkey,
         const ServerOptions& options = {});
  /// At a socket in a directory that only this user can enter, with a key of random bytes.
  explicit Server(const lagoon::Manager& manager, const ServerOptions& options = {});
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  /// Ends it.
  ~Server();

  /// Serves in threads of its own. A server serves once: UsageError if it was started before.
  void start();
  /// Serves until shutdown(), or a client's.
  void serve_forever();
  /// Where it listens, with the port that it was given.
  [[nodiscard]] const Address& address() const noexcept;
  /// What clients prove to have.
  [[nodiscard]] const std::string& authkey() const noexcept;
  /// Ends all connections, and those who wait; by any thread. What they made goes, unless it has a
  /// name or is stored in what has.
  void shutdown() noexcept;
  /// Until it has ended.
  void join();
  /// How many objects clients refer to.
  [[nodiscard]] std::size_t number_of_objects() const;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace lagoon::remote
