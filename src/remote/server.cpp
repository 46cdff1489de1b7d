#include <lagoon/remote/server.hpp>

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "session.hpp"

namespace lagoon::remote {

namespace {

template <class Make>
Descriptor checked(Make&& make, const char* what) {
  Descriptor made = Descriptor::of(make);
  if (made.get() < 0) throw SystemError(errno, what);
  return made;
}

}  // namespace

/// One thread takes connections, and sees who has gone; each connection has one of its own.
class Server::State {
 public:
  State(const lagoon::Manager& manager, const Address& address, std::string_view key,
        const ServerOptions& options)
      : events_(checked([] { return ::epoll_create1(EPOLL_CLOEXEC); }, "no epoll")),
        stop_(checked([] { return ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); }, "no eventfd")),
        listener_(std::in_place, address),
        address_(listener_->address()),
        shared_{.manager = lagoon::Manager(manager.segment()),
                .key = std::string(key),
                .options = options} {
    if (key.empty())
      throw InvalidArgument("a server wants a key that its clients prove; this one is empty");
    watch(listener_->descriptor(), EPOLLIN, of_listener);
    watch(stop_.get(), EPOLLIN, of_stop);
    shared_.shut_down = [this] { shutdown(); };
    shared_.objects.when_first_seen([this](int process) { watch_process(process); });
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    shutdown();
    join();
  }

  [[nodiscard]] const Address& address() const noexcept { return address_; }
  [[nodiscard]] const std::string& authkey() const noexcept { return shared_.key; }
  [[nodiscard]] std::size_t number_of_objects() const { return shared_.objects.size(); }

  void start() {
    begin();
    thread_ = std::thread([this] { serve(); });
  }
  void serve_here() {
    begin();
    serve();
  }
  void shutdown() noexcept {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
  }
  void join() {
    const std::scoped_lock guard(joining_);
    if (thread_.joinable()) thread_.join();
  }

 private:
  // What an event is of: these, a session by its number, or a process.
  static constexpr std::uint64_t of_listener = 0, of_stop = 1, first_session = 2;
  static constexpr std::uint64_t of_processes = std::uint64_t{1} << 62;

  void begin() {
    if (has_begun_.exchange(true))
      throw UsageError("this server was started before; when it has ended, make another one");
  }
  void serve() {
    for (bool goes_on = true; goes_on;) {
      std::array<epoll_event, 64> happened{};
      const int n = ::epoll_wait(events_.get(), happened.data(), happened.size(), -1);
      for (int i = 0; i < n; ++i) {
        const std::uint64_t what = happened[static_cast<std::size_t>(i)].data.u64;
        if (what == of_stop)
          goes_on = false;
        else if (what == of_listener)
          take_connections();
        else if (what >= of_processes)
          end_process(static_cast<int>(what - of_processes));
        else
          tell_gone(what);
      }
    }
    end_all();
  }

  void watch(int fd, std::uint32_t events, std::uint64_t what) {
    epoll_event event{};
    event.events = events;
    event.data.u64 = what;
    if (::epoll_ctl(events_.get(), EPOLL_CTL_ADD, fd, &event) != 0)
      throw SystemError(errno, "a descriptor cannot be watched");
  }

  void take_connections() {
    while (std::optional<Connection> connection = listener_->accept()) {
      const std::scoped_lock guard(mutex_);
      if (sessions_.size() >= shared_.options.connections) continue;  // closed
      const std::uint64_t number = next_session_++;
      try {
        auto session = std::make_shared<Session>(shared_, *std::move(connection));
        sessions_.emplace(number, session);
        watch(session->descriptor(), EPOLLRDHUP | EPOLLONESHOT, number);
        start_thread(number, session);
      } catch (const std::exception&) {  // no more threads, or memory: it is closed
        sessions_.erase(number);
      }
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
      wait_for_descriptors();
  }

  /// Where no more descriptors are to be had, those who ask must wait, and this thread must not
  /// turn round and round.
  static void wait_for_descriptors() {
    const timespec some{0, 10'000'000};
    ::nanosleep(&some, nullptr);
  }

  struct Begin {
    State* state;
    std::uint64_t number;
    std::shared_ptr<Session> session;
  };
  void start_thread(std::uint64_t number, const std::shared_ptr<Session>& session) {
    constexpr std::size_t stack = std::size_t{1} << 20;  // for values nested as deeply as may be
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, stack);
    auto begin = std::make_unique<Begin>(Begin{this, number, session});
    pthread_t thread{};
    const int error = ::pthread_create(
        &thread, &attributes,
        [](void* given) -> void* {
          // Signals are the application's.
          sigset_t all;
          ::sigfillset(&all);
          ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
          std::unique_ptr<Begin> mine(static_cast<Begin*>(given));
          mine->session->run();
          State* const state = mine->state;
          const std::uint64_t its_number = mine->number;
          mine.reset();
          state->has_ended(its_number);
          return nullptr;
        },
        begin.get());
    ::pthread_attr_destroy(&attributes);
    if (error != 0) throw SystemError(error, "no thread for a connection");
    (void)begin.release();
  }

