#include "transport/lan/beacon.hpp"

#include <algorithm>

#include "transport/lan/dns.hpp"

namespace conclave::lan {
namespace {

using address::PeerAddress;

constexpr std::string_view all_services = "_services._dns-sd._udp.local";
constexpr std::string_view address_key = "dnsaddr=";
constexpr std::uint32_t ttl_s = 120;
constexpr Duration ask_pause_first = std::chrono::seconds(1);
constexpr Duration ask_pause_last = std::chrono::hours(1);
/// RFC 6762, section 6: answers wait 20–120 ms, so that they do not collide, and come once a second at most.
constexpr Duration answer_pause_min = std::chrono::milliseconds(20);
constexpr Duration answer_pause_spread = std::chrono::milliseconds(100);
constexpr Duration answer_interval = std::chrono::seconds(1);
constexpr Duration report_interval = std::chrono::minutes(1);

std::string random_name(Random& random) {
  std::string out;
  for (int i = 0; i < 32; ++i) out += "abcdefghijklmnopqrstuvwxyz0123456789"[random.below(36)];
  return out;
}

}  // namespace

Beacon::Beacon(const NodeKey& us, Random& random, TimePoint now)
    : us_(us), random_(random), name_(random_name(random)), ask_at_(now), ask_pause_(ask_pause_first) {}

void Beacon::set_addresses(std::vector<PeerAddress> addresses, TimePoint now) {
  std::erase_if(addresses, [](auto& one) { return one.relay || !one.endpoint.ip.private_range(); });
  if (addresses.size() > addresses_max) addresses.resize(addresses_max);
  for (auto& one : addresses) one.node = us_;
  if (addresses == addresses_) return;
  addresses_ = std::move(addresses);
  // RFC 6762, 8.3: twice, a second apart.
  announcements_ = 2;
  answer_at_ = std::min(answer_at_, now);
}

void Beacon::receive(ByteView packet, TimePoint now) {
  auto message = dns::decode(packet);
  if (!message) return;
  if (!message->response) {
    bool asked = std::ranges::any_of(message->questions, [](auto& question) {
      return (question.name == service || question.name == all_services) &&
             (question.type == dns::Type::ptr || question.type == dns::Type::any);
    });
    if (!asked || addresses_.empty()) return;
    auto pause = answer_pause_min + Duration(static_cast<std::int64_t>(
                                        random_.below(static_cast<std::uint64_t>(answer_pause_spread.count()))));
    auto earliest = answered_ == TimePoint::min() ? now : answered_ + answer_interval;
    answer_at_ = std::min(answer_at_, std::max(now + pause, earliest));
    return;
  }
  std::map<NodeKey, std::vector<PeerAddress>> told;
  for (auto& record : message->records) {
    if (record.type != dns::Type::txt || !record.name.ends_with(service)) continue;
    for (auto& text : record.texts) {
      if (!text.starts_with(address_key)) continue;
      auto address = PeerAddress::parse(std::string_view(text).substr(address_key.size()));
      // An address elsewhere would make us a tool against whoever is there.
      if (!address || !address->node || address->relay || !address->endpoint.ip.private_range()) continue;
      if (*address->node == us_) continue;
      auto& of_node = told[*address->node];
      if (of_node.size() < addresses_max) of_node.push_back(std::move(*address));
    }
  }
  for (auto& [node, addresses] : told) hear(node, std::move(addresses), now);
}

void Beacon::hear(const NodeKey& node, std::vector<PeerAddress> addresses, TimePoint now) {
  auto known = heard_.find(node);
  if (known != heard_.end() && known->second.addresses == addresses && now < known->second.when + report_interval)
    return;
  if (known == heard_.end() && heard_.size() >= peers_max)
    heard_.erase(std::ranges::min_element(heard_, {}, [](auto& entry) { return entry.second.when; }));
  heard_[node] = {addresses, now};
  if (found_.size() < peers_max) found_.push_back({node, std::move(addresses)});
}

std::vector<Bytes> Beacon::tick(TimePoint now) {
  std::vector<Bytes> out;
  if (now >= ask_at_) {
    out.push_back(question());
    ask_at_ = now + ask_pause_;
    ask_pause_ = std::min(2 * ask_pause_, ask_pause_last);
  }
  if (now >= answer_at_) {
    answer_at_ = TimePoint::max();
    if (!addresses_.empty()) {
      out.push_back(answer());
      answered_ = now;
    }
    if (announcements_ > 0 && --announcements_ > 0) answer_at_ = now + answer_interval;
  }
  return out;
}

Bytes Beacon::question() const {
  dns::Message message;
  message.questions.push_back({std::string(service), dns::Type::ptr});
  return dns::encode(message);
}

Bytes Beacon::answer() const {
  auto name = name_ + "." + std::string(service);
  dns::Message message;
  message.response = true;
  message.records.push_back({std::string(service), dns::Type::ptr, ttl_s, name, {}});
  dns::Record texts{name, dns::Type::txt, ttl_s, {}, {}};
  for (auto& one : addresses_) {
    auto text = std::string(address_key) + one.text();
    if (text.size() <= 255) texts.texts.push_back(std::move(text));
  }
  message.records.push_back(std::move(texts));
  return dns::encode(message, 1);
}

}  // namespace conclave::lan
