// Tensors hold plain numbers.
// error: Tensor<T> holds plain numbers
#include <string>

#include <kashi/core/tensor.hpp>

int main() {
#ifdef MISUSE
  kashi::Tensor<std::string> x;
#else
  kashi::Tensor<int> x;
#endif
  return static_cast<int>(x.numel());
}
