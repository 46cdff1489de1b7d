/// Any bytes as a pickle: an error or an Object, which is shown, hashed and pickled again; and that
/// is read as the same.

#include <lagoon/error.hpp>
#include <pickle.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lagoon::remote;
  static Unpickler unpickler({.objects = 1 << 16, .expanded = 1 << 22, .integer = 1 << 10});
  try {
    const lagoon::Object o = unpickler.load({reinterpret_cast<const char*>(data), size});
    (void)o.repr();
    const std::string bytes = pickled(o);
    // A NaN is equal to nothing.
    if (Unpickler().load(bytes).repr() != o.repr()) std::abort();
  } catch (const lagoon::Error&) {
  }
  return 0;
}
