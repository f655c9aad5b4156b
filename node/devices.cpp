// The devices of our account, and the profile as a whole.
#include "crypto/codec/base_n.hpp"
#include "node/body.hpp"
#include "node/store/schema.hpp"
#include "node/worker.hpp"

namespace conclave::node {
namespace asio = boost::asio;
using contacts::Device;

asio::awaitable<Result<std::vector<Device>>> Node::devices() {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  std::vector<Device> out;
  for (auto& [node, device] : body.roster->devices(body.self.account)) {
    bool here = node == body.self.node;
    bool online = here || body.network->swarm().find(node);
    out.push_back({node, device.certificate.name, here, online, false, device.certificate.created});
  }
  for (auto& revocation : body.roster->revocations(body.self.account))
    out.push_back({revocation.node, {}, revocation.node == body.self.node, false, true, revocation.created});
  co_return out;
}

asio::awaitable<Result<std::string>> Node::add_device(NodeKey node, std::string name) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  auto& account = body.profile.contents().keys.account;
  if (!account) co_return fail(Errc::no_account_key);
  if (name.size() > Certificate::name_max) co_return fail(conclave::Errc::too_long);
  for (auto& revocation : body.roster->revocations(body.self.account))
    if (revocation.node == node) co_return fail(conclave::Errc::revoked);
  auto now = body.around.clock.unix_now();
  auto certificate =
      certify(*account, node, static_cast<std::uint64_t>(now.ms), now, now + certificate_life, name);
  CO_CHECK(co_await body.learn(certificate));
  co_return codec::base64url(encode(certificate));
}

asio::awaitable<Result<>> Node::revoke_device(NodeKey node) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  auto& account = body.profile.contents().keys.account;
  if (!account) co_return fail(Errc::no_account_key);
  if (node == body.self.node) co_return fail(conclave::Errc::refused);
  CO_CHECK(co_await body.learn(revoke(*account, node, body.around.clock.unix_now())));
  // Everybody is to hear of it, those we are talking with as well.
  body.chat->introduce_again();
  body.chat->greet(body.self.account);
  for (auto& person : body.roster->people(contacts::Standing::contact))
    if (!person.blocked) body.chat->greet(person.account);
  co_return Result<>();
}

asio::awaitable<Result<>> Node::backup(std::filesystem::path file, std::string passphrase) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  if (passphrase.empty()) co_return fail(Errc::passphrase_needed);
  auto& contents = body.profile.contents();
  if (contents.directory.empty()) co_return fail(Errc::profile_missing);
  // A second reader of the database, so that the node's own goes on writing meanwhile.
  co_return co_await on_worker(body.around.executor,
                               [database = contents.database(), directory = contents.directory,
                                keys = contents.keys, file, passphrase]() -> Result<> {
                                 SystemRandom random;
                                 return copy_and_seal(keys, database, directory / "backup.tmp", file,
                                                      passphrase, random);
                               });
}

}  // namespace conclave::node
