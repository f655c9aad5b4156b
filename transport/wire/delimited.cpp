#include "transport/wire/delimited.hpp"

#include "crypto/codec/varint.hpp"

namespace conclave::wire {

boost::asio::awaitable<Result<Bytes>> read_delimited(io::Stream& stream, std::size_t size_max) {
  Bytes prefix;
  std::optional<codec::Varint> length;
  while (!length) {
    Byte byte = 0;
    auto read = co_await io::read_exactly(stream, {&byte, 1});
    if (!read && read.error() == Errc::end_of_stream && !prefix.empty()) co_return fail(Errc::malformed);
    if (!read) co_return fail(read.error());
    prefix.push_back(byte);
    CO_TRY(length, codec::read_varint(prefix));
  }
  if (length->value > size_max) co_return fail(Errc::too_long);
  Bytes message(static_cast<std::size_t>(length->value));
  auto read = co_await io::read_exactly(stream, message);
  if (!read && read.error() == Errc::end_of_stream) co_return fail(Errc::malformed);
  if (!read) co_return fail(read.error());
  co_return message;
}

boost::asio::awaitable<Result<>> write_delimited(io::Stream& stream, ByteView message) {
  Bytes framed;
  framed.reserve(message.size() + 9);
  codec::append_varint(framed, message.size());
  append(framed, message);
  co_return co_await stream.write_all(framed);
}

}  // namespace conclave::wire
