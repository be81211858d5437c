/// Two units of one program include everything: they must link, and see the same library state.
#include <kashi/kashi.hpp>

#include <catch2/catch.hpp>

#include "second.hpp"

TEST_CASE("two units of a program share one library") {
  const int before = kashi::num_threads();
  second::set_threads(before + 1);
  CHECK(kashi::num_threads() == before + 1);
  second::set_threads(before);
  CHECK(second::version() == kashi::version());
}
