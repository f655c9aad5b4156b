#pragma once
/// The msgpack door (spec: msgpack/msgpack, spec.md): values to bytes and back. msgpack-c stays behind it, and so do
/// its exceptions.
///
/// What a type is on the wire: integers and bool as themselves; `double` as float 64; `std::string` as str, which has
/// to be valid UTF-8; `Bytes` and `Fixed` as bin; `std::vector` and `std::tuple` as array; `std::optional` as the
/// value or nil; `Strong` and `UnixTime` as their number. A type of another folder joins by a `Wire` specialisation.
///
/// Reading is strict, since a value that two programs read differently is an attack: a tuple has exactly its number
/// of elements, str is not taken for bin nor the other way round, numbers fit their type, nothing follows the value.
/// (Integers in a longer form than needed are read: other writers make them.)
#include <concepts>
#include <limits>
#include <memory>
#include <optional>
#include <tuple>

#include "crypto/bytes.hpp"
#include "crypto/strong.hpp"
#include "crypto/time.hpp"

namespace conclave::codec {

/// Arrays in arrays, the outermost one included. Deeper input fails with Errc::too_long.
inline constexpr std::size_t msgpack_depth_max = 8;

/// For types that travel as a tuple: `using Tuple = std::tuple<…>; static Tuple to(const T&); static Result<T>
/// from(Tuple&&);`.
template <class T>
struct Wire;

template <class T>
concept HasWire = requires { typename Wire<T>::Tuple; };

/// Writes one value after the other. Use `pack`.
class Packer {
 public:
  explicit Packer(Bytes& out) : out_(out) {}
  void nil();
  void boolean(bool value);
  void natural(std::uint64_t value);
  void integer(std::int64_t value);
  void real(double value);
  void str(std::string_view value);
  void bin(ByteView value);
  void array(std::size_t count);

 private:
  Bytes& out_;
};

/// A value that was read and is not yet typed; valid as long as its `Parsed`. Each accessor fails with
/// Errc::unexpected_type where something else stands there.
class Item {
 public:
  explicit Item(const void* object) : object_(object) {}
  bool is_nil() const;
  Result<bool> boolean() const;
  Result<std::uint64_t> natural() const;
  Result<std::int64_t> integer() const;
  Result<double> real() const;
  Result<std::string_view> str() const;
  Result<ByteView> bin() const;
  Result<std::size_t> array() const;
  /// `index` is below the value of `array()`.
  Item at(std::size_t index) const;

 private:
  const void* object_;
};

class Parsed {
 public:
  /// Fails with Errc::malformed, too_long (depth) or trailing_bytes.
  static Result<Parsed> from(ByteView in);
  Parsed(Parsed&&) noexcept;
  ~Parsed();
  Item root() const;

