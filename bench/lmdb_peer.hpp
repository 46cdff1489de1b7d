#pragma once
/// LMDB in /dev/shm as a dict that processes share (dict_peers.hpp). As its documentation has it
/// for many short readers: no locks but the writers', no sync.

#include <lmdb.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "peers_memory.hpp"

namespace peers {

template <class K, class V>
class Lmdb {
 public:
  explicit Lmdb(Room room) : path_(new_path()), bytes_(room.bytes() + spare), made_here_(true) {
    open();
  }
  Lmdb(const Lmdb&) = delete;
  Lmdb& operator=(const Lmdb&) = delete;
  ~Lmdb() { close(); }

  bool get(K key, V& value) {
    check(mdb_txn_renew(reader_));
    MDB_val k{sizeof key, &key}, v{};
    const bool found = mdb_get(reader_, db_, &k, &v) == 0;
    if (found) take(value, v);
    mdb_txn_reset(reader_);
    return found;
  }
  void set(K key, const V& value) {
    write([&](MDB_txn* txn) { put(txn, key, value); });
  }
  template <class F>
  void update(K key, F&& f) {
    write([&](MDB_txn* txn) {
      MDB_val k{sizeof key, &key}, v{};
      check(mdb_get(txn, db_, &k, &v));
      V value{};
      take(value, v);
      f(value);
      put(txn, key, value);
    });
  }
  /// key(i) with that value, for each i up to n, in one transaction.
  template <class MakeKey>
  void fill(std::size_t n, MakeKey&& key, const V& value) {
    write([&](MDB_txn* txn) {
      for (std::size_t i = 0; i < n; ++i) put(txn, key(i), value);
    });
  }
  /// An environment may not be used across fork().
  friend Lmdb in_child(Lmdb& parents) { return Lmdb(parents.path_, parents.bytes_); }

 private:
  /// Where writers go on while a reader is held up, whose pages nobody may use again.
  static constexpr std::size_t spare = std::size_t{256} << 20;

  Lmdb(std::string path, std::size_t bytes) : path_(std::move(path)), bytes_(bytes) { open(); }

  static void check(int error) {
    if (error != 0) throw std::runtime_error(std::string("LMDB: ") + mdb_strerror(error));
  }
  static std::string new_path() {
    static int made = 0;
    return "/dev/shm/lagoon-bench-lmdb." + std::to_string(getpid()) + "." + std::to_string(++made);
  }
  void open() {
    try {
      if (made_here_) std::filesystem::create_directory(path_);
      check(mdb_env_create(&env_));
      check(mdb_env_set_mapsize(env_, bytes_));
      check(mdb_env_set_maxreaders(env_, 256));
      check(mdb_env_open(env_, path_.c_str(), MDB_NOSYNC | MDB_WRITEMAP | MDB_NOTLS, 0600));
      check(mdb_reader_check(env_, nullptr));  // of children that were killed
      write([&](MDB_txn* txn) { check(mdb_dbi_open(txn, nullptr, MDB_INTEGERKEY, &db_)); });
      check(mdb_txn_begin(env_, nullptr, MDB_RDONLY, &reader_));
      mdb_txn_reset(reader_);
    } catch (...) {
      close();
      throw;
    }
  }
  void close() noexcept {
    mdb_txn_abort(reader_);
    if (env_ != nullptr) mdb_env_close(env_);
    std::error_code ignored;
    if (made_here_) std::filesystem::remove_all(path_, ignored);
  }
  template <class F>
  void write(F&& f) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, 0, &txn));
    try {
      f(txn);
    } catch (...) {
      mdb_txn_abort(txn);
      throw;
    }
    check(mdb_txn_commit(txn));
  }
  void put(MDB_txn* txn, K key, const V& value) {
    MDB_val k{sizeof key, &key}, v{};
    if constexpr (std::is_same_v<V, std::string>)
      v = {value.size(), const_cast<char*>(value.data())};  // LMDB only reads it
    else
      v = {sizeof value, const_cast<V*>(&value)};
    check(mdb_put(txn, db_, &k, &v, 0));
  }
  static void take(V& to, const MDB_val& from) {
    if constexpr (std::is_same_v<V, std::string>)
      to.assign(static_cast<const char*>(from.mv_data), from.mv_size);
    else
      std::memcpy(&to, from.mv_data, sizeof to);
  }

  std::string path_;
  std::size_t bytes_;
  bool made_here_ = false;
  MDB_env* env_ = nullptr;
  MDB_dbi db_ = 0;
  MDB_txn* reader_ = nullptr;
};

}  // namespace peers
