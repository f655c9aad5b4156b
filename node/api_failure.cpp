#include "node/api_failure.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "crypto/codec/key_text.hpp"

namespace conclave::node {
namespace {
using gateway::Failure;
using gateway::Param;

std::string_view code_of(conclave::Errc error) {
  switch (error) {
    case conclave::Errc::malformed:
    case conclave::Errc::trailing_bytes:
    case conclave::Errc::unexpected_type:
    case conclave::Errc::wrong_length: return "malformed";
    case conclave::Errc::too_long: return "too_long";
    case conclave::Errc::unsupported: return "unsupported";
    case conclave::Errc::bad_signature: return "bad_signature";
    case conclave::Errc::bad_key: return "bad_key";
    case conclave::Errc::undecryptable: return "undecryptable";
    case conclave::Errc::bad_checksum: return "bad_checksum";
    case conclave::Errc::expired: return "expired";
    case conclave::Errc::revoked: return "revoked";
    case conclave::Errc::refused: return "refused";
    case conclave::Errc::timed_out: return "timed_out";
    case conclave::Errc::closed:
    case conclave::Errc::end_of_stream:
    case conclave::Errc::stream_reset: return "closed";
    case conclave::Errc::not_found: return "not_found";
    case conclave::Errc::limit_reached: return "limit_reached";
  }
  return "failed";
}

std::string_view code_of(Errc error) {
  switch (error) {
    case Errc::profile_missing: return "profile_missing";
    case Errc::profile_exists: return "profile_exists";
    case Errc::profile_in_use: return "profile_in_use";
    case Errc::profile_unreadable: return "profile_unreadable";
    case Errc::profile_damaged: return "profile_damaged";
    case Errc::passphrase_needed: return "passphrase_needed";
    case Errc::wrong_passphrase: return "wrong_passphrase";
    case Errc::backup_damaged: return "backup_damaged";
    case Errc::store_damaged: return "store_damaged";
    case Errc::store_too_new: return "store_too_new";
    case Errc::store_failed: return "store_failed";
    case Errc::disk_full: return "disk_full";
    case Errc::port_taken: return "port_taken";
    case Errc::nobody_known: return "nobody_known";
    case Errc::unknown_account: return "unknown_account";
    case Errc::unknown_message: return "unknown_message";
    case Errc::not_yours: return "not_yours";
    case Errc::not_text: return "not_text";
    case Errc::own_account: return "own_account";
    case Errc::blocked: return "blocked";
    case Errc::unreachable: return "unreachable";
    case Errc::no_account_key: return "no_account_key";
    case Errc::not_running: return "not_running";
  }
  return "failed";
}

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
  return wrong("malformed", "This is not the id of a message.", "Ids look like 12D3KooW…/7; history shows them.");
}

// `z6Mk…` and `did:key:…` are never taken for names, so that a typing error in a key is called that.
bool looks_like_a_key(std::string_view text) {
  return text.starts_with("z6Mk") || text.starts_with("did:") || text.starts_with("conclave:");
}

}  // namespace

Failure failure(const Error& error) {
  std::string_view code = "failed";
  if (error.category() == conclave::make_error_code(conclave::Errc::malformed).category())
    code = code_of(static_cast<conclave::Errc>(error.value()));
  if (error.category() == make_error_code(Errc::disk_full).category())
    code = code_of(static_cast<Errc>(error.value()));
  std::string words = advice(error);
  auto end = words.find(". ");
  if (end == words.npos) return {std::string(code), words, ""};
  return {std::string(code), words.substr(0, end + 1), words.substr(end + 2)};
}

boost::asio::awaitable<Param<AccountKey>> account_param(Node& node, gateway::Json params, std::string name) {
  CO_TRY(auto text, gateway::required_text(params, name));
  auto link = contacts::parse_link(text);
  if (link) co_return link->account;
  if (looks_like_a_key(text)) {
    auto why = failure(link.error());
    if (why.code == "bad_checksum")
      co_return wrong(why.code, "The link has a typing error: its checksum does not match.", "Copy it anew, whole.");
    co_return wrong(why.code, "This is not the key of an account.",
                    "Keys have 48 characters and start with z6Mk; copy it anew.");
  }
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

Param<NodeKey> node_param(const gateway::Json& params, std::string_view name) {
  TRY(auto text, gateway::required_text(params, name));
  auto key = codec::node_key_from_text(text);
  if (!key)
    return wrong("malformed", "This is not the key of a node.", "Node keys have 52 characters and start with 12D3KooW.");
  return *key;
}

Param<chat::MessageId> message_param(const gateway::Json& params, std::string_view name) {
  TRY(auto text, gateway::required_text(params, name));
  return parse_message_id(text);
}

Param<std::optional<chat::MessageId>> optional_message_param(const gateway::Json& params, std::string_view name) {
  TRY(auto text, gateway::optional_text(params, name));
  if (!text) return std::nullopt;
  TRY(auto id, parse_message_id(*text));
  return id;
}

}  // namespace conclave::node
