#include "cli/footprint.hpp"

#ifdef __linux__
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace conclave::cli {

#ifdef __linux__
namespace {

int give_back_object(dl_phdr_info* object, std::size_t, void*) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& segment = object->dlpi_phdr[i];
    // What may be written has relocations and data in it that the file does not have.
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_W)) continue;
    auto begin = (object->dlpi_addr + segment.p_vaddr) & ~(page - 1);
    auto end = (object->dlpi_addr + segment.p_vaddr + segment.p_memsz + page - 1) & ~(page - 1);
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void give_back_idle_pages() {
  ::malloc_trim(0);
  ::dl_iterate_phdr(give_back_object, nullptr);
}
#else
void give_back_idle_pages() {}
#endif

}  // namespace conclave::cli
