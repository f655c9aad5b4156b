#include "node/gateway/guard.hpp"

#include "crypto/hkdf.hpp"

#include <array>

namespace conclave::gateway {
namespace {

std::unexpected<Refusal> refuse(unsigned status, std::string why) {
  return std::unexpected(Refusal{status, std::move(why)});
}

bool our_host(std::string_view host, std::uint16_t port) {
  auto number = std::to_string(port);
  return host == "127.0.0.1:" + number || host == "localhost:" + number;
}

bool our_origin(std::string_view origin, std::uint16_t port) {
  constexpr std::string_view scheme = "http://";
  return origin.starts_with(scheme) && our_host(origin.substr(scheme.size()), port);
}

bool has_token(std::string_view authorization, const Token& token) {
  constexpr std::string_view scheme = "Bearer ";
  return authorization.starts_with(scheme) && token.matches(authorization.substr(scheme.size()));
}

std::expected<Route, Refusal> route_of(const Head& head) {
  if (head.target == "/") {
    if (head.verb != "GET" && head.verb != "HEAD") return refuse(405, "The page can only be read.");
    return Route::page;
  }
  if (head.target == "/api") {
    if (head.verb != "POST") return refuse(405, "A call of the API is a POST.");
    if (head.content_type != "application/json") return refuse(415, "A call of the API is application/json.");
    return Route::call;
  }
  if (head.target == "/api/socket") {
    if (!head.upgrade) return refuse(426, "This address speaks WebSocket only.");
    return Route::socket;
  }
  return refuse(404, "There is nothing at this address.");
}

}  // namespace

Result<Token> Token::parse(std::string_view digits) {
  TRY(auto bytes, from_hex(digits));
  TRY(auto secret, Secret<32>::from(bytes));
  wipe(bytes);
  return Token{secret};
}

bool Token::matches(std::string_view digits) const {
  auto other = parse(digits);
  return other && other->bytes == bytes;
}

std::string Token::proof(std::uint16_t port, ByteView challenge) const {
  const std::array<Byte, 3> separator{0, static_cast<Byte>(port >> 8), static_cast<Byte>(port)};
  return hex(crypto::hmac_sha256(bytes.view(), {view("conclave/page/1"), separator, challenge}).view());
}

std::expected<Route, Refusal> admit(const Head& head, Caller::Door door, std::uint16_t port,
                                    const Token& token) {
  if (door == Caller::Door::page) {
    if (!our_host(head.host, port)) return refuse(421, "This node is not served under that name.");
    if (head.origin && !our_origin(*head.origin, port))
      return refuse(403, "Another site may not ask this node.");
    // Following a link from elsewhere to the page is fine ("cross-site" on a GET of it); asking the API is
    // not.
    bool elsewhere =
        !head.fetch_site.empty() && head.fetch_site != "same-origin" && head.fetch_site != "none";
    if (elsewhere && head.target != "/") return refuse(403, "Another site may not ask this node.");
  } else if (head.origin) {
    return refuse(403, "A browser has no business at this socket.");
  }
  TRY(auto route, route_of(head));
  if (route == Route::call && door == Caller::Door::page && !has_token(head.authorization, token))
    return refuse(401,
                  "The token is missing or not this node's; open the address that `conclave page` prints.");
  return route;
}

}  // namespace conclave::gateway
