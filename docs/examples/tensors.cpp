/// Tensors: making, reading, reshaping, computing, and the memory that they share.
#include <kashi/kashi.hpp>

#include <iostream>

using namespace kashi;

int main() {
  // Values in row-major order; the shape comes first.
  Tensor<float> a({2, 3}, {1, 2, 3, 4, 5, 6});
  std::cout << a << "\n";
  std::cout << "rank " << a.rank() << ", shape " << a.shape() << ", " << a.numel() << " numbers\n";
  std::cout << "a(1, 2) = " << a(1, 2) << ", last column of the first row = " << a(0, -1) << "\n\n";

  // Arithmetic broadcasts as NumPy's does: the row is repeated for each row of a.
  const Tensor<float> row({3}, {10, 20, 30});
  std::cout << a * 2.0f + row << "\n";
  std::cout << "sum " << sum(a).item() << ", mean of each row " << mean(a, {1}) << "\n";
  std::cout << "largest column of each row " << argmax(a, 1) << "\n\n";

  // Products, moved axes, pieces put together.
  std::cout << matmul(a, transpose(a)) << "\n";
  const Tensor<float> image = Tensor<float>::zeros({1, 3, 8, 6});  // channels first
  std::cout << "channels last: " << permute(image, {0, 2, 3, 1}).shape() << "\n";
  std::cout << "concat " << concat({a, a}).shape() << ", stack " << stack({a, a}).shape() << "\n\n";

  // A copy of a Tensor, a reshape, a row are all the same numbers; clone() has its own.
  Tensor<float> shared = a, copy = a.clone(), first = a[0];
  first.fill(0);
  std::cout << "after first.fill(0): a(0, 0) = " << a(0, 0) << ", shared(0, 0) = " << shared(0, 0)
            << ", copy(0, 0) = " << copy(0, 0) << "\n\n";

  // Other number types; comparison gives Tensor<bool>.
  const Tensor<bool> large = copy > 2.5f;
  std::cout << "how many are above 2.5: " << sum(large.to<Index>()).item() << "\n";
  const Tensor<std::uint8_t> bytes({3}, {0, 128, 255});
  std::cout << bytes.to<float>() / 255.0f << "\n\n";

  // Random numbers: the same seed gives the same numbers, on any number of threads.
  random::Generator generator(42);
  const Tensor<float> noise = generator.normal<float>({1000, 1000});
  ThreadLimit one(1);
  const Tensor<float> again = random::Generator(42).normal<float>({1000, 1000});
  std::cout << "the same noise on one thread: " << (equal(noise, again) ? "yes" : "no") << "\n";

  // Memory of your own, without a copy.
  std::vector<float> mine{1, 2, 3, 4};
  Tensor<float> view = Tensor<float>::view(mine.data(), {2, 2});
  view.at(1, 1) = 40;
  std::cout << "mine[3] = " << mine[3] << "\n";
  std::cout << "Eigen: trace " << as_eigen(view).trace() << "\n";
}
