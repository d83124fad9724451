# What run.sh here and tests/run.sh share, for a POSIX shell: packages and the build. Sourced; by
# itself it does nothing.

# What the programs are built with, by their names in Debian and Ubuntu.
build_packages='cmake ninja-build g++ libxtensor-dev libxtensor-blas-dev libxsimd-dev
libopenblas-dev nlohmann-json3-dev libcli11-dev libsentencepiece-dev'

# need PACKAGE...: installs those that are not installed. Where that cannot be done it says which,
# and goes on if there are tools to build with: the libraries may have come another way.
need() {
    missing=
    for package; do
        status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || :
        [ "$status" = installed ] || missing="$missing $package"
    done
    [ -n "$missing" ] || return 0
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    if ! command -v apt-get >/dev/null; then
        echo "setup: no apt-get here; please install what Debian calls:$missing" >&2
    elif [ -n "$as_root" ] && ! sudo -n true 2>/dev/null &&
        ! { [ -t 0 ] && command -v sudo >/dev/null; }; then
        echo "setup: neither root nor sudo; please have installed:$missing" >&2
    else
        echo "setup: installing$missing"
        # LC_ALL: in a locale that is not installed every package complains.
        set -- $as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
            apt-get -q -o DPkg::Lock::Timeout=300
        "$@" update </dev/null ||
            echo "setup: apt-get update failed; going on with the lists that are there" >&2
        "$@" install -y --no-install-recommends $missing </dev/null || return 1
    fi
    for tool in cmake ninja; do
        command -v $tool >/dev/null || {
            echo "setup: the program $tool must be installed" >&2
            return 1
        }
    done
}

# build PRESET CMAKE_OPTION...: configures and builds the current directory in build/PRESET.
build() {
    cmake --preset "$@" && cmake --build --preset "$1"
}
