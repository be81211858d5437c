/// How people write the digits 1 to 4: strokes as control points, and the smooth lines through them.
///
/// The models were made by eye after real handwriting. A digit is about one unit high and centred on (0, 0); x goes to
/// the right, y down.
#pragma once

#include <array>
#include <cmath>
#include <vector>

#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::data::detail {

/// A place where the pen comes by; at a corner the line has no common direction.
struct PenPoint {
  double x = 0.0;
  double y = 0.0;
  bool is_corner = false;
};

using Stroke = std::vector<PenPoint>;    ///< one line without lifting the pen
using DigitModel = std::vector<Stroke>;  ///< one way to write a digit
inline constexpr bool corner = true;

/// One: a line; with a short, a long, a curved flag; with a base; with a hook at the foot.
template <class = void>
inline std::vector<DigitModel> models_of_one() {
  return {
      {{{0.02, -0.50}, {0.00, 0.00}, {0.00, 0.50}}},
      {{{-0.20, -0.24}, {-0.06, -0.36}, {0.06, -0.50, corner}, {0.04, 0.00}, {0.03, 0.50}}},
      {{{-0.20, -0.26}, {0.04, -0.50, corner}, {0.03, 0.00}, {0.03, 0.49}},
       {{-0.20, 0.50}, {0.03, 0.49}, {0.26, 0.49}}},
      {{{-0.36, 0.08}, {-0.10, -0.20}, {0.14, -0.50, corner}, {0.12, 0.02}, {0.09, 0.50}}},
      {{{-0.24, -0.30}, {-0.10, -0.30}, {0.04, -0.50, corner}, {0.05, 0.05}, {0.00, 0.50}}},
      {{{-0.22, -0.18}, {0.05, -0.50}, {0.08, -0.44}, {0.04, 0.00}, {0.02, 0.40}, {0.12, 0.50}, {0.24, 0.44}}},
      {{{-0.14, -0.34}, {0.04, -0.50, corner}, {0.04, 0.50}}, {{-0.16, 0.46}, {0.05, 0.50}, {0.24, 0.44}}},
  };
}

/// Two: round with a flat base; with a loop; with a wavy base; like a Z; a slim neck with a short base; with a curl at
/// the top.
template <class = void>
inline std::vector<DigitModel> models_of_two() {
  return {
      {{{-0.25, -0.28},
        {-0.12, -0.47},
        {0.12, -0.48},
        {0.23, -0.28},
        {0.12, -0.02},
        {-0.10, 0.25},
        {-0.28, 0.47, corner},
        {0.00, 0.46},
        {0.30, 0.45}}},
      {{{-0.24, -0.32},
        {-0.08, -0.49},
        {0.14, -0.44},
        {0.20, -0.24},
        {0.08, 0.04},
        {-0.10, 0.34},
        {-0.24, 0.46},
        {-0.34, 0.36},
        {-0.22, 0.26},
        {-0.04, 0.38},
        {0.14, 0.48},
        {0.34, 0.38}}},
      {{{-0.22, -0.34},
        {-0.02, -0.50},
        {0.18, -0.40},
        {0.18, -0.18},
        {0.00, 0.12},
        {-0.28, 0.46, corner},
        {-0.06, 0.36},
        {0.12, 0.46},
        {0.32, 0.38}}},
      {{{-0.26, -0.42},
        {0.00, -0.48},
        {0.24, -0.44, corner},
        {0.00, 0.02},
        {-0.28, 0.46, corner},
        {0.00, 0.46},
        {0.30, 0.44}}},
      {{{-0.18, -0.36},
        {-0.04, -0.50},
        {0.12, -0.42},
        {0.10, -0.18},
        {-0.02, 0.12},
        {-0.18, 0.44, corner},
        {0.04, 0.46},
        {0.20, 0.44}}},
      {{{-0.14, -0.22},
        {-0.26, -0.26},
        {-0.20, -0.44},
        {0.04, -0.50},
        {0.22, -0.34},
        {0.14, -0.06},
        {-0.08, 0.22},
        {-0.30, 0.48, corner},
        {0.02, 0.42},
        {0.30, 0.48}}},
  };
}

