// Two programs that know nothing of each other but a name meet in shared memory; this one writes
// and meet_subscriber reads. Start them in any order, in two terminals: whoever comes first makes
// the segment and what is in it.
#include <lagoon/lagoon.hpp>

#include <iostream>
#include <span>

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "lagoon-meeting";
  const auto segment = lagoon::Segment::open_or_create(name);
  lagoon::Array<double> prices(segment["prices"], 4);
  lagoon::Value<int> day(segment["day"], 0);    // the last one published
  lagoon::Value<int> seen(segment["seen"], 0);  // the last one that the subscriber has seen

  for (int today = 1; today <= 3; ++today) {
    prices.write([&](std::span<double> all) {  // nobody sees a half of it
      for (double& price : all) price = 100 + today / 4.0;
    });
    day = today;
    day.notify_all();
    std::cout << "day " << today << " is out\n";
    for (int last = seen; last != today; last = seen) seen.wait(last);
  }

  lagoon::Segment::remove(name);  // whoever has it open keeps it
  std::cout << "all of it was seen\n";
}
