#pragma once
/// Work that would block the node's thread for long, on a thread of its own: Argon2id, copying a database.
#include "crypto/result.hpp"

#include <functional>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace conclave::node {

/// Runs `work` and comes back to `executor` with what it came to. `work` touches nothing that the node's
/// thread owns, and ends by itself: nothing cancels it.
boost::asio::awaitable<Result<>> on_worker(boost::asio::any_io_executor executor,
                                           std::function<Result<>()> work);

}  // namespace conclave::node
