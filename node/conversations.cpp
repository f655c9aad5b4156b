// Messages: the part of Node that is about what people say.
#include "crypto/codec/msgpack.hpp"
#include "node/body.hpp"

namespace conclave::node {
namespace asio = boost::asio;
using chat::History;
using chat::Message;
using chat::MessageId;

namespace {

Result<> check_text(std::string_view text, std::size_t size_max) {
  if (text.size() > size_max) return fail(conclave::Errc::too_long);
  if (!codec::is_utf8(text)) return fail(Errc::not_text);
  return {};
}

}  // namespace

asio::awaitable<Result<MessageId>> Node::Body::write(AccountKey to, chat::Content content) {
  if (!running()) co_return fail(Errc::not_running);
  auto how = standing(to);
  if (how == chat::Standing::blocked) co_return fail(Errc::blocked);
  if (how == chat::Standing::own) co_return fail(Errc::own_account);
  if (how != chat::Standing::contact) co_return fail(Errc::unknown_account);
  presence->touched(to);
  co_return co_await chat->write(to, std::move(content));
}

asio::awaitable<Result<MessageId>> Node::send(AccountKey to, std::string body,
                                              std::optional<MessageId> reply_to) {
  CO_CHECK(check_text(body, chat::body_max));
  co_return co_await body_->write(to, chat::Text{reply_to, std::move(body)});
}

asio::awaitable<Result<MessageId>> Node::edit(AccountKey conversation, MessageId message, std::string body) {
  CO_CHECK(check_text(body, chat::body_max));
  co_return co_await body_->write(conversation, chat::Edit{message, std::move(body)});
}

asio::awaitable<Result<MessageId>> Node::erase(AccountKey conversation, MessageId message) {
  co_return co_await body_->write(conversation, chat::Erase{message});
}

asio::awaitable<Result<MessageId>> Node::react(AccountKey conversation, MessageId message,
                                               std::string emoji) {
  CO_CHECK(check_text(emoji, chat::emoji_max));
  co_return co_await body_->write(conversation, chat::React{message, std::move(emoji)});
}

asio::awaitable<Result<>> Node::mark_read(AccountKey conversation) {
  auto& body = *body_;
  if (!body.running()) co_return fail(Errc::not_running);
  auto how = body.standing(conversation);
  bool tell = body.options.read_receipts && how == chat::Standing::contact;
  if (how == chat::Standing::contact) body.presence->touched(conversation);
  co_return co_await body.chat->read_all(conversation, tell);
}

asio::awaitable<Result<std::vector<Message>>> Node::history(AccountKey conversation, std::uint64_t before,
                                                            std::size_t limit) {
  co_return co_await body_->transact<std::vector<Message>>(
      [own = body_->self, conversation, before, limit](store::Database& db) {
        return History(db, own).page(conversation, before, limit);
      });
}

asio::awaitable<Result<Message>> Node::message(AccountKey conversation, MessageId id) {
  co_return co_await body_->transact<Message>([own = body_->self, conversation, id](store::Database& db) {
    return History(db, own).message(conversation, id);
  });
}

asio::awaitable<Result<std::vector<chat::Conversation>>> Node::conversations() {
  if (!body_->running()) co_return fail(Errc::not_running);
  std::vector<AccountKey> accounts;
  for (auto& person : body_->roster->people(contacts::Standing::contact)) accounts.push_back(person.account);
  CO_TRY(auto out,
         co_await body_->transact<std::vector<chat::Conversation>>(
             [own = body_->self, accounts](store::Database& db) -> Result<std::vector<chat::Conversation>> {
               std::vector<chat::Conversation> all;
               for (auto& account : accounts) {
                 TRY(auto one, History(db, own).conversation(account));
                 all.push_back(std::move(one));
               }
               return all;
             }));
  std::ranges::sort(out, [](auto& a, auto& b) {
    return std::pair(b.last ? b.last->position : 0, a.with) <
           std::pair(a.last ? a.last->position : 0, b.with);
  });
  co_return out;
}

asio::awaitable<Result<std::vector<Message>>> Node::search(std::string query) {
  co_return co_await body_->transact<std::vector<Message>>(
      [own = body_->self, query = std::move(query)](store::Database& db) {
        return History(db, own).search(query);
      });
}

}  // namespace conclave::node
