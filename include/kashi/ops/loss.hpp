/// All losses: of class scores, of binary scores, of numbers.
#pragma once

#include <kashi/ops/cross_entropy.hpp>
