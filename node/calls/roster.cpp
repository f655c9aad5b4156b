#include "node/calls/roster.hpp"

#include <limits>

namespace conclave::calls {
namespace {

/// Whether an admin, or the conference itself, says this.
bool has_authority(const Statement& statement, const std::set<AccountKey>& admins) {
  if (statement.by_conference()) return true;
  auto account = statement.account();
  return account && admins.contains(*account);
}

template <class T>
const T* say(const Statement& statement) {
  return std::get_if<T>(&statement.saying);
}

}  // namespace

/// Of states and of served uplinks only the newest of each issuer is kept: they come often. Two of one
/// number, by an issuer that says different things to different people, are told apart by their digest, so
/// that all keep the same.
bool Roster::superseded(const Statement& statement) {
  using Rank = std::tuple<std::size_t, bool, std::uint64_t, crypto::Digest>;
  auto rank = [](const Statement& s) -> std::optional<Rank> {
    auto index = s.saying.index();
    if (auto* state = say<State>(s)) return Rank(index, false, state->sequence, s.digest);
    // One that lost its certificate on the way says less.
    if (say<Serve>(s))
      return Rank(index, s.certificate.has_value(), static_cast<std::uint64_t>(s.issued.ms), s.digest);
    return std::nullopt;
  };
  auto ours = rank(statement);
  if (!ours) return false;
  for (auto at = statements_.begin(); at != statements_.end(); ++at) {
    auto theirs = rank(at->second);
    if (at->second.issuer != statement.issuer || !theirs || std::get<0>(*theirs) != std::get<0>(*ours))
      continue;
    if (*theirs > *ours) return true;
    statements_.erase(at);
    return false;
  }
  return false;
}

Result<bool> Roster::add(Statement statement) {
  if (statements_.contains(statement.digest)) return false;
  if (statements_.size() >= statements_max) sweep(judged_at_);
  if (statements_.size() >= statements_max) return fail(Errc::limit_reached);
  if (superseded(statement)) return false;
  auto digest = statement.digest;
  statements_.emplace(digest, std::move(statement));
  judged_.reset();
  return true;
}

void Roster::sweep(UnixTime now) {
  if (statements_.size() <= strangers_max) return;
  const auto& standing = judge(now).standing;
  std::map<std::pair<UnixTime, crypto::Digest>, std::map<crypto::Digest, Statement>::iterator> idle;
  for (auto at = statements_.begin(); at != statements_.end(); ++at)
    if (!standing.contains(at->first)) idle.emplace(std::pair(at->second.issued, at->first), at);
  if (idle.size() <= strangers_max) return;
  for (auto at = idle.begin(); idle.size() > strangers_max; at = idle.erase(at))
    statements_.erase(at->second);
  judged_.reset();
}

void Roster::judge_admins(Judged& judged) const {
  std::set<AccountKey> revoked;
  for (const auto& [digest, s] : statements_)
    if (auto* revoke = say<Revoke>(s); revoke && s.by_conference())
      revoked.insert(*AccountKey::from(revoke->key));
  // Admins make admins: round by round until nothing is added.
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [digest, s] : statements_) {
      auto* admin = say<Admin>(s);
      if (!admin || judged.admins.size() >= admins_max || revoked.contains(admin->account)) continue;
      if (!has_authority(s, judged.admins) || !judged.admins.insert(admin->account).second) continue;
      judged.standing.insert(digest);
      grew = true;
    }
  }
}

void Roster::judge_invites(Judged& judged, UnixTime now) const {
  std::set<InviteKey> revoked;
  for (const auto& [digest, s] : statements_) {
    if (!has_authority(s, judged.admins)) continue;
    if (auto* revoke = say<Revoke>(s)) revoked.insert(revoke->key);
    if (auto* remove = say<Remove>(s); remove && remove->invite) revoked.insert(*remove->invite);
    if (say<Revoke>(s) || say<Remove>(s)) judged.standing.insert(digest);
  }
  for (const auto& [digest, s] : statements_) {
    auto* invite = say<Invite>(s);
    if (!invite || !has_authority(s, judged.admins)) continue;
    if (revoked.contains(invite->key)) continue;
    if (invite->expires <= now) judged.expired.insert(invite->key);
    if (invite->expires <= now || judged.invites.size() >= invites_max) continue;
    if (judged.invites.emplace(invite->key, *invite).second) judged.standing.insert(digest);
    judged.until = std::min(judged.until, invite->expires);
  }
}

void Roster::judge_revocations(Judged& judged) const {
  for (const auto& [digest, s] : statements_) {
    if (auto* remove = say<Remove>(s); remove && has_authority(s, judged.admins))
      judged.removed.insert(remove->call);
    if (say<Leave>(s)) judged.removed.insert(s.issuer);
  }
}

void Roster::judge_states(Judged& judged) const {
  for (const auto& [digest, s] : statements_)
    if (auto* state = say<State>(s)) judged.states[s.issuer] = *state;
}

