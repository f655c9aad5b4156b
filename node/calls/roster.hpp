#pragma once
/// Who is in a conference: a set of statements, merged without conflict and judged alike by everyone, in
/// whatever order they came. docs/calls.md, section 2.
#include "node/calls/statement.hpp"

#include <map>
#include <set>

namespace conclave::calls {

class Roster {
 public:
  static constexpr std::size_t members_max = 256;  ///< pages that a full mesh of keys can serve
  static constexpr std::size_t admins_max = 64;
  static constexpr std::size_t invites_max = 256;
  static constexpr std::size_t statements_max = 4096;  ///< 8 MiB at the very most
  /// Of statements that do not count (by strangers, under revoked invites, expired) the newest that are kept:
  /// knocks, and what comes before the statement that it rests on. Keys cost nothing, so a limit per key
  /// would limit nobody.
  static constexpr std::size_t strangers_max = 256;

  explicit Roster(const ConferenceKey& conference) : conference_(conference) {}

  /// Adds a statement that `open_statement` has passed. True if it is new and worth telling others. Fails
  /// with Errc::limit_reached.
  Result<bool> add(Statement statement);

  struct Entry {
    Member member;
    MemberId id;
    State state;
    std::uint8_t mute_asked = 0;  ///< kinds that an admin asks to be silent
    bool admin = false;
  };
  /// The members that count at `now`, by call key.
  const std::map<CallKey, Entry>& members(UnixTime now) const;
  /// Nodes that serve the conference whoever enters by them, and the uplink they declare: those of admins.
  const std::map<NodeKey, std::uint64_t>& nodes(UnixTime now) const;
  /// Who asks to be let in, as they describe themselves.
  std::vector<Member> knockers() const;
  bool is_admin(const AccountKey& account) const;
  /// Whether `key` is an invite under which one may still come in. Fails with Errc::expired, limit_reached, or revoked
  /// where it was taken back or is not known.
  Result<> admits(const InviteKey& key, UnixTime now) const;
  /// What somebody is told who came by `invite`, or by none, and does not count: `refused` in docs/calls.md, section 4.
  /// Whose invite was taken back may knock.
  std::string_view why_not(const std::optional<InviteKey>& invite, UnixTime now) const;
  bool removed(const CallKey& key) const;
  /// The newest state by `key`, whether or not it is a member.
  std::optional<State> state_of(const CallKey& key) const;

  /// SHA-256 over the sorted call keys that count.
  crypto::Digest hash(UnixTime now) const;
  /// Everything, for somebody who comes new.
  std::vector<Bytes> all() const;
  /// Lets go of what does not count beyond `strangers_max`; by itself when the set is full.
  void sweep(UnixTime now);
  std::size_t size() const { return statements_.size(); }
  const ConferenceKey& conference() const { return conference_; }

 private:
  struct Judged {
    UnixTime until{};  ///< valid before this; then something has expired
    std::map<CallKey, Entry> members;
    std::map<NodeKey, std::uint64_t> nodes;
    std::set<AccountKey> admins;
    std::map<InviteKey, Invite> invites;
    std::set<InviteKey> expired;
    std::set<CallKey> removed;
    std::set<CallKey> left;  ///< of those removed, who would count otherwise
    std::map<CallKey, State> states;
    std::set<crypto::Digest> standing;  ///< statements that somebody's membership or rights rest on
  };
  const Judged& judge(UnixTime now) const;
  void judge_admins(Judged& judged) const;
  void judge_revocations(Judged& judged) const;
  void judge_invites(Judged& judged, UnixTime now) const;
  void judge_states(Judged& judged) const;
  void judge_members(Judged& judged, UnixTime now) const;
  void judge_the_rest(Judged& judged) const;
  bool superseded(const Statement& statement);

  ConferenceKey conference_;
  std::map<crypto::Digest, Statement> statements_;
  mutable std::optional<Judged> judged_;
  mutable UnixTime judged_at_{};
};

}  // namespace conclave::calls
