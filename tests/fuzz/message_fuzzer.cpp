/// Any bytes as what comes over a socket: messages, an end, or an error.

#include <lagoon/error.hpp>

#include <connection.hpp>

#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lagoon::remote;
  constexpr std::size_t most = 4096;
  if (size > 32 * most) return 0;  // or it would wait for who reads
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 0;
  const Descriptor writes = Descriptor::of([&] { return ends[0]; });
  Connection connection{Descriptor::of([&] { return ends[1]; })};
  if (::write(writes.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  ::shutdown(writes.get(), SHUT_WR);
  try {
    while (connection.receive(most)) continue;
  } catch (const lagoon::Error&) {
  }
  return 0;
}
