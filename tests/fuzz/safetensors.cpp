/// Fuzz target: safetensors files.
#include <kashi/io/safetensors.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size,
                   [](std::span<const std::byte> bytes) { kashi::io::decode_safetensors(bytes, fuzz::limits()); });
}
