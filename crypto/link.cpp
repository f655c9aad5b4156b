#include "crypto/link.hpp"

#include "crypto/codec/base_n.hpp"
#include "crypto/codec/key_text.hpp"
#include "crypto/codec/varint.hpp"
#include "crypto/ensure.hpp"
#include "crypto/hash.hpp"

namespace conclave {
namespace {

constexpr std::string_view scheme = "conclave:";
constexpr std::string_view checksum_domain{"conclave/link/1\0", 16};
constexpr Byte version = 1;
constexpr std::size_t checksum_size = 4;

Bytes checksum(ByteView bytes) {
  auto digest = crypto::sha256({view(checksum_domain), bytes});
  return copy(digest.view().first(checksum_size));
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r\n";
  auto first = text.find_first_not_of(space);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(space) - first + 1);
}

Result<Bytes> take(ByteView& from, std::size_t size) {
  if (size > from.size()) return fail(Errc::malformed);
  Bytes out = copy(from.first(size));
  from = from.subspan(size);
  return out;
}

Result<Link> decode(ByteView bytes) {
  Link out;
  TRY(auto account, take(bytes, AccountKey::size));
  TRY(out.account, AccountKey::from(account));
  CHECK(crypto::to_x25519(out.account));
  TRY(auto count, take(bytes, 1));
  if (count[0] > Link::nodes_max) return fail(Errc::too_long);
  for (int i = 0; i < count[0]; ++i) {
    Link::Node node;
    TRY(auto key, take(bytes, NodeKey::size));
    TRY(node.key, NodeKey::from(key));
    TRY(auto size, codec::take_varint(bytes));
    if (size > Link::address_max) return fail(Errc::too_long);
    TRY(node.address, take(bytes, size));
    out.nodes.push_back(std::move(node));
  }
  if (!bytes.empty()) return fail(Errc::trailing_bytes);
  return out;
}

}  // namespace

std::string to_text(const Link& link) {
  ensure(link.nodes.size() <= Link::nodes_max, "at most eight nodes in a link");
  Bytes out{version};
  append(out, link.account);
  out.push_back(static_cast<Byte>(link.nodes.size()));
  for (const auto& node : link.nodes) {
    ensure(node.address.size() <= Link::address_max, "an address of at most 64 bytes");
    append(out, node.key);
    codec::append_varint(out, node.address.size());
    append(out, node.address);
  }
  append(out, checksum(out));
  return std::string(scheme) + codec::base64url(out);
}

Result<Link> link_from_text(std::string_view text) {
  text = trimmed(text);
  if (text.size() > Link::text_max) return fail(Errc::too_long);
  if (auto hash = text.find('#'); hash != text.npos) text.remove_prefix(hash + 1);
  if (text.starts_with("z6Mk") || text.starts_with("did:key:")) {
    TRY(auto account, codec::account_key_from_text(text));
    return Link{account, {}};
  }
  if (text.starts_with(scheme)) text.remove_prefix(scheme.size());
  if (text.empty()) return fail(Errc::malformed);
  auto bytes = codec::from_base64url(text);
  if (!bytes || bytes->size() < 1 + checksum_size) return fail(Errc::bad_checksum);
  ByteView content = ByteView(*bytes).first(bytes->size() - checksum_size);
  if (!std::ranges::equal(checksum(content), ByteView(*bytes).last(checksum_size)))
    return fail(Errc::bad_checksum);
  if (content[0] != version) return fail(Errc::unsupported);
  return decode(content.subspan(1));
}

}  // namespace conclave
