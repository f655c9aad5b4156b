#include "transport/identify/ping.hpp"

namespace conclave::identify {
namespace asio = boost::asio;

asio::awaitable<Result<>> answer_pings(io::Stream& stream) {
  std::array<Byte, ping_size> payload;
  for (;;) {
    auto read = co_await io::read_exactly(stream, payload);
    if (!read && read.error() == Errc::end_of_stream) co_return co_await stream.close_write();
    if (!read) co_return read;
    CO_CHECK(co_await stream.write_all(payload));
  }
}

asio::awaitable<Result<Duration>> ping(io::Stream& stream, io::Clock& clock, Random& random) {
  std::array<Byte, ping_size> payload;
  std::array<Byte, ping_size> echo;
  random.fill(payload);
  auto sent = clock.now();
  CO_CHECK(co_await stream.write_all(payload));
  auto read = co_await io::read_exactly(stream, echo);
  if (!read) co_return fail(read.error() == Errc::end_of_stream ? make_error_code(Errc::malformed) : read.error());
  if (echo != payload) co_return fail(Errc::malformed);
  co_return clock.now() - sent;
}

}  // namespace conclave::identify
