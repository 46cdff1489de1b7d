#pragma once
/// Redis, which a server of one's own holds, as a dict, a list and a queue that processes share
/// (dict_peers.hpp, list_peers.hpp, queue_peers.hpp): over a Unix socket, and nothing is written to
/// disk. in_child(store) has a connection of its own.
///
/// What must change as one is changed by a Lua script, which no other command comes between. Redis'
/// documentation has it simpler and faster than a transaction: that is begun anew whenever somebody
/// else has changed what it WATCHes, and of a list that is any of its elements.

#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <type_traits>
#include <vector>

#include "list_peers.hpp"
#include "peers_memory.hpp"

namespace peers {

/// The bytes of a number or a plain struct, or of a text.
template <class T>
std::string_view bytes_of(const T& value) {
  if constexpr (std::is_same_v<T, std::string>)
    return value;
  else
    return {reinterpret_cast<const char*>(&value), sizeof value};
}

struct FreeReply {
  void operator()(redisReply* reply) const { freeReplyObject(reply); }
};
class RedisReply {
 public:
  explicit RedisReply(redisReply* reply) : reply_(reply) {}
  /// Of one that says something; a part of it, if it says several things.
  [[nodiscard]] std::string_view text() const { return text_of(reply_.get()); }
  [[nodiscard]] std::string_view text(std::size_t part) const {
    return reply_->type == REDIS_REPLY_ARRAY && part < reply_->elements
               ? text_of(reply_->element[part])
               : text_of(nullptr);
  }
  [[nodiscard]] bool is_nothing() const { return reply_->type == REDIS_REPLY_NIL; }
  template <class T>
  static void take(T& to, std::string_view from) {
    if constexpr (std::is_same_v<T, std::string>) {
      to.assign(from);
    } else {
      if (from.size() != sizeof to)
        throw std::runtime_error("Redis: " + std::to_string(from.size()) + " bytes, where " +
                                 std::to_string(sizeof to) + " were expected");
      std::copy(from.begin(), from.end(), reinterpret_cast<char*>(&to));
    }
  }

 private:
  static std::string_view text_of(const redisReply* reply) {
    if (reply == nullptr || reply->type != REDIS_REPLY_STRING)
      throw std::runtime_error("Redis: a reply without text, where one was expected");
    return {reply->str, static_cast<std::size_t>(reply->len)};
  }
  std::unique_ptr<redisReply, FreeReply> reply_;
};

class RedisConnection {
 public:
  using Words = std::initializer_list<std::string_view>;

  explicit RedisConnection(const std::string& socket) : context_(redisConnectUnix(socket.c_str())) {
    if (!context_ || context_->err != 0) fail();
  }
  RedisReply command(Words words) {
    append(words);
    return reply();
  }
  /// One after the other, the replies of which are waited for later.
  void append(Words words) {
    const char* begins[max_words];
    std::size_t sizes[max_words];
    std::size_t n = 0;
    for (const std::string_view word : words) {
      begins[n] = word.data();
      sizes[n++] = word.size();
    }
    if (redisAppendCommandArgv(context_.get(), static_cast<int>(n), begins, sizes) != REDIS_OK)
      fail();
  }
  RedisReply reply() {
    void* raw = nullptr;
    if (redisGetReply(context_.get(), &raw) != REDIS_OK) fail();
    auto* const reply = static_cast<redisReply*>(raw);
    RedisReply owned(reply);
    if (reply->type == REDIS_REPLY_ERROR) throw std::runtime_error("Redis: " + text_of(reply));
    return owned;
  }
  /// Its name, by which it is called with EVALSHA.
  std::string load(std::string_view script) {
    return std::string(command({"SCRIPT", "LOAD", script}).text());
  }

 private:
  static constexpr std::size_t max_words = 8;
  struct Free {
    void operator()(redisContext* context) const { redisFree(context); }
  };
  static std::string text_of(const redisReply* reply) {
    return {reply->str, reply->str + reply->len};
  }
  [[noreturn]] void fail() const {
    throw std::runtime_error(std::string("Redis: ") + (context_ ? context_->errstr : "no memory"));
  }
  std::unique_ptr<redisContext, Free> context_;
};

/// A server of our own, with a directory of its own. It dies with the process that made it.
class RedisServer {
 public:
  RedisServer() {
    try {
      make_directory();
      start();
      await();
    } catch (...) {
      end();
      throw;
    }
  }
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;
  ~RedisServer() { end(); }

  [[nodiscard]] std::string socket() const { return directory_ / "socket"; }

