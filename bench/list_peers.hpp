#pragma once
/// Lists that processes share: lagoon's, and boost::interprocess::vector under its
/// interprocess_mutex.

#include <boost/interprocess/containers/vector.hpp>
#include <cstddef>
#include <lagoon/lagoon.hpp>
#include <vector>

#include "peers_memory.hpp"

namespace peers {

using Place = std::ptrdiff_t;

template <class T>
class LagoonList {
 public:
  explicit LagoonList(Place count) {
    list_.extend(std::vector<T>(static_cast<std::size_t>(count)));
  }
  [[nodiscard]] T get(Place i) const { return list_.at(i); }
  [[nodiscard]] T last() const { return list_.at(-1); }
  void set(Place i, T x) { list_.set(i, x); }
  void add(Place i) { list_[i] += 1; }
  void append(T x) { list_.append(x); }
  T pop() { return list_.pop(); }
  void insert(Place i, T x) { list_.insert(i, x); }
  void erase(Place i) { list_.erase(i); }
  void clear() { list_.clear(); }

 private:
  lagoon::List<T> list_;
};

template <class T>
class GuardedVector {
 public:
  explicit GuardedVector(Place count)
      : vector_((std::size_t{64} << 20) + 4 * sizeof(T) * static_cast<std::size_t>(count)) {
    vector_->resize(static_cast<std::size_t>(count));
  }

  [[nodiscard]] T get(Place i) const {
    const Guard guard(vector_.mutex());
    return vector_->at(static_cast<std::size_t>(i));
  }
  [[nodiscard]] T last() const {
    const Guard guard(vector_.mutex());
    return vector_->back();
  }
  void set(Place i, T x) {
    const Guard guard(vector_.mutex());
    vector_->at(static_cast<std::size_t>(i)) = x;
  }
  void add(Place i) {
    const Guard guard(vector_.mutex());
    vector_->at(static_cast<std::size_t>(i)) += 1;
  }
  void append(T x) {
    const Guard guard(vector_.mutex());
    vector_->push_back(x);
  }
  T pop() {
    const Guard guard(vector_.mutex());
    const T x = vector_->back();
    vector_->pop_back();
    return x;
  }
  void insert(Place i, T x) {
    const Guard guard(vector_.mutex());
    vector_->insert(vector_->begin() + i, x);
  }
  void erase(Place i) {
    const Guard guard(vector_.mutex());
    vector_->erase(vector_->begin() + i);
  }
  void clear() {
    const Guard guard(vector_.mutex());
    vector_->clear();
    vector_->shrink_to_fit();
  }

 private:
  Guarded<bip::vector<T, Allocator<T>>> vector_;
};

}  // namespace peers
