// Memory that the application brings, and a struct of its own in it, used in place: no handles.
// Here it is an anonymous mapping; a memfd, a file on hugetlbfs or a device's memory do as well.
#include <sys/mman.h>
#include <lagoon/lagoon.hpp>

#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <string_view>

struct Quote {
  double bid;
  double ask;
};
struct Book {
  explicit Book(const lagoon::Segment& segment)
      : quote(segment, {100.0, 100.0}), updates(segment) {}
  lagoon::Cell<Quote> quote;           // a struct: read and written whole
  lagoon::Cell<std::int64_t> updates;  // a scalar: one atomic word
};
template <>  // by this name programs agree on what Book looks like
inline constexpr std::string_view lagoon::type_name<Book> = "Book";

int main() {
  constexpr std::size_t size = 1 << 20;
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return 1;

  {
    const auto segment = lagoon::Segment::adopt(std::span(static_cast<std::byte*>(memory), size));
    Book& book = segment.construct<Book>("book");  // found, or made

    lagoon::Process feed([&] {
      for (int i = 1; i <= 1000; ++i) {
        book.quote.set({100 - 1.0 / i, 100 + 1.0 / i});
        book.updates.fetch_add(1);
      }
    });
    feed.start();
    const Quote some = book.quote.get();  // whichever: always one that was written
    feed.join();

    const Quote last = book.quote.get();
    std::cout << "middle " << (some.bid + some.ask) / 2 << ", last " << last.bid << " | "
              << last.ask << " after " << book.updates.get() << " updates\n";
    for (const auto& object : segment.objects())
      std::cout << "the segment has '" << object.name << "', " << object.type << '\n';
  }
  munmap(memory, size);
}
