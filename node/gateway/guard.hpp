#pragma once
/// Who may come in by which door, decided from the head of an HTTP request alone.
///
/// The attackers at the page's door are other web sites in the owner's browser and other users of the
/// machine:
/// - a site that points its own name at 127.0.0.1 (DNS rebinding) is told by `Host`;
/// - a site that sends requests across origins is told by `Origin`, `Sec-Fetch-Site` and, for POST, by a
/// content
///   type that no form can send without asking first;
/// - another user of the machine lacks the token, which is never in a cookie, a query or a log. He may also sit on the
///   node's port while it is down and wait for a page that was left open: so the page lets the node prove that it has
///   the token before it shows its own.
/// At the Unix socket the file mode and the peer's user id say it all.
#include "crypto/secret.hpp"
#include "node/gateway/registry.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace conclave::gateway {

/// What a browser shows to be the owner's: 32 random bytes, in text as 64 hexadecimal digits.
struct Token {
  Secret<32> bytes;
  std::string text() const { return hex(bytes.view()); }
  /// Fails with Errc::malformed or wrong_length.
  static Result<Token> parse(std::string_view digits);
  /// Takes the same time wherever the difference is.
  bool matches(std::string_view digits) const;
  /// That whoever answers at `port` has the token: HMAC-SHA256(token, "conclave/page/1" ‖ 0 ‖ port (2) ‖ challenge), in
  /// hexadecimal. The port is in it, or a squatter could pass the question on to where the node is now.
  std::string proof(std::uint16_t port, ByteView challenge) const;
};

/// Bytes of a page's challenge.
inline constexpr std::size_t challenge_size = 32;

/// The parts of a request's head that decide.
struct Head {
  std::string_view verb;
  std::string_view target;
  std::string_view host;
  std::optional<std::string_view> origin;
  std::string_view content_type;
  std::string_view authorization;
  std::string_view fetch_site;
  bool upgrade = false;  ///< asks for a WebSocket
};

enum class Route : Byte {
  page,    ///< GET /: the same for everybody, and no secret in it
  call,    ///< POST /api: one request, one answer
  socket,  ///< GET /api/socket: a WebSocket, which says `hello` with the token first at the page's door
};

struct Refusal {
  unsigned status = 403;
  std::string why;  ///< a sentence for the person who tries
};

/// `port` is the page's, for Host and Origin.
std::expected<Route, Refusal> admit(const Head& head, Caller::Door door, std::uint16_t port,
                                    const Token& token);

}  // namespace conclave::gateway
