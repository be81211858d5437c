/// Vectors for the kernels and the choice among the instruction sets' copies of a kernel.
///
/// Code in regions/*.inl is compiled once per instruction set (regions/each_isa.inl). KASHI_BY_ISA picks a copy at run
/// time. Loops over register tiles are unrolled by KASHI_UNROLL, not by hope.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <kashi/core/compiled.hpp>
#include <kashi/core/parallel.hpp>
#include <kashi/kernels/isa.hpp>

#define KASHI_INLINE inline __attribute__((always_inline))
#define KASHI_LAMBDA __attribute__((always_inline))
#if defined(__clang__)
#define KASHI_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define KASHI_UNROLL _Pragma("GCC unroll 64")
#else
#define KASHI_UNROLL
#endif

/// The variable or function NAME of the instruction set in use.
#if defined(KASHI_ONLY_BASELINE) || !KASHI_X86_LEVELS
#define KASHI_BY_ISA(...) (baseline::__VA_ARGS__)
#elif defined(KASHI_ONLY_AVX2)
#define KASHI_BY_ISA(...) (avx2::__VA_ARGS__)
#elif defined(KASHI_ONLY_AVX512)
#define KASHI_BY_ISA(...) (avx512::__VA_ARGS__)
#else
#define KASHI_BY_ISA(...) \
  (isa() == Isa::avx512 ? avx512::__VA_ARGS__ : isa() == Isa::avx2 ? avx2::__VA_ARGS__ : baseline::__VA_ARGS__)
#define KASHI_BY_WIDE_ISA(...) (isa() == Isa::avx512 ? avx512::__VA_ARGS__ : avx2::__VA_ARGS__)
#endif

/// The same for kernels that the lowest of several levels does without, to compile less: see has_wide_kernels().
#ifndef KASHI_BY_WIDE_ISA
#define KASHI_BY_WIDE_ISA(...) KASHI_BY_ISA(__VA_ARGS__)
#endif

#define KASHI_REGION <kashi/kernels/regions/simd.inl>
#include <kashi/kernels/regions/each_isa.inl>
