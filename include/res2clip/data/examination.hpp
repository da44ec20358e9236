#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "res2clip/data/references.hpp"
#include "res2clip/data/sample.hpp"
#include "res2clip/image/examine.hpp"
#include "res2clip/processes/communicator.hpp"

namespace res2clip {

/// What examine() found of one sample.
struct Finding {
  std::string fault;  ///< why image or mask cannot be used, with the path; empty: they can
  MaskTraits mask;    ///< all false if there is no mask
};

/// Looks at an image, and at its mask if it has one: a mask is decoded always. A mask whose ratio of width to
/// height differs from its image's by more than 5 % cannot be used. Does not throw.
Finding examine(const Sample& sample, Examination how, const ReadOptions& reading = {});

/// The same of many, on all threads, each process of the job a share of them; all get the same findings.
std::vector<Finding> examine(std::span<const Sample> samples, Examination how, Communicator& processes,
                             const ReadOptions& reading = {});

/// All samples whose files an evaluation of these classes or a training uses: references (without masks),
/// then test images, class by class.
std::vector<Sample> samples_of(const Dataset& dataset, const References& references);

/// Looks at all files that a run will use, before it begins: the references that `choice` takes (none: a
/// training), test images and their masks. Adds remarks to the data set: masks that are empty, mark all or
/// most pixels or hold several values; references that are test images.
///
/// If anything cannot be used, throws a data error that names all of it (the first ten). With `skip_broken`
/// images are decoded here and now; what cannot be used is taken out of the data set and listed in its
/// `left_out`, and other references are taken. Each class must keep a test image.
References examine_dataset(Dataset& dataset, const std::optional<ReferenceChoice>& choice, bool skip_broken,
                           Communicator& processes, const ReadOptions& reading = {});

/// The same for several runs on one data set: all files are looked at once. Gives the references of each
/// choice.
std::vector<References> examine_dataset(Dataset& dataset, std::span<const ReferenceChoice> choices,
                                        bool skip_broken, Communicator& processes,
                                        const ReadOptions& reading = {});

/// Looks at images that are no data set, as references of a bank: takes those that cannot be used out of
/// `images`, and returns what is wrong with each. Without `skip_broken`, or if none is left, throws a data
/// error that names them. Only regular files are looked at: others can be read once.
std::vector<std::string> leave_out_unusable(std::vector<Path>& images, bool skip_broken,
                                            const ReadOptions& reading = {});

}  // namespace res2clip
