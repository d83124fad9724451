#include "nn/model_directory.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "core/io/file.hpp"
#include "core/io/json.hpp"
#include "core/io/safetensors.hpp"
#include "core/show/shown.hpp"

namespace taper::nn {

using nlohmann::json;
using nlohmann::ordered_json;

// k as a number, as a list of one number a layer, or as a list of lists of one number a head.
static ordered_json json_of_k(const Config& c) {
    const auto& numbers = c.k.numbers;
    const auto has_heads = [](const auto& heads) { return heads.size() > 1; };
    const bool for_heads = std::any_of(numbers.begin(), numbers.end(), has_heads);
    if (numbers.size() == 1 && !for_heads) return c.k(0, 0);
    ordered_json layers = ordered_json::array();
    for (std::size_t layer = 0; layer < c.layers; ++layer) {
        if (!for_heads) {
            layers.push_back(c.k(layer, 0));
            continue;
        }
        ordered_json heads = ordered_json::array();
        for (std::size_t head = 0; head < c.heads; ++head) heads.push_back(c.k(layer, head));
        layers.push_back(heads);
    }
    return layers;
}

std::string config_json(const Config& c) {
    ordered_json config{{"format", "taper/1"},
                        {"vocab_size", c.vocab_size},
                        {"length", c.length},
                        {"width", c.width},
                        {"heads", c.heads},
                        {"layers", c.layers},
                        {"ffn_width", c.ffn_width},
                        {"causal", c.causal},
                        {"attention", name_of(c.attention)},
                        {"k", json_of_k(c)},
                        {"sharing", name_of(c.sharing)},
                        {"projection", name_of(c.projection)},
                        {"norm", name_of(c.norm)},
                        {"activation", "gelu"},
                        {"tie_embeddings", c.tie_embeddings},
                        {"dropout", c.dropout},
                        {"classes", c.classes()}};
    // These four are only in the file of a model that has them.
    if (c.classes() > 0) config["class_names"] = c.class_names;
    if (c.rescale) config["rescale"] = true;
    if (c.window > 0) config["window"] = c.window;
    if (!c.tokenizer_hash.empty()) config["tokenizer_hash"] = c.tokenizer_hash;
    return config.dump(1) + "\n";
}

namespace {

// Takes keys out of a JSON object one by one. The keys that are left at the end are unknown.
class Keys {
  public:
    Keys(std::string path, json object) : path_(std::move(path)), object_(std::move(object)) {}

    std::size_t count(const char* key) {
        const json value = take(key);
        if (!value.is_number_unsigned()) refuse(key, "must be a whole number, 0 or more", value);
        return value.get<std::size_t>();
    }
    double number(const char* key) {
        const json value = take(key);
        if (!value.is_number()) refuse(key, "must be a number", value);
        return value.get<double>();
    }
    bool boolean(const char* key) {
        const json value = take(key);
        if (!value.is_boolean()) refuse(key, "must be true or false", value);
        return value.get<bool>();
    }
    void word(const char* key, const std::string& only) {
        const json value = take(key);
        if (value != only) refuse(key, "must be " + json(only).dump(), value);
    }
    std::string text(const char* key) {
        const json value = take(key);
        if (!value.is_string()) refuse(key, "must be text", value);
        return value.get<std::string>();
    }
    template <class E> E word(const char* key) {
        const json value = take(key);
        for (std::size_t i = 0; i < words_of<E>.size(); ++i)
            if (value == words_of<E>[i]) return static_cast<E>(i);
        refuse(key, "must be one of " + json(words_of<E>).dump(), value);
    }
    ProjectedLength projected_length(const char* key, std::size_t layer_count,
                                     std::size_t head_count) {
        const json value = take(key);
        const auto number = [&](const json& k) {
            if (!k.is_number_unsigned())
                refuse(key, "must be a whole number, a list of them, or a list of lists of them",
                       value);
            return k.get<std::size_t>();
        };
        if (!value.is_array()) return number(value);
        const bool has_lists = !value.empty() && value[0].is_array();
        std::vector<std::vector<std::size_t>> layers;
        for (const json& layer : value) {
            auto& heads = layers.emplace_back();
            if (has_lists && layer.is_array()) {
                for (const json& k : layer) heads.push_back(number(k));
            } else {
                heads.push_back(number(layer));
            }
            if (has_lists && heads.size() != head_count)
                refuse(key,
                       "must have a number for each of " + std::to_string(head_count) + " heads",
                       value);
        }
        if (layers.size() != layer_count)
            refuse(key, "must have an entry for each of " + std::to_string(layer_count) + " layers",
                   value);
        return layers;
    }
    // A name for each class; without classes there is no such key.
    std::vector<std::string> names(const char* key, std::size_t classes) {
        if (classes == 0) {
            if (has(key)) refuse(key, "must not be there with classes 0", object_.at(key));
            return {};
        }
        const std::string rule =
            "must be a list with a name for each of " + std::to_string(classes) + " classes";
        if (!has(key)) throw Error(path_ + ": " + key + ": the value " + rule + ": it is missing");
        const json value = take(key);
        const auto is_text = [](const json& name) { return name.is_string(); };
        if (!value.is_array() || value.size() != classes ||
            !std::all_of(value.begin(), value.end(), is_text))
            refuse(key, rule, value);
        return value.get<std::vector<std::string>>();
    }
    bool has(const char* key) const { return object_.contains(key); }
    [[noreturn]] void refuse(const char* key, const std::string& rule, const json& value) const {
        throw Error(path_ + ": " + key + ": the value " + rule + ": " + shortened(value.dump()));
    }
    void require_none_left() const {
        if (!object_.empty())
            throw Error(path_ + ": no key may be unknown: " + shortened(object_.begin().key()));
    }