/// Three: round; with a flat top; with a loop in the middle; with a shallow dent; with a long tail; wide and pointed.
template <class = void>
inline std::vector<DigitModel> models_of_three() {
  return {
      {{{-0.22, -0.36},
        {-0.06, -0.50},
        {0.15, -0.43},
        {0.18, -0.24},
        {0.08, -0.09},
        {-0.06, -0.03, corner},
        {0.14, 0.02},
        {0.25, 0.22},
        {0.14, 0.44},
        {-0.06, 0.50},
        {-0.26, 0.38}}},
      {{{-0.26, -0.47},
        {0.00, -0.48},
        {0.22, -0.48, corner},
        {0.08, -0.28},
        {-0.06, -0.10, corner},
        {0.16, -0.06},
        {0.26, 0.16},
        {0.16, 0.42},
        {-0.06, 0.50},
        {-0.28, 0.40}}},
      {{{-0.20, -0.40},
        {0.00, -0.50},
        {0.18, -0.38},
        {0.12, -0.16},
        {-0.04, -0.04},
        {-0.12, 0.02},
        {-0.05, 0.07},
        {0.04, 0.00},
        {0.20, 0.08},
        {0.24, 0.28},
        {0.10, 0.48},
        {-0.12, 0.48},
        {-0.26, 0.36}}},
      {{{-0.22, -0.42},
        {-0.02, -0.50},
        {0.16, -0.38},
        {0.12, -0.16},
        {0.00, -0.05},
        {0.14, 0.06},
        {0.22, 0.24},
        {0.10, 0.46},
        {-0.10, 0.50},
        {-0.24, 0.42}}},
      {{{-0.16, -0.42},
        {0.04, -0.50},
        {0.18, -0.38},
        {0.10, -0.20},
        {-0.08, -0.10, corner},
        {0.12, -0.06},
        {0.22, 0.12},
        {0.12, 0.34},
        {-0.10, 0.47},
        {-0.34, 0.50}}},
      {{{-0.28, -0.38},
        {-0.02, -0.50},
        {0.26, -0.40},
        {0.18, -0.18},
        {-0.04, -0.04, corner},
        {0.22, 0.02},
        {0.30, 0.24},
        {0.10, 0.48},
        {-0.20, 0.46},
        {-0.34, 0.34}}},
  };
}

/// Four: open; closed; open and slanting; in one line like a lightning; with a round bowl; with a long bar.
template <class = void>
inline std::vector<DigitModel> models_of_four() {
  return {
      {{{-0.18, -0.46}, {-0.22, -0.18}, {-0.26, 0.08, corner}, {0.02, 0.08}, {0.30, 0.06}},
       {{0.13, -0.24}, {0.12, 0.12}, {0.10, 0.50}}},
      {{{0.10, -0.50}, {-0.12, -0.16}, {-0.32, 0.16, corner}, {0.00, 0.15}, {0.34, 0.14}},
       {{0.11, -0.48}, {0.10, 0.00}, {0.09, 0.50}}},
      {{{-0.04, -0.50}, {-0.16, -0.20}, {-0.30, 0.12, corner}, {0.00, 0.09}, {0.30, 0.04}},
       {{0.18, -0.34}, {0.12, 0.06}, {0.04, 0.50}}},
      {{{-0.02, -0.50},
        {-0.14, -0.24},
        {-0.26, 0.02, corner},
        {0.00, 0.04},
        {0.22, -0.24, corner},
        {0.14, 0.12},
        {0.06, 0.50}}},
      {{{-0.22, -0.42},
        {-0.28, -0.14},
        {-0.20, 0.04},
        {0.02, 0.02},
        {0.20, -0.20},
        {0.24, -0.42, corner},
        {0.18, 0.04},
        {0.10, 0.50}}},
      {{{-0.16, -0.48}, {-0.22, -0.16}, {-0.30, 0.20, corner}, {0.04, 0.18}, {0.38, 0.14}},
       {{0.06, -0.12}, {0.05, 0.20}, {0.04, 0.50}}},
      {{{0.14, -0.44},
        {-0.10, -0.20},
        {-0.30, 0.08, corner},
        {0.00, 0.06},
        {0.20, -0.44, corner},
        {0.16, 0.00},
        {0.12, 0.50}}},
  };
}

/// All ways to write the digit 1, 2, 3 or 4, at index digit - 1.
inline const std::array<std::vector<DigitModel>, 4>& digit_models() {
  static const std::array<std::vector<DigitModel>, 4> models{models_of_one(), models_of_two(), models_of_three(),
                                                             models_of_four()};
  return models;
}

/// Points close to each other on the smooth line through a stroke's points: a cubic Hermite curve with Catmull-Rom
/// directions, which break at corners.
template <class = void>
inline Stroke smooth_line(const Stroke& stroke, int steps) {
  Stroke line;
  const auto direction = [&](std::size_t i, bool leaving) {
    const bool has_before = i > 0, has_after = i + 1 < stroke.size();
    const bool is_one_sided = stroke[i].is_corner || !has_before || !has_after;
    const PenPoint& before = stroke[has_before && !(is_one_sided && leaving && has_after) ? i - 1 : i];
    const PenPoint& after = stroke[has_after && !(is_one_sided && !leaving && has_before) ? i + 1 : i];
    const double share = is_one_sided ? 1.0 : 0.5;
    return PenPoint{share * (after.x - before.x), share * (after.y - before.y)};
  };
  for (std::size_t i = 0; i + 1 < stroke.size(); ++i) {
    const PenPoint &from = stroke[i], &to = stroke[i + 1];
    const PenPoint leave = direction(i, true), arrive = direction(i + 1, false);
    for (int k = 0; k < steps; ++k) {
      const double t = static_cast<double>(k) / steps, u = 1.0 - t;
      const double start = u * u * (1.0 + 2.0 * t), end = t * t * (1.0 + 2.0 * u), pull = t * u * u, push = -t * t * u;
      line.push_back({start * from.x + end * to.x + pull * leave.x + push * arrive.x,
                      start * from.y + end * to.y + pull * leave.y + push * arrive.y});
    }
  }
  line.push_back(stroke.back());
  return line;
}

}  // namespace kashi::inline v0::data::detail
