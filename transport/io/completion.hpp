#pragma once
/// How the few files that call Asio themselves wait: `auto [error, size] = co_await stream.async_read_some(…, with_error)`.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace conclave::io {

/// Awaits an operation of Asio; what went wrong is a value, not an exception.
inline constexpr auto with_error = boost::asio::as_tuple(boost::asio::use_awaitable);

}  // namespace conclave::io
