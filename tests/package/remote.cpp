#include <lagoon/lagoon.hpp>
#include <lagoon/remote/manager.hpp>
#include <lagoon/remote/server.hpp>

/// A server, and a client of it, in one program.
int main() {
  const lagoon::Manager manager;
  lagoon::remote::Server server(manager);
  server.start();
  const auto client = lagoon::remote::Manager::connect(server.address(), server.authkey());
  const lagoon::remote::Dict dict = client.dict();
  dict["answer"] = 42;
  return int(dict["answer"]) == 42 ? 0 : 1;
}
