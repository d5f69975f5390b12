#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# static-deps.sh [--refresh] TARGET...: the libraries of the agent as static musl archives, from Debian's own sources and
# with Debian's own compilers, into build/static-deps/TARGET. TARGET is amd64, arm64 or armv7.
#
# Sources come once from "apt-get source" and are kept in build/static-deps/sources; --refresh asks for newer ones (do so for
# each release: a static program has no other way to a security fix). What is built is kept while this script and the sources'
# versions stay the same. One target takes about five minutes of one core.
#
# Each library is cut down to what the agent uses. What looks odd below is a cure for something that was met; it says so.
set -euo pipefail
# shellcheck source=scripts/env.sh
. "$(dirname "$0")/env.sh"

SOURCES=(zlib libzstd xz-utils jansson sqlite3 openssl curl libarchive mosquitto cmocka)
home=$MUSTER_BUILD/static-deps
sources=$home/sources
jobs=${JOBS:-$(nproc)}

say() {
	printf 'static-deps: %s\n' "$*"
}

die() {
	printf 'static-deps: %s\n' "$*" >&2
	exit 1
}

# --- sources -------------------------------------------------------------------------------------------------------

# The machine's own Debian mirrors with "deb-src", in lists of our own: the machine's settings stay as they are.
apt_prepare() {
	local uri release component
	mkdir -p "$sources/apt/lists/partial" "$sources/apt/cache/archives/partial"
	apt-get indextargets --format "\$(REPO_URI) \$(RELEASE) \$(COMPONENT)" "Created-By: Packages" "Origin: Debian" |
		awk '!seen[$0]++' | while read -r uri release component; do
		echo "deb-src $uri $release $component"
	done >"$sources/apt/sources.list"
	[ -s "$sources/apt/sources.list" ] || die "apt knows no Debian mirror; run apt-get update"
	apt=(-q -o "Dir::Etc::SourceList=$sources/apt/sources.list" -o Dir::Etc::SourceParts=/dev/null
		-o "Dir::State::Lists=$sources/apt/lists" -o "Dir::Cache=$sources/apt/cache")
	apt-get "${apt[@]}" update >"$sources/apt/log" 2>&1 || { tail -n 5 "$sources/apt/log" >&2; die "apt-get update failed"; }
}

# fetch_source PACKAGE: the newest version that the mirror has whole. A mirror between two syncs names files that it lacks.
fetch_source() {
	local package=$1 choice versions
	versions=$(apt-cache "${apt[@]}" showsrc "$package" |
		awk -v want="$package" '/^Package: / { mine = $2 == want } /^Version: / && mine { print $2 }' | sort -ruV)
	# Without a version apt itself chooses the newest.
	for choice in "$package" $versions; do
		rm -f "${package}"_*.dsc
		[ "$choice" = "$package" ] || choice=$package=$choice
		if apt-get "${apt[@]}" source -d "$choice" >"$package.log" 2>&1; then
			echo "$package $(sed -n 's/^Version: //p' "${package}"_*.dsc)" >>versions.new
			return
		fi
		say "warning: the mirror lacks files of $choice, trying another version"
	done
	tail -n 5 "$package.log" >&2
	die "no source of $package can be fetched"
}

fetch_sources() {
	local package apt
	if [ -s "$sources/versions" ] && [ -z "$refresh" ]; then
		return
	fi
	apt_prepare
	say "fetching ${#SOURCES[@]} sources"
	cd "$sources"
	: >versions.new
	for package in "${SOURCES[@]}"; do
		fetch_source "$package"
	done
	mv versions.new versions
	cd "$MUSTER_ROOT"
}

# --- one target ----------------------------------------------------------------------------------------------------

toolchain() {
	cpu=
	case $1 in
	amd64) gnu=x86_64-linux-gnu musl=x86_64-linux-musl ssl=linux-x86_64 ;;
	# libgcc's run time choice of atomics asks for a function that only glibc has.
	arm64) gnu=aarch64-linux-gnu musl=aarch64-linux-musl ssl=linux-aarch64 cpu=-mno-outline-atomics ;;
	# ARMv7 with VFPv3-D16 and no NEON: there are gateways without.
	armv7) gnu=arm-linux-gnueabihf musl=arm-linux-musleabihf ssl=linux-armv4 ;;
	*) die "unknown target '$1': use amd64, arm64, armv7" ;;
	esac
	command -v "$musl-gcc" >/dev/null || die "$musl-gcc is not installed: scripts/install-deps.sh static"
}

