/// Which instruction set the kernels use, chosen at run time from the CPU.
///
/// One program holds the baseline, AVX2+FMA and AVX-512 (x86 with GCC or Clang; other CPUs have the baseline, which is
/// correct everywhere). `KASHI_ISA=baseline|avx2|avx512` in the environment or force_isa() chooses a lower one.
/// With the macro KASHI_ONLY_BASELINE, KASHI_ONLY_AVX2 or KASHI_ONLY_AVX512 only that one is compiled, which is
/// quicker; the program then runs only on CPUs that have it.
#pragma once

#include <atomic>
#include <cstdlib>
#include <string_view>

#include <kashi/core/error.hpp>

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))
#define KASHI_X86_LEVELS 1
#else
#define KASHI_X86_LEVELS 0
#endif

namespace kashi::inline v0::kernels {

/// Instruction sets, low to high.
enum class Isa { baseline, avx2, avx512 };

/// "baseline", "avx2" or "avx512".
constexpr std::string_view isa_name(Isa level) {
  return level == Isa::avx512 ? "avx512" : level == Isa::avx2 ? "avx2" : "baseline";
}

/// The highest level that this CPU has and this program was compiled with.
inline Isa best_isa() {
#if KASHI_X86_LEVELS
  static const Isa best = [] {
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    return avx512 ? Isa::avx512 : avx2 ? Isa::avx2 : Isa::baseline;
  }();
  return best;
#else
  return Isa::baseline;
#endif
}

namespace detail {

inline Isa parse_isa(std::string_view name) {
  for (const Isa level : {Isa::baseline, Isa::avx2, Isa::avx512}) {
    if (isa_name(level) == name) return level;
  }
  throw ValueError(text("KASHI_ISA: must be baseline, avx2 or avx512; got \"", name, "\""));
}

inline Isa checked_isa(Isa level) {
  require<ValueError>(level <= best_isa(), "isa: this CPU has no ", isa_name(level), "; its best is ",
                      isa_name(best_isa()));
  return level;
}

inline std::atomic<Isa>& current_isa() {
  static std::atomic<Isa> current = [] {
    const char* name = std::getenv("KASHI_ISA");
    return name == nullptr || *name == '\0' ? best_isa() : checked_isa(parse_isa(name));
  }();
  return current;
}

}  // namespace detail

/// The level in use. Throws ValueError at the first call if KASHI_ISA holds an unknown name or one this CPU lacks.
inline Isa isa() { return detail::current_isa().load(std::memory_order_relaxed); }

/// Uses `level` from now on. Workspaces and packed weights made under another level must not be used any more.
/// Throws ValueError if the CPU has no such level.
inline void force_isa(Isa level) { detail::current_isa() = detail::checked_isa(level); }

/// Whether the level in use has the kernels that are there for speed alone (Winograd). A program that holds several
/// levels compiles them for the higher ones only.
inline bool has_wide_kernels() {
#if KASHI_X86_LEVELS && !defined(KASHI_ONLY_BASELINE)
  return isa() != Isa::baseline;
#else
  return true;
#endif
}

}  // namespace kashi::inline v0::kernels
