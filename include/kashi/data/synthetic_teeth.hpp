/// Generated pictures like dental X-rays, with masks of decay, some of them wrong on purpose; for trying out
/// segmentation and the handling of wrong masks where the truth is known.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include <kashi/core/parallel.hpp>
#include <kashi/data/dataset.hpp>

namespace kashi::inline v0::data {

struct SyntheticTeethOptions {
  Index count = 120;
  Index height = 128;  ///< in pixels
  Index width = 192;
  double corrupted = 0.0;  ///< share of pictures whose mask is wrong
  std::uint64_t seed = 42;
};

/// The pictures with the masks as given, and what only the generator knows.
struct SyntheticTeeth {
  Dataset dataset{};                   ///< images [H,W,1], targets [H,W,1] of 0 and 1, label 1: the mask is not empty
  std::vector<Tensor<float>> truth{};  ///< the right masks
  std::vector<bool> is_corrupted{};

  /// The place of an example by its name, also in a part of the dataset. Throws ValueError for a name of something
  /// else.
  std::size_t index_of(const std::string& name) const {
    for (std::size_t i = 0; i < truth.size(); ++i)
      if (name == text("teeth_", i)) return i;
    throw ValueError(text("synthetic_teeth: no picture is called \"", name, "\""));
  }
};

namespace detail {

/// A tooth seen from the side: a crown with rounded corners on a root that tapers, in units of its own width.
struct Tooth {
  double x = 0, top = 0, width = 1, height = 1, tilt = 0, light = 0.6;
  bool is_upper = false;
};

/// How much of a tooth's depth lies at a point: above 0 inside, about the distance to its border in pixels.
inline double tooth_depth(const Tooth& tooth, double x, double y) {
  const double v =
      (tooth.is_upper ? tooth.top - y : y - tooth.top) / tooth.height;  // 0 at the biting edge, 1 at the root's tip
  const double u = (x - tooth.x - tooth.tilt * v * tooth.height) / (0.5 * tooth.width);
  const double half = v < 0.45 ? 1 - 0.25 * std::pow(std::abs(v - 0.2) / 0.25, 2) * (v < 0.2 ? 1 : 0.4)
                               : 0.9 - 0.9 * std::pow((v - 0.45) / 0.55, 1.4);
  return std::min({v * tooth.height, (1 - v) * tooth.height, (half - std::abs(u)) * 0.5 * tooth.width});
}

/// A dark spot that reaches in from a crown's side or biting edge.
struct Decay {
  double x = 0, y = 0, along = 4, across = 3, turn = 0, depth = 0.3;
  std::size_t tooth = 0;  ///< which of the scene's
  double reach(double px, double py) const {
    const double dx = px - x, dy = py - y, a = (dx * std::cos(turn) + dy * std::sin(turn)) / along,
                 b = (dy * std::cos(turn) - dx * std::sin(turn)) / across;
    return 1 - std::hypot(a, b);
  }
};

inline double smooth_step(double t) {
  const double u = std::clamp(t, 0.0, 1.0);
  return u * u * (3 - 2 * u);
}

struct TeethScene {
  std::vector<Tooth> teeth;
  std::vector<Decay> decays;
};

template <class = void>
TeethScene random_scene(Index height, Index width, RandomStream& random) {
  TeethScene scene;
  const double h = static_cast<double>(height), w = static_cast<double>(width), middle = h * random.uniform(0.46, 0.54);
  for (const bool is_upper : {true, false}) {
    double x = w * random.uniform(-0.05, 0.05);
    while (x < w * 1.05) {
      Tooth tooth;
      tooth.width = h * random.uniform(0.17, 0.27);
      tooth.x = x + tooth.width / 2;
      tooth.top = middle + (is_upper ? -1 : 1) * h * random.uniform(0.015, 0.04);
      tooth.height = h * random.uniform(0.38, 0.48);
      tooth.tilt = random.uniform(-0.12, 0.12);
      tooth.light = random.uniform(0.5, 0.66);
      tooth.is_upper = is_upper;
      scene.teeth.push_back(tooth);
      x += tooth.width * random.uniform(1.0, 1.06);
    }
  }
  const Index spots = random.chance(0.12) ? 0 : 1 + random.below(3);
  for (Index i = 0; i < spots; ++i) {
    const auto place = static_cast<std::size_t>(random.below(static_cast<Index>(scene.teeth.size())));
    const Tooth& tooth = scene.teeth[place];
    const bool at_edge = random.chance(0.3);
    const double v = at_edge ? random.uniform(0.03, 0.08) : random.uniform(0.12, 0.38),
                 side = at_edge ? random.uniform(-0.5, 0.5) : (random.chance(0.5) ? -0.8 : 0.8);
    const double size = h * random.uniform(0.022, 0.05);
    scene.decays.push_back({.x = tooth.x + side * 0.5 * tooth.width + tooth.tilt * v * tooth.height,
                            .y = tooth.top + (tooth.is_upper ? -1 : 1) * v * tooth.height,
                            .along = size * random.uniform(0.9, 1.5),
                            .across = size,
                            .turn = random.uniform(0, std::numbers::pi),
                            .depth = random.uniform(0.12, 0.3),
                            .tooth = place});
  }
  return scene;
}

/// Draws a scene and the mask of its decay.
template <class = void>
void draw_scene(const TeethScene& scene, RandomStream& random, Tensor<float>& image, Tensor<float>& mask) {
  const Index height = image.size(0), width = image.size(1);
  const double bone = random.uniform(0.2, 0.32), slope = random.uniform(-0.12, 0.12),
               grain = random.uniform(0.015, 0.04), wave = random.uniform(0, 6);
  const random::Philox noise = random.fork();
  float *pixels = image.mutable_data(), *marks = mask.mutable_data();
  for (Index row = 0; row < height; ++row)
    for (Index column = 0; column < width; ++column) {
      const double x = static_cast<double>(column), y = static_cast<double>(row), unit = static_cast<double>(height);
      double light = bone + slope * (x / static_cast<double>(width) - 0.5) +
                     0.04 * std::sin(9 * x / unit + wave) * std::cos(11 * y / unit);
      double inside = 0;
      for (const Tooth& tooth : scene.teeth) {
        const double depth = tooth_depth(tooth, x, y), cover = smooth_step(depth / 1.5 + 0.5);
        if (cover == 0) continue;
        const double v = (tooth.is_upper ? tooth.top - y : y - tooth.top) / tooth.height;
        const double enamel = v < 0.42 ? 0.24 * (1 - smooth_step(depth / (0.14 * tooth.width))) : 0;
        const double u = std::abs(x - tooth.x - tooth.tilt * v * tooth.height) / tooth.width;
        const double pulp = 0.2 * (1 - smooth_step((u - 0.05) / 0.07)) * smooth_step((v - 0.22) / 0.1);
        light += cover * (tooth.light + enamel - pulp - light);
        inside = std::max(inside, cover);
      }
      double marked = 0;
      for (const Decay& decay : scene.decays) {
        const double reach = decay.reach(x, y);
        light -= inside * decay.depth * smooth_step(reach / 0.5 + 0.3);
        if (inside > 0.5) marked = std::max(marked, reach);
      }
      const Index at = row * width + column;
      pixels[at] =
          static_cast<float>(std::clamp(light + grain * noise.normal(static_cast<std::uint64_t>(at)), 0.0, 1.0));
      marks[at] = marked > 0 ? 1.0f : 0.0f;
    }
}

/// The mask moved; what comes from outside is empty.
inline Tensor<float> shifted_mask(const Tensor<float>& mask, Index down, Index right) {
  Tensor<float> out = Tensor<float>::zeros(mask.shape());
  const Index height = mask.size(0), width = mask.size(1);
  for (Index y = std::max<Index>(0, down); y < std::min(height, height + down); ++y)
    for (Index x = std::max<Index>(0, right); x < std::min(width, width + right); ++x)
      out.at(y, x, 0) = mask(y - down, x - right, 0);
  return out;
}

/// A box of a sixth of the height somewhere.
inline Tensor<float> box_mask(const Shape& shape, RandomStream& random) {
  Tensor<float> out = Tensor<float>::zeros(shape);
  const Index side = shape[0] / 6, top = random.below(shape[0] - side), left = random.below(shape[1] - side);
  for (Index y = top; y < top + side; ++y)
    for (Index x = left; x < left + side; ++x) out.at(y, x, 0) = 1;
  return out;
}

/// The whole of every tooth that has decay.
inline Tensor<float> tooth_mask(const TeethScene& scene, const Shape& shape) {
  Tensor<float> out = Tensor<float>::zeros(shape);
  for (const Decay& decay : scene.decays)
    for (Index y = 0; y < shape[0]; ++y)
      for (Index x = 0; x < shape[1]; ++x)
        if (tooth_depth(scene.teeth[decay.tooth], static_cast<double>(x), static_cast<double>(y)) > 0)
          out.at(y, x, 0) = 1;
  return out;
}

/// Marked and unmarked pixels exchanged.
inline Tensor<float> inverted_mask(const Tensor<float>& mask) {
  Tensor<float> out = Tensor<float>::empty(mask.shape());
  std::transform(mask.data(), mask.data() + mask.numel(), out.mutable_data(), [](float value) { return 1 - value; });
  return out;
}

/// A wrong mask, as people make them: decay that was overlooked, a mask that slipped, a box at the wrong place, the
/// outline of the whole tooth instead of its decay, or black and white confused. A picture without decay gets the box.
template <class = void>
Tensor<float> corrupted_mask(const TeethScene& scene, const Tensor<float>& mask, RandomStream& random) {
  const auto far = [&](Index size) {
    return (random.chance(0.5) ? 1 : -1) * static_cast<Index>(static_cast<double>(size) * random.uniform(0.12, 0.3));
  };
  const bool is_empty = std::none_of(mask.span().begin(), mask.span().end(), [](float value) { return value > 0; });
  switch (is_empty ? 2 : random.below(5)) {
    case 0:
      return Tensor<float>::zeros(mask.shape());
    case 1:
      return shifted_mask(mask, far(mask.size(0)), far(mask.size(1)));
    case 2:
      return box_mask(mask.shape(), random);
    case 3:
      return inverted_mask(mask);
    default:
      return tooth_mask(scene, mask.shape());
  }
}

}  // namespace detail

/// Rows of teeth with dark spots of decay. A share of the masks, drawn by the seed, is wrong: emptied, moved, a box
/// somewhere else, the whole tooth, or inverted. Throws ValueError for pictures under 32 pixels a side, a negative
/// count or a share outside [0, 1].
template <class = void>
SyntheticTeeth synthetic_teeth(const SyntheticTeethOptions& options = {}) {
  require(options.count >= 0 && options.height >= 32 && options.width >= 32,
          "synthetic_teeth: a count from 0 and pictures of at least 32x32 pixels are needed; got ", options.count,
          " of ", options.height, "x", options.width);
  require(options.corrupted >= 0 && options.corrupted <= 1, "synthetic_teeth: corrupted must lie in [0, 1]; got ",
          options.corrupted);
  const auto count = static_cast<std::size_t>(options.count);
  SyntheticTeeth out;
  out.truth.resize(count);
  out.is_corrupted.assign(count, false);
  auto examples = std::make_shared<std::vector<Example>>(count);
  // Exactly the share of them, in an order of their own.
  random::Generator generator(options.seed);
  const Tensor<Index> order = generator.permutation(options.count);
  const auto wrong = static_cast<Index>(std::llround(options.corrupted * static_cast<double>(options.count)));
  for (Index i = 0; i < wrong; ++i) out.is_corrupted[static_cast<std::size_t>(order(i))] = true;
  parallel_for(options.count, 1, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      const auto at = static_cast<std::size_t>(i);
      RandomStream random(options.seed, 0, i), corruption(options.seed, 1, i);
      Tensor<float> image = Tensor<float>::empty({options.height, options.width, 1}),
                    mask = Tensor<float>::empty({options.height, options.width, 1});
      const detail::TeethScene scene = detail::random_scene(options.height, options.width, random);
      detail::draw_scene(scene, random, image, mask);
      out.truth[at] = mask;
      const Tensor<float> given = out.is_corrupted[at] ? detail::corrupted_mask(scene, mask, corruption) : mask;
      const bool has_marks =
          std::any_of(given.span().begin(), given.span().end(), [](float value) { return value > 0; });
      (*examples)[at] = {
          .image = image, .label = has_marks ? 1 : 0, .target = given, .name = "teeth_" + std::to_string(i)};
    }
  });
  out.dataset = Dataset(
      options.count, [examples](Index i) { return (*examples)[static_cast<std::size_t>(i)]; },
      [examples](Index i) { return (*examples)[static_cast<std::size_t>(i)].label; }, {"empty", "marked"});
  return out;
}

}  // namespace kashi::inline v0::data