# musl's own headers are without the kernel's.
kernel_headers() {
	local name
	mkdir -p "$prefix/kernel"
	for name in linux asm-generic mtd; do
		ln -sfn "/usr/include/$name" "$prefix/kernel/$name"
	done
	if [ -e "/usr/$gnu/include/asm" ]; then
		ln -sfn "/usr/$gnu/include/asm" "$prefix/kernel/asm"
	else
		ln -sfn "/usr/include/$gnu/asm" "$prefix/kernel/asm"
	fi
}

# enter PACKAGE: its sources with Debian's patches, unpacked fresh.
enter() {
	dpkg-source --no-check -x "$sources/$1"_*.dsc "$work/$1" >"$work/$1.unpack" 2>&1 || die "cannot unpack $1: see $work/$1.unpack"
	cd "$work/$1"
}

# pkg NAME VERSION LIBS: what CMake's pkg-config modules read. All of a static library's own needs are named.
pkg() {
	mkdir -p "$prefix/lib/pkgconfig"
	printf '%s\n' "Name: $1" "Description: $1, static for muster-agent" "Version: $2" \
		"Cflags: -isystem $prefix/include" "Libs: -L$prefix/lib $3" >"$prefix/lib/pkgconfig/$1.pc"
}

version_of() {
	awk -v want="$1" '$1 == want { sub(/^[0-9]+:/, "", $2); sub(/[+.]dfsg.*/, "", $2); sub(/-.*/, "", $2); print $2 }' "$sources/versions"
}

build_zlib() {
	enter zlib
	CFLAGS="$CFLAGS -O2" ./configure --static --prefix="$prefix"
	make -j"$jobs" libz.a
	cp libz.a "$prefix/lib"
	cp zlib.h zconf.h "$prefix/include"
	pkg zlib "$(version_of zlib)" -lz
}

build_libzstd() {
	enter libzstd
	CFLAGS="$CFLAGS -O2" make -C lib -j"$jobs" libzstd.a ZSTD_LIB_COMPRESSION=0 ZSTD_LIB_DICTBUILDER=0 \
		ZSTD_LIB_DEPRECATED=0 ZSTD_LEGACY_SUPPORT=0 ZSTD_LIB_MINIFY=1
	cp lib/libzstd.a "$prefix/lib"
	cp lib/zstd*.h "$prefix/include"
	pkg libzstd "$(version_of libzstd)" -lzstd
}

# lzma2's decoder wants lzma1's.
build_xz_utils() {
	enter xz-utils
	CFLAGS="$CFLAGS -O2" ./configure --host="$gnu" --prefix="$prefix" --disable-shared --disable-encoders \
		--enable-decoders=lzma1,lzma2,x86,arm,armthumb,arm64 --disable-lzip-decoder --disable-microlzma \
		--disable-xz --disable-xzdec --disable-lzmadec --disable-lzmainfo --disable-scripts --disable-doc \
		--disable-nls --disable-lzma-links --disable-threads
	make -j"$jobs" install
	pkg liblzma "$(version_of xz-utils)" -llzma
}

build_jansson() {
	enter jansson
	autoreconf -fi
	./configure --host="$gnu" --prefix="$prefix" --disable-shared
	make -j"$jobs" -C src install
	pkg jansson "$(version_of jansson)" -ljansson
}

# All of SQLite in one file, as its own makefile puts it together with the machine's tclsh; the same for all targets.
sqlite_amalgamation() {
	amalgamation=$sources/sqlite-$(version_of sqlite3)
	[ ! -e "$amalgamation/sqlite3.h" ] || return 0
	enter sqlite3
	CC=gcc CFLAGS=-O LDFLAGS='' ./configure --disable-tcl --disable-shared --disable-readline
	make sqlite3.c
	mkdir -p "$amalgamation"
	cp sqlite3.c "$amalgamation"
	cp sqlite3.h "$amalgamation"
}

