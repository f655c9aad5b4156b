#pragma once
/// `/ipfs/ping/1.0.0`: is the other end alive, and how far away.
///
/// Spec: libp2p/specs, ping/ping.md. Whoever opened the stream writes 32 random bytes, the other end echoes them; as
/// often as it likes, until it finishes.
#include <boost/asio/awaitable.hpp>

#include "crypto/random.hpp"
#include "transport/io/clock.hpp"
#include "transport/io/stream.hpp"

namespace conclave::identify {

constexpr std::string_view ping_protocol = "/ipfs/ping/1.0.0";
constexpr std::size_t ping_size = 32;

/// Answers pings until the peer finishes (success) or misbehaves: Errc::malformed for an end within a ping.
boost::asio::awaitable<Result<>> answer_pings(io::Stream& stream);

/// One ping: the round trip. Fails with Errc::malformed for a wrong echo, or with the stream's errors. The deadline is
/// the caller's: reset the stream.
boost::asio::awaitable<Result<Duration>> ping(io::Stream& stream, io::Clock& clock, Random& random);

}  // namespace conclave::identify
