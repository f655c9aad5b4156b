#include "node/api_params.hpp"

#include "crypto/codec/key_text.hpp"

#include <charconv>

#include <nlohmann/json.hpp>

namespace conclave::node {
namespace {
using gateway::Failure;
using gateway::Param;

std::unexpected<Failure> wrong(std::string code, std::string message, std::string hint) {
  return std::unexpected(Failure{std::move(code), std::move(message), std::move(hint)});
}

Param<chat::MessageId> parse_message_id(std::string_view text) {
  auto slash = text.find('/');
  chat::MessageId out;
  if (slash != text.npos) {
    auto node = codec::node_key_from_text(text.substr(0, slash));
    auto digits = text.substr(slash + 1);
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.sequence);
    if (node && error == std::errc() && end == digits.data() + digits.size()) {
      out.node = *node;
      return out;
    }
  }
  return wrong("malformed", "This is not the id of a message.",
               "Ids look like 12D3KooW…/7; history shows them.");
}

// `z6Mk…` and `did:key:…` are never taken for names, so that a typing error in a key is called that.
bool looks_like_a_key(std::string_view text) {
  return text.starts_with("z6Mk") || text.starts_with("did:") || text.starts_with("conclave:");
}

}  // namespace

boost::asio::awaitable<Param<AccountKey>> account_param(Node& node, gateway::Json params, std::string name) {
  CO_TRY(auto text, gateway::required_text(params, name));
  auto link = contacts::parse_link(text);
  if (link) co_return link->account;
  if (looks_like_a_key(text)) co_return std::unexpected(not_an_account(text, link.error()));
  CO_TRY(auto known, told(co_await node.contacts()));
  std::optional<AccountKey> found;
  for (auto& contact : known) {
    if (contact.name != text) continue;
    if (found)
      co_return wrong("ambiguous", "Several contacts are called \"" + text + "\".", "Use the key instead.");
    found = contact.account;
  }
  if (!found)
    co_return wrong("unknown_account", "No contact is called \"" + text + "\".",
                    "`conclave contact list` shows their names; new ones are added by key or link.");
  co_return *found;
}

Failure not_an_account(std::string_view text, const Error& error) {
  // Version, account key, count and checksum are 38 bytes: 51 digits.
  constexpr std::size_t link_min = 51;
  if (text.starts_with("z6Mk") || text.starts_with("did:"))
    return {"bad_key", "This is not the key of an account.",
            "Keys have 48 characters and start with z6Mk; copy it anew."};
  if (error == conclave::Errc::bad_checksum && text.size() >= link_min)
    return {"bad_checksum", "The link has a typing error: its checksum does not match.",
            "Copy it anew, whole."};
  if (error == conclave::Errc::unsupported && text.size() >= link_min)
    return {"unsupported", "The link was made by a newer version of conclave.", "Install that version."};
  if (text.starts_with("conclave:"))
    return {"bad_checksum", "The link is not whole, or has a typing error.", "Copy it anew, whole."};
  return {"malformed", "This is neither a link nor the key of an account.",
          "Links start with conclave:, keys have 48 characters and start with z6Mk."};
}

Param<NodeKey> node_param(const gateway::Json& params, std::string_view name) {
  TRY(auto text, gateway::required_text(params, name));
  auto key = codec::node_key_from_text(text);
  if (!key)
    return wrong("malformed", "This is not the key of a node.",
                 "Node keys have 52 characters and start with 12D3KooW.");
  return *key;
}

Param<chat::MessageId> message_param(const gateway::Json& params, std::string_view name) {
  TRY(auto text, gateway::required_text(params, name));
  return parse_message_id(text);
}

Param<std::optional<chat::MessageId>> optional_message_param(const gateway::Json& params,
                                                             std::string_view name) {
  TRY(auto text, gateway::optional_text(params, name));
  if (!text) return std::nullopt;
  TRY(auto id, parse_message_id(*text));
  return id;
}

}  // namespace conclave::node
