#include <catch2/catch.hpp>

#include <cstdint>
#include <thread>
#include <vector>

#include <kashi/core/tensor.hpp>

using namespace kashi;

TEST_CASE("blocks are aligned to 64 bytes") {
  for (const Index count : {1, 3, 17, 1000, 100000, 3000000}) {
    const Tensor<float> x = Tensor<float>::zeros({count});
    CHECK(reinterpret_cast<std::uintptr_t>(x.data()) % 64 == 0);
  }
}

TEST_CASE("a freed block is used again instead of asking the system") {
  memory::release_cache();
  { const Tensor<float> warm = Tensor<float>::empty({100000}); }
  const auto before = memory::stats();
  CHECK(before.cached >= 400000);
  for (int i = 0; i < 10; ++i) {
    const Tensor<float> x = Tensor<float>::empty({100000 - i * 10});
    CHECK(memory::stats().live >= 399000);
  }
  CHECK(memory::stats().system_allocations == before.system_allocations);
  memory::release_cache();
  CHECK(memory::stats().cached == 0);
}

TEST_CASE("live bytes return to where they were and the peak is remembered") {
  const auto before = memory::stats().live;
  memory::reset_peak();
  {
    const Tensor<double> a = Tensor<double>::empty({1000000});
    CHECK(memory::stats().live >= before + 8000000);
  }
  CHECK(memory::stats().live == before);
  CHECK(memory::stats().peak >= before + 8000000);
}

TEST_CASE("large blocks are cut from and joined into regions without overlapping") {
  memory::release_cache();
  const auto before = memory::stats();
  struct Held {
    Tensor<int> tensor;
    int mark;
  };
  std::vector<Held> held;
  std::uint64_t state = 1;
  std::size_t most = 0;
  for (int i = 0; i < 400; ++i) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    if (state >> 62 == 0 && !held.empty()) {
      std::swap(held[(state >> 32) % held.size()], held.back());
      held.pop_back();
      continue;
    }
    if (held.size() > 12) held.erase(held.begin());
    const Index count = (1 << 18) + static_cast<Index>((state >> 40) % 1000000);
    held.push_back({Tensor<int>::empty({count}), i});
    held.back().tensor.mutable_data()[0] = held.back().tensor.mutable_data()[count - 1] = i;
    CHECK(reinterpret_cast<std::uintptr_t>(held.back().tensor.data()) % 64 == 0);
    for (const auto& [tensor, mark] : held) {
      REQUIRE(tensor.data()[0] == mark);
      REQUIRE(tensor.data()[tensor.numel() - 1] == mark);
    }
    most = std::max(most, memory::stats().live - before.live);
  }
  CHECK(most > (std::size_t{20} << 20));
  held.clear();
  CHECK(memory::stats().live == before.live);
  CHECK(memory::stats().cached < before.cached + 2 * most);
  memory::release_cache();
  CHECK(memory::stats().cached == before.cached);
}

TEST_CASE("different sizes one after the other live in the same memory") {
  memory::release_cache();
  { const Tensor<float> first = Tensor<float>::empty({8 << 20}); }
  const auto before = memory::stats();
  for (Index size = 1; size <= 8; ++size) {
    const Tensor<float> a = Tensor<float>::empty({size << 18}), b = Tensor<float>::empty({(8 - size + 1) << 18});
  }
  CHECK(memory::stats().system_allocations == before.system_allocations);
}

TEST_CASE("rounding wastes at most an eighth") {
  using memory::detail::size_class;
  for (std::size_t bytes = 1; bytes < (std::size_t{1} << 24); bytes = bytes * 5 / 4 + 1) {
    const std::size_t rounded = size_class(bytes);
    CHECK(rounded >= bytes);
    CHECK(rounded % 64 == 0);
    CHECK(rounded <= bytes + bytes / 8 + 64);
  }
}

TEST_CASE("several threads may allocate and free at once") {
  const auto before = memory::stats().live;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) {
        Tensor<int> x = Tensor<int>::full({64 + (i * 37 + t) % 1000}, t);
        if (x(0) != t) std::abort();
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(memory::stats().live == before);
}
