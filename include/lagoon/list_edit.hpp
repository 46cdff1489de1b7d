#pragma once
/// How a List is changed, and walked over; list.hpp includes it.

#include <lagoon/list.hpp>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <span>
#include <type_traits>

namespace lagoon {

/// The turn, and what is done with it.
template <class Element>
requires Encodable<std::remove_const_t<Element>>
class List<Element>::Edit {
  using Rewrite = core::Sequence::Rewrite;
  using Size = core::Sequence::Size;

 public:
  explicit Edit(List& list) : list_(list), turn_(list), size_(sequence().size()) {}

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// After what the application has done with the turn.
  void check() const { turn_.check(); }
  /// Counted from the front; IndexError in these words if nothing is there.
  [[nodiscard]] std::uint64_t place(Index i, const char* says) const {
    const std::uint64_t place = unsigned_of(i) + (i < 0 ? size_ : 0);
    if (place >= size_) detail::throw_list_index(says, size_);
    return place;
  }
  [[nodiscard]] T value(std::uint64_t place) const {
    Look look(list_.source());
    if (!sequence().read(place, look)) core::Slab::throw_damaged();
    return look.value();
  }
  /// All of them.
  [[nodiscard]] const detail::NewElements& elements() {
    detail::RecordBytes look(list_.source().slab);
    for (std::uint64_t i = 0; i < size_; ++i) {
      if (!sequence().read(i, look)) core::Slab::throw_damaged();
      elements_.add_again({look.bytes(), look.refers(), head_of(look.bytes())});
    }
    return elements_;
  }

  void append(const detail::NewElement<T>& element) {
    list_.with_memory(element.memory(), element.references(), [&] {
      return element.put(
          [&](const Size& size, auto&& fill) { return sequence().append(size, fill); });
    });
  }
  void put(std::uint64_t place, const detail::NewElement<T>& element) {
    list_.with_memory(element.memory(), element.references(), [&] {
      return element.put(
          [&](const Size& size, auto&& fill) { return sequence().put(place, size, fill); });
    });
  }
  void erase(std::uint64_t place) {
    if (place + 1 == size_)
      sequence().pop();
    else
      splice(place, 1, {});
  }
  /// So many times these elements in the place of `count` from there on.
  void splice(std::uint64_t from, std::uint64_t count, const detail::NewElements& elements,
              std::uint64_t times = 1) {
    if (elements.size() != 0 && times > longest / elements.size()) detail::throw_too_long_list();
    const std::uint64_t more = elements.size() * times;
    if (count == 0 && more == 0) return;
    rewrite(from, size_ - count + more, elements.memory() * times, elements.references(),
            [&](Rewrite& rewrite) {
              for (std::uint64_t i = 0; i < more; ++i)
                if (!put(rewrite, from + i, elements[i % elements.size()])) return false;
              rewrite.drop(from, count);
              rewrite.move(from + more, from + count, size_ - from - count);
              return true;
            });
  }
  /// These in the places of the slice, which has as many.
  void put(const detail::Slice& slice, const detail::NewElements& elements) {
    if (slice.count == 0) return;
    const std::uint64_t from = slice.first();
    rewrite(from, size_, elements.memory(), elements.references(), [&](Rewrite& rewrite) {
      rewrite.move(from, from, size_ - from);
      for (std::size_t k = 0; k < slice.count; ++k) {
        rewrite.drop(slice.at(k));
        if (!put(rewrite, slice.at(k), elements[k])) return false;
      }
      return true;
    });
  }
  void erase(const detail::Slice& slice) {
    if (slice.count == 0) return;
    const std::uint64_t from = slice.first();
    const auto stride = unsigned_of(slice.step > 0 ? slice.step : -slice.step);
    rewrite(from, size_ - slice.count, 0, {}, [&](Rewrite& rewrite) {
      std::uint64_t to = from;
      for (std::uint64_t at = from, k = 1; k <= slice.count; ++k) {
        const std::uint64_t next = k == slice.count ? size_ : at + stride;
        rewrite.drop(at);
        rewrite.move(to, at + 1, next - at - 1);
        to += next - at - 1;
        at = next;
      }
      return true;
    });
  }
  /// order(i) is where the one comes from that will be the i-th.
  template <class Order>
  void reorder(Order&& order) {
    if (size_ < 2) return;
    rewrite(0, size_, 0, {}, [&](Rewrite& rewrite) {
      for (std::uint64_t i = 0; i < size_; ++i) rewrite.move(i, order(i));
      return true;
    });
  }

 private:
  static constexpr std::uint64_t longest = std::uint64_t{1} << 36;

  [[nodiscard]] core::Sequence& sequence() const noexcept { return list_.state(); }
  /// Of an element's bytes.
  [[nodiscard]] std::size_t head_of(std::span<const std::byte> bytes) const {
    if constexpr (detail::HasRuntimeType<T>)
      return detail::head_in(bytes, detail::RuntimeContents::of(list_.handle_).types[0].is_bulk());
    else
      return detail::head_in(bytes, detail::Bulk<T>);
  }
  static bool put(Rewrite& rewrite, std::uint64_t to, const detail::Encoded& record) {
    return detail::put_encoded(
        record, [&](const Size& size, auto&& fill) { return rewrite.put(to, size, fill); });
  }
  template <class F>
  void rewrite(std::uint64_t kept, std::uint64_t size, std::uint64_t memory,
               std::span<const detail::Referred> references, F&& f) {
    list_.with_memory(memory + sequence().bytes_of_row(size), references, [&] {
      Rewrite rewrite(sequence(), kept, size);
      if (!rewrite.has_begun() || !f(rewrite)) return false;
      rewrite.publish();
      return true;
    });
  }

  List& list_;
  typename Base::Turn turn_;
  std::uint64_t size_;
  detail::NewElements elements_;
};

/// Goes on by index, whatever has become of the others meanwhile.
template <class Element>
requires Encodable<std::remove_const_t<Element>>
class List<Element>::Iterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using difference_type = std::ptrdiff_t;
  using value_type = T;
  using reference = const T&;
  using pointer = const T*;

  [[nodiscard]] reference operator*() const noexcept { return *element_; }
  [[nodiscard]] pointer operator->() const noexcept { return &*element_; }
  Iterator& operator++() {
    const core::Sequence& sequence = list_->look();
    element_ = Base::template reading<Look::may_refer>([&]() -> std::optional<T> {
      Look look(list_->source());
      if (!sequence.read(next_, look)) return std::nullopt;
      return look.value();
    });
    ++next_;
    return *this;
  }
  void operator++(int) { ++*this; }
  friend bool operator==(const Iterator& i, std::default_sentinel_t) noexcept {
    return !i.element_;
  }

 private:
  friend List;
  explicit Iterator(const List& list) : list_(&list) { ++*this; }

  const List* list_;
  std::uint64_t next_ = 0;
  std::optional<T> element_;
};

}  // namespace lagoon
