/// 16-bit floating-point formats widened to float: IEEE 754 binary16 (F16) and bfloat16 (BF16). Exact.
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

}  // namespace kashi::inline v0::io
