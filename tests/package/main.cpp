#include <lagoon/lagoon.hpp>

int main() {
  lagoon::Value<int> value{41};
  lagoon::Process child{[&] { value += 1; }};
  child.start();
  child.join();
  return value.get() == 42 ? 0 : 1;
}
