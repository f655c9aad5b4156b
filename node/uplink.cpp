// How much of its line this node gives to conferences: the config's word, else the owner's, which is kept.
#include "node/body.hpp"

namespace conclave::node {
namespace asio = boost::asio;
namespace {

constexpr const char* uplink_setting = "uplink_bps";
constexpr std::uint64_t uplink_default = 20'000'000;

}  // namespace

asio::awaitable<Result<>> Node::Body::load_uplink() {
  CO_TRY(auto kept, co_await store->transact<std::int64_t>([](store::Database& db) {
    return db.integer("SELECT value FROM setting WHERE name = ?", {uplink_setting});
  }));
  uplink_bps = options.uplink_bps.value_or(kept > 0 ? static_cast<std::uint64_t>(kept) : uplink_default);
  co_return Result<>();
}

bool Node::uplink_is_fixed() const { return body_->options.uplink_bps.has_value(); }

asio::awaitable<Result<>> Node::set_uplink(std::uint64_t bps) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  if (uplink_is_fixed()) co_return fail(conclave::Errc::refused);
  CO_CHECK(co_await body.store->post([bps](store::Database& db) {
    return db.run("INSERT INTO setting(name, value) VALUES(?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
                  {uplink_setting, static_cast<std::int64_t>(bps)});
  }));
  body.uplink_bps = bps;
  if (body.running()) body.calls->set_uplink(bps);
  co_return Result<>();
}

}  // namespace conclave::node