 private:
  void make_directory() {
    std::string name = std::filesystem::temp_directory_path() / "lagoon-bench-redis.XXXXXX";
    if (mkdtemp(name.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "a directory for Redis, " + name);
    directory_ = name;
  }
  void start() {
    const std::string at = socket(), in = directory_, said = log();
    const pid_t parent = getpid();
    process_ = fork();
    if (process_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (process_ > 0) return;
    setpgid(0, 0);  // the terminal's Ctrl-C is the parent's affair
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    const int out = open(said.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", at.c_str(),
           "--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", in.c_str(),
           nullptr);
    std::perror("redis-server");
    _exit(1);
  }
  /// Until it listens.
  void await() {
    using namespace std::chrono;
    for (const auto deadline = steady_clock::now() + seconds(10);;) {
      if (waitpid(process_, nullptr, WNOHANG) == process_) {
        process_ = 0;
        throw std::runtime_error("redis-server ended when it was started" + last_words());
      }
      try {
        RedisConnection(socket()).command({"PING"});
        return;
      } catch (const std::runtime_error& error) {
        if (steady_clock::now() > deadline)
          throw std::runtime_error("redis-server does not answer after 10 s (" +
                                   std::string(error.what()) + ")" + last_words());
      }
      std::this_thread::sleep_for(microseconds(500));
    }
  }
  void end() noexcept {
    if (process_ > 0) {
      kill(process_, SIGKILL);
      while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
      }
    }
    std::error_code ignored;
    if (!directory_.empty()) std::filesystem::remove_all(directory_, ignored);
  }
  [[nodiscard]] std::string log() const { return directory_ / "log"; }
  [[nodiscard]] std::string last_words() const {
    std::ifstream file(log());
    std::string last, line;
    while (std::getline(file, line))
      if (!line.empty()) last = line;
    return (last.empty() ? ", and said nothing" : ", and said: " + last) +
           "; try it by hand: redis-server --port 0 --unixsocket /tmp/socket";
  }

  std::filesystem::path directory_;
  pid_t process_ = 0;
};

/// What all of them have: in the parent a server, in each process a connection.
class RedisStore {
 public:
  RedisStore() : server_(std::make_unique<RedisServer>()), socket_(server_->socket()) {}

 protected:
  /// In a child.
  explicit RedisStore(const std::string& socket) : socket_(socket) {}
  [[nodiscard]] const std::string& socket() const { return socket_; }
  RedisConnection& redis() { return connection_; }
  /// By a script on that key, which is loaded when it is first called.
  void evaluate(const char* script, std::string_view key, std::string_view argument = {}) {
    if (script_.empty()) script_ = connection_.load(script);
    connection_.command({"EVALSHA", script_, "1", key, argument});
  }

 private:
  std::unique_ptr<RedisServer> server_;
  std::string socket_;
  RedisConnection connection_{socket_};
  std::string script_;
};

template <class K, class V>
class Redis : RedisStore {
 public:
  explicit Redis(Room) {}

  bool get(K key, V& value) {
    const RedisReply found = redis().command({"GET", bytes_of(key)});
    if (found.is_nothing()) return false;
    RedisReply::take(value, found.text());
    return true;
  }
  void set(K key, const V& value) { redis().command({"SET", bytes_of(key), bytes_of(value)}); }
  /// By F::script, which does the same as f.
  template <class F>
  void update(K key, F&&) {
    evaluate(std::remove_cvref_t<F>::script, bytes_of(key));
  }
  /// key(i) with that value, for each i up to n, some of them at once.
  template <class MakeKey>
  void fill(std::size_t n, MakeKey&& key, const V& value) {
    const std::size_t most = std::max<std::size_t>((1 << 20) / (bytes_of(value).size() + 64), 1);
    for (std::size_t i = 0; i < n;) {
      const std::size_t end = std::min(n, i + most);
      const std::size_t count = end - i;
      for (; i < end; ++i) {
        const K k = key(i);
        redis().append({"SET", bytes_of(k), bytes_of(value)});
      }
      for (std::size_t j = 0; j < count; ++j) redis().reply();
    }
  }
  friend Redis in_child(Redis& parents) { return Redis(parents.socket()); }

 private:
  explicit Redis(const std::string& socket) : RedisStore(socket) {}
};

/// Numbers are texts, as they are to Redis.
template <class T>
class RedisList : RedisStore {
 public:
  explicit RedisList(Place count) {
    for (Place i = 0; i < count; ++i) redis().append({"RPUSH", name, "0"});
    for (Place i = 0; i < count; ++i) redis().reply();
  }
  [[nodiscard]] T get(Place i) {
    return number(redis().command({"LINDEX", name, std::to_string(i)}));
  }
  void add(Place i) {
    evaluate("redis.call('LSET', KEYS[1], ARGV[1], redis.call('LINDEX', KEYS[1], ARGV[1]) + 1)",
             name, std::to_string(i));
  }
  void append(T x) { redis().command({"RPUSH", name, text(x)}); }
  T pop() { return number(redis().command({"RPOP", name})); }
  friend RedisList in_child(RedisList& parents) { return RedisList(parents.socket()); }

 private:
  static constexpr std::string_view name = "list";
  explicit RedisList(const std::string& socket) : RedisStore(socket) {}

  static std::string text(T x) {
    char digits[32];
    std::snprintf(digits, sizeof digits, "%.17g", static_cast<double>(x));
    return digits;
  }
  static T number(const RedisReply& reply) {
    return static_cast<T>(std::strtod(reply.text().data(), nullptr));
  }
};

/// It has no limit: who puts never waits for room.
template <class M>
class RedisQueue : RedisStore {
 public:
  RedisQueue() = default;
  void put(const M& m) { redis().command({"LPUSH", name, bytes_of(m)}); }
  M get() {
    M m;
    RedisReply::take(m, redis().command({"BRPOP", name, "0"}).text(1));  // after the list's name
    return m;
  }
  friend RedisQueue in_child(RedisQueue& parents) { return RedisQueue(parents.socket()); }

 private:
  static constexpr std::string_view name = "queue";
  explicit RedisQueue(const std::string& socket) : RedisStore(socket) {}
};

}  // namespace peers
