# SPDX-License-Identifier: Apache-2.0
# Files that travel inside musterd: SQL migrations and the built dashboard.
include_guard()

set(embed_dir ${PROJECT_BINARY_DIR}/embedded)

function(muster_embedded_library target header_root)
	add_library(${target} STATIC ${embed_dir}/${target}.S ${embed_dir}/${target}.c)
	target_include_directories(${target} PRIVATE ${header_root})
	# The assembler file is regenerated whenever a file that it includes changes.
	set_source_files_properties(${embed_dir}/${target}.S PROPERTIES
		OBJECT_DEPENDS ${embed_dir}/${target}.c)
endfunction()

# A removed file must rebuild too, so the list of names is a dependency as well.
function(muster_embedded_list variable target)
	file(CONFIGURE OUTPUT ${embed_dir}/${target}.list CONTENT "${ARGN}\n")
	set(${variable} ${embed_dir}/${target}.list ${ARGN} PARENT_SCOPE)
endfunction()

function(muster_embed_migrations target)
	file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/migrations/*.sql)
	muster_embedded_list(files ${target} ${files})
	set(script ${PROJECT_SOURCE_DIR}/cmake/embed_migrations.py)
	add_custom_command(OUTPUT ${embed_dir}/${target}.S ${embed_dir}/${target}.c
		COMMAND Python3::Interpreter ${script} --root ${PROJECT_SOURCE_DIR}/migrations
			--out ${embed_dir}/${target}
		DEPENDS ${script} ${files} COMMENT "Embedding migrations" VERBATIM)
	muster_embedded_library(${target} ${PROJECT_SOURCE_DIR}/server)
endfunction()

function(muster_embed_assets target)
	set(dist ${PROJECT_SOURCE_DIR}/web/dist)
	set(script ${PROJECT_SOURCE_DIR}/cmake/embed_assets.py)
	if(WITH_WEB STREQUAL "OFF")
		set(dist ${embed_dir}/no-dashboard)
	elseif(WITH_WEB STREQUAL "ON")
		find_program(NPM npm REQUIRED)
		file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/web/src/*
			${PROJECT_SOURCE_DIR}/web/public/* ${PROJECT_SOURCE_DIR}/schema/*)
		set(files ${embed_dir}/web.stamp)
		add_custom_command(OUTPUT ${files}
			COMMAND ${NPM} ci --no-audit --no-fund
			COMMAND ${NPM} run build
			COMMAND ${CMAKE_COMMAND} -E touch ${files}
			WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/web
			DEPENDS ${sources} ${PROJECT_SOURCE_DIR}/web/package-lock.json
			COMMENT "Building the dashboard" VERBATIM)
	else()
		file(GLOB_RECURSE files CONFIGURE_DEPENDS ${dist}/*)
		muster_embedded_list(files ${target} ${files})
	endif()
	add_custom_command(OUTPUT ${embed_dir}/${target}.S ${embed_dir}/${target}.c
		COMMAND Python3::Interpreter ${script} --root ${dist} --out ${embed_dir}/${target}
		DEPENDS ${script} ${files} COMMENT "Embedding the dashboard" VERBATIM)
	muster_embedded_library(${target} ${PROJECT_SOURCE_DIR}/server)
endfunction()

# One file as the bytes from <symbol> to <symbol>_END.
function(muster_embed_file target file symbol)
	file(CONFIGURE OUTPUT ${embed_dir}/${target}.S CONTENT
"\t.section .note.GNU-stack,\"\",%progbits
\t.section .rodata
\t.global ${symbol}, ${symbol}_END
${symbol}:
\t.incbin \"${file}\"
${symbol}_END:
\t.byte 0
")
	add_library(${target} STATIC ${embed_dir}/${target}.S)
	set_source_files_properties(${embed_dir}/${target}.S PROPERTIES OBJECT_DEPENDS ${file})
endfunction()

# packaging/install.sh with the service files of the agent in it; the rest is filled in by the server.
function(muster_embed_installer target symbol)
	set(packaging ${PROJECT_SOURCE_DIR}/packaging)
	set(systemd ${packaging}/systemd/muster-agent.service)
	set(openrc ${packaging}/openrc/muster-agent)
	file(READ ${packaging}/install.sh script)
	file(READ ${systemd} unit)
	file(READ ${openrc} init)
	string(REPLACE "@SYSTEMD@\n" "${unit}" script "${script}")
	string(REPLACE "@OPENRC@\n" "${init}" script "${script}")
	file(WRITE ${embed_dir}/install.sh.new "${script}")
	configure_file(${embed_dir}/install.sh.new ${embed_dir}/install.sh COPYONLY)
	set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
		${packaging}/install.sh ${systemd} ${openrc})
	muster_embed_file(${target} ${embed_dir}/install.sh ${symbol})
endfunction()