 private:
  struct State;
  explicit Parsed(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The small number at the head of an array `[kind, fields…]`, read without the rest. Fails with Errc::malformed or
/// unexpected_type.
Result<std::uint8_t> peek_kind(ByteView in);

/// Whether `text` is UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text);

// How the types below go in and out; declared ahead, since they contain each other.
template <std::integral T> void write(Packer& to, T value);
inline void write(Packer& to, double value) { to.real(value); }
inline void write(Packer& to, std::string_view value) { to.str(value); }
inline void write(Packer& to, const std::string& value) { to.str(value); }
inline void write(Packer& to, const char* value) { to.str(value); }
inline void write(Packer& to, ByteView value) { to.bin(value); }
inline void write(Packer& to, const Bytes& value) { to.bin(value); }
inline void write(Packer& to, UnixTime value) { to.integer(value.ms); }
template <class Tag, std::size_t n> void write(Packer& to, const Fixed<Tag, n>& value);
template <class Tag, class Rep> void write(Packer& to, Strong<Tag, Rep> value);
template <class T> void write(Packer& to, const std::vector<T>& values);
template <class T> void write(Packer& to, const std::optional<T>& value);
template <class... T> void write(Packer& to, const std::tuple<T...>& values);
template <HasWire T> void write(Packer& to, const T& value);

template <std::integral T> Result<> read(Item from, T& out);
Result<> read(Item from, double& out);
Result<> read(Item from, std::string& out);
Result<> read(Item from, Bytes& out);
Result<> read(Item from, UnixTime& out);
template <class Tag, std::size_t n> Result<> read(Item from, Fixed<Tag, n>& out);
template <class Tag, class Rep> Result<> read(Item from, Strong<Tag, Rep>& out);
template <class T> Result<> read(Item from, std::vector<T>& out);
template <class T> Result<> read(Item from, std::optional<T>& out);
template <class... T> Result<> read(Item from, std::tuple<T...>& out);
template <HasWire T> Result<> read(Item from, T& out);

template <class T>
Bytes pack(const T& value) {
  Bytes out;
  Packer packer(out);
  write(packer, value);
  return out;
}

/// Fails with Errc::malformed, too_long, trailing_bytes, unexpected_type, wrong_length (a `Fixed` of another size, a
/// tuple of another count) or what a `Wire` says.
template <class T>
Result<T> unpack(ByteView in) {
  TRY(auto parsed, Parsed::from(in));
  T out{};
  CHECK(read(parsed.root(), out));
  return out;
}

template <std::integral T>
void write(Packer& to, T value) {
  if constexpr (std::same_as<T, bool>) {
    to.boolean(value);
  } else if constexpr (std::unsigned_integral<T>) {
    to.natural(value);
  } else {
    to.integer(value);
  }
}
template <class Tag, std::size_t n>
void write(Packer& to, const Fixed<Tag, n>& value) {
  to.bin(value);
}
template <class Tag, class Rep>
void write(Packer& to, Strong<Tag, Rep> value) {
  write(to, value.raw());
}
template <class T>
void write(Packer& to, const std::vector<T>& values) {
  to.array(values.size());
  for (const auto& value : values) write(to, value);
}
template <class T>
void write(Packer& to, const std::optional<T>& value) {
  if (value) {
    write(to, *value);
  } else {
    to.nil();
  }
}
template <class... T>
void write(Packer& to, const std::tuple<T...>& values) {
  to.array(sizeof...(T));
  std::apply([&](const auto&... value) { (write(to, value), ...); }, values);
}
template <HasWire T>
void write(Packer& to, const T& value) {
  write(to, Wire<T>::to(value));
}

template <std::integral T>
Result<> read(Item from, T& out) {
  if constexpr (std::same_as<T, bool>) {
    TRY(out, from.boolean());
  } else if constexpr (std::unsigned_integral<T>) {
    TRY(auto value, from.natural());
    if (value > std::numeric_limits<T>::max()) return fail(Errc::unexpected_type);
    out = static_cast<T>(value);
  } else {
    TRY(auto value, from.integer());
    if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())
      return fail(Errc::unexpected_type);
    out = static_cast<T>(value);
  }
  return {};
}
template <class Tag, std::size_t n>
Result<> read(Item from, Fixed<Tag, n>& out) {
  TRY(auto bytes, from.bin());
  TRY(out, (Fixed<Tag, n>::from(bytes)));
  return {};
}
template <class Tag, class Rep>
Result<> read(Item from, Strong<Tag, Rep>& out) {
  Rep raw{};
  CHECK(read(from, raw));
  out = Strong<Tag, Rep>(raw);
  return {};
}
template <class T>
Result<> read(Item from, std::vector<T>& out) {
  TRY(auto count, from.array());
  out.clear();
  out.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    T value{};
    CHECK(read(from.at(i), value));
    out.push_back(std::move(value));
  }
  return {};
}
template <class T>
Result<> read(Item from, std::optional<T>& out) {
  out.reset();
  if (from.is_nil()) return {};
  T value{};
  CHECK(read(from, value));
  out = std::move(value);
  return {};
}
template <class... T>
Result<> read(Item from, std::tuple<T...>& out) {
  TRY(auto count, from.array());
  if (count != sizeof...(T)) return fail(Errc::wrong_length);
  Result<> result;
  std::size_t index = 0;
  auto each = [&](auto& value) {
    if (result) result = read(from.at(index++), value);
  };
  std::apply([&](auto&... value) { (each(value), ...); }, out);
  return result;
}
template <HasWire T>
Result<> read(Item from, T& out) {
  typename Wire<T>::Tuple tuple;
  CHECK(read(from, tuple));
  TRY(out, Wire<T>::from(std::move(tuple)));
  return {};
}

}  // namespace conclave::codec
