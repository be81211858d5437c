// The library kashi::compiled: all kernels, instantiated once for float and double.
#define KASHI_COMPILED_SOURCE
#include <kashi/kernels/channels.hpp>
#include <kashi/kernels/elementwise.hpp>
#include <kashi/kernels/linear.hpp>
