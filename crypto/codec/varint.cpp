#include "crypto/codec/varint.hpp"

#include "crypto/ensure.hpp"

namespace conclave::codec {

void append_varint(Bytes& to, std::uint64_t value) {
  ensure(value <= varint_max, "a varint has 63 bits");
  for (; value >= 0x80; value >>= 7) to.push_back(static_cast<Byte>(value | 0x80));
  to.push_back(static_cast<Byte>(value));
}

Bytes varint(std::uint64_t value) {
  Bytes out;
  append_varint(out, value);
  return out;
}

Result<std::optional<Varint>> read_varint(ByteView in) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < varint_size_max; ++i) {
    if (i == in.size()) return std::nullopt;
    value |= std::uint64_t{in[i] & 0x7fU} << (7 * i);
    if (in[i] & 0x80) continue;
    if (in[i] == 0 && i > 0) return fail(Errc::malformed);
    return Varint{value, i + 1};
  }
  return fail(Errc::malformed);
}

Result<std::uint64_t> take_varint(ByteView& in) {
  TRY(auto read, read_varint(in));
  if (!read) return fail(Errc::malformed);
  in = in.subspan(read->size);
  return read->value;
}

}  // namespace conclave::codec
