#pragma once

#include <span>
#include <string>
#include <vector>

#include "res2clip/data/references.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/image/examine.hpp"

namespace res2clip {

/// What examine() found of one sample.
struct Finding {
  std::string fault;  ///< why image or mask cannot be used, with the path; empty: they can
  MaskTraits mask;    ///< all false if there is no mask
};

/// Looks at an image, and at its mask if it has one: a mask is decoded always. A mask whose ratio of width to
/// height differs from its image's by more than 5 % cannot be used. Does not throw.
Finding examine(const Sample& sample, Examination how);

/// All samples whose files an evaluation of these classes or a training uses: references (without masks),
/// then test images, class by class.
std::vector<Sample> samples_of(const Dataset& dataset, const References& references);

/// Throws a data error that names all that cannot be used (the first ten). `findings` are those of `samples`.
void require_usable(std::span<const Finding> findings);

/// Takes the samples that cannot be used out of the data set, from its training and test images, and adds to
/// its list of what was left out.
void leave_out_unusable(Dataset& dataset, std::span<const Sample> samples, std::span<const Finding> findings);

/// Adds a remark to the data set for each class and kind of mistake that masks may have: "part: 2 of 4 masks
/// are empty, so that all pixels of these images count as good (first: part/ground_truth/bad/001_mask.png)".
void remark_on_masks(Dataset& dataset, std::span<const Sample> samples, std::span<const Finding> findings);

}  // namespace res2clip
