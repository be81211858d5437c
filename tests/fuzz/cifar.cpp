/// Fuzz target: CIFAR-10 binaries.
#include <kashi/data/cifar.hpp>

#include "target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::run(data, size, [](std::span<const std::byte> bytes) {
    const std::string file = fuzz::write_file("test_batch.bin", bytes);
    kashi::data::cifar10(std::filesystem::path(file).parent_path().string(), {.train = false});
  });
}