  /// Each thread that ends waits for the one that ended before it: who has waited for the last has
  /// waited for all.
  void has_ended(std::uint64_t number) {
    std::optional<pthread_t> before = ::pthread_self();
    {
      const std::scoped_lock guard(mutex_);
      sessions_.erase(number);
      before.swap(last_ended_);
      if (sessions_.empty()) none_left_.notify_all();
    }
    if (before) ::pthread_join(*before, nullptr);
  }

  void tell_gone(std::uint64_t number) {
    const std::scoped_lock guard(mutex_);
    if (const auto found = sessions_.find(number); found != sessions_.end())
      found->second->tell_gone();
  }

  /// A process that is referred to by its descriptor from now on, until it ends.
  void watch_process(int process) {
    Descriptor fd =
        Descriptor::of([&] { return static_cast<int>(::syscall(SYS_pidfd_open, process, 0)); });
    // It has died since it asked; or, where there are too few descriptors, nobody can tell.
    if (fd.get() < 0) return errno == ESRCH ? shared_.objects.forget(process) : void();
    const std::scoped_lock guard(mutex_);
    watch(fd.get(), EPOLLIN, of_processes + static_cast<std::uint64_t>(process));
    processes_.insert_or_assign(process, std::move(fd));
  }
  void end_process(int process) {
    shared_.objects.forget(process);
    const std::scoped_lock guard(mutex_);
    processes_.erase(process);
  }

  void end_all() {
    shared_.ends.store(true, std::memory_order_relaxed);
    listener_.reset();  // who waits to be let in is told, too
    std::unique_lock lock(mutex_);
    for (const auto& [number, session] : sessions_) session->end();
    none_left_.wait(lock, [&] { return sessions_.empty(); });
    const auto last = std::exchange(last_ended_, std::nullopt);
    lock.unlock();
    if (last) ::pthread_join(*last, nullptr);
    shared_.objects.clear();
  }

  Descriptor events_, stop_;
  std::optional<Listener> listener_;
  Address address_;
  SessionContext shared_;
  std::mutex mutex_, joining_;
  std::condition_variable none_left_;
  std::map<std::uint64_t, std::shared_ptr<Session>> sessions_;
  std::optional<pthread_t> last_ended_;
  std::map<int, Descriptor> processes_;
  std::uint64_t next_session_ = first_session;
  std::atomic<bool> has_begun_{false};
  std::thread thread_;
};

Server::Server(const lagoon::Manager& manager, const Address& address, std::string_view authkey,
               const ServerOptions& options)
    : state_(std::make_unique<State>(manager, address, authkey, options)) {}
Server::Server(const lagoon::Manager& manager, const ServerOptions& options)
    : Server(manager,
             Address::of_owner("server-" + std::to_string(::getpid()) + "-" + random_text(4)),
             random_text(32), options) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

void Server::start() { state_->start(); }
void Server::serve_forever() { state_->serve_here(); }
const Address& Server::address() const noexcept { return state_->address(); }
const std::string& Server::authkey() const noexcept { return state_->authkey(); }
void Server::shutdown() noexcept { state_->shutdown(); }
void Server::join() { state_->join(); }
std::size_t Server::number_of_objects() const { return state_->number_of_objects(); }

}  // namespace lagoon::remote
