# cmake -D SOURCE_DIR=... -D DIR=... -D COMPILER=... -P configure.cmake
# What becomes of a user's flags: a processor that they name stays, for another machine none is
# chosen, and -ffast-math is refused by name.

# flags_of(RESULT OPTION...): the commands that would compile taper.
function(flags_of RESULT)
    file(REMOVE_RECURSE ${DIR})
    execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE_DIR} -B ${DIR} -G Ninja
        -D CMAKE_CXX_COMPILER=${COMPILER} -D CMAKE_EXPORT_COMPILE_COMMANDS=ON
        -D TAPER_EXAMPLES=OFF -D TAPER_TESTS=OFF ${ARGN}
        OUTPUT_VARIABLE OUTPUT ERROR_VARIABLE OUTPUT COMMAND_ERROR_IS_FATAL ANY)
    file(READ ${DIR}/compile_commands.json COMMANDS)
    set(${RESULT} "${COMMANDS}" PARENT_SCOPE)
endfunction()

function(require_native WANTED WHEN COMMANDS)
    string(FIND "${COMMANDS}" "-march=native" PLACE)
    if((PLACE EQUAL -1) EQUAL WANTED)
        message(FATAL_ERROR "-march=native ${WHEN}: wanted ${WANTED}")
    endif()
endfunction()

flags_of(PLAIN)
require_native(1 "by default" "${PLAIN}")
flags_of(OFF -D TAPER_NATIVE=OFF)
require_native(0 "with TAPER_NATIVE=OFF" "${OFF}")
flags_of(NAMED -D CMAKE_CXX_FLAGS=-march=x86-64-v2)
require_native(0 "beside another -march" "${NAMED}")
flags_of(IN_RELEASE -D CMAKE_BUILD_TYPE=Release -D "CMAKE_CXX_FLAGS_RELEASE=-O2 -march=x86-64-v2")
require_native(0 "beside another -march of the build type" "${IN_RELEASE}")
flags_of(CROSS -D CMAKE_SYSTEM_NAME=Linux)
require_native(0 "for another machine" "${CROSS}")

file(WRITE ${DIR}/fast.cpp "#include \"core/error.hpp\"\n")
set(REFUSAL "taper must not be compiled with -ffast-math, -Ofast or -ffinite-math-only")
foreach(FLAG -ffast-math -Ofast -ffinite-math-only)
    execute_process(COMMAND ${COMPILER} -std=c++20 -fsyntax-only ${FLAG}
        -I ${SOURCE_DIR} ${DIR}/fast.cpp RESULT_VARIABLE STATUS ERROR_VARIABLE TEXT)
    if(STATUS EQUAL 0 OR NOT TEXT MATCHES "${REFUSAL}")
        message(FATAL_ERROR "${FLAG} must be refused: ${TEXT}")
    endif()
endforeach()
