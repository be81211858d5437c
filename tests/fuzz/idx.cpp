/// Fuzz target: IDX files, plain and gzip.
#include <kashi/data/idx.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    kashi::data::read_idx(fuzz::write_file("file", bytes), {.bytes = 1 << 24});
  });
}
