#include "examples/common/model_memory.hpp"

#include <sys/resource.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include "core/error.hpp"
#include "examples/common/progress.hpp"
#include "nn/model_directory.hpp"

namespace taper::examples {

namespace {

// Numbers of one kind, and the options that make them many.
struct MemoryPart {
    std::vector<std::string> options;
    double bytes = 0;
};

bool is_projection(const std::string& tensor) {
    return tensor == "E" || tensor.find(".attention.E") != tensor.npos ||
           tensor.find(".attention.F") != tensor.npos;
}

}  // namespace

MemoryNeed memory_need(const nn::Config& config, std::size_t batch, std::size_t arrays) {
    MemoryPart tokens{{"--vocab", "--width"}};
    MemoryPart positions{{"--length", "--lengths", "--width"}};
    MemoryPart projections{{"--k", "--length", "--lengths", "--sharing", "--layers"}};
    MemoryPart feed_forward{{"--ffn-width", "--width", "--layers"}};
    MemoryPart others{{"--width", "--layers"}};
    MemoryPart rows{{"--batch", "--tokens", "--length", "--lengths", "--vocab", "--width"}};

    // Where all layers have the same shapes, one stands for them.
    nn::Config listed = config;
    if (config.k.numbers.size() == 1) listed.layers = 1;
    const double layers = static_cast<double>(config.layers) / static_cast<double>(listed.layers);
    MemoryNeed need;
    nn::each_tensor(listed, [&](const std::string& name, const Shape& shape) {
        double size = name.starts_with("layers.") ? layers : 1;
        for (const std::size_t axis : shape) size *= static_cast<double>(axis);
        MemoryPart* part = &others;
        if (name.starts_with("embedding.token") || name.starts_with("head")) part = &tokens;
        if (name.starts_with("embedding.position")) part = &positions;
        if (name.find(".feed_forward.") != name.npos) part = &feed_forward;
        if (is_projection(name)) part = &projections;
        const bool fixed = part == &projections && config.projection == nn::ProjectionKind::random;
        part->bytes += size * sizeof(float) * static_cast<double>(fixed ? 1 : arrays);
        need.parameters += size;
    });
    // A classifier has logits of a row, not of each position.
    const std::size_t logits = config.classes() > 0 ? 0 : config.vocab_size;
    const double position_bytes =
        sizeof(std::int64_t) + sizeof(float) * static_cast<double>(config.width + logits);
    rows.bytes = static_cast<double>(batch) * static_cast<double>(config.length) * position_bytes;

    double largest = 0;
    for (const MemoryPart& part : {tokens, positions, projections, feed_forward, others, rows}) {
        need.bytes += part.bytes;
        if (part.bytes > largest) need.options = part.options;
        largest = std::max(largest, part.bytes);
    }
    return need;
}

static double memory_of_machine() {
    struct sysinfo machine {};
    if (sysinfo(&machine) != 0)
        throw std::system_error(errno, std::generic_category(),
                                "the memory of the machine cannot be asked for");
    const double units =
        static_cast<double>(machine.totalram) + static_cast<double>(machine.totalswap);
    const double bytes = units * machine.mem_unit;
    rlimit limit{};
    const bool limited = getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
    return limited ? std::min(bytes, static_cast<double>(limit.rlim_cur)) : bytes;
}

// A whole number, with all of its digits where a double has them.
static std::string all_digits(double number) {
    constexpr double exact = 9007199254740992;  // 2^53
    return number < exact ? grouped(static_cast<std::uint64_t>(number)) : fixed(number, 0);
}

void check_memory(const nn::Config& config, std::size_t batch, std::size_t arrays,
                  const Options& options) {
    const MemoryNeed need = memory_need(config, batch, arrays);
    const double available = memory_of_machine();
    if (need.bytes > available)
        throw Error(options.blamed(need.options) + ": what the model needs must fit into memory: " +
                    all_digits(need.parameters) + " parameters, " + all_digits(need.bytes) +
                    " bytes at least, " + all_digits(available) + " bytes there are");
}

}  // namespace taper::examples
