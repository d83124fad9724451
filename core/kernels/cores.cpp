// How many cores this process may use.
#include <algorithm>
#include <charconv>
#include <climits>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#ifdef __linux__
#include <sched.h>
#endif

#include "core/kernels/parallel.hpp"

namespace taper::detail {

static std::string first_line(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

// Microseconds of all cores in each period, as "200000" and "100000": cores. Anything else, as
// "max" or "-1": no limit.
static int whole_cores(const std::string& quota, const std::string& period) {
    const auto number = [](const std::string& text) {
        long long value = 0;
        const auto end = std::from_chars(text.data(), text.data() + text.size(), value).ptr;
        return end == text.data() + text.size() ? value : 0;
    };
    if (number(quota) <= 0 || number(period) <= 0) return INT_MAX;
    return static_cast<int>(std::clamp<long long>(number(quota) / number(period), 1, INT_MAX));
}

// Of one group: version 2 of control groups has one file, version 1 two.
static int quota_of(const std::filesystem::path& group) {
    std::istringstream both(first_line(group / "cpu.max"));
    std::string quota, period;
    both >> quota >> period;
    return std::min(whole_cores(quota, period),
                    whole_cores(first_line(group / "cpu.cfs_quota_us"),
                                first_line(group / "cpu.cfs_period_us")));
}

// Each line is "number:controllers:/path of the group". A quota holds for all below it; in a
// container the path may not be mounted, but what is mounted is the group itself.
int cores_of_quota(const std::string& membership, const std::string& mounted) {
    int cores = INT_MAX;
    std::istringstream lines(membership);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':'), second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const bool version_1 = ("," + controllers + ",").find(",cpu,") != std::string::npos;
        if (!version_1 && !controllers.empty()) continue;
        const std::filesystem::path top = std::filesystem::path(mounted) / (version_1 ? "cpu" : "");
        std::filesystem::path group =
            std::filesystem::path(line.substr(std::min(second + 1, line.size()))).relative_path();
        for (; !group.empty(); group = group.parent_path())
            cores = std::min(cores, quota_of(top / group));
        cores = std::min(cores, quota_of(top));
    }
    return cores;
}

int usable_cores() {
    int cores = static_cast<int>(std::thread::hardware_concurrency());
#ifdef __linux__
    cpu_set_t allowed;
    if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) cores = CPU_COUNT(&allowed);
    std::ifstream file("/proc/self/cgroup");
    std::ostringstream membership;
    membership << file.rdbuf();
    cores = std::min(cores, cores_of_quota(membership.str(), "/sys/fs/cgroup"));
#endif
    return std::max(cores, 1);
}

}  // namespace taper::detail
