// Ten processes share a value and an array: the program that every user of Python's
// multiprocessing knows.
#include <lagoon/lagoon.hpp>

#include <cstddef>
#include <iostream>
#include <vector>

int main() {
  lagoon::Value<int> value{0};   // one number, shared with every child started later
  lagoon::Array<int> array(10);  // ten of them, zeros at first
  for (std::size_t i = 0; i < array.size(); ++i) array[i] = i;
  std::cout << "init g_value=" << value << ",g_array=" << array << '\n';

  std::vector<lagoon::Process> children;
  for (std::size_t i = 0; i < array.size(); ++i) {
    children.emplace_back([&, i] {
      value = i;
      array[i] = i * i;
      std::cout << "child " << i << ": " << array[i] << '\n';
    });
    children.back().start();
  }
  for (lagoon::Process& child : children) child.join();

  std::cout << "end array=" << array << '\n';
}
