#pragma once
/// Errors from outside are values: what a peer, the network or the disk can cause is a `Result`.
/// What only we can cause is an `ensure` (crypto/ensure.hpp).
#include <expected>
#include <string>
#include <system_error>

namespace conclave {

using Error = std::error_code;

template <class T = void>
using Result = std::expected<T, Error>;

/// What can be wrong with bytes and keys; each folder with errors of its own has its own scoped `Errc`.
enum class Errc {
  malformed = 1,    ///< does not parse
  trailing_bytes,   ///< parses, with something behind it
  unexpected_type,  ///< another type stands where this one belongs
  too_long,         ///< above a limit that the format states
  wrong_length,     ///< a fixed-size field of another size
  unsupported,      ///< a version or an algorithm that we do not know
  bad_signature,    ///< does not verify
  bad_key,          ///< not a usable public key: small order, not on the curve, or not the one claimed
  undecryptable,    ///< does not open under this key
  bad_checksum,     ///< a typing error, most likely
  expired,          ///< past its time, or not yet valid
  revoked,          ///< taken back by its owner
  refused,          ///< against the rules of the one asked
  timed_out,        ///< no answer within the deadline
  closed,           ///< the thing asked has been closed
  end_of_stream,    ///< the peer finished, and everything was read
  stream_reset,     ///< the peer gave the stream up
  not_found,        ///< looked for and not there
  limit_reached,    ///< the bound beside something a stranger can grow
};
std::error_code make_error_code(Errc code);

inline std::unexpected<Error> fail(Error error) { return std::unexpected(error); }

}  // namespace conclave

template <>
struct std::is_error_code_enum<conclave::Errc> : std::true_type {};

#define CONCLAVE_JOIN_(a, b) a##b
#define CONCLAVE_JOIN(a, b) CONCLAVE_JOIN_(a, b)

/// `TRY(auto x, f());`: x is the value of f(), or the function returns its error.
#define TRY(declaration, expression)                                                             \
  auto CONCLAVE_JOIN(tried_, __LINE__) = (expression);                                           \
  if (!CONCLAVE_JOIN(tried_, __LINE__)) return std::unexpected(CONCLAVE_JOIN(tried_, __LINE__).error()); \
  declaration = std::move(*CONCLAVE_JOIN(tried_, __LINE__))
/// `CHECK(f());`: the function returns the error of f(), if there is one.
#define CHECK(expression) \
  if (auto checked_ = (expression); !checked_) return std::unexpected(checked_.error())
/// The same inside a coroutine.
#define CO_TRY(declaration, expression)                                                             \
  auto CONCLAVE_JOIN(tried_, __LINE__) = (expression);                                              \
  if (!CONCLAVE_JOIN(tried_, __LINE__)) co_return std::unexpected(CONCLAVE_JOIN(tried_, __LINE__).error()); \
  declaration = std::move(*CONCLAVE_JOIN(tried_, __LINE__))
#define CO_CHECK(expression) \
  if (auto checked_ = (expression); !checked_) co_return std::unexpected(checked_.error())
