#include "crypto/codec/msgpack.hpp"

#include <msgpack/pack.hpp>
#include <msgpack/unpack.hpp>

#include "crypto/ensure.hpp"

namespace conclave::codec {
namespace {

/// What msgpack-c writes into.
struct Sink {
  Bytes& out;
  void write(const char* data, std::size_t size) {
    out.insert(out.end(), reinterpret_cast<const Byte*>(data), reinterpret_cast<const Byte*>(data) + size);
  }
};

msgpack::packer<Sink> packer(Sink& sink) { return msgpack::packer<Sink>(sink); }

std::uint32_t count_of(std::size_t size) {
  ensure(size <= std::numeric_limits<std::uint32_t>::max(), "msgpack counts in 32 bits");
  return static_cast<std::uint32_t>(size);
}

const msgpack::object& object(const void* erased) { return *static_cast<const msgpack::object*>(erased); }

}  // namespace

void Packer::nil() {
  Sink sink{out_};
  packer(sink).pack_nil();
}
void Packer::boolean(bool value) {
  Sink sink{out_};
  value ? packer(sink).pack_true() : packer(sink).pack_false();
}
void Packer::natural(std::uint64_t value) {
  Sink sink{out_};
  packer(sink).pack_uint64(value);
}
void Packer::integer(std::int64_t value) {
  Sink sink{out_};
  packer(sink).pack_int64(value);
}
void Packer::real(double value) {
  Sink sink{out_};
  packer(sink).pack_double(value);
}
void Packer::str(std::string_view value) {
  Sink sink{out_};
  packer(sink).pack_str(count_of(value.size()));
  append(out_, view(value));
}
void Packer::bin(ByteView value) {
  Sink sink{out_};
  packer(sink).pack_bin(count_of(value.size()));
  append(out_, value);
}
void Packer::array(std::size_t count) {
  Sink sink{out_};
  packer(sink).pack_array(count_of(count));
}

bool Item::is_nil() const { return object(object_).type == msgpack::type::NIL; }
Result<bool> Item::boolean() const {
  if (object(object_).type != msgpack::type::BOOLEAN) return fail(Errc::unexpected_type);
  return object(object_).via.boolean;
}
Result<std::uint64_t> Item::natural() const {
  if (object(object_).type != msgpack::type::POSITIVE_INTEGER) return fail(Errc::unexpected_type);
  return object(object_).via.u64;
}
Result<std::int64_t> Item::integer() const {
  const auto& value = object(object_);
  if (value.type == msgpack::type::NEGATIVE_INTEGER) return value.via.i64;
  if (value.type != msgpack::type::POSITIVE_INTEGER ||
      value.via.u64 > std::uint64_t{std::numeric_limits<std::int64_t>::max()})
    return fail(Errc::unexpected_type);
  return static_cast<std::int64_t>(value.via.u64);
}
Result<double> Item::real() const {
  const auto& value = object(object_);
  if (value.type != msgpack::type::FLOAT64 && value.type != msgpack::type::FLOAT32)
    return fail(Errc::unexpected_type);
  return value.via.f64;
}
Result<std::string_view> Item::str() const {
  const auto& value = object(object_);
  if (value.type != msgpack::type::STR) return fail(Errc::unexpected_type);
  return std::string_view(value.via.str.ptr, value.via.str.size);
}
Result<ByteView> Item::bin() const {
  const auto& value = object(object_);
  if (value.type != msgpack::type::BIN) return fail(Errc::unexpected_type);
  return view(std::string_view(value.via.bin.ptr, value.via.bin.size));
}
Result<std::size_t> Item::array() const {
  if (object(object_).type != msgpack::type::ARRAY) return fail(Errc::unexpected_type);
  return object(object_).via.array.size;
}
Item Item::at(std::size_t index) const {
  const auto& array = object(object_).via.array;
  ensure(index < array.size, "index within the array");
  return Item(array.ptr + index);
}

struct Parsed::State {
  Bytes bytes;  // str and bin point into it
  msgpack::object_handle handle;
};

Parsed::Parsed(std::unique_ptr<State> state) : state_(std::move(state)) {}
Parsed::Parsed(Parsed&&) noexcept = default;
Parsed::~Parsed() = default;
Item Parsed::root() const { return Item(&state_->handle.get()); }

Result<Parsed> Parsed::from(ByteView in) {
  // No count can be above the number of bytes there are: a five-byte message that announces four billion
  // elements would otherwise have them allocated.
  const std::size_t most = in.size();
  msgpack::unpack_limit limit(most, most, most, most, most, msgpack_depth_max);
  auto state = std::make_unique<State>();
  state->bytes = copy(in);
  auto keep = [](msgpack::type::object_type, std::size_t, void*) { return true; };
  try {
    std::size_t offset = 0;
    bool referenced = false;
    state->handle = msgpack::unpack(reinterpret_cast<const char*>(state->bytes.data()), state->bytes.size(),
                                    offset, referenced, keep, nullptr, limit);
    if (offset != in.size()) return fail(Errc::trailing_bytes);
  } catch (const msgpack::depth_size_overflow&) {
    return fail(Errc::too_long);
  } catch (const msgpack::unpack_error&) { return fail(Errc::malformed); }
  return Parsed(std::move(state));
}

Result<std::uint8_t> peek_kind(ByteView in) {
  std::size_t head = 0;
  if (in.empty()) return fail(Errc::malformed);
  if ((in[0] & 0xf0) == 0x90 && in[0] != 0x90) head = 1;
  if (in[0] == 0xdc) head = 3;
  if (head == 0) return fail(Errc::unexpected_type);
  if (in.size() <= head) return fail(Errc::malformed);
  if (in[head] < 0x80) return in[head];
  if (in[head] != 0xcc) return fail(Errc::unexpected_type);
  if (in.size() <= head + 1) return fail(Errc::malformed);
  return in[head + 1];
}

bool is_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    auto lead = static_cast<Byte>(text[i++]);
    if (lead < 0x80) continue;
    unsigned more = 0;
    std::uint32_t point = 0, least = 0;
    if ((lead & 0xe0) == 0xc0) more = 1, point = lead & 0x1f, least = 0x80;
    else if ((lead & 0xf0) == 0xe0) more = 2, point = lead & 0x0f, least = 0x800;
    else if ((lead & 0xf8) == 0xf0) more = 3, point = lead & 0x07, least = 0x10000;
    else return false;
    for (; more > 0; --more, ++i) {
      if (i == text.size() || (static_cast<Byte>(text[i]) & 0xc0) != 0x80) return false;
      point = point << 6 | (static_cast<Byte>(text[i]) & 0x3fU);
    }
    if (point < least || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return false;
  }
  return true;
}

Result<> read(Item from, double& out) {
  TRY(out, from.real());
  return {};
}
Result<> read(Item from, std::string& out) {
  TRY(auto text, from.str());
  if (!is_utf8(text)) return fail(Errc::malformed);
  out = text;
  return {};
}
Result<> read(Item from, Bytes& out) {
  TRY(auto bytes, from.bin());
  out = copy(bytes);
  return {};
}
Result<> read(Item from, UnixTime& out) {
  TRY(out.ms, from.integer());
  return {};
}

}  // namespace conclave::codec
