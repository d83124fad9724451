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

// 0 where the text is not a whole number.
static long long number(const std::string& text) {
    const char* const end = text.data() + text.size();
    long long value = 0;
    const char* const parsed = std::from_chars(text.data(), end, value).ptr;
    return parsed == end ? value : 0;
}

// The cores that "200000" microseconds of core time in each period of "100000" are. Any other text
// ("max", "-1") is no limit.
static int whole_cores(const std::string& quota, const std::string& period) {
    const long long quota_time = number(quota);
    const long long period_time = number(period);
    if (quota_time <= 0 || period_time <= 0) return INT_MAX;
    return static_cast<int>(std::clamp<long long>(quota_time / period_time, 1, INT_MAX));
}

// The quota of one group. Version 2 of control groups has one file for it, version 1 has two.
static int quota_of(const std::filesystem::path& group) {
    std::istringstream version_2(first_line(group / "cpu.max"));
    std::string quota, period;
    version_2 >> quota >> period;
    const std::string quota_1 = first_line(group / "cpu.cfs_quota_us");
    const std::string period_1 = first_line(group / "cpu.cfs_period_us");
    return std::min(whole_cores(quota, period), whole_cores(quota_1, period_1));
}

// Each line of `membership` is "number:controllers:/path of the group". A quota holds for all
// groups below its own. In a container the path may not be mounted; what is mounted is the group
// itself.
int cores_of_quota(const std::string& membership, const std::string& mounted) {
    int cores = INT_MAX;
    std::istringstream lines(membership);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const bool version_1 = ("," + controllers + ",").find(",cpu,") != std::string::npos;
        if (!version_1 && !controllers.empty()) continue;
        const std::filesystem::path top = std::filesystem::path(mounted) / (version_1 ? "cpu" : "");
        const std::filesystem::path path = line.substr(std::min(second + 1, line.size()));
        std::filesystem::path group = path.relative_path();
        while (!group.empty()) {
            cores = std::min(cores, quota_of(top / group));
            group = group.parent_path();
        }
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
