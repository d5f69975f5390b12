# SPDX-License-Identifier: Apache-2.0
# A layer is a folder and a static library. Sources are globbed, so a new file
# needs no change here; a layer without sources yet is an INTERFACE library.
include_guard()

# muster_layer(<target> <folder> ROOT <include root> [RECURSE] [EXCEPT <names>] [LINK <targets>])
# main.c is never part of a layer: it belongs to a program, as do the files of EXCEPT.
function(muster_layer target folder)
	cmake_parse_arguments(ARG "RECURSE" "ROOT" "EXCEPT;LINK" ${ARGN})
	set(glob GLOB)
	if(ARG_RECURSE)
		set(glob GLOB_RECURSE)
	endif()
	file(${glob} sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/${folder}/*.c)
	foreach(name main.c ${ARG_EXCEPT})
		list(FILTER sources EXCLUDE REGEX "/${name}$")
	endforeach()
	if(sources)
		add_library(${target} STATIC ${sources})
		set(scope PUBLIC)
	else()
		add_library(${target} INTERFACE)
		set(scope INTERFACE)
	endif()
	target_include_directories(${target} ${scope} ${PROJECT_SOURCE_DIR}/${ARG_ROOT}
		${PROJECT_SOURCE_DIR}/lib)
	target_link_libraries(${target} ${scope} ${ARG_LINK})
endfunction()

# muster_program(<target> SOURCES <globs> [LINK <targets>])
# Does nothing while there is no source.
function(muster_program target)
	cmake_parse_arguments(ARG "" "" "SOURCES;LINK" ${ARGN})
	list(TRANSFORM ARG_SOURCES PREPEND ${PROJECT_SOURCE_DIR}/)
	file(GLOB sources CONFIGURE_DEPENDS ${ARG_SOURCES})
	if(NOT sources)
		return()
	endif()
	add_executable(${target} ${sources})
	target_link_libraries(${target} PRIVATE ${ARG_LINK})
	set_target_properties(${target} PROPERTIES
		RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
	install(TARGETS ${target} RUNTIME)
endfunction()
