#include "transport/wire/protobuf.hpp"

#include "crypto/codec/varint.hpp"

namespace conclave::wire {
namespace {

// The low three bits of a field's tag.
enum WireType : unsigned { varint = 0, fixed64 = 1, delimited = 2, fixed32 = 5 };

std::uint64_t little_endian(ByteView bytes) {
  std::uint64_t out = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) out = out << 8 | bytes[i];
  return out;
}

/// Takes a varint from the front of `in`.
Result<std::uint64_t> take_varint(ByteView& in) {
  constexpr std::size_t size_max = 10;
  std::uint64_t out = 0;
  for (std::size_t i = 0; i < std::min(in.size(), size_max); ++i) {
    out |= static_cast<std::uint64_t>(in[i] & 0x7f) << (7 * i);
    if (in[i] & 0x80) continue;
    in = in.subspan(i + 1);
    return out;
  }
  return fail(Errc::malformed);
}

}  // namespace

Result<std::optional<ProtobufReader::Field>> ProtobufReader::next() {
  if (rest_.empty()) return std::nullopt;
  auto take = [this](std::size_t size) {
    auto front = rest_.first(size);
    rest_ = rest_.subspan(size);
    return front;
  };
  TRY(auto tag, take_varint(rest_));
  constexpr std::uint64_t number_max = (1u << 29) - 1;
  if (tag >> 3 == 0 || tag >> 3 > number_max) return fail(Errc::malformed);
  Field out;
  out.number = static_cast<std::uint32_t>(tag >> 3);
  switch (tag & 7) {
    case varint: {
      TRY(out.value, take_varint(rest_));
      return out;
    }
    case delimited: {
      TRY(auto size, take_varint(rest_));
      if (size > rest_.size()) return fail(Errc::malformed);
      out.is_bytes = true;
      out.bytes = take(static_cast<std::size_t>(size));
      return out;
    }
    case fixed64:
    case fixed32: {
      std::size_t size = (tag & 7) == fixed64 ? 8 : 4;
      if (rest_.size() < size) return fail(Errc::malformed);
      out.value = little_endian(take(size));
      return out;
    }
    default:
      return fail(Errc::malformed);
  }
}

void ProtobufWriter::number(std::uint32_t field, std::uint64_t value) {
  codec::append_varint(out_, std::uint64_t{field} << 3 | varint);
  codec::append_varint(out_, value);
}

void ProtobufWriter::bytes(std::uint32_t field, ByteView value) {
  codec::append_varint(out_, std::uint64_t{field} << 3 | delimited);
  codec::append_varint(out_, value.size());
  append(out_, value);
}

}  // namespace conclave::wire
