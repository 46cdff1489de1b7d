/// A C++ engine, and a Python program that watches it and tells it what to do: the same dict, here
/// in shared memory, there over the protocol of Python's own managers.

#include <lagoon/lagoon.hpp>
#include <lagoon/remote/server.hpp>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>

int main(int, char** argv) {
  lagoon::Manager manager;
  auto state = manager.dict("state");
  state["limit"] = 3;
  state["ticks"] = lagoon::Object::list();

  lagoon::Process engine([&] {
    for (int i = 0; i < int(state["limit"]); ++i) {
      state["ticks"].append(i * i);
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    state["done"] = true;
  });
  engine.start();

  // At a socket that only this user can reach, with a key of random bytes.
  lagoon::remote::Server server(manager);
  server.start();

  // examples/serve_python.py lies beside this program's source.
  const std::string script =
      argv[1] != nullptr
          ? argv[1]
          : (std::filesystem::path(__FILE__).parent_path() / "serve_python.py").string();
  const std::string command =
      "python3 '" + script + "' '" + server.address().text() + "' " + server.authkey();
  std::cout << std::flush;
  const int code = std::system(command.c_str());
  engine.join();
  std::cout << "and here: " << state["from_python"].repr() << '\n';
  return code == 0 ? 0 : 1;
}
