#include "node/worker.hpp"

#include <thread>

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/append.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace conclave::node {
namespace asio = boost::asio;

asio::awaitable<Result<>> on_worker(asio::any_io_executor executor, std::function<Result<>()> work) {
  auto error = co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Error)>(
      [&](auto handler) {
        std::thread([executor, guard = asio::make_work_guard(executor), work = std::move(work),
                     done = asio::any_completion_handler<void(Error)>(std::move(handler))]() mutable {
          auto outcome = work();
          asio::post(executor, asio::append(std::move(done), outcome ? Error() : outcome.error()));
        }).detach();
      },
      asio::use_awaitable);
  if (error) co_return fail(error);
  co_return Result<>();
}

}  // namespace conclave::node
