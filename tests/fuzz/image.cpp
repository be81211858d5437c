/// Fuzz target: PNG, JPEG and BMP images.
#include <kashi/io/image.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(
      data, size, [](std::span<const std::byte> bytes) { kashi::io::decode_image(bytes, {.limits = fuzz::limits()}); });
}
