/// Animated PNG files: a reader of plain PNG sees the first frame; the animation's chunks are as the format says.
#include <catch2/catch.hpp>

#include <kashi/core/broadcast.hpp>
#include <kashi/io/animation.hpp>

#include "temporary_folder.hpp"

using namespace kashi;

namespace {

Tensor<std::uint8_t> frame(std::uint8_t value) {
  auto out = Tensor<std::uint8_t>::empty({5, 7, 3});
  for (Index i = 0; i < out.numel(); ++i) out.mutable_data()[i] = static_cast<std::uint8_t>(value + i);
  return out;
}

unsigned at(const std::vector<std::byte>& bytes, std::size_t i) { return static_cast<unsigned>(bytes[i]); }

}  // namespace

TEST_CASE("An animation's first frame is what other readers see") {
  const TemporaryFolder folder;
  io::save_animation(folder / "a.png", {frame(0), frame(50), frame(100)});
  CHECK(equal(io::load_image(folder / "a.png"), frame(0)));
}

TEST_CASE("An animation holds every frame, in order, with its time") {
  const auto png = io::encode_animation({frame(0), frame(50), frame(100)},
                                        {.milliseconds = 40, .last_milliseconds = 900, .plays = 2});
  const auto animation = io::detail::chunks_of(png, "acTL"), frames = io::detail::chunks_of(png, "fcTL"),
             data = io::detail::chunks_of(png, "fdAT");
  REQUIRE(animation.size() == 8);
  CHECK(at(animation, 3) == 3);
  CHECK(at(animation, 7) == 2);
  REQUIRE(frames.size() == 3 * 26);
  const std::vector<unsigned> sequence{at(frames, 3), at(frames, 26 + 3), at(frames, 52 + 3)};
  CHECK(sequence == std::vector<unsigned>{0, 1, 3});  // 2 and 4 are the second and third frame's pixels
  CHECK(at(frames, 7) == 7);
  CHECK(at(frames, 11) == 5);
  CHECK(at(frames, 21) == 40);
  CHECK(at(frames, 52 + 20) * 256 + at(frames, 52 + 21) == 900);

  // The second frame by itself: the header, its data without the sequence number, the end.
  const auto alone = io::encode_png(frame(50));
  const auto pixels = io::detail::chunks_of(alone, "IDAT");
  REQUIRE(data.size() > pixels.size() + 4);
  CHECK(at(data, 3) == 2);
  CHECK(std::equal(pixels.begin(), pixels.end(), data.begin() + 4));
}

TEST_CASE("Animations refuse frames that don't belong together") {
  CHECK_THROWS_WITH(io::encode_animation({}), Catch::Matchers::Contains("at least one frame"));
  CHECK_THROWS_WITH(io::encode_animation({frame(0), Tensor<std::uint8_t>::zeros({5, 6, 3})}),
                    Catch::Matchers::Contains("one shape; got [5,7,3] and [5,6,3]"));
  CHECK_THROWS_WITH(io::encode_animation({frame(0)}, {.milliseconds = 70000}), Catch::Matchers::Contains("0..65535"));
}
