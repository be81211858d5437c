/// Receptive fields: which pixels of the image each unit of a layer can see, along one axis.
///
/// An image's rows and columns are independent in all layers with windows, so a field is one interval an axis (or,
/// after some junctions of branches, the union of several pairs; trace_fields.hpp). Two answers are kept: the nominal
/// field, as if the image had no border (size, jump, start, centre), and the exact one inside the image, unit by unit.
/// Holes of dilated windows count as seen. The rule r += d (k - 1) j, j *= s of Araujo et al. 2019 ("Computing
/// receptive fields of convolutional neural networks", Distill) is the case of plain windows; here the windows
/// themselves are joined, so that transposed layers, resizing and branches are exact too.
#pragma once

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <kashi/core/error.hpp>
#include <kashi/core/parallel.hpp>

namespace kashi::inline v0::nn {

/// Pixels first..last of an axis; none if last < first.
struct Interval {
  Index first = 0;
  Index last = -1;

  bool operator==(const Interval&) const = default;
  constexpr bool empty() const { return last < first; }
  constexpr Index size() const { return empty() ? 0 : last - first + 1; }
  constexpr double centre() const { return static_cast<double>(first + last) / 2.0; }
  constexpr Interval shifted(Index by) const { return empty() ? *this : Interval{first + by, last + by}; }
  /// The smallest interval that holds both.
  constexpr Interval joined(const Interval& other) const {
    if (empty()) return other;
    if (other.empty()) return *this;
    return {std::min(first, other.first), std::max(last, other.last)};
  }
};

/// The receptive fields of all units along one axis.
class AxisField {
 public:
  /// The image itself: `size` pixels, each sees itself. Throws ShapeError for a size below 1.
  static AxisField pixels(Index size) {
    require<ShapeError>(size >= 1, "receptive field: an image can't be empty; got size ", size);
    AxisField field;
    field.pattern_ = {{0, 0}};
    field.shift_ = 1;
    for (Index i = 0; i < size; ++i) field.inside_.push_back({i, i});
    return field;
  }

  Index units() const { return static_cast<Index>(inside_.size()); }
  /// What a unit sees of the image; may be empty for one that sees only padding.
  const Interval& inside(Index unit) const { return inside_[static_cast<std::size_t>(unit)]; }
  /// What a unit would see if the image had no border. The unit may lie outside of 0..units()-1.
  Interval nominal(Index unit) const {
    const Index period = static_cast<Index>(pattern_.size());
    const Index turn = unit >= 0 ? unit / period : -((-unit + period - 1) / period);
    return pattern_[static_cast<std::size_t>(unit - turn * period)].shifted(turn * shift_);
  }

  /// Pixels of the largest nominal field of a unit.
  Index size() const {
    Index largest = 0;
    for (const Interval& field : pattern_) largest = std::max(largest, field.size());
    return largest;
  }
  /// Pixels of the largest part inside the image that a unit sees.
  Index size_inside() const {
    Index largest = 0;
    for (const Interval& field : inside_) largest = std::max(largest, field.size());
    return largest;
  }
  /// Pixels from one unit's field to the next one's; a fraction after layers that enlarge (rounded if it would repeat
  /// itself only after more than 1024 units).
  double jump() const { return static_cast<double>(shift_) / static_cast<double>(pattern_.size()); }
  /// First pixel and centre of unit 0's nominal field.
  Index start() const { return pattern_.front().first; }
  double centre() const { return pattern_.front().centre(); }
  /// The part of the image that any unit sees.
  Interval covered() const { return join_all(inside_); }

  /// Units that see several units of this axis: unit o of `units` sees the units that visit(o, f) calls f with, which
  /// may lie outside; those see nothing inside the image. After `period` outputs the windows have moved on by `step`
  /// inputs.
  template <class Visit>
  AxisField gather(Index units, Index period, Index step, Visit&& visit) const {
    const Index old_period = static_cast<Index>(pattern_.size());
    const Index repeats = old_period / std::gcd(old_period, step);
    AxisField out;
    // Chains of unusual ratios have patterns that go on and on; beyond the units nobody looks.
    const bool is_whole = period * repeats <= std::max(units, longest_pattern);
    for (Index o = 0; o < (is_whole ? period * repeats : units); ++o) {
      Interval field;
      visit(o, [&](Index unit) { field = field.joined(nominal(unit)); });
      out.pattern_.push_back(field);
    }
    out.shift_ = is_whole ? shift_ * (step * repeats / old_period)
                          : static_cast<Index>(std::llround(jump() * static_cast<double>(step) /
                                                            static_cast<double>(period) * static_cast<double>(units)));
    for (Index o = 0; o < units; ++o) {
      Interval field;
      visit(o, [&](Index unit) {
        if (unit >= 0 && unit < this->units()) field = field.joined(inside(unit));
      });
      out.inside_.push_back(field);
    }
    out.shorten();
    return out;
  }

