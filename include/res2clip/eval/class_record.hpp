#pragma once

#include <optional>
#include <string>

#include "res2clip/core/path.hpp"
#include "res2clip/eval/evaluator.hpp"

namespace res2clip {

/// Writes a finished class, whole or not at all, with a text that names all that decided it: what a long job
/// needs to go on after it was ended.
void write_class_record(const Path& file, const ClassResult& result, const std::string& identity);

/// The class that write_class_record() wrote, every figure to the bit. Nothing for a file that is absent,
/// damaged, or of another identity.
std::optional<ClassResult> read_class_record(const Path& file, const std::string& identity);

}  // namespace res2clip