void Roster::judge_members(Judged& judged, UnixTime now) const {
  // Earlier statements first, then the smaller call key: a full invite admits the same members everywhere.
  std::map<std::tuple<UnixTime, CallKey, crypto::Digest>, const Statement*> order;
  for (const auto& [digest, s] : statements_)
    if (auto* member = say<Member>(s)) order.emplace(std::tuple(s.issued, member->call, digest), &s);

  std::map<InviteKey, std::size_t> used;
  for (const auto& [rank, s] : order) {
    const auto& member = std::get<Member>(s->saying);
    if (judged.members.size() >= members_max) break;
    if (judged.members.contains(member.call) || judged.left.contains(member.call) || member.expires <= now)
      continue;
    const bool out = judged.removed.contains(member.call);
    if (!has_authority(*s, judged.admins)) {
      auto invite = judged.invites.find(s->issuer);
      if (invite == judged.invites.end() || (invite->second.rights & Invite::no_admission) == 0) continue;
      // Who comes by an invite cannot claim an account: that takes the account's own node.
      if (member.account || used[s->issuer] >= invite->second.members_max) continue;
      used[s->issuer] += out ? 0 : 1;
    } else if (member.account && !s->by_conference() && s->account() != member.account) {
      continue;  // an admin speaks for its own account only
    }
    judged.standing.insert(s->digest);
    if (out) {  // kept beside the word that it is out, until it expires
      judged.left.insert(member.call);
      continue;
    }
    Entry entry{
        member, member_id(member.call), {}, 0, member.account && judged.admins.contains(*member.account)};
    if (auto state = judged.states.find(member.call); state != judged.states.end())
      entry.state = state->second;
    judged.until = std::min(judged.until, member.expires);
    judged.members.emplace(member.call, std::move(entry));
  }
}

/// Requests, nodes, and which of what members say of themselves is worth keeping.
void Roster::judge_the_rest(Judged& judged) const {
  for (const auto& [digest, s] : statements_) {
    const bool authority = has_authority(s, judged.admins);
    if (auto* serve = say<Serve>(s); serve && authority) {
      judged.nodes[*NodeKey::from(s.issuer)] = serve->uplink_bps;
      judged.standing.insert(digest);
    }
    if (auto* mute = say<Mute>(s); mute && authority) {
      auto member = judged.members.find(mute->call);
      if (member == judged.members.end()) continue;
      member->second.mute_asked |= mute->kinds;
      judged.standing.insert(digest);
    }
    if (say<State>(s) && judged.members.contains(s.issuer)) judged.standing.insert(digest);
    if (say<Leave>(s) && judged.left.contains(s.issuer)) judged.standing.insert(digest);
  }
}

const Roster::Judged& Roster::judge(UnixTime now) const {
  // Clocks may step back: judge anew then as well.
  if (judged_ && now >= judged_at_ && now < judged_->until) return *judged_;
  Judged judged;
  judged.until = {std::numeric_limits<std::int64_t>::max()};
  judge_admins(judged);
  judge_revocations(judged);
  judge_invites(judged, now);
  judge_states(judged);
  judge_members(judged, now);
  judge_the_rest(judged);
  judged_ = std::move(judged);
  judged_at_ = now;
  return *judged_;
}

const std::map<CallKey, Roster::Entry>& Roster::members(UnixTime now) const { return judge(now).members; }
const std::map<NodeKey, std::uint64_t>& Roster::nodes(UnixTime now) const { return judge(now).nodes; }

std::vector<Member> Roster::knockers() const {
  const auto& judged = judge(judged_at_);
  std::map<CallKey, Member> out;
  for (const auto& [digest, s] : statements_) {
    // Who knocks describes itself: nobody else's word for it counts.
    auto* member = say<Member>(s);
    if (!member || s.issuer != member->call || judged.members.contains(member->call) ||
        judged.removed.contains(member->call))
      continue;
    auto state = judged.states.find(member->call);
    if (state != judged.states.end() && (state->second.flags & State::knocking) != 0)
      out.emplace(member->call, *member);
  }
  std::vector<Member> list;
  for (auto& [call, member] : out) list.push_back(std::move(member));
  return list;
}

bool Roster::is_admin(const AccountKey& account) const { return judge(judged_at_).admins.contains(account); }
std::optional<State> Roster::state_of(const CallKey& key) const {
  const auto& states = judge(judged_at_).states;
  auto found = states.find(key);
  return found == states.end() ? std::nullopt : std::optional(found->second);
}
bool Roster::removed(const CallKey& key) const { return judge(judged_at_).removed.contains(key); }

Result<> Roster::admits(const InviteKey& key, UnixTime now) const {
  const auto& judged = judge(now);
  auto invite = judged.invites.find(key);
  if (invite == judged.invites.end()) return fail(judged.expired.contains(key) ? Errc::expired : Errc::revoked);
  std::size_t used = 0;
  for (const auto& [call, entry] : judged.members) used += entry.member.invite == key;
  if (used >= invite->second.members_max) return fail(Errc::limit_reached);
  return {};
}

std::string_view Roster::why_not(const std::optional<InviteKey>& invite, UnixTime now) const {
  if (members(now).size() >= members_max) return "full";
  auto may = invite ? admits(*invite, now) : Result<>();
  if (!may && may.error() == Errc::expired) return "expired";
  if (!may && may.error() == Errc::limit_reached) return "full";
  return "knock";
}

crypto::Digest Roster::hash(UnixTime now) const {
  crypto::Sha256 hash;
  for (const auto& [call, entry] : members(now)) hash.update(call);
  return hash.finish();
}

std::vector<Bytes> Roster::all() const {
  std::vector<Bytes> out;
  for (const auto& [digest, s] : statements_) out.push_back(s.bytes);
  return out;
}

}  // namespace conclave::calls
