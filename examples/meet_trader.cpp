// Two programs that know nothing of each other but a name, and what goes from one to the other:
// this one puts orders into a queue and gets what meet_exchange made of them from another. Start
// them in any order, in two terminals.
#include <lagoon/lagoon.hpp>

#include <iostream>
#include <string>
#include <string_view>

#include "meet_order.hpp"

int main(int argc, char** argv) {
  const char* name = argc > 1 ? argv[1] : "lagoon-exchange";
  const auto segment = lagoon::Segment::open_or_create(name);
  lagoon::Queue<Order> orders(segment["orders"], 16);  // waits when 16 are in it
  lagoon::Queue<std::string> fills(segment["fills"]);

  for (int id = 1; id <= 3; ++id) orders.put({id, 100 * id, 1.5 * id});
  for (int id = 1; id <= 3; ++id) std::cout << fills.get() << '\n';

  lagoon::Segment::remove(name);  // whoever has it open keeps it
  std::cout << "all of it was done\n";
}
