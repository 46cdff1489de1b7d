// A writer is killed half-way. Nobody sees what it had begun, and nobody waits for it.
#include <unistd.h>
#include <lagoon/lagoon.hpp>

#include <algorithm>
#include <iostream>
#include <span>

int main() {
  auto array = lagoon::Array<int>::of({1, 2, 3, 4});
  lagoon::Value<int> half_way{0};

  lagoon::Process writer([&] {
    array.write([&](std::span<int> all) {
      all[0] = all[1] = -1;  // two of four …
      half_way = 1;
      half_way.notify_all();
      for (;;) pause();  // … and no further
    });
  });
  writer.start();
  half_way.wait(0);
  std::cout << "before the kill: " << array << '\n';
  writer.kill();  // SIGKILL
  writer.join();
  std::cout << "exit code " << writer.exitcode().value() << ":    " << array << '\n';

  array.write([](std::span<int> all) { std::fill(all.begin(), all.end(), 9); });
  std::cout << "the next write:  " << array << '\n';
}
