#include "authentication.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <string>

namespace lagoon::remote {

namespace {

constexpr std::string_view says_challenge = "#CHALLENGE#", says_welcome = "#WELCOME#",
                           says_failure = "#FAILURE#";
constexpr std::size_t most = 256;  // of each message
constexpr std::size_t random_bytes = 40;
constexpr std::size_t fewest_random_bytes = 20;  // that are worth an answer
constexpr std::size_t md5_bytes = 16;

struct Digest {
  std::string_view name;  // as Python has it
  const EVP_MD* (*type)();
};
constexpr Digest digests[] = {{"md5", EVP_md5},
                              {"sha256", EVP_sha256},
                              {"sha384", EVP_sha384},
                              {"sha3_256", EVP_sha3_256},
                              {"sha3_384", EVP_sha3_384}};

std::string mac_of(std::string_view message, std::string_view key, const EVP_MD* type) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> mac{};
  unsigned int size = 0;
  if (::HMAC(type, key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(message.data()), message.size(), mac.data(),
             &size) == nullptr)
    throw AuthenticationError("OpenSSL cannot make this digest here");
  return {reinterpret_cast<const char*>(mac.data()), size};
}

/// "{sha256}…" by its name; null, and the whole of it, if it begins with none, as one of so many
/// bytes does.
struct WithDigest {
  const Digest* digest = nullptr;
  std::string_view rest;
};
WithDigest by_digest(std::string_view message, std::size_t bytes_without_name) {
  if (message.size() == bytes_without_name || !message.starts_with('{')) return {nullptr, message};
  const auto end = message.find('}');
  if (end == std::string_view::npos) return {nullptr, message};
  const std::string_view name = message.substr(1, end - 1);
  const auto* const found = std::find_if(std::begin(digests), std::end(digests),
                                         [&](const Digest& digest) { return digest.name == name; });
  if (found == std::end(digests))
    throw AuthenticationError("the digest '" + std::string(name) +
                              "' was asked for; md5, sha256, sha384, sha3_256 and sha3_384 are "
                              "known");
  return {found, message.substr(end + 1)};
}

std::string_view receive(Connection& connection, core::Deadline deadline) {
  const auto message = connection.receive(most, deadline);
  if (!message) throw AuthenticationError("the other end closed before it had proved its key");
  return *message;
}

bool is_right(std::string_view answer, std::string_view asked, std::string_view key) {
  const WithDigest given = by_digest(answer, md5_bytes);
  if (given.digest == nullptr && given.rest.size() != md5_bytes) return false;
  const std::string expected =
      mac_of(asked, key, given.digest == nullptr ? EVP_md5() : given.digest->type());
  return given.rest.size() == expected.size() &&
         ::CRYPTO_memcmp(given.rest.data(), expected.data(), expected.size()) == 0;
}

}  // namespace

void challenge(Connection& connection, std::string_view key, core::Deadline deadline) {
  std::array<unsigned char, random_bytes> random{};
  if (::RAND_bytes(random.data(), random.size()) != 1)
    throw AuthenticationError("OpenSSL has no random bytes");
  const std::string asked =
      "{sha256}" + std::string(reinterpret_cast<const char*>(random.data()), random.size());
  connection.send(std::string(says_challenge) + asked, deadline);
  bool right = false;
  try {
    right = is_right(receive(connection, deadline), asked, key);
  } catch (const AuthenticationError&) {  // a digest that is not known
  }
  if (!right) {
    connection.send(says_failure, deadline);
    throw AuthenticationError("the other end has another key");
  }
  connection.send(says_welcome, deadline);
}

void answer_challenge(Connection& connection, std::string_view key, core::Deadline deadline) {
  const std::string message(receive(connection, deadline));
  if (!message.starts_with(says_challenge))
    throw AuthenticationError("a challenge was expected of the other end");
  const std::string_view asked = std::string_view(message).substr(says_challenge.size());
  const WithDigest wanted = by_digest(asked, fewest_random_bytes);
  if (wanted.rest.size() < fewest_random_bytes)
    throw AuthenticationError("the other end's challenge is of " +
                              std::to_string(wanted.rest.size()) + " bytes only");
  connection.send(wanted.digest == nullptr ? mac_of(asked, key, EVP_md5())
                                           : "{" + std::string(wanted.digest->name) + "}" +
                                                 mac_of(asked, key, wanted.digest->type()),
                  deadline);
  if (receive(connection, deadline) != says_welcome)
    throw AuthenticationError("the other end has another key");
}

}  // namespace lagoon::remote
