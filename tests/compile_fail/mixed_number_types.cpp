// float and double do not mix by themselves: convert with to<double>().
// error: no match for
// error: invalid operands to binary expression
#include <kashi/core/broadcast.hpp>

int main() {
  const auto a = kashi::Tensor<float>::ones({2});
  const auto b = kashi::Tensor<double>::ones({2});
#ifdef MISUSE
  const auto c = a + b;
#else
  const auto c = a.to<double>() + b;
#endif
  return c.rank();
}
