/// Fuzz target: PyTorch's files, zip and plain.
#include <kashi/io/torch.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    kashi::io::decode_torch(bytes, {.everything = true, .limits = fuzz::limits()});
  });
}
