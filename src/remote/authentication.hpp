#pragma once
/// The two ends of a connection prove to each other that they have the same key, as
/// multiprocessing.connection does it: HMAC of what the other has chosen at random. The server
/// challenges first.
///
/// What is sent is the form of Python 3.12, with SHA-256; one of 3.8 to 3.11 answers it, and asks,
/// by MD5.

#include "connection.hpp"

#include <string_view>

namespace lagoon::remote {

/// Has another key, or speaks another protocol.
struct AuthenticationError : ProtocolError {
  using ProtocolError::ProtocolError;
};

/// AuthenticationError, after the other end was told so; TimeoutError; SystemError.
void challenge(Connection& connection, std::string_view key, core::Deadline deadline);
void answer_challenge(Connection& connection, std::string_view key, core::Deadline deadline);

}  // namespace lagoon::remote
