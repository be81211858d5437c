/// What the tests of optimizers share: golden values, a parameter with a given gradient, comparison of bits.
#pragma once

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include <kashi/autograd/engine.hpp>
#include <kashi/ops/arithmetic.hpp>

/// The numbers of a line of tests/golden/optim.txt, by its name.
inline const std::vector<double>& golden(const std::string& name) {
  static const auto all = [] {
    std::map<std::string, std::vector<double>> out;
    std::ifstream file(KASHI_SOURCE_DIR "/tests/golden/optim.txt");
    std::string line;
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string key;
      words >> key;
      for (std::string word; words >> word;) out[key].push_back(std::stod(word));
    }
    return out;
  }();
  INFO("tests/golden/optim.txt has no line " << name);
  REQUIRE(all.contains(name));
  return all.at(name);
}

/// Lets `gradient` be the parameter's whole gradient.
template <class T>
void set_gradient(kashi::Variable<T> parameter, const kashi::Tensor<T>& gradient) {
  parameter.zero_grad();
  parameter.backward(gradient.clone());
}

template <class T>
kashi::Variable<T> vector_parameter(std::vector<T> values) {
  return kashi::parameter(kashi::Tensor<T>({static_cast<kashi::Index>(values.size())}, values));
}

template <class T>
bool same_bits(const kashi::Tensor<T>& a, const kashi::Tensor<T>& b) {
  return a.shape() == b.shape() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.numel()) * sizeof(T)) == 0;
}

/// The one-line text of the error that `f` throws.
template <class F>
std::string error_of(F&& f) {
  try {
    f();
  } catch (const kashi::Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}