# One thread only, like the agent.
build_sqlite3() {
	local amalgamation
	sqlite_amalgamation
	mkdir "$work/sqlite-build"
	cd "$work/sqlite-build"
	"$CC" "${flags[@]}" -DSQLITE_THREADSAFE=0 -DSQLITE_OMIT_LOAD_EXTENSION -DSQLITE_DQS=0 -DSQLITE_DEFAULT_MEMSTATUS=0 \
		-DSQLITE_OMIT_DEPRECATED -DSQLITE_OMIT_SHARED_CACHE -DSQLITE_OMIT_PROGRESS_CALLBACK \
		-DSQLITE_LIKE_DOESNT_MATCH_BLOBS -DSQLITE_MAX_EXPR_DEPTH=0 -DSQLITE_USE_ALLOCA -c "$amalgamation/sqlite3.c"
	"$AR" rcs "$prefix/lib/libsqlite3.a" sqlite3.o
	cp "$amalgamation/sqlite3.h" "$prefix/include"
	pkg sqlite3 "$(version_of sqlite3)" -lsqlite3
}

# CMS stays: values are sealed for one node with it.
build_openssl() {
	enter openssl
	./Configure "$ssl" no-shared no-tests no-module no-dso no-engine no-legacy no-async no-comp no-ct no-ts no-srp no-psk \
		no-dtls no-ssl3 no-nextprotoneg no-idea no-camellia no-seed no-aria no-bf no-cast no-des no-rc2 no-rc4 no-rc5 \
		no-md2 no-md4 no-mdc2 no-rmd160 no-whirlpool no-sm2 no-sm3 no-sm4 no-siphash no-scrypt no-gost no-ocb no-dsa \
		no-ec2m no-cmp no-rfc3779 no-sctp no-srtp no-autoload-config no-ui-console \
		--prefix=/usr --libdir=lib --openssldir=/etc/ssl
	make -j"$jobs" build_generated
	make -j"$jobs" libssl.a libcrypto.a
	cp libssl.a libcrypto.a "$prefix/lib"
	cp -r include/openssl "$prefix/include"
	pkg libcrypto "$(version_of openssl)" "-lcrypto -pthread"
	pkg openssl "$(version_of openssl)" "-lssl -lcrypto -pthread"
}

build_curl() {
	local off=(ftp file ldap ldaps rtsp dict telnet tftp pop3 imap smb smtp gopher mqtt manual libcurl-option ntlm
		ntlm-wb tls-srp unix-sockets cookies doh mime dateparse netrc alt-svc hsts aws kerberos-auth negotiate-auth
		ares websockets)
	local without=(zlib zstd brotli libpsl libidn2 nghttp2 librtmp libssh2 libgsasl)
	enter curl
	# Debian's build names of its two flavours are of no use here; the release's own configure is kept.
	[ -x configure ] || autoreconf -fi
	LIBS="-lssl -lcrypto -lpthread" ./configure --host="$gnu" --prefix="$prefix" --disable-shared --enable-static \
		--with-openssl="$prefix" --with-ca-bundle=/etc/ssl/certs/ca-certificates.crt "${off[@]/#/--disable-}" \
		"${without[@]/#/--without-}" --enable-ipv6 --enable-proxy --enable-threaded-resolver
	make -j"$jobs" -C lib install
	make -C include install
	pkg libcurl "$(version_of curl)" "-lcurl -lssl -lcrypto -pthread"
}

build_libarchive() {
	enter libarchive
	autoreconf -fi
	./configure --host="$gnu" --prefix="$prefix" --disable-shared --disable-bsdtar --disable-bsdcat --disable-bsdcpio \
		--disable-acl --disable-xattr --without-bz2lib --without-libb2 --without-iconv --without-lz4 --without-cng \
		--without-openssl --without-mbedtls --without-nettle --without-xml2 --without-expat --with-zlib --with-lzma --with-zstd
	make -j"$jobs" libarchive.la
	cp .libs/libarchive.a "$prefix/lib"
	cp libarchive/archive.h libarchive/archive_entry.h "$prefix/include"
	pkg libarchive "$(version_of libarchive)" "-larchive -llzma -lzstd -lz"
}