  private:
    json take(const char* key) {
        const auto found = object_.find(key);
        if (found == object_.end())
            throw Error(path_ + ": every key must be there: " + key + " is missing");
        json value = *found;
        object_.erase(found);
        return value;
    }

    std::string path_;
    json object_;
};

}  // namespace

Config config_from_json(const std::string& text, const std::string& subject) {
    Keys keys(subject, parse_object(text, subject + ": the file must be a JSON object"));
    keys.word("format", "taper/1");
    Config c{.vocab_size = keys.count("vocab_size")};
    c.length = keys.count("length");
    c.width = keys.count("width");
    c.heads = keys.count("heads");
    c.layers = keys.count("layers");
    c.ffn_width = keys.count("ffn_width");
    c.causal = keys.boolean("causal");
    c.attention = keys.word<AttentionKind>("attention");
    c.k = keys.projected_length("k", c.layers, c.heads);
    c.sharing = keys.word<Sharing>("sharing");
    c.projection = keys.word<ProjectionKind>("projection");
    c.norm = keys.word<Norm>("norm");
    keys.word("activation", "gelu");
    c.tie_embeddings = keys.boolean("tie_embeddings");
    c.dropout = keys.number("dropout");
    c.class_names = keys.names("class_names", keys.count("classes"));
    if (keys.has("rescale")) c.rescale = keys.boolean("rescale");
    if (keys.has("window")) c.window = keys.count("window");
    if (keys.has("tokenizer_hash")) c.tokenizer_hash = keys.text("tokenizer_hash");
    keys.require_none_left();
    try {
        c.check();
    } catch (const Error& error) {
        throw Error(subject + ": " + error.what());
    }
    return c;
}

Config read_config(const std::string& path) {
    return config_from_json(read_file(path, 1 << 20), path);
}

void save_model(const std::string& directory, Linformer<float>& model) {
    TensorFile file{.path = directory + "/model.safetensors"};
    for (const Parameter<float>* p : model.parameters())
        file.tensors.emplace_back(p->name(), p->value());
    // What load_model would refuse must not replace the old files.
    check_claims(file.path, claims_of(file), model.config);
    check_finite(file);
    save_safetensors(file.path, file);
    write_file(directory + "/config.json", config_json(model.config));
}

void each_tensor(const Config& c,
                 const std::function<void(const std::string&, const Shape&)>& visit) {
    const std::size_t d = c.width;
    const auto visit_linear = [&](const std::string& name, std::size_t in, std::size_t out) {
        visit(name + ".weight", {out, in});
        visit(name + ".bias", {out});
    };
    const auto visit_norm = [&](const std::string& name) {
        visit(name + ".weight", {d});
        visit(name + ".bias", {d});
    };
    const auto visit_projection = [&](const std::string& name, std::size_t k) {
        const Shape kernel{d / c.heads, ceil_quotient(c.length, k)};
        const Shape matrix{k, c.length};
        visit(name, c.projection == ProjectionKind::conv ? kernel : matrix);
    };
    const auto visit_projections = [&](const std::string& name, std::size_t layer) {
        for (std::size_t group = 0; group < c.groups(); ++group) {
            const std::string head = c.sharing == Sharing::none ? "." + std::to_string(group) : "";
            const std::size_t k = c.k(layer, group);
            visit_projection(name + ".E" + head, k);
            if (c.sharing != Sharing::key_value) visit_projection(name + ".F" + head, k);
        }
    };
    visit("embedding.token.weight", {c.vocab_size, d});
    visit("embedding.position.weight", {c.length, d});
    const bool projected = c.projections() > 0;
    const bool layerwise = c.sharing == Sharing::layerwise;
    if (projected && layerwise) visit_projection("E", c.k(0, 0));
    for (std::size_t i = 0; i < c.layers; ++i) {
        const std::string layer = "layers." + std::to_string(i);
        visit_norm(layer + ".norm1");
        for (const char* name : {".query", ".key", ".value", ".output"})
            visit_linear(layer + ".attention" + name, d, d);
        if (projected && !layerwise) visit_projections(layer + ".attention", i);
        visit_norm(layer + ".norm2");
        visit_linear(layer + ".feed_forward.up", d, c.ffn_width);
        visit_linear(layer + ".feed_forward.down", c.ffn_width, d);
    }
    if (c.norm == Norm::pre) visit_norm("norm");
    if (!c.tie_embeddings) visit("head.weight", {c.vocab_size, d});
    visit("head.bias", {c.vocab_size});
    if (c.classes() > 0) visit_linear("classifier", d, c.classes());
}

// Stops at the first tensor that is missing, since a configuration may ask for any number of them.
void check_claims(const std::string& path, const std::vector<TensorClaim>& claims,
                  const Config& config, const std::string& prefix) {
    std::map<std::string, const TensorClaim*> found;
    for (const TensorClaim& claim : claims)
        if (claim.name.starts_with(prefix)) found.emplace(claim.name, &claim);
    each_tensor(config, [&](const std::string& suffix, const Shape& shape) {
        const std::string name = prefix + suffix;
        const std::string tensor = path + ": tensor " + name + ": ";
        const auto entry = found.find(name);
        if (entry == found.end()) throw Error(tensor + "the file must have it");
        const TensorClaim& claim = *entry->second;
        if (claim.dtype != dtype_name(Array<float>()))
            throw Error(tensor + "the dtype must be F32: " + claim.dtype);
        if (claim.shape != shape)
            throw Error(tensor + "the shape must be that of config.json: expected " +
                        to_string(shape) + ", found " + to_string(claim.shape));
        found.erase(entry);
    });
    if (!found.empty())
        throw Error(path + ": tensor " + shortened(found.begin()->first) +
                    ": no tensor may be there that config.json does not ask for: " +
                    to_string(found.begin()->second->shape));
}

void check_finite(const TensorFile& file, const std::string& prefix) {
    for (const auto& [name, tensor] : file.tensors) {
        if (!name.starts_with(prefix)) continue;
        const auto& weights = std::get<Array<float>>(tensor);
        for (std::size_t i = 0; i < weights.size(); ++i) {
            const float x = weights.data()[i];
            if (!std::isfinite(x))
                throw Error(file.path + ": tensor " + name + ": a weight must be finite: " +
                            shortest(x) + " at " + index_text(weights.shape(), i));
        }
    }
}

template <class T> Linformer<T> load_model(const std::string& directory) {
    const Config config = read_config(directory + "/config.json");
    const std::string path = directory + "/model.safetensors";
    const auto check = [&](const std::vector<TensorClaim>& claims) {
        check_claims(path, claims, config);
    };
    const TensorFile file = load_safetensors(path, check);
    check_finite(file);
    Config undrawn = config;
    undrawn.seed.reset();
    Linformer<T> model(undrawn);
    model.config = config;  // with the seed, so that a new model can be made of it
    std::map<std::string, Parameter<T>*> parameters;
    for (Parameter<T>* p : model.parameters()) parameters.emplace(p->name(), p);
    for (const auto& [name, tensor] : file.tensors)
        parameters.at(name)->mutable_value() = converted<T>(std::get<Array<float>>(tensor));
    return model;
}
template Linformer<float> load_model(const std::string&);
template Linformer<double> load_model(const std::string&);

}  // namespace taper::nn
