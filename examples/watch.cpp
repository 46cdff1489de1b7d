// An engine in C++, and a Python program that watches its prices in shared memory and sends it
// orders: there is no server between them, only the C interface (lagoon/lagoon.h), which Python
// calls by ctypes. Its argument is the library to load: liblagoon.so, or what it was linked into.
#include <lagoon/lagoon.hpp>

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <span>
#include <string>

#ifndef LAGOON_LIBRARY
#define LAGOON_LIBRARY "liblagoon.so"
#endif

int main(int argc, char** argv) {
  const std::string library = argc > 1 ? argv[1] : LAGOON_LIBRARY;
  const std::string script = (std::filesystem::path(__FILE__).parent_path() / "watch.py").string();
  const std::string name = "lagoon-watch-" + std::to_string(getpid());

  const auto segment = lagoon::Segment::create(name);
  lagoon::Array<double> prices(segment["prices"], 4);
  lagoon::Value<std::int64_t> day(segment["day"], 0);    // the last one published
  lagoon::Value<std::int64_t> seen(segment["seen"], 0);  // the last one that Python has seen
  lagoon::Queue<std::string> orders(segment["orders"]);

  lagoon::Process python([&] {
    return std::system(("python3 '" + script + "' '" + library + "' " + name).c_str()) == 0 ? 0 : 1;
  });
  python.start();
  for (std::int64_t today = 1; today <= 3 && python.is_alive(); ++today) {
    prices.write([&](std::span<double> all) {  // nobody sees a half of it
      for (double& price : all) price = 100 + static_cast<double>(today) / 4;
    });
    day = today;
    day.notify_all();
    while (seen != today && python.is_alive())
      (void)seen.wait_for(today - 1, std::chrono::milliseconds(100));
  }
  python.join();
  lagoon::Segment::remove(name);
  while (const auto order = orders.try_get()) std::cout << "ordered: " << *order << '\n';
  return python.exitcode().value_or(1);
}
