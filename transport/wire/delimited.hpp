#pragma once
/// Messages on a stream: unsigned varint length, then that many bytes.
#include <boost/asio/awaitable.hpp>

#include "transport/io/stream.hpp"

namespace conclave::wire {

/// Fails with Errc::too_long above `size_max` (before anything is allocated), Errc::malformed for a bad length or
/// an end inside the message, Errc::end_of_stream where the stream ends before it, or with the stream's error.
boost::asio::awaitable<Result<Bytes>> read_delimited(io::Stream& stream, std::size_t size_max);
boost::asio::awaitable<Result<>> write_delimited(io::Stream& stream, ByteView message);

}  // namespace conclave::wire
