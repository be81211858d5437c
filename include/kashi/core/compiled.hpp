/// What the optional library kashi::compiled holds. Nothing changes for programs that use the headers alone.
///
/// With KASHI_COMPILED (set for users of kashi::compiled) the listed instances of templates are only declared, and the
/// functions between `#if KASHI_HAS_BODIES` too. The library's sources make them: the instances under
/// KASHI_COMPILED_SOURCE, the functions under KASHI_COMPILED_BODIES.
#pragma once

#if defined(KASHI_COMPILED_SOURCE)
#define KASHI_INSTANTIATE(...) template __VA_ARGS__;
#elif defined(KASHI_COMPILED)
#define KASHI_INSTANTIATE(...) extern template __VA_ARGS__;
#else
#define KASHI_INSTANTIATE(...)
#endif

/// KASHI_FUNCTION stands before a function that is declared further up, within KASHI_HAS_BODIES.
#if !defined(KASHI_COMPILED) || defined(KASHI_COMPILED_BODIES)
#define KASHI_HAS_BODIES 1
#else
#define KASHI_HAS_BODIES 0
#endif
#if defined(KASHI_COMPILED_BODIES)
#define KASHI_FUNCTION
#else
#define KASHI_FUNCTION inline
#endif
