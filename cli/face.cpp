#include "cli/face.hpp"

#include "cli/terminal.hpp"
#include "crypto/link.hpp"

namespace conclave::cli {

std::string link_qr(const std::string& link, int columns) {
  auto parsed = link_from_text(link);
  if (!parsed) return {};
  for (;;) {
    if (auto code = qr_code(to_text(*parsed), columns)) return *code;
    if (parsed->nodes.empty()) return {};
    parsed->nodes.pop_back();  // the nodes are sorted, best first
  }
}

}  // namespace conclave::cli
