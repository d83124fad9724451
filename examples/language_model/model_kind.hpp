// What a model was trained for: a language model of one of two kinds, or a classifier of texts.
#pragma once

namespace taper::examples {

enum class ModelKind { masked, causal, classifier };

}  // namespace taper::examples
