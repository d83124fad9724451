#include "core/kernels/parallel.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/error.hpp"

namespace taper {

namespace detail {

std::size_t next_number(std::atomic<std::size_t>& counter) {
    constexpr std::size_t page_bits = 12;
    const auto page = reinterpret_cast<std::uintptr_t>(&counter) >> page_bits;
    const std::size_t number = ++counter;
    return (static_cast<std::size_t>(page) << number_bits) + number;
}

static std::atomic<std::size_t> threads_met = 0;
static thread_local ThreadContext current{.thread = next_number(threads_met)};

const ThreadContext& thread_context() { return current; }

}  // namespace detail

// The context of a body of a parallel_for that this thread calls.
static detail::ThreadContext context_of_body() {
    detail::ThreadContext context = detail::current;
    const detail::Intent in_float = detail::intent<float>();
    const detail::Intent in_double = detail::intent<double>();
    if (in_float != detail::Intent::compute) context.in_float = in_float;
    if (in_double != detail::Intent::compute) context.in_double = in_double;
    return context;
}

// While it is alive, this thread is in one call of a body of parallel_for. The call has a number of
// its own: a tape that was begun in another call does not belong to it.
class BodyScope {
  public:
    explicit BodyScope(const detail::ThreadContext& context) {
        static thread_local std::size_t calls = 0;
        ++calls;
        detail::current = context;
        detail::current.body = calls;
    }
    ~BodyScope() { detail::current = before_; }
    BodyScope(const BodyScope&) = delete;
    BodyScope& operator=(const BodyScope&) = delete;

  private:
    const detail::ThreadContext before_ = detail::current;
};

// Waits until ready(), but for a hundred yields at most: some ten microseconds on an idle machine.
// To sleep and be woken takes longer than many loops do.
template <class F> static void spin(F ready) {
    for (int i = 0; i < 100 && !ready(); ++i) std::this_thread::yield();
}

// As ceil_quotient, but n + chunk may be beyond what std::size_t holds.
static std::size_t chunk_count(std::size_t n, std::size_t chunk) {
    return n / chunk + (n % chunk != 0);
}

// One call of parallel_for. Each thread takes the next chunk until none is left. The caller takes
// part, and waits only for chunks that others have begun. So a worker that the system does not
// schedule in time costs nothing. With a barrier it would.
struct Job {
    Job(const std::function<void(std::size_t, std::size_t)>& body, std::size_t n, std::size_t chunk,
        const detail::ThreadContext& context)
        : body(body), n(n), chunk(chunk), chunks(chunk_count(n, chunk)), context(context) {}

    const std::function<void(std::size_t, std::size_t)>& body;
    std::size_t n, chunk, chunks;
    const detail::ThreadContext context;  // of the body
    std::atomic<std::size_t> next{0};     // the first chunk that nobody has taken
    std::atomic<std::size_t> done{0};     // how many chunks are finished
    std::mutex mutex;
    std::condition_variable all_done;
    std::exception_ptr error;

    void work() {
        for (std::size_t c = next++; c < chunks; c = next++) {
            const BodyScope scope(context);
            try {
                body(c * chunk, std::min(n, (c + 1) * chunk));
            } catch (...) {
                std::lock_guard lock(mutex);
                error = std::current_exception();
            }
            const std::size_t finished = ++done;
            if (finished == chunks) {
                std::lock_guard lock(mutex);
                all_done.notify_all();
            }
        }
    }
    void wait() {
        spin([&] { return done == chunks; });
        std::unique_lock lock(mutex);
        all_done.wait(lock, [&] { return done == chunks; });
        if (error) std::rethrow_exception(error);
    }
};

static thread_local bool inside_a_chunk = false;

// Threads that sleep until there is a job.
class Pool {
  public:
    ~Pool() { resize(0); }

    void resize(std::size_t workers) {
        {
            std::lock_guard lock(mutex_);
            stop_ = true;
        }
        new_job_.notify_all();
        for (std::thread& worker : workers_) worker.join();
        workers_.clear();
        stop_ = false;
        for (std::size_t i = 0; i < workers; ++i)
            workers_.emplace_back([this, seen = number_.load()] { serve(seen); });
    }
    std::size_t size() const { return workers_.size(); }

    void start(const std::shared_ptr<Job>& job) {
        {
            std::lock_guard lock(mutex_);
            job_ = job;
            ++number_;
        }
        new_job_.notify_all();
    }

  private:
    void serve(std::uint64_t seen) {
        inside_a_chunk = true;
        for (;;) {
            std::shared_ptr<Job> job;
            spin([&] { return number_ != seen; });
            {
                std::unique_lock lock(mutex_);
                new_job_.wait(lock, [&] { return stop_ || number_ != seen; });
                if (stop_) return;
                seen = number_;
                job = job_;
            }
            job->work();
        }
    }

    std::mutex mutex_;
    std::condition_variable new_job_;
    std::shared_ptr<Job> job_;
    std::atomic<std::uint64_t> number_ = 0;
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

static Pool& pool() {
    // A child of fork does not destroy the pool. Its threads do not exist in the child, which would
    // wait for them without end.
    const auto destroy = [process = getpid()](const Pool* pool) {
        if (getpid() == process) delete pool;
    };
    static const std::unique_ptr<Pool, decltype(destroy)> owner(new Pool, destroy);
    return *owner;
}

static std::atomic<int>& thread_count() {
    static std::atomic<int> count = std::clamp(detail::usable_cores(), 1, max_threads);
    return count;
}

int threads() { return thread_count(); }

void set_threads(int count) {
    if (count < 1 || count > max_threads)
        throw Error("threads: the number must be 1 to " + std::to_string(max_threads) + ": " +
                    std::to_string(count));
    thread_count() = count;
}

void parallel_for(std::size_t n, std::size_t chunk,
                  const std::function<void(std::size_t begin, std::size_t end)>& body) {
    if (chunk == 0) throw Error("parallel_for: a chunk must be 1 or more: 0");
    const std::size_t chunks = chunk_count(n, chunk);
    const std::size_t workers = static_cast<std::size_t>(threads()) - 1;
    const detail::ThreadContext context = context_of_body();
    static std::mutex in_use;  // the pool serves one caller at a time
    std::unique_lock lock(in_use, std::defer_lock);
    if (chunks <= 1 || workers == 0 || inside_a_chunk || !lock.try_lock()) {
        for (std::size_t c = 0; c < chunks; ++c) {
            const BodyScope scope(context);
            body(c * chunk, std::min(n, (c + 1) * chunk));
        }
        return;
    }
    if (pool().size() != workers) pool().resize(workers);
    const auto job = std::make_shared<Job>(body, n, chunk, context);
    pool().start(job);
    inside_a_chunk = true;
    job->work();
    inside_a_chunk = false;
    job->wait();
}

}  // namespace taper
