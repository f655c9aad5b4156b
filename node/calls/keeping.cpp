#include "node/calls/keeping.hpp"

#include "crypto/codec/msgpack.hpp"

namespace conclave::calls {
namespace asio = boost::asio;

asio::awaitable<Result<std::vector<KeptConference>>> load_conferences(store::Store& store, UnixTime now) {
  co_return co_await store.transact<std::vector<KeptConference>>(
      [now](store::Database& db) -> Result<std::vector<KeptConference>> {
        CHECK(db.run("DELETE FROM conference WHERE used_ms < ?", {(now - kept_for).ms}));
        CHECK(db.run("DELETE FROM conference_statement WHERE conference NOT IN (SELECT key FROM conference)"));
        CHECK(db.run("DELETE FROM conference_invite WHERE conference NOT IN (SELECT key FROM conference)"));
        std::vector<KeptConference> out;
        CHECK(db.each("SELECT key, seed, name, created_ms FROM conference", {}, [&](const store::Row& row) {
          KeptConference one{row.key<ConferenceKey>(0), std::nullopt, row.text(2), {row.integer(3)}, {}, {}};
          if (auto seed = Secret<32>::from(row.blob(1))) one.seed = *seed;
          out.push_back(std::move(one));
          return true;
        }));
        for (auto& one : out) {
          CHECK(db.each("SELECT statement FROM conference_statement WHERE conference = ?", {one.key},
                        [&](const store::Row& row) {
                          one.statements.push_back(copy(row.blob(0)));
                          return true;
                        }));
          CHECK(db.each("SELECT seed FROM conference_invite WHERE conference = ?", {one.key},
                        [&](const store::Row& row) {
                          if (auto seed = Secret<32>::from(row.blob(0))) one.invites.push_back(*seed);
                          return true;
                        }));
        }
        return out;
      });
}

asio::awaitable<Result<>> keep_conference(store::Store& store, ConferenceKey key, std::optional<Secret<32>> seed,
                                          std::string name, UnixTime now) {
  co_return co_await store.post([key, seed, name, now](store::Database& db) {
    store::Bind secret = std::nullopt;
    if (seed) secret = store::Bind(seed->view());
    return db.run(
        "INSERT INTO conference(key, seed, name, created_ms, used_ms) VALUES(?, ?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET used_ms = excluded.used_ms",
        {key, secret, name, now.ms, now.ms});
  });
}

asio::awaitable<Result<>> keep_invite(store::Store& store, ConferenceKey key, Secret<32> seed) {
  co_return co_await store.post([key, seed](store::Database& db) {
    return db.run("INSERT OR IGNORE INTO conference_invite(conference, seed) VALUES(?, ?)", {key, seed.view()});
  });
}

asio::awaitable<Result<>> forget_conference(store::Store& store, ConferenceKey key) {
  co_return co_await store.post([key](store::Database& db) -> Result<> {
    CHECK(db.run("DELETE FROM conference WHERE key = ?", {key}));
    CHECK(db.run("DELETE FROM conference_statement WHERE conference = ?", {key}));
    CHECK(db.run("DELETE FROM conference_invite WHERE conference = ?", {key}));
    return {};
  });
}

asio::awaitable<Result<>> keep_statements(store::Store& store, ConferenceKey key, std::vector<Bytes> statements) {
  co_return co_await store.post([key, statements = std::move(statements)](store::Database& db) -> Result<> {
    CHECK(db.run("DELETE FROM conference_statement WHERE conference = ?", {key}));
    for (const auto& statement : statements)
      CHECK(db.run("INSERT INTO conference_statement(conference, digest, statement) VALUES(?, ?, ?)",
                   {key, crypto::sha256(statement), statement}));
    return {};
  });
}

asio::awaitable<Result<webrtc::EndpointIdentity>> webrtc_identity(store::Store& store, Random& random) {
  using Wire = std::tuple<std::string, Bytes, Bytes>;
  CO_TRY(auto kept, co_await store.transact<std::optional<Bytes>>([](store::Database& db) {
    return db.first<Bytes>("SELECT value FROM setting WHERE name = 'webrtc'", {},
                           [](const store::Row& row) { return copy(row.blob(0)); });
  }));
  if (kept) {
    if (auto wire = codec::unpack<Wire>(*kept)) {
      webrtc::EndpointIdentity out;
      out.ice_pwd = std::get<0>(*wire);
      out.certificate = {std::get<1>(*wire), std::get<2>(*wire)};
      co_return out;
    }
  }
  auto fresh = webrtc::EndpointIdentity::make(random);
  auto bytes = codec::pack(Wire(fresh.ice_pwd, fresh.certificate.der, fresh.certificate.key_der));
  // Somebody else may have asked at the same time: the first one stays.
  CO_TRY(bool ours, co_await store.transact<bool>([bytes, bad = kept](store::Database& db) -> Result<bool> {
    CHECK(db.run("INSERT INTO setting(name, value) VALUES('webrtc', ?) "
                 "ON CONFLICT DO UPDATE SET value = excluded.value WHERE value IS ?",
                 {bytes, bad ? store::Bind(*bad) : store::Bind(std::nullopt)}));
    return db.changes() > 0;
  }));
  co_return ours ? std::move(fresh) : co_await webrtc_identity(store, random);
}

}  // namespace conclave::calls
