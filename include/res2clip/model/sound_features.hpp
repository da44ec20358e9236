#pragma once

#include <string>
#include <vector>

#include "res2clip/clip/features.hpp"
#include "res2clip/model/reference_bank.hpp"

namespace res2clip {

/// Throws a data error if features lack one of these layers, are not float32 of the shapes that Features says
/// on one device, or, on the CPU, hold numbers that are not finite or rows that are not of unit length in the
/// mean. (On a GPU looking through them would wait for the work before.) `whose` begins messages: "the
/// query's features".
void require_sound(const Features& features, const std::vector<int>& layers, const std::string& whose);
/// The same of a bank, which must hold at least one reference.
void require_sound(const ReferenceBank& bank, const std::vector<int>& layers);

}  // namespace res2clip
