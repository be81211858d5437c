/// A user's program of two units, outside the library's tree, under the strict warnings.
#include <kashi/kashi.hpp>

#include <cstdio>

#include "second.hpp"

int main() {
  kashi::Tensor<float> x = kashi::Tensor<float>::ones({2, 3});
  std::printf("kashi %s: %s\n", kashi::version().c_str(), describe(x).c_str());
  return describe(x) == "[2,3]" ? 0 : 1;
}
