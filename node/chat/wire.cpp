#include "node/chat/wire.hpp"

#include "crypto/codec/msgpack.hpp"

namespace conclave::codec {

template <>
struct Wire<chat::MessageId> {
  using Tuple = std::tuple<NodeKey, std::uint64_t>;
  static Tuple to(const chat::MessageId& id) { return {id.node, id.sequence}; }
  static Result<chat::MessageId> from(Tuple&& wire) {
    auto& [node, sequence] = wire;
    if (sequence == 0 || sequence > chat::Entry::sequence_max) return fail(Errc::malformed);
    return chat::MessageId{node, sequence};
  }
};

}  // namespace conclave::codec

namespace conclave::chat {

namespace {

enum class FrameKind : std::uint8_t { hello = 1, entry = 2, have = 3 };
enum class ContentKind : std::uint8_t { text = 1, edit = 2, erase = 3, react = 4, read = 5 };

// The order of these is the protocol.
using HelloWire = std::tuple<std::uint8_t, std::uint8_t, AccountKey, AccountKey, Bytes, std::vector<Bytes>>;
using EntryWire = std::tuple<std::uint8_t, std::optional<AccountKey>, std::uint64_t, std::uint64_t, UnixTime,
                             std::uint8_t, std::optional<MessageId>, std::string, std::vector<MessageId>>;
using HaveWire = std::tuple<std::uint8_t, std::optional<AccountKey>, std::uint64_t>;

struct Fields {
  ContentKind kind;
  std::optional<MessageId> target;
  std::string text;
  std::vector<MessageId> marks;
};

Fields spread(const Content& content) {
  struct Visitor {
    Fields operator()(const Text& text) { return {ContentKind::text, text.reply_to, text.body, {}}; }
    Fields operator()(const Edit& edit) { return {ContentKind::edit, edit.target, edit.body, {}}; }
    Fields operator()(const Erase& erase) { return {ContentKind::erase, erase.target, {}, {}}; }
    Fields operator()(const React& react) { return {ContentKind::react, react.target, react.emoji, {}}; }
    Fields operator()(const Read& read) { return {ContentKind::read, std::nullopt, {}, read.marks}; }
  };
  return std::visit(Visitor{}, content);
}

Result<Content> gather(Fields fields) {
  auto& [kind, target, body, marks] = fields;
  bool targeted = kind == ContentKind::edit || kind == ContentKind::erase || kind == ContentKind::react;
  if (targeted && !target) return fail(Errc::malformed);
  // A field that the kind does not use is empty, so that one entry has one encoding.
  if (kind != ContentKind::read && !marks.empty()) return fail(Errc::malformed);
  if (kind == ContentKind::erase && !body.empty()) return fail(Errc::malformed);
  if (kind == ContentKind::read && (target || !body.empty())) return fail(Errc::malformed);
  switch (kind) {
    case ContentKind::text:
      return Text{target, std::move(body)};
    case ContentKind::edit:
      return Edit{*target, std::move(body)};
    case ContentKind::erase:
      return Erase{*target};
    case ContentKind::react:
      return React{*target, std::move(body)};
    case ContentKind::read:
      return Read{std::move(marks)};
  }
  return fail(Errc::unsupported);
}

Result<Frame> decode_hello(ByteView in) {
  TRY(auto wire, codec::unpack<HelloWire>(in));
  auto& [kind, version, to, from, certificate, revocations] = wire;
  if (version != protocol_version) return fail(Errc::unsupported);
  if (certificate.size() > Hello::certificate_max) return fail(Errc::too_long);
  if (revocations.size() > Hello::revocations_max) return fail(Errc::too_long);
  for (auto& revocation : revocations)
    if (revocation.size() > Hello::certificate_max) return fail(Errc::too_long);
  return Hello{version, to, from, std::move(certificate), std::move(revocations)};
}

Result<Frame> decode_entry(ByteView in) {
  TRY(auto wire, codec::unpack<EntryWire>(in));
  auto& [frame_kind, conversation, sequence, previous, sent, kind, target, body, marks] = wire;
  if (sequence > Entry::sequence_max || previous >= sequence) return fail(Errc::malformed);
  TRY(auto content, gather({static_cast<ContentKind>(kind), target, std::move(body), std::move(marks)}));
  CHECK(check(content));
  return Entry{conversation, sequence, previous, sent, std::move(content)};
}

Result<Frame> decode_have(ByteView in) {
  TRY(auto wire, codec::unpack<HaveWire>(in));
  auto& [kind, conversation, sequence] = wire;
  if (sequence > Entry::sequence_max) return fail(Errc::malformed);
  return Have{conversation, sequence};
}

}  // namespace

Result<> check(const Content& content) {
  auto fields = spread(content);
  bool spoken = fields.kind == ContentKind::text || fields.kind == ContentKind::edit;
  if (spoken && fields.text.empty()) return fail(Errc::malformed);
  if (fields.text.size() > (spoken ? body_max : emoji_max)) return fail(Errc::too_long);
  if (!codec::is_utf8(fields.text)) return fail(Errc::malformed);
  if (fields.marks.size() > Read::marks_max) return fail(Errc::too_long);
  if (fields.kind == ContentKind::read && fields.marks.empty()) return fail(Errc::malformed);
  return {};
}

Bytes encode(const Frame& frame) {
  struct Visitor {
    Bytes operator()(const Hello& hello) {
      return codec::pack(HelloWire{static_cast<std::uint8_t>(FrameKind::hello), hello.version, hello.to,
                                   hello.from, hello.certificate, hello.revocations});
    }
    Bytes operator()(const Entry& entry) {
      auto fields = spread(entry.content);
      return codec::pack(EntryWire{static_cast<std::uint8_t>(FrameKind::entry), entry.conversation,
                                   entry.sequence, entry.previous, entry.sent,
                                   static_cast<std::uint8_t>(fields.kind), fields.target,
                                   std::move(fields.text), std::move(fields.marks)});
    }
    Bytes operator()(const Have& have) {
      return codec::pack(
          HaveWire{static_cast<std::uint8_t>(FrameKind::have), have.conversation, have.sequence});
    }
  };
  return std::visit(Visitor{}, frame);
}

Result<Frame> decode(ByteView in) {
  if (in.size() > frame_max) return fail(Errc::too_long);
  TRY(auto kind, codec::peek_kind(in));
  switch (static_cast<FrameKind>(kind)) {
    case FrameKind::hello:
      return decode_hello(in);
    case FrameKind::entry:
      return decode_entry(in);
    case FrameKind::have:
      return decode_have(in);
  }
  return fail(Errc::unsupported);
}

}  // namespace conclave::chat
