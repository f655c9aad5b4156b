#pragma once
/// What can be wrong with a profile, its database, or what somebody asks of a node.
#include "crypto/result.hpp"

#include <string>

namespace conclave::node {

enum class Errc {
  profile_missing = 1,  ///< there is no profile in this directory
  profile_exists,       ///< there is one already
  profile_in_use,       ///< another program holds its lock
  profile_unreadable,   ///< the directory or a file in it cannot be read or written
  profile_damaged,      ///< its key file does not parse or does not fit its certificate
  passphrase_needed,    ///< the keys are sealed with a passphrase and none was given
  wrong_passphrase,     ///< the keys or the backup do not open with it
  backup_damaged,       ///< not a backup, or not a whole one
  store_damaged,        ///< the database fails its integrity check
  store_too_new,        ///< the database was written by a newer version
  store_failed,         ///< the disk refuses: an input/output error
  disk_full,            ///< the disk refuses: no space left
  port_taken,           ///< another program has the UDP or TCP port
  nobody_known,         ///< no other node is known to ask: a link or a bootstrap address is needed
  unknown_account,      ///< neither a contact nor a request
  unknown_message,      ///< no such message in this conversation
  not_yours,            ///< only its author edits or deletes a message
  not_text,             ///< not UTF-8
  own_account,          ///< that is you
  blocked,              ///< you have blocked this account
  unreachable,          ///< none of the account's nodes was found or answered
  no_account_key,       ///< this device does not hold the account key; use the one that does
  not_a_node,           ///< neither a multiaddr that names its node nor a link
  no_such_address,      ///< this machine cannot listen there
  file_failed,          ///< a file outside of the profile cannot be written
  not_running,          ///< the node is not started, or closing
};
std::error_code make_error_code(Errc code);

/// One sentence for a person: what is wrong, and what to do about it. Any error, not only ours.
std::string advice(const Error& error);

}  // namespace conclave::node

template <>
struct std::is_error_code_enum<conclave::node::Errc> : std::true_type {};
