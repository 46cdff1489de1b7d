// The other half of meet_publisher.
#include <lagoon/lagoon.hpp>

#include <iostream>

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "lagoon-meeting";
  const auto segment = lagoon::Segment::open_or_create(name);
  lagoon::Array<double> prices(segment["prices"], 4);
  lagoon::Value<int> day(segment["day"], 0);
  lagoon::Value<int> seen(segment["seen"], 0);

  for (int last = 0; last < 3;) {
    day.wait(last);  // until it is another
    last = day;
    std::cout << "day " << last << ": " << prices << '\n';
    seen = last;
    seen.notify_all();
  }
}
