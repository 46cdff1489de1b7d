// What can be shared beside numbers: text, structs, slices, and types known only at run time.
#include <lagoon/lagoon.hpp>

#include <iostream>
#include <string_view>
#include <vector>

struct Point {
  double x;
  double y;
};
std::ostream& operator<<(std::ostream& out, const Point& p) {
  return out << '(' << p.x << ", " << p.y << ')';
}

// Runs f in a child, and waits for its end.
template <class F>
void in_a_child(F f) {
  lagoon::Process child(f);
  child.start();
  child.join();
}

int main() {
  // Text, as Python's Array('c'): value() ends at the first NUL, raw_bytes() is all of it.
  lagoon::Array<char> text("hello world");
  in_a_child([&] { text.set_value("HELLO"); });
  std::cout << "text      " << text.value() << ", in full " << text << '\n';

  // A struct is read and written whole: no reader sees the x of one and the y of another.
  lagoon::Value<Point> point(Point{1, 2});
  in_a_child([&] { point.update([](Point& p) { p.x += 10, p.y *= 10; }); });
  std::cout << "point     " << point << '\n';

  lagoon::Array<Point> points(3);
  in_a_child([&] {
    points.write([](auto all) {  // all three at once
      for (Point& p : all) p = {0.5, 0.25};
    });
  });
  std::cout << "points    " << points << '\n';

  // Python's slices: [2:5], [::-3], and an assignment to [:3].
  auto squares = lagoon::Array<int>::of({0, 1, 4, 9, 16, 25, 36});
  squares.assign_slice({}, 3, std::vector{-1, -2, -3});
  std::cout << "squares   " << squares << '\n' << "[2:5]    ";
  for (const int x : squares.slice(2, 5)) std::cout << ' ' << x;
  std::cout << '\n' << "[::-3]   ";
  for (const int x : squares.slice({}, {}, -3)) std::cout << ' ' << x;
  std::cout << '\n';

  // Typecodes: known when compiling …
  lagoon::Value<lagoon::typecode_t<'b'>> small{300};  // integers wrap, as in Python
  std::cout << "b         " << small << '\n';

  // … or when running. What does not convert is an error, and changes nothing.
  for (const char typecode : std::string_view("Bhd")) {
    auto any = lagoon::AnyArray::of(typecode, {1, -1, 70000});
    in_a_child([&] { any.set(0, 2); });
    std::cout << typecode << "         " << any << '\n';
  }
  try {
    lagoon::AnyValue::make('i', 1).set(2.5);
  } catch (const lagoon::InvalidArgument& error) {
    std::cout << "error     " << error.what() << '\n';
  }
}
