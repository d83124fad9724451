// The two kinds of language model.
#pragma once

namespace taper::examples {

enum class ModelKind { masked, causal };

}  // namespace taper::examples
