/// Networks as text, one layer a line, counted without being built:
///
///     input 256 256 3                      height, width, channels; the first line
///     conv 3 32 kernel=7 padding=same      also stride= dilation= groups= bias=; a size is 3 or 3x5
///     bn 32
///     relu
///     avgpool 2 stride=2                   also padding=; a pool's stride is its kernel unless given
///     stem: deconv 64 32 kernel=2 stride=2 a name of one's own in front
///     flatten
///     linear 43264 1024
///     dropout 0.5                          # a comment
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <kashi/nn/summary_text.hpp>

namespace flops {

/// What is left out of a count.
struct CountOptions {
  bool bias = true;        ///< convolutions and linear layers have the biases that they are given
  bool batch_norm = true;  ///< batch norms are counted
};

/// The layers that a network file may name, each with its form, for --help and for errors.
std::vector<std::string> layer_forms();

/// Counts the network that `lines` describe, for one image. Throws FormatError: `SOURCE, line N: REASON`.
kashi::nn::Summary count_network(const std::vector<std::string>& lines, const std::string& source,
                                 const CountOptions& options = {});

/// The lines of a text file. Throws IoError.
std::vector<std::string> read_lines(const std::filesystem::path& path);

/// The network of the homework's third question.
std::vector<std::string> homework_network();

}  // namespace flops
