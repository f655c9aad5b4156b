#include "node/api_failure.hpp"

namespace conclave::node {
namespace {
using gateway::Failure;

std::string_view code_of(conclave::Errc error) {
  switch (error) {
    case conclave::Errc::malformed:
    case conclave::Errc::trailing_bytes:
    case conclave::Errc::unexpected_type:
    case conclave::Errc::wrong_length:
      return "malformed";
    case conclave::Errc::too_long:
      return "too_long";
    case conclave::Errc::unsupported:
      return "unsupported";
    case conclave::Errc::bad_signature:
      return "bad_signature";
    case conclave::Errc::bad_key:
      return "bad_key";
    case conclave::Errc::undecryptable:
      return "undecryptable";
    case conclave::Errc::bad_checksum:
      return "bad_checksum";
    case conclave::Errc::expired:
      return "expired";
    case conclave::Errc::revoked:
      return "revoked";
    case conclave::Errc::refused:
      return "refused";
    case conclave::Errc::timed_out:
      return "timed_out";
    case conclave::Errc::closed:
    case conclave::Errc::end_of_stream:
    case conclave::Errc::stream_reset:
      return "closed";
    case conclave::Errc::not_found:
      return "not_found";
    case conclave::Errc::limit_reached:
      return "limit_reached";
  }
  return "failed";
}

std::string_view code_of(Errc error) {
  switch (error) {
    case Errc::profile_missing:
      return "profile_missing";
    case Errc::profile_exists:
      return "profile_exists";
    case Errc::profile_in_use:
      return "profile_in_use";
    case Errc::profile_unreadable:
      return "profile_unreadable";
    case Errc::profile_damaged:
      return "profile_damaged";
    case Errc::passphrase_needed:
      return "passphrase_needed";
    case Errc::wrong_passphrase:
      return "wrong_passphrase";
    case Errc::backup_damaged:
      return "backup_damaged";
    case Errc::store_damaged:
      return "store_damaged";
    case Errc::store_too_new:
      return "store_too_new";
    case Errc::store_failed:
      return "store_failed";
    case Errc::disk_full:
      return "disk_full";
    case Errc::port_taken:
      return "port_taken";
    case Errc::nobody_known:
      return "nobody_known";
    case Errc::unknown_account:
      return "unknown_account";
    case Errc::unknown_message:
      return "unknown_message";
    case Errc::not_yours:
      return "not_yours";
    case Errc::not_text:
      return "not_text";
    case Errc::own_account:
      return "own_account";
    case Errc::blocked:
      return "blocked";
    case Errc::unreachable:
      return "unreachable";
    case Errc::no_account_key:
      return "no_account_key";
    case Errc::not_a_node:
      return "not_a_node";
    case Errc::no_such_address:
      return "no_such_address";
    case Errc::file_failed:
      return "file_failed";
    case Errc::not_running:
      return "not_running";
  }
  return "failed";
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

}  // namespace conclave::node
