/// 16-bit floating-point formats, IEEE 754 binary16 (F16) and bfloat16 (BF16): widened to float, which is exact, and
/// made out of float by rounding to the nearest, ties to even.
#pragma once

#include <bit>
#include <cstdint>

namespace kashi::inline v0::io {

/// BF16 is the upper half of a float.
constexpr float bfloat16_to_float(std::uint16_t bits) { return std::bit_cast<float>(std::uint32_t{bits} << 16); }

/// 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits; subnormals, infinities and NaN included.
constexpr float half_to_float(std::uint16_t bits) {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1Fu;
  const std::uint32_t fraction = bits & 0x3FFu;
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  // Re-biased from 15 to 127; all ones stays all ones.
  const std::uint32_t widened = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | widened << 23 | fraction << 13);
}

/// NaN stays NaN; what is too large becomes infinite.
constexpr std::uint16_t float_to_bfloat16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFF'FFFFu) > 0x7F80'0000u) return static_cast<std::uint16_t>(bits >> 16 | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + (bits >> 16 & 1u)) >> 16);
}

/// NaN stays NaN; what is too large becomes infinite (from 65,520 on), what is too small a subnormal number or zero.
constexpr std::uint16_t float_to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = bits >> 16 & 0x8000u, magnitude = bits & 0x7FFF'FFFFu;
  if (magnitude > 0x7F80'0000u) return static_cast<std::uint16_t>(sign | 0x7E00u);
  if (magnitude >= 0x477F'F000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // 65,520
  // Below 2^-14 the last place is 2^-24; adding 0.5, whose last place is 2^-24 too, makes the processor round there.
  if (magnitude < 0x3880'0000u) {
    const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
    return static_cast<std::uint16_t>(sign | (std::bit_cast<std::uint32_t>(shifted) - 0x3F00'0000u));
  }
  const std::uint32_t rounded = magnitude + 0xFFFu + (magnitude >> 13 & 1u) - (112u << 23);
  return static_cast<std::uint16_t>(sign | rounded >> 13);
}

}  // namespace kashi::inline v0::io
