// Includes the file named by KASHI_REGION once per instruction set, each time inside a namespace of its own whose
// functions are compiled for that set. No include guard, since every kernel header comes through here.
//
// A region includes nothing and holds no OpenMP pragma (Clang outlines its body without the target). The namespace above
// the sets carries the compile flags' name, so that translation units with different -march never share a function.
//
// Inside: KASHI_REGION_BYTES, the bytes of a vector; KASHI_REGION_ROWS, the rows of a register tile (two vectors wide);
// KASHI_REGION_IS_SPARE, true for a baseline beside wider sets: only CPUs without AVX2 run it, so it leaves out variants
// that are there for speed alone and would cost every program its time to compile.

#if defined(__AVX512F__)
#define KASHI_REGION_FLAGS flags_avx512
#elif defined(__AVX2__)
#define KASHI_REGION_FLAGS flags_avx2
#elif defined(__AVX__)
#define KASHI_REGION_FLAGS flags_avx
#else
#define KASHI_REGION_FLAGS flags_plain
#endif

#if !defined(KASHI_ONLY_AVX2) && !defined(KASHI_ONLY_AVX512)
#define KASHI_REGION_NAME baseline
#define KASHI_REGION_BYTES 16
#if KASHI_X86_LEVELS && !defined(KASHI_ONLY_BASELINE)
#define KASHI_REGION_IS_SPARE true
#else
#define KASHI_REGION_IS_SPARE false
#endif
#if defined(__aarch64__)
#define KASHI_REGION_ROWS 8
#else
#define KASHI_REGION_ROWS 4
#endif
#include KASHI_REGION
#undef KASHI_REGION_NAME
#undef KASHI_REGION_BYTES
#undef KASHI_REGION_IS_SPARE
#undef KASHI_REGION_ROWS
#endif

#if KASHI_X86_LEVELS && !defined(KASHI_ONLY_BASELINE) && !defined(KASHI_ONLY_AVX512)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#endif
#define KASHI_REGION_NAME avx2
#define KASHI_REGION_BYTES 32
#define KASHI_REGION_IS_SPARE false
#define KASHI_REGION_ROWS 6
#include KASHI_REGION
#undef KASHI_REGION_NAME
#undef KASHI_REGION_BYTES
#undef KASHI_REGION_IS_SPARE
#undef KASHI_REGION_ROWS
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#if KASHI_X86_LEVELS && !defined(KASHI_ONLY_BASELINE) && !defined(KASHI_ONLY_AVX2)
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")
#endif
#define KASHI_REGION_NAME avx512
#define KASHI_REGION_BYTES 64
#define KASHI_REGION_IS_SPARE false
#define KASHI_REGION_ROWS 8
#include KASHI_REGION
#undef KASHI_REGION_NAME
#undef KASHI_REGION_BYTES
#undef KASHI_REGION_IS_SPARE
#undef KASHI_REGION_ROWS
#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif
#endif

#undef KASHI_REGION
#undef KASHI_REGION_FLAGS
