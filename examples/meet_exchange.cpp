// The other program: see meet_trader.cpp.
#include <lagoon/lagoon.hpp>

#include <iostream>
#include <string>

#include "meet_order.hpp"

int main(int argc, char** argv) {
  const auto segment = lagoon::Segment::open_or_create(argc > 1 ? argv[1] : "lagoon-exchange");
  lagoon::Queue<Order> orders(segment["orders"], 16);
  lagoon::Queue<std::string> fills(segment["fills"]);

  for (int left = 3; left > 0; --left) {
    const Order order = orders.get();
    std::cout << "order " << order.id << ": " << order.quantity << " at " << order.price << '\n';
    fills.put("order " + std::to_string(order.id) + " is filled");
  }
}
