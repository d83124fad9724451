#include "examples/common/program.hpp"

#include <malloc.h>

#include <clocale>
#include <csignal>
#include <iostream>
#include <new>
#include <system_error>

#include "core/error.hpp"

namespace taper::examples {

static volatile std::sig_atomic_t stop_signal = 0;

int run_program(const std::string& name, const std::function<int()>& body) {
    std::setlocale(LC_ALL, "C");
    std::signal(SIGPIPE, SIG_IGN);
    // glibc gives large blocks back to the system when freed, and every training step would fault its activations in anew.
    mallopt(M_MMAP_THRESHOLD, 1 << 30);
    mallopt(M_TRIM_THRESHOLD, 1 << 30);
    const auto fail = [&](const char* message, int status) {
        std::cerr << name << ": " << message << std::endl;
        return status;
    };
    try {
        return body();
    } catch (const NotFinite& error) {
        return fail(error.what(), 3);
    } catch (const Error& error) {
        return fail(error.what(), 2);
    } catch (const std::bad_alloc&) {
        return fail("memory: the system must have enough for this model and batch: allocation failed", 1);
    } catch (const std::exception& error) {
        return fail(error.what(), 1);
    }
}

void catch_stop_signals() {
    struct sigaction action {};
    action.sa_handler = [](int signal) {
        if (!stop_signal) stop_signal = signal;
    };
    action.sa_flags = SA_RESTART;
    for (int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

int stop_status() { return stop_signal ? 128 + stop_signal : 0; }

}  // namespace taper::examples
