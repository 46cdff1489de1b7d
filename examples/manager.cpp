// Python's tutorial program with a Manager: ten children fill a value, an array and a dict.
#include <lagoon/lagoon.hpp>

#include <cstddef>
#include <iostream>
#include <vector>

int main() {
  lagoon::Manager manager;
  auto value = manager.value(0);
  auto array = manager.array<int>(10);
  auto dict = manager.dict();
  std::cout << value << ' ' << array << ' ' << dict << '\n';

  std::vector<lagoon::Process> children;
  for (int i = 0; i < 10; ++i) {
    children.emplace_back([&, i] {
      value += i;
      array[static_cast<std::size_t>(i)] = i * i;
      dict[i] = i + i;
    });
    children.back().start();
    children.back().join();
  }
  std::cout << value << ' ' << array << ' ' << dict << '\n';
}