  /// Windows of `kernel` taps, `dilation` apart, that move by `stride`; `before` units of padding.
  AxisField window(Index units, Index kernel, Index stride, Index dilation, Index before) const {
    return gather(units, 1, stride, [&](Index o, auto&& f) {
      for (Index t = 0; t < kernel; ++t) f(o * stride - before + t * dilation);
    });
  }
  /// The windows of a transposed convolution: unit i reaches o = i * stride - before + t * dilation.
  AxisField transposed_window(Index units, Index kernel, Index stride, Index dilation, Index before) const {
    return gather(units, stride, 1, [&](Index o, auto&& f) {
      for (Index t = 0; t < kernel; ++t)
        if (const Index place = o + before - t * dilation; place % stride == 0) f(place / stride);
    });
  }
  /// Windows that cut the axis into `units` parts: floor(o n / units) .. ceil((o + 1) n / units) - 1.
  AxisField parts(Index units) const {
    const Index n = this->units();
    const Index common = std::gcd(n, units);
    return gather(units, units / common, n / common, [&](Index o, auto&& f) {
      for (Index i = o * n / units; i < ((o + 1) * n + units - 1) / units; ++i) f(i);
    });
  }
  /// The units from `offset` on (negative: units in front of the first, which see nothing inside).
  AxisField moved(Index units, Index offset) const {
    return gather(units, 1, 1, [&](Index o, auto&& f) { f(o + offset); });
  }
  /// One unit that sees what all units see.
  AxisField reduced() const {
    AxisField out;
    Interval nominal_field;
    for (Index i = 0; i < units(); ++i) nominal_field = nominal_field.joined(nominal(i));
    out.pattern_ = {nominal_field};
    out.shift_ = 0;
    out.inside_ = {covered()};
    return out;
  }
  /// `units` units, each of which sees what unit 0 sees.
  AxisField repeated(Index units) const {
    AxisField out;
    out.pattern_ = {pattern_.front()};
    out.shift_ = 0;
    out.inside_.assign(static_cast<std::size_t>(units), inside(0));
    return out;
  }
  /// These nominal fields, and inside the image what another field of as many units sees.
  AxisField with_inside_of(const AxisField& other) const {
    AxisField out = *this;
    out.inside_ = other.inside_;
    return out;
  }
  /// The units as a part of `units` ones, from `offset` on; the others see nothing.
  AxisField placed(Index units, Index offset) const {
    std::vector<Interval> fields(static_cast<std::size_t>(units)), seen(static_cast<std::size_t>(units));
    for (Index i = 0; i < this->units(); ++i) {
      fields[static_cast<std::size_t>(offset + i)] = nominal(i);
      seen[static_cast<std::size_t>(offset + i)] = inside(i);
    }
    AxisField out = with_fields(std::move(fields), *this);
    out.inside_ = std::move(seen);
    return out;
  }
  /// Branches that meet: unit i sees what it sees through either. Both have the same number of units.
  AxisField joined(const AxisField& other) const {
    AxisField out;
    const Index a = static_cast<Index>(pattern_.size()), b = static_cast<Index>(other.pattern_.size());
    const Index period = std::lcm(a, b);
    if (shift_ * b == other.shift_ * a && period <= std::max<Index>(units(), std::max(a, b))) {
      for (Index i = 0; i < period; ++i) out.pattern_.push_back(nominal(i).joined(other.nominal(i)));
      out.shift_ = shift_ * (period / a);
    } else {
      std::vector<Interval> fields;
      for (Index i = 0; i < units(); ++i) fields.push_back(nominal(i).joined(other.nominal(i)));
      out = with_fields(std::move(fields), shift_ == 0 ? other : *this);
    }
    out.inside_.clear();
    for (Index i = 0; i < units(); ++i) out.inside_.push_back(inside(i).joined(other.inside(i)));
    out.shorten();
    return out;
  }

  /// True if units have places: false for values that see the same everywhere, such as a global mean.
  bool has_positions() const { return shift_ != 0; }
  bool same_jump(const AxisField& other) const {
    return shift_ * static_cast<Index>(other.pattern_.size()) == other.shift_ * static_cast<Index>(pattern_.size());
  }
  /// How far the centres of two fields of equal jump lie apart, in the mean over the pattern (so that the two outputs
  /// of a unit that was enlarged lie around its centre): other - this, in pixels. 0 if no unit sees through both.
  double offset_to(const AxisField& other) const {
    const Index period = std::min(
        longest_pattern, std::lcm(static_cast<Index>(pattern_.size()), static_cast<Index>(other.pattern_.size())));
    double sum = 0;
    Index counted = 0;
    for (Index i = 0; i < period; ++i) {
      if (nominal(i).empty() || other.nominal(i).empty()) continue;
      sum += other.nominal(i).centre() - nominal(i).centre();
      ++counted;
    }
    return counted == 0 ? 0 : sum / static_cast<double>(counted);
  }

 private:
  static constexpr Index longest_pattern = 1024;

  static Interval join_all(const std::vector<Interval>& fields) {
    Interval all;
    for (const Interval& field : fields) all = all.joined(field);
    return all;
  }
  /// An irregular pattern that goes on with the jump of `like`.
  static AxisField with_fields(std::vector<Interval> fields, const AxisField& like) {
    AxisField out;
    const Index old_period = static_cast<Index>(like.pattern_.size());
    while (static_cast<Index>(fields.size()) % old_period != 0) fields.push_back(fields.back());
    out.shift_ = like.shift_ * (static_cast<Index>(fields.size()) / old_period);
    out.pattern_ = std::move(fields);
    return out;
  }
  /// The shortest pattern that says the same.
  void shorten() {
    const Index period = static_cast<Index>(pattern_.size());
    for (Index candidate = 1; candidate < period; ++candidate) {
      if (period % candidate != 0 || shift_ * candidate % period != 0) continue;
      const Index shift = shift_ * candidate / period;
      bool fits = true;
      for (Index i = candidate; i < period && fits; ++i)
        fits =
            pattern_[static_cast<std::size_t>(i)] == pattern_[static_cast<std::size_t>(i - candidate)].shifted(shift);
      if (!fits) continue;
      pattern_.resize(static_cast<std::size_t>(candidate));
      shift_ = shift;
      return;
    }
  }

  std::vector<Interval> pattern_;  ///< nominal fields of the first units; after these, the same moved by shift_
  Index shift_ = 0;
  std::vector<Interval> inside_;
};

}  // namespace kashi::inline v0::nn
