#include <lagoon/core/copy.hpp>

namespace lagoon::core {

#if LAGOON_COPY_BY_ATOMICS

namespace {

template <class Word>
void copy_words(unsigned char*& to, const unsigned char*& from, std::size_t& n) noexcept {
  const auto both = reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from);
  if (both % sizeof(Word) != 0) return;
  for (; n >= sizeof(Word); to += sizeof(Word), from += sizeof(Word), n -= sizeof(Word)) {
    const Word word = __atomic_load_n(reinterpret_cast<const Word*>(from), __ATOMIC_RELAXED);
    __atomic_store_n(reinterpret_cast<Word*>(to), word, __ATOMIC_RELAXED);
  }
}

void copy(void* to, const void* from, std::size_t n) noexcept {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  copy_words<std::uint64_t>(target, source, n);
  copy_words<std::uint32_t>(target, source, n);
  copy_words<std::uint16_t>(target, source, n);
  copy_words<std::uint8_t>(target, source, n);
}

}  // namespace

void read_shared(void* to, const void* from, std::size_t n) noexcept { copy(to, from, n); }
void write_shared(void* to, const void* from, std::size_t n) noexcept { copy(to, from, n); }

#else

namespace {

template <class Word>
void copy_words(unsigned char*& to, const unsigned char*& from, std::size_t& n) noexcept {
  for (; n >= sizeof(Word); to += sizeof(Word), from += sizeof(Word), n -= sizeof(Word))
    detail::store(to, detail::load<Word>(from));
}

void copy(void* to, const void* from, std::size_t n) noexcept {
  auto* target = static_cast<unsigned char*>(to);
  const auto* source = static_cast<const unsigned char*>(from);
  copy_words<detail::Vector>(target, source, n);
  copy_words<std::uint64_t>(target, source, n);
  copy_words<std::uint32_t>(target, source, n);
  copy_words<std::uint16_t>(target, source, n);
  copy_words<std::uint8_t>(target, source, n);
}

}  // namespace

void read_shared(void* to, const void* from, std::size_t n) noexcept { copy(to, from, n); }
void write_shared(void* to, const void* from, std::size_t n) noexcept { copy(to, from, n); }

#endif

}  // namespace lagoon::core
