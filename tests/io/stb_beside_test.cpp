/// A program's own stb_image works beside ours, even in one file, and our settings don't leak into it.
#include <cstring>

#include <catch2/catch.hpp>

#include <kashi/io/image.hpp>

#if defined(STBI_NO_STDIO) || defined(STB_IMAGE_IMPLEMENTATION) || defined(STBI_INCLUDE_STB_IMAGE_H) || \
    defined(STBI_ONLY_PNG)
#error "io/image.hpp leaks the settings of its stb"
#endif

#if __has_include(<stb/stb_image.h>)
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>

#ifndef STB_IMAGE_IMPLEMENTATION
#error "the settings of this file's stb are lost"
#endif

TEST_CASE("the program's own stb reads beside ours") {
  const kashi::Tensor<std::uint8_t> image({1, 2, 3}, {1, 2, 3, 4, 5, 6});
  const auto png = kashi::io::encode_png(image);
  int width = 0, height = 0, channels = 0;
  stbi_uc* own = stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(png.data()), static_cast<int>(png.size()),
                                       &width, &height, &channels, 0);
  REQUIRE(own != nullptr);
  CHECK(std::memcmp(own, image.data(), 6) == 0);
  stbi_image_free(own);
  CHECK(kashi::io::decode_image(png).to_vector() == image.to_vector());
  // GIF is compiled into the program's own one: it refuses for its own reason.
  CHECK(stbi_load_from_memory(reinterpret_cast<const stbi_uc*>("GIF89a"), 6, &width, &height, &channels, 0) == nullptr);
}
#endif