# Its own build wants C++ and a shared library. It refers to UI_OpenSSL, which no-ui-console leaves out.
build_mosquitto() {
	local file version
	enter mosquitto
	version=$(version_of mosquitto)
	for file in lib/*.c; do
		"$CC" "${flags[@]}" -Werror=implicit-function-declaration -DWITH_TLS -DWITH_THREADING -DVERSION="\"$version\"" \
			-I. -Ilib -Iinclude -Ideps -DOPENSSL_NO_ENGINE -DUI_OpenSSL=UI_null -c "$file" -o "$(basename "$file" .c).o"
	done
	"$AR" rcs "$prefix/lib/libmosquitto.a" ./*.o
	cp include/*.h "$prefix/include"
	pkg libmosquitto "$version" "-lmosquitto -lssl -lcrypto -pthread"
}

# For the unit tests only.
build_cmocka() {
	enter cmocka
	# It makes a type of its own where it does not know the C library.
	sed -i 's/!defined(_UINTPTR_T)/0/' include/cmocka.h
	"$CC" "${flags[@]}" -Iinclude -DHAVE_SIGNAL_H -DHAVE_STRUCT_TIMESPEC -DHAVE_CLOCK_GETTIME_REALTIME -DHAVE_MALLOC_H \
		-DHAVE_INTTYPES_H -DHAVE_UNISTD_H -DHAVE_STDINT_H -c src/cmocka.c
	"$AR" rcs "$prefix/lib/libcmocka.a" cmocka.o
	cp include/cmocka.h "$prefix/include"
	pkg cmocka "$(version_of cmocka)" -lcmocka
}

build_target() {
	local target=$1 key package started log
	toolchain "$target"
	prefix=$home/$target work=$home/work-$target
	key=$(cat "$0" "$sources/versions" | sha256sum | cut -d ' ' -f 1)
	if [ "$(cat "$prefix/key" 2>/dev/null)" = "$key" ]; then
		say "$target: up to date"
		return
	fi
	rm -rf "$work"
	mkdir -p "$work"
	# One that was broken off goes on where it was.
	if [ "$(cat "$prefix/unfinished" 2>/dev/null)" != "$key" ]; then
		rm -rf "$prefix"
		mkdir -p "$prefix/lib" "$prefix/include"
		kernel_headers
		echo "$key" >"$prefix/unfinished"
	fi
	# Small, and in sections, so that the linker can leave out what nobody calls.
	flags=(-Os -fPIC -fstack-protector-strong -ffunction-sections -fdata-sections)
	[ -z "$cpu" ] || flags+=("$cpu")
	flags+=(-idirafter "$prefix/kernel" "-I$prefix/include")
	export CC=$musl-gcc AR=$gnu-gcc-ar RANLIB=$gnu-gcc-ranlib PKG_CONFIG_LIBDIR=$prefix/lib/pkgconfig LDFLAGS=-L$prefix/lib
	export CFLAGS="${flags[*]}"
	for package in "${SOURCES[@]}"; do
		[ ! -e "$prefix/done-$package" ] || continue
		started=$SECONDS
		log=$work/$package.log
		# A shell of its own, not a condition: there "set -e" would not hold.
		(build_"${package//-/_}") >"$log" 2>&1 &
		wait $! || { tail -n 30 "$log" >&2; die "$target: $package failed, see $log"; }
		touch "$prefix/done-$package"
		say "$target: $package, $((SECONDS - started)) s"
	done
	# Nothing finds a shared library's file by accident.
	rm -f "$prefix"/lib/*.la
	rm -rf "$work"
	rm -f "$prefix"/done-* "$prefix/unfinished"
	echo "$key" >"$prefix/key"
}

refresh=
if [ "${1:-}" = --refresh ]; then
	refresh=yes
	shift
fi
[ $# -gt 0 ] || die "which target? amd64, arm64, armv7"
mkdir -p "$sources"
exec 8>"$home/lock"
flock 8
fetch_sources
for target; do
	build_target "$target" 8>&-
done
