#include "transport/io/stream.hpp"

namespace conclave::io {

boost::asio::awaitable<Result<>> read_exactly(Stream& stream, MutableBytes into) {
  std::size_t have = 0;
  while (have < into.size()) {
    auto more = co_await stream.read_some(into.subspan(have));
    if (!more && more.error() == Errc::end_of_stream && have > 0) co_return fail(Errc::malformed);
    if (!more) co_return fail(more.error());
    have += *more;
  }
  co_return Result<>();
}

}  // namespace conclave::io
