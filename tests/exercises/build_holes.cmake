# Builds the learner's programs of examples/exercises, for the tests of hole.cmake: they are in no
# other target. A file that the learner has changed may not compile; as it came, each must.
execute_process(COMMAND ${CMAKE_COMMAND} --build ${BUILD_DIR} --target exercises -- -k 0
    RESULT_VARIABLE STATUS)
if(STATUS EQUAL 0)
    return()
endif()
execute_process(COMMAND git -c safe.directory=* diff --quiet HEAD -- examples/exercises
    WORKING_DIRECTORY ${SOURCE_DIR} RESULT_VARIABLE CHANGED ERROR_QUIET OUTPUT_QUIET)
if(NOT CHANGED STREQUAL "1")
    message(FATAL_ERROR "an exercise does not compile as it came")
endif()
message(STATUS "examples/exercises was changed; what does not compile there is not tested")
