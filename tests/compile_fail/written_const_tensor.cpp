// A const tensor can't be written through.
// error: discards qualifiers
// error: 'this' argument to member function 'fill' has type 'const
#include <kashi/core/tensor.hpp>

int main() {
#ifdef MISUSE
  const kashi::Tensor<float> x = kashi::Tensor<float>::zeros({2});
#else
  kashi::Tensor<float> x = kashi::Tensor<float>::zeros({2});
#endif
  x.fill(1.0f);
}
