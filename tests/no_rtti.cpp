// A program that is compiled with -fno-rtti, and linked with a lagoon that is not. What the headers
// make in it has no type information; what the library asks of the exceptions that it throws, and
// of what it hands over, must not need any.

#include <lagoon/lagoon.hpp>

#include <iostream>
#include <string>
#include <vector>

namespace {

struct Mine : std::runtime_error {
  using std::runtime_error::runtime_error;
};

int index_beyond(int i) {
  lagoon::Array<int> array(3);
  if (i < 0) throw Mine("mine");
  return static_cast<int>(array.at(static_cast<std::size_t>(i)));
}
int refuse(int) { throw lagoon::InvalidArgument("refused"); }

int failures = 0;
void check(bool is_so, const char* what) {
  if (is_so) return;
  std::cout << "not so: " << what << '\n';
  ++failures;
}
/// What `task(i)` throws in a worker, as a text.
template <class E>
std::string thrown(lagoon::Pool& pool, int (*task)(int), int i) {
  try {
    pool.apply(task, i);
  } catch (const E& e) {
    return e.what();
  }
  return "nothing";
}

}  // namespace

int main() {
  lagoon::Manager manager;
  lagoon::Value<int> value{1};
  lagoon::Array<double> array(4);
  auto dict = manager.dict<std::string, int>();
  auto anything = manager.dict();
  auto list = manager.list<int>();
  lagoon::Queue<std::string> queue;
  lagoon::Process child([&] {
    value += 1;
    array[1] = 2;
    dict["a"] = 3;
    list.append(4);
    queue.put("five");
  });
  child.start();
  child.join();
  check(value == 2 && array[1] == 2 && dict["a"] == 3 && list[0] == 4 && queue.get() == "five",
        "a child's values");

  anything["list"] = list;
  anything["text"] = "text";
  check(anything["list"] == anything["list"] && anything["list"] != anything["text"],
        "references compare");
  check(lagoon::str(anything["text"]) == "text", "an Object prints");

  lagoon::Pool pool(1);
  check(thrown<lagoon::OutOfRange>(pool, index_beyond, 7).find('7') != std::string::npos,
        "an OutOfRange comes back");
  check(thrown<lagoon::InvalidArgument>(pool, refuse, 0) == "refused",
        "an InvalidArgument comes back");
  check(thrown<std::runtime_error>(pool, index_beyond, -1).find("mine") != std::string::npos,
        "what derives from a known one comes back as that");
  return failures;
}
