/// Generated data sets, for trying things out where no files are at hand.
///
/// The same seed gives the same bytes for any number of threads. They are close to real data in kind, not in detail: a
/// network that is trained on them is no reader of real handwriting.
#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>
#include <kashi/data/digit_strokes.hpp>
#include <kashi/data/pen.hpp>
#include <kashi/data/tensor_dataset.hpp>

namespace kashi::inline v0::data {

struct HandwrittenDigitsOptions {
  Index count = 2000;  ///< images; the digits 1, 2, 3, 4 take turns
  Index size = 64;     ///< height and width in pixels
  std::uint64_t seed = 42;
};

namespace detail {

inline Colour varied(Colour colour, double by, RandomStream& random) {
  for (double& channel : colour) channel = std::clamp(channel + random.uniform(-by, by), 0.0, 1.0);
  return colour;
}

template <class = void>
inline Pen random_pen(double pixel, RandomStream& random) {
  static constexpr std::array<Colour, 10> inks{{{0.08, 0.08, 0.10},
                                                {0.12, 0.12, 0.12},
                                                {0.05, 0.05, 0.05},
                                                {0.12, 0.16, 0.55},
                                                {0.22, 0.22, 0.75},
                                                {0.10, 0.22, 0.42},
                                                {0.70, 0.10, 0.12},
                                                {0.08, 0.40, 0.18},
                                                {0.38, 0.36, 0.36},
                                                {0.40, 0.18, 0.45}}};
  Pen pen;
  pen.radius = pixel * std::exp(random.uniform(std::log(0.65), std::log(3.2)));
  pen.swing = random.uniform(0.0, 0.25);
  pen.nib = random.uniform(0.0, 0.5);
  pen.nib_angle = random.uniform(0.0, std::numbers::pi);
  pen.softness = pixel * random.uniform(0.9, 1.8);
  pen.opacity = random.uniform(0.8, 1.0);
  pen.grain = random.chance(0.3) ? random.uniform(0.1, 0.5) : 0.05;
  pen.ink = varied(inks[static_cast<std::size_t>(random.below(inks.size()))], 0.08, random);
  return pen;
}

template <class = void>
inline Paper random_paper(double pixel, RandomStream& random) {
  static constexpr std::array<Colour, 6> papers{{{1.0, 1.0, 1.0},
                                                 {0.97, 0.97, 0.97},
                                                 {0.92, 0.92, 0.92},
                                                 {0.97, 0.94, 0.86},
                                                 {0.90, 0.94, 0.98},
                                                 {0.96, 0.90, 0.90}}};
  Paper paper;
  paper.tint = varied(papers[static_cast<std::size_t>(random.below(papers.size()))], 0.04, random);
  paper.gradient_x = random.uniform(-0.15, 0.15);
  paper.gradient_y = random.uniform(-0.15, 0.15);
  paper.noise = random.uniform(0.0, 0.08);
  if (random.chance(0.12)) paper.line_distance = pixel * random.uniform(9.0, 22.0);
  paper.line_offset = random.uniform(0.0, 20.0);
  return paper;
}

/// A model with its points shaken, then slanted, turned, scaled and put near the middle of a picture.
template <class = void>
inline DigitModel random_digit(const std::vector<DigitModel>& models, Index size, RandomStream& random) {
  DigitModel digit = models[static_cast<std::size_t>(random.below(static_cast<Index>(models.size())))];
  const double shake = random.uniform(0.008, 0.035);
  const double height = static_cast<double>(size) * random.uniform(0.5, 0.82),
               width = height * random.uniform(0.7, 1.25);
  const double slant = 0.12 + 0.17 * random.normal(), turn = 0.08 * random.normal(), bend = 0.05 * random.normal();
  const double cosine = std::cos(turn), sine = std::sin(turn);
  const double centre_x = static_cast<double>(size) * (0.5 + random.uniform(-0.07, 0.07)),
               centre_y = static_cast<double>(size) * (0.5 + random.uniform(-0.07, 0.07));
  for (Stroke& stroke : digit) {
    for (PenPoint& point : stroke) {
      const double y = point.y + shake * random.normal();
      const double x = point.x + shake * random.normal() - slant * y + bend * std::cos(std::numbers::pi * y);
      point.x = centre_x + cosine * width * x - sine * height * y;
      point.y = centre_y + sine * width * x + cosine * height * y;
    }
  }
  return digit;
}

/// One picture of a digit 1..4: writes [size,size,3] bytes.
template <class = void>
inline void draw_digit(Index digit, Index size, RandomStream& random, std::uint8_t* out) {
  const double pixel = static_cast<double>(size) / 64.0;
  const DigitModel strokes = random_digit(digit_models()[static_cast<std::size_t>(digit - 1)], size, random);
  const Pen pen = random_pen(pixel, random);
  const Paper paper = random_paper(pixel, random);
  InkLayer ink(size);
  for (const Stroke& stroke : strokes) ink.draw(smooth_line(stroke, 8), pen, random);
  const double blur = random.chance(0.5) ? pixel * random.uniform(0.3, 0.9) : 0.0;
  compose(ink, pen, paper, blur, random, size, out);
}

}  // namespace detail

/// Drawings that look like handwritten digits 1, 2, 3, 4 in colour, [size,size,3]; classes "1" to "4". 2,000 of 64 x 64
/// take well under a second. Throws ValueError for no images or a size outside 16..1024.
template <class = void>
inline Dataset handwritten_digits(const HandwrittenDigitsOptions& options = {}) {
  require(options.count >= 1, "handwritten_digits: count must be at least 1; got ", options.count);
  require(options.size >= 16 && options.size <= 1024, "handwritten_digits: size must lie in 16..1024; got ",
          options.size);
  const Index size = options.size;
  Tensor<std::uint8_t> images = Tensor<std::uint8_t>::empty({options.count, size, size, 3});
  Tensor<Index> labels = Tensor<Index>::empty({options.count});
  std::uint8_t* pixels = images.mutable_data();
  Index* classes = labels.mutable_data();
  parallel_for(options.count, 16, [&](Index begin, Index end) {
    for (Index i = begin; i < end; ++i) {
      RandomStream random(options.seed, 0, i);
      classes[i] = i % 4;
      detail::draw_digit(classes[i] + 1, size, random, pixels + i * size * size * 3);
    }
  });
  return tensor_dataset(std::move(images), std::move(labels), {"1", "2", "3", "4"});
}

}  // namespace kashi::inline v0::data
