#pragma once
/// X25519 keys of nodes met before. The conversion checks that the point is in the main subgroup, which costs
/// as much as a Diffie-Hellman; nodes dial the same few others again and again.
#include "crypto/keys.hpp"

#include <deque>
#include <unordered_map>

namespace conclave::quic {

class KeyCache {
 public:
  static constexpr std::size_t keys_max =
      1024;  ///< the oldest goes; strangers can only make us work, not grow

  /// As crypto::to_x25519; failures are not kept.
  Result<X25519Key> convert(const NodeKey& node) {
    auto found = known_.find(node);
    if (found != known_.end()) return found->second;
    TRY(auto key, crypto::to_x25519(node));
    if (order_.size() >= keys_max) {
      known_.erase(order_.front());
      order_.pop_front();
    }
    order_.push_back(node);
    known_.emplace(node, key);
    return key;
  }

 private:
  std::unordered_map<NodeKey, X25519Key> known_;
  std::deque<NodeKey> order_;
};

}  // namespace conclave::quic
