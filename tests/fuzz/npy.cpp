/// Fuzz target: NumPy's files, one array or an archive.
#include <kashi/io/npy.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    if (!bytes.empty() && bytes[0] == std::byte{0x93}) {
      kashi::io::decode_npy(bytes, fuzz::limits());
    } else {
      kashi::io::decode_npz(bytes, fuzz::limits());
    }
  });
}
