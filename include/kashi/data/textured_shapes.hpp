/// Generated pictures in 100 classes: ten shapes, each in ten textures; for trying out classification where no files
/// are at hand. The label is 10 * shape + texture, so labels / 10 are superclasses.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <kashi/core/parallel.hpp>
#include <kashi/data/tensor_dataset.hpp>

namespace kashi::inline v0::data {

struct TexturedShapesOptions {
  Index count = 5000;  ///< images; the classes take turns
  Index size = 32;     ///< height and width in pixels
  std::uint64_t seed = 42;
};

namespace detail {

inline constexpr std::array<const char*, 10> shape_names{"disc", "square",    "triangle", "ring",     "cross",
                                                         "star", "half-disc", "bar",      "crescent", "frame"};
inline constexpr std::array<const char*, 10> texture_names{"plain",  "rows",  "columns", "slanted",  "chequered",
                                                           "dotted", "rings", "shaded",  "speckled", "waves"};

/// Whether a point belongs to a shape that fills about [-1,1] x [-1,1]; y points down.
template <class = void>
inline bool in_shape(Index shape, double x, double y) {
  const double r = std::hypot(x, y), far = std::max(std::abs(x), std::abs(y));
  switch (shape) {
    case 0:
      return r < 0.95;
    case 1:
      return far < 0.8;
    case 2:
      return y < 0.8 && std::abs(x) < (y + 0.95) * 0.58;
    case 3:
      return r < 0.95 && r > 0.5;
    case 4:
      return far < 0.95 && std::min(std::abs(x), std::abs(y)) < 0.3;
    case 5:
      return r < 0.62 + 0.36 * std::cos(5 * (std::atan2(y, x) + std::numbers::pi / 2));
    case 6:
      return r < 0.95 && y > -0.1;
    case 7:
      return std::abs(x) < 0.95 && std::abs(y) < 0.35;
    case 8:
      return r < 0.95 && std::hypot(x - 0.5, y) > 0.75;
    default:
      return far < 0.85 && far > 0.45;
  }
}

/// How much of the second colour a texture has at a point, 0 to 1. `phase` shifts it; `noise` is a number of the pixel.
template <class = void>
inline double texture_at(Index texture, double x, double y, double phase, double noise) {
  constexpr double turns = 2.2 * 2 * std::numbers::pi / 2;
  const auto stripe = [](double t) { return std::sin(t) > 0 ? 1.0 : 0.0; };
  switch (texture) {
    case 0:
      return 0;
    case 1:
      return stripe(turns * y + phase);
    case 2:
      return stripe(turns * x + phase);
    case 3:
      return stripe(turns * (x + y) * 0.8 + phase);
    case 4:
      return stripe(turns * x + phase) == stripe(turns * y + phase) ? 1 : 0;
    case 5:
      return std::sin(turns * x + phase) * std::sin(turns * y + phase) > 0.45 ||
                     std::sin(turns * x + phase) * std::sin(turns * y + phase) < -0.45
                 ? 1
                 : 0;
    case 6:
      return stripe(2 * turns * std::hypot(x, y) + phase);
    case 7:
      return std::clamp(0.5 + 0.55 * x, 0.0, 1.0);
    case 8:
      return noise > 0.6 ? 1 : 0;
    default:
      return stripe(turns * y + 1.6 * std::sin(turns * x + phase));
  }
}

/// Draws one class into [size,size,3].
template <class = void>
inline void draw_textured_shape(Index label, Index size, RandomStream& random, std::uint8_t* out) {
  const auto colour = [&] { return std::array<double, 3>{random.uniform(), random.uniform(), random.uniform()}; };
  const auto distance = [](const auto& a, const auto& b) { return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]); };
  const std::array<double, 3> ground = colour();
  std::array<double, 3> first = colour(), second = colour();
  while (distance(first, ground) < 0.5) first = colour();
  while (distance(second, first) < 0.6 || distance(second, ground) < 0.35) second = colour();
  const double scale = random.uniform(0.62, 0.95), angle = random.uniform(-0.25, 0.25),
               phase = random.uniform(0, 2 * std::numbers::pi);
  const double room = 1.05 - scale, shift_x = random.uniform(-room, room), shift_y = random.uniform(-room, room);
  const double tilt_x = random.uniform(-0.25, 0.25), tilt_y = random.uniform(-0.25, 0.25),
               grain = random.uniform(0.01, 0.08);
  const random::Philox numbers = random.fork();
  const double pixel = 2.0 / static_cast<double>(size);
  constexpr int fine = 3;
  for (Index row = 0; row < size; ++row)
    for (Index column = 0; column < size; ++column) {
      const auto at = static_cast<std::uint64_t>(row * size + column);
      std::array<double, 3> sum{};
      for (int k = 0; k < fine * fine; ++k) {
        const double px = (static_cast<double>(column) + (k % fine + 0.5) / fine) * pixel - 1,
                     py = (static_cast<double>(row) + (k / fine + 0.5) / fine) * pixel - 1;
        const double dx = (px - shift_x) / scale, dy = (py - shift_y) / scale;
        const double x = dx * std::cos(angle) + dy * std::sin(angle), y = dy * std::cos(angle) - dx * std::sin(angle);
        const bool inside = in_shape(label / 10, x, y);
        const double mix = inside ? texture_at(label % 10, x, y, phase, numbers.uniform(2 * at)) : 0;
        const double light = inside ? 0 : tilt_x * px + tilt_y * py;
        for (std::size_t c = 0; c < 3; ++c)
          sum[c] += inside ? first[c] + mix * (second[c] - first[c]) : ground[c] + light;
      }
      const double noise = grain * (2 * numbers.uniform(2 * at + 1) - 1);
      for (std::size_t c = 0; c < 3; ++c)
        *out++ = static_cast<std::uint8_t>(std::lround(255 * std::clamp(sum[c] / (fine * fine) + noise, 0.0, 1.0)));
    }
}

}  // namespace detail

/// Shapes of random colour, place, size and slant on a shaded ground: images [size,size,3], labels 0..99, classes named
/// "disc, plain" to "frame, waves". Throws ValueError for sizes below 8 or a negative count.
template <class = void>
inline Dataset textured_shapes(const TexturedShapesOptions& options = {}) {
  require(options.count >= 0, "textured_shapes: count can't be negative; got ", options.count);
  require(options.size >= 8, "textured_shapes: images must have at least 8 pixels a side; got ", options.size);
  constexpr Index classes = 100;
  Tensor<std::uint8_t> images = Tensor<std::uint8_t>::empty({options.count, options.size, options.size, 3});
  Tensor<Index> labels = Tensor<Index>::empty({options.count});
  std::uint8_t* pixels = images.mutable_data();
  Index* label = labels.mutable_data();
  parallel_for(options.count, 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      RandomStream random(options.seed, 0, i);
      label[i] = i % classes;
      detail::draw_textured_shape(label[i], options.size, random, pixels + i * options.size * options.size * 3);
    }
  });
  std::vector<std::string> names;
  for (const char* shape : detail::shape_names)
    for (const char* texture : detail::texture_names) names.push_back(std::string(shape) + ", " + texture);
  return tensor_dataset(std::move(images), std::move(labels), std::move(names));
}

}  // namespace kashi::inline v0::data
