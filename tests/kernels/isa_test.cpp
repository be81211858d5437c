// The choice of the instruction set, and that each copy of a kernel really uses its own instructions.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>

#include <catch2/catch.hpp>

#include <kashi/kernels/peak.hpp>
#include <kashi/kernels/tile.hpp>

#include "guards.hpp"

using namespace kashi;
using kernels::Isa;

namespace {

std::string output_of(const std::string& command) {
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
  std::string text;
  char buffer[4096];
  while (pipe && std::fgets(buffer, sizeof buffer, pipe.get()) != nullptr) text += buffer;
  return text;
}

/// Lines that multiply with a register like `reg`. GCC fuses the addition only from -O2 on.
int products(const std::string& assembly, const std::string& reg) {
  int count = 0;
  for (std::size_t line = 0; line < assembly.size();) {
    const std::size_t end = std::min(assembly.find('\n', line), assembly.size());
    const std::string text = assembly.substr(line, end - line);
    count += (text.find("vfmadd") != std::string::npos || text.find("vmulps") != std::string::npos) &&
             text.find(reg) != std::string::npos;
    line = end + 1;
  }
  return count;
}

/// The machine code of the wide multiply tile of one set, from this program's own file.
std::string tile_assembly(const std::string& set) {
  const std::string names = output_of("nm /proc/" + std::to_string(getpid()) + "/exe 2>/dev/null");
  const std::string name = set + "14multiply_tilesIfLi2ELb0E";
  const std::size_t at = names.find(name);
  if (at == std::string::npos) return {};
  const std::size_t begin = names.rfind(' ', at) + 1;
  const std::string symbol = names.substr(begin, names.find('\n', at) - begin);
  return output_of("objdump -d --no-show-raw-insn --disassemble=" + symbol + " /proc/" + std::to_string(getpid()) +
                   "/exe 2>/dev/null");
}

}  // namespace

TEST_CASE("an instruction set can be forced, but not one that the CPU lacks") {
  const Isa before = kernels::isa();
  for (const Isa level : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (level <= kernels::best_isa()) {
      const IsaGuard guard(level);
      CHECK(kernels::isa() == level);
      CHECK(kernels::tiles<float>().lanes == (level == Isa::avx512 ? 16 : level == Isa::avx2 ? 8 : 4));
      CHECK(kernels::measured_peak<float>(1) > 0);
    } else {
      CHECK_THROWS_AS(kernels::force_isa(level), ValueError);
    }
  }
  CHECK(kernels::isa() == before);
  CHECK_THROWS_WITH(kernels::detail::parse_isa("sse9"), "KASHI_ISA: must be baseline, avx2 or avx512; got \"sse9\"");
  CHECK_THROWS_WITH(kernels::detail::parse_conv_algorithm("fft"),
                    "KASHI_CONV: must be automatic, direct, winograd or winograd2; got \"fft\"");
}

#if KASHI_X86_LEVELS && defined(__linux__) && defined(__OPTIMIZE__)
TEST_CASE("tiles are made of the set's own instructions") {
  CHECK(kernels::tiles<float>().rows > 0);  // keeps the kernels in the program
  const std::string avx2 = tile_assembly("4avx2");
  const std::string avx512 = tile_assembly("6avx512");
  if (avx2.empty() || avx512.empty()) {
    WARN("nm and objdump are needed to look at the instructions");
    return;
  }
  CHECK(products(avx2, "%ymm") >= 12);
  CHECK(products(avx2, "%zmm") == 0);
  CHECK(products(avx512, "%zmm") >= 16);
}
#endif
